/* Short phases of images as panels of points: what solvers of kernels/phases_panels.clh share. */
#ifndef ATROUS_SOLVE_PANELS_H
#define ATROUS_SOLVE_PANELS_H

#include "solve/solver.h"

struct atrous__panels {
    size_t values[ATROUS__AXES]; /* of the longest phase of an axis */
    size_t step[ATROUS__AXES];   /* between the values of a phase */
    size_t phases[ATROUS__AXES];
    size_t points, images;
    size_t tiles, rows; /* of all points together; what they take in a panel */
};

/* Of a problem that is not refused. */
struct atrous__panels atrous__panels_make(const struct atrous__problem *problem);

/* Tiles of a point. */
size_t atrous__panels_tiles(const struct atrous__problem *problem,
                            const struct atrous__panels *panels, size_t point);

/* NULL where no phase of an axis holds more than 3 values and zeros stand around them, else the
 * reason. */
const char *atrous__panels_refuse(const struct atrous__problem *problem,
                                  const struct atrous__device *device);

/* Bytes of the patch that `channels` of them are transformed from. */
size_t atrous__panels_patch(const struct atrous__problem *problem,
                            const struct atrous__panels *panels, size_t channels);

/* Work-groups that transform `blocks` channel blocks. */
size_t atrous__panels_groups(const struct atrous__problem *problem,
                             const struct atrous__panels *panels, size_t blocks);

/* Appends int4 tiling, of blocks of `channels`, and int4 work. */
void atrous__launch_add_panels(struct atrous__launch *launch, const struct atrous__panels *panels,
                               size_t channels, struct atrous__arg work);

/* Tiny problems, forward, with phases of 3, 2 and 1 values. */
void atrous__panels_probe(atrous_conv *conv);
void atrous__panels_other_probe(atrous_conv *conv);

#endif
