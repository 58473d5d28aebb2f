/* The public descriptor's own calls: defaults, padding rules, output extents. */
#include "problem/rules.h"

#include <stdio.h>
#include <string.h>

void atrous_conv_init(atrous_conv *conv, int rank, size_t struct_size)
{
    if (conv == NULL || struct_size != sizeof *conv)
        return;
    memset(conv, 0, sizeof *conv);
    conv->struct_size = struct_size;
    conv->rank = rank;
    conv->batch = conv->in_channels = conv->out_channels = conv->groups = 1;
    for (int i = 0; i < ATROUS_MAX_RANK; ++i)
        conv->kernel[i] = conv->stride[i] = conv->dilation[i] = 1;
    conv->alpha = 1.0;
}

/* Total padding at which output = ceil(input / stride), or input * stride where transposed; false
 * when it overflows. */
static bool same_total(const atrous_conv *conv, int i, size_t *total)
{
    if (conv->direction == ATROUS_TRANSPOSED) {
        /* The reach of the last input beyond its own stride. */
        size_t extent;
        if (!atrous__mul(conv->kernel[i] - 1, conv->dilation[i], &extent) ||
            !atrous__add(extent, 1, &extent) ||
            !atrous__add(extent, conv->output_padding[i], &extent))
            return false;
        *total = extent > conv->stride[i] ? extent - conv->stride[i] : 0;
        return true;
    }
    const size_t outputs = atrous__ceil_div(conv->input[i], conv->stride[i]);
    size_t reach, needed;
    if (!atrous__mul(conv->kernel[i] - 1, conv->dilation[i], &reach) ||
        !atrous__mul(outputs - 1, conv->stride[i], &needed) ||
        !atrous__add(needed, reach, &needed) || !atrous__add(needed, 1, &needed))
        return false;
    *total = needed > conv->input[i] ? needed - conv->input[i] : 0;
    return true;
}

atrous_status atrous_conv_pad(atrous_conv *conv, atrous_pad_rule rule, atrous_error *error)
{
    atrous__clear(error);
    atrous_status status = atrous__check_descriptor(conv, error);
    if (status != ATROUS_OK)
        return status;
    if ((int)rule < 0 || rule > ATROUS_PAD_CAUSAL)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "rule", "is %d, must be 0 to %d",
                            (int)rule, ATROUS_PAD_CAUSAL);
    if (rule == ATROUS_PAD_CAUSAL && conv->rank != 1)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "rank",
                            "is %d, must be 1 for causal padding", conv->rank);
    if (rule == ATROUS_PAD_CAUSAL && conv->direction == ATROUS_TRANSPOSED)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "rule",
                            "is causal, which a transposed convolution cannot be padded to");

    size_t begin[ATROUS_MAX_RANK] = {0}, end[ATROUS_MAX_RANK] = {0};
    for (int i = 0; i < conv->rank; ++i) {
        size_t total = 0;
        status = atrous__check_axis(conv, i, error);
        if (status != ATROUS_OK)
            return status;
        const bool fits = rule == ATROUS_PAD_CAUSAL
                              ? atrous__mul(conv->kernel[i] - 1, conv->dilation[i], &total)
                              : same_total(conv, i, &total);
        if (!fits) {
            char field[32];
            snprintf(field, sizeof field, "dilation[%d]", i);
            return atrous__fail(error, ATROUS_INVALID_ARGUMENT, field,
                                "is %zu: the dilated kernel's extent overflows", conv->dilation[i]);
        }
        if (rule == ATROUS_PAD_CAUSAL)
            begin[i] = total;
        else if (rule == ATROUS_PAD_SAME)
            begin[i] = total / 2;
        else if (rule == ATROUS_PAD_SAME_LOWER)
            begin[i] = total - total / 2;
        if (rule == ATROUS_PAD_SAME || rule == ATROUS_PAD_SAME_LOWER)
            end[i] = total - begin[i];
    }
    for (int i = 0; i < conv->rank; ++i) {
        conv->pad_begin[i] = begin[i];
        conv->pad_end[i] = end[i];
    }
    return ATROUS_OK;
}

void atrous__output_extents(const struct atrous__problem *problem, size_t output[ATROUS_MAX_RANK])
{
    const int rank = problem->conv.rank;
    for (int i = 0; i < rank; ++i) {
        const struct atrous__axis *axis = &problem->axis[ATROUS__AXES - rank + i];
        output[i] = problem->form == ATROUS__GRADIENT ? axis->kernel
                    : problem->fold.is_there          ? problem->fold.in[ATROUS__AXES - rank + i]
                                                      : axis->out;
    }
}

atrous_status atrous_conv_output(const atrous_conv *conv, size_t output[ATROUS_MAX_RANK],
                                 atrous_error *error)
{
    struct atrous__problem problem;
    atrous__clear(error);
    const atrous_status status = atrous__problem_init(&problem, conv, error);
    if (status == ATROUS_OK && output != NULL)
        atrous__output_extents(&problem, output);
    return status;
}
