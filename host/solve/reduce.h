/* Gradients of the weights in parts: sums over ranges of tiles, added in a fixed order. */
#ifndef ATROUS_SOLVE_REDUCE_H
#define ATROUS_SOLVE_REDUCE_H

#include "solve/solver.h"

/* Adds the launch that makes dw of `parts` sums of all its elements, one after the other in the
 * workspace. */
atrous_status atrous__reduce_build(const struct atrous__problem *problem, struct atrous__env *env,
                                   size_t parts, struct atrous__job *job, atrous_error *error);

#endif
