/* A suite: named convolution problems from a CSV file whose header names the columns. */
#ifndef ATROUS_CLI_SUITE_H
#define ATROUS_CLI_SUITE_H

#include "csv.h"

struct cli_problem {
    const char *name; /* lies in the file's text */
    atrous_conv conv;
    char refusal[200]; /* why the row makes no problem, or "" */
};

struct cli_suite {
    struct cli_csv csv;
    struct cli_problem *problems;
    size_t count;
};

/* Reads every row; one that makes no problem is kept with its refusal. Freed also after a
 * failure. */
int cli_suite_read(struct cli_suite *suite, const char *path, struct cli_failure *failure);

void cli_suite_free(struct cli_suite *suite);

#endif
