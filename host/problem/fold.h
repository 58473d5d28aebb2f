/* Backward data through a padding that repeats elements: the gradient of the padded input is
 * computed first, as through no padding, then folded: every element of dx is the sum over the
 * padded positions that repeat it. Pure maths. */
#ifndef ATROUS_PROBLEM_FOLD_H
#define ATROUS_PROBLEM_FOLD_H

#include "problem/problem.h"

/* The problem itself, or without its fold: plain sums whose output is the padded gradient. */
struct atrous__problem atrous__fold_sums(const struct atrous__problem *problem);

/* The padded positions of an axis that repeat one element: first, first + step, ..., `count` of
 * them, then `other_count` from `other` on. */
struct atrous__repeats {
    size_t first, count, other, other_count, step;
};

struct atrous__repeats atrous__repeats_of(const struct atrous__problem *problem, int axis,
                                          size_t i);

/* Of element `at` of dx: all padded elements that are added up, as flat indices into the padded
 * gradient, which has its layout. */
struct atrous__folded {
    size_t base, step[ATROUS__AXES];
    struct atrous__repeats axis[ATROUS__AXES];
    size_t count;
};

struct atrous__folded atrous__folded_of(const struct atrous__problem *problem, size_t at);

/* Number `index` of them. */
size_t atrous__folded_at(const struct atrous__folded *folded, size_t index);

/* The most additions that folding adds to a sum. */
double atrous__fold_roundings(const struct atrous__problem *problem);

#endif
