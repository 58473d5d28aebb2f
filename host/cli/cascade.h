/* A kernel applied to the colour planes of a picture, pass after pass. */
#ifndef ATROUS_CLI_CASCADE_H
#define ATROUS_CLI_CASCADE_H

#include "filters.h"
#include "picture.h"
#include "session.h"

struct cli_cascade {
    float *planes; /* [planes_count][extents[0]][extents[1]] */
    size_t planes_count;
    size_t extents[2];
    /* The row and column of the first picture under the middle of each row and column. */
    size_t *sites[2];
};

/* What one pass was and told. */
struct cli_pass {
    size_t dilation[2];
    struct cli_result result;
};

/* Starts from a picture's colours. Release with cli_cascade_free() even after a failure. */
int cli_cascade_start(struct cli_cascade *cascade, const struct cli_picture *picture,
                      struct cli_failure *failure);

/* Replaces the planes by their convolution with the filter, as the flags say. */
int cli_cascade_run(struct cli_cascade *cascade, struct cli_session *session,
                    const struct cli_options *options, const struct cli_filter *filter,
                    struct cli_pass *pass, struct cli_failure *failure);

/* The problem that cli_cascade_run() would run, and its output's extents. */
int cli_cascade_problem(const struct cli_cascade *cascade, const struct cli_options *options,
                        const struct cli_filter *filter, atrous_conv *conv, size_t *out,
                        struct cli_failure *failure);

/* Accepts a cascade that was never started (all zero). */
void cli_cascade_free(struct cli_cascade *cascade);

#endif
