/* The commands of the program: one row each in commands.c. */
#ifndef ATROUS_CLI_COMMAND_H
#define ATROUS_CLI_COMMAND_H

#include "options.h"

/* Runs a command whose flags are parsed; returns its exit code, explained in *failure. */
typedef int cli_run(const struct cli_options *options, struct cli_failure *failure);

cli_run cli_devices, cli_conv, cli_plan, cli_filter, cli_tune, cli_field, cli_starlet;

enum { CLI_ANY_COUNT = -1 };

struct cli_command {
    const char *name;
    unsigned bit;       /* enum cli_command_bit */
    int argument_count; /* arguments that are no flags; CLI_ANY_COUNT: as many as given */
    cli_run *run;
    const char *summary;
    const char *usage;
};

extern const struct cli_command cli_commands[];
extern const size_t cli_command_count;

/* What `atrous help` and `atrous COMMAND --help` print. */
void cli_help(const struct cli_command *command);

#endif
