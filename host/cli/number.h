/* Strict parsing of numbers and lists: the whole text or a refusal. */
#ifndef ATROUS_CLI_NUMBER_H
#define ATROUS_CLI_NUMBER_H

#include "failure.h"

/* N, C and three spatial extents. */
enum { CLI_LIST_MAX = 5 };

struct cli_list {
    size_t count; /* 0: not given */
    size_t value[CLI_LIST_MAX];
};

/* Decimal digits only. `flag` names the place in the refusal. */
int cli_parse_size(const char *flag, const char *text, size_t least, size_t most, size_t *value,
                   struct cli_failure *failure);

/* A finite decimal number, sign and exponent allowed. */
int cli_parse_double(const char *flag, const char *text, double *value,
                     struct cli_failure *failure);

/* Comma-separated sizes, at most CLI_LIST_MAX. */
int cli_parse_list(const char *flag, const char *text, struct cli_list *list,
                   struct cli_failure *failure);

/* Copies a list to `rank` axes: one value serves all of them. An absent list changes nothing. */
int cli_spread(const char *flag, const struct cli_list *list, int rank, size_t *axes,
               struct cli_failure *failure);

/* *product *= factor. False when that overflows. */
int cli_multiply(size_t *product, size_t factor);

#endif
