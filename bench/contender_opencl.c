/* A plan on an OpenCL device as a contender: the asynchronous calls an application uses. */
#include "contender.h"

#include <stdlib.h>

#include "device_cl.h"
#include "failure.h"

struct side {
    struct device *device;
    atrous_plan *plan;
    atrous_bindings bindings;
    size_t output_bytes;
};

static bool make_buffer(struct device *device, size_t bytes, const void *from, cl_mem *out,
                        atrous_error *error)
{
    cl_int code = CL_SUCCESS;
    *out = NULL;
    if (bytes == 0)
        return true;
    cl_mem mem = clCreateBuffer(device->context, CL_MEM_READ_WRITE, bytes, NULL, &code);
    if (!cl_good(code, "clCreateBuffer", error))
        return false;
    if (from != NULL &&
        !cl_good(clEnqueueWriteBuffer(device->queue, mem, CL_TRUE, 0, bytes, from, 0, NULL, NULL),
                 "clEnqueueWriteBuffer", error)) {
        clReleaseMemObject(mem);
        return false;
    }
    *out = mem;
    return true;
}

static bool pack(struct side *side, const atrous_plan_info *info, const void *weights,
                 atrous_error *error)
{
    cl_mem plain = NULL;
    cl_command_queue queue = side->device->queue;
    if (weights == NULL)
        return true;
    bool good =
        make_buffer(side->device, info->weights_bytes, weights, &plain, error) &&
        make_buffer(side->device, info->packed_bytes, NULL, &side->bindings.weights.mem, error) &&
        atrous_plan_pack(side->plan, queue, (atrous_buffer){plain, 0}, &side->bindings.weights, 0,
                         NULL, NULL, error) == ATROUS_OK &&
        cl_good(clFinish(queue), "packing the weights", error);
    if (plain != NULL)
        clReleaseMemObject(plain);
    return good;
}

/* The device's own clock from the end of `first` to the end of `last`; false where it has none. */
static bool device_time(cl_event first, cl_event last, double *ms)
{
    cl_ulong start = 0, end = 0;
    if (clGetEventProfilingInfo(first, CL_PROFILING_COMMAND_END, sizeof start, &start, NULL) !=
            CL_SUCCESS ||
        clGetEventProfilingInfo(last, CL_PROFILING_COMMAND_END, sizeof end, &end, NULL) !=
            CL_SUCCESS ||
        start == 0 || end <= start)
        return false;
    *ms = (double)(end - start) * 1e-6;
    return true;
}

/* A marker goes ahead: a solver may chain several kernels, and `done` is the event of the last. */
static bool side_run(void *state, size_t count, double *device_ms, atrous_error *error)
{
    struct side *side = state;
    cl_command_queue queue = side->device->queue;
    cl_event before = NULL, done = NULL;
    bool good = cl_good(clEnqueueMarkerWithWaitList(queue, 0, NULL, &before),
                        "clEnqueueMarkerWithWaitList", error);
    for (size_t i = 0; good && i < count; ++i)
        good = atrous_plan_enqueue(side->plan, queue, &side->bindings, 0, NULL,
                                   i + 1 == count ? &done : NULL, error) == ATROUS_OK;
    const cl_int code = clFinish(queue);
    good = good && cl_good(code, "clFinish", error);
    if (good) {
        cl_int status = CL_COMPLETE;
        clGetEventInfo(done, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof status, &status, NULL);
        good = cl_good(status < 0 ? status : CL_SUCCESS, "running the plan", error);
        device_time(before, done, device_ms);
    }
    if (before != NULL)
        clReleaseEvent(before);
    if (done != NULL)
        clReleaseEvent(done);
    return good;
}

static bool side_read(void *state, void *output, size_t bytes, atrous_error *error)
{
    struct side *side = state;
    if (bytes != side->output_bytes)
        return bench_fail(error, ATROUS_INVALID_ARGUMENT, "outputs differ in size");
    return cl_good(clEnqueueReadBuffer(side->device->queue, side->bindings.output.mem, CL_TRUE, 0,
                                       bytes, output, 0, NULL, NULL),
                   "clEnqueueReadBuffer", error);
}

static void side_close(void *state)
{
    struct side *side = state;
    const cl_mem all[] = {side->bindings.input.mem, side->bindings.weights.mem,
                          side->bindings.output.mem, side->bindings.workspace.mem,
                          side->bindings.grad_output.mem};
    for (size_t i = 0; i < sizeof all / sizeof *all; ++i)
        if (all[i] != NULL)
            clReleaseMemObject(all[i]);
    free(side);
}

bool contender_opencl(struct device *device, atrous_plan *plan, const atrous_plan_info *info,
                      const atrous_arrays *arrays, struct contender *out, atrous_error *error)
{
    struct side *side = calloc(1, sizeof *side);
    if (side == NULL)
        return bench_fail(error, ATROUS_OUT_OF_HOST_MEMORY, "out of memory");
    side->device = device;
    side->plan = plan;
    side->output_bytes = info->output_bytes;
    atrous_bindings_init(&side->bindings, sizeof side->bindings);
    if (!make_buffer(device, info->input_bytes, arrays->input, &side->bindings.input.mem, error) ||
        !make_buffer(device, info->grad_output_bytes, arrays->grad_output,
                     &side->bindings.grad_output.mem, error) ||
        !make_buffer(device, info->output_bytes, NULL, &side->bindings.output.mem, error) ||
        !make_buffer(device, info->workspace_bytes, NULL, &side->bindings.workspace.mem, error) ||
        !pack(side, info, arrays->weights, error)) {
        side_close(side);
        return false;
    }
    *out = (struct contender){side, side_run, side_read, side_close};
    return true;
}
