/* Tables with a header line: comma or tab separated, fields optionally quoted. */
#ifndef ATROUS_TESTS_CSV_H
#define ATROUS_TESTS_CSV_H

#include <stdbool.h>
#include <stddef.h>

struct csv {
    char *text;   /* the file, cut into cells */
    char **cells; /* rows * columns of them, the header first */
    size_t rows;  /* without the header */
    size_t columns;
};

/* False when the file cannot be read or a row has another number of fields than the header. */
bool csv_read(const char *path, char separator, struct csv *csv);
void csv_free(struct csv *csv);

/* The cell of `row` (from 0) under the header `column`; NULL when there is no such column. */
const char *csv_cell(const struct csv *csv, size_t row, const char *column);
/* The same as a number; `missing` when the column is absent or the cell empty. */
size_t csv_size(const struct csv *csv, size_t row, const char *column, size_t missing);
/* Whether the cell is there and equals `text`. */
bool csv_is(const struct csv *csv, size_t row, const char *column, const char *text);

#endif
