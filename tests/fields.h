/* Stacks of layers and their fields, as tests of field.h make them. */
#ifndef ATROUS_TESTS_FIELDS_H
#define ATROUS_TESTS_FIELDS_H

#include <atrous/field.h>

enum { LAYERS = 6 };

/* A stack under construction. */
struct stack {
    atrous_field_stack stack;
    atrous_field_layer layer[LAYERS];
};

void stack_start(struct stack *made, int rank);

/* Adds a layer, the same on every axis, to be changed further. */
atrous_field_layer *stack_add(struct stack *made, size_t kernel, size_t dilation, size_t stride);

/* The field of a stack, and what it says; whatever fails, fails the test. */
atrous_field *field_of(const atrous_field_stack *stack);
atrous_field_info info_of(const atrous_field *field, size_t layer);
size_t coverage_at(const atrous_field *field, const size_t *position);

#endif
