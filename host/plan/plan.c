/* Plans: a problem validated, a solver chosen and made ready. */
#include "plan/plan.h"

#include <stdlib.h>
#include <string.h>

void atrous_plan_options_init(atrous_plan_options *options, size_t struct_size)
{
    if (options == NULL || struct_size != sizeof *options)
        return;
    memset(options, 0, sizeof *options);
    options->struct_size = struct_size;
}

/* The CPU path has one way to compute, under the name "cpu". */
static atrous_status plan_cpu(atrous_plan *plan, const char *name, atrous_error *error)
{
    if (name != NULL && strcmp(name, "cpu") != 0)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "solver",
                            "is \"%.40s\", the CPU path has only \"cpu\"", name);
    /* A rough figure: one vectorised multiply-add stream per thread. */
    const double macs_per_ms = 2e7 * atrous__cpu_threads(plan->context->threads);
    plan->on_cpu = true;
    plan->solver = "cpu";
    plan->bound = atrous__direct_bound(&plan->problem);
    plan->estimate_ms = plan->problem.valid_macs / macs_per_ms;
    plan->rows[0] =
        (struct atrous__row){.solver = "cpu", .is_chosen = true, .estimate_ms = plan->estimate_ms};
    plan->row_count = 1;
    return ATROUS_OK;
}

static atrous_status check_call(const atrous_context *context, const atrous_plan_options *options,
                                atrous_plan **plan, atrous_error *error)
{
    if (plan == NULL)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "plan", "is NULL");
    *plan = NULL;
    if (context == NULL)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "context", "is NULL");
    if (options != NULL && options->struct_size != sizeof *options)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "options.struct_size",
                            "is %zu, must be %zu: call atrous_plan_options_init()",
                            options->struct_size, sizeof *options);
    if (options != NULL && options->tune != 0 && options->tune != 1)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "options.tune", "is %d, must be 0 or 1",
                            options->tune);
    return ATROUS_OK;
}

atrous_status atrous_plan_create(atrous_context *context, const atrous_conv *conv,
                                 const atrous_plan_options *options, atrous_plan **out,
                                 atrous_error *error)
{
    atrous__clear(error);
    const double start = atrous__now_ms();
    atrous_status status = check_call(context, options, out, error);
    if (status != ATROUS_OK)
        return status;
    const char *name = options != NULL ? options->solver : NULL;
    if (name != NULL && strcmp(name, "auto") == 0)
        name = NULL;

    struct atrous__problem problem;
    status = atrous__problem_init(&problem, conv, error);
    if (status != ATROUS_OK)
        return status;
    atrous_plan *plan = calloc(1, sizeof *plan);
    if (plan == NULL)
        return atrous__fail(error, ATROUS_OUT_OF_HOST_MEMORY, "", "a plan");
    plan->context = context;
    plan->problem = problem;
    plan->part_count = 1;
    atrous__context_hold(context);
    const bool tune = options != NULL && options->tune == 1;
    status = context->env != NULL ? atrous__backend_plan(plan, name, tune, error)
                                  : plan_cpu(plan, name, error);
    if (status != ATROUS_OK) {
        atrous_plan_destroy(plan);
        return status;
    }
    plan->create_ms = atrous__now_ms() - start;
    *out = plan;
    return ATROUS_OK;
}

atrous_status atrous__fail_parts(atrous_error *error)
{
    return atrous__fail(error, ATROUS_UNSUPPORTED, "plan",
                        "has tensors that no buffer of the device holds, and computes in parts: "
                        "use atrous_plan_run()");
}

void atrous_plan_destroy(atrous_plan *plan)
{
    if (plan == NULL)
        return;
    atrous__backend_release(plan);
    atrous_context_destroy(plan->context);
    free(plan);
}

atrous_status atrous_plan_query(const atrous_plan *plan, atrous_plan_info *info,
                                atrous_error *error)
{
    atrous__clear(error);
    if (plan == NULL || info == NULL)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, plan == NULL ? "plan" : "info",
                            "is NULL");
    if (info->struct_size != sizeof *info)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "info.struct_size",
                            "is %zu, must be %zu", info->struct_size, sizeof *info);
    const struct atrous__problem *p = &plan->problem;
    *info = (atrous_plan_info){.struct_size = sizeof *info,
                               .input_bytes = atrous__stored(p, p->in_count),
                               .weights_bytes = atrous__stored(p, p->weights_count),
                               .output_bytes = atrous__stored(p, p->out_count),
                               .packed_bytes = plan->packed_bytes,
                               .workspace_bytes = plan->workspace_bytes,
                               .offset_alignment = sizeof(float),
                               .weights_format = plan->format,
                               .solver = plan->solver,
                               .on_cpu_path = plan->on_cpu,
                               .fallback = plan->fallback[0] != '\0' ? plan->fallback : NULL,
                               .macs = p->macs,
                               .valid_macs = p->valid_macs,
                               .estimate_ms = plan->estimate_ms,
                               .create_ms = plan->create_ms,
                               .remembered = plan->is_remembered,
                               .grad_output_bytes = atrous__stored(p, p->grad_count),
                               .bias_output_bytes = p->bias_out_count * sizeof(float),
                               .parts = plan->part_count};
    atrous__output_extents(p, info->output);
    return ATROUS_OK;
}

atrous_status atrous_plan_candidate(const atrous_plan *plan, size_t index,
                                    atrous_candidate *candidate, atrous_error *error)
{
    atrous__clear(error);
    if (plan == NULL || candidate == NULL)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, plan == NULL ? "plan" : "candidate",
                            "is NULL");
    if (candidate->struct_size != sizeof *candidate)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "candidate.struct_size",
                            "is %zu, must be %zu", candidate->struct_size, sizeof *candidate);
    if (index >= plan->row_count)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "index",
                            "is %zu, the plan has %zu solvers", index, plan->row_count);
    const struct atrous__row *row = &plan->rows[index];
    *candidate = (atrous_candidate){.struct_size = sizeof *candidate,
                                    .solver = row->solver,
                                    .refusal = row->is_refused ? row->reason : NULL,
                                    .estimate_ms = row->is_refused ? 0.0 : row->estimate_ms,
                                    .measured_ms = row->is_refused ? 0.0 : row->measured_ms,
                                    .workspace_bytes = row->workspace,
                                    .chosen = row->is_chosen};
    return ATROUS_OK;
}
