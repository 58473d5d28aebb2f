/* The error bound of minimal filtering from its definition: the transforms made from their
 * points, the magnitude summed output by output. Shares no code with host/. */
#include "minimal.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "oracle.h"
#include "testing.h"

enum { POINTS = 6, TAPS = 4, OUTPUTS = 4 };

/* What every value is taken larger by, for flushed denormals. */
static const double tiny = 8 * (double)FLT_MIN / (double)FLT_EPSILON;

/* F(m,r) along one axis: output i takes `way[i][u][s]` of |x_u| * |w_s| through the transforms. */
struct axis_filter {
    long m, r, points;
    double way[OUTPUTS][POINTS][TAPS], output_sum[OUTPUTS];
};

static const double places[] = {0, 1, -1, 2, -2}; /* and infinity */

/* The product of (x - place) over all finite places but `left_out`, by power of x. */
static void polynomial(long finite, long left_out, double coefficient[POINTS])
{
    memset(coefficient, 0, POINTS * sizeof *coefficient);
    coefficient[0] = 1;
    for (long q = 0; q < finite; ++q)
        for (long power = POINTS - 1; q != left_out && power >= 0; --power)
            coefficient[power] =
                (power > 0 ? coefficient[power - 1] : 0) - places[q] * coefficient[power];
}

/* Toom and Cook's evaluation at the places and interpolation, transposed. */
static struct axis_filter toom_cook(long m, long r)
{
    struct axis_filter f = {.m = m, .r = r, .points = m + r - 1};
    const long finite = f.points - 1;

    for (long p = 0; p <= finite; ++p) {
        double input[POINTS], scale = 1;
        polynomial(finite, p, input);
        for (long q = 0; q < finite; ++q)
            scale *= p < finite && q != p ? places[p] - places[q] : 1;
        for (long i = 0; i < m; ++i) {
            const double output = p < finite ? pow(places[p], (double)i) : i == m - 1;
            f.output_sum[i] += fabs(output);
            for (long s = 0; s < r; ++s) {
                const double tap = p < finite ? pow(places[p], (double)s) / scale : s == r - 1;
                for (long u = 0; u < f.points; ++u)
                    f.way[i][u][s] += fabs(output * tap * input[u]);
            }
        }
    }
    return f;
}

/* One place of a whole phase: `output` of the values times `tap` of the taps and `input`. In a
 * gradient the taps are what comes out. */
static void add_place(struct axis_filter *f, double sum[OUTPUTS][POINTS][TAPS], bool is_gradient,
                      const double of_values[], const double of_taps[], const double input[])
{
    const double *output = is_gradient ? of_taps : of_values;
    const double *tap = is_gradient ? of_values : of_taps;

    for (long i = 0; i < f->m; ++i) {
        f->output_sum[i] += fabs(output[i]);
        for (long s = 0; s < f->r; ++s)
            for (long u = 1; u <= f->points - 2; ++u) {
                const double way = output[i] * tap[s] * input[u - 1];
                f->way[i][u][s] += fabs(way);
                sum[i][u][s] += way;
            }
    }
}

/* A phase of n values between zeros, of which inputs 0 and n + 1 are the first: products of even
 * parts at +-p and of odd parts at +-q; of two values, what they share and what each has besides.
 * The signed ways must add up to the convolution, or to the gradient of its taps by n outputs. */
static struct axis_filter whole_phase(long n, bool is_gradient)
{
    struct axis_filter f = {.m = is_gradient ? 3 : n, .r = is_gradient ? n : 3, .points = n + 2};
    double sum[OUTPUTS][POINTS][TAPS] = {{{0}}};

    if (n == 1)
        add_place(&f, sum, is_gradient, (double[]){1}, (double[]){0, 1, 0}, (double[]){1});
    if (n == 2) {
        add_place(&f, sum, is_gradient, (double[]){1, 1}, (double[]){0, 1, 0}, (double[]){1, 1});
        add_place(&f, sum, is_gradient, (double[]){1, 0}, (double[]){0, -1, 1}, (double[]){0, 1});
        add_place(&f, sum, is_gradient, (double[]){0, 1}, (double[]){1, -1, 0}, (double[]){1, 0});
    }
    for (int sign = -1; n == 3 && sign <= 1; sign += 2) {
        const double p = sign * 1.5, q = sign * 0.5;
        add_place(&f, sum, is_gradient, (double[]){1, p, 1}, (double[]){0.25 / p, 0.25, 0.25 / p},
                  (double[]){1, p, 1});
        add_place(&f, sum, is_gradient, (double[]){1, q, -1}, (double[]){0.25 / q, 0.25, -0.25 / q},
                  (double[]){1, -q, -1});
    }
    for (long i = 0; i < f.m; ++i)
        for (long u = 1; u <= n; ++u)
            for (long s = 0; s < f.r; ++s)
                assert_true(fabs(sum[i][u][s] - (u == i + s ? 1.0 : 0.0)) < 1e-12);
    return f;
}

/* Roundings on the longest way, without those of the sum over channels. */
static double roundings(long m, long r, bool square)
{
    if (r == 2)
        return 5;
    return m == 4 ? (square ? 19 : 10) : (square ? 11 : 6);
}

double minimal_roundings(long m, long r)
{
    return roundings(m, r, false);
}

double minimal_gain(long m, long r)
{
    const struct axis_filter f = toom_cook(m, r);
    double most = 0;

    for (long i = 0; i < m; ++i)
        for (long s = 0; s < r; ++s) {
            double ways = 0;
            for (long u = 0; u < f.points; ++u)
                ways += f.way[i][u][s];
            most = fmax(most, ways);
        }
    return most;
}

/* A problem as rows and columns [1], [2] and the depth [0], whose taps are summed. */
struct sheet {
    struct axis_filter rows, columns;
    long depths, in[3], out[3], dilation[3], pad[3];
};

/* Whether rows are filtered as columns are. */
static bool is_square(const atrous_conv *conv)
{
    return conv->rank >= 2 && conv->kernel[conv->rank - 2] > 1;
}

static struct sheet sheet_of(const atrous_conv *conv, long m, long r)
{
    struct sheet sheet = {.depths = 1, .in = {1, 1, 1}, .out = {1, 1, 1}, .dilation = {1, 1, 1}};
    size_t output[ATROUS_MAX_RANK];

    oracle_output(conv, output);
    for (int axis = 0; axis < conv->rank; ++axis) {
        const int to = 3 - conv->rank + axis;
        sheet.in[to] = (long)conv->input[axis];
        sheet.out[to] = (long)output[axis];
        sheet.dilation[to] = (long)conv->dilation[axis];
        sheet.pad[to] = (long)conv->pad_begin[axis];
    }
    sheet.columns = toom_cook(m, r);
    sheet.rows = is_square(conv) ? sheet.columns : toom_cook(1, 1);
    if (conv->rank == 3)
        sheet.depths = (long)conv->kernel[0];
    return sheet;
}

/* What the taps of one depth add to the magnitude of output (oz, oy, ox) of filter k: its tile
 * begins i and j dilations before. */
static double magnitude_at(const struct data *data, const struct sheet *s, size_t n, size_t k,
                           long depth, long oz, long oy, long ox)
{
    const atrous_conv *conv = &data->conv;
    const size_t channels = conv->in_channels / conv->groups;
    const size_t group = k / (conv->out_channels / conv->groups);
    const long taps = s->rows.r * s->columns.r;
    const long i = oy / s->dilation[1] % s->rows.m, j = ox / s->dilation[2] % s->columns.m;
    const long y = oy - i * s->dilation[1] - s->pad[1], x = ox - j * s->dilation[2] - s->pad[2];
    const long iz = oracle_index(oz + depth * s->dilation[0] - s->pad[0], s->in[0], conv->padding);
    const bool flip = conv->orientation == ATROUS_TRUE_CONVOLUTION;
    double sum = 0;

    for (long u = 0; u < s->rows.points; ++u)
        for (long v = 0; v < s->columns.points; ++v) {
            const long iy = oracle_index(y + u * s->dilation[1], s->in[1], conv->padding);
            const long ix = oracle_index(x + v * s->dilation[2], s->in[2], conv->padding);
            for (size_t c = 0; c < channels; ++c) {
                const float *plane = data->x + (n * conv->in_channels + group * channels + c) *
                                                   (size_t)(s->in[0] * s->in[1] * s->in[2]);
                const long tap_from = flip ? s->depths - 1 - depth : depth;
                const float *w =
                    data->w +
                    ((k * channels + c) * (size_t)s->depths + (size_t)tap_from) * (size_t)taps;
                const double read = iz >= 0 && iy >= 0 && ix >= 0
                                        ? (double)plane[(iz * s->in[1] + iy) * s->in[2] + ix]
                                        : (double)(float)conv->pad_value;
                double ways = 0;
                for (long t = 0; t < taps; ++t)
                    ways += s->rows.way[i][u][t / s->columns.r] *
                            s->columns.way[j][v][t % s->columns.r] *
                            (fabs((double)w[flip ? taps - 1 - t : t]) + tiny);
                sum += (fabs(read) + tiny) * ways;
            }
        }
    return sum;
}

static double magnitude_of(const struct data *data, const struct sheet *s, size_t n, size_t k,
                           long oz, long oy, long ox)
{
    const long i = oy / s->dilation[1] % s->rows.m, j = ox / s->dilation[2] % s->columns.m;
    double sum = tiny * s->rows.output_sum[i] * s->columns.output_sum[j];

    for (long depth = 0; depth < s->depths; ++depth)
        sum += magnitude_at(data, s, n, k, depth, oz, oy, ox);
    return sum + (data->bias != NULL ? fabs((double)data->bias[k]) : 0.0);
}

/* The same by whole phases. */
static struct sheet phases_of(const atrous_conv *conv, bool is_gradient)
{
    struct sheet sheet = sheet_of(conv, 1, 1);
    const long columns = (sheet.in[2] + sheet.dilation[2] - 1) / sheet.dilation[2];
    const long rows = (sheet.in[1] + sheet.dilation[1] - 1) / sheet.dilation[1];

    if (conv->kernel[conv->rank - 1] == 3)
        sheet.columns = whole_phase(columns, is_gradient);
    if (conv->rank > 1 && conv->kernel[conv->rank - 2] == 3)
        sheet.rows = whole_phase(rows, is_gradient);
    return sheet;
}

/* Two in an input of 3 values, one of 2; three and one in a tap; two and one in an output. */
static double phase_roundings(const struct axis_filter *f)
{
    return f->m == 3 ? 7 : f->m == 2 ? 3 : 0;
}

double minimal_bound(const struct data *data, long m, size_t at)
{
    const long r = (long)data->conv.kernel[data->conv.rank - 1];
    const struct sheet s = m > 0 ? sheet_of(&data->conv, m, r) : phases_of(&data->conv, false);
    const double roundings_of_m = m > 0
                                      ? roundings(m, r, is_square(&data->conv))
                                      : phase_roundings(&s.rows) + phase_roundings(&s.columns) + 1;
    const size_t plane = (size_t)(s.out[0] * s.out[1] * s.out[2]);
    const long pixel = (long)(at % plane);
    const double terms =
        roundings_of_m + (double)(data->conv.in_channels / data->conv.groups) * (double)s.depths;
    const double magnitude = magnitude_of(
        data, &s, at / plane / data->conv.out_channels, at / plane % data->conv.out_channels,
        pixel / s.out[2] / s.out[1], pixel / s.out[2] % s.out[1], pixel % s.out[2]);

    return terms * ((double)FLT_EPSILON * magnitude + (double)FLT_MIN);
}

/* One tile's share of the magnitude of tap (i, j): x and dy are channels of one image, (y, x) the
 * tile's first output. */
static double tile_share(const atrous_conv *conv, const struct sheet *s, const float *x,
                         const float *dy, long i, long j, long oy, long ox)
{
    double sum = 0;

    for (long u = 0; u < s->rows.points; ++u)
        for (long v = 0; v < s->columns.points; ++v) {
            const long iy =
                oracle_index(oy + u * s->dilation[1] - s->pad[1], s->in[1], conv->padding);
            const long ix =
                oracle_index(ox + v * s->dilation[2] - s->pad[2], s->in[2], conv->padding);
            const double read =
                iy >= 0 && ix >= 0 ? (double)x[iy * s->in[2] + ix] : (double)(float)conv->pad_value;
            double ways = 0;
            for (long a = 0; a < s->rows.r; ++a)
                for (long b = 0; b < s->columns.r; ++b) {
                    const long row = oy + a * s->dilation[1], column = ox + b * s->dilation[2];
                    const bool is_inside = row < s->out[1] && column < s->out[2];
                    const double g = is_inside ? (double)dy[row * s->out[2] + column] : 0.0;
                    ways += s->rows.way[i][u][a] * s->columns.way[j][v][b] * (fabs(g) + tiny);
                }
            sum += (fabs(read) + tiny) * ways;
        }
    return sum;
}

double minimal_gradient_roundings(const atrous_conv *conv, long m)
{
    const long r = (long)conv->kernel[conv->rank - 1];
    const struct sheet s = m > 0 ? sheet_of(conv, r, m) : phases_of(conv, true);

    if (m > 0)
        return (is_square(conv) ? 2 : 1) * (m == 4 ? 8.0 : m == 3 ? 5.0 : 4.0);
    /* Two in an input and a gradient of 3 values, three in a tap; of 2 values one, one and two. */
    const double of_values[] = {0, 0, 4, 7};
    return of_values[s.rows.r] + of_values[s.columns.r];
}

double minimal_gradient_tiles(const atrous_conv *conv, long m)
{
    const long r = (long)conv->kernel[conv->rank - 1];
    const struct sheet s = m > 0 ? sheet_of(conv, r, m) : phases_of(conv, true);
    const long tile[] = {1, s.rows.r, s.columns.r};
    double tiles = (double)conv->batch;

    for (int axis = 0; axis < 3; ++axis) {
        long starts = 0;
        for (long p = 0; p < s.out[axis]; ++p)
            starts += p / s.dilation[axis] % tile[axis] == 0;
        tiles *= (double)starts;
    }
    return tiles;
}

double minimal_gradient_magnitude(const atrous_conv *conv, const float *x, const float *dy, long m,
                                  size_t at)
{
    const long r = (long)conv->kernel[conv->rank - 1];
    const struct sheet s = m > 0 ? sheet_of(conv, r, m) : phases_of(conv, true);
    const long taps = s.rows.m * s.columns.m, given = (long)at % taps;
    const long tap = conv->orientation == ATROUS_TRUE_CONVOLUTION ? taps - 1 - given : given;
    const long i = tap / s.columns.m, j = tap % s.columns.m;
    const size_t channels = conv->in_channels / conv->groups;
    const size_t filters = conv->out_channels / conv->groups;
    const size_t k = at / (size_t)taps / channels;
    const size_t c = k / filters * channels + at / (size_t)taps % channels;
    double sum = tiny * s.rows.output_sum[i] * s.columns.output_sum[j];

    for (size_t at_plane = 0; at_plane < conv->batch * (size_t)s.in[0]; ++at_plane) {
        const size_t n = at_plane / (size_t)s.in[0], plane = at_plane % (size_t)s.in[0];
        const size_t x_plane = (n * conv->in_channels + c) * (size_t)s.in[0] + plane;
        const size_t y_plane = (n * conv->out_channels + k) * (size_t)s.out[0] + plane;
        const float *image = x + x_plane * (size_t)(s.in[1] * s.in[2]);
        const float *grad = dy + y_plane * (size_t)(s.out[1] * s.out[2]);
        for (long oy = 0; oy < s.out[1]; ++oy)
            for (long ox = 0; ox < s.out[2]; ++ox)
                if (oy / s.dilation[1] % s.rows.r == 0 && ox / s.dilation[2] % s.columns.r == 0)
                    sum += tile_share(conv, &s, image, grad, i, j, oy, ox);
    }
    return sum;
}
