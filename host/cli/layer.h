/* The LAYER words of atrous field: k3d2, k3x5d2x4s1p2c64. */
#ifndef ATROUS_CLI_LAYER_H
#define ATROUS_CLI_LAYER_H

#include <atrous/field.h>

#include "failure.h"

/* What one word says. A list of one number serves all axes. */
struct cli_layer_list {
    size_t count; /* 0: not given */
    size_t value[ATROUS_MAX_RANK];
};

struct cli_layer {
    const char *word;
    struct cli_layer_list kernel, dilation, stride, pad, channels;
    int pad_same;
};

/* Reads one word: k with its extents, then any of d, s, p, c, each once. */
int cli_layer_parse(const char *word, struct cli_layer *layer, struct cli_failure *failure);

/* The length of the layer's `x` lists, 0 when it has none. */
int cli_layer_rank(const struct cli_layer *layer);

/* Spreads the lists over `rank` axes. */
int cli_layer_spread(const struct cli_layer *layer, int rank, atrous_field_layer *out,
                     struct cli_failure *failure);

#endif
