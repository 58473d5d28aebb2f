/* What the files of this folder share: a device's plans. */
#ifndef ATROUS_PLAN_OPENCL_BACKEND_H
#define ATROUS_PLAN_OPENCL_BACKEND_H

#include "plan/plan.h"
#include "solve/solver.h"

/* The tensors of a call on the device. */
struct atrous__buffers {
    struct atrous__place places[ATROUS__SLOTS];
};

/* Makes the buffers of the problem's tensors and copies `arrays` in, where given; a copy reads
 * the caller's arrays until the queue is finished. */
atrous_status atrous__buffers_tensors(struct atrous__env *env,
                                      const struct atrous__problem *problem,
                                      const atrous_arrays *arrays, struct atrous__buffers *buffers,
                                      atrous_error *error);

/* Makes the buffers of a job: packed weights and workspace. */
atrous_status atrous__buffers_scratch(struct atrous__env *env, const struct atrous__job *job,
                                      struct atrous__buffers *buffers, atrous_error *error);

/* Accepts buffers that were never made (all zero). */
void atrous__buffers_release(struct atrous__buffers *buffers);

/* One timed run of a job, its weights packed before. */
atrous_status atrous__job_time(struct atrous__env *env, struct atrous__job *job,
                               const struct atrous__buffers *buffers, double *milliseconds,
                               atrous_error *error);

/* Computes `arrays` with a job: copies in, packs, runs, copies out. With milliseconds, one
 * untimed and then `repeat` timed runs of the job's launches. */
atrous_status atrous__job_run(struct atrous__env *env, const struct atrous__problem *problem,
                              struct atrous__job *job, const atrous_arrays *arrays, size_t repeat,
                              double *milliseconds, atrous_error *error);

/* Runs the solver's probe problem, at a type that it takes, on the device and compares it with the
 * CPU path. ATROUS_OK: it agrees. */
atrous_status atrous__self_test(struct atrous__env *env, const struct atrous__solver *solver,
                                atrous_type type, atrous_error *error);

/* The same where the solver sums in half. */
atrous_status atrous__half_test(struct atrous__env *env, const struct atrous__solver *solver,
                                atrous_type f16, atrous_error *error);

/* The same where a kernel behind the solver gates its sums. */
atrous_status atrous__gate_test(struct atrous__env *env, const struct atrous__solver *solver,
                                atrous_type type, atrous_error *error);

/* The same of what folds gradients, behind the solver that takes everything. */
atrous_status atrous__fold_test(struct atrous__env *env, const struct atrous__solver *any,
                                atrous_type f32, atrous_error *error);

/* Self-test, build, first launch of the solver of a row. On failure *job is all zero. */
atrous_status atrous__row_build(const atrous_plan *plan, size_t index, struct atrous__job *job,
                                atrous_error *error);

/* Makes the row's job the plan's: the choice. *job is all zero afterwards. */
atrous_status atrous__row_take(atrous_plan *plan, size_t index, struct atrous__job *job,
                               atrous_error *error);

void atrous__row_refuse(struct atrous__row *row, const char *reason);

/* The row with the least measured time, else with the least estimate, that is not refused; or
 * row_count. */
size_t atrous__row_best(const atrous_plan *plan);

/* Builds and measures the rows that are not refused, takes the fastest and remembers it. Rows
 * that fail are refused, the last reason in *error, which is not NULL; where none is left, nothing
 * is taken and the call succeeds. */
atrous_status atrous__tune(atrous_plan *plan, atrous_error *error);

#endif
