/* The arrays of atrous conv, and the problem that their shapes and the flags make. */
#ifndef ATROUS_CLI_CONV_JOB_H
#define ATROUS_CLI_CONV_JOB_H

#include "npy.h"
#include "options.h"

struct cli_conv_job {
    atrous_conv conv;
    /* Named as the flags are: dy is in grad_output in both backward directions. */
    struct cli_npy input, weights, bias, scale, residual, grad_output;
    struct cli_npy output, bias_output;            /* shape and count; data where --beta reads it */
    struct cli_npy previous, previous_bias_output; /* what those held, where --beta reads it */
};

/* Reads the files that the flags name, which the direction's rules were checked against. */
int cli_conv_job_load(const struct cli_options *options, struct cli_conv_job *job,
                      struct cli_failure *failure);

/* Accepts a job that was never loaded (all zero). */
void cli_conv_job_free(struct cli_conv_job *job);

#endif
