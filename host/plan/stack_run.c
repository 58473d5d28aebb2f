/* Runs a stack on host arrays, layer by layer on the host or at once on a device. */
#include "plan/bands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void atrous_stack_arrays_init(atrous_stack_arrays *arrays, size_t struct_size)
{
    if (arrays == NULL || struct_size != sizeof *arrays)
        return;
    memset(arrays, 0, sizeof *arrays);
    arrays->struct_size = struct_size;
}

void *atrous__host_tensor(const struct atrous__graph *graph, const struct atrous__host *host,
                          size_t tensor)
{
    const struct atrous__storage *storage = &graph->storages[graph->tensors[tensor].storage];
    if (storage->home == ATROUS__AT_OUTPUT)
        return host->outputs[storage->output];
    return host->workspace + storage->offset;
}

/* What a step reads: the input is the caller's and const. */
static const void *read_tensor(const struct atrous__graph *graph, const struct atrous__host *host,
                               size_t tensor)
{
    return tensor == 0 ? host->input : atrous__host_tensor(graph, host, tensor);
}

atrous_arrays atrous__host_arrays(const struct atrous__graph *graph,
                                  const struct atrous__host *host,
                                  const atrous_layer_weights *weights, size_t index)
{
    const struct atrous__step *step = &graph->steps[index];
    atrous_arrays arrays;
    atrous_arrays_init(&arrays, sizeof arrays);
    arrays.input = read_tensor(graph, host, step->source);
    arrays.weights = weights[index].weights;
    arrays.bias = weights[index].bias;
    arrays.scale = weights[index].scale;
    if (step->residual != ATROUS__NO_TENSOR)
        arrays.residual = read_tensor(graph, host, step->residual);
    arrays.output = atrous__host_tensor(graph, host, step->target);
    return arrays;
}

/* An array of the caller's. */
struct span {
    char field[40];
    const void *at;
    size_t bytes;
};

static struct span span_of(const char *format, size_t index, const void *at, size_t bytes)
{
    struct span span = {.at = at, .bytes = bytes};
    /* The two formats are constants of this file. */
    snprintf(span.field, sizeof span.field, "%s[%zu]", format, index);
    return span;
}

static atrous_status check_apart(const struct span *output, const struct span *other,
                                 atrous_error *error)
{
    if (!atrous__overlap(output->at, output->bytes, other->at, other->bytes))
        return ATROUS_OK;
    return atrous__fail(error, ATROUS_INVALID_ARGUMENT, output->field, "overlaps %s", other->field);
}

/* One output against everything that the run reads or writes besides. */
static atrous_status check_output(const atrous_stack *stack, const atrous_stack_arrays *arrays,
                                  size_t index, atrous_error *error)
{
    const struct atrous__graph *graph = &stack->graph;
    const struct span output = span_of("outputs", index, arrays->outputs[index],
                                       graph->tensors[graph->outputs[index]].bytes);
    if (output.at == NULL)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, output.field, "is NULL");
    struct span other = {"input", arrays->input, graph->tensors[0].bytes};
    atrous_status status = check_apart(&output, &other, error);
    for (size_t j = 0; j < index && status == ATROUS_OK; ++j) {
        other = span_of("outputs", j, arrays->outputs[j], graph->tensors[graph->outputs[j]].bytes);
        status = check_apart(&output, &other, error);
    }
    for (size_t i = 0; i < graph->step_count && status == ATROUS_OK; ++i) {
        const struct atrous__problem *problem = &stack->plans[i]->problem;
        other = span_of("weights", i, arrays->weights[i].weights,
                        problem->weights_count * sizeof(float));
        status = check_apart(&output, &other, error);
        other =
            span_of("bias", i, arrays->weights[i].bias, problem->conv.out_channels * sizeof(float));
        if (status == ATROUS_OK && problem->conv.has_bias)
            status = check_apart(&output, &other, error);
    }
    return status;
}

static atrous_status check_weights(const atrous_stack *stack, const atrous_layer_weights *weights,
                                   atrous_error *error)
{
    for (size_t i = 0; i < stack->graph.step_count; ++i) {
        const bool lacks_bias = stack->graph.steps[i].conv.has_bias && weights[i].bias == NULL;
        char field[40];
        snprintf(field, sizeof field, "weights[%zu].%s", i, lacks_bias ? "bias" : "weights");
        if (lacks_bias || weights[i].weights == NULL)
            return atrous__fail(error, ATROUS_INVALID_ARGUMENT, field,
                                "is NULL, layer %zu needs it", i);
    }
    return ATROUS_OK;
}

atrous_status atrous__stack_check_arrays(const atrous_stack *stack,
                                         const atrous_stack_arrays *arrays, atrous_error *error)
{
    atrous__clear(error);
    if (stack == NULL || arrays == NULL)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, stack == NULL ? "stack" : "arrays",
                            "is NULL");
    if (arrays->struct_size != sizeof *arrays)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "arrays.struct_size",
                            "is %zu, must be %zu: call atrous_stack_arrays_init()",
                            arrays->struct_size, sizeof *arrays);
    const char *missing = arrays->input == NULL     ? "input"
                          : arrays->weights == NULL ? "weights"
                          : arrays->outputs == NULL ? "outputs"
                                                    : NULL;
    if (missing != NULL)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, missing, "is NULL");
    atrous_status status = check_weights(stack, arrays->weights, error);
    for (size_t i = 0; i < stack->graph.output_count && status == ATROUS_OK; ++i)
        status = check_output(stack, arrays, i, error);
    return status;
}

static const char *moved(const void *at, const struct atrous__graph *graph, size_t tensor,
                         size_t image, size_t offset)
{
    return (const char *)at + atrous__image_offset(graph, tensor, image) + offset;
}

/* One act of a run: the step's arrays, from the rows at work on. */
static atrous_status act_on_host(const atrous_stack *stack, const struct atrous__host *host,
                                 const atrous_layer_weights *weights, const struct atrous__act *act,
                                 size_t image, atrous_error *error)
{
    const struct atrous__graph *graph = atrous__running(stack);
    if (act->plan == NULL) {
        char *window = atrous__host_tensor(graph, host, act->index);
        memcpy(window + act->target, window + act->source, act->bytes);
        return ATROUS_OK;
    }
    const struct atrous__step *step = &graph->steps[act->index];
    atrous_arrays arrays = atrous__host_arrays(graph, host, weights, act->index);
    arrays.input = moved(arrays.input, graph, step->source, image, act->source);
    arrays.output =
        (char *)arrays.output + atrous__image_offset(graph, step->target, image) + act->target;
    if (step->residual != ATROUS__NO_TENSOR)
        arrays.residual = moved(arrays.residual, graph, step->residual, image, act->residual);
    return atrous_plan_run(act->plan, &arrays, error);
}

/* All acts of a run, image after image; *index ends at the layer at work. */
static atrous_status run_acts(const atrous_stack *stack, const struct atrous__host *host,
                              const atrous_layer_weights *weights, const struct atrous__run *run,
                              size_t *index, atrous_error *error)
{
    const struct atrous__graph *graph = atrous__running(stack);
    const size_t images = graph->tensors[graph->steps[run->first].target].shape.batch;
    atrous_status status = ATROUS_OK;
    for (size_t image = 0; image < images; ++image)
        for (size_t i = 0; i < run->act_count && status == ATROUS_OK; ++i) {
            if (run->acts[i].plan != NULL)
                *index = run->acts[i].index;
            status = act_on_host(stack, host, weights, &run->acts[i], image, error);
        }
    return status;
}

static atrous_status run_step(const atrous_stack *stack, const struct atrous__host *host,
                              const atrous_layer_weights *weights, size_t index,
                              atrous_error *error)
{
    const atrous_arrays arrays = atrous__host_arrays(atrous__running(stack), host, weights, index);
    return atrous_plan_run(stack->plans[index], &arrays, error);
}

static atrous_status run_on_host(atrous_stack *stack, const atrous_stack_arrays *arrays,
                                 atrous_error *error)
{
    const size_t bytes = atrous__max(atrous__running(stack)->activation_bytes, 1);
    struct atrous__host host = {arrays->input, arrays->outputs, malloc(bytes)};
    atrous_status status = ATROUS_OK;
    if (host.workspace == NULL)
        return atrous__fail(error, ATROUS_OUT_OF_HOST_MEMORY, "",
                            "%zu bytes for what lies between the layers", bytes);
    for (size_t i = 0; i < stack->graph.step_count && status == ATROUS_OK;) {
        const struct atrous__run *run = atrous__run_at(stack, i);
        size_t index = i;
        atrous_error inner;
        status = run != NULL ? run_acts(stack, &host, arrays->weights, run, &index, &inner)
                             : run_step(stack, &host, arrays->weights, i, &inner);
        if (status != ATROUS_OK)
            atrous__fail_layer(error, index, &inner);
        i = run != NULL ? run->end : i + 1;
    }
    free(host.workspace);
    return status;
}

atrous_status atrous_stack_run(atrous_stack *stack, const atrous_stack_arrays *arrays,
                               atrous_error *error)
{
    const atrous_status status = atrous__stack_check_arrays(stack, arrays, error);
    if (status != ATROUS_OK)
        return status;
    return stack->on_cpu ? run_on_host(stack, arrays, error)
                         : atrous__backend_stack_run(stack, arrays, error);
}
