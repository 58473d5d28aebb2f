/* Kernels behind a solver that turn its sums, floats in the workspace, into the output. */
#ifndef ATROUS_SOLVE_BEHIND_H
#define ATROUS_SOLVE_BEHIND_H

#include "problem/fold.h"
#include "solve/solver.h"

/* Adds the launch behind the job that computes `sums` into the workspace from float `first` on. */
atrous_status atrous__fold_build(const struct atrous__problem *problem,
                                 const struct atrous__problem *sums, size_t first,
                                 struct atrous__env *env, struct atrous__job *job,
                                 atrous_error *error);
atrous_status atrous__gate_build(const struct atrous__problem *problem, size_t first,
                                 struct atrous__env *env, struct atrous__job *job,
                                 atrous_error *error);

/* The K plain sums that a gate takes: no scale, bias or residual, floats whatever the type. */
struct atrous__problem atrous__gate_sums(const struct atrous__problem *problem);

/* Expected milliseconds of the launch alone. */
double atrous__gate_estimate(const struct atrous__problem *problem,
                             const struct atrous__device *device);

#endif
