/* A stack of layers as the command line gives it, and its field. */
#ifndef ATROUS_CLI_STACK_H
#define ATROUS_CLI_STACK_H

#include <atrous/field.h>

#include "options.h"

enum { CLI_COUNT_TEXT = 192 }; /* room for any total of a field */

struct cli_stack {
    char **words; /* one LAYER each, in argv */
    atrous_field_layer *layers;
    atrous_field_stack stack;
    atrous_field *field;
    atrous_field_info info; /* after the last layer */
};

/* From the words, --rank and --shape. Release with cli_stack_free() even after a failure. */
int cli_stack_make(struct cli_stack *made, const struct cli_options *options,
                   struct cli_failure *failure);

/* Accepts a stack that was never made (all zero). */
void cli_stack_free(struct cli_stack *made);

/* What is known after layer `layer`, from 0. */
atrous_field_info cli_stack_info(const struct cli_stack *made, size_t layer);

/* "15x15" in `text`, which is returned. */
const char *cli_axes_text(const size_t *axes, int rank, char *text, size_t size);
/* The same, "3" where all axes are alike. */
const char *cli_axes_short(const size_t *axes, int rank, char *text, size_t size);

#endif
