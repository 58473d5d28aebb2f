/* The CPU path: the whole operator in plain loops over threads. No OpenCL. */
#ifndef ATROUS_CPU_CPU_H
#define ATROUS_CPU_CPU_H

#include "problem/bound.h"

/* Threads to use when 0 was asked for: one per processor. At least 1. */
unsigned atrous__cpu_threads(unsigned asked);

/* Bytes of the cache that the processors share, 0 where the system does not tell. */
size_t atrous__cpu_cache(void);

/* Computes the whole output, of any type, with float accumulators (sums of int8 are exact), on
 * `threads` threads (0 = one per processor). Arrays are checked by the caller. The order of
 * summation is fixed: results repeat bit for bit whatever the number of threads. Zero padding is
 * left out of the sums: an infinite weight that meets it does not make NaN. Allocates scratch; on
 * ATROUS_OUT_OF_HOST_MEMORY the output is undefined. */
atrous_status atrous__cpu_run(const struct atrous__problem *problem, const atrous_arrays *arrays,
                              unsigned threads, atrous_error *error);

/* The cross-check's side, on arrays of floats (cpu/types.h): output elements at[0..count-1] (flat
 * indices into output, and behind its end into bias_output), or first .. first+count-1 when at is
 * NULL, with double accumulators. value[i]: the exact result; magnitude[i]: |bias| + sum |w*x|.
 * arrays->output is not read. */
atrous_status atrous__cpu_exact(const struct atrous__problem *problem, const atrous_arrays *arrays,
                                const size_t *at, size_t first, size_t count, unsigned threads,
                                double *value, double *magnitude, atrous_error *error);

/* dx from the gradient of the padded input: folds it into arrays->output, with the epilogue. */
atrous_status atrous__cpu_fold(const struct atrous__problem *problem, const float *padded,
                               const atrous_arrays *arrays, unsigned threads, atrous_error *error);

/* sums[i] += part[i], for sums that parts of a problem share. */
void atrous__cpu_add(const float *part, size_t count, double *sums);

/* Output (and bias_output behind it) from such sums: rounded once, then the epilogue. */
atrous_status atrous__cpu_finish(const struct atrous__problem *problem, const double *sums,
                                 const atrous_arrays *arrays, unsigned threads,
                                 atrous_error *error);

/* The magnitude that the error bound of minimal filtering rests on (problem/bound.h), for the
 * same outputs; infinity where a transform may leave float's range. `bound` is not direct. */
atrous_status atrous__cpu_minimal(const struct atrous__problem *problem,
                                  const struct atrous__bound *bound, const atrous_arrays *arrays,
                                  const size_t *at, size_t first, size_t count, unsigned threads,
                                  double *magnitude, atrous_error *error);

#endif
