/* The epilogue of the CPU path: what happens to finished sums. */
#ifndef ATROUS_CPU_EPILOGUE_H
#define ATROUS_CPU_EPILOGUE_H

#include "problem/problem.h"

/* Whether the sums, bias included, are the output as they are. */
bool atrous__epilogue_is_plain(const struct atrous__problem *problem);

/* The problem whose output is the sums themselves, as floats: K channels, no epilogue but a bias
 * that comes with the sum. */
struct atrous__problem atrous__epilogue_sums(const struct atrous__problem *problem);

/* Where output element `at` finds its sum: a flat index into the sums. *partner is that of the
 * sigmoid's filter behind a gated activation, else the same. */
size_t atrous__epilogue_source(const struct atrous__problem *problem, size_t at, size_t *partner);

/* Elements at, at + step, ... of an output, and the channels they belong to. */
struct atrous__elements {
    size_t at, step, channel, channel_step, count;
};

/* values[i] = the epilogue of sums[i], i < count, of some elements; values may be sums. partners:
 * the sums of the sigmoid's filters behind a gated activation. Of `arrays` scale, bias, residual
 * and output are read, the latter two of `type`. */
void atrous__epilogue_row(const struct atrous__problem *problem, const atrous_arrays *arrays,
                          atrous_type type, const struct atrous__elements *elements,
                          const float *sums, const float *partners, float *values);

/* output[at] = the epilogue of sums[source], at = 0 .. count-1 of an output; sums may be output
 * itself unless the activation is gated or beta is not 0. Of `arrays`, whose tensors are floats,
 * scale, bias and residual are read. */
void atrous__epilogue_run(const struct atrous__problem *problem, const float *sums,
                          const atrous_arrays *arrays, float *output, size_t count,
                          unsigned threads);

/* Scale and bias of sum `source` of a problem that is scaled, in double; *bound is the sum's, and
 * becomes the value's. */
double atrous__epilogue_scale_exact(const struct atrous__problem *problem,
                                    const atrous_arrays *arrays, size_t source, double sum,
                                    double *bound);

/* What follows, for one element in double, with the error bound carried along: `bound` and
 * `partner_bound` are those of the sums; returns the value, *out_bound is its bound. `old` is
 * what the output held, where beta is not 0. */
double atrous__epilogue_exact(const struct atrous__problem *problem, double sum, double partner,
                              double bound, double partner_bound, double residual, double old,
                              double *out_bound);

#endif
