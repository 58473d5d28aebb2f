/* Packing and enqueueing on the caller's buffers. */
#include "plan/opencl/backend.h"

#include <string.h>

void atrous_bindings_init(atrous_bindings *bindings, size_t struct_size)
{
    if (bindings == NULL || struct_size != sizeof *bindings)
        return;
    memset(bindings, 0, sizeof *bindings);
    bindings->struct_size = struct_size;
}

struct region {
    const char *field;
    enum atrous__slot slot;
    struct atrous__place place;
    size_t bytes; /* 0: not used by this plan */
    bool is_written;
};

static atrous_status check_queue(const atrous_plan *plan, cl_command_queue queue,
                                 atrous_error *error)
{
    cl_context context = NULL;
    cl_device_id device = NULL;
    if (plan == NULL || queue == NULL)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, plan == NULL ? "plan" : "queue",
                            "is NULL");
    if (plan->on_cpu)
        return atrous__fail(error, ATROUS_UNSUPPORTED, "plan",
                            "runs on the CPU path: use atrous_plan_run()");
    cl_int code =
        clGetCommandQueueInfo(queue, CL_QUEUE_CONTEXT, sizeof(cl_context), (void *)&context, NULL);
    if (code == CL_SUCCESS)
        code = clGetCommandQueueInfo(queue, CL_QUEUE_DEVICE, sizeof(cl_device_id), (void *)&device,
                                     NULL);
    if (code != CL_SUCCESS)
        return atrous__fail_cl(error, code, "clGetCommandQueueInfo(queue)");
    if (context != plan->context->env->context || device != plan->context->env->id)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "queue",
                            "is of another context or device than the plan");
    return ATROUS_OK;
}

static atrous_status check_region(const atrous_plan *plan, const struct region *region,
                                  atrous_error *error)
{
    cl_context context = NULL;
    size_t size = 0;
    const struct atrous__place *place = &region->place;
    if (place->mem == NULL)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, region->field,
                            "is NULL, the plan needs %zu bytes", region->bytes);
    cl_int code =
        clGetMemObjectInfo(place->mem, CL_MEM_CONTEXT, sizeof(cl_context), (void *)&context, NULL);
    if (code == CL_SUCCESS)
        code = clGetMemObjectInfo(place->mem, CL_MEM_SIZE, sizeof size, &size, NULL);
    if (code != CL_SUCCESS)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, region->field, "is no buffer: %s (%d)",
                            atrous__cl_name(code), (int)code);
    if (context != plan->context->env->context)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, region->field,
                            "is of another context than the plan");
    if (place->offset % sizeof(float) != 0)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, region->field,
                            "offset is %zu, must be a multiple of %zu", place->offset,
                            sizeof(float));
    if (place->offset > size || size - place->offset < region->bytes)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, region->field,
                            "has %zu bytes from offset %zu on, must have %zu",
                            place->offset > size ? 0 : size - place->offset, place->offset,
                            region->bytes);
    return ATROUS_OK;
}

/* Where a buffer starts in its root buffer: sub-buffers of one root may overlap. */
static cl_mem root_of(cl_mem mem, size_t *origin)
{
    cl_mem parent = NULL;
    *origin = 0;
    if (clGetMemObjectInfo(mem, CL_MEM_ASSOCIATED_MEMOBJECT, sizeof(cl_mem), (void *)&parent,
                           NULL) != CL_SUCCESS ||
        parent == NULL)
        return mem;
    if (clGetMemObjectInfo(mem, CL_MEM_OFFSET, sizeof *origin, origin, NULL) != CL_SUCCESS)
        *origin = 0;
    return parent;
}

static bool share_bytes(const struct region *a, const struct region *b)
{
    size_t a_origin, b_origin;
    if (root_of(a->place.mem, &a_origin) != root_of(b->place.mem, &b_origin))
        return false;
    const size_t a_at = a_origin + a->place.offset, b_at = b_origin + b->place.offset;
    return a_at < b_at + b->bytes && b_at < a_at + a->bytes;
}

/* Every region fits its buffer and what is written overlaps nothing else. */
static atrous_status check_regions(const atrous_plan *plan, const struct region *regions,
                                   size_t count, atrous_error *error)
{
    for (size_t i = 0; i < count; ++i) {
        const atrous_status status =
            regions[i].bytes == 0 ? ATROUS_OK : check_region(plan, &regions[i], error);
        if (status != ATROUS_OK)
            return status;
    }
    for (size_t i = 0; i < count; ++i)
        for (size_t j = 0; j < count; ++j)
            if (i != j && regions[i].is_written && regions[i].bytes > 0 && regions[j].bytes > 0 &&
                share_bytes(&regions[i], &regions[j]))
                return atrous__fail(error, ATROUS_INVALID_ARGUMENT, regions[i].field, "overlaps %s",
                                    regions[j].field);
    return ATROUS_OK;
}

static atrous_status check_waits(cl_uint num_waits, const cl_event *waits, atrous_error *error)
{
    if ((num_waits == 0) != (waits == NULL))
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "waits",
                            "%u events at %s: a count and a list go together", (unsigned)num_waits,
                            waits == NULL ? "NULL" : "a list");
    return ATROUS_OK;
}

static void place_all(const struct region *regions, size_t count,
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
        status = check_waits(num_waits, waits, error);
    if (status != ATROUS_OK)
        return status;
    const struct region regions[] = {
        {"packed", ATROUS__WEIGHTS, {packed->mem, packed->offset}, plan->packed_bytes, true},
        {"weights",
         ATROUS__PLAIN,
         {weights.mem, weights.offset},
         plan->problem.weights_count * sizeof(float),
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

atrous_status atrous_plan_enqueue(atrous_plan *plan, cl_command_queue queue,
                                  const atrous_bindings *bindings, cl_uint num_waits,
                                  const cl_event *waits, cl_event *done, atrous_error *error)
{
    struct atrous__place places[ATROUS__SLOTS];
    atrous__clear(error);
    if (done != NULL)
        *done = NULL;
    atrous_status status = check_queue(plan, queue, error);
    if (status == ATROUS_OK)
        status = check_bindings(plan, bindings, error);
    if (status == ATROUS_OK)
        status = check_waits(num_waits, waits, error);
    if (status != ATROUS_OK)
        return status;
    const struct atrous__problem *p = &plan->problem;
    const atrous_bindings *b = bindings;
    const size_t bias_bytes = atrous__reads_bias(p) ? p->conv.out_channels * sizeof(float) : 0;
    const size_t out_bytes = p->out_count * sizeof(float);
    const struct region regions[] = {
        {"output", ATROUS__OUTPUT, {b->output.mem, b->output.offset}, out_bytes, true},
        {"bias_output",
         ATROUS__BIAS_OUTPUT,
         {b->bias_output.mem, b->bias_output.offset},
         p->bias_out_count * sizeof(float),
         true},
        {"grad_output",
         ATROUS__GRAD_OUTPUT,
         {b->grad_output.mem, b->grad_output.offset},
         p->grad_count * sizeof(float),
         false},
        {"workspace",
         ATROUS__WORKSPACE,
         {b->workspace.mem, b->workspace.offset},
         plan->workspace_bytes,
         true},
        {"input",
         ATROUS__INPUT,
         {b->input.mem, b->input.offset},
         p->in_count * sizeof(float),
         false},
        {"weights",
         ATROUS__WEIGHTS,
         {b->weights.mem, b->weights.offset},
         plan->packed_bytes,
         false},
        {"bias", ATROUS__BIAS, {b->bias.mem, b->bias.offset}, bias_bytes, false},
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
