/* Who meets whom, element by element, and what follows from it for each direction. */
#include "testing.h"

#include "directed.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data.h"
#include "fenced.h"
#include "harness.h"
#include "oracle.h"
#include "stored.h"

/* Extents of x and y, slowest axis first, missing axes 1. */
struct relation {
    size_t x[3], y[3], taps[3], stride[3], dilation[3], pad[3];
    size_t channels, filters; /* of x, of y: all groups */
};

bool directed_outputs(const atrous_conv *conv, size_t output[ATROUS_MAX_RANK])
{
    return oracle_output(conv, output);
}

static struct relation relate(const atrous_conv *conv)
{
    struct relation r = {{1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {0, 0, 0}, 0, 0};
    const bool turned = conv->direction == ATROUS_TRANSPOSED;
    size_t outputs[ATROUS_MAX_RANK] = {0};

    if (!turned)
        assert_true(directed_outputs(conv, outputs));
    for (int axis = 0; axis < conv->rank; ++axis) {
        const int to = 3 - conv->rank + axis;
        const size_t full = (conv->input[axis] - 1) * conv->stride[axis] +
                            (conv->kernel[axis] - 1) * conv->dilation[axis] + 1 +
                            conv->output_padding[axis] - conv->pad_begin[axis] -
                            conv->pad_end[axis];
        r.x[to] = turned ? full : conv->input[axis];
        r.y[to] = turned ? conv->input[axis] : outputs[axis];
        r.taps[to] = conv->kernel[axis];
        r.stride[to] = conv->stride[axis];
        r.dilation[to] = conv->dilation[axis];
        r.pad[to] = conv->pad_begin[axis];
    }
    r.channels = turned ? conv->out_channels : conv->in_channels;
    r.filters = turned ? conv->in_channels : conv->out_channels;
    return r;
}

static size_t volume(const size_t extents[3])
{
    return extents[0] * extents[1] * extents[2];
}

struct directed_counts directed_count(const atrous_conv *conv)
{
    const struct relation r = relate(conv);

    return (struct directed_counts){
        .x = conv->batch * r.channels * volume(r.x),
        .w = r.filters * (r.channels / conv->groups) * volume(r.taps),
        .y = conv->batch * r.filters * volume(r.y),
        .filters = conv->out_channels,
    };
}

static size_t flat(const size_t extents[3], size_t a, size_t b, size_t c)
{
    return (a * extents[1] + b) * extents[2] + c;
}

/* All taps that one element of y meets in one channel of x. */
static void each_tap(const atrous_conv *conv, const struct relation *r, const size_t p[3],
                     size_t x_plane, size_t w_row, size_t y,
                     void (*meet)(void *, const struct meeting *), void *user)
{
    for (size_t t = 0; t < volume(r->taps); ++t) {
        const size_t tap[3] = {t / r->taps[2] / r->taps[1], t / r->taps[2] % r->taps[1],
                               t % r->taps[2]};
        struct meeting m = {.y = y};
        size_t at[3] = {0};
        for (int axis = 0; axis < 3; ++axis) {
            const long i =
                oracle_index((long)(p[axis] * r->stride[axis] + tap[axis] * r->dilation[axis]) -
                                 (long)r->pad[axis],
                             (long)r->x[axis], conv->padding);
            m.in_padding = m.in_padding || i < 0;
            at[axis] = i < 0 ? 0 : (size_t)i;
        }
        m.x = x_plane * volume(r->x) + flat(r->x, at[0], at[1], at[2]);
        if (conv->orientation == ATROUS_TRUE_CONVOLUTION)
            m.w = w_row * volume(r->taps) + flat(r->taps, r->taps[0] - 1 - tap[0],
                                                 r->taps[1] - 1 - tap[1], r->taps[2] - 1 - tap[2]);
        else
            m.w = w_row * volume(r->taps) + t;
        meet(user, &m);
    }
}

void directed_each(const atrous_conv *conv, void (*meet)(void *, const struct meeting *),
                   void *user)
{
    const struct relation r = relate(conv);
    const size_t channels = r.channels / conv->groups, filters = r.filters / conv->groups;
    size_t y = 0;

    for (size_t n = 0; n < conv->batch; ++n)
        for (size_t k = 0; k < r.filters; ++k)
            for (size_t i = 0; i < volume(r.y); ++i, ++y) {
                const size_t p[3] = {i / r.y[2] / r.y[1], i / r.y[2] % r.y[1], i % r.y[2]};
                for (size_t c = 0; c < channels; ++c)
                    each_tap(conv, &r, p, n * r.channels + k / filters * channels + c,
                             k * channels + c, y, meet, user);
            }
}

/* How many of the outputs are bias_output's. */
static size_t bias_outputs(const atrous_conv *conv)
{
    return conv->direction == ATROUS_BACKWARD_WEIGHTS && conv->has_bias ? conv->out_channels : 0;
}

size_t directed_outputs_count(const atrous_conv *conv)
{
    const struct directed_counts counts = directed_count(conv);

    switch (conv->direction) {
    case ATROUS_FORWARD:
        return counts.y;
    case ATROUS_TRANSPOSED:
    case ATROUS_BACKWARD_DATA:
        return counts.x;
    case ATROUS_BACKWARD_WEIGHTS:
        return counts.w + (conv->has_bias ? counts.filters : 0);
    }
    return 0;
}

struct sums {
    const struct directed *problem;
    double *value, *magnitude;
    double *products; /* of each output, counted; NULL: as many as products_of() says */
};

static void add(const struct sums *sums, size_t at, double product)
{
    sums->value[at] += product;
    if (sums->products != NULL)
        sums->products[at] += 1.0;
    sums->magnitude[at] += fabs(product);
}

static void add_product(void *user, const struct meeting *m)
{
    const struct sums *sums = user;
    const struct directed *p = sums->problem;
    const bool constant = p->conv.padding == ATROUS_PADDING_CONSTANT;
    const double outside = constant ? (double)(float)p->conv.pad_value : 0.0;

    switch (p->conv.direction) {
    case ATROUS_FORWARD:
        add(sums, m->y, (double)p->w[m->w] * (m->in_padding ? outside : (double)p->x[m->x]));
        break;
    case ATROUS_TRANSPOSED:
    case ATROUS_BACKWARD_DATA:
        if (!m->in_padding)
            add(sums, m->x, (double)p->w[m->w] * (double)p->y[m->y]);
        break;
    case ATROUS_BACKWARD_WEIGHTS:
        add(sums, m->w, (double)p->y[m->y] * (m->in_padding ? outside : (double)p->x[m->x]));
        break;
    }
}

/* db behind dw. */
static void add_bias_gradient(const struct sums *sums)
{
    const struct directed *p = sums->problem;
    const size_t plane = p->counts.y / p->conv.batch / p->counts.filters;

    for (size_t i = 0; i < p->counts.y; ++i)
        add(sums, p->counts.w + i / plane % p->counts.filters, (double)p->y[i]);
}

static double products_of(const struct directed *p)
{
    const struct relation r = relate(&p->conv);

    if (p->conv.direction == ATROUS_BACKWARD_WEIGHTS)
        return (double)(p->conv.batch * volume(r.y));
    return (double)(p->conv.direction == ATROUS_FORWARD ? r.channels : r.filters) /
           (double)p->conv.groups * (double)volume(r.taps);
}

static size_t filter_of(const struct directed *p, size_t i)
{
    const size_t count = directed_outputs_count(&p->conv);
    return i / (count / p->conv.batch / p->conv.out_channels) % p->conv.out_channels;
}

/* Scale and bias come behind the sum. */
static bool comes_late(const struct directed *p)
{
    return p->scale != NULL || p->conv.type == ATROUS_TYPE_I8;
}

static void scale(const struct directed *p, size_t i, double *value, double *bound)
{
    const double eps = (double)FLT_EPSILON, tiny = (double)FLT_MIN;
    const double s = p->scale != NULL ? (double)p->scale[filter_of(p, i)] : 1.0;
    const double b = p->bias != NULL ? (double)p->bias[filter_of(p, i)] : 0.0;

    *value *= s;
    *bound = *bound * fabs(s) + eps * fabs(*value) + tiny;
    *bound += eps * (fabs(*value) + fabs(b)) + tiny;
    *value += b;
}

/* One rounding more; int8 ends at its bounds. */
static void store(atrous_type type, double *value, double *bound)
{
    *bound += stored_half_step(type, fabs(*value) + *bound);
    if (type == ATROUS_TYPE_I8)
        *value = fmin(fmax(*value, -128.0), 127.0);
}

/* bound[] holds magnitudes on entry; alpha, beta and their roundings on the way out. */
static void finish(const struct directed *p, const double *products, size_t count, double *value,
                   double *bound)
{
    const double eps = (double)FLT_EPSILON, tiny = (double)FLT_MIN;
    const size_t biases = bias_outputs(&p->conv);
    const double alpha = (double)(float)p->conv.alpha, beta = (double)(float)p->conv.beta;

    for (size_t i = 0; i < count; ++i) {
        const double old = p->conv.beta != 0.0 ? beta * (double)p->previous[i] : 0.0;
        const double terms = 1.0 + (products != NULL ? products[i] : products_of(p));
        /* Sums of int8 are exact, and rounded to a float once. */
        bound[i] =
            p->conv.type == ATROUS_TYPE_I8 ? eps * fabs(value[i]) : terms * (eps * bound[i] + tiny);
        if (comes_late(p))
            scale(p, i, value + i, bound + i);
        if (p->residual != NULL) {
            bound[i] += eps * (fabs(value[i]) + fabs((double)p->residual[i])) + tiny;
            value[i] += (double)p->residual[i];
        }
        value[i] *= alpha;
        if (p->conv.alpha != 1.0)
            bound[i] = bound[i] * fabs(alpha) + eps * fabs(value[i]) + tiny;
        if (p->conv.beta != 0.0)
            bound[i] += eps * (fabs(value[i]) + 2 * fabs(old)) + tiny;
        value[i] += old;
        if (i < count - biases)
            store(p->conv.type, value + i, bound + i);
    }
}

void directed_solve(const struct directed *problem, double *value, double *bound)
{
    struct sums sums = {problem, value, bound, NULL};
    const size_t count = directed_outputs_count(&problem->conv);
    const size_t plane = count / problem->conv.batch / problem->conv.out_channels;

    /* What a padding repeats has products from all its places. */
    if (problem->conv.direction == ATROUS_BACKWARD_DATA &&
        problem->conv.padding > ATROUS_PADDING_CONSTANT) {
        sums.products = calloc(count, sizeof *sums.products);
        assert_non_null(sums.products);
    }
    for (size_t i = 0; i < count; ++i) {
        value[i] = problem->bias != NULL && !comes_late(problem)
                       ? (double)problem->bias[i / plane % problem->conv.out_channels]
                       : 0.0;
        bound[i] = fabs(value[i]);
    }
    directed_each(&problem->conv, add_product, (void *)&sums);
    if (problem->conv.direction == ATROUS_BACKWARD_WEIGHTS && problem->conv.has_bias)
        add_bias_gradient(&sums);
    finish(problem, sums.products, count, value, bound);
    free(sums.products);
}
