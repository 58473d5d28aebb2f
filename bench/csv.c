/* Cuts comma-separated values into fields, in place. */
#include "csv.h"

#include <stdbool.h>
#include <string.h>

/* Moves the field at *at to its own beginning without its quotes, ends it with a zero and
 * leaves *at on the separator that followed, returned in *separator. */
static bool cut_field(char **at, size_t *line, char *separator)
{
    char *to = *at;
    char *from = *at;
    bool quoted = false;
    for (;; ++from) {
        if (*from == '\0' && quoted)
            return false;
        if (*from == '"' && quoted && from[1] == '"')
            *to++ = *from++;
        else if (*from == '"')
            quoted = !quoted;
        else if (quoted || strchr(",\r\n", *from) == NULL) {
            *line += *from == '\n';
            *to++ = *from;
        } else
            break;
    }
    *separator = *from;
    *to = '\0';
    *at = from;
    return true;
}

static void skip_empty_lines(struct csv_reader *reader)
{
    while (*reader->at == '\n' || *reader->at == '\r')
        reader->line += *reader->at++ == '\n';
}

enum csv_result csv_next(struct csv_reader *reader, struct csv_record *record)
{
    skip_empty_lines(reader);
    record->count = 0;
    record->line = reader->line;
    if (*reader->at == '\0')
        return CSV_END;
    for (;;) {
        char separator = '\0';
        if (record->count == CSV_MAX_FIELDS)
            return CSV_TOO_MANY_FIELDS;
        record->field[record->count++] = reader->at;
        if (!cut_field(&reader->at, &reader->line, &separator))
            return CSV_UNCLOSED_QUOTE;
        if (separator == '\0')
            return CSV_RECORD;
        reader->at++; /* the zero that ends the field may stand on the separator */
        if (separator == '\n')
            reader->line++;
        if (separator != ',')
            return CSV_RECORD;
    }
}
