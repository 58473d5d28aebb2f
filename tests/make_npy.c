/* make_npy FILE SHAPE [TYPE [ORDER]]: writes an .npy array of small integers, for the tests of
 * the program. TYPE is a numpy name ("<f4"), ORDER "c" or "fortran"; values repeat with the
 * shape. The elements are written as f4, f2, i1 and u2 (bfloat16) say, else as zero bytes. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Elements of "2,3,4", and the same as numpy's tuple. */
static size_t read_shape(const char *shape, char *tuple, size_t size)
{
    size_t count = 1;

    for (const char *at = shape; *at != '\0';) {
        char *end = NULL;
        count *= (size_t)strtoull(at, &end, 10);
        at = *end == ',' ? end + 1 : end;
        if (end == at)
            break;
    }
    snprintf(tuple, size, "(%s,)", shape);
    return count;
}

static int write_header(FILE *file, const char *type, const char *order, const char *tuple)
{
    char header[512];
    const char *fortran = strcmp(order, "fortran") == 0 ? "True" : "False";
    int length =
        snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': %s, 'shape': %s, }", type,
                 fortran, tuple);
    const int padded = (10 + length + 1 + 63) / 64 * 64 - 10;

    if (length < 0 || padded >= (int)sizeof header)
        return 0;
    while (length < padded - 1)
        header[length++] = ' ';
    header[length++] = '\n';
    const unsigned char start[] = {0x93,
                                   'N',
                                   'U',
                                   'M',
                                   'P',
                                   'Y',
                                   1,
                                   0,
                                   (unsigned char)(length & 255),
                                   (unsigned char)(length >> 8)};
    return fwrite(start, sizeof start, 1, file) == 1 &&
           fwrite(header, (size_t)length, 1, file) == 1;
}

/* A whole number from -3 to 3, as the bytes of `type`; zeros for a type that is not written. */
static void element(size_t i, const char *type, unsigned char bytes[8])
{
    static const uint16_t halves[] = {0, 0x3c00, 0x4000, 0x4200}; /* of 0 to 3 */
    const int value = (int)((i * 2654435761u >> 7) % 7) - 3;
    const float real = (float)value;
    uint32_t bits = 0;
    size_t width = 4;

    memcpy(&bits, &real, sizeof bits);
    if (strcmp(type, "|i1") == 0)
        bytes[0] = (unsigned char)value;
    else if (strcmp(type + 1, "f2") == 0 || strcmp(type + 1, "u2") == 0) {
        bits = type[1] == 'f' ? (bits >> 16 & 0x8000) | halves[abs(value)] : bits >> 16;
        width = 2;
    } else if (strcmp(type + 1, "f4") != 0)
        return;
    for (size_t b = 0; type[0] != '|' && b < width; ++b)
        bytes[type[0] == '>' ? width - 1 - b : b] = (unsigned char)(bits >> 8 * b & 255);
}

int main(int argc, char **argv)
{
    const char *type = argc > 3 ? argv[3] : "<f4";
    const size_t width = strlen(type) == 3 ? (size_t)(type[2] - '0') : 0;
    char tuple[128];
    int good = 1;

    if (argc < 3 || width < 1 || width > 8) {
        fprintf(stderr, "usage: make_npy FILE SHAPE [TYPE [c|fortran]]\n");
        return 2;
    }
    const size_t count = read_shape(argv[2], tuple, sizeof tuple);
    FILE *file = fopen(argv[1], "wb");
    if (file == NULL) {
        perror(argv[1]);
        return 1;
    }
    good = write_header(file, type, argc > 4 ? argv[4] : "c", tuple);
    for (size_t i = 0; good && i < count; ++i) {
        unsigned char bytes[8] = {0};
        element(i, type, bytes);
        good = fwrite(bytes, width, 1, file) == 1;
    }
    good = fclose(file) == 0 && good;
    return good ? 0 : 1;
}
