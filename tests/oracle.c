/* The definition of dilated convolution, loop for loop, and nothing else. */
#include "oracle.h"

#include <math.h>

/* The problem with three axes, so that one loop nest serves every rank. */
struct cube {
    long in[3], out[3], kernel[3], stride[3], dilation[3], pad[3];
};

static size_t count_positions(const atrous_conv *conv, int axis)
{
    const size_t padded = conv->pad_begin[axis] + conv->input[axis] + conv->pad_end[axis];
    const size_t last_tap = (conv->kernel[axis] - 1) * conv->dilation[axis];
    size_t count = 0;

    for (size_t first_tap = 0; first_tap + last_tap < padded; first_tap += conv->stride[axis])
        ++count;
    return count;
}

bool oracle_output(const atrous_conv *conv, size_t output[ATROUS_MAX_RANK])
{
    bool any = true;

    for (int axis = 0; axis < conv->rank; ++axis) {
        output[axis] = count_positions(conv, axis);
        any = any && output[axis] > 0;
    }
    return any;
}

long oracle_index(long i, long n, atrous_padding padding)
{
    if (i >= 0 && i < n)
        return i;
    switch (padding) {
    case ATROUS_PADDING_REPLICATE:
        return i < 0 ? 0 : n - 1;
    case ATROUS_PADDING_CIRCULAR:
        while (i < 0)
            i += n;
        while (i >= n)
            i -= n;
        return i;
    case ATROUS_PADDING_REFLECT:
        while (n > 1 && (i < 0 || i >= n))
            i = i < 0 ? -i : 2 * (n - 1) - i;
        return n > 1 ? i : 0;
    case ATROUS_PADDING_ZEROS:
    case ATROUS_PADDING_CONSTANT:
        break;
    }
    return -1;
}

static size_t product(const size_t *extents, int rank)
{
    size_t count = 1;

    for (int axis = 0; axis < rank; ++axis)
        count *= extents[axis];
    return count;
}

size_t oracle_input_count(const atrous_conv *conv)
{
    return conv->batch * conv->in_channels * product(conv->input, conv->rank);
}

size_t oracle_weights_count(const atrous_conv *conv)
{
    return conv->out_channels * (conv->in_channels / conv->groups) *
           product(conv->kernel, conv->rank);
}

size_t oracle_output_count(const atrous_conv *conv)
{
    size_t output[ATROUS_MAX_RANK];

    if (!oracle_output(conv, output))
        return 0;
    return conv->batch * conv->out_channels * product(output, conv->rank);
}

static struct cube cube_of(const atrous_conv *conv)
{
    struct cube cube = {{1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {0, 0, 0}};
    size_t output[ATROUS_MAX_RANK];

    oracle_output(conv, output);
    for (int axis = 0; axis < conv->rank; ++axis) {
        const int to = 3 - conv->rank + axis;
        cube.in[to] = (long)conv->input[axis];
        cube.out[to] = (long)output[axis];
        cube.kernel[to] = (long)conv->kernel[axis];
        cube.stride[to] = (long)conv->stride[axis];
        cube.dilation[to] = (long)conv->dilation[axis];
        cube.pad[to] = (long)conv->pad_begin[axis];
    }
    return cube;
}

/* Where output p reads at tap t of one axis. */
static long meets(const struct cube *cube, int axis, long p, long t, atrous_padding padding)
{
    const long at = p * cube->stride[axis] + t * cube->dilation[axis] - cube->pad[axis];

    return oracle_index(at, cube->in[axis], padding);
}

/* Adds the products of one channel at output position p. */
static void add_channel(const atrous_conv *conv, const struct cube *cube, const long p[3],
                        const float *x, const float *w, double *value, double *magnitude)
{
    const bool flip = conv->orientation == ATROUS_TRUE_CONVOLUTION;
    const double outside =
        conv->padding == ATROUS_PADDING_CONSTANT ? (double)(float)conv->pad_value : 0.0;
    const long *r = cube->kernel;
    const long taps = r[0] * r[1] * r[2];

    for (long a = 0; a < r[0]; ++a) {
        const long d = meets(cube, 0, p[0], a, conv->padding);
        for (long b = 0; b < r[1]; ++b) {
            const long h = meets(cube, 1, p[1], b, conv->padding);
            for (long c = 0; c < r[2]; ++c) {
                const long i = meets(cube, 2, p[2], c, conv->padding);
                const long tap = (a * r[1] + b) * r[2] + c;
                const bool inside = d >= 0 && h >= 0 && i >= 0;
                const double read =
                    inside ? (double)x[(d * cube->in[1] + h) * cube->in[2] + i] : outside;
                /* Every axis reversed is the flat order reversed. */
                const double term = (double)w[flip ? taps - 1 - tap : tap] * read;
                *value += term;
                *magnitude += fabs(term);
            }
        }
    }
}

void oracle_conv(const atrous_conv *conv, const float *x, const float *w, const float *bias,
                 double *value, double *magnitude)
{
    const struct cube cube = cube_of(conv);
    const size_t channels = conv->in_channels / conv->groups;
    const size_t filters = conv->out_channels / conv->groups;
    const size_t plane = product(conv->input, conv->rank);
    const size_t taps = product(conv->kernel, conv->rank);

    for (size_t n = 0; n < conv->batch; ++n)
        for (size_t k = 0; k < conv->out_channels; ++k) {
            const size_t first = n * conv->in_channels + k / filters * channels;
            for (long z = 0; z < cube.out[0]; ++z)
                for (long y = 0; y < cube.out[1]; ++y)
                    for (long u = 0; u < cube.out[2]; ++u) {
                        const long p[3] = {z, y, u};
                        *value = bias != NULL ? (double)bias[k] : 0.0;
                        *magnitude = fabs(*value);
                        for (size_t c = 0; c < channels; ++c)
                            add_channel(conv, &cube, p, x + (first + c) * plane,
                                        w + (k * channels + c) * taps, value, magnitude);
                        ++value;
                        ++magnitude;
                    }
        }
}
