/* PNG pictures of 8 or 16 bits: grey, grey with alpha, RGB, RGBA. */
#ifndef ATROUS_CLI_PICTURE_H
#define ATROUS_CLI_PICTURE_H

#include "failure.h"

struct cli_picture {
    size_t width, height;
    size_t channels;        /* 1 to 4; 2 and 4 end in alpha */
    size_t depth;           /* bits of a sample: 8 or 16 */
    unsigned char *samples; /* [height][width][channels], 16 bits with the high byte first */
};

/* 1 when the last channel is alpha. */
size_t cli_picture_alpha(const struct cli_picture *picture);

/* Bytes of all samples; 0 when that overflows. */
size_t cli_picture_bytes(const struct cli_picture *picture);

/* Palettes, transparency chunks and fewer than 8 bits are expanded. */
int cli_picture_read(const char *path, struct cli_picture *picture, struct cli_failure *failure);

/* Writes a file, whole or not at all. */
int cli_picture_write(const char *path, const struct cli_picture *picture,
                      struct cli_failure *failure);

/* Accepts a picture that was never read (all zero). */
void cli_picture_free(struct cli_picture *picture);

#endif
