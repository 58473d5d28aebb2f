/* Contexts and plans from inside, and what the plan room asks of a device. */
#ifndef ATROUS_PLAN_PLAN_H
#define ATROUS_PLAN_PLAN_H

#include <pthread.h>

#include "cpu/cpu.h"
#include "problem/part.h"

enum { ATROUS__MAX_ROWS = 16, ATROUS__TYPES = 4, ATROUS__REASON = 464 };

struct atrous__env;   /* an opened OpenCL device */
struct atrous__job;   /* kernels made ready for a problem */
struct atrous__parts; /* the same for one that is computed in parts */

/* What the self-test of one solver, at one type, said on this context's device. */
struct atrous__verdict {
    bool is_tested;
    atrous_error outcome; /* status OK: sound */
};

struct atrous_context {
    struct atrous__env *env; /* NULL: the CPU path */
    unsigned threads;
    bool may_fall_back;
    pthread_mutex_t lock; /* guards what follows */
    size_t holds;         /* the user's one, and one per plan */
    struct atrous__verdict verdicts[ATROUS__MAX_ROWS][ATROUS__TYPES], fold_verdict;
    struct atrous__verdict gate_verdicts[ATROUS__MAX_ROWS][ATROUS__TYPES];
    struct atrous__verdict half_verdicts[ATROUS__MAX_ROWS];
};

/* One line of atrous_plan_candidate(). */
struct atrous__row {
    const char *solver;
    bool is_refused, is_chosen;
    bool is_cut; /* host-array calls compute in the parts of `cut` */
    struct atrous__cut cut;
    char reason[ATROUS__REASON];
    double estimate_ms, measured_ms; /* measured: 0 where it was not */
    size_t workspace;
};

struct atrous_plan {
    atrous_context *context;
    struct atrous__problem problem;
    const char *solver;
    bool on_cpu, is_remembered;
    char fallback[ATROUS__REASON]; /* empty: none */
    size_t row_count;
    struct atrous__row rows[ATROUS__MAX_ROWS];
    struct atrous__bound bound;
    double estimate_ms, create_ms;
    size_t packed_bytes, workspace_bytes;
    uint64_t format;
    struct atrous__job *job;     /* NULL on the CPU path, and where there are parts */
    size_t part_count;           /* 1 where there are no parts */
    struct atrous__parts *parts; /* NULL unless the tensors exceed what the device allocates */
};

/* Makes a context around `env`, which it then owns (NULL: the CPU path); closed on failure. */
atrous_status atrous__context_make(struct atrous__env *env, const atrous_context_options *options,
                                   atrous_context **out, atrous_error *error);
void atrous__context_hold(atrous_context *context);

/* The refusal of what works on buffers where the plan computes in parts. */
atrous_status atrous__fail_parts(atrous_error *error);

/* Every array the problem needs is given and the output overlaps no input. */
atrous_status atrous__arrays_check(const struct atrous__problem *problem,
                                   const atrous_arrays *arrays, atrous_error *error);

/* Compares arrays->output with the CPU path; see atrous_plan_check(). */
atrous_status atrous__check(const struct atrous__problem *problem,
                            const struct atrous__bound *bound, const atrous_arrays *arrays,
                            unsigned threads, atrous_check *check, atrous_error *error);

/* ---- answered by host/plan/opencl/, or by host/plan/without/ in a build without OpenCL */

/* Opens what the options ask for. *env is NULL where AUTO finds no device. */
atrous_status atrous__backend_open(const atrous_context_options *options, struct atrous__env **env,
                                   atrous_error *error);
void atrous__backend_close(struct atrous__env *env);
const atrous_device_info *atrous__backend_info(const struct atrous__env *env);
/* Bytes of the cache that all units share, where local memory is part of it; else 0. */
size_t atrous__backend_cache(const struct atrous__env *env);
size_t atrous__backend_build_log(struct atrous__env *env, char *text, size_t size);

/* Fills plan->rows, chooses and builds. `name` NULL: by measuring, with `tune`, else by what is
 * remembered or estimated. */
atrous_status atrous__backend_plan(atrous_plan *plan, const char *name, bool tune,
                                   atrous_error *error);
void atrous__backend_release(atrous_plan *plan);

/* Runs on host arrays; with milliseconds, one untimed and then `repeat` timed runs. */
atrous_status atrous__backend_run(atrous_plan *plan, const atrous_arrays *arrays, size_t repeat,
                                  double *milliseconds, atrous_error *error);

#endif
