/* Removes noise from a picture: what a wavelet plane holds below k sigma of its noise is dropped.
 *
 *     starlet_denoise IN.png OUT.png
 *
 * Noise is added first, so that the result can be compared with the truth. */
#include <math.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <atrous/starlet.h>

enum { SCALES = 5 };
static const float noise = 0.15f, k = 3.0f;

/* About normally distributed: the sum of twelve uniform numbers has variance 1. */
static float draw(void)
{
    float sum = -6.0f;
    for (int i = 0; i < 12; ++i)
        sum += (float)rand() / (float)RAND_MAX;
    return sum;
}

static int ascending(const void *a, const void *b)
{
    const float left = *(const float *)a, right = *(const float *)b;
    return (left > right) - (left < right);
}

/* The noise of a plane: most of its values are noise, so their median tells (MAD). */
static float sigma_of(const float *plane, size_t count, float *scratch)
{
    for (size_t i = 0; i < count; ++i)
        scratch[i] = fabsf(plane[i]);
    qsort(scratch, count, sizeof *scratch, ascending);
    return scratch[count / 2] / 0.6745f;
}

static double rms(const float *a, const float *b, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; ++i)
        sum += pow((double)a[i] - (double)b[i], 2);
    return sqrt(sum / (double)count);
}

static atrous_status denoise(const png_image *picture, const float *noisy, float *clean,
                             atrous_error *error)
{
    const size_t count = (size_t)picture->height * picture->width;
    float *planes = malloc((SCALES + 1) * count * sizeof *planes);
    atrous_context *context = NULL;
    atrous_starlet *starlet = NULL;
    atrous_shape shape;

    atrous_shape_init(&shape, 2, sizeof shape);
    shape.extents[0] = picture->height;
    shape.extents[1] = picture->width;
    atrous_status status = atrous_context_create(NULL, &context, error);
    if (status == ATROUS_OK)
        status = atrous_starlet_create(context, &shape, SCALES, NULL, &starlet, error);
    if (status == ATROUS_OK)
        status = atrous_starlet_run(starlet, noisy, planes, error);
    for (int j = 0; status == ATROUS_OK && j < SCALES; ++j) {
        float *plane = planes + (size_t)j * count;
        const float sigma = sigma_of(plane, count, clean);
        size_t kept = 0;
        for (size_t i = 0; i < count; ++i) {
            if (fabsf(plane[i]) < k * sigma)
                plane[i] = 0;
            kept += plane[i] != 0;
        }
        printf("plane %d: sigma %.4f, %.1f %% kept\n", j + 1, sigma,
               100.0 * (double)kept / (double)count);
    }
    if (status == ATROUS_OK)
        status = atrous_starlet_sum(starlet, planes, clean, error);
    atrous_starlet_destroy(starlet);
    atrous_context_destroy(context);
    free(planes);
    return status;
}

int main(int argc, char **argv)
{
    png_image picture = {.version = PNG_IMAGE_VERSION};
    atrous_error error;
    if (argc != 3 || !png_image_begin_read_from_file(&picture, argv[1]))
        return fprintf(stderr, "starlet_denoise IN.png OUT.png\n"), 1;
    picture.format = PNG_FORMAT_GRAY;
    const size_t count = (size_t)picture.height * picture.width;
    png_byte *bytes = malloc(count);
    float *truth = malloc(3 * count * sizeof *truth), *noisy = truth + count,
          *clean = noisy + count;
    if (!png_image_finish_read(&picture, NULL, bytes, 0, NULL))
        return fprintf(stderr, "%s: %s\n", argv[1], picture.message), 1;
    for (size_t i = 0; i < count; ++i) {
        truth[i] = (float)bytes[i] / 255;
        noisy[i] = truth[i] + noise * draw();
    }
    if (denoise(&picture, noisy, clean, &error) != ATROUS_OK)
        return fprintf(stderr, "%s\n", error.message), 1;
    for (size_t i = 0; i < count; ++i)
        bytes[i] = (png_byte)(fminf(fmaxf(clean[i], 0), 1) * 255 + 0.5f);
    png_image_write_to_file(&picture, argv[2], 0, bytes, 0, NULL);

    const double before = rms(noisy, truth, count), after = rms(clean, truth, count);
    printf("error %.4f before, %.4f after\n", before, after);
    free(truth);
    free(bytes);
    return after < before / 2 ? 0 : 1;
}
