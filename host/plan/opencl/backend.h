/* What the files of this folder share: a device's plans. */
#ifndef ATROUS_PLAN_OPENCL_BACKEND_H
#define ATROUS_PLAN_OPENCL_BACKEND_H

#include "plan/plan.h"
#include "solve/solver.h"

/* Computes `arrays` with a job: copies in, packs, runs, copies out. With milliseconds, one
 * untimed and then `repeat` timed runs of the job's launches. */
atrous_status atrous__job_run(struct atrous__env *env, const struct atrous__problem *problem,
                              struct atrous__job *job, const atrous_arrays *arrays, size_t repeat,
                              double *milliseconds, atrous_error *error);

/* Runs the solver's probe problem on the device and compares it with the CPU path.
 * ATROUS_OK: it agrees. */
atrous_status atrous__self_test(struct atrous__env *env, const struct atrous__solver *solver,
                                atrous_error *error);

#endif
