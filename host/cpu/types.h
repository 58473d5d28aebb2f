/* Tensors of other types than float: widened for the loops of the CPU path, narrowed behind them.
 */
#ifndef ATROUS_CPU_TYPES_H
#define ATROUS_CPU_TYPES_H

#include "problem/problem.h"

/* to[i] = from[i], exactly. */
void atrous__widen(atrous_type type, const void *from, float *to, size_t count, unsigned threads);

/* The nearest value, ties to even. Beyond the largest one: infinity, or for i8 the nearest bound;
 * a NaN stays one, and is 0 for i8. */
void atrous__narrow(atrous_type type, const float *from, void *to, size_t count, unsigned threads);

/* Where the numbers of a type end: the least magnitude that is stored as infinity (f32: that may
 * be), and half the distance between neighbours at magnitude `value`: 0 for f32. */
double atrous__type_overflow(atrous_type type);
double atrous__type_half_step(atrous_type type, double value);

/* *wide = arrays with float copies of everything that has the problem's type and is there, all in
 * *memory, which the caller frees. The output's copy holds what it held only where `with_output`.
 * Of a problem of floats *wide = *arrays and *memory = NULL. */
atrous_status atrous__widen_arrays(const struct atrous__problem *problem,
                                   const atrous_arrays *arrays, bool with_output, unsigned threads,
                                   atrous_arrays *wide, float **memory, atrous_error *error);

#endif
