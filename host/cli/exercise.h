/* Runs of a plan on random data, for --check and --repeat where the user brought none. */
#ifndef ATROUS_CLI_EXERCISE_H
#define ATROUS_CLI_EXERCISE_H

#include "session.h"

int cli_exercise(atrous_plan *plan, const atrous_conv *conv, const struct cli_options *options,
                 struct cli_result *result, struct cli_failure *failure);

#endif
