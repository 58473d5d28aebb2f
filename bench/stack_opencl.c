/* A stack on an OpenCL device as a contender: the asynchronous calls an application uses. */
#include "stacks.h"

#include <stdlib.h>
#include <string.h>

#include <atrous/stack_opencl.h>

#include "device_cl.h"
#include "failure.h"

struct side {
    struct device *device;
    atrous_stack *stack;
    atrous_stack_bindings bindings;
    size_t output_count;
    atrous_buffer outputs[STACK_LAYERS];
    size_t bytes[STACK_LAYERS]; /* of the outputs */
};

static bool make_buffer(struct device *device, size_t bytes, const void *from, cl_mem *out,
                        atrous_error *error)
{
    cl_int code = CL_SUCCESS;
    *out = NULL;
    if (bytes == 0)
        return true;
    *out = clCreateBuffer(device->context, CL_MEM_READ_WRITE, bytes, NULL, &code);
    if (!cl_good(code, "clCreateBuffer", error))
        return false;
    return from == NULL || cl_good(clEnqueueWriteBuffer(device->queue, *out, CL_TRUE, 0, bytes,
                                                        from, 0, NULL, NULL),
                                   "clEnqueueWriteBuffer", error);
}

static bool pack(struct side *side, const struct bench_stack *made, atrous_error *error)
{
    atrous_layer_buffers plain[STACK_LAYERS];
    bool good = true;
    memset(plain, 0, sizeof plain);
    for (size_t i = 0; good && i < made->count; ++i) {
        atrous_plan_info info = {.struct_size = sizeof info};
        good = atrous_plan_query(atrous_stack_plan(side->stack, i), &info, error) == ATROUS_OK &&
               make_buffer(side->device, info.weights_bytes, made->weights[i].weights,
                           &plain[i].weights.mem, error);
    }
    good = good &&
           atrous_stack_pack(side->stack, side->device->queue, plain, &side->bindings.weights, 0,
                             NULL, NULL, error) == ATROUS_OK &&
           cl_good(clFinish(side->device->queue), "packing the weights", error);
    for (size_t i = 0; i < made->count; ++i)
        if (plain[i].weights.mem != NULL)
            clReleaseMemObject(plain[i].weights.mem);
    return good;
}

static bool side_run(void *state, size_t count, double *device_ms, atrous_error *error)
{
    struct side *side = state;
    bool good = true;
    (void)device_ms;
    for (size_t i = 0; good && i < count; ++i)
        good = atrous_stack_enqueue(side->stack, side->device->queue, &side->bindings, 0, NULL,
                                    NULL, error) == ATROUS_OK;
    const cl_int code = clFinish(side->device->queue);
    return good && cl_good(code, "clFinish", error);
}

static bool side_read(void *state, void *output, size_t bytes, atrous_error *error)
{
    struct side *side = state;
    char *to = output;
    size_t all = 0;
    for (size_t i = 0; i < side->output_count; ++i) {
        all += side->bytes[i];
        if (all > bytes)
            return bench_fail(error, ATROUS_INVALID_ARGUMENT, "outputs differ in size");
        if (!cl_good(clEnqueueReadBuffer(side->device->queue, side->outputs[i].mem, CL_TRUE, 0,
                                         side->bytes[i], to, 0, NULL, NULL),
                     "clEnqueueReadBuffer", error))
            return false;
        to += side->bytes[i];
    }
    return true;
}

static void side_close(void *state)
{
    struct side *side = state;
    const cl_mem all[] = {side->bindings.input.mem, side->bindings.weights.mem,
                          side->bindings.workspace.mem};
    for (size_t i = 0; i < sizeof all / sizeof *all; ++i)
        if (all[i] != NULL)
            clReleaseMemObject(all[i]);
    for (size_t i = 0; i < side->output_count; ++i)
        if (side->outputs[i].mem != NULL)
            clReleaseMemObject(side->outputs[i].mem);
    free(side);
}

static bool open_side(struct side *side, const void *input, const struct bench_stack *made,
                      atrous_error *error)
{
    atrous_stack_info info = {.struct_size = sizeof info};
    atrous_shape shape = {.struct_size = sizeof shape};
    atrous_stack_bindings *bindings = &side->bindings;
    atrous_stack_bindings_init(bindings, sizeof *bindings);
    bindings->outputs = side->outputs;
    side->output_count = made->output_count;
    if (atrous_stack_query(side->stack, &info, error) != ATROUS_OK ||
        !make_buffer(side->device, info.input_bytes, input, &bindings->input.mem, error) ||
        !make_buffer(side->device, info.packed_bytes, NULL, &bindings->weights.mem, error) ||
        !make_buffer(side->device, info.workspace_bytes, NULL, &bindings->workspace.mem, error))
        return false;
    for (size_t i = 0; i < made->output_count; ++i)
        if (atrous_stack_output(side->stack, i, &shape, &side->bytes[i], error) != ATROUS_OK ||
            !make_buffer(side->device, side->bytes[i], NULL, &side->outputs[i].mem, error))
            return false;
    return pack(side, made, error);
}

bool contender_stack_opencl(struct device *device, atrous_stack *stack, const void *input,
                            const struct bench_stack *made, struct contender *out,
                            atrous_error *error)
{
    struct side *side = calloc(1, sizeof *side);
    if (side == NULL)
        return bench_fail(error, ATROUS_OUT_OF_HOST_MEMORY, "out of memory");
    side->device = device;
    side->stack = stack;
    if (!open_side(side, input, made, error)) {
        side_close(side);
        return false;
    }
    *out = (struct contender){side, side_run, side_read, side_close};
    return true;
}
