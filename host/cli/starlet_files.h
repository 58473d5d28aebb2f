/* The files that `atrous starlet` leaves: float planes, and pictures to look at. */
#ifndef ATROUS_CLI_STARLET_FILES_H
#define ATROUS_CLI_STARLET_FILES_H

#include "picture.h"

/* What goes into the directory. */
struct cli_starlet_files {
    const char *directory;
    const struct cli_picture *picture; /* the one that was transformed */
    size_t scales;
    const float *planes; /* [scales + 1][colours][height][width] */
    const float *sum;    /* [colours][height][width] */
};

/* "plane_1" to "plane_n", then "smooth"; `text` holds the name. */
const char *cli_starlet_name(size_t plane, size_t scales, char *text, size_t size);

/* Makes the directory where it is missing, and tells whether a file could be written there. */
int cli_starlet_prepare(const char *directory, struct cli_failure *failure);

/* Writes one plane, or behind the last the reconstruction: NAME.npy and NAME.png. */
int cli_starlet_write(const struct cli_starlet_files *files, size_t plane,
                      struct cli_failure *failure);

#endif
