/* The cross-check of a stack: each layer on the input it really had. */
#include "plan/stack.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Memory for a second run: workspace, outputs, and what a target held before. */
struct again {
    struct atrous__host host;
    void **outputs;
    char *memory, *previous;
};

/* False without memory. */
static bool open_again(const atrous_stack *stack, const atrous_stack_arrays *arrays,
                       struct again *again)
{
    const struct atrous__graph *graph = &stack->graph;
    size_t bytes = atrous__round_up(graph->activation_bytes, ATROUS__STACK_ALIGNMENT), largest = 1;
    bool fits = true;
    for (size_t i = 0; i < graph->output_count; ++i)
        fits = fits && atrous__add(bytes, graph->tensors[graph->outputs[i]].bytes, &bytes);
    for (size_t t = 0; t < graph->tensor_count; ++t)
        largest = atrous__max(largest, graph->tensors[t].bytes);

    memset(again, 0, sizeof *again);
    again->outputs = calloc(atrous__max(graph->output_count, 1), sizeof *again->outputs);
    again->previous = malloc(largest);
    again->memory = fits ? malloc(atrous__max(bytes, 1)) : NULL;
    if (again->outputs == NULL || again->previous == NULL || again->memory == NULL)
        return false;
    size_t end = atrous__round_up(graph->activation_bytes, ATROUS__STACK_ALIGNMENT);
    for (size_t i = 0; i < graph->output_count; ++i) {
        again->outputs[i] = again->memory + end;
        end += graph->tensors[graph->outputs[i]].bytes;
    }
    again->host = (struct atrous__host){arrays->input, again->outputs, again->memory};
    return true;
}

static void close_again(struct again *again)
{
    free(again->outputs);
    free(again->previous);
    free(again->memory);
}

static void keep_worst(atrous_check *worst, size_t *worst_layer, const atrous_check *check,
                       size_t layer)
{
    const size_t checked = worst->checked + check->checked, total = worst->total + check->total;
    if (layer == 0 || check->worst > worst->worst) {
        *worst = *check;
        *worst_layer = layer;
    }
    worst->checked = checked;
    worst->total = total;
}

static atrous_status check_step(atrous_stack *stack, struct again *again,
                                const atrous_layer_weights *weights, size_t index,
                                atrous_check *check, atrous_error *error)
{
    const struct atrous__step *step = &stack->graph.steps[index];
    atrous_arrays arrays = atrous__host_arrays(&stack->graph, &again->host, weights, index);
    if (step->conv.beta > 0.0) {
        memcpy(again->previous, arrays.output, stack->graph.tensors[step->target].bytes);
        arrays.previous = again->previous;
    }
    atrous_error inner;
    atrous_status status = atrous_plan_run(stack->plans[index], &arrays, &inner);
    check->struct_size = sizeof *check;
    if (status == ATROUS_OK)
        status = atrous_plan_check(stack->plans[index], &arrays, check, &inner);
    return status == ATROUS_OK ? status : atrous__fail_layer(error, index, &inner);
}

/* Outputs that are not what a second run gives are wrong without bound. */
static void compare_outputs(const atrous_stack *stack, const struct again *again,
                            const atrous_stack_arrays *arrays, atrous_check *worst,
                            size_t *worst_layer)
{
    const struct atrous__graph *graph = &stack->graph;
    for (size_t i = 0; i < graph->output_count; ++i) {
        const struct atrous__tensor *tensor = &graph->tensors[graph->outputs[i]];
        if (memcmp(again->outputs[i], arrays->outputs[i], tensor->bytes) != 0) {
            worst->worst = (double)INFINITY;
            *worst_layer = tensor->last_use;
        }
    }
}

static atrous_status check_all(atrous_stack *stack, const atrous_stack_arrays *arrays,
                               struct again *again, atrous_check *worst, size_t *worst_layer,
                               atrous_error *error)
{
    for (size_t i = 0; i < stack->graph.step_count; ++i) {
        atrous_check one;
        const atrous_status status = check_step(stack, again, arrays->weights, i, &one, error);
        if (status != ATROUS_OK)
            return status;
        keep_worst(worst, worst_layer, &one, i);
    }
    compare_outputs(stack, again, arrays, worst, worst_layer);
    return ATROUS_OK;
}

atrous_status atrous_stack_check(atrous_stack *stack, const atrous_stack_arrays *arrays,
                                 atrous_check *check, size_t *layer, atrous_error *error)
{
    struct again again;
    size_t worst_layer = 0;
    atrous_status status = atrous__stack_check_arrays(stack, arrays, error);
    if (status != ATROUS_OK)
        return status;
    if (check == NULL || check->struct_size != sizeof *check)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "check",
                            "is NULL, or its struct_size is not %zu", sizeof *check);
    *check = (atrous_check){.struct_size = sizeof *check};
    if (open_again(stack, arrays, &again))
        status = check_all(stack, arrays, &again, check, &worst_layer, error);
    else
        status = atrous__fail(error, ATROUS_OUT_OF_HOST_MEMORY, "", "a second run of the stack");
    if (layer != NULL)
        *layer = worst_layer;
    close_again(&again);
    return status;
}
