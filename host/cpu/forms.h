/* The CPU path's forms other than a sum over channels and taps (problem/problem.h). */
#ifndef ATROUS_CPU_FORMS_H
#define ATROUS_CPU_FORMS_H

#include "cpu/cpu.h"
#include "cpu/tile.h"

/* A problem of the form SUM tile by tile: `work` but for its packed weights. Sums of the type I8
 * are exact, whatever the work's is. *finite: all weights are; else nothing is computed. */
atrous_status atrous__tiles_run(const struct atrous__problem *problem,
                                const struct atrous__work *work, const float *weights,
                                unsigned threads, bool *finite, atrous_error *error);

/* The same of the form SPREAD: as sums of the form SUM over the residues of the output positions,
 * each with the taps that it meets. */
atrous_status atrous__spread_run(const struct atrous__problem *problem,
                                 const struct atrous__work *work, const float *weights,
                                 unsigned threads, bool *finite, atrous_error *error);

/* All outputs of a view in the output of a problem whose axes are those of `whole`, `pixel`
 * elements apart. */
struct atrous__landing atrous__landing_make(const struct atrous__view *view,
                                            const struct atrous__problem *whole, size_t pixel);

/* The whole problem, whatever its type, on arrays of floats. */
atrous_status atrous__floats_run(const struct atrous__problem *problem, const atrous_arrays *arrays,
                                 unsigned threads, atrous_error *error);

/* dx through a padding that repeats elements, on arrays of floats. */
atrous_status atrous__fold_run(const struct atrous__problem *problem, const atrous_arrays *arrays,
                               unsigned threads, atrous_error *error);

/* The sums of the form GRADIENT, and of bias_output where it is asked for. */
atrous_status atrous__gradient_run(const struct atrous__problem *problem,
                                   const atrous_arrays *arrays, unsigned threads,
                                   atrous_error *error);

/* atrous__cpu_exact() of the form GRADIENT. */
atrous_status atrous__gradient_exact(const struct atrous__problem *problem,
                                     const atrous_arrays *arrays, const size_t *at, size_t first,
                                     size_t count, unsigned threads, double *value,
                                     double *magnitude, atrous_error *error);

/* atrous__cpu_minimal() of the form GRADIENT. What is behind the end of output, the gradient of the
 * bias, is summed directly: of those elements magnitude[i] comes as atrous__cpu_exact() left it,
 * and goes out larger by as much as a direct sum has more roundings. */
atrous_status atrous__gradient_magnitude(const struct atrous__problem *problem,
                                         const struct atrous__bound *bound,
                                         const atrous_arrays *arrays, const size_t *at,
                                         size_t first, size_t count, unsigned threads,
                                         double *magnitude, atrous_error *error);

#endif
