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
    enum { INPUTS = 6, OUTPUTS = 2 };
    const size_t out_bytes = atrous__stored(p, p->out_count);
    const size_t bias_bytes = atrous__reads_bias(p) ? p->conv.out_channels * sizeof(float) : 0;
    const struct {
        const char *field;
        const void *array;
        size_t bytes; /* 0: not used by this plan */
    } all[OUTPUTS + INPUTS] = {
        {"output", arrays->output, out_bytes},
        {"bias_output", arrays->bias_output, p->bias_out_count * sizeof(float)},
        {"input", arrays->input, atrous__stored(p, p->in_count)},
        {"weights", arrays->weights, atrous__stored(p, p->weights_count)},
        {"grad_output", arrays->grad_output, atrous__stored(p, p->grad_count)},
        {"bias", arrays->bias, bias_bytes},
        {"scale", arrays->scale, p->conv.channel_scale ? p->conv.out_channels * sizeof(float) : 0},
        {"residual", arrays->residual, p->conv.residual != ATROUS_RESIDUAL_NONE ? out_bytes : 0},
    };
    for (size_t i = 0; i < OUTPUTS + INPUTS; ++i)
        if (all[i].bytes > 0 && all[i].array == NULL)
            return atrous__fail(error, ATROUS_INVALID_ARGUMENT, all[i].field,
                                "is NULL, the plan needs it");
    for (size_t o = 0; o < OUTPUTS; ++o)
        for (size_t i = o + 1; i < OUTPUTS + INPUTS; ++i)
            if (all[o].bytes > 0 && all[i].bytes > 0 &&
                atrous__overlap(all[o].array, all[o].bytes, all[i].array, all[i].bytes))
                return atrous__fail(error, ATROUS_INVALID_ARGUMENT, all[o].field, "overlaps %s",
                                    all[i].field);
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

/* What one run left of an output that beta reads, to be put back. */
static atrous_status keep(const void *output, size_t bytes, void **kept, atrous_error *error)
{
    if (bytes == 0)
        return ATROUS_OK;
    *kept = malloc(bytes);
    if (*kept == NULL)
        return atrous__fail(error, ATROUS_OUT_OF_HOST_MEMORY, "output", "a copy of %zu bytes",
                            bytes);
    memcpy(*kept, output, bytes);
    return ATROUS_OK;
}

static void put_back(void *output, size_t bytes, void *kept)
{
    if (kept != NULL)
        memcpy(output, kept, bytes);
    free(kept);
}

/* One run that counts, then timed ones; with beta these go on from their own output, so what the
 * first one left is put back. */
static atrous_status time_cpu(const atrous_plan *plan, const atrous_arrays *arrays, size_t repeat,
                              double *milliseconds, atrous_error *error)
{
    const bool goes_on = plan->problem.conv.beta != 0.0;
    const size_t bytes = goes_on ? atrous__stored(&plan->problem, plan->problem.out_count) : 0;
    const size_t bias_bytes = goes_on ? plan->problem.bias_out_count * sizeof(float) : 0;
    void *kept = NULL, *kept_bias = NULL;
    atrous_status status = run_cpu(plan, arrays, error);
    if (status == ATROUS_OK)
        status = keep(arrays->output, bytes, &kept, error);
    if (status == ATROUS_OK)
        status = keep(arrays->bias_output, bias_bytes, &kept_bias, error);
    for (size_t i = 0; i < repeat && status == ATROUS_OK; ++i) {
        const double start = atrous__now_ms();
        status = run_cpu(plan, arrays, error);
        milliseconds[i] = atrous__now_ms() - start;
    }
    put_back(arrays->output, bytes, kept);
    put_back(arrays->bias_output, bias_bytes, kept_bias);
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
