/* reference: one work-item per output; any problem, any device. */
#include "solve/solver.h"

/* A fixed group, 1 where the device allows no more: one code generation for all problems. */
enum { ITEMS = 64 };

static const char *refuse(const struct atrous__problem *problem,
                          const struct atrous__device *device)
{
    (void)device;
    return atrous__refuse_wide(problem);
}

static double estimate(const struct atrous__problem *problem, const struct atrous__device *device)
{
    /* One scalar multiply-add at a time, each with its own address. */
    const double macs_per_ms = 2e5 * (double)device->compute_units;
    return 0.02 + problem->valid_macs / macs_per_ms;
}

static atrous_status build(const struct atrous__problem *problem, struct atrous__env *env,
                           struct atrous__job *job, atrous_error *error)
{
    const struct atrous__pack_shape shape = {1, problem->channels, 0};
    atrous_status status = atrous__pack_build(problem, env, shape, job, error);
    if (status != ATROUS_OK)
        return status;

    const size_t items = env->device.max_work_group < ITEMS ? 1 : ITEMS;
    struct atrous__launch *launch = &job->launch[job->launch_count++];
    *launch = (struct atrous__launch){.dims = 1,
                                      .global = {atrous__round_up(problem->out_count, items)},
                                      .local = {items},
                                      .any_local = true};
    atrous__launch_add_problem(launch, problem);
    atrous__launch_add(launch, atrous__arg_long(problem->out_count));
    return atrous__launch_make(env, "reference.cl", "reference", "", launch, error);
}

static void probe(atrous_conv *conv)
{
    atrous__probe_square(conv, 4, 6);
    conv->groups = 2;
}

const struct atrous__solver atrous__reference = {.name = "reference",
                                                 .refuse = refuse,
                                                 .estimate = estimate,
                                                 .bound_terms = atrous__direct_terms,
                                                 .workspace = atrous__no_workspace,
                                                 .build = build,
                                                 .probe = probe};
