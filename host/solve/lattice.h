/* How tiles lie on an output plane: rows by phase, columns contiguous. Shared by the solvers
 * that load a patch into local memory; kernels/patch.clh is the other side. */
#ifndef ATROUS_SOLVE_LATTICE_H
#define ATROUS_SOLVE_LATTICE_H

#include "solve/solver.h"

struct atrous__lattice {
    size_t rows, columns;        /* of a tile, at most */
    size_t row_step, row_stride; /* output rows apart; patch rows between them */
    size_t patch_rows, pitch;    /* of the patch, in rows and columns */
    size_t segment;              /* columns of one tap's segment, or 0: a halo serves all */
    size_t column_tiles, row_tiles, phases;
};

/* Lays out tiles of at most `rows` x `columns`. */
struct atrous__lattice atrous__lattice_make(const struct atrous__problem *problem, size_t rows,
                                            size_t columns);

/* Tiles over the whole output, without filters. */
size_t atrous__lattice_tiles(const struct atrous__problem *problem,
                             const struct atrous__lattice *lattice);

/* The kernel's arguments: int4 lattice {row_step, row_stride, patch_rows, pitch}, int4 grid
 * {slices, column_tiles, row_tiles, phases}, int segment. */
void atrous__launch_add_lattice(struct atrous__launch *launch,
                                const struct atrous__lattice *lattice, size_t slices);

#endif
