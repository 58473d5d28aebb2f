/* Flags whose value is one of a few words, some with numbers after a colon. */
#ifndef ATROUS_CLI_CHOICES_H
#define ATROUS_CLI_CHOICES_H

#include "options.h"

/* Reads the value of one flag into *options. */
typedef int cli_setter(struct cli_options *options, const char *flag, const char *value,
                       struct cli_failure *failure);

cli_setter cli_set_pad, cli_set_pad_begin, cli_set_pad_end, cli_set_pad_mode, cli_set_layout,
    cli_set_output_layout, cli_set_type, cli_set_math, cli_set_activation, cli_set_add,
    cli_set_add_after, cli_set_device, cli_set_solver, cli_set_flip, cli_set_native_half;

#endif
