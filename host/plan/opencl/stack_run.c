/* Runs a stack on host arrays through the device: buffers for the length of the call. */
#include "plan/opencl/stack_device.h"

#include <stdlib.h>

/* Everything a run allocates on the device. */
struct buffers {
    atrous_stack_bindings bindings;
    atrous_buffer *outputs;
    cl_mem plain; /* one layer's weights as the caller has them */
};

static atrous_status make_buffers(const atrous_stack *stack, struct buffers *buffers,
                                  atrous_error *error)
{
    const struct atrous__graph *graph = atrous__running(stack);
    struct atrous__env *env = stack->context->env;
    atrous_status status = ATROUS_OK;
    size_t plain = 0;

    atrous_stack_bindings_init(&buffers->bindings, sizeof buffers->bindings);
    buffers->plain = NULL;
    buffers->outputs = calloc(graph->output_count, sizeof *buffers->outputs);
    if (buffers->outputs == NULL)
        return atrous__fail(error, ATROUS_OUT_OF_HOST_MEMORY, "", "a list of outputs");
    buffers->bindings.outputs = buffers->outputs;
    for (size_t i = 0; i < graph->step_count; ++i)
        plain = atrous__max(plain, stack->plans[i]->problem.weights_count * sizeof(float));
    ATROUS__TRY(atrous__buffer_make(env, "weights", plain, &buffers->plain, error));
    ATROUS__TRY(atrous__buffer_make(env, "input", graph->tensors[0].bytes,
                                    &buffers->bindings.input.mem, error));
    ATROUS__TRY(atrous__buffer_make(env, "packed weights", stack->packed_bytes,
                                    &buffers->bindings.weights.mem, error));
    ATROUS__TRY(atrous__buffer_make(env, "workspace", graph->workspace_bytes,
                                    &buffers->bindings.workspace.mem, error));
    for (size_t i = 0; i < graph->output_count; ++i)
        ATROUS__TRY(atrous__buffer_make(env, "outputs", graph->tensors[graph->outputs[i]].bytes,
                                        &buffers->outputs[i].mem, error));

done:
    return status;
}

static void release(cl_mem mem)
{
    if (mem != NULL)
        clReleaseMemObject(mem);
}

static void release_buffers(const atrous_stack *stack, struct buffers *buffers)
{
    release(buffers->plain);
    release(buffers->bindings.input.mem);
    release(buffers->bindings.weights.mem);
    release(buffers->bindings.workspace.mem);
    for (size_t i = 0; buffers->outputs != NULL && i < stack->graph.output_count; ++i)
        release(buffers->outputs[i].mem);
    free(buffers->outputs);
}

/* Writes and packs every layer's parameters; the queue is in order, so one staging buffer
 * serves all. */
static atrous_status pack_all(atrous_stack *stack, const atrous_layer_weights *weights,
                              struct buffers *buffers, struct atrous__chain *chain,
                              atrous_error *error)
{
    const cl_mem packed = buffers->bindings.weights.mem;
    atrous_status status = ATROUS_OK;
    for (size_t i = 0; i < stack->graph.step_count; ++i) {
        const struct atrous__problem *problem = &stack->plans[i]->problem;
        const struct atrous__packing *packing = &stack->packing[i];
        ATROUS__TRY_CL(clEnqueueWriteBuffer(chain->queue, buffers->plain, CL_FALSE, 0,
                                            problem->weights_count * sizeof(float),
                                            weights[i].weights, 0, NULL, NULL));
        ATROUS__TRY(atrous__chain_pack(chain, stack->plans[i],
                                       (struct atrous__place){buffers->plain, 0},
                                       (struct atrous__place){packed, packing->weights}, error));
        if (problem->conv.has_bias)
            ATROUS__TRY_CL(clEnqueueWriteBuffer(chain->queue, packed, CL_FALSE, packing->bias,
                                                problem->conv.out_channels * sizeof(float),
                                                weights[i].bias, 0, NULL, NULL));
    }

done:
    return status;
}

atrous_status atrous__backend_stack_run(atrous_stack *stack, const atrous_stack_arrays *arrays,
                                        atrous_error *error)
{
    const struct atrous__graph *graph = &stack->graph;
    struct atrous__env *env = stack->context->env;
    struct atrous__chain chain = {.queue = env->queue};
    struct buffers buffers;
    atrous_status status = ATROUS_OK;

    ATROUS__TRY(make_buffers(stack, &buffers, error));
    ATROUS__TRY_CL(clEnqueueWriteBuffer(env->queue, buffers.bindings.input.mem, CL_FALSE, 0,
                                        graph->tensors[0].bytes, arrays->input, 0, NULL, NULL));
    ATROUS__TRY(pack_all(stack, arrays->weights, &buffers, &chain, error));
    ATROUS__TRY(atrous__chain_stack(&chain, stack, &buffers.bindings, error));
    for (size_t i = 0; i < graph->output_count; ++i)
        ATROUS__TRY_CL(clEnqueueReadBuffer(env->queue, buffers.outputs[i].mem, CL_FALSE, 0,
                                           graph->tensors[graph->outputs[i]].bytes,
                                           arrays->outputs[i], 0, NULL, NULL));
    ATROUS__TRY_CL(clFinish(env->queue));

done:
    /* After a failure commands may still read the caller's arrays. */
    if (status != ATROUS_OK)
        clFinish(env->queue);
    atrous__chain_end(&chain, status, NULL);
    release_buffers(stack, &buffers);
    return status;
}
