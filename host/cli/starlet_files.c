/* The files that `atrous starlet` leaves: float planes, and pictures to look at. */
#define _XOPEN_SOURCE 700
#include "starlet_files.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "file.h"
#include "npy.h"
#include "planes.h"

const char *cli_starlet_name(size_t plane, size_t scales, char *text, size_t size)
{
    if (plane < scales)
        snprintf(text, size, "plane_%zu", plane + 1);
    else
        snprintf(text, size, "%s", plane == scales ? "smooth" : "reconstruction");
    return text;
}

/* DIRECTORY/NAME.ending, to be freed; NULL without memory. */
static char *join(const char *directory, const char *name, const char *ending)
{
    const size_t length = strlen(directory) + strlen(name) + strlen(ending) + 3;
    char *path = malloc(length);
    if (path != NULL)
        snprintf(path, length, "%s/%s.%s", directory, name, ending);
    return path;
}

int cli_starlet_prepare(const char *directory, struct cli_failure *failure)
{
    if (mkdir(directory, 0777) != 0 && errno != EEXIST)
        return cli_fail(failure, CLI_USAGE, "%s: cannot be made: %s", directory, strerror(errno));
    char *path = join(directory, "smooth", "npy");
    if (path == NULL)
        return cli_fail_memory(failure, directory, strlen(directory));
    const int code = cli_file_probe(path, failure);
    free(path);
    return code;
}

static size_t colours(const struct cli_picture *picture)
{
    return picture->channels - cli_picture_alpha(picture);
}

static int write_npy(const struct cli_starlet_files *files, const char *name, const float *values,
                     struct cli_failure *failure)
{
    const struct cli_picture *picture = files->picture;
    struct cli_npy array = {.count = colours(picture) * picture->height * picture->width};
    if (colours(picture) > 1)
        array.shape[array.rank++] = colours(picture);
    array.shape[array.rank++] = picture->height;
    array.shape[array.rank++] = picture->width;
    char *path = join(files->directory, name, "npy");
    /* The array is only read from. */
    memcpy(&array.data, &values, sizeof array.data);
    const int code = path == NULL ? cli_fail_memory(failure, name, strlen(files->directory))
                                  : cli_npy_write(path, ATROUS_TYPE_F32, &array, failure);
    free(path);
    return code;
}

/* The magnitude that all but one value in 200 stay below, to one part in 4096 of the largest. */
static float nearly_largest(const float *values, size_t count)
{
    enum { BINS = 4096 };
    size_t bins[BINS] = {0}, above = 0;
    float largest = 0.0f;
    for (size_t i = 0; i < count; ++i)
        largest = fmaxf(largest, fabsf(values[i]));
    if (!(largest > 0.0f) || !isfinite(largest))
        return largest;
    for (size_t i = 0; i < count; ++i)
        ++bins[(size_t)(fminf(fabsf(values[i]) / largest, 1.0f) * (BINS - 1))];
    size_t bin = BINS - 1;
    while (bin > 0 && above + bins[bin] <= count / 200)
        above += bins[bin--];
    return largest * (float)(bin + 1) / BINS;
}

/* Detail around mid-grey: no detail is grey, and what is nearly the largest black or white. */
static void stretch(const float *values, size_t count, float *shown)
{
    const float most = nearly_largest(values, count);
    for (size_t i = 0; i < count; ++i) {
        const float share = most > 0.0f ? values[i] / most : 0.0f;
        shown[i] = 0.5f + 0.5f * fmaxf(-1.0f, fminf(share, 1.0f));
    }
}

/* A picture of the kind that was read: for the reconstruction with its depth and alpha, else
 * 8 bits without alpha. */
static int make_picture(const struct cli_starlet_files *files, bool like, struct cli_picture *made,
                        struct cli_failure *failure)
{
    *made = *files->picture;
    if (!like) {
        made->channels = colours(files->picture);
        made->depth = 8;
    }
    const size_t bytes = cli_picture_bytes(made);
    made->samples = malloc(bytes);
    if (made->samples == NULL)
        return cli_fail_memory(failure, files->directory, bytes);
    if (like)
        memcpy(made->samples, files->picture->samples, bytes);
    return CLI_DONE;
}

static int write_png(const struct cli_starlet_files *files, const char *name, const float *shown,
                     bool like, struct cli_failure *failure)
{
    struct cli_picture made = {0};
    int code = make_picture(files, like, &made, failure);
    if (code != CLI_DONE)
        return code;
    cli_planes_to_picture(shown, &made);
    char *path = join(files->directory, name, "png");
    code = path == NULL ? cli_fail_memory(failure, name, strlen(files->directory))
                        : cli_picture_write(path, &made, failure);
    free(path);
    cli_picture_free(&made);
    return code;
}

int cli_starlet_write(const struct cli_starlet_files *files, size_t plane,
                      struct cli_failure *failure)
{
    const size_t count = colours(files->picture) * files->picture->height * files->picture->width;
    const bool is_sum = plane > files->scales;
    const float *values = is_sum ? files->sum : files->planes + plane * count;
    float *stretched = NULL;
    char name[32];

    cli_starlet_name(plane, files->scales, name, sizeof name);
    int code = write_npy(files, name, values, failure);
    if (code == CLI_DONE && plane < files->scales) {
        stretched = malloc(count * sizeof *stretched);
        if (stretched == NULL)
            return cli_fail_memory(failure, name, count * sizeof *stretched);
        stretch(values, count, stretched);
    }
    if (code == CLI_DONE)
        code = write_png(files, name, stretched != NULL ? stretched : values, is_sum, failure);
    free(stretched);
    return code;
}
