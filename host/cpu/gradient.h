/* The gradient of the weights in register blocks of filters x channels. */
#ifndef ATROUS_CPU_GRADIENT_H
#define ATROUS_CPU_GRADIENT_H

#include "cpu/view.h"

/* Computes arrays->output, without bias_output. */
atrous_status atrous__gradient_blocks(const struct atrous__view *view, const atrous_arrays *arrays,
                                      unsigned threads, atrous_error *error);

#endif
