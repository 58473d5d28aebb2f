/* Stacks under test, with their weights, and their layers run one by one. */
#include "testing.h"

#include "net.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data.h"
#include "epilogue.h"
#include "fenced.h"
#include "harness.h"
#include "shapes.h"
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

/* ------------------------------------------------------------------- running */

atrous_stack *net_stack(const struct net *net, const atrous_source *outputs, size_t count)
{
    atrous_stack *stack = NULL;
    atrous_stack_options options;
    atrous_error error;

    atrous_stack_options_init(&options, sizeof options);
    options.outputs = outputs;
    options.output_count = count;
    options.order = net->order;
    options.band_rows = net->band_rows;
    if (atrous_stack_create(harness.context, net->layers, net->count, &net->shape, &options, &stack,
                            &error) != ATROUS_OK)
        fail_msg("stack: %s", error.message);
    return stack;
}

void net_run(struct net_run *run, const struct net *net, const atrous_source *outputs, size_t count)
{
    atrous_stack_info info = {.struct_size = sizeof info};
    atrous_shape shape = {.struct_size = sizeof shape};
    atrous_error error;

    memset(run, 0, sizeof *run);
    run->stack = net_stack(net, outputs, count);
    assert_int_equal(atrous_stack_query(run->stack, &info, NULL), ATROUS_OK);
    run->output_count = info.output_count;
    for (size_t i = 0; i < info.output_count; ++i) {
        size_t bytes = 0;
        assert_int_equal(atrous_stack_output(run->stack, i, &shape, &bytes, NULL), ATROUS_OK);
        run->count[i] = bytes / sizeof(float);
        run->fenced[i] = fence_around(NULL, run->count[i]);
        run->outputs[i] = run->output[i] = run->fenced[i] + FENCE;
    }
    atrous_stack_arrays_init(&run->arrays, sizeof run->arrays);
    run->arrays.input = net->input;
    run->arrays.weights = net->weights;
    run->arrays.outputs = run->outputs;
    if (atrous_stack_run(run->stack, &run->arrays, &error) != ATROUS_OK)
        fail_msg("stack: %s", error.message);
    for (size_t i = 0; i < info.output_count; ++i)
        assert_true(fence_intact(run->fenced[i], run->count[i]));
}

void net_run_free(struct net_run *run)
{
    atrous_stack_destroy(run->stack);
    for (size_t i = 0; i < run->output_count; ++i)
        free(run->fenced[i]);
    run->stack = NULL;
}

void net_use(struct net *net, const char *solver)
{
    for (size_t i = 0; i < net->count; ++i)
        net->layers[i].plan.solver = solver;
}

/* What the oracle sums in a moment. */
static const double most_macs = 1e6;

/* One layer's output against the truth about its own input; of a large layer nothing is said here:
 * its like on fewer samples are held against it. */
static void expect_layer(size_t index, const char *solver, const atrous_conv *conv,
                         const atrous_arrays *arrays, const float *previous)
{
    const struct directed problem = {.conv = *conv,
                                     .counts = directed_count(conv),
                                     .x = arrays->input,
                                     .y = arrays->input, /* of a transposed layer */
                                     .w = arrays->weights,
                                     .bias = conv->has_bias ? arrays->bias : NULL,
                                     .residual = arrays->residual,
                                     .previous = previous};
    const size_t count = directed_outputs_count(conv);
    const size_t kept = conv->activation == ATROUS_ACTIVATION_GATED ? count / 2 : count;
    if (shape_macs(conv) > most_macs)
        return;
    double *sums = calloc(count, sizeof *sums), *bounds = calloc(count, sizeof *bounds);
    const float *got = arrays->output;

    assert_true(sums != NULL && bounds != NULL);
    assert_true(conv->input_layout == ATROUS_LAYOUT_NCHW);
    assert_true(conv->output_layout == ATROUS_LAYOUT_NCHW);
    /* Minimal filtering has another bound, and no net has the channels for it. */
    assert_string_not_equal(solver, "winograd");
    assert_string_not_equal(solver, "phases");
    epilogue_sums(&problem, sums, bounds);
    for (size_t i = 0; i < kept; ++i) {
        const struct loose want = epilogue_of(&problem, sums, bounds, i);
        if (!(fabs((double)got[i] - want.value) <= want.error))
            fail_msg("layer %zu by %s: [%zu] is %.9g, not %.9g, bound %.3g", index, solver, i,
                     (double)got[i], want.value, want.error);
    }
    free(sums);
    free(bounds);
}

static const char *solver_of(const atrous_plan *plan)
{
    atrous_plan_info info = {.struct_size = sizeof info};

    assert_int_equal(atrous_plan_query(plan, &info, NULL), ATROUS_OK);
    return info.solver;
}

/* One layer by its own plan; a sum that is there is added to. */
static void run_layer(const struct net *net, size_t index, const atrous_stack *stack,
                      struct shapes *shapes, float **tensors)
{
    const atrous_layer *layer = &net->layers[index];
    const size_t target = net_target(net, index);
    atrous_conv conv = complete(net, index, shapes);
    const size_t count = elements(net, shapes, target);
    const bool is_first = tensors[target] == NULL;
    atrous_plan_options options = layer->plan;
    atrous_plan *plan = NULL;
    atrous_arrays arrays;
    atrous_error error;

    conv.beta = is_first ? 0.0 : 1.0;
    if (is_first)
        tensors[target] = floats(count);
    float *previous = floats(count);
    memcpy(previous, tensors[target], count * sizeof *previous);
    if (stack != NULL)
        options.solver = solver_of(atrous_stack_plan(stack, index));
    atrous_arrays_init(&arrays, sizeof arrays);
    arrays.input = tensors[net_tensor(net, &layer->source, index)];
    arrays.weights = net->weights[index].weights;
    arrays.bias = net->weights[index].bias;
    if (conv.residual != ATROUS_RESIDUAL_NONE)
        arrays.residual = tensors[net_tensor(net, &layer->residual, index)];
    arrays.output = tensors[target];
    harness_expect_ok(atrous_plan_create(harness.context, &conv, &options, &plan, &error), &error,
                      "layer", &conv);
    harness_expect_ok(atrous_plan_run(plan, &arrays, &error), &error, "layer", &conv);
    expect_layer(index, solver_of(plan), &conv, &arrays, previous);
    free(previous);
    atrous_plan_destroy(plan);
}

void net_layers(const struct net *net, const atrous_stack *stack, const atrous_source *outputs,
                size_t count, float **at)
{
    const atrous_source last = {ATROUS_FROM_LAYER, net->count - 1};
    const int last_sum = net->layers[net->count - 1].sum;
    const atrous_source last_or_sum =
        last_sum < 0 ? last : (atrous_source){ATROUS_FROM_SUM, (size_t)last_sum};
    struct shapes shapes = shapes_of(net);
    float *tensors[2 * NET_MAX + 1] = {net->input};

    for (size_t i = 0; i < net->count; ++i)
        run_layer(net, i, stack, &shapes, tensors);
    for (size_t i = 0; i < (outputs != NULL ? count : 1); ++i) {
        const size_t tensor =
            net_tensor(net, outputs != NULL ? &outputs[i] : &last_or_sum, net->count);
        const size_t size = elements(net, &shapes, tensor);
        at[i] = floats(size);
        memcpy(at[i], tensors[tensor], size * sizeof *at[i]);
    }
    for (size_t t = 1; t < 2 * NET_MAX + 1; ++t)
        free(tensors[t]);
}

void net_expect_same(const struct net *net, const atrous_source *outputs, size_t count)
{
    struct net_run run;
    float *want[NET_MAX];

    net_run(&run, net, outputs, count);
    net_layers(net, run.stack, outputs, count, want);
    for (size_t i = 0; i < run.output_count; ++i) {
        for (size_t j = 0; j < run.count[i]; ++j)
            if (memcmp(&run.output[i][j], &want[i][j], sizeof(float)) != 0)
                fail_msg("output %zu[%zu] is %.9g, its layers give %.9g", i, j,
                         (double)run.output[i][j], (double)want[i][j]);
        free(want[i]);
    }
    net_run_free(&run);
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
