/* A tensor is carried as a float that the oracle gives and a bound of what any sound computation
 * may have in its place. Let |x - r| <= e on a layer's input. Its sums then lie within
 *
 *     p + terms * (FLT_EPSILON * (m + p) + FLT_MIN),    p = sum |w| e,    m = |bias| + sum |w r|
 *
 * of the exact sums over r: what the input may be off by, and the roundings of sums of what is
 * then at most m + p. An activation multiplies that by its Lipschitz constant and adds 8 units in
 * the last place of its own; each of its products, a residual and a sum's addition round once. */
#include "testing.h"

#include "net_bound.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data.h"
#include "loose.h"
#include "minimal.h"
#include "oracle.h"

static const double eps = (double)FLT_EPSILON;

struct tensor {
    size_t count;
    float *value;
    double *error;
};

/* Sums of a layer before its epilogue, of all K filters. */
struct sums {
    double *value, *error;
};

static double *doubles(size_t count)
{
    double *values = calloc(count, sizeof *values);

    assert_non_null(values);
    return values;
}

/* Minimal filtering along one axis: as for direct sums, but each |x| |w| counts `gain` times, with
 * the channel's largest |x| for any of a tile's. */
static double minimal_error(const atrous_conv *conv, const struct tensor *x, const float *w,
                            const float *bias, size_t k, long outputs)
{
    const size_t channels = conv->in_channels / conv->groups;
    const size_t first = k / (conv->out_channels / conv->groups) * channels;
    const size_t plane = conv->input[0];
    const double gain = minimal_gain(outputs, (long)conv->kernel[0]);
    const double terms = minimal_roundings(outputs, (long)conv->kernel[0]) + (double)channels;
    double magnitude = bias != NULL ? fabs((double)bias[k]) : 0.0;

    for (size_t c = 0; c < channels; ++c) {
        double largest = 0, weights = 0;
        for (size_t n = 0; n < conv->batch; ++n)
            for (size_t i = 0; i < plane; ++i) {
                const size_t at = (n * conv->in_channels + first + c) * plane + i;
                largest = fmax(largest, fabs((double)x->value[at]) + x->error[at]);
            }
        for (size_t t = 0; t < conv->kernel[0]; ++t)
            weights += fabs((double)w[(k * channels + c) * conv->kernel[0] + t]);
        magnitude += gain * largest * weights;
    }
    return terms * (eps * magnitude + (double)FLT_MIN);
}

/* Whether the library may take minimal filtering for the layer: F(4,3), F(2,3) or F(3,2). */
static bool may_be_minimal(const atrous_conv *conv)
{
    return conv->math == ATROUS_MATH_DEFAULT && conv->rank == 1 && conv->stride[0] == 1 &&
           (conv->kernel[0] == 2 || conv->kernel[0] == 3);
}

static struct sums sum_layer(const struct net *net, size_t layer, const struct tensor *x)
{
    atrous_conv conv = net_conv(net, layer);
    const atrous_layer_weights *given = &net->weights[layer];
    const size_t count = oracle_output_count(&conv), weights = oracle_weights_count(&conv);
    const size_t plane = count / conv.batch / conv.out_channels;
    double terms = (double)(conv.in_channels / conv.groups);
    struct sums sums = {doubles(2 * count), doubles(2 * count)};
    float *w = floats(weights), *e = floats(x->count);

    for (int axis = 0; axis < conv.rank; ++axis)
        terms *= (double)conv.kernel[axis];
    for (size_t i = 0; i < weights; ++i)
        w[i] = fabsf(((const float *)given->weights)[i]);
    for (size_t i = 0; i < x->count; ++i)
        e[i] = nextafterf((float)x->error[i], INFINITY);
    oracle_conv(&conv, x->value, given->weights, given->bias, sums.value, sums.value + count);
    oracle_conv(&conv, e, w, NULL, sums.error, sums.error + count);
    for (size_t i = 0; i < count; ++i) {
        const double p = sums.error[i], m = sums.value[count + i];
        sums.error[i] = p + (1 + terms) * (eps * (m + p) + (double)FLT_MIN);
    }
    for (size_t k = 0; may_be_minimal(&conv) && k < conv.out_channels; ++k) {
        const bool is_three = conv.kernel[0] == 3;
        double most = minimal_error(&conv, x, given->weights, given->bias, k, is_three ? 4 : 3);
        if (is_three)
            most = fmax(most, minimal_error(&conv, x, given->weights, given->bias, k, 2));
        for (size_t n = 0; n < conv.batch; ++n)
            for (size_t i = 0; i < plane; ++i)
                sums.error[(n * conv.out_channels + k) * plane + i] += most;
    }
    free(w);
    free(e);
    return sums;
}

static struct loose at(const struct tensor *tensor, size_t i)
{
    return (struct loose){(double)tensor->value[i], tensor->error[i]};
}

static void finish(const struct net *net, size_t layer, const struct sums *sums,
                   const struct tensor *residual, struct tensor *target)
{
    const atrous_conv conv = net_conv(net, layer);
    const size_t count = oracle_output_count(&conv);
    const bool is_gated = conv.activation == ATROUS_ACTIVATION_GATED;
    const size_t image = count / conv.batch, kept = is_gated ? image / 2 : image;
    const bool is_sum = target->value != NULL;

    if (!is_sum)
        *target = (struct tensor){kept * conv.batch, floats(kept * conv.batch),
                                  doubles(kept * conv.batch)};
    for (size_t o = 0; o < target->count; ++o) {
        const size_t i = o / kept * image + o % kept, j = i + kept;
        struct loose v = {sums->value[i], sums->error[i]};
        if (conv.residual == ATROUS_RESIDUAL_BEFORE)
            v = loose_sum(v, at(residual, o));
        v = is_gated ? loose_gate(v, (struct loose){sums->value[j], sums->error[j]})
                     : loose_activate(&conv, v);
        if (conv.residual == ATROUS_RESIDUAL_AFTER)
            v = loose_sum(v, at(residual, o));
        if (is_sum)
            v = loose_sum(v, at(target, o));
        target->value[o] = (float)v.value;
        target->error[o] = v.error + eps * fabs(v.value);
    }
}

struct net_bound net_bound_of(const struct net *net)
{
    struct tensor tensors[2 * NET_MAX + 1] = {{0}};
    const atrous_conv first = net_conv(net, 0);
    const size_t last = net_target(net, net->count - 1);

    tensors[0].count = oracle_input_count(&first);
    tensors[0].value = floats(tensors[0].count);
    tensors[0].error = doubles(tensors[0].count);
    memcpy(tensors[0].value, net->input, tensors[0].count * sizeof(float));
    for (size_t i = 0; i < net->count; ++i) {
        const atrous_layer *layer = &net->layers[i];
        const struct tensor *x = &tensors[net_tensor(net, &layer->source, i)];
        struct sums sums = sum_layer(net, i, x);
        assert_true(layer->conv.alpha == 1.0);
        finish(net, i, &sums, &tensors[net_tensor(net, &layer->residual, i)],
               &tensors[net_target(net, i)]);
        free(sums.value);
        free(sums.error);
    }
    const struct net_bound bound = {tensors[last].count, tensors[last].value, tensors[last].error};
    for (size_t t = 0; t < 2 * NET_MAX + 1; ++t)
        if (t != last) {
            free(tensors[t].value);
            free(tensors[t].error);
        }
    return bound;
}

void net_bound_free(struct net_bound *bound)
{
    free(bound->want);
    free(bound->bound);
}

double net_bound_expect(const struct net_bound *bound, const float *got)
{
    double worst = 0;

    for (size_t i = 0; i < bound->count; ++i) {
        const double error = fabs((double)got[i] - (double)bound->want[i]);
        if (!(error <= bound->bound[i]))
            fail_msg("element %zu is %.9g, must be %.9g within %.3g", i, (double)got[i],
                     (double)bound->want[i], bound->bound[i]);
        worst = error > 0 ? fmax(worst, error / bound->bound[i]) : worst;
    }
    return worst;
}
