/* The residues of strides that spread an input, in runs and classes of those that meet the same
 * inputs: kernels/spread.clh says it at length, and finds the same again. */
#ifndef ATROUS_SOLVE_RESIDUES_H
#define ATROUS_SOLVE_RESIDUES_H

#include "problem/problem.h"

enum { ATROUS__MOST_RUNS = 16 }; /* of an axis, as spread.clh; classes each take a launch to pack */

/* Neighbouring residues of an axis that meet the same inputs, from their own position `from` on. */
struct atrous__run {
    size_t first, count, taps, tap_step;
    ptrdiff_t from;
};

/* A run on each axis. */
struct atrous__class {
    const struct atrous__run *run[ATROUS__AXES];
    size_t residues, taps;
};

struct atrous__residues {
    struct atrous__run runs[ATROUS__AXES][ATROUS__MOST_RUNS];
    size_t run_count[ATROUS__AXES], classes;
    size_t most_taps;             /* of a class, at least 1 */
    bool has_zeros;               /* some class has no taps */
    struct atrous__problem dense; /* of all residues: what any class reads, at stride 1 */
};

/* Of a problem with at most ATROUS__MOST_RUNS residues. */
struct atrous__residues atrous__residues_make(const struct atrous__problem *problem);

/* One of them, from 0; it points into `residues`. */
struct atrous__class atrous__class_at(const struct atrous__residues *residues, size_t index);

#endif
