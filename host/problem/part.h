/* A problem cut into smaller ones that together give its output, for memory that does not hold it
 * at once. Pure maths: no OpenCL, no allocation. */
#ifndef ATROUS_PROBLEM_PART_H
#define ATROUS_PROBLEM_PART_H

#include "problem/problem.h"

/* How much of each dimension a part has, at most. Only a single group is cut by filters, and
 * nothing by channels: those are summed over. */
struct atrous__cut {
    size_t batch, groups, filters;
    /* Output positions of each axis; of the forward relation in the form GRADIENT. */
    size_t out[ATROUS__AXES];
    /* Those of one phase, dilation / gcd(stride, dilation) apart, whose input needs nothing of
     * what lies between the taps. */
    bool is_phased[ATROUS__AXES];
};

/* Positions first, first + step, ... along an axis. */
struct atrous__stretch {
    ptrdiff_t first;
    size_t step, count;
};

struct atrous__part {
    struct atrous__problem problem;
    size_t batch, group, filter; /* the first of each; the filter counted within its group */
    /* Where its input and output lie in the whole's. Input positions outside are the padding's,
     * of a mode that repeats elements. */
    struct atrous__stretch in[ATROUS__AXES], out[ATROUS__AXES];
};

struct atrous__cut atrous__cut_whole(const struct atrous__problem *problem);

/* Parts of the cut, some of them perhaps empty; SIZE_MAX where that overflows. */
size_t atrous__cut_count(const struct atrous__problem *problem, const struct atrous__cut *cut);

/* Part `index`. False when it is empty. */
bool atrous__part_at(const struct atrous__problem *whole, const struct atrous__cut *cut,
                     size_t index, struct atrous__part *part);

/* A problem at least as large, in every tensor and extent, as any part of the cut. */
struct atrous__problem atrous__cut_largest(const struct atrous__problem *whole,
                                           const struct atrous__cut *cut);

/* Whether the same kernels with the same arguments compute both parts. */
bool atrous__part_is_like(const struct atrous__problem *a, const struct atrous__problem *b);

/* Smaller parts, for tensors that positions make large; `unit`: what the positions of an axis stay
 * a multiple of, in positions of one phase. False when there is nothing left to cut. */
bool atrous__cut_positions(const struct atrous__problem *problem, const size_t unit[ATROUS__AXES],
                           struct atrous__cut *cut);

/* The same along one axis alone. */
bool atrous__cut_axis(const struct atrous__problem *problem, int axis, size_t unit,
                      struct atrous__cut *cut);

/* For what groups and filters make large: weights, or the gradient of weights. */
bool atrous__cut_filters(const struct atrous__problem *problem, struct atrous__cut *cut);

#endif
