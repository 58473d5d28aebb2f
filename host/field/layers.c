/* From the caller's layers to sizes, jumps, starts and extents, all checked. */
#include "field/field.h"

#include <stdio.h>

static atrous_status refuse_size(atrous_error *error, const char *field, size_t value,
                                 const char *rule)
{
    return atrous__fail(error, ATROUS_INVALID_ARGUMENT, field, "is %zu, %s", value, rule);
}

static atrous_status check_layer(const atrous_field_layer *layer, int rank, size_t index,
                                 atrous_error *error)
{
    char field[64];
    if (layer->struct_size != sizeof *layer) {
        snprintf(field, sizeof field, "layers[%zu].struct_size", index);
        return refuse_size(error, field, layer->struct_size,
                           "must be set by atrous_field_layer_init()");
    }
    if (layer->pad_same != 0 && layer->pad_same != 1) {
        snprintf(field, sizeof field, "layers[%zu].pad_same", index);
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, field, "is %d, must be 0 or 1",
                            layer->pad_same);
    }
    for (int axis = 0; axis < rank; ++axis) {
        const struct {
            const char *name;
            size_t value;
        } least_one[] = {
            {"kernel", layer->kernel[axis]},
            {"stride", layer->stride[axis]},
            {"dilation", layer->dilation[axis]},
        };
        for (size_t i = 0; i < sizeof least_one / sizeof least_one[0]; ++i)
            if (least_one[i].value == 0) {
                snprintf(field, sizeof field, "layers[%zu].%s[%d]", index, least_one[i].name, axis);
                return refuse_size(error, field, 0, "must be at least 1");
            }
    }
    if (layer->channels == 0) {
        snprintf(field, sizeof field, "layers[%zu].channels", index);
        return refuse_size(error, field, 0, "must be at least 1");
    }
    return ATROUS_OK;
}

atrous_status atrous__field_check(const atrous_field_stack *stack, atrous_error *error)
{
    if (stack == NULL)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "stack", "is NULL");
    if (stack->struct_size != sizeof *stack)
        return refuse_size(error, "struct_size", stack->struct_size,
                           "must be set by atrous_field_stack_init()");
    if (stack->rank < 1 || stack->rank > ATROUS_MAX_RANK)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "rank", "is %d, must be 1 to %d",
                            stack->rank, ATROUS_MAX_RANK);
    if (stack->layer_count < 1 || stack->layer_count > ATROUS__FIELD_LAYERS_MAX)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "layer_count",
                            "is %zu, must be 1 to %d", stack->layer_count,
                            ATROUS__FIELD_LAYERS_MAX);
    if (stack->layers == NULL)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "layers", "is NULL");
    if (stack->in_channels == 0)
        return refuse_size(error, "in_channels", 0, "must be at least 1");
    for (int axis = 1; axis < stack->rank; ++axis)
        if ((stack->input[axis] == 0) != (stack->input[0] == 0))
            return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "input",
                                "has a 0, must be all 0 (not known) or none");
    return ATROUS_OK;
}

/* The layer's axis as a problem of its own, so that its padding and extents follow the rules that
 * every convolution here follows. */
static atrous_status resolve(struct atrous__step *step, const atrous_field_layer *layer, int axis,
                             size_t index, atrous_error *error)
{
    char field[64];
    size_t output[ATROUS_MAX_RANK] = {0};
    atrous_error inner;
    atrous_conv conv;
    atrous_conv_init(&conv, 1, sizeof conv);
    conv.input[0] = step->input > 0 ? step->input : 1;
    conv.kernel[0] = step->kernel;
    conv.stride[0] = step->stride;
    conv.dilation[0] = step->dilation;
    conv.pad_begin[0] = layer->pad_begin[axis];
    conv.pad_end[0] = layer->pad_end[axis];

    snprintf(field, sizeof field, "layers[%zu].pad_same", index);
    if (layer->pad_same && step->input == 0 && step->stride > 1)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, field,
                            "is 1, needs the stack's input extents where a stride is above 1");
    atrous_status status = ATROUS_OK;
    if (layer->pad_same)
        status = atrous_conv_pad(&conv, ATROUS_PAD_SAME, &inner);
    if (status == ATROUS_OK && step->input > 0)
        status = atrous_conv_output(&conv, output, &inner);
    if (status != ATROUS_OK) {
        snprintf(field, sizeof field, "layers[%zu], axis %d", index, axis);
        return atrous__fail(error, status, field, "%s", inner.message);
    }
    step->pad_begin = conv.pad_begin[0];
    step->pad_end = conv.pad_end[0];
    step->output = output[0];
    return ATROUS_OK;
}

/* size, jump and start after the layer from those before it. */
static atrous_status extend(struct atrous__step *step, size_t size, ptrdiff_t start, int axis,
                            size_t index, atrous_error *error)
{
    char field[64];
    size_t reach, shift;
    snprintf(field, sizeof field, "layers[%zu].dilation[%d]", index, axis);
    if (!atrous__mul(step->kernel - 1, step->dilation, &reach) ||
        !atrous__mul(reach, step->spacing, &reach) || !atrous__add(reach, size, &step->size) ||
        step->size > PTRDIFF_MAX)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, field,
                            "is %zu: the field's size overflows", step->dilation);
    snprintf(field, sizeof field, "layers[%zu].pad_begin[%d]", index, axis);
    if (!atrous__mul(step->pad_begin, step->spacing, &shift) || shift > PTRDIFF_MAX ||
        start < -PTRDIFF_MAX + (ptrdiff_t)shift)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, field,
                            "is %zu: the field's start overflows", step->pad_begin);
    step->start = start - (ptrdiff_t)shift;
    snprintf(field, sizeof field, "layers[%zu].stride[%d]", index, axis);
    if (!atrous__mul(step->spacing, step->stride, &step->jump) || step->jump > PTRDIFF_MAX)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, field,
                            "is %zu: the field's jump overflows", step->stride);
    return ATROUS_OK;
}

static atrous_status read_axis(struct atrous__step *steps, const atrous_field_stack *stack,
                               int axis, atrous_error *error)
{
    size_t size = 1, jump = 1, extent = stack->input[axis];
    ptrdiff_t start = 0;
    for (size_t i = 0; i < stack->layer_count; ++i) {
        const atrous_field_layer *layer = &stack->layers[i];
        struct atrous__step *step = &steps[i];
        *step = (struct atrous__step){.kernel = layer->kernel[axis],
                                      .stride = layer->stride[axis],
                                      .dilation = layer->dilation[axis],
                                      .spacing = jump,
                                      .input = extent};
        atrous_status status = resolve(step, layer, axis, i, error);
        if (status == ATROUS_OK)
            status = extend(step, size, start, axis, i, error);
        if (status != ATROUS_OK)
            return status;
        size = step->size;
        jump = step->jump;
        start = step->start;
        extent = step->output;
    }
    return ATROUS_OK;
}

atrous_status atrous__field_read(atrous_field *field, const atrous_field_stack *stack,
                                 atrous_error *error)
{
    for (size_t i = 0; i < stack->layer_count; ++i) {
        const atrous_status status = check_layer(&stack->layers[i], stack->rank, i, error);
        if (status != ATROUS_OK)
            return status;
        field->channels[i] = stack->layers[i].channels;
    }
    for (int axis = 0; axis < stack->rank; ++axis) {
        const atrous_status status =
            read_axis(atrous__field_steps(field, axis), stack, axis, error);
        if (status != ATROUS_OK)
            return status;
    }
    return ATROUS_OK;
}
