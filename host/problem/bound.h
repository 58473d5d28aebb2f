/* How far a solver's output may lie from the exact one: derived in bound.c. Pure maths. */
#ifndef ATROUS_PROBLEM_BOUND_H
#define ATROUS_PROBLEM_BOUND_H

#include <float.h>
#include <math.h>

#include "problem/problem.h"

enum { ATROUS__MINIMAL = 6 }; /* inputs or points of an axis, at most */

/* Minimal filtering F(outputs, taps) along one axis: the roundings of the longest way through
 * each transform, and the transforms' absolute values, by [to][from]. */
struct atrous__minimal {
    size_t outputs, taps, inputs, points;
    double input_roundings, tap_roundings, output_roundings;
    double input[ATROUS__MINIMAL][ATROUS__MINIMAL];
    double tap[ATROUS__MINIMAL][ATROUS__MINIMAL];
    double output[ATROUS__MINIMAL][ATROUS__MINIMAL];
};

/* The bound of one output is terms * (epsilon * magnitude + tiny): the spacing behind 1 and the
 * least normal number of the arithmetic that sums, FLT_EPSILON and FLT_MIN. Where a magnitude with
 * its bound exceeds `largest` the bound is infinite and promises nothing: sums on the way may have
 * overflowed. INFINITY for floats, whose results are compared by class instead. */
struct atrous__bound {
    double terms, epsilon, tiny, largest;
    /* Of the axes H and W. NULL: direct summation, the magnitude is atrous__cpu_exact()'s; else
     * it is atrous__cpu_minimal()'s. */
    const struct atrous__minimal *rows, *columns;
};

/* Added to every value the magnitude of minimal filtering is made of, for flushed denormals. */
#define ATROUS__TINY (8 * (double)FLT_MIN / (double)FLT_EPSILON)

/* In float, direct summation. */
struct atrous__bound atrous__bound_of_terms(double terms);
struct atrous__bound atrous__direct_bound(const struct atrous__problem *problem);

/* Makes it that of the same sums in half: 2^-10, 2^-14 and 65504. */
void atrous__bound_in_half(struct atrous__bound *bound);

/* Of a sum with this magnitude. */
double atrous__bound_at(const struct atrous__bound *bound, double magnitude);

/* F(outputs, kernel of W) along W and, unless its kernel is 1, along H: F(4,3), F(2,3) or
 * F(3,2), at strides of 1. */
struct atrous__bound atrous__minimal_bound(const struct atrous__problem *problem, size_t outputs);

/* Of 3x3, 1x3 or 3x1 kernels at strides of 1 where outputs are as many as inputs and each phase of
 * rows and of columns is computed whole, as if it had as many inputs as said: 1, 2 or 3. */
struct atrous__bound atrous__phases_bound(const struct atrous__problem *problem, size_t rows,
                                          size_t columns);

/* The same of the gradient of the weights: F(kernel, outputs), where `products` of them follow one
 * another in a sum over tiles of outputs. */
struct atrous__bound atrous__minimal_gradient_bound(const struct atrous__problem *problem,
                                                    size_t outputs, double products);

/* The same where whole phases of inputs and of outputs make the taps. */
struct atrous__bound atrous__phases_gradient_bound(const struct atrous__problem *problem,
                                                   size_t rows, size_t columns, double products);

/* Whether the bound promises three bits: where |x| <= X and |w| <= W, no error exceeds an eighth
 * of (C/G) * taps * X * W, the most that an output can be. */
bool atrous__bound_is_useful(const struct atrous__bound *bound);

#endif
