/* Tiles of whole planes for groups of few channels: what filter and depthwise share. The
 * kernel is filter.cl. */
#ifndef ATROUS_SOLVE_PLANES_H
#define ATROUS_SOLVE_PLANES_H

#include "solve/lattice.h"

/* NULL where the planes' kernel serves the problem on the device, else the reason. */
const char *atrous__planes_refuse(const struct atrous__problem *problem,
                                  const struct atrous__device *device);

/* Expected milliseconds. */
double atrous__planes_estimate(const struct atrous__problem *problem,
                               const struct atrous__device *device);

/* Packs and launches. */
atrous_status atrous__planes_build(const struct atrous__problem *problem, struct atrous__env *env,
                                   struct atrous__job *job, atrous_error *error);

/* The longer of moving every tensor once and of the multiply-adds, without padding taps. */
double atrous__memory_bound_ms(const struct atrous__problem *problem,
                               const struct atrous__device *device);

/* How tiles are dealt to work-groups: enough groups that no unit waits long for the last, each
 * long enough against the cost of starting it. */
struct atrous__deal {
    size_t tiles, each, groups;
};
struct atrous__deal atrous__deal_tiles(const struct atrous__problem *problem,
                                       const struct atrous__device *device, size_t tiles);

#endif
