/* Comma-separated values: quoted fields, doubled quotes, line ends of either kind. */
#ifndef ATROUS_CLI_CSV_H
#define ATROUS_CLI_CSV_H

#include "failure.h"

enum { CLI_CSV_FIELDS = 128 };

/* A file and its current record; the fields lie in `text`. */
struct cli_csv {
    const char *path;
    char *text, *at;
    size_t line;  /* of the next record, from 1 */
    size_t count; /* fields of the record; 0: the file has ended */
    char *field[CLI_CSV_FIELDS];
};

/* Reads the whole file; closed also after a failure. */
int cli_csv_open(struct cli_csv *csv, const char *path, struct cli_failure *failure);

/* Moves to the next record that is no empty line. */
int cli_csv_next(struct cli_csv *csv, struct cli_failure *failure);

void cli_csv_close(struct cli_csv *csv);

#endif
