/* Gradients of the weights in parts: sums over ranges of tiles, added in a fixed order. What the
 * solvers of gradients on CPU-class devices share. */
#ifndef ATROUS_SOLVE_REDUCE_H
#define ATROUS_SOLVE_REDUCE_H

#include "solve/solver.h"

/* Bytes of the workspace behind `before` floats of the solver's own: sums of all elements, part
 * after part, where there are several parts or another type than f32 is stored; then those of the
 * gradient of the bias. parts 0: the solver stores dw itself. */
size_t atrous__reduce_workspace(const struct atrous__problem *problem,
                                const struct atrous__device *device, size_t before, size_t parts);

/* Adds what kernels that sum parts begin with: x, dy, dw or the workspace, then the geometry. */
void atrous__reduce_begin(struct atrous__launch *launch, const struct atrous__problem *problem,
                          size_t parts);

/* Adds the launches that make dw of the parts, then db where it is asked for. Sets
 * job->workspace_bytes. */
atrous_status atrous__reduce_build(const struct atrous__problem *problem, struct atrous__env *env,
                                   size_t before, size_t parts, struct atrous__job *job,
                                   atrous_error *error);

#endif
