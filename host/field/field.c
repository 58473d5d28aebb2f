/* The life of a computed field, and the questions it answers. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "field/big.h"
#include "field/field.h"

void atrous_field_layer_init(atrous_field_layer *layer, size_t struct_size)
{
    if (layer == NULL || struct_size != sizeof *layer)
        return;
    memset(layer, 0, sizeof *layer);
    layer->struct_size = struct_size;
    layer->channels = 1;
    for (int axis = 0; axis < ATROUS_MAX_RANK; ++axis)
        layer->kernel[axis] = layer->stride[axis] = layer->dilation[axis] = 1;
}

void atrous_field_stack_init(atrous_field_stack *stack, int rank, size_t struct_size)
{
    if (stack == NULL || struct_size != sizeof *stack)
        return;
    memset(stack, 0, sizeof *stack);
    stack->struct_size = struct_size;
    stack->rank = rank;
    stack->in_channels = 1;
}

struct atrous__step *atrous__field_steps(const atrous_field *field, int axis)
{
    return field->step + (size_t)axis * field->layer_count;
}

const struct atrous__step *atrous__field_last(const atrous_field *field, int axis)
{
    return &atrous__field_steps(field, axis)[field->layer_count - 1];
}

static bool compute(atrous_field *field)
{
    for (int axis = 0; axis < field->rank; ++axis)
        if (!atrous__field_judge(field, axis) || !atrous__field_cover(field, axis) ||
            !atrous__field_count_use(field, axis))
            return false;
    return atrous__field_count_totals(field);
}

atrous_status atrous_field_create(const atrous_field_stack *stack, atrous_field **field,
                                  atrous_error *error)
{
    atrous__clear(error);
    if (field == NULL)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "field", "is NULL");
    *field = NULL;
    atrous_status status = atrous__field_check(stack, error);
    if (status != ATROUS_OK)
        return status;

    const size_t layers = stack->layer_count;
    atrous_field *made = calloc(1, sizeof *made);
    if (made != NULL) {
        made->rank = stack->rank;
        made->layer_count = layers;
        made->in_channels = stack->in_channels;
        made->channels = calloc(layers, sizeof *made->channels);
        made->step = calloc(layers * (size_t)stack->rank, sizeof *made->step);
    }
    if (made == NULL || made->channels == NULL || made->step == NULL)
        status =
            atrous__fail(error, ATROUS_OUT_OF_HOST_MEMORY, "", "a field of %zu layers", layers);
    if (status == ATROUS_OK)
        status = atrous__field_read(made, stack, error);
    if (status == ATROUS_OK && !compute(made))
        status = atrous__fail(error, ATROUS_OUT_OF_HOST_MEMORY, "", "the coverage of a field");
    if (status == ATROUS_OK)
        *field = made;
    else
        atrous_field_destroy(made);
    return status;
}

void atrous_field_destroy(atrous_field *field)
{
    if (field == NULL)
        return;
    for (int axis = 0; axis < ATROUS_MAX_RANK; ++axis) {
        free(field->line[axis].coverage);
        free(field->line[axis].use);
    }
    for (int which = 0; which < ATROUS__FIELD_TOTALS; ++which)
        free(field->total[which]);
    free(field->channels);
    free(field->step);
    free(field);
}

atrous_status atrous_field_layer_info(const atrous_field *field, size_t layer,
                                      atrous_field_info *info, atrous_error *error)
{
    atrous__clear(error);
    if (field == NULL || info == NULL)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, field == NULL ? "field" : "info",
                            "is NULL");
    if (info->struct_size != sizeof *info)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "struct_size", "is %zu, must be %zu",
                            info->struct_size, sizeof *info);
    if (layer >= field->layer_count)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "layer", "is %zu, must be below %zu",
                            layer, field->layer_count);
    memset(info, 0, sizeof *info);
    info->struct_size = sizeof *info;
    for (int axis = 0; axis < field->rank; ++axis) {
        const struct atrous__step *step = &atrous__field_steps(field, axis)[layer];
        info->size[axis] = step->size;
        info->jump[axis] = step->jump;
        info->start[axis] = step->start;
        info->pad_begin[axis] = step->pad_begin;
        info->pad_end[axis] = step->pad_end;
        info->output[axis] = step->output;
    }
    return ATROUS_OK;
}

const char *atrous_field_total_text(const atrous_field *field, atrous_field_total total)
{
    if (field == NULL || (int)total < 0 || (int)total >= ATROUS__FIELD_TOTALS)
        return NULL;
    return field->total[total];
}

int atrous_field_has_holes(const atrous_field *field)
{
    for (int axis = 0; field != NULL && axis < field->rank; ++axis)
        if (!field->line[axis].complete)
            return 1;
    return 0;
}

static bool has_axis(const atrous_field *field, int axis)
{
    return field != NULL && axis >= 0 && axis < field->rank;
}

size_t atrous_field_reached(const atrous_field *field, int axis)
{
    return has_axis(field, axis) ? field->line[axis].reached : 0;
}

const size_t *atrous_field_use(const atrous_field *field, int axis)
{
    return has_axis(field, axis) ? field->line[axis].use : NULL;
}

size_t atrous_field_strided_jump(const atrous_field *field, int axis)
{
    return has_axis(field, axis) ? field->line[axis].strided_jump : 0;
}

/* The axis's digits at the position, NULL where there is no count. */
static const uint32_t *count_at(const atrous_field *field, int axis, const size_t *position)
{
    const struct atrous__line *line = &field->line[axis];
    if (line->coverage == NULL || position[axis] >= atrous__field_last(field, axis)->size)
        return NULL;
    return line->coverage + position[axis] * line->digits;
}

size_t atrous_field_coverage(const atrous_field *field, const size_t *position, char *text,
                             size_t size)
{
    uint32_t product[2][ATROUS_MAX_RANK * ATROUS__FIELD_DIGITS_MAX] = {{1}};
    size_t digits = 1;
    int at = 0;
    if (text != NULL && size > 0)
        text[0] = '\0';
    if (field == NULL || position == NULL || (text == NULL && size > 0))
        return 0;
    for (int axis = 0; axis < field->rank; ++axis) {
        const uint32_t *count = count_at(field, axis, position);
        const size_t more = field->line[axis].digits;
        if (count == NULL)
            return 0;
        /* The first product is by the one digit 1: it needs no digit more. */
        if (axis == 0)
            memcpy(product[at], count, more * sizeof *count);
        else
            atrous__big_multiply(product[1 - at], product[at], digits, count, more);
        digits = axis == 0 ? more : digits + more;
        at = axis == 0 ? at : 1 - at;
    }
    return atrous__big_text(product[at], digits, text, size);
}

double atrous_field_coverage_log2(const atrous_field *field, const size_t *position)
{
    double sum = 0;
    if (field == NULL || position == NULL)
        return NAN;
    for (int axis = 0; axis < field->rank; ++axis) {
        const uint32_t *count = count_at(field, axis, position);
        if (count == NULL)
            return NAN;
        sum += atrous__big_log2(count, field->line[axis].digits);
    }
    return sum;
}
