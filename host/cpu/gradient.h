/* The gradient of the weights in register blocks of filters x channels. */
#ifndef ATROUS_CPU_GRADIENT_H
#define ATROUS_CPU_GRADIENT_H

#include "cpu/view.h"

/* Computes arrays->output, without bias_output. */
atrous_status atrous__gradient_blocks(const struct atrous__view *view, const atrous_arrays *arrays,
                                      unsigned threads, atrous_error *error);

/* The same for few channels of a group, tile by tile. */
atrous_status atrous__gradient_tiles(const struct atrous__view *view, const atrous_arrays *arrays,
                                     unsigned threads, atrous_error *error);

/* The same of filter k (of all groups) and channel c of its group, product by product: padding that
 * reads 0 is left out, and each product is in one sum only, finite or not. */
void atrous__gradient_pair(const struct atrous__view *view, const atrous_arrays *arrays, size_t k,
                           size_t c);

#endif
