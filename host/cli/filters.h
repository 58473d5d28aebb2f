/* The named kernels of `atrous filter`. */
#ifndef ATROUS_CLI_FILTERS_H
#define ATROUS_CLI_FILTERS_H

#include "failure.h"

struct cli_filter {
    size_t height, width;
    float *taps; /* [height][width]; freed by cli_filter_free() */
};

/* By name, or from a .npy file of that name with two axes. */
int cli_filter_load(const char *name, struct cli_filter *filter, struct cli_failure *failure);

/* Accepts a filter that was never loaded (all zero). */
void cli_filter_free(struct cli_filter *filter);

#endif
