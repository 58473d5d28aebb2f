/* The named kernels of `atrous filter`: each is a column times a row, but for the Laplacian. */
#include "filters.h"

#include <stdlib.h>
#include <string.h>

#include "npy.h"

enum { EXTENT_MAX = 5 };

struct named {
    const char *name;
    size_t extent;
    float column[EXTENT_MAX], row[EXTENT_MAX];
    float divisor;
};

static const struct named table[] = {
    {"b3spline", 5, {1, 4, 6, 4, 1}, {1, 4, 6, 4, 1}, 256},
    {"gauss3", 3, {1, 2, 1}, {1, 2, 1}, 16},
    {"box3", 3, {1, 1, 1}, {1, 1, 1}, 9},
    {"sobel-x", 3, {1, 2, 1}, {-1, 0, 1}, 1},
    {"sobel-y", 3, {-1, 0, 1}, {1, 2, 1}, 1},
};

static const float laplace[] = {0, 1, 0, 1, -4, 1, 0, 1, 0};

void cli_filter_free(struct cli_filter *filter)
{
    free(filter->taps);
    memset(filter, 0, sizeof *filter);
}

static int allocate(struct cli_filter *filter, size_t extent, struct cli_failure *failure)
{
    const size_t bytes = extent * extent * sizeof *filter->taps;
    filter->taps = malloc(bytes);
    if (filter->taps == NULL)
        return cli_fail_memory(failure, "--kernel", bytes);
    filter->height = filter->width = extent;
    return CLI_DONE;
}

static int from_file(const char *path, struct cli_filter *filter, struct cli_failure *failure)
{
    struct cli_npy array;
    const int code = cli_npy_read(path, ATROUS_TYPE_F32, &array, failure);
    if (code != CLI_DONE)
        return code;
    const int rank = array.rank;
    if (rank != 2) {
        cli_npy_free(&array);
        return cli_fail(failure, CLI_USAGE, "%s: has %d axes, must have 2", path, rank);
    }
    filter->height = array.shape[0];
    filter->width = array.shape[1];
    filter->taps = array.data; /* moved */
    return CLI_DONE;
}

int cli_filter_load(const char *name, struct cli_filter *filter, struct cli_failure *failure)
{
    memset(filter, 0, sizeof *filter);
    if (strcmp(name, "laplace") == 0) {
        const int code = allocate(filter, 3, failure);
        if (code == CLI_DONE)
            memcpy(filter->taps, laplace, sizeof laplace);
        return code;
    }
    for (size_t i = 0; i < sizeof table / sizeof table[0]; ++i) {
        const struct named *named = &table[i];
        if (strcmp(name, named->name) != 0)
            continue;
        const int code = allocate(filter, named->extent, failure);
        for (size_t y = 0; code == CLI_DONE && y < named->extent; ++y)
            for (size_t x = 0; x < named->extent; ++x)
                filter->taps[y * named->extent + x] =
                    named->column[y] * named->row[x] / named->divisor;
        return code;
    }
    const size_t length = strlen(name);
    if (length < 4 || strcmp(name + length - 4, ".npy") != 0)
        return cli_fail(failure, CLI_USAGE,
                        "--kernel: is '%s', must be b3spline, gauss3, box3, sobel-x, sobel-y, "
                        "laplace or a .npy file",
                        name);
    return from_file(name, filter, failure);
}
