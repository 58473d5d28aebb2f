/* Rows of a CSV file to problems. Words mean what they mean as values of flags. */
#include "suite.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "choices.h"

/* The columns before OP must be there; spatial ones come as three, D, H, W. */
enum column {
    NAME,
    NDIM,
    BATCH,
    GROUPS,
    CHANNELS,
    FILTERS,
    INPUT,
    KERNEL = INPUT + 3,
    STRIDE = KERNEL + 3,
    DILATION = STRIDE + 3,
    PAD_BEGIN = DILATION + 3,
    PAD_END = PAD_BEGIN + 3,
    OP = PAD_END + 3,
    DIR,
    PAD_MODE,
    DTYPE,
    LAYOUT,
    COLUMNS
};

static const char *const columns[COLUMNS] = {
    "name", "ndim", "N",   "G",   "IC", "OC",  "ID",       "IH",    "IW",     "KD",
    "KH",   "KW",   "SD",  "SH",  "SW", "DD",  "DH",       "DW",    "PD0",    "PH0",
    "PW0",  "PD1",  "PH1", "PW1", "op", "dir", "pad_mode", "dtype", "layout",
};

/* A record by column; "" where it has no such field. */
struct record {
    const char *text[COLUMNS];
};

static int read_header(struct cli_csv *csv, size_t where[COLUMNS], struct cli_failure *failure)
{
    const int code = cli_csv_next(csv, failure);
    if (code != CLI_DONE)
        return code;
    for (int column = 0; column < COLUMNS; ++column) {
        where[column] = SIZE_MAX;
        for (size_t i = 0; i < csv->count; ++i)
            if (strcmp(csv->field[i], columns[column]) == 0)
                where[column] = i;
        if (where[column] == SIZE_MAX && column < OP)
            return cli_fail(failure, CLI_USAGE, "%s: has no column '%s' in its first line",
                            csv->path, columns[column]);
    }
    return CLI_DONE;
}

static int read_size(const struct record *record, int column, size_t *value,
                     struct cli_failure *failure)
{
    return cli_parse_size(columns[column], record->text[column], 0, SIZE_MAX, value, failure);
}

static int read_extents(const struct record *record, atrous_conv *conv, struct cli_failure *failure)
{
    const struct {
        int column;
        size_t *value;
    } single[] = {{BATCH, &conv->batch},
                  {GROUPS, &conv->groups},
                  {CHANNELS, &conv->in_channels},
                  {FILTERS, &conv->out_channels}};
    const struct {
        int column;
        size_t *axes;
    } spatial[] = {{INPUT, conv->input},         {KERNEL, conv->kernel},
                   {STRIDE, conv->stride},       {DILATION, conv->dilation},
                   {PAD_BEGIN, conv->pad_begin}, {PAD_END, conv->pad_end}};
    int code = CLI_DONE;
    for (size_t i = 0; i < sizeof single / sizeof *single && code == CLI_DONE; ++i)
        code = read_size(record, single[i].column, single[i].value, failure);
    for (size_t i = 0; i < sizeof spatial / sizeof *spatial; ++i)
        for (int axis = 0; axis < conv->rank && code == CLI_DONE; ++axis)
            code = read_size(record, spatial[i].column + ATROUS_MAX_RANK - conv->rank + axis,
                             &spatial[i].axes[axis], failure);
    return code;
}

static int read_direction(const struct record *record, atrous_conv *conv,
                          struct cli_failure *failure)
{
    static const struct {
        const char *op, *dir;
        atrous_direction direction;
    } directions[] = {{"conv", "F", ATROUS_FORWARD},
                      {"conv", "B", ATROUS_BACKWARD_DATA},
                      {"conv", "W", ATROUS_BACKWARD_WEIGHTS},
                      {"deconv", "F", ATROUS_TRANSPOSED}};
    const char *op = record->text[OP][0] == '\0' ? "conv" : record->text[OP];
    const char *dir = record->text[DIR][0] == '\0' ? "F" : record->text[DIR];
    for (size_t i = 0; i < sizeof directions / sizeof *directions; ++i)
        if (strcmp(op, directions[i].op) == 0 && strcmp(dir, directions[i].dir) == 0) {
            conv->direction = directions[i].direction;
            return CLI_DONE;
        }
    return cli_fail(failure, CLI_USAGE,
                    "op, dir: are '%s', '%s', must be conv with F, B or W, or deconv with F", op,
                    dir);
}

static int read_words(const struct record *record, atrous_conv *conv, struct cli_failure *failure)
{
    static const struct {
        int column;
        cli_setter *set;
    } words[] = {{PAD_MODE, cli_set_pad_mode}, {DTYPE, cli_set_type}, {LAYOUT, cli_set_layout}};
    struct cli_options options = {.base = *conv};
    int code = CLI_DONE;
    for (size_t i = 0; i < sizeof words / sizeof *words && code == CLI_DONE; ++i) {
        const char *text = record->text[words[i].column];
        if (text[0] != '\0')
            code = words[i].set(&options, columns[words[i].column], text, failure);
    }
    *conv = options.base;
    return code;
}

static int read_problem(const struct record *record, atrous_conv *conv, struct cli_failure *failure)
{
    size_t rank = 0;
    int code =
        cli_parse_size(columns[NDIM], record->text[NDIM], 1, ATROUS_MAX_RANK, &rank, failure);
    if (code != CLI_DONE)
        return code;
    atrous_conv_init(conv, (int)rank, sizeof *conv);
    code = read_extents(record, conv, failure);
    if (code == CLI_DONE)
        code = read_direction(record, conv, failure);
    if (code == CLI_DONE)
        code = read_words(record, conv, failure);
    return code;
}

static int add_problem(struct cli_suite *suite, const size_t where[COLUMNS],
                       struct cli_failure *failure)
{
    struct record record;
    struct cli_failure why;
    const struct cli_csv *csv = &suite->csv;
    const size_t bytes = (suite->count + 1) * sizeof *suite->problems;
    struct cli_problem *problems = realloc(suite->problems, bytes);
    if (problems == NULL)
        return cli_fail_memory(failure, csv->path, bytes);
    suite->problems = problems;
    for (int column = 0; column < COLUMNS; ++column)
        record.text[column] = where[column] < csv->count ? csv->field[where[column]] : "";

    struct cli_problem *problem = &problems[suite->count++];
    *problem = (struct cli_problem){.name = record.text[NAME]};
    if (read_problem(&record, &problem->conv, &why) != CLI_DONE)
        snprintf(problem->refusal, sizeof problem->refusal, "%.199s", why.text);
    return CLI_DONE;
}

int cli_suite_read(struct cli_suite *suite, const char *path, struct cli_failure *failure)
{
    size_t where[COLUMNS];
    memset(suite, 0, sizeof *suite);
    int code = cli_csv_open(&suite->csv, path, failure);
    if (code == CLI_DONE)
        code = read_header(&suite->csv, where, failure);
    if (code == CLI_DONE)
        code = cli_csv_next(&suite->csv, failure);
    while (code == CLI_DONE && suite->csv.count > 0) {
        code = add_problem(suite, where, failure);
        if (code == CLI_DONE)
            code = cli_csv_next(&suite->csv, failure);
    }
    if (code == CLI_DONE && suite->count == 0)
        code = cli_fail(failure, CLI_USAGE, "%s: has no row after its first line", path);
    return code;
}

void cli_suite_free(struct cli_suite *suite)
{
    free(suite->problems);
    cli_csv_close(&suite->csv);
    memset(suite, 0, sizeof *suite);
}
