/* The text inside a .npy header: a Python dictionary of three known keys. */
#ifndef ATROUS_CLI_NPY_HEADER_H
#define ATROUS_CLI_NPY_HEADER_H

#include "npy.h"

struct cli_npy_header {
    char descr[16]; /* "<f4"; cut when longer */
    int fortran_order;
    int rank;
    size_t shape[CLI_NPY_RANK_MAX];
};

/* Parses zero-terminated `text`. NULL when it is well formed, else what is wrong. */
const char *cli_npy_parse(const char *text, struct cli_npy_header *header);

#endif
