/* Depthwise convolution of contiguous channels read where they lie: a part of the depthwise solver.
 * Kernel: pixels.cl. */
#ifndef ATROUS_SOLVE_PIXELS_H
#define ATROUS_SOLVE_PIXELS_H

#include "solve/solver.h"

/* Whether the kernel serves the problem, one of one channel a group that depthwise accepts. */
bool atrous__pixels_serves(const struct atrous__problem *problem,
                           const struct atrous__device *device);

/* Expected milliseconds. */
double atrous__pixels_estimate(const struct atrous__problem *problem,
                               const struct atrous__device *device);

/* Packs and launches. */
atrous_status atrous__pixels_build(const struct atrous__problem *problem, struct atrous__env *env,
                                   struct atrous__job *job, atrous_error *error);

#endif
