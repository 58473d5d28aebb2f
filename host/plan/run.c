/* Runs on host arrays: on the CPU path here, on a device through the backend. */
#include "plan/plan.h"

#include <stdlib.h>
#include <string.h>

void atrous_arrays_init(atrous_arrays *arrays, size_t struct_size)
{
    if (arrays == NULL || struct_size != sizeof *arrays)
        return;
    memset(arrays, 0, sizeof *arrays);
    arrays->struct_size = struct_size;
}

atrous_status atrous__arrays_check(const struct atrous__problem *p, const atrous_arrays *arrays,
                                   atrous_error *error)
{
    if (arrays == NULL)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "arrays", "is NULL");
    if (arrays->struct_size != sizeof *arrays)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "arrays.struct_size",
                            "is %zu, must be %zu: call atrous_arrays_init()", arrays->struct_size,
                            sizeof *arrays);
    const size_t out_bytes = p->out_count * sizeof(float);
    const struct {
        const char *field;
        const void *array;
        size_t bytes;
        bool is_needed;
    } inputs[] = {
        {"input", arrays->input, p->in_count * sizeof(float), true},
        {"weights", arrays->weights, p->weights_count * sizeof(float), true},
        {"bias", arrays->bias, p->conv.out_channels * sizeof(float), p->conv.has_bias == 1},
        {"residual", arrays->residual, out_bytes, p->conv.residual != ATROUS_RESIDUAL_NONE},
    };
    if (arrays->output == NULL)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "output", "is NULL");
    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; ++i) {
        if (!inputs[i].is_needed)
            continue;
        if (inputs[i].array == NULL)
            return atrous__fail(error, ATROUS_INVALID_ARGUMENT, inputs[i].field,
                                "is NULL, the plan needs it");
        if (atrous__overlap(arrays->output, out_bytes, inputs[i].array, inputs[i].bytes))
            return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "output", "overlaps %s",
                                inputs[i].field);
    }
    return ATROUS_OK;
}

static atrous_status check_run(const atrous_plan *plan, const atrous_arrays *arrays,
                               atrous_error *error)
{
    atrous__clear(error);
    if (plan == NULL)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "plan", "is NULL");
    return atrous__arrays_check(&plan->problem, arrays, error);
}

static atrous_status run_cpu(const atrous_plan *plan, const atrous_arrays *arrays,
                             atrous_error *error)
{
    return atrous__cpu_run(&plan->problem, arrays, plan->context->threads, error);
}

atrous_status atrous_plan_run(atrous_plan *plan, const atrous_arrays *arrays, atrous_error *error)
{
    const atrous_status status = check_run(plan, arrays, error);
    if (status != ATROUS_OK)
        return status;
    if (plan->on_cpu)
        return run_cpu(plan, arrays, error);
    return atrous__backend_run(plan, arrays, 0, NULL, error);
}

/* One run that counts, then timed ones; with beta these go on from their own output, so what the
 * first one left is put back. */
static atrous_status time_cpu(const atrous_plan *plan, const atrous_arrays *arrays, size_t repeat,
                              double *milliseconds, atrous_error *error)
{
    const size_t bytes = plan->problem.out_count * sizeof(float);
    atrous_status status = run_cpu(plan, arrays, error);
    void *kept = NULL;
    if (status == ATROUS_OK && plan->problem.conv.beta != 0.0) {
        kept = malloc(bytes);
        if (kept == NULL)
            return atrous__fail(error, ATROUS_OUT_OF_HOST_MEMORY, "output", "a copy of %zu bytes",
                                bytes);
        memcpy(kept, arrays->output, bytes);
    }
    for (size_t i = 0; i < repeat && status == ATROUS_OK; ++i) {
        const double start = atrous__now_ms();
        status = run_cpu(plan, arrays, error);
        milliseconds[i] = atrous__now_ms() - start;
    }
    if (kept != NULL)
        memcpy(arrays->output, kept, bytes);
    free(kept);
    return status;
}

atrous_status atrous_plan_time(atrous_plan *plan, const atrous_arrays *arrays, size_t repeat,
                               double *milliseconds, atrous_error *error)
{
    atrous_status status = check_run(plan, arrays, error);
    if (status != ATROUS_OK)
        return status;
    if (milliseconds == NULL || repeat == 0)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, repeat == 0 ? "repeat" : "milliseconds",
                            repeat == 0 ? "is 0, must be at least 1" : "is NULL");
    if (!plan->on_cpu)
        return atrous__backend_run(plan, arrays, repeat, milliseconds, error);
    return time_cpu(plan, arrays, repeat, milliseconds, error);
}
