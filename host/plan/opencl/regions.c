/* Checks of what callers hand in: queues, wait lists, and places in buffers. */
#include "plan/opencl/regions.h"

atrous_status atrous__check_queue(const struct atrous__env *env, cl_command_queue queue,
                                  atrous_error *error)
{
    cl_context context = NULL;
    cl_device_id device = NULL;
    if (queue == NULL)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "queue", "is NULL");
    cl_int code =
        clGetCommandQueueInfo(queue, CL_QUEUE_CONTEXT, sizeof(cl_context), (void *)&context, NULL);
    if (code == CL_SUCCESS)
        code = clGetCommandQueueInfo(queue, CL_QUEUE_DEVICE, sizeof(cl_device_id), (void *)&device,
                                     NULL);
    if (code != CL_SUCCESS)
        return atrous__fail_cl(error, code, "clGetCommandQueueInfo(queue)");
    if (context != env->context || device != env->id)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "queue",
                            "is of another context or device");
    return ATROUS_OK;
}

atrous_status atrous__check_waits(cl_uint num_waits, const cl_event *waits, atrous_error *error)
{
    if ((num_waits == 0) != (waits == NULL))
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "waits",
                            "%u events at %s: a count and a list go together", (unsigned)num_waits,
                            waits == NULL ? "NULL" : "a list");
    return ATROUS_OK;
}

atrous_status atrous__check_region(const struct atrous__env *env,
                                   const struct atrous__region *region, atrous_error *error)
{
    cl_context context = NULL;
    size_t size = 0;
    const struct atrous__place *place = &region->place;
    if (region->bytes == 0)
        return ATROUS_OK;
    if (place->mem == NULL)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, region->field,
                            "is NULL, %zu bytes are needed", region->bytes);
    cl_int code =
        clGetMemObjectInfo(place->mem, CL_MEM_CONTEXT, sizeof(cl_context), (void *)&context, NULL);
    if (code == CL_SUCCESS)
        code = clGetMemObjectInfo(place->mem, CL_MEM_SIZE, sizeof size, &size, NULL);
    if (code != CL_SUCCESS)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, region->field, "is no buffer: %s (%d)",
                            atrous__cl_name(code), (int)code);
    if (context != env->context)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, region->field, "is of another context");
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

atrous_status atrous__check_apart(const struct atrous__region *a, const struct atrous__region *b,
                                  atrous_error *error)
{
    size_t a_origin, b_origin;
    if (a->bytes == 0 || b->bytes == 0 || (!a->is_written && !b->is_written) ||
        root_of(a->place.mem, &a_origin) != root_of(b->place.mem, &b_origin))
        return ATROUS_OK;
    const size_t a_at = a_origin + a->place.offset, b_at = b_origin + b->place.offset;
    if (a_at >= b_at + b->bytes || b_at >= a_at + a->bytes)
        return ATROUS_OK;
    return atrous__fail(error, ATROUS_INVALID_ARGUMENT, a->is_written ? a->field : b->field,
                        "overlaps %s", a->is_written ? b->field : a->field);
}
