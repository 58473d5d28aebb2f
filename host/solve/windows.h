/* Tiles of M outputs a dilation apart, row phase by row phase, and the windows of columns that
 * hold them: what minimal filtering works on, forward and for gradients. The other side is
 * kernels/windows.clh. */
#ifndef ATROUS_SOLVE_WINDOWS_H
#define ATROUS_SOLVE_WINDOWS_H

#include "solve/lattice.h"

struct atrous__windows {
    size_t outputs, taps, axes; /* M, R, AXES */
    size_t points;              /* products of a tile */
    struct atrous__lattice lattice;
    size_t columns, width, pitch, column_tiles; /* of a tile row; room for its outputs */
    size_t across;                              /* tiles in a row of them */
    size_t chunks;                              /* of a window's strips, or 0: contiguous columns */
    size_t tiles;                               /* of a work-group, at most */
};

/* NULL where device, math, strides, each plane of the kernel and the channels are those of minimal
 * filtering, else the reason. */
const char *atrous__windows_refuse(const struct atrous__problem *problem,
                                   const struct atrous__device *device);

/* M by the products it takes over the whole plane, of those whose error bound says something;
 * or 0. */
size_t atrous__windows_outputs(const struct atrous__problem *problem,
                               struct atrous__bound (*bound)(const struct atrous__problem *problem,
                                                             size_t outputs));

/* What does not depend on the number of tiles; the rest is 0. */
struct atrous__windows atrous__windows_make(const struct atrous__problem *problem, size_t outputs);

/* Rows of whole tiles, and columns, about `tiles` of them to a work-group. */
void atrous__windows_lay(const struct atrous__problem *problem, size_t tiles,
                         struct atrous__windows *windows);

/* Tiles over the whole output, without filters. */
double atrous__windows_tiles(const struct atrous__problem *problem,
                             const struct atrous__windows *windows);

#endif
