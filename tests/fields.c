/* Stacks of layers and their fields, as tests of field.h make them. */
#include "fields.h"

#include "testing.h"

#include <stdlib.h>
#include <string.h>

void stack_start(struct stack *made, int rank)
{
    atrous_field_stack_init(&made->stack, rank, sizeof made->stack);
    made->stack.layers = made->layer;
}

atrous_field_layer *stack_add(struct stack *made, size_t kernel, size_t dilation, size_t stride)
{
    atrous_field_layer *layer = &made->layer[made->stack.layer_count++];
    atrous_field_layer_init(layer, sizeof *layer);
    for (int axis = 0; axis < ATROUS_MAX_RANK; ++axis) {
        layer->kernel[axis] = kernel;
        layer->dilation[axis] = dilation;
        layer->stride[axis] = stride;
    }
    return layer;
}

atrous_field *field_of(const atrous_field_stack *stack)
{
    atrous_field *field = NULL;
    atrous_error error;
    if (atrous_field_create(stack, &field, &error) != ATROUS_OK)
        fail_msg("%s", error.message);
    return field;
}

atrous_field_info info_of(const atrous_field *field, size_t layer)
{
    atrous_field_info info = {.struct_size = sizeof info};
    assert_int_equal(atrous_field_layer_info(field, layer, &info, NULL), ATROUS_OK);
    return info;
}

size_t coverage_at(const atrous_field *field, const size_t *position)
{
    char digits[64];
    const size_t length = atrous_field_coverage(field, position, digits, sizeof digits);
    assert_in_range(length, 1, 20);
    assert_int_equal(length, strlen(digits));
    return strtoull(digits, NULL, 10);
}
