/* The starlet as a stack: per scale one pass an axis, then the difference. */
#include <atrous/starlet.h>

#include "plan/plan.h"

#include <stdlib.h>
#include <string.h>

enum { TAPS = 5 };
static const float spline[TAPS] = {1.0f / 16, 4.0f / 16, 6.0f / 16, 4.0f / 16, 1.0f / 16};
static const float minus = -1.0f;

struct atrous_starlet {
    atrous_context *context;
    atrous_shape image; /* one channel: what was channels is batch */
    size_t scales, layer_count, pixels;
    atrous_layer_weights *weights; /* one a layer */
    float *ones;                   /* one a plane, for the sum */
    atrous_stack *stack;
    atrous_plan *sum;
};

/* A pass along `axis` at dilation `step`, mirrored at the borders. */
static void set_pass(atrous_layer *layer, int axis, size_t step)
{
    atrous_conv *conv = &layer->conv;
    conv->kernel[axis] = TAPS;
    conv->dilation[axis] = step;
    conv->pad_begin[axis] = conv->pad_end[axis] = TAPS / 2 * step;
    conv->padding = ATROUS_PADDING_REFLECT;
}

/* w = c - smoothed(c): minus one times the newest result, and the scale before as residual. */
static void set_difference(atrous_layer *layer, size_t scale, size_t per_scale)
{
    layer->conv.residual = ATROUS_RESIDUAL_AFTER;
    if (scale == 0)
        layer->residual.kind = ATROUS_FROM_INPUT;
    else
        layer->residual =
            (atrous_source){ATROUS_FROM_LAYER, (scale - 1) * per_scale + per_scale - 2};
}

/* Layers of one scale: `rank` passes, the last of which gives c, then w. */
static void set_scale(atrous_starlet *starlet, atrous_layer *layers, atrous_source *outputs,
                      size_t scale)
{
    const int rank = starlet->image.rank;
    const size_t per_scale = (size_t)rank + 1, first = scale * per_scale;
    for (int axis = 0; axis <= rank; ++axis) {
        atrous_layer *layer = &layers[first + (size_t)axis];
        atrous_layer_init(layer, rank, sizeof *layer);
        starlet->weights[first + (size_t)axis].weights = axis < rank ? spline : &minus;
        if (axis < rank)
            set_pass(layer, axis, (size_t)1 << scale);
        else
            set_difference(layer, scale, per_scale);
    }
    /* The passes follow the scale before, not the difference that was made of it. */
    if (scale > 0)
        layers[first].source = (atrous_source){ATROUS_FROM_LAYER, first - 2};
    outputs[scale] = (atrous_source){ATROUS_FROM_LAYER, first + (size_t)rank};
    outputs[scale + 1] = (atrous_source){ATROUS_FROM_LAYER, first + (size_t)rank - 1};
}

static atrous_status make_stack(atrous_starlet *starlet, const atrous_plan_options *plan,
                                atrous_error *error)
{
    atrous_stack_options options;
    atrous_layer *layers = calloc(starlet->layer_count, sizeof *layers);
    atrous_source *outputs = calloc(starlet->scales + 1, sizeof *outputs);
    atrous_status status = ATROUS_OK;
    if (layers == NULL || outputs == NULL) {
        status = atrous__fail(error, ATROUS_OUT_OF_HOST_MEMORY, "", "a starlet");
    } else {
        for (size_t scale = 0; scale < starlet->scales; ++scale)
            set_scale(starlet, layers, outputs, scale);
        for (size_t i = 0; plan != NULL && i < starlet->layer_count; ++i)
            layers[i].plan = *plan;
        atrous_stack_options_init(&options, sizeof options);
        options.outputs = outputs;
        options.output_count = starlet->scales + 1;
        status = atrous_stack_create(starlet->context, layers, starlet->layer_count,
                                     &starlet->image, &options, &starlet->stack, error);
    }
    free(layers);
    free(outputs);
    return status;
}

/* The planes are the channels of a signal as long as all images together; one filter of ones
 * adds them. */
static atrous_status make_sum(atrous_starlet *starlet, atrous_error *error)
{
    atrous_conv conv;
    atrous_conv_init(&conv, 1, sizeof conv);
    conv.in_channels = starlet->scales + 1;
    conv.input[0] = starlet->pixels;
    return atrous_plan_create(starlet->context, &conv, NULL, &starlet->sum, error);
}

static atrous_status make(atrous_starlet *starlet, const atrous_plan_options *plan,
                          atrous_error *error)
{
    starlet->weights = calloc(starlet->layer_count, sizeof *starlet->weights);
    starlet->ones = calloc(starlet->scales + 1, sizeof *starlet->ones);
    if (starlet->weights == NULL || starlet->ones == NULL)
        return atrous__fail(error, ATROUS_OUT_OF_HOST_MEMORY, "", "a starlet");
    for (size_t i = 0; i <= starlet->scales; ++i)
        starlet->ones[i] = 1.0f;
    atrous_status status = make_stack(starlet, plan, error);
    if (status != ATROUS_OK)
        return status;
    starlet->pixels = starlet->image.batch;
    for (int axis = 0; axis < starlet->image.rank; ++axis)
        starlet->pixels *= starlet->image.extents[axis];
    return make_sum(starlet, error);
}

static atrous_status check_call(const atrous_shape *image, size_t scales, atrous_error *error)
{
    if (image == NULL)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "image", "is NULL");
    if (image->struct_size != sizeof *image)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "image.struct_size",
                            "is %zu, must be %zu: call atrous_shape_init()", image->struct_size,
                            sizeof *image);
    if (image->rank < 1 || image->rank > ATROUS_MAX_RANK)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "image.rank",
                            "is %d, must be 1, 2 or 3", image->rank);
    if (image->layout != ATROUS_LAYOUT_NCHW)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "image.layout", "is %d, must be NCHW",
                            (int)image->layout);
    if (image->type != ATROUS_TYPE_F32)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "image.type", "is %d, must be F32",
                            (int)image->type);
    if (scales < 1 || scales > ATROUS_STARLET_MAX_SCALES)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "scales", "is %zu, must be 1 to %d",
                            scales, ATROUS_STARLET_MAX_SCALES);
    return ATROUS_OK;
}

atrous_status atrous_starlet_create(atrous_context *context, const atrous_shape *image,
                                    size_t scales, const atrous_plan_options *options,
                                    atrous_starlet **out, atrous_error *error)
{
    atrous__clear(error);
    if (out == NULL)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "starlet", "is NULL");
    *out = NULL;
    if (context == NULL)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "context", "is NULL");
    atrous_status status = check_call(image, scales, error);
    if (status != ATROUS_OK)
        return status;
    atrous_starlet *starlet = calloc(1, sizeof *starlet);
    if (starlet == NULL)
        return atrous__fail(error, ATROUS_OUT_OF_HOST_MEMORY, "", "a starlet");
    starlet->context = context;
    starlet->image = *image;
    starlet->scales = scales;
    starlet->layer_count = scales * ((size_t)image->rank + 1);
    starlet->image.channels = 1;
    status = atrous__mul(image->batch, image->channels, &starlet->image.batch)
                 ? make(starlet, options, error)
                 : atrous__fail(error, ATROUS_INVALID_ARGUMENT, "image.batch",
                                "is %zu: times %zu channels it overflows", image->batch,
                                image->channels);
    if (status != ATROUS_OK) {
        atrous_starlet_destroy(starlet);
        return status;
    }
    *out = starlet;
    return ATROUS_OK;
}

void atrous_starlet_destroy(atrous_starlet *starlet)
{
    if (starlet == NULL)
        return;
    atrous_plan_destroy(starlet->sum);
    atrous_stack_destroy(starlet->stack);
    free(starlet->ones);
    free(starlet->weights);
    free(starlet);
}

atrous_stack *atrous_starlet_stack(atrous_starlet *starlet)
{
    return starlet != NULL ? starlet->stack : NULL;
}

const atrous_layer_weights *atrous_starlet_weights(const atrous_starlet *starlet)
{
    return starlet != NULL ? starlet->weights : NULL;
}

atrous_status atrous_starlet_run(atrous_starlet *starlet, const float *image, float *planes,
                                 atrous_error *error)
{
    atrous_stack_arrays arrays;
    void *outputs[ATROUS_STARLET_MAX_SCALES + 1];
    atrous__clear(error);
    if (starlet == NULL || planes == NULL)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, starlet == NULL ? "starlet" : "planes",
                            "is NULL");
    for (size_t i = 0; i <= starlet->scales; ++i)
        outputs[i] = planes + i * starlet->pixels;
    atrous_stack_arrays_init(&arrays, sizeof arrays);
    arrays.input = image;
    arrays.weights = starlet->weights;
    arrays.outputs = outputs;
    return atrous_stack_run(starlet->stack, &arrays, error);
}

atrous_status atrous_starlet_sum(atrous_starlet *starlet, const float *planes, float *image,
                                 atrous_error *error)
{
    atrous_arrays arrays;
    atrous__clear(error);
    if (starlet == NULL)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "starlet", "is NULL");
    atrous_arrays_init(&arrays, sizeof arrays);
    arrays.input = planes;
    arrays.weights = starlet->ones;
    arrays.output = image;
    return atrous_plan_run(starlet->sum, &arrays, error);
}
