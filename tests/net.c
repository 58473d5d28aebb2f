/* Makes and draws stacks, and says of them what the rules say. */
#include "testing.h"

#include "net.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data.h"
#include "oracle.h"

struct net net_open(int rank, size_t batch, size_t channels, const size_t extents[3])
{
    struct net net = {.count = 0};

    atrous_shape_init(&net.shape, rank, sizeof net.shape);
    net.shape.batch = batch;
    net.shape.channels = channels;
    memcpy(net.shape.extents, extents, sizeof net.shape.extents);
    return net;
}

void net_close(struct net *net)
{
    free(net->input);
    for (size_t i = 0; i < 2 * NET_MAX; ++i)
        free(net->parameters[i]);
    memset(net, 0, sizeof *net);
}

atrous_layer *net_add(struct net *net, size_t filters, size_t kernel, size_t dilation)
{
    atrous_layer *layer = &net->layers[net->count++];

    assert_true(net->count <= NET_MAX);
    atrous_layer_init(layer, net->shape.rank, sizeof *layer);
    layer->conv.out_channels = filters;
    layer->has_pad_rule = 1;
    layer->pad_rule = ATROUS_PAD_SAME;
    for (int axis = 0; axis < net->shape.rank; ++axis) {
        layer->conv.kernel[axis] = kernel;
        layer->conv.dilation[axis] = dilation;
    }
    return layer;
}

void net_use(struct net *net, const char *solver)
{
    for (size_t i = 0; i < net->count; ++i)
        net->layers[i].plan.solver = solver;
}

/* ------------------------------------------------------- the rules once more */

static size_t own_channels(const atrous_conv *conv)
{
    return conv->activation == ATROUS_ACTIVATION_GATED ? conv->out_channels / 2
                                                       : conv->out_channels;
}

/* 1 + i is the output of layer i, 1 + NET_MAX + s sum s. */
size_t net_tensor(const struct net *net, const atrous_source *source, size_t before)
{
    if (source->kind == ATROUS_FROM_INPUT)
        return 0;
    if (source->kind == ATROUS_FROM_LAYER)
        return 1 + source->index;
    if (source->kind == ATROUS_FROM_SUM)
        return 1 + NET_MAX + source->index;
    for (size_t i = before; i-- > 0;)
        if (net->layers[i].sum < 0)
            return 1 + i;
    return 0;
}

size_t net_target(const struct net *net, size_t layer)
{
    const int sum = net->layers[layer].sum;

    return sum < 0 ? 1 + layer : 1 + NET_MAX + (size_t)sum;
}

/* The layer's problem, completed from the shapes before it; channels[] and extents[] are by
 * tensor and get the layer's own. */
struct shapes {
    size_t channels[2 * NET_MAX + 1];
    size_t extents[2 * NET_MAX + 1][ATROUS_MAX_RANK];
};

/* Output extents of a transposed layer: the input spread by the stride, every tap reached. */
static void transposed_output(const atrous_conv *conv, size_t output[ATROUS_MAX_RANK])
{
    for (int axis = 0; axis < conv->rank; ++axis)
        output[axis] = (conv->input[axis] - 1) * conv->stride[axis] +
                       (conv->kernel[axis] - 1) * conv->dilation[axis] + 1 +
                       conv->output_padding[axis] - conv->pad_begin[axis] - conv->pad_end[axis];
}

static atrous_conv complete(const struct net *net, size_t index, struct shapes *shapes)
{
    const atrous_layer *layer = &net->layers[index];
    const size_t source = net_tensor(net, &layer->source, index), target = net_target(net, index);
    atrous_conv conv = layer->conv;

    conv.batch = net->shape.batch;
    conv.in_channels = shapes->channels[source];
    memcpy(conv.input, shapes->extents[source], sizeof conv.input);
    if (layer->has_pad_rule)
        assert_int_equal(atrous_conv_pad(&conv, layer->pad_rule, NULL), ATROUS_OK);
    if (conv.direction == ATROUS_TRANSPOSED)
        transposed_output(&conv, shapes->extents[target]);
    else
        assert_true(oracle_output(&conv, shapes->extents[target]));
    shapes->channels[target] = own_channels(&conv);
    return conv;
}

static struct shapes shapes_of(const struct net *net)
{
    struct shapes shapes = {{0}, {{0}}};

    shapes.channels[0] = net->shape.channels;
    memcpy(shapes.extents[0], net->shape.extents, sizeof shapes.extents[0]);
    return shapes;
}

static size_t elements(const struct net *net, const struct shapes *shapes, size_t tensor)
{
    size_t count = net->shape.batch * shapes->channels[tensor];

    for (int axis = 0; axis < net->shape.rank; ++axis)
        count *= shapes->extents[tensor][axis];
    return count;
}

/* ------------------------------------------------------------------- drawing */

typedef void filler(struct random *random, float *values, size_t count);

static float *drawn(struct random *random, size_t count, filler *fill, float scale)
{
    float *values = floats(count);

    fill(random, values, count);
    for (size_t i = 0; i < count; ++i)
        values[i] *= scale;
    return values;
}

static void draw(struct net *net, struct random *random, filler *fill, float scale)
{
    struct shapes shapes = shapes_of(net);

    net->input = drawn(random, elements(net, &shapes, 0), fill, 1.0f);
    for (size_t i = 0; i < net->count; ++i) {
        const atrous_conv conv = complete(net, i, &shapes);
        net->parameters[2 * i] = drawn(random, oracle_weights_count(&conv), fill, scale);
        net->parameters[2 * i + 1] = drawn(random, conv.out_channels, fill, scale);
        net->weights[i].weights = net->parameters[2 * i];
        net->weights[i].bias = conv.has_bias ? net->parameters[2 * i + 1] : NULL;
    }
}

void net_draw(struct net *net, struct random *random)
{
    draw(net, random, random_fill_integers, 1.0f);
}

void net_draw_reals(struct net *net, struct random *random, float scale)
{
    draw(net, random, random_fill, scale);
}

struct net net_small(struct random *random)
{
    struct net net = net_open(2, 2, 3, (size_t[]){9, 11, 1});
    atrous_layer *layer = net_add(&net, 4, 3, 1);
    layer->conv.activation = ATROUS_ACTIVATION_RELU;
    layer = net_add(&net, 4, 3, 2);
    layer->conv.has_bias = 1;
    layer->conv.activation = ATROUS_ACTIVATION_CLAMP;
    layer->conv.activation_low = -20;
    layer->conv.activation_high = 30;
    layer = net_add(&net, 4, 3, 4);
    layer->conv.residual = ATROUS_RESIDUAL_AFTER;
    layer->residual = (atrous_source){ATROUS_FROM_LAYER, 0};
    net_draw(&net, random);
    return net;
}

/* -------------------------------------------------------------- random graphs */

atrous_source net_pick(const struct net *net, struct random *random)
{
    /* The newest layer is the one being made. */
    const size_t layer = random_between(random, 0, net->count - 2);

    if (net->layers[layer].sum >= 0)
        return (atrous_source){ATROUS_FROM_SUM, (size_t)net->layers[layer].sum};
    return (atrous_source){ATROUS_FROM_LAYER, layer};
}

bool net_reads_sum(const atrous_layer *layer, int sum)
{
    const atrous_source *reads[] = {&layer->source, &layer->residual};

    for (int i = 0; i < 2; ++i)
        if (reads[i]->kind == ATROUS_FROM_SUM && (int)reads[i]->index == sum)
            return true;
    return false;
}

static bool is_read(const struct net *net, size_t tensor)
{
    for (size_t i = 0; i < net->count; ++i) {
        const atrous_layer *layer = &net->layers[i];
        if (net_tensor(net, &layer->source, i) == tensor ||
            (layer->conv.residual != ATROUS_RESIDUAL_NONE &&
             net_tensor(net, &layer->residual, i) == tensor))
            return true;
    }
    return false;
}

void net_read_all(const struct net *net, atrous_source *outputs, size_t *count)
{
    for (size_t i = 0; i < net->count; ++i) {
        const int sum = net->layers[i].sum;
        const atrous_source source = sum < 0 ? (atrous_source){ATROUS_FROM_LAYER, i}
                                             : (atrous_source){ATROUS_FROM_SUM, (size_t)sum};
        bool is_there = i + 1 < net->count && is_read(net, net_target(net, i));
        for (size_t j = 0; j < *count; ++j)
            is_there =
                is_there || (outputs[j].kind == source.kind && outputs[j].index == source.index);
        if (!is_there)
            outputs[(*count)++] = source;
    }
}

/* --------------------------------------------------------------------- truth */

atrous_conv net_conv(const struct net *net, size_t layer)
{
    struct shapes shapes = shapes_of(net);
    atrous_conv conv = {.struct_size = 0};

    for (size_t i = 0; i <= layer; ++i)
        conv = complete(net, i, &shapes);
    return conv;
}

size_t net_elements(const struct net *net, size_t tensor)
{
    struct shapes shapes = shapes_of(net);

    for (size_t i = 0; i < net->count; ++i)
        complete(net, i, &shapes);
    return elements(net, &shapes, tensor);
}

double *net_truth(const struct net *net, size_t layer, const float *x)
{
    const atrous_conv conv = net_conv(net, layer);
    const size_t count = oracle_output_count(&conv);
    double *value = calloc(2 * count, sizeof *value);
    assert_non_null(value);
    oracle_conv(&conv, x, net->weights[layer].weights, net->weights[layer].bias, value,
                value + count);
    return value;
}

float *net_floats(const double *values, size_t count, double low, double high)
{
    float *clamped = floats(count);

    for (size_t i = 0; i < count; ++i)
        clamped[i] = (float)fmin(fmax(values[i], low), high);
    return clamped;
}
