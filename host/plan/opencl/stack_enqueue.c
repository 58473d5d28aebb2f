/* Packing and enqueueing stacks on the caller's buffers. */
#include "plan/opencl/stack_device.h"

#include <stdio.h>
#include <string.h>

void atrous_stack_bindings_init(atrous_stack_bindings *bindings, size_t struct_size)
{
    if (bindings == NULL || struct_size != sizeof *bindings)
        return;
    memset(bindings, 0, sizeof *bindings);
    bindings->struct_size = struct_size;
}

static struct atrous__place place_of(atrous_buffer buffer)
{
    return (struct atrous__place){buffer.mem, buffer.offset};
}

/* What packing and enqueueing have in common. */
static atrous_status check_call(const atrous_stack *stack, cl_command_queue queue,
                                cl_uint num_waits, const cl_event *waits, atrous_error *error)
{
    if (stack == NULL)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "stack", "is NULL");
    if (stack->on_cpu)
        return atrous__fail(error, ATROUS_UNSUPPORTED, "stack",
                            "has a layer on the CPU path: use atrous_stack_run()");
    const atrous_status status = atrous__check_queue(stack->context->env, queue, error);
    return status == ATROUS_OK ? atrous__check_waits(num_waits, waits, error) : status;
}

/* One plain tensor of a layer: there, and apart from the packed region. */
static atrous_status check_plain(const atrous_stack *stack, const struct atrous__region *packed,
                                 const struct atrous__region *plain, atrous_error *error)
{
    const atrous_status status = atrous__check_region(stack->context->env, plain, error);
    return status == ATROUS_OK ? atrous__check_apart(packed, plain, error) : status;
}

static atrous_status check_pack(const atrous_stack *stack, const atrous_layer_buffers *layers,
                                const atrous_packed *packed, atrous_error *error)
{
    if (layers == NULL || packed == NULL)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, layers == NULL ? "layers" : "packed",
                            "is NULL");
    const struct atrous__region to = {
        "packed", ATROUS__WEIGHTS, {packed->mem, packed->offset}, stack->packed_bytes, true};
    atrous_status status = atrous__check_region(stack->context->env, &to, error);
    for (size_t i = 0; i < stack->graph.step_count && status == ATROUS_OK; ++i) {
        const atrous_conv *conv = &stack->graph.steps[i].conv;
        char field[40];
        struct atrous__region plain = {field, ATROUS__PLAIN, place_of(layers[i].weights),
                                       stack->plans[i]->problem.weights_count * sizeof(float),
                                       false};
        snprintf(field, sizeof field, "layers[%zu].weights", i);
        status = check_plain(stack, &to, &plain, error);
        plain.slot = ATROUS__BIAS;
        plain.place = place_of(layers[i].bias);
        plain.bytes = conv->has_bias ? conv->out_channels * sizeof(float) : 0;
        snprintf(field, sizeof field, "layers[%zu].bias", i);
        if (status == ATROUS_OK)
            status = check_plain(stack, &to, &plain, error);
    }
    return status;
}

static atrous_status pack_layer(struct atrous__chain *chain, atrous_stack *stack, size_t index,
                                const atrous_layer_buffers *layer, const atrous_packed *packed,
                                atrous_error *error)
{
    const atrous_conv *conv = &stack->graph.steps[index].conv;
    const struct atrous__packing *packing = &stack->packing[index];
    const struct atrous__place to = {packed->mem, packed->offset + packing->weights};
    cl_event copied = NULL;
    const atrous_status status =
        atrous__chain_pack(chain, stack->plans[index], place_of(layer->weights), to, error);
    if (status != ATROUS_OK || !conv->has_bias)
        return status;
    const cl_int code =
        clEnqueueCopyBuffer(chain->queue, layer->bias.mem, packed->mem, layer->bias.offset,
                            packed->offset + packing->bias, conv->out_channels * sizeof(float),
                            atrous__chain_count(chain), atrous__chain_list(chain), &copied);
    if (code != CL_SUCCESS)
        return atrous__fail_cl(error, code, "clEnqueueCopyBuffer(bias)");
    atrous__chain_add(chain, copied);
    return ATROUS_OK;
}

atrous_status atrous_stack_pack(atrous_stack *stack, cl_command_queue queue,
                                const atrous_layer_buffers *layers, atrous_packed *packed,
                                cl_uint num_waits, const cl_event *waits, cl_event *done,
                                atrous_error *error)
{
    struct atrous__chain chain = {queue, num_waits, waits, NULL};
    atrous__clear(error);
    if (done != NULL)
        *done = NULL;
    atrous_status status = check_call(stack, queue, num_waits, waits, error);
    if (status == ATROUS_OK)
        status = check_pack(stack, layers, packed, error);
    if (status != ATROUS_OK)
        return status;
    for (size_t i = 0; i < stack->graph.step_count && status == ATROUS_OK; ++i) {
        atrous_error inner;
        status = pack_layer(&chain, stack, i, &layers[i], packed, &inner);
        if (status != ATROUS_OK)
            atrous__fail_layer(error, i, &inner);
    }
    if (status == ATROUS_OK)
        packed->format = stack->format;
    atrous__chain_end(&chain, status, done);
    return status;
}

enum { INPUT, WEIGHTS, WORKSPACE, OUTPUTS };

/* Region `index` of an enqueue: one of the three, then the outputs. `field` is room for a name. */
static struct atrous__region region(const atrous_stack *stack, const atrous_stack_bindings *b,
                                    size_t index, char field[32])
{
    const struct atrous__graph *graph = atrous__running(stack);
    switch (index) {
    case INPUT:
        return (struct atrous__region){"input", ATROUS__INPUT, place_of(b->input),
                                       graph->tensors[0].bytes, false};
    case WEIGHTS:
        return (struct atrous__region){"weights",
                                       ATROUS__WEIGHTS,
                                       {b->weights.mem, b->weights.offset},
                                       stack->packed_bytes,
                                       false};
    case WORKSPACE:
        return (struct atrous__region){"workspace", ATROUS__WORKSPACE, place_of(b->workspace),
                                       graph->workspace_bytes, true};
    default:
        index -= OUTPUTS;
        snprintf(field, 32, "outputs[%zu]", index);
        return (struct atrous__region){field, ATROUS__OUTPUT, place_of(b->outputs[index]),
                                       graph->tensors[graph->outputs[index]].bytes, true};
    }
}

static atrous_status check_bindings(const atrous_stack *stack, const atrous_stack_bindings *b,
                                    atrous_error *error)
{
    if (b == NULL)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "bindings", "is NULL");
    if (b->struct_size != sizeof *b)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "bindings.struct_size",
                            "is %zu, must be %zu: call atrous_stack_bindings_init()",
                            b->struct_size, sizeof *b);
    if (b->outputs == NULL)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "outputs", "is NULL");
    if (b->weights.format != stack->format)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "weights.format",
                            "is %016llx, this stack reads %016llx: pack the weights for it",
                            (unsigned long long)b->weights.format,
                            (unsigned long long)stack->format);
    const size_t count = OUTPUTS + stack->graph.output_count;
    char a_field[32], b_field[32];
    for (size_t i = 0; i < count; ++i) {
        const struct atrous__region one = region(stack, b, i, a_field);
        atrous_status status = atrous__check_region(stack->context->env, &one, error);
        for (size_t j = 0; j < i && status == ATROUS_OK; ++j) {
            const struct atrous__region other = region(stack, b, j, b_field);
            status = atrous__check_apart(&one, &other, error);
        }
        if (status != ATROUS_OK)
            return status;
    }
    return ATROUS_OK;
}

atrous_status atrous_stack_enqueue(atrous_stack *stack, cl_command_queue queue,
                                   const atrous_stack_bindings *bindings, cl_uint num_waits,
                                   const cl_event *waits, cl_event *done, atrous_error *error)
{
    struct atrous__chain chain = {queue, num_waits, waits, NULL};
    atrous__clear(error);
    if (done != NULL)
        *done = NULL;
    atrous_status status = check_call(stack, queue, num_waits, waits, error);
    if (status == ATROUS_OK)
        status = check_bindings(stack, bindings, error);
    if (status != ATROUS_OK)
        return status;
    status = atrous__chain_stack(&chain, stack, bindings, error);
    atrous__chain_end(&chain, status, done);
    return status;
}
