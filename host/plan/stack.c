/* Stacks: layers resolved, planned and placed; what the public calls enter. */
#include "plan/bands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void atrous_shape_init(atrous_shape *shape, int rank, size_t struct_size)
{
    if (shape == NULL || struct_size != sizeof *shape)
        return;
    memset(shape, 0, sizeof *shape);
    shape->struct_size = struct_size;
    shape->rank = rank;
    shape->batch = shape->channels = 1;
}

void atrous_layer_init(atrous_layer *layer, int rank, size_t struct_size)
{
    if (layer == NULL || struct_size != sizeof *layer)
        return;
    memset(layer, 0, sizeof *layer);
    layer->struct_size = struct_size;
    atrous_conv_init(&layer->conv, rank, sizeof layer->conv);
    layer->conv.batch = layer->conv.in_channels = 0;
    layer->sum = -1;
    atrous_plan_options_init(&layer->plan, sizeof layer->plan);
}

atrous_status atrous__fail_layer(atrous_error *error, size_t layer, const atrous_error *inner)
{
    const atrous_status status = inner->status;
    atrous_error outer = *inner; /* a copy: error may be inner */
    const size_t named = strlen(inner->field);
    /* A message begins with its field, a colon and a blank. */
    const char *text = inner->message;
    if (named > 0 && strncmp(text, inner->field, named) == 0)
        text += named + 2;
    if (error == NULL)
        return status;
    snprintf(outer.field, sizeof outer.field, "layers[%zu]%s%.28s", layer, named > 0 ? "." : "",
             inner->field);
    snprintf(outer.message, sizeof outer.message, "%s: %.400s", outer.field, text);
    *error = outer;
    return status;
}

void atrous_stack_options_init(atrous_stack_options *options, size_t struct_size)
{
    if (options == NULL || struct_size != sizeof *options)
        return;
    memset(options, 0, sizeof *options);
    options->struct_size = struct_size;
}

/* Plans every step of the graph. */
static atrous_status plan_steps(atrous_stack *stack, const atrous_layer *layers,
                                atrous_error *error)
{
    struct atrous__graph *graph = &stack->graph;
    for (size_t i = 0; i < graph->step_count; ++i) {
        atrous_plan_info info = {.struct_size = sizeof info};
        atrous_error inner;
        atrous_status status = atrous_plan_create(stack->context, &graph->steps[i].conv,
                                                  &layers[i].plan, &stack->plans[i], &inner);
        if (status == ATROUS_OK)
            status = atrous_plan_query(stack->plans[i], &info, &inner);
        if (status == ATROUS_OK && info.parts > 1)
            status = atrous__fail_parts(&inner);
        if (status != ATROUS_OK)
            return atrous__fail_layer(error, i, &inner);
        graph->steps[i].scratch_bytes = info.workspace_bytes;
        stack->on_cpu = stack->on_cpu || info.on_cpu_path != 0;
    }
    return ATROUS_OK;
}

/* Lays out the packed parameters of all layers. */
static atrous_status lay_out(atrous_stack *stack, atrous_error *error)
{
    size_t end = 0;
    stack->format = ATROUS__HASH_SEED;
    for (size_t i = 0; i < stack->graph.step_count; ++i) {
        const atrous_plan *plan = stack->plans[i];
        const atrous_conv *conv = &stack->graph.steps[i].conv;
        struct atrous__packing *packing = &stack->packing[i];
        packing->weights = end;
        if (!atrous__add(end, plan->packed_bytes + ATROUS__STACK_ALIGNMENT - 1, &end) ||
            end > PTRDIFF_MAX / 2)
            return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "layers",
                                "the packed weights of all layers overflow");
        packing->bias = end = end / ATROUS__STACK_ALIGNMENT * ATROUS__STACK_ALIGNMENT;
        if (conv->has_bias)
            end =
                atrous__round_up(end + conv->out_channels * sizeof(float), ATROUS__STACK_ALIGNMENT);
        stack->format = atrous__hash(stack->format, &plan->format, sizeof plan->format);
        stack->format = atrous__hash(stack->format, packing, sizeof *packing);
    }
    stack->packed_bytes = end;
    return ATROUS_OK;
}

static atrous_status make(atrous_stack *stack, const atrous_layer *layers, size_t count,
                          const atrous_shape *input, const atrous_stack_options *options,
                          atrous_error *error)
{
    atrous_status status = atrous__graph_make(&stack->graph, layers, count, input, options, error);
    if (status != ATROUS_OK)
        return status;
    atrous__graph_assign(&stack->graph);
    stack->plans = calloc(count, sizeof *stack->plans);
    stack->packing = calloc(count, sizeof *stack->packing);
    if (stack->plans == NULL || stack->packing == NULL)
        return atrous__fail(error, ATROUS_OUT_OF_HOST_MEMORY, "", "a stack of %zu layers", count);
    status = plan_steps(stack, layers, error);
    if (status == ATROUS_OK)
        status = lay_out(stack, error);
    if (status == ATROUS_OK)
        status = atrous__bands_find(stack, options, error);
    if (status == ATROUS_OK && stack->run_count > 0)
        status = atrous__graph_place(&stack->banded, error);
    return status == ATROUS_OK ? atrous__graph_place(&stack->graph, error) : status;
}

atrous_status atrous_stack_create(atrous_context *context, const atrous_layer *layers, size_t count,
                                  const atrous_shape *input, const atrous_stack_options *options,
                                  atrous_stack **out, atrous_error *error)
{
    const double start = atrous__now_ms();
    atrous__clear(error);
    if (out == NULL)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "stack", "is NULL");
    *out = NULL;
    if (context == NULL)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "context", "is NULL");
    atrous_stack *stack = calloc(1, sizeof *stack);
    if (stack == NULL)
        return atrous__fail(error, ATROUS_OUT_OF_HOST_MEMORY, "", "a stack");
    stack->context = context;
    const atrous_status status = make(stack, layers, count, input, options, error);
    if (status != ATROUS_OK) {
        atrous_stack_destroy(stack);
        return status;
    }
    stack->create_ms = atrous__now_ms() - start;
    *out = stack;
    return ATROUS_OK;
}

void atrous_stack_destroy(atrous_stack *stack)
{
    if (stack == NULL)
        return;
    for (size_t i = 0; stack->plans != NULL && i < stack->graph.step_count; ++i)
        atrous_plan_destroy(stack->plans[i]);
    atrous__bands_free(stack);
    free(stack->plans);
    free(stack->packing);
    atrous__graph_free(&stack->graph);
    free(stack);
}

static atrous_status check_query(const atrous_stack *stack, size_t struct_size, size_t must,
                                 const char *what, atrous_error *error)
{
    atrous__clear(error);
    if (stack == NULL)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "stack", "is NULL");
    if (struct_size == 0)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, what, "is NULL, or its struct_size 0");
    if (struct_size != must)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, what,
                            "has a struct_size of %zu, must be %zu", struct_size, must);
    return ATROUS_OK;
}

atrous_status atrous_stack_query(const atrous_stack *stack, atrous_stack_info *info,
                                 atrous_error *error)
{
    const atrous_status status =
        check_query(stack, info != NULL ? info->struct_size : 0, sizeof *info, "info", error);
    if (status != ATROUS_OK)
        return status;
    *info = (atrous_stack_info){.struct_size = sizeof *info,
                                .layer_count = stack->graph.step_count,
                                .output_count = stack->graph.output_count,
                                .input_bytes = stack->graph.tensors[0].bytes,
                                .packed_bytes = stack->on_cpu ? 0 : stack->packed_bytes,
                                .workspace_bytes = atrous__running(stack)->workspace_bytes,
                                .activation_bytes = atrous__running(stack)->activation_bytes,
                                .offset_alignment = sizeof(float),
                                .weights_format = stack->format,
                                .on_cpu_path = stack->on_cpu,
                                .create_ms = stack->create_ms};
    for (size_t i = 0; i < stack->run_count; ++i)
        info->depth_first += stack->runs[i].end - stack->runs[i].first;
    for (size_t i = 0; i < stack->graph.step_count; ++i) {
        atrous_plan_info plan = {.struct_size = sizeof plan};
        atrous_plan_query(stack->plans[i], &plan, NULL);
        info->macs += plan.macs;
        info->valid_macs += plan.valid_macs;
        info->offset_alignment = atrous__max(info->offset_alignment, plan.offset_alignment);
    }
    return ATROUS_OK;
}

atrous_status atrous_stack_output(const atrous_stack *stack, size_t index, atrous_shape *shape,
                                  size_t *bytes, atrous_error *error)
{
    const atrous_status status =
        check_query(stack, shape != NULL ? shape->struct_size : 0, sizeof *shape, "shape", error);
    if (status != ATROUS_OK)
        return status;
    if (index >= stack->graph.output_count)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "index",
                            "is %zu, must be less than %zu", index, stack->graph.output_count);
    const struct atrous__tensor *tensor = &stack->graph.tensors[stack->graph.outputs[index]];
    *shape = tensor->shape;
    if (bytes != NULL)
        *bytes = tensor->bytes;
    return ATROUS_OK;
}

const atrous_plan *atrous_stack_plan(const atrous_stack *stack, size_t layer)
{
    return stack != NULL && layer < stack->graph.step_count ? stack->plans[layer] : NULL;
}
