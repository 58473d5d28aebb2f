/* Smooths a picture but not across its edges: the edge-avoiding a-trous filter of Dammertz,
 * Sewtz, Hanika and Lensch (2010).
 *
 *     edge_avoiding IN.png OUT.png
 *
 * Pass i averages with the B3 spline at dilation 2^i and weights w(p,q) = exp(-(c(p)-c(q))^2 /
 * s^2). They depend on p, so that this is no convolution; for a fixed value v in place of c(p) it
 * is the ratio of two: h*(w c) / h*w. The library computes both for LEVELS values v as one batch,
 * and each pixel interpolates between the two levels around its own value. */
#include <math.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>

#include <atrous/atrous.h>

enum { PASSES = 3, LEVELS = 17 };
static const float noise = 0.06f, first_sigma = 0.15f;
static const float spline[5] = {0.0625f, 0.25f, 0.375f, 0.25f, 0.0625f};

static atrous_status convolve(atrous_context *context, const png_image *picture, size_t images,
                              size_t dilation, const float *from, float *to, atrous_error *error)
{
    float taps[5][5];
    atrous_plan *plan = NULL;
    atrous_conv conv;
    atrous_arrays arrays;
    for (int i = 0; i < 25; ++i)
        taps[i / 5][i % 5] = spline[i / 5] * spline[i % 5];
    atrous_conv_init(&conv, 2, sizeof conv);
    conv.batch = images;
    conv.input[0] = picture->height;
    conv.input[1] = picture->width;
    conv.padding = ATROUS_PADDING_REFLECT;
    for (int axis = 0; axis < 2; ++axis) {
        conv.kernel[axis] = 5;
        conv.dilation[axis] = dilation;
        conv.pad_begin[axis] = conv.pad_end[axis] = 2 * dilation;
    }
    atrous_arrays_init(&arrays, sizeof arrays);
    arrays.input = from;
    arrays.weights = taps;
    arrays.output = to;
    atrous_status status = atrous_plan_create(context, &conv, NULL, &plan, error);
    if (status == ATROUS_OK)
        status = atrous_plan_run(plan, &arrays, error);
    atrous_plan_destroy(plan);
    return status;
}

/* One pass, in place. batch and sums: float[2 * LEVELS][count]. */
static atrous_status smooth(atrous_context *context, const png_image *picture, int pass, float *c,
                            float *batch, float *sums, atrous_error *error)
{
    const size_t count = (size_t)picture->height * picture->width;
    const float sigma = first_sigma / (float)(1 << pass);
    for (size_t v = 0; v < LEVELS; ++v)
        for (size_t i = 0; i < count; ++i) {
            const float far = (c[i] - (float)v / (LEVELS - 1)) / sigma;
            const float weight = expf(-far * far) + 1e-6f;
            batch[v * count + i] = weight;
            batch[(LEVELS + v) * count + i] = weight * c[i];
        }
    const atrous_status status =
        convolve(context, picture, 2 * (size_t)LEVELS, (size_t)1 << pass, batch, sums, error);
    for (size_t i = 0; status == ATROUS_OK && i < count; ++i) {
        const float at = fminf(fmaxf(c[i], 0), 1) * (LEVELS - 1);
        const size_t v = at < LEVELS - 1 ? (size_t)at : LEVELS - 2;
        const float *weight = sums + v * count + i, *value = weight + LEVELS * count;
        const float low = value[0] / weight[0], high = value[count] / weight[count];
        c[i] = low + (at - (float)v) * (high - low);
    }
    return status;
}

static double rms(const float *a, const float *b, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; ++i)
        sum += pow((double)a[i] - (double)b[i], 2);
    return sqrt(sum / (double)count);
}

int main(int argc, char **argv)
{
    png_image picture = {.version = PNG_IMAGE_VERSION, .format = PNG_FORMAT_GRAY};
    atrous_context *context = NULL;
    atrous_error error;
    if (argc != 3 || !png_image_begin_read_from_file(&picture, argv[1]))
        return fprintf(stderr, "edge_avoiding IN.png OUT.png\n"), 1;
    picture.format = PNG_FORMAT_GRAY;
    const size_t count = (size_t)picture.height * picture.width;
    png_byte *bytes = malloc(count);
    float *memory = malloc((4 + 4 * LEVELS) * count * sizeof *memory);
    float *truth = memory, *noisy = truth + count, *plain = noisy + count, *c = plain + count;
    float *batch = c + count, *sums = batch + 2 * LEVELS * count;
    if (!png_image_finish_read(&picture, NULL, bytes, 0, NULL))
        return fprintf(stderr, "%s: %s\n", argv[1], picture.message), 1;
    for (size_t i = 0; i < count; ++i) {
        truth[i] = (float)bytes[i] / 255;
        c[i] = noisy[i] = truth[i] + noise * 3.46f * ((float)rand() / (float)RAND_MAX - 0.5f);
    }

    atrous_status status = atrous_context_create(NULL, &context, &error);
    for (int pass = 0; pass < PASSES && status == ATROUS_OK; ++pass)
        status = smooth(context, &picture, pass, c, batch, sums, &error);
    if (status == ATROUS_OK) /* for comparison, one pass that knows no edges: more would blur */
        status = convolve(context, &picture, 1, 1, noisy, plain, &error);
    atrous_context_destroy(context);
    if (status != ATROUS_OK)
        return fprintf(stderr, "%s\n", error.message), 1;
    for (size_t i = 0; i < count; ++i)
        bytes[i] = (png_byte)(fminf(fmaxf(c[i], 0), 1) * 255 + 0.5f);
    png_image_write_to_file(&picture, argv[2], 0, bytes, 0, NULL);
    const double edges = rms(c, truth, count), blurred = rms(plain, truth, count);
    printf("error %.4f noisy, %.4f B3 spline, %.4f edge-avoiding\n", rms(noisy, truth, count),
           blurred, edges);
    free(memory);
    free(bytes);
    return edges < blurred ? 0 : 1;
}
