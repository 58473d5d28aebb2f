/* The part of a sum that is left when padding adds nothing to it. */
#ifndef ATROUS_SOLVE_LIVE_H
#define ATROUS_SOLVE_LIVE_H

#include "solve/solver.h"

/* The problem without the taps before the first and behind the last that read input anywhere, under
 * a padding of zeros; for the form SUM. residue: the taps that are left, of each axis, as
 * atrous__pack_residue() takes them. A kernel of 1 that meets each position once takes all
 * positions as one row, whatever axes they lay along. */
struct atrous__problem atrous__live_part(const struct atrous__problem *problem,
                                         struct atrous__residue residue[ATROUS__AXES]);

#endif
