/* Arrays in .npy files: read with every claim checked, written in format 1.0. */
#ifndef ATROUS_CLI_NPY_H
#define ATROUS_CLI_NPY_H

#include "failure.h"

enum { CLI_NPY_RANK_MAX = 8 };

struct cli_npy {
    int rank;
    size_t shape[CLI_NPY_RANK_MAX];
    size_t count; /* elements */
    void *data;   /* C order, little-endian; freed by cli_npy_free() */
};

/* Bytes of one element. */
size_t cli_type_size(atrous_type type);

/* Reads a whole file whose elements must be of `type`. On failure array->data is NULL. */
int cli_npy_read(const char *path, atrous_type type, struct cli_npy *array,
                 struct cli_failure *failure);

/* Writes a file, whole or not at all. */
int cli_npy_write(const char *path, atrous_type type, const struct cli_npy *array,
                  struct cli_failure *failure);

/* Accepts an array that was never read (all zero). */
void cli_npy_free(struct cli_npy *array);

/* "2,3,4" in `text`, which is returned. */
const char *cli_shape_text(const size_t *shape, int rank, char *text, size_t size);

#endif
