/* What the loops of the CPU path need to know of a problem: axes, strides in memory, padding. */
#ifndef ATROUS_CPU_VIEW_H
#define ATROUS_CPU_VIEW_H

#include "problem/problem.h"

/* Elements from one batch, channel (of all groups) or pixel (in D, H, W order) to the next. */
struct atrous__strides {
    size_t batch, channel, pixel;
};

struct atrous__view {
    const struct atrous__problem *problem;
    /* The problem's, but with trailing axes that do nothing moved to the front, so that W is the
     * axis with the most to do in a row. Memory order is the same. */
    struct atrous__axis axis[ATROUS__AXES];
    int turns; /* axis[i] is the problem's (i + 3 - turns) % 3 */
    struct atrous__strides in, out;
    float pad_value;
    bool repeats;      /* the padding repeats elements: it has no value of its own */
    bool skip_padding; /* padding reads 0: a tap that meets it is left out */
};

struct atrous__view atrous__view_make(const struct atrous__problem *problem);

/* Where output position `out` of an axis meets tap `tap`, in the input (times its spread); may lie
 * in the padding. */
ptrdiff_t atrous__meet(const struct atrous__axis *axis, size_t out, size_t tap);

/* The same, after spread and padding: an input position, or -1 for the padding's value. */
ptrdiff_t atrous__source(const struct atrous__view *view, int axis, size_t out, size_t tap);

/* The range [*begin, *end) of i in 0 .. count-1 where 0 <= first + i*step < extent. */
void atrous__inside(ptrdiff_t first, size_t step, size_t extent, size_t count, size_t *begin,
                    size_t *end);

/* Tap number `tap` (D, H, W order) as the weights lie: reversing every axis reverses the order. */
static inline size_t atrous__flat_tap(const struct atrous__view *view, size_t tap)
{
    return view->problem->conv.orientation == ATROUS_TRUE_CONVOLUTION
               ? view->problem->taps - 1 - tap
               : tap;
}

#endif
