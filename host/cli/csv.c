/* Reads comma-separated values, the fields cut in place. */
#include "csv.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"

int cli_csv_open(struct cli_csv *csv, const char *path, struct cli_failure *failure)
{
    FILE *stream = NULL;
    size_t size = 0;
    *csv = (struct cli_csv){.path = path, .line = 1};
    int code = cli_file_open(path, &stream, &size, failure);
    if (code != CLI_DONE)
        return code;
    csv->text = malloc(size + 1);
    if (csv->text == NULL)
        code = cli_fail_memory(failure, path, size);
    else if (fread(csv->text, 1, size, stream) != size)
        code = cli_fail(failure, CLI_USAGE, "%s: cannot be read", path);
    else {
        csv->text[size] = '\0';
        csv->at = csv->text;
        if (strlen(csv->text) != size)
            code = cli_fail(failure, CLI_USAGE, "%s: holds a zero byte, must be text", path);
        else if (strncmp(csv->text, "\xef\xbb\xbf", 3) == 0)
            csv->at += 3; /* a byte-order mark is no part of the first column's name */
    }
    fclose(stream);
    return code;
}

void cli_csv_close(struct cli_csv *csv)
{
    free(csv->text);
    csv->text = NULL;
}

enum { OPEN_QUOTE = '"' };

/* Cuts the field at csv->at and moves behind it; the character that ended it, or OPEN_QUOTE where
 * a quote does not close. */
static int cut(struct cli_csv *csv)
{
    char *to = csv->at, *from = csv->at;
    bool is_quoted = false;
    for (; *from != '\0'; ++from) {
        if (*from == '"' && is_quoted && from[1] == '"')
            *to++ = *from++;
        else if (*from == '"')
            is_quoted = !is_quoted;
        else if (is_quoted || strchr(",\r\n", *from) == NULL) {
            csv->line += *from == '\n';
            *to++ = *from;
        } else
            break;
    }
    const char end = *from;
    *to = '\0'; /* may stand on the character that ended the field */
    csv->at = end == '\0' ? from : from + 1;
    csv->line += end == '\n';
    return is_quoted ? OPEN_QUOTE : end;
}

int cli_csv_next(struct cli_csv *csv, struct cli_failure *failure)
{
    int end = ',';
    csv->count = 0;
    for (; *csv->at == '\n' || *csv->at == '\r'; ++csv->at)
        csv->line += *csv->at == '\n';
    if (*csv->at == '\0')
        return CLI_DONE;
    const size_t line = csv->line;
    while (end == ',') {
        if (csv->count == CLI_CSV_FIELDS)
            return cli_fail(failure, CLI_USAGE, "%s: line %zu has more than %d fields", csv->path,
                            line, CLI_CSV_FIELDS);
        csv->field[csv->count++] = csv->at;
        end = cut(csv);
    }
    if (end == OPEN_QUOTE)
        return cli_fail(failure, CLI_USAGE, "%s: line %zu has a quote that is not closed",
                        csv->path, line);
    return CLI_DONE;
}
