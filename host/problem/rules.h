/* The checks behind atrous__problem_init(), each a status and a message. */
#ifndef ATROUS_PROBLEM_RULES_H
#define ATROUS_PROBLEM_RULES_H

#include "problem/problem.h"

/* Non-NULL, struct_size, rank: what must hold before any other field is read. */
atrous_status atrous__check_descriptor(const atrous_conv *conv, atrous_error *error);

/* Enums, what is served, channels and groups, numbers. */
atrous_status atrous__check_values(const atrous_conv *conv, atrous_error *error);

/* Extents of the user's axis i are at least 1. */
atrous_status atrous__check_axis(const atrous_conv *conv, int i, atrous_error *error);

/* Of an axis whose `in` is the transposed input's extent: `out` becomes that, `in` the extent of
 * the transposed output, so that both stand in the forward relation. */
atrous_status atrous__transposed_measure(struct atrous__axis *axis, int user_axis,
                                         size_t output_padding, atrous_error *error);

/* From the forward relation, in which all directions are measured, to what is computed: outputs
 * gathered in x, or the gradient of the weights. */
atrous_status atrous__form_gather(struct atrous__problem *problem, atrous_error *error);
void atrous__form_gradient(struct atrous__problem *problem);

#endif
