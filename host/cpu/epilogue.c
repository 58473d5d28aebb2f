/* Activation, residual, factors: in float for the CPU path, in double for the cross-check. */
#include "cpu/epilogue.h"
#include "cpu/micro.h"

#include <float.h>
#include <math.h>

bool atrous__epilogue_is_plain(const struct atrous__problem *p)
{
    return p->conv.activation == ATROUS_ACTIVATION_NONE &&
           p->conv.residual == ATROUS_RESIDUAL_NONE && p->conv.alpha == 1.0 &&
           p->conv.beta == 0.0 && !atrous__is_scaled(p);
}

struct atrous__problem atrous__epilogue_sums(const struct atrous__problem *problem)
{
    struct atrous__problem sums = *problem;
    sums.conv.activation = ATROUS_ACTIVATION_NONE;
    sums.conv.residual = ATROUS_RESIDUAL_NONE;
    sums.conv.alpha = 1.0;
    sums.conv.beta = 0.0;
    sums.conv.type = ATROUS_TYPE_F32;
    sums.conv.channel_scale = 0;
    if (atrous__is_scaled(problem) && atrous__reads_bias(problem))
        sums.conv.has_bias = 0;
    sums.out_channels = problem->conv.out_channels;
    sums.out_count = problem->out_count / problem->out_channels * sums.out_channels;
    return sums;
}

size_t atrous__epilogue_source(const struct atrous__problem *p, size_t at, size_t *partner)
{
    if (p->conv.activation != ATROUS_ACTIVATION_GATED)
        return *partner = at;
    const size_t half = p->out_channels;
    if (p->conv.output_layout == ATROUS_LAYOUT_NHWC) {
        const size_t source = at / half * 2 * half + at % half;
        *partner = source + half;
        return source;
    }
    const size_t image = half * p->out_plane, n = at / image;
    const size_t source = n * 2 * image + at % image;
    *partner = source + image;
    return source;
}

static float sigmoid(float v)
{
    return 1.0f / (1.0f + expf(-v));
}

/* Each its own loop, which the compiler turns into vectors. */
static void activate(const atrous_conv *c, float *v, size_t count)
{
    const float low = (float)c->activation_low, high = (float)c->activation_high;
    switch (c->activation) {
    case ATROUS_ACTIVATION_RELU:
        for (size_t i = 0; i < count; ++i)
            v[i] = v[i] < 0.0f ? 0.0f : v[i];
        break;
    case ATROUS_ACTIVATION_LEAKY_RELU:
        for (size_t i = 0; i < count; ++i)
            v[i] = v[i] < 0.0f ? low * v[i] : v[i];
        break;
    case ATROUS_ACTIVATION_SIGMOID:
        for (size_t i = 0; i < count; ++i)
            v[i] = sigmoid(v[i]);
        break;
    case ATROUS_ACTIVATION_TANH:
        for (size_t i = 0; i < count; ++i)
            v[i] = tanhf(v[i]);
        break;
    case ATROUS_ACTIVATION_CLAMP:
        for (size_t i = 0; i < count; ++i)
            v[i] = v[i] < low ? low : v[i] > high ? high : v[i];
        break;
    case ATROUS_ACTIVATION_NONE:
    case ATROUS_ACTIVATION_GATED:
        break;
    }
}

/* Elements finished at a time, in a buffer. */
enum { PIECE = 256 };

/* values = sums, scaled; `channel` is the first one's. */
static void scale_piece(const struct atrous__problem *p, const atrous_arrays *arrays,
                        size_t channel, size_t step, const float *sums, float *values, size_t count)
{
    const float *scales = p->conv.channel_scale ? arrays->scale : NULL;
    const float *biases = atrous__reads_bias(p) ? arrays->bias : NULL;
    const bool is_scaled = atrous__is_scaled(p);
    for (size_t i = 0; i < count; ++i, channel += step) {
        const float scale = is_scaled && scales != NULL ? scales[channel] : 1.0f;
        const float bias = is_scaled && biases != NULL ? biases[channel] : 0.0f;
        values[i] = is_scaled ? sums[i] * scale + bias : sums[i];
    }
}

/* Elements number `first` .. first+count-1 of those. */
static void finish_piece(const struct atrous__problem *p, const atrous_arrays *arrays,
                         atrous_type type, const struct atrous__elements *e, size_t first,
                         size_t count, const float *sums, const float *partners, float *values)
{
    const atrous_conv *c = &p->conv;
    const size_t channel = e->channel + first * e->channel_step;
    const size_t byte = (e->at + first * e->step) * atrous__type_bytes(type);
    atrous__micro_load *const load = atrous__micro_best()->load[type];
    float v[PIECE], other[PIECE];
    scale_piece(p, arrays, channel, e->channel_step, sums + first, v, count);
    if (c->activation == ATROUS_ACTIVATION_GATED) {
        scale_piece(p, arrays, channel + p->out_channels, e->channel_step, partners + first, other,
                    count);
        for (size_t i = 0; i < count; ++i)
            v[i] = tanhf(v[i]) * sigmoid(other[i]);
    }
    if (c->residual != ATROUS_RESIDUAL_NONE)
        load((const char *)arrays->residual + byte, e->step, other, count);
    for (size_t i = 0; c->residual == ATROUS_RESIDUAL_BEFORE && i < count; ++i)
        v[i] += other[i];
    activate(c, v, count);
    for (size_t i = 0; c->residual == ATROUS_RESIDUAL_AFTER && i < count; ++i)
        v[i] += other[i];
    if (c->beta != 0.0)
        load((const char *)arrays->output + byte, e->step, other, count);
    for (size_t i = 0; i < count; ++i) {
        const float value = v[i] * (float)c->alpha;
        values[first + i] = c->beta == 0.0 ? value : value + (float)c->beta * other[i];
    }
}

void atrous__epilogue_row(const struct atrous__problem *p, const atrous_arrays *arrays,
                          atrous_type type, const struct atrous__elements *elements,
                          const float *sums, const float *partners, float *values)
{
    for (size_t i = 0; i < elements->count; i += PIECE)
        finish_piece(p, arrays, type, elements, i, atrous__min(PIECE, elements->count - i), sums,
                     partners, values);
}

/* Rows of outputs whose sums and channels follow each other: planes, or pixels' channels; where no
 * channel matters, any. */
static size_t row_length(const struct atrous__problem *p)
{
    if (p->conv.activation != ATROUS_ACTIVATION_GATED && !p->conv.channel_scale &&
        !(atrous__is_scaled(p) && atrous__reads_bias(p)))
        return 16 * PIECE;
    return p->conv.output_layout == ATROUS_LAYOUT_NHWC ? p->out_channels : p->out_plane;
}

void atrous__epilogue_run(const struct atrous__problem *p, const float *sums,
                          const atrous_arrays *arrays, float *output, size_t count,
                          unsigned threads)
{
    const size_t length = row_length(p);
    const bool is_nhwc = p->conv.output_layout == ATROUS_LAYOUT_NHWC;
    const ptrdiff_t rows = (ptrdiff_t)atrous__ceil_div(count, length);
    atrous_arrays own = *arrays; /* what beta scales lies where the values go */
    own.output = output;
#pragma omp parallel for schedule(static) num_threads((int)threads) if (count > 65536)
    for (ptrdiff_t i = 0; i < rows; ++i) {
        const size_t at = (size_t)i * length;
        size_t partner;
        const size_t source = atrous__epilogue_source(p, at, &partner);
        const struct atrous__elements row = {.at = at,
                                             .step = 1,
                                             .channel = is_nhwc ? 0 : (size_t)i % p->out_channels,
                                             .channel_step = is_nhwc ? 1 : 0,
                                             .count = atrous__min(length, count - at)};
        atrous__epilogue_row(p, &own, ATROUS_TYPE_F32, &row, sums + source, sums + partner,
                             output + at);
    }
}

/* Scale and bias of sum `source`; 1 and 0 where there are none. */
static void factors_of(const struct atrous__problem *p, const atrous_arrays *arrays, size_t source,
                       float *scale, float *bias)
{
    const float *scales = arrays->scale, *biases = arrays->bias;
    const size_t channels = p->conv.out_channels;
    const size_t k = p->conv.output_layout == ATROUS_LAYOUT_NHWC ? source % channels
                                                                 : source / p->out_plane % channels;
    *scale = p->conv.channel_scale ? scales[k] : 1.0f;
    *bias = atrous__reads_bias(p) ? biases[k] : 0.0f;
}

static double sigmoid_exact(double v)
{
    return 1.0 / (1.0 + exp(-v));
}

/* Errors in units of the last place that OpenCL's and libm's functions may add: tanh 5, exp 3
 * and division 2.5 (OpenCL 1.2, table 7.4), rounded up for the few operations around them. */
static const double function_ulps = 8.0;

/* The activation of a value with a bound: the bound grows by the Lipschitz constant, and by the
 * roundings of the function itself. */
static double activate_exact(const atrous_conv *c, double v, double *bound)
{
    switch (c->activation) {
    case ATROUS_ACTIVATION_RELU:
        return v < 0.0 ? 0.0 : v;
    case ATROUS_ACTIVATION_LEAKY_RELU: {
        const double slope = (double)(float)c->activation_low;
        const double result = v < 0.0 ? slope * v : v;
        *bound = *bound * fmax(1.0, fabs(slope)) + fabs(result) * FLT_EPSILON;
        return result;
    }
    case ATROUS_ACTIVATION_SIGMOID: {
        const double result = sigmoid_exact(v);
        *bound = *bound * 0.25 + function_ulps * FLT_EPSILON * result + FLT_MIN;
        return result;
    }
    case ATROUS_ACTIVATION_TANH: {
        const double result = tanh(v);
        *bound += function_ulps * FLT_EPSILON * fabs(result) + FLT_MIN;
        return result;
    }
    case ATROUS_ACTIVATION_CLAMP: {
        const double low = (double)(float)c->activation_low;
        const double high = (double)(float)c->activation_high;
        return v < low ? low : v > high ? high : v;
    }
    case ATROUS_ACTIVATION_NONE:
    case ATROUS_ACTIVATION_GATED:
        break;
    }
    return v;
}

/* A float sum of a and b adds half a unit of the result and of what entered it. */
static double add_exact(double a, double b, double *bound)
{
    *bound += FLT_EPSILON * (fabs(a) + fabs(b)) + FLT_MIN;
    return a + b;
}

double atrous__epilogue_scale_exact(const struct atrous__problem *p, const atrous_arrays *arrays,
                                    size_t source, double sum, double *bound)
{
    float scale, bias;
    factors_of(p, arrays, source, &scale, &bias);
    const double value = sum * (double)scale;
    *bound = *bound * fabs((double)scale) + FLT_EPSILON * fabs(value) + FLT_MIN;
    return add_exact(value, (double)bias, bound);
}

double atrous__epilogue_exact(const struct atrous__problem *p, double sum, double partner,
                              double bound, double partner_bound, double residual, double old,
                              double *out_bound)
{
    const atrous_conv *c = &p->conv;
    double v = sum;
    if (c->activation == ATROUS_ACTIVATION_GATED) {
        /* |tanh| and |tanh'| are at most 1, |sigmoid| at most 1 and |sigmoid'| at most 1/4. */
        v = tanh(sum) * sigmoid_exact(partner);
        bound += 0.25 * partner_bound + 2 * function_ulps * FLT_EPSILON * fabs(v) + FLT_MIN;
    }
    if (c->residual == ATROUS_RESIDUAL_BEFORE)
        v = add_exact(v, residual, &bound);
    v = activate_exact(c, v, &bound);
    if (c->residual == ATROUS_RESIDUAL_AFTER)
        v = add_exact(v, residual, &bound);
    if (c->alpha != 1.0) {
        const double alpha = (double)(float)c->alpha;
        v *= alpha;
        bound = bound * fabs(alpha) + FLT_EPSILON * fabs(v) + FLT_MIN;
    }
    if (c->beta != 0.0)
        v = add_exact(v, (double)(float)c->beta * old, &bound);
    *out_bound = bound;
    return v;
}
