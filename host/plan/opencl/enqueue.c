/* Packing and enqueueing on the caller's buffers. */
#include "plan/opencl/regions.h"

#include <string.h>

void atrous_bindings_init(atrous_bindings *bindings, size_t struct_size)
{
    if (bindings == NULL || struct_size != sizeof *bindings)
        return;
    memset(bindings, 0, sizeof *bindings);
    bindings->struct_size = struct_size;
}

static atrous_status check_queue(const atrous_plan *plan, cl_command_queue queue,
                                 atrous_error *error)
{
    if (plan == NULL)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "plan", "is NULL");
    if (plan->on_cpu)
        return atrous__fail(error, ATROUS_UNSUPPORTED, "plan",
                            "runs on the CPU path: use atrous_plan_run()");
    if (plan->parts != NULL)
        return atrous__fail_parts(error);
    return atrous__check_queue(plan->context->env, queue, error);
}

/* Every region fits its buffer and what is written overlaps nothing else. */
static atrous_status check_regions(const atrous_plan *plan, const struct atrous__region *regions,
                                   size_t count, atrous_error *error)
{
    atrous_status status = ATROUS_OK;
    for (size_t i = 0; i < count && status == ATROUS_OK; ++i)
        status = atrous__check_region(plan->context->env, &regions[i], error);
    for (size_t i = 0; i < count; ++i)
        for (size_t j = i + 1; j < count && status == ATROUS_OK; ++j)
            status = atrous__check_apart(&regions[i], &regions[j], error);
    return status;
}

static void place_all(const struct atrous__region *regions, size_t count,
                      struct atrous__place places[ATROUS__SLOTS])
{
    memset(places, 0, ATROUS__SLOTS * sizeof *places);
    for (size_t i = 0; i < count; ++i)
        if (regions[i].bytes > 0)
            places[regions[i].slot] = regions[i].place;
}

atrous_status atrous_plan_pack(atrous_plan *plan, cl_command_queue queue, atrous_buffer weights,
                               atrous_packed *packed, cl_uint num_waits, const cl_event *waits,
                               cl_event *done, atrous_error *error)
{
    struct atrous__place places[ATROUS__SLOTS];
    atrous__clear(error);
    if (done != NULL)
        *done = NULL;
    atrous_status status = check_queue(plan, queue, error);
    if (status == ATROUS_OK && plan->problem.weights_count == 0)
        status = atrous__fail(error, ATROUS_UNSUPPORTED, "plan",
                              "computes the gradient of the weights and reads none");
    if (status == ATROUS_OK && packed == NULL)
        status = atrous__fail(error, ATROUS_INVALID_ARGUMENT, "packed", "is NULL");
    if (status == ATROUS_OK)
        status = atrous__check_waits(num_waits, waits, error);
    if (status != ATROUS_OK)
        return status;
    const struct atrous__region regions[] = {
        {"packed", ATROUS__WEIGHTS, {packed->mem, packed->offset}, plan->packed_bytes, true},
        {"weights",
         ATROUS__PLAIN,
         {weights.mem, weights.offset},
         atrous__stored(&plan->problem, plan->problem.weights_count),
         false}};
    status = check_regions(plan, regions, 2, error);
    if (status != ATROUS_OK)
        return status;
    place_all(regions, 2, places);
    status = atrous__chain_enqueue(plan->job->pack, plan->job->pack_count, queue, places, num_waits,
                                   waits, done, error);
    if (status == ATROUS_OK)
        packed->format = plan->format;
    return status;
}

static atrous_status check_bindings(const atrous_plan *plan, const atrous_bindings *bindings,
                                    atrous_error *error)
{
    if (bindings == NULL)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "bindings", "is NULL");
    if (bindings->struct_size != sizeof *bindings)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "bindings.struct_size",
                            "is %zu, must be %zu: call atrous_bindings_init()",
                            bindings->struct_size, sizeof *bindings);
    if (plan->problem.weights_count > 0 && bindings->weights.format != plan->format)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "weights.format",
                            "is %016llx, this plan reads %016llx: pack the weights for it",
                            (unsigned long long)bindings->weights.format,
                            (unsigned long long)plan->format);
    return ATROUS_OK;
}

/* Everything but the regions of the tensors. */
static atrous_status check_call(const atrous_plan *plan, cl_command_queue queue,
                                const atrous_bindings *bindings, cl_uint num_waits,
                                const cl_event *waits, atrous_error *error)
{
    atrous_status status = check_queue(plan, queue, error);
    if (status == ATROUS_OK)
        status = check_bindings(plan, bindings, error);
    return status == ATROUS_OK ? atrous__check_waits(num_waits, waits, error) : status;
}

atrous_status atrous_plan_enqueue(atrous_plan *plan, cl_command_queue queue,
                                  const atrous_bindings *bindings, cl_uint num_waits,
                                  const cl_event *waits, cl_event *done, atrous_error *error)
{
    struct atrous__place places[ATROUS__SLOTS];
    atrous__clear(error);
    if (done != NULL)
        *done = NULL;
    atrous_status status = check_call(plan, queue, bindings, num_waits, waits, error);
    if (status != ATROUS_OK)
        return status;
    const struct atrous__problem *p = &plan->problem;
    const atrous_bindings *b = bindings;
    const size_t bias_bytes = atrous__reads_bias(p) ? p->conv.out_channels * sizeof(float) : 0;
    const size_t out_bytes = atrous__stored(p, p->out_count);
    const struct atrous__region regions[] = {
        {"output", ATROUS__OUTPUT, {b->output.mem, b->output.offset}, out_bytes, true},
        {"bias_output",
         ATROUS__BIAS_OUTPUT,
         {b->bias_output.mem, b->bias_output.offset},
         p->bias_out_count * sizeof(float),
         true},
        {"grad_output",
         ATROUS__GRAD_OUTPUT,
         {b->grad_output.mem, b->grad_output.offset},
         atrous__stored(p, p->grad_count),
         false},
        {"workspace",
         ATROUS__WORKSPACE,
         {b->workspace.mem, b->workspace.offset},
         plan->workspace_bytes,
         true},
        {"input",
         ATROUS__INPUT,
         {b->input.mem, b->input.offset},
         atrous__stored(p, p->in_count),
         false},
        {"weights",
         ATROUS__WEIGHTS,
         {b->weights.mem, b->weights.offset},
         plan->packed_bytes,
         false},
        {"bias", ATROUS__BIAS, {b->bias.mem, b->bias.offset}, bias_bytes, false},
        {"scale",
         ATROUS__SCALE,
         {b->scale.mem, b->scale.offset},
         p->conv.channel_scale ? p->conv.out_channels * sizeof(float) : 0,
         false},
        {"residual",
         ATROUS__RESIDUAL,
         {b->residual.mem, b->residual.offset},
         p->conv.residual != ATROUS_RESIDUAL_NONE ? out_bytes : 0,
         false}};
    const size_t count = sizeof regions / sizeof *regions;
    status = check_regions(plan, regions, count, error);
    if (status != ATROUS_OK)
        return status;
    place_all(regions, count, places);
    return atrous__chain_enqueue(plan->job->launch, plan->job->launch_count, queue, places,
                                 num_waits, waits, done, error);
}
