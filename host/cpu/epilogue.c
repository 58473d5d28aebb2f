/* Activation, residual, factors: in float for the CPU path, in double for the cross-check. */
#include "cpu/epilogue.h"

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

static float activate(const atrous_conv *c, float v)
{
    const float low = (float)c->activation_low, high = (float)c->activation_high;
    switch (c->activation) {
    case ATROUS_ACTIVATION_RELU:
        return v < 0.0f ? 0.0f : v;
    case ATROUS_ACTIVATION_LEAKY_RELU:
        return v < 0.0f ? low * v : v;
    case ATROUS_ACTIVATION_SIGMOID:
        return sigmoid(v);
    case ATROUS_ACTIVATION_TANH:
        return tanhf(v);
    case ATROUS_ACTIVATION_CLAMP:
        return v < low ? low : v > high ? high : v;
    case ATROUS_ACTIVATION_NONE:
    case ATROUS_ACTIVATION_GATED:
        break;
    }
    return v;
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

static float scaled(const struct atrous__problem *p, const atrous_arrays *arrays, size_t source,
                    float sum)
{
    float scale, bias;
    if (!atrous__is_scaled(p))
        return sum;
    factors_of(p, arrays, source, &scale, &bias);
    return sum * scale + bias;
}

static float finish(const struct atrous__problem *p, const float *sums, const atrous_arrays *arrays,
                    const float *output, size_t at)
{
    const atrous_conv *c = &p->conv;
    const float *residual = arrays->residual;
    size_t partner;
    const size_t source = atrous__epilogue_source(p, at, &partner);
    float v = scaled(p, arrays, source, sums[source]);
    if (c->activation == ATROUS_ACTIVATION_GATED)
        v = tanhf(v) * sigmoid(scaled(p, arrays, partner, sums[partner]));
    if (c->residual == ATROUS_RESIDUAL_BEFORE)
        v += residual[at];
    v = activate(c, v);
    if (c->residual == ATROUS_RESIDUAL_AFTER)
        v += residual[at];
    v *= (float)c->alpha;
    return c->beta == 0.0 ? v : v + (float)c->beta * output[at];
}

void atrous__epilogue_run(const struct atrous__problem *p, const float *sums,
                          const atrous_arrays *arrays, float *output, size_t count,
                          unsigned threads)
{
    const ptrdiff_t end = (ptrdiff_t)count;
#pragma omp parallel for schedule(static) num_threads((int)threads) if (end > 65536)
    for (ptrdiff_t at = 0; at < end; ++at)
        output[at] = finish(p, sums, arrays, output, (size_t)at);
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
