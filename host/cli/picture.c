/* PNG pictures through libpng. libpng leaves a failing call by longjmp: every function that
 * calls setjmp here keeps no variable of its own, so that nothing is lost or stale. */
#include "picture.h"

#include <png.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "number.h"

/* What libpng's error callback is told. */
struct place {
    const char *path;
    struct cli_failure *failure;
};

size_t cli_picture_alpha(const struct cli_picture *picture)
{
    return picture->channels % 2 == 0;
}

static size_t row_bytes(const struct cli_picture *picture)
{
    return picture->width * picture->channels * (picture->depth / 8);
}

size_t cli_picture_bytes(const struct cli_picture *picture)
{
    size_t bytes = picture->channels * (picture->depth / 8);
    if (!cli_multiply(&bytes, picture->width) || !cli_multiply(&bytes, picture->height))
        return 0;
    return bytes;
}

void cli_picture_free(struct cli_picture *picture)
{
    free(picture->samples);
    memset(picture, 0, sizeof *picture);
}

static void on_error(png_structp png, png_const_charp text)
{
    const struct place *place = png_get_error_ptr(png);
    cli_fail(place->failure, CLI_USAGE, "%s: PNG: %s", place->path, text);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp text)
{
    (void)png, (void)text;
}

static void on_read(png_structp png, png_bytep bytes, png_size_t size)
{
    if (fread(bytes, 1, size, png_get_io_ptr(png)) != size)
        png_error(png, "is cut off");
}

/* Reads up to the first row; afterwards rows come as 8- or 16-bit samples. */
static void read_head(png_structp png, png_infop info, struct cli_picture *picture)
{
    png_read_info(png, info);
    const int type = png_get_color_type(png, info);
    if (type == PNG_COLOR_TYPE_PALETTE)
        png_set_palette_to_rgb(png);
    if (type == PNG_COLOR_TYPE_GRAY && png_get_bit_depth(png, info) < 8)
        png_set_expand_gray_1_2_4_to_8(png);
    if (png_get_valid(png, info, PNG_INFO_tRNS))
        png_set_tRNS_to_alpha(png);
    png_set_interlace_handling(png);
    png_read_update_info(png, info);
    picture->width = png_get_image_width(png, info);
    picture->height = png_get_image_height(png, info);
    picture->channels = png_get_channels(png, info);
    picture->depth = png_get_bit_depth(png, info);
    if (png_get_rowbytes(png, info) != row_bytes(picture))
        png_error(png, "unexpected row size");
}

static void read_rows(png_structp png, struct cli_picture *picture, size_t file_size)
{
    /* deflate makes at most 1032 bytes of one: a size beyond that is a lie, told before the
     * memory for it is asked for. Expanding a 1-bit palette to RGBA multiplies by 32. */
    const size_t bytes = cli_picture_bytes(picture);
    if (bytes == 0 || bytes / 1032 / 32 > file_size)
        png_error(png, "is too short for its width and height");
    picture->samples = malloc(bytes);
    if (picture->samples == NULL)
        png_error(png, "out of memory");

    const size_t stride = row_bytes(picture);
    const int passes = png_set_interlace_handling(png);
    for (int pass = 0; pass < passes; ++pass)
        for (size_t y = 0; y < picture->height; ++y)
            png_read_row(png, picture->samples + y * stride, NULL);
    png_read_end(png, NULL);
}

static int read_guarded(png_structp png, png_infop info, FILE *stream, size_t file_size,
                        struct cli_picture *picture)
{
    if (setjmp(png_jmpbuf(png)) != 0)
        return 0;
    png_set_read_fn(png, stream, on_read);
    read_head(png, info, picture);
    read_rows(png, picture, file_size);
    return 1;
}

int cli_picture_read(const char *path, struct cli_picture *picture, struct cli_failure *failure)
{
    struct place place = {path, failure};
    FILE *stream = NULL;
    size_t file_size = 0;
    memset(picture, 0, sizeof *picture);
    int code = cli_file_open(path, &stream, &file_size, failure);
    if (code != CLI_DONE)
        return code;

    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &place, on_error, on_warning);
    png_infop info = png == NULL ? NULL : png_create_info_struct(png);
    if (info == NULL)
        code = cli_fail(failure, CLI_USAGE, "%s: out of memory", path);
    else if (!read_guarded(png, info, stream, file_size, picture))
        code = failure->code;
    png_destroy_read_struct(&png, &info, NULL);
    fclose(stream);
    if (code != CLI_DONE)
        cli_picture_free(picture);
    return code;
}

static int write_guarded(png_structp png, png_infop info, FILE *stream,
                         const struct cli_picture *picture)
{
    static const int types[] = {PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA, PNG_COLOR_TYPE_RGB,
                                PNG_COLOR_TYPE_RGB_ALPHA};
    if (setjmp(png_jmpbuf(png)) != 0)
        return 0;
    png_init_io(png, stream);
    png_set_IHDR(png, info, (png_uint_32)picture->width, (png_uint_32)picture->height,
                 (int)picture->depth, types[picture->channels - 1], PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    for (size_t y = 0; y < picture->height; ++y)
        png_write_row(png, picture->samples + y * row_bytes(picture));
    png_write_end(png, NULL);
    return 1;
}

int cli_picture_write(const char *path, const struct cli_picture *picture,
                      struct cli_failure *failure)
{
    struct place place = {path, failure};
    struct cli_file file;
    int code = CLI_DONE;
    if (picture->width > PNG_UINT_31_MAX || picture->height > PNG_UINT_31_MAX)
        return cli_fail(failure, CLI_USAGE, "%s: size is %zu x %zu, more than a PNG can hold", path,
                        picture->width, picture->height);
    code = cli_file_create(&file, path, failure);
    if (code != CLI_DONE)
        return code;

    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &place, on_error, on_warning);
    png_infop info = png == NULL ? NULL : png_create_info_struct(png);
    if (info == NULL)
        code = cli_fail(failure, CLI_USAGE, "%s: out of memory", path);
    else if (!write_guarded(png, info, file.stream, picture))
        code = failure->code;
    png_destroy_write_struct(&png, &info);
    if (code == CLI_DONE)
        return cli_file_commit(&file, failure);
    cli_file_discard(&file);
    return code;
}
