/* Weights in the order the CPU path's inner loops read them. */
#ifndef ATROUS_CPU_PACK_H
#define ATROUS_CPU_PACK_H

#include "cpu/view.h"

/* Reorders the problem's weights within each group: whole blocks of `block` filters become
 * [C/G][taps][block], the filters left over stay [C/G][taps]. Taps are reversed for the true
 * convolution. False when a weight is infinite or NaN. */
bool atrous__pack_weights(const struct atrous__view *view, size_t block, const float *weights,
                          float *packed, unsigned threads);

/* Whether none of `count` floats is infinite or NaN. */
bool atrous__all_finite(const float *values, size_t count);

#endif
