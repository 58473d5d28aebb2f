/* Reads a suite of problems and turns its rows into atrous_conv. */
#include "suite.h"

#include <errno.h>
#include <regex.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "csv.h"
#include "embedded.h"

/* The first COLUMN_OP columns are required; spatial triples are in the order D, H, W. */
enum column {
    COLUMN_NAME,
    COLUMN_NDIM,
    COLUMN_N,
    COLUMN_G,
    COLUMN_IC,
    COLUMN_OC,
    COLUMN_INPUT,
    COLUMN_KERNEL = COLUMN_INPUT + 3,
    COLUMN_STRIDE = COLUMN_KERNEL + 3,
    COLUMN_DILATION = COLUMN_STRIDE + 3,
    COLUMN_PAD_BEGIN = COLUMN_DILATION + 3,
    COLUMN_PAD_END = COLUMN_PAD_BEGIN + 3,
    COLUMN_OP = COLUMN_PAD_END + 3,
    COLUMN_DIR,
    COLUMN_PAD_MODE,
    COLUMN_DTYPE,
    COLUMN_LAYOUT,
    COLUMN_COUNT
};

static const char *const column_names[COLUMN_COUNT] = {
    "name", "ndim", "N",   "G",   "IC", "OC",  "ID",       "IH",    "IW",     "KD",
    "KH",   "KW",   "SD",  "SH",  "SW", "DD",  "DH",       "DW",    "PD0",    "PH0",
    "PW0",  "PD1",  "PH1", "PW1", "op", "dir", "pad_mode", "dtype", "layout",
};

struct choice {
    const char *text;
    int value;
};

static const struct choice op_choices[] = {
    {"conv", ATROUS_FORWARD}, {"deconv", ATROUS_TRANSPOSED}, {"", ATROUS_FORWARD}, {NULL, 0}};
static const struct choice dir_choices[] = {{"F", ATROUS_FORWARD},
                                            {"B", ATROUS_BACKWARD_DATA},
                                            {"W", ATROUS_BACKWARD_WEIGHTS},
                                            {"", ATROUS_FORWARD},
                                            {NULL, 0}};
static const struct choice pad_choices[] = {{"zeros", ATROUS_PADDING_ZEROS},
                                            {"reflect", ATROUS_PADDING_REFLECT},
                                            {"replicate", ATROUS_PADDING_REPLICATE},
                                            {"circular", ATROUS_PADDING_CIRCULAR},
                                            {"", ATROUS_PADDING_ZEROS},
                                            {NULL, 0}};
static const struct choice type_choices[] = {{"f32", ATROUS_TYPE_F32},   {"f16", ATROUS_TYPE_F16},
                                             {"bf16", ATROUS_TYPE_BF16}, {"i8", ATROUS_TYPE_I8},
                                             {"", ATROUS_TYPE_F32},      {NULL, 0}};
static const struct choice layout_choices[] = {{"nchw", ATROUS_LAYOUT_NCHW},
                                               {"nhwc", ATROUS_LAYOUT_NHWC},
                                               {"", ATROUS_LAYOUT_NCHW},
                                               {NULL, 0}};

/* One row being read: its fields by column, "" where the file has none. */
struct fields {
    const char *text[COLUMN_COUNT];
    struct row *row;
};

static void refuse(struct fields *fields, int column, const char *rule)
{
    if (fields->row->refusal[0] == '\0')
        snprintf(fields->row->refusal, sizeof fields->row->refusal, "%s \"%.40s\": must be %s",
                 column_names[column], fields->text[column], rule);
}

static size_t number(struct fields *fields, int column)
{
    const char *text = fields->text[column];
    char *end = NULL;
    errno = 0;
    const unsigned long long value = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 || value > SIZE_MAX)
        refuse(fields, column, "a whole number");
    return (size_t)value;
}

static int choose(struct fields *fields, int column, const struct choice *choices, const char *rule)
{
    for (; choices->text != NULL; ++choices)
        if (strcmp(fields->text[column], choices->text) == 0)
            return choices->value;
    refuse(fields, column, rule);
    return 0;
}

static void read_modes(struct fields *fields, atrous_conv *conv)
{
    static const char constant[] = "constant:";
    const char *mode = fields->text[COLUMN_PAD_MODE];
    if (strncmp(mode, constant, sizeof constant - 1) == 0) {
        char *end = NULL;
        const char *value = mode + sizeof constant - 1;
        conv->padding = ATROUS_PADDING_CONSTANT;
        conv->pad_value = strtod(value, &end);
        if (end == value || *end != '\0')
            refuse(fields, COLUMN_PAD_MODE, "constant: and a number");
    } else
        conv->padding =
            (atrous_padding)choose(fields, COLUMN_PAD_MODE, pad_choices,
                                   "zeros, reflect, replicate, circular or constant:VALUE");

    conv->direction = (atrous_direction)choose(fields, COLUMN_DIR, dir_choices, "F, B or W");
    if (choose(fields, COLUMN_OP, op_choices, "conv or deconv") == ATROUS_TRANSPOSED) {
        if (conv->direction != ATROUS_FORWARD)
            refuse(fields, COLUMN_DIR, "F for a deconv");
        conv->direction = ATROUS_TRANSPOSED;
    }
    conv->type = (atrous_type)choose(fields, COLUMN_DTYPE, type_choices, "f32, f16, bf16 or i8");
    conv->input_layout = conv->output_layout =
        (atrous_layout)choose(fields, COLUMN_LAYOUT, layout_choices, "nchw or nhwc");
}

static void read_row(struct fields *fields)
{
    struct row *row = fields->row;
    atrous_conv *conv = &row->conv;
    const size_t rank = number(fields, COLUMN_NDIM);
    row->name = fields->text[COLUMN_NAME];
    if (rank < 1 || rank > ATROUS_MAX_RANK) {
        refuse(fields, COLUMN_NDIM, "1, 2 or 3");
        return;
    }
    atrous_conv_init(conv, (int)rank, sizeof *conv);
    conv->batch = number(fields, COLUMN_N);
    conv->groups = number(fields, COLUMN_G);
    conv->in_channels = number(fields, COLUMN_IC);
    conv->out_channels = number(fields, COLUMN_OC);
    for (size_t i = 0; i < rank; ++i) {
        const int axis = (int)(ATROUS_MAX_RANK - rank + i);
        conv->input[i] = number(fields, COLUMN_INPUT + axis);
        conv->kernel[i] = number(fields, COLUMN_KERNEL + axis);
        conv->stride[i] = number(fields, COLUMN_STRIDE + axis);
        conv->dilation[i] = number(fields, COLUMN_DILATION + axis);
        conv->pad_begin[i] = number(fields, COLUMN_PAD_BEGIN + axis);
        conv->pad_end[i] = number(fields, COLUMN_PAD_END + axis);
    }
    read_modes(fields, conv);
}

/* Which field of a record each column is, or -1. */
static bool read_header(struct csv_reader *reader, int where[COLUMN_COUNT],
                        struct suite_failure *failure)
{
    struct csv_record header;
    if (csv_next(reader, &header) != CSV_RECORD) {
        snprintf(failure->message, sizeof failure->message, "no readable header line");
        return false;
    }
    for (int column = 0; column < COLUMN_COUNT; ++column) {
        where[column] = -1;
        for (size_t i = 0; i < header.count; ++i)
            if (strcmp(header.field[i], column_names[column]) == 0)
                where[column] = (int)i;
        if (where[column] < 0 && column < COLUMN_OP) {
            snprintf(failure->message, sizeof failure->message, "the header has no column \"%s\"",
                     column_names[column]);
            return false;
        }
    }
    return true;
}

static struct row *add_row(struct suite *suite)
{
    struct row *rows = realloc(suite->rows, (suite->count + 1) * sizeof *rows);
    if (rows == NULL)
        return NULL;
    suite->rows = rows;
    rows[suite->count] = (struct row){.refusal = ""};
    return &rows[suite->count++];
}

static bool read_rows(struct suite *suite, const regex_t *only, struct suite_failure *failure)
{
    /* A byte-order mark is no part of the first column's name. */
    struct csv_reader reader = {suite->text, 1};
    reader.at += strncmp(reader.at, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    int where[COLUMN_COUNT];
    struct csv_record record;
    enum csv_result result = CSV_END;
    if (!read_header(&reader, where, failure))
        return false;
    while ((result = csv_next(&reader, &record)) == CSV_RECORD) {
        struct fields fields = {.row = NULL};
        for (int column = 0; column < COLUMN_COUNT; ++column) {
            const bool there = where[column] >= 0 && (size_t)where[column] < record.count;
            fields.text[column] = there ? record.field[where[column]] : "";
        }
        if (only != NULL && regexec(only, fields.text[COLUMN_NAME], 0, NULL, 0) != 0)
            continue;
        fields.row = add_row(suite);
        if (fields.row == NULL) {
            snprintf(failure->message, sizeof failure->message, "out of memory");
            return false;
        }
        read_row(&fields);
    }
    if (result == CSV_END)
        return true;
    snprintf(failure->message, sizeof failure->message, "line %zu: %s", record.line,
             result == CSV_UNCLOSED_QUOTE ? "a quote is not closed" : "too many fields");
    return false;
}

/* The whole file with a zero after it, or NULL with errno set. */
static char *read_text(const char *path)
{
    size_t size = 0, room = 1 << 16;
    char *text = malloc(room);
    FILE *file = fopen(path, "rb");
    bool good = text != NULL && file != NULL;
    while (good) {
        const size_t got = fread(text + size, 1, room - size - 1, file);
        size += got;
        if (got == 0)
            break;
        if (room - size < 2) {
            char *more = realloc(text, room *= 2);
            good = more != NULL;
            text = good ? more : text;
        }
    }
    good = good && !ferror(file);
    if (file != NULL)
        fclose(file);
    if (!good) {
        free(text);
        return NULL;
    }
    text[size] = '\0';
    return text;
}

bool suite_read(const char *path, const char *only, struct suite *suite,
                struct suite_failure *failure)
{
    regex_t regex;
    *suite = (struct suite){0};
    if (path != NULL)
        suite->text = read_text(path);
    else if ((suite->text = malloc(bench_shapes_csv_size + 1)) != NULL)
        memcpy(suite->text, bench_shapes_csv, bench_shapes_csv_size + 1);
    if (suite->text == NULL) {
        snprintf(failure->message, sizeof failure->message, "%s", strerror(errno));
        return false;
    }
    if (only != NULL && regcomp(&regex, only, REG_EXTENDED | REG_NOSUB) != 0) {
        snprintf(failure->message, sizeof failure->message,
                 "--only \"%.100s\": must be an extended regular expression", only);
        suite_free(suite);
        return false;
    }
    bool good = read_rows(suite, only != NULL ? &regex : NULL, failure);
    if (only != NULL)
        regfree(&regex);
    if (good && suite->count == 0) {
        snprintf(failure->message, sizeof failure->message, "no row%s%.100s",
                 only != NULL ? " has a name that matches --only " : "", only != NULL ? only : "");
        good = false;
    }
    if (!good)
        suite_free(suite);
    return good;
}

void suite_free(struct suite *suite)
{
    free(suite->rows);
    free(suite->text);
    *suite = (struct suite){0};
}
