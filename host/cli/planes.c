/* Between a picture's samples and the float planes that a convolution reads. */
#include "planes.h"

#include <math.h>
#include <string.h>

static size_t colours(const struct cli_picture *picture)
{
    return picture->channels - cli_picture_alpha(picture);
}

static unsigned char *sample(const struct cli_picture *picture, size_t pixel, size_t channel)
{
    return picture->samples + (pixel * picture->channels + channel) * (picture->depth / 8);
}

void cli_planes_from_picture(const struct cli_picture *picture, float *planes)
{
    const size_t pixels = picture->width * picture->height;
    for (size_t c = 0; c < colours(picture); ++c)
        for (size_t i = 0; i < pixels; ++i) {
            const unsigned char *at = sample(picture, i, c);
            planes[c * pixels + i] = picture->depth == 8 ? (float)at[0] / 255.0f
                                                         : (float)(at[0] << 8 | at[1]) / 65535.0f;
        }
}

void cli_planes_to_picture(const float *planes, struct cli_picture *picture)
{
    const size_t pixels = picture->width * picture->height;
    const float most = picture->depth == 8 ? 255.0f : 65535.0f;
    for (size_t c = 0; c < colours(picture); ++c)
        for (size_t i = 0; i < pixels; ++i) {
            /* fminf takes the number when the other is NaN: NaN shows as white. */
            const float shown = fminf(fabsf(planes[c * pixels + i]), 1.0f);
            const unsigned code = (unsigned)(shown * most + 0.5f);
            unsigned char *at = sample(picture, i, c);
            if (picture->depth == 16)
                *at++ = (unsigned char)(code >> 8);
            *at = (unsigned char)(code & 0xff);
        }
}

void cli_planes_copy_alpha(const struct cli_picture *from, struct cli_picture *to,
                           const size_t *rows, const size_t *columns)
{
    if (!cli_picture_alpha(to))
        return;
    for (size_t y = 0; y < to->height; ++y)
        for (size_t x = 0; x < to->width; ++x) {
            const size_t source = rows[y] * from->width + columns[x];
            memcpy(sample(to, y * to->width + x, to->channels - 1),
                   sample(from, source, from->channels - 1), to->depth / 8);
        }
}
