/* Files written whole or not at all: a temporary neighbour, then a rename. */
#ifndef ATROUS_CLI_FILE_H
#define ATROUS_CLI_FILE_H

#include <stdbool.h>
#include <stdio.h>

#include "failure.h"

struct cli_file {
    FILE *stream;
    const char *path; /* as the user gave it */
    char *target;     /* where it goes, symbolic links followed */
    char *temporary;  /* NULL: written directly, for pipes and devices */
};

/* Whether `path` could be written; leaves nothing behind. */
int cli_file_probe(const char *path, struct cli_failure *failure);

/* Whether two paths whose folders exist name one file, be it there or not. */
bool cli_file_same(const char *a, const char *b);

/* Opens for writing. After success, commit or discard; after failure, neither is needed. */
int cli_file_create(struct cli_file *file, const char *path, struct cli_failure *failure);

/* Closes and puts the file in place; on failure nothing is left. */
int cli_file_commit(struct cli_file *file, struct cli_failure *failure);

/* Closes and removes what was written. */
void cli_file_discard(struct cli_file *file);

/* Opens an ordinary file for reading and tells its size. */
int cli_file_open(const char *path, FILE **stream, size_t *size, struct cli_failure *failure);

#endif
