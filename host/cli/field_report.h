/* What atrous field prints: lines for people, one JSON object for programs. */
#ifndef ATROUS_CLI_FIELD_REPORT_H
#define ATROUS_CLI_FIELD_REPORT_H

#include "stack.h"

int cli_field_print(const struct cli_stack *made, struct cli_failure *failure);
int cli_field_json(const struct cli_stack *made, struct cli_failure *failure);

/* The remedy for a stack; *dilation is [layers][rank], freed by the caller. */
int cli_field_remedy(const struct cli_stack *made, atrous_remedy *remedy, size_t **dilation,
                     struct cli_failure *failure);

#endif
