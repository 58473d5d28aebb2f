/* Problems too large for the device at once: host-array calls compute them in parts. */
#ifndef ATROUS_PLAN_OPENCL_PARTS_H
#define ATROUS_PLAN_OPENCL_PARTS_H

#include "plan/opencl/backend.h"

enum { ATROUS__KEPT_JOBS = 32 };

struct atrous__parts {
    const struct atrous__solver *solver;
    struct atrous__cut cut;
    size_t count; /* some of them perhaps empty */
    /* One for each kind of part; of further kinds a job is made for each part when it runs. */
    size_t kept;
    struct atrous__problem problems[ATROUS__KEPT_JOBS];
    struct atrous__job jobs[ATROUS__KEPT_JOBS];
};

/* Whether a buffer of the problem exceeds the env's limit, or an extent what kernels count in. */
bool atrous__exceeds(const struct atrous__env *env, const struct atrous__problem *problem,
                     size_t workspace);

/* Makes *cut, which may have been made smaller before, small enough for the solver. False with
 * the reason in words when it serves no cut. */
bool atrous__cut_choose(const struct atrous__env *env, const struct atrous__problem *problem,
                        const struct atrous__solver *solver, struct atrous__cut *cut, char *reason,
                        size_t size);

/* Makes the row's jobs ready, cut smaller where packed weights turn out to be too large. */
atrous_status atrous__parts_build(struct atrous__env *env, const struct atrous__problem *problem,
                                  const struct atrous__solver *solver, struct atrous__cut cut,
                                  struct atrous__parts **out, atrous_error *error);

/* NULL is accepted. */
void atrous__parts_free(struct atrous__parts *parts);

/* As atrous__job_run(). */
atrous_status atrous__parts_run(struct atrous__env *env, const struct atrous__problem *problem,
                                struct atrous__parts *parts, const atrous_arrays *arrays,
                                unsigned threads, size_t repeat, double *milliseconds,
                                atrous_error *error);

#endif
