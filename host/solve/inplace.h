/* Depthwise planes read where they lie: a part of the depthwise solver. Kernel: inplace.cl. */
#ifndef ATROUS_SOLVE_INPLACE_H
#define ATROUS_SOLVE_INPLACE_H

#include "solve/solver.h"

/* Whether the kernel serves the problem, one of one channel a group that depthwise accepts. */
bool atrous__inplace_serves(const struct atrous__problem *problem,
                            const struct atrous__device *device);

/* Expected milliseconds. */
double atrous__inplace_estimate(const struct atrous__problem *problem,
                                const struct atrous__device *device);

/* Packs and launches. */
atrous_status atrous__inplace_build(const struct atrous__problem *problem, struct atrous__env *env,
                                    struct atrous__job *job, atrous_error *error);

#endif
