/* Between a picture's samples and the float planes that a convolution reads. */
#ifndef ATROUS_CLI_PLANES_H
#define ATROUS_CLI_PLANES_H

#include "picture.h"

/* Colour channels as float[channels][height][width], code values scaled to [0, 1]. */
void cli_planes_from_picture(const struct cli_picture *picture, float *planes);

/* The reverse, for a picture whose sizes and samples are set: negative values by their absolute
 * value, clamped, rounded. Alpha is left alone. */
void cli_planes_to_picture(const float *planes, struct cli_picture *picture);

/* Fills alpha of `to` from `from`. Sizes may differ: pixel y, x takes that of rows[y],
 * columns[x]. */
void cli_planes_copy_alpha(const struct cli_picture *from, struct cli_picture *to,
                           const size_t *rows, const size_t *columns);

#endif
