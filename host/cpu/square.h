/* Tiles of minimal filtering and their transforms' absolute values, in double: what the forward
 * problem's magnitudes and those of the gradient of the weights are made of. */
#ifndef ATROUS_CPU_SQUARE_H
#define ATROUS_CPU_SQUARE_H

#include "problem/bound.h"

#include <float.h>
#include <math.h>

enum { ATROUS__POINTS = ATROUS__MINIMAL * ATROUS__MINIMAL };

struct atrous__square {
    double at[ATROUS__MINIMAL][ATROUS__MINIMAL];
};

/* Past a 64th of float's range a step of a transform may overflow: nothing is promised there.
 * A NaN is told the same. */
static inline double atrous__within_range(double value)
{
    return value <= (double)FLT_MAX / 64 ? value : INFINITY;
}

/* to[column][row] = sum over k of by[row][k] * from[k][column]: one axis transformed, turned so
 * that a second call transforms the other and turns back. */
static inline void atrous__square_apply(const double by[ATROUS__MINIMAL][ATROUS__MINIMAL],
                                        size_t rows, size_t inner,
                                        const struct atrous__square *from,
                                        struct atrous__square *to)
{
    for (size_t row = 0; row < rows; ++row) {
        double sum[ATROUS__MINIMAL] = {0};
        for (size_t k = 0; k < inner; ++k)
            for (size_t column = 0; column < ATROUS__MINIMAL; ++column)
                sum[column] += by[row][k] * from->at[k][column];
        for (size_t column = 0; column < ATROUS__MINIMAL; ++column)
            to->at[column][row] = sum[column];
    }
}

/* The points of a transformed square, flat. */
static inline void atrous__square_flatten(const struct atrous__square *from, size_t rows,
                                          size_t columns, double *points)
{
    for (size_t row = 0; row < rows; ++row)
        for (size_t column = 0; column < columns; ++column)
            *points++ = atrous__within_range(from->at[row][column]);
}

/* The first output of tile `index` of an axis, counted phase by phase; may lie past the end. */
static inline size_t atrous__tile_start(const struct atrous__axis *axis, size_t outputs,
                                        size_t index)
{
    const size_t phases = atrous__min(axis->dilation, axis->out);
    return index % phases + index / phases * outputs * axis->dilation;
}

static inline size_t atrous__tile_count(const struct atrous__axis *axis, size_t outputs)
{
    const size_t phases = atrous__min(axis->dilation, axis->out);
    return phases * atrous__ceil_div(atrous__ceil_div(axis->out, axis->dilation), outputs);
}

#endif
