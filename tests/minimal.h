/* The error bound that winograd states, computed another way round. */
#ifndef ATROUS_TESTS_MINIMAL_H
#define ATROUS_TESTS_MINIMAL_H

#include "data.h"

/* The bound of the output at flat index `at` when computed by F(outputs, taps of the last axis):
 * kernel 3, (with 3 outputs) 2, 3x3 or any depth of 3x3; NCHW. 0 outputs: by whole phases, whose
 * paddings are as wide as the dilations. */
double minimal_bound(const struct data *data, long outputs, size_t at);

/* In one dimension: terms of that bound without the channels, and the most that |x| * |w| of one
 * tap counts in an output's magnitude, wherever its tile begins. */
double minimal_roundings(long outputs, long taps);
double minimal_gain(long outputs, long taps);

/* What the bound of the gradient of a weight at flat index `at` is proportional to, where it is
 * computed from tiles of `outputs` gradients along each axis; NCHW. 0 outputs: of whole phases. */
double minimal_gradient_magnitude(const atrous_conv *conv, const float *x, const float *dy,
                                  long outputs, size_t at);

/* Tiles of such gradients in all images, and the roundings of all transforms on the longest way. */
double minimal_gradient_tiles(const atrous_conv *conv, long outputs);
double minimal_gradient_roundings(const atrous_conv *conv, long outputs);

#endif
