/* Comma-separated values: quoted fields, doubled quotes, line ends of either kind. */
#ifndef BENCH_CSV_H
#define BENCH_CSV_H

#include <stddef.h>

enum { CSV_MAX_FIELDS = 128 };

/* One record; fields point into the text that was read. */
struct csv_record {
    char *field[CSV_MAX_FIELDS];
    size_t count;
    size_t line; /* where it starts, from 1 */
};

/* Reads a text that the caller owns and that reading overwrites. */
struct csv_reader {
    char *at;
    size_t line;
};

enum csv_result { CSV_RECORD, CSV_END, CSV_UNCLOSED_QUOTE, CSV_TOO_MANY_FIELDS };

/* The next record that is not an empty line. */
enum csv_result csv_next(struct csv_reader *reader, struct csv_record *record);

#endif
