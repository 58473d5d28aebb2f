/* The stacks that depth first is measured on. */
#include "stacks.h"

#include <math.h>
#include <stdlib.h>

#include "data.h"

static const float spline_1d[5] = {1 / 16.f, 4 / 16.f, 6 / 16.f, 4 / 16.f, 1 / 16.f};
static const float minus_one = -1;
static float spline_2d[25];

static void start(struct bench_stack *stack, int rank, size_t channels, size_t rows, size_t columns,
                  atrous_layout layout)
{
    atrous_shape_init(&stack->input, rank, sizeof stack->input);
    stack->input.channels = channels;
    stack->input.extents[0] = rows;
    if (rank > 1)
        stack->input.extents[1] = columns;
    stack->input.layout = layout;
}

static atrous_layer *add(struct bench_stack *stack, const float *weights)
{
    atrous_layer *layer = &stack->layers[stack->count];
    atrous_layer_init(layer, stack->input.rank, sizeof *layer);
    layer->conv.input_layout = layer->conv.output_layout = stack->input.layout;
    layer->has_pad_rule = 1;
    layer->pad_rule = ATROUS_PAD_SAME;
    stack->weights[stack->count++].weights = weights;
    return layer;
}

/* The newest layer is given out. */
static void give(struct bench_stack *stack, size_t back)
{
    stack->outputs[stack->output_count++] =
        (atrous_source){ATROUS_FROM_LAYER, stack->count - 1 - back};
}

/* Per scale both passes and the difference, as starlet.h has them. */
static bool starlet(struct bench_stack *stack, size_t extent, size_t scales)
{
    start(stack, 2, 1, extent, extent, ATROUS_LAYOUT_NCHW);
    for (size_t scale = 0; scale < scales; ++scale) {
        for (int axis = 0; axis < 2; ++axis) {
            atrous_layer *pass = add(stack, spline_1d);
            pass->conv.kernel[axis] = 5;
            pass->conv.dilation[axis] = (size_t)1 << scale;
            pass->conv.padding = ATROUS_PADDING_REFLECT;
            if (axis == 0 && scale > 0)
                pass->source = (atrous_source){ATROUS_FROM_LAYER, 3 * scale - 2};
        }
        atrous_layer *difference = add(stack, &minus_one);
        difference->conv.residual = ATROUS_RESIDUAL_AFTER;
        difference->residual = scale == 0 ? (atrous_source){ATROUS_FROM_INPUT, 0}
                                          : (atrous_source){ATROUS_FROM_LAYER, 3 * scale - 2};
        give(stack, 0);
    }
    give(stack, 1);
    return true;
}

/* 5x5 B3 splines at dilations 1, 2, 4, ..., one after another, on channels apart. */
static bool cascade(struct bench_stack *stack, size_t rows, size_t columns, size_t channels,
                    size_t scales)
{
    const atrous_layout layout = channels > 1 ? ATROUS_LAYOUT_NHWC : ATROUS_LAYOUT_NCHW;
    stack->memory = malloc(channels * 25 * sizeof *stack->memory);
    for (size_t i = 0; i < 25; ++i)
        spline_2d[i] = spline_1d[i / 5] * spline_1d[i % 5];
    for (size_t i = 0; stack->memory != NULL && i < channels * 25; ++i)
        stack->memory[i] = spline_2d[i % 25];
    start(stack, 2, channels, rows, columns, layout);
    for (size_t scale = 0; scale < scales; ++scale) {
        atrous_layer *layer = add(stack, stack->memory);
        layer->conv.groups = layer->conv.out_channels = channels;
        layer->conv.kernel[0] = layer->conv.kernel[1] = 5;
        layer->conv.dilation[0] = layer->conv.dilation[1] = (size_t)1 << scale;
        layer->conv.padding = ATROUS_PADDING_REFLECT;
    }
    give(stack, 0);
    return stack->memory != NULL;
}

/* Ten causal layers of kernel 2 at dilations 1 .. 512 with a ReLU, samples by channels. */
static bool causal(struct bench_stack *stack, size_t samples, size_t channels)
{
    const size_t count = 2 * channels * channels;
    stack->memory = malloc(count * sizeof *stack->memory);
    if (stack->memory == NULL)
        return false;
    data_fill(stack->memory, count * sizeof *stack->memory, ATROUS_TYPE_F32, 2);
    for (size_t i = 0; i < count; ++i)
        stack->memory[i] *= (float)sqrt(3.0 / (double)channels);
    start(stack, 1, channels, samples, 1, ATROUS_LAYOUT_NHWC);
    for (size_t i = 0; i < 10; ++i) {
        atrous_layer *layer = add(stack, stack->memory);
        layer->pad_rule = ATROUS_PAD_CAUSAL;
        layer->conv.out_channels = channels;
        layer->conv.kernel[0] = 2;
        layer->conv.dilation[0] = (size_t)1 << i;
        layer->conv.activation = ATROUS_ACTIVATION_RELU;
        layer->conv.math = ATROUS_MATH_STRICT;
    }
    give(stack, 0);
    return true;
}

enum family { STARLET, CASCADE, CAUSAL };

static const struct {
    const char *name;
    enum family family;
    size_t rows, columns, channels, scales;
} table[] = {
    {"starlet-1024-4", STARLET, 1024, 1024, 1, 4},
    {"starlet-2048-5", STARLET, 2048, 2048, 1, 5},
    {"starlet-4096-5", STARLET, 4096, 4096, 1, 5},
    {"starlet-4096-8", STARLET, 4096, 4096, 1, 8},
    {"b3spline-2048-5", CASCADE, 2048, 2048, 1, 5},
    {"b3spline-4096-5", CASCADE, 4096, 4096, 1, 5},
    {"svgf-3-1080p-5", CASCADE, 1080, 1920, 3, 5},
    {"svgf-3-2160p-5", CASCADE, 2160, 3840, 3, 5},
    {"causal-8-16000", CAUSAL, 16000, 1, 8, 0},
    {"causal-32-16000", CAUSAL, 16000, 1, 32, 0},
    {"causal-8-160000", CAUSAL, 160000, 1, 8, 0},
    {"causal-32-160000", CAUSAL, 160000, 1, 32, 0},
    {"causal-64-160000", CAUSAL, 160000, 1, 64, 0},
    {"causal-32-1600000", CAUSAL, 1600000, 1, 32, 0},
};

const char *stack_name(size_t index)
{
    return index < sizeof table / sizeof *table ? table[index].name : NULL;
}

bool stack_make(size_t index, struct bench_stack *stack)
{
    *stack = (struct bench_stack){.count = 0};
    switch (table[index].family) {
    case STARLET:
        return starlet(stack, table[index].rows, table[index].scales);
    case CASCADE:
        return cascade(stack, table[index].rows, table[index].columns, table[index].channels,
                       table[index].scales);
    default:
        return causal(stack, table[index].rows, table[index].channels);
    }
}
