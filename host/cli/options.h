/* The flags that the commands share: where the data is, the problem, how to run. */
#ifndef ATROUS_CLI_OPTIONS_H
#define ATROUS_CLI_OPTIONS_H

#include <stdbool.h>

#include "number.h"

/* Which commands a flag belongs to. */
enum cli_command_bit {
    CLI_DEVICES = 1,
    CLI_CONV = 2,
    CLI_PLAN = 4,
    CLI_FILTER = 8,
    CLI_TUNE = 16,
    CLI_FIELD = 32,
    CLI_STARLET = 64
};

struct cli_options {
    /* Arguments that are no flags, in order; they lie in argv. */
    char **arguments;
    int argument_count;

    /* Files and shapes */
    const char *input, *weights, *bias, *scale, *output, *grad_output, *bias_output, *residual;
    const char *kernel; /* a list for plan, a name or file for filter */
    struct cli_list shape, input_shape;
    size_t filters, scales;

    /* Fields of stacks */
    size_t rank; /* 0: not given */
    const char *svg;
    bool animate;

    /* Problem. `base` holds what does not depend on the rank. */
    atrous_conv base;
    bool transposed, backward_data, backward_weights;
    struct cli_list stride, dilation, pad, pad_begin, pad_end, output_padding;
    bool pad_given; /* by any of the padding flags */
    bool pad_by_rule;
    atrous_pad_rule pad_rule;
    bool pad_mode_given;
    bool output_layout_given;

    /* Run */
    atrous_device_choice device;
    size_t device_index;
    const char *solver; /* NULL: the library chooses */
    bool tune;          /* it measures first; no flag, the command says so */
    size_t threads, repeat;
    bool check, json, quiet, progress, help;
};

/* Reads argv[1..argc-1] of the command with bit `command`; moves the arguments that are no
 * flags to the front of argv. Texts in *options point into argv. */
int cli_options_parse(struct cli_options *options, unsigned command, int argc, char **argv,
                      struct cli_failure *failure);

/* Whether the library serves what the flags ask for, whatever the shapes: told before any file is
 * read. */
int cli_options_served(const struct cli_options *options, struct cli_failure *failure);

/* Adds the problem's flags to a conv whose rank, batch, channels, input and kernel are set. */
int cli_options_apply(const struct cli_options *options, atrous_conv *conv,
                      struct cli_failure *failure);

#endif
