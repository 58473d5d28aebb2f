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

static struct atrous__launch *add_launch(struct atrous__env *env, size_t count,
                                         struct atrous__job *job)
{
    const size_t items = env->device.max_work_group < ITEMS ? 1 : ITEMS;
    struct atrous__launch *launch = &job->launch[job->launch_count++];
    *launch = (struct atrous__launch){
        .dims = 1, .global = {atrous__round_up(count, items)}, .local = {items}, .any_local = true};
    return launch;
}

/* dw and, behind its end, db, one work-item each. */
static atrous_status build_gradient(const struct atrous__problem *p, struct atrous__env *env,
                                    struct atrous__job *job, atrous_error *error)
{
    const size_t count = p->out_count + p->bias_out_count;
    struct atrous__launch *launch = add_launch(env, count, job);
    const enum atrous__slot slots[] = {ATROUS__INPUT, ATROUS__GRAD_OUTPUT, ATROUS__OUTPUT,
                                       ATROUS__BIAS_OUTPUT};
    for (size_t i = 0; i < sizeof slots / sizeof *slots; ++i)
        atrous__launch_add(launch, atrous__arg_tensor(slots[i]));
    atrous__launch_add_geometry(launch, p);
    atrous__launch_add(launch,
                       atrous__arg_int(p->conv.orientation == ATROUS_TRUE_CONVOLUTION ? 1 : 0));
    atrous__launch_add(launch, atrous__arg_long(p->out_count));
    atrous__launch_add(launch, atrous__arg_long(count));
    return atrous__launch_make(env, "reference.cl", "reference_gradient", atrous__type_option(p),
                               launch, error);
}

static atrous_status build(const struct atrous__problem *problem, struct atrous__env *env,
                           struct atrous__job *job, atrous_error *error)
{
    if (problem->form == ATROUS__GRADIENT)
        return build_gradient(problem, env, job, error);
    const struct atrous__pack_shape shape = {1, problem->channels, 0, false};
    atrous_status status = atrous__pack_build(problem, env, shape, job, error);
    if (status != ATROUS_OK)
        return status;

    struct atrous__launch *launch = add_launch(env, problem->out_count, job);
    const struct atrous__axis *axis = problem->axis;
    atrous__launch_add_problem(launch, problem);
    atrous__launch_add(launch, atrous__arg_int4(axis[0].spread, axis[1].spread, axis[2].spread, 0));
    atrous__launch_add(launch, atrous__arg_long(problem->out_count));
    return atrous__launch_make(env, "reference.cl", "reference", atrous__sums_option(problem),
                               launch, error);
}

static void probe(atrous_conv *conv)
{
    atrous__probe_square(conv, 4, 6);
    conv->groups = 2;
}

const struct atrous__solver atrous__reference = {.name = "reference",
                                                 .forms = 1u << ATROUS__SUM | 1u << ATROUS__SPREAD |
                                                          1u << ATROUS__GRADIENT,
                                                 .types = ATROUS__TYPES_ALL,
                                                 .scales = true,
                                                 .whole_sums = true,
                                                 .native_half = true,
                                                 .gated_groups = SIZE_MAX,
                                                 .refuse = refuse,
                                                 .estimate = estimate,
                                                 .bound_terms = atrous__direct_terms,
                                                 .workspace = atrous__no_workspace,
                                                 .build = build,
                                                 .probe = probe};
