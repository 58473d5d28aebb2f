/* The rules a descriptor must keep, and what this version serves of it. */
#include "problem/rules.h"

#include <float.h>
#include <math.h>
#include <stdio.h>

static atrous_status positive(atrous_error *error, const char *field, size_t value)
{
    if (value >= 1)
        return ATROUS_OK;
    return atrous__fail(error, ATROUS_INVALID_ARGUMENT, field, "is 0, must be at least 1");
}

/* Values of an enum run from 0 to `last`. */
static atrous_status known(atrous_error *error, const char *field, int value, int last)
{
    if (value >= 0 && value <= last)
        return ATROUS_OK;
    return atrous__fail(error, ATROUS_INVALID_ARGUMENT, field, "is %d, must be 0 to %d", value,
                        last);
}

static atrous_status served(atrous_error *error, const char *field, bool is_served,
                            const char *what)
{
    if (is_served)
        return ATROUS_OK;
    return atrous__fail(error, ATROUS_UNSUPPORTED, field, "%s is not served by version %s", what,
                        atrous_version());
}

atrous_status atrous__check_descriptor(const atrous_conv *conv, atrous_error *error)
{
    if (conv == NULL)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "conv", "is NULL");
    if (conv->struct_size != sizeof *conv)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "conv.struct_size",
                            "is %zu, must be sizeof(atrous_conv) = %zu: call atrous_conv_init()",
                            conv->struct_size, sizeof *conv);
    if (conv->rank < 1 || conv->rank > ATROUS_MAX_RANK)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "rank", "is %d, must be 1, 2 or 3",
                            conv->rank);
    return ATROUS_OK;
}

static atrous_status check_channels(const atrous_conv *conv, atrous_error *error)
{
    const struct {
        const char *field;
        size_t value;
    } extents[] = {{"batch", conv->batch},
                   {"in_channels", conv->in_channels},
                   {"out_channels", conv->out_channels},
                   {"groups", conv->groups}};
    for (size_t i = 0; i < sizeof extents / sizeof *extents; ++i) {
        const atrous_status status = positive(error, extents[i].field, extents[i].value);
        if (status != ATROUS_OK)
            return status;
    }
    if (conv->in_channels % conv->groups != 0)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "groups",
                            "is %zu, must divide in_channels %zu", conv->groups, conv->in_channels);
    if (conv->out_channels % conv->groups != 0)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "groups",
                            "is %zu, must divide out_channels %zu", conv->groups,
                            conv->out_channels);
    return ATROUS_OK;
}

static atrous_status check_enums(const atrous_conv *conv, atrous_error *error)
{
    const struct {
        const char *field;
        int value, last;
    } enums[] = {{"padding", (int)conv->padding, ATROUS_PADDING_CIRCULAR},
                 {"input_layout", (int)conv->input_layout, ATROUS_LAYOUT_NHWC},
                 {"output_layout", (int)conv->output_layout, ATROUS_LAYOUT_NHWC},
                 {"type", (int)conv->type, ATROUS_TYPE_I8},
                 {"native_half", conv->native_half, 1},
                 {"channel_scale", conv->channel_scale, 1},
                 {"orientation", (int)conv->orientation, ATROUS_TRUE_CONVOLUTION},
                 {"direction", (int)conv->direction, ATROUS_BACKWARD_WEIGHTS},
                 {"has_bias", conv->has_bias, 1},
                 {"activation", (int)conv->activation, ATROUS_ACTIVATION_GATED},
                 {"residual", (int)conv->residual, ATROUS_RESIDUAL_AFTER},
                 {"math", (int)conv->math, ATROUS_MATH_STRICT}};
    for (size_t i = 0; i < sizeof enums / sizeof *enums; ++i) {
        const atrous_status status = known(error, enums[i].field, enums[i].value, enums[i].last);
        if (status != ATROUS_OK)
            return status;
    }
    return ATROUS_OK;
}

/* What a type leaves no meaning to. */
static atrous_status check_type(const atrous_conv *conv, atrous_error *error)
{
    const bool is_backward =
        conv->direction == ATROUS_BACKWARD_DATA || conv->direction == ATROUS_BACKWARD_WEIGHTS;
    if (conv->native_half && conv->type != ATROUS_TYPE_F16)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "native_half",
                            "is 1, must be 0 unless the type is f16");
    if (conv->channel_scale && is_backward)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "channel_scale",
                            "is 1, must be 0 in a backward direction");
    if (conv->type == ATROUS_TYPE_I8 && conv->padding == ATROUS_PADDING_CONSTANT &&
        (conv->pad_value != rint(conv->pad_value) || fabs(conv->pad_value + 0.5) > 127.5))
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "pad_value",
                            "is %g, must be a whole number from -128 to 127 for the type i8",
                            conv->pad_value);
    return ATROUS_OK;
}

/* What a direction leaves no meaning to, and what of it is not served. */
static atrous_status check_direction(const atrous_conv *conv, atrous_error *error)
{
    static const char *const activations[] = {"none", "relu",  "leaky relu", "sigmoid",
                                              "tanh", "clamp", "gated"};
    static const char *const residuals[] = {"none", "before", "after"};
    const bool is_data = conv->direction == ATROUS_BACKWARD_DATA;
    const bool is_backward = is_data || conv->direction == ATROUS_BACKWARD_WEIGHTS;
    if (is_backward && conv->activation != ATROUS_ACTIVATION_NONE)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "activation",
                            "is %s, must be none in a backward direction",
                            activations[conv->activation]);
    if (is_backward && conv->residual != ATROUS_RESIDUAL_NONE)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "residual",
                            "is %s the activation, must be none in a backward direction",
                            residuals[conv->residual]);
    if (is_data && conv->has_bias)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "has_bias",
                            "is 1, must be 0: the gradient of the data has no bias");
    if (conv->direction == ATROUS_TRANSPOSED)
        return served(error, "padding", conv->padding == ATROUS_PADDING_ZEROS,
                      "a transposed convolution with a padding other than zeros");
    return ATROUS_OK;
}

/* Whether kernels, which reckon in float, take a number for what it is. */
static bool is_float(double value)
{
    return fabs(value) <= FLT_MAX;
}

static atrous_status check_epilogue(const atrous_conv *conv, atrous_error *error)
{
    const bool is_clamp = conv->activation == ATROUS_ACTIVATION_CLAMP;
    const struct {
        const char *field;
        double value;
        bool is_limit; /* a clamp's beyond every float limits nothing */
    } numbers[] = {{"activation_low", conv->activation_low, is_clamp},
                   {"activation_high", conv->activation_high, is_clamp},
                   {"alpha", conv->alpha, false},
                   {"beta", conv->beta, false},
                   {"pad_value", conv->pad_value, false}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; ++i) {
        if (!isfinite(numbers[i].value))
            return atrous__fail(error, ATROUS_INVALID_ARGUMENT, numbers[i].field,
                                "is %g, must be finite", numbers[i].value);
        if (!numbers[i].is_limit && !is_float(numbers[i].value))
            return atrous__fail(error, ATROUS_INVALID_ARGUMENT, numbers[i].field,
                                "is %g, must not exceed the largest float, %g", numbers[i].value,
                                (double)FLT_MAX);
    }
    if (is_clamp && conv->activation_low > conv->activation_high)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "activation_low",
                            "is %g, must not exceed activation_high %g", conv->activation_low,
                            conv->activation_high);
    if (conv->activation != ATROUS_ACTIVATION_GATED)
        return ATROUS_OK;
    if (conv->out_channels % 2 != 0)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "out_channels",
                            "is %zu, must be even for a gated activation", conv->out_channels);
    if (conv->residual == ATROUS_RESIDUAL_BEFORE)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "residual",
                            "before a gated activation has no meaning: it has K channels there, "
                            "K/2 after");
    return ATROUS_OK;
}

atrous_status atrous__check_axis(const atrous_conv *conv, int i, atrous_error *error)
{
    const struct {
        const char *name;
        size_t value;
    } extents[] = {{"input", conv->input[i]},
                   {"kernel", conv->kernel[i]},
                   {"stride", conv->stride[i]},
                   {"dilation", conv->dilation[i]}};
    char field[32];
    for (size_t e = 0; e < sizeof extents / sizeof *extents; ++e) {
        snprintf(field, sizeof field, "%s[%d]", extents[e].name, i);
        const atrous_status status = positive(error, field, extents[e].value);
        if (status != ATROUS_OK)
            return status;
    }
    snprintf(field, sizeof field, "output_padding[%d]", i);
    const size_t limit = atrous__max(conv->stride[i], conv->dilation[i]);
    if (conv->direction == ATROUS_TRANSPOSED && conv->output_padding[i] >= limit)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, field,
                            "is %zu, must be less than the stride or the dilation, %zu",
                            conv->output_padding[i], limit);
    if (conv->direction != ATROUS_TRANSPOSED && conv->output_padding[i] != 0)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, field,
                            "is %zu, must be 0 unless the direction is transposed",
                            conv->output_padding[i]);
    return ATROUS_OK;
}

atrous_status atrous__check_values(const atrous_conv *conv, atrous_error *error)
{
    atrous_status status = check_enums(conv, error);
    if (status == ATROUS_OK)
        status = check_channels(conv, error);
    if (status == ATROUS_OK)
        status = check_direction(conv, error);
    if (status == ATROUS_OK)
        status = check_epilogue(conv, error);
    return status == ATROUS_OK ? check_type(conv, error) : status;
}
