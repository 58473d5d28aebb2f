/* Arrays in .npy files. Nothing a header claims is believed, or allocated for, before the
 * file's size bears it out. */
#include "npy.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "npy_header.h"
#include "number.h"

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the program reads and writes little-endian arrays as they lie in memory"
#endif

enum { PREFIX = 8, HEADER_MAX = 1 << 16, ALIGNMENT = 64 };
static const unsigned char magic[] = {0x93, 'N', 'U', 'M', 'P', 'Y'};

/* How a type is spelt in .npy files; bfloat16 has no spelling of its own there. */
static const struct {
    const char *descr, *words;
    size_t size;
} types[] = {
    [ATROUS_TYPE_F32] = {"<f4", "little-endian float32", 4},
    [ATROUS_TYPE_F16] = {"<f2", "little-endian float16", 2},
    [ATROUS_TYPE_BF16] = {"<u2", "bfloat16 as little-endian uint16", 2},
    [ATROUS_TYPE_I8] = {"|i1", "int8", 1},
};

size_t cli_type_size(atrous_type type)
{
    return types[type].size;
}

const char *cli_shape_text(const size_t *shape, int rank, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; i < rank && used < size; ++i) {
        const int added = snprintf(text + used, size - used, "%s%zu", i == 0 ? "" : ",", shape[i]);
        used += added > 0 ? (size_t)added : 0;
    }
    return text;
}

void cli_npy_free(struct cli_npy *array)
{
    free(array->data);
    memset(array, 0, sizeof *array);
}

/* Reads magic, version and header text. *left: bytes of the file behind them. */
static int read_header(FILE *stream, const char *path, size_t *left, struct cli_npy_header *header,
                       struct cli_failure *failure)
{
    unsigned char prefix[PREFIX + 4] = {0};
    if (*left < PREFIX || fread(prefix, 1, PREFIX, stream) != PREFIX ||
        memcmp(prefix, magic, sizeof magic) != 0)
        return cli_fail(failure, CLI_USAGE, "%s: must be a .npy file", path);
    const unsigned major = prefix[6], minor = prefix[7];
    if (major < 1 || major > 3 || minor != 0)
        return cli_fail(failure, CLI_USAGE, "%s: .npy format is %u.%u, must be 1.0 to 3.0", path,
                        major, minor);

    const size_t field = major == 1 ? 2 : 4;
    *left -= PREFIX;
    if (*left < field || fread(prefix + PREFIX, 1, field, stream) != field)
        return cli_fail(failure, CLI_USAGE, "%s: is cut off in its header", path);
    *left -= field;
    size_t length = 0;
    for (size_t i = field; i-- > 0;)
        length = length << 8 | prefix[PREFIX + i];
    if (length > *left || length > HEADER_MAX)
        return cli_fail(failure, CLI_USAGE,
                        "%s: header length is %zu, must be at most %d and inside the file", path,
                        length, HEADER_MAX);

    char *text = malloc(length + 1);
    if (text == NULL)
        return cli_fail_memory(failure, path, length + 1);
    const size_t got = fread(text, 1, length, stream);
    text[got] = '\0';
    const char *wrong = got != length         ? "is cut off"
                        : strlen(text) != got ? "must be text without zero bytes"
                                              : cli_npy_parse(text, header);
    free(text);
    *left -= length;
    if (wrong != NULL)
        return cli_fail(failure, CLI_USAGE, "%s: malformed .npy header: %s", path, wrong);
    return CLI_DONE;
}

/* Compares what the header claims with the type asked for and the bytes that are there. */
static int check_header(const char *path, const struct cli_npy_header *header, atrous_type type,
                        size_t left, size_t *count, struct cli_failure *failure)
{
    char shape[CLI_NPY_RANK_MAX * 21];
    if (strcmp(header->descr, types[type].descr) != 0)
        return cli_fail(failure, CLI_USAGE, "%s: dtype is %s, must be %s (%s)", path, header->descr,
                        types[type].descr, types[type].words);
    if (header->fortran_order)
        return cli_fail(failure, CLI_USAGE, "%s: fortran_order is True, must be C order", path);

    size_t bytes = types[type].size;
    int fits = 1;
    *count = 1;
    for (int i = 0; i < header->rank; ++i) {
        fits = fits && cli_multiply(&bytes, header->shape[i]);
        *count = fits ? *count * header->shape[i] : 0;
    }
    cli_shape_text(header->shape, header->rank, shape, sizeof shape);
    if (!fits)
        return cli_fail(failure, CLI_USAGE, "%s: shape is (%s), whose size overflows", path, shape);
    if (bytes != left)
        return cli_fail(failure, CLI_USAGE,
                        "%s: %s: shape (%s) takes %zu bytes, the file holds %zu", path,
                        bytes > left ? "is cut off" : "has extra data", shape, bytes, left);
    return CLI_DONE;
}

int cli_npy_read(const char *path, atrous_type type, struct cli_npy *array,
                 struct cli_failure *failure)
{
    struct cli_npy_header header;
    FILE *stream = NULL;
    size_t left = 0;
    memset(array, 0, sizeof *array);
    int code = cli_file_open(path, &stream, &left, failure);
    if (code != CLI_DONE)
        return code;

    code = read_header(stream, path, &left, &header, failure);
    if (code == CLI_DONE)
        code = check_header(path, &header, type, left, &array->count, failure);
    if (code == CLI_DONE) {
        array->data = malloc(left > 0 ? left : 1);
        if (array->data == NULL)
            code = cli_fail_memory(failure, path, left);
        else if (fread(array->data, 1, left, stream) != left)
            code = cli_fail(failure, CLI_USAGE, "%s: could not be read to its end", path);
    }
    fclose(stream);
    if (code != CLI_DONE) {
        cli_npy_free(array);
        return code;
    }
    array->rank = header.rank;
    memcpy(array->shape, header.shape, sizeof array->shape);
    return CLI_DONE;
}

int cli_npy_write(const char *path, atrous_type type, const struct cli_npy *array,
                  struct cli_failure *failure)
{
    char shape[CLI_NPY_RANK_MAX * 21], text[4 * ALIGNMENT + 1];
    cli_shape_text(array->shape, array->rank, shape, sizeof shape);
    int length =
        snprintf(text, sizeof text, "{'descr': '%s', 'fortran_order': False, 'shape': (%s%s), }",
                 types[type].descr, shape, array->rank == 1 ? "," : "");
    /* Blanks and a line feed put the data on a multiple of 64 bytes. */
    while ((PREFIX + 2 + length + 1) % ALIGNMENT != 0)
        text[length++] = ' ';
    text[length++] = '\n';

    unsigned char prefix[PREFIX + 2] = {0};
    memcpy(prefix, magic, sizeof magic);
    prefix[6] = 1;
    prefix[PREFIX] = (unsigned char)(length & 0xff);
    prefix[PREFIX + 1] = (unsigned char)(length >> 8);

    struct cli_file file;
    const int code = cli_file_create(&file, path, failure);
    if (code != CLI_DONE)
        return code;
    /* A short write leaves the stream's error flag, which commit looks at. */
    fwrite(prefix, 1, sizeof prefix, file.stream);
    fwrite(text, 1, (size_t)length, file.stream);
    fwrite(array->data, types[type].size, array->count, file.stream);
    return cli_file_commit(&file, failure);
}
