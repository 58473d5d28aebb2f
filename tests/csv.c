/* Reads a table whole and finds cells by the header's names. */
#include "csv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"

/* Cuts the field at *at, undoing its quotes in place, and moves *at behind it.
 * *last tells that the line ended with it. */
static char *cut_field(char **at, char separator, bool *last)
{
    char *from = *at, *field = *at, *to = *at;
    bool quoted = false;

    for (; *from != '\0'; ++from) {
        if (*from == '"' && quoted && from[1] == '"')
            *to++ = *from++;
        else if (*from == '"')
            quoted = !quoted;
        else if (!quoted && (*from == separator || *from == '\n'))
            break;
        else if (quoted || *from != '\r')
            *to++ = *from;
    }
    *last = *from != separator;
    *at = *from == '\0' ? from : from + 1;
    *to = '\0';
    return field;
}

static size_t count_cells_at_most(const char *text, char separator)
{
    size_t count = 1;

    for (; *text != '\0'; ++text)
        count += *text == separator || *text == '\n';
    return count;
}

bool csv_read(const char *path, char separator, struct csv *csv)
{
    size_t size = 0, cells = 0, column = 0;
    bool last = false;

    memset(csv, 0, sizeof *csv);
    csv->text = file_read(path, &size);
    if (csv->text == NULL)
        return false;
    csv->cells = calloc(count_cells_at_most(csv->text, separator), sizeof *csv->cells);
    if (csv->cells == NULL)
        goto bad;
    for (char *at = csv->text; *at != '\0';) {
        csv->cells[cells++] = cut_field(&at, separator, &last);
        ++column;
        if (!last)
            continue;
        if (csv->columns == 0)
            csv->columns = column;
        else if (column != csv->columns)
            goto bad;
        else
            ++csv->rows;
        column = 0;
    }
    return csv->columns > 0;

bad:
    csv_free(csv);
    return false;
}

void csv_free(struct csv *csv)
{
    free(csv->cells);
    free(csv->text);
    memset(csv, 0, sizeof *csv);
}

const char *csv_cell(const struct csv *csv, size_t row, const char *column)
{
    for (size_t at = 0; at < csv->columns; ++at)
        if (strcmp(csv->cells[at], column) == 0)
            return csv->cells[(row + 1) * csv->columns + at];
    return NULL;
}

size_t csv_size(const struct csv *csv, size_t row, const char *column, size_t missing)
{
    const char *cell = csv_cell(csv, row, column);

    return cell == NULL || *cell == '\0' ? missing : (size_t)strtoull(cell, NULL, 10);
}

bool csv_is(const struct csv *csv, size_t row, const char *column, const char *text)
{
    const char *cell = csv_cell(csv, row, column);

    return cell != NULL && strcmp(cell, text) == 0;
}
