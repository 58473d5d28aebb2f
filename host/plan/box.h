/* Boxes of tensors: a part's elements between the whole tensor and an array of their own. */
#ifndef ATROUS_PLAN_BOX_H
#define ATROUS_PLAN_BOX_H

#include "problem/part.h"

enum { ATROUS__BOX_AXES = 5 };

struct atrous__box {
    size_t element; /* bytes */
    atrous_padding padding;
    /* In the order of memory, the slowest first: extents of the whole, and what is taken. */
    size_t extent[ATROUS__BOX_AXES];
    struct atrous__stretch taken[ATROUS__BOX_AXES];
};

/* A part's input and output (in the form GRADIENT: x and dy) in the whole's. */
struct atrous__box atrous__box_input(const struct atrous__problem *whole,
                                     const struct atrous__part *part);
struct atrous__box atrous__box_output(const struct atrous__problem *whole,
                                      const struct atrous__part *part);

/* A part's weights (in the form GRADIENT: their gradient) in the whole's. */
struct atrous__box atrous__box_weights(const struct atrous__problem *whole,
                                       const struct atrous__part *part);

/* Copies the box out of `whole` into `part`, C order and no gaps. */
void atrous__box_take(const struct atrous__box *box, const void *whole, void *part);

/* The other way; what is taken lies within the extents. */
void atrous__box_put(const struct atrous__box *box, void *whole, const void *part);

#endif
