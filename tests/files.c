/* Reads whole files and .npy arrays, and knows where the third-party cases lie. */
#include "files.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *file_read(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    char *text = NULL;
    long length = -1;

    if (file == NULL)
        return NULL;
    if (fseek(file, 0, SEEK_END) == 0)
        length = ftell(file);
    if (length >= 0 && fseek(file, 0, SEEK_SET) == 0)
        text = malloc((size_t)length + 1);
    if (text != NULL && fread(text, 1, (size_t)length, file) != (size_t)length) {
        free(text);
        text = NULL;
    }
    if (text != NULL) {
        text[length] = '\0';
        *size = (size_t)length;
    }
    fclose(file);
    return text;
}

static float half_to_float(uint16_t half)
{
    const int exponent = half >> 10 & 31;
    const float fraction = (float)(half & 1023);
    const float sign = half >> 15 != 0 ? -1.0f : 1.0f;

    if (exponent == 31)
        return fraction != 0.0f ? NAN : sign * INFINITY;
    if (exponent == 0)
        return sign * ldexpf(fraction, -24);
    return sign * ldexpf(1024.0f + fraction, exponent - 25);
}

/* Reads the shape's tuple; false when it is malformed or too long. */
static bool read_shape(const char *header, struct npy *npy)
{
    const char *at = strstr(header, "'shape'");

    npy->rank = 0;
    npy->count = 1;
    at = at != NULL ? strchr(at, '(') : NULL;
    if (at == NULL)
        return false;
    for (++at; *at != ')';) {
        char *end = NULL;
        const unsigned long long extent = strtoull(at, &end, 10);
        if (end == at || npy->rank == 8)
            return false;
        npy->shape[npy->rank++] = (size_t)extent;
        npy->count *= (size_t)extent;
        for (at = end; *at == ',' || *at == ' '; ++at)
            ;
    }
    return true;
}

/* The header's text and the data behind it, in a version 1 or 2 file. */
static const char *split(char *file, size_t size, size_t *data_size)
{
    const unsigned char *bytes = (const unsigned char *)file;
    size_t start = 10, length = 0;

    if (size < 12 || memcmp(file, "\x93NUMPY", 6) != 0)
        return NULL;
    length = (size_t)bytes[8] | (size_t)bytes[9] << 8;
    if (bytes[6] > 1) {
        start = 12;
        length |= (size_t)bytes[10] << 16 | (size_t)bytes[11] << 24;
    }
    if (length == 0 || length > size - start)
        return NULL;
    *data_size = size - start - length;
    file[start + length - 1] = '\0'; /* over the newline that ends the header */
    memmove(file, file + start, length);
    return file + start + length;
}

static float element(const unsigned char *at, size_t width, bool is_integer)
{
    uint64_t bits = 0;
    float value;

    for (size_t i = 0; i < width; ++i)
        bits |= (uint64_t)at[i] << 8 * i;
    if (is_integer)
        return (float)(width == 4 ? (int64_t)(int32_t)bits : (int64_t)bits);
    if (width == 2)
        return half_to_float((uint16_t)bits);
    const uint32_t low = (uint32_t)bits;
    memcpy(&value, &low, sizeof value);
    return value;
}

bool npy_read(const char *path, struct npy *npy)
{
    size_t size = 0, data_size = 0, width = 0;
    char *header = file_read(path, &size);
    const char *data = NULL;
    bool good = false;

    memset(npy, 0, sizeof *npy);
    if (header == NULL)
        return false;
    data = split(header, size, &data_size);
    if (data == NULL || strstr(header, "'fortran_order': False") == NULL)
        goto done;
    width = strstr(header, "'<f4'") != NULL   ? 4
            : strstr(header, "'<f2'") != NULL ? 2
            : strstr(header, "'<i4'") != NULL ? 4
            : strstr(header, "'<i8'") != NULL ? 8
                                              : 0;
    if (width == 0 || !read_shape(header, npy) || npy->count * width != data_size)
        goto done;
    npy->values = malloc((npy->count + 1) * sizeof *npy->values);
    if (npy->values == NULL)
        goto done;
    for (size_t i = 0; i < npy->count; ++i)
        npy->values[i] =
            element((const unsigned char *)data + i * width, width, strstr(header, "'<i") != NULL);
    good = true;

done:
    free(header);
    return good;
}

void npy_free(struct npy *npy)
{
    free(npy->values);
    memset(npy, 0, sizeof *npy);
}

const char *cases_folder(void)
{
    const char *folder = getenv("ATROUS_CASES");

    return folder != NULL && *folder != '\0' ? folder : ATROUS_TESTS_CASES;
}

char *cases_path(char *path, size_t size, const char *name)
{
    snprintf(path, size, "%s/%s", cases_folder(), name);
    return path;
}

bool cases_present(void)
{
    char path[1024];
    FILE *file = fopen(cases_path(path, sizeof path, "tensors/cases.tsv"), "rb");

    if (file == NULL)
        return false;
    fclose(file);
    return true;
}
