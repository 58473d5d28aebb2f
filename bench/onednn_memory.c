/* Translates atrous_conv into oneDNN's dimensions and layouts. */
#include "onednn_memory.h"

static dnnl_format_tag_t data_tag(atrous_layout layout, int rank)
{
    static const dnnl_format_tag_t tags[2][ATROUS_MAX_RANK] = {{dnnl_ncw, dnnl_nchw, dnnl_ncdhw},
                                                               {dnnl_nwc, dnnl_nhwc, dnnl_ndhwc}};
    return tags[layout == ATROUS_LAYOUT_NHWC][rank - 1];
}

/* The interface's [C][K/G][kernel...] of a transposed convolution: oneDNN counts outputs first. */
static dnnl_format_tag_t transposed_tag(bool grouped, int rank)
{
    static const dnnl_format_tag_t tags[2][ATROUS_MAX_RANK] = {
        {dnnl_bac, dnnl_iohw, dnnl_iodhw}, {dnnl_acbd, dnnl_giohw, dnnl_giodhw}};
    return tags[grouped][rank - 1];
}

static dnnl_format_tag_t weights_tag(bool channels_last, bool grouped, int rank)
{
    static const dnnl_format_tag_t tags[2][2][ATROUS_MAX_RANK] = {
        {{dnnl_oiw, dnnl_oihw, dnnl_oidhw}, {dnnl_goiw, dnnl_goihw, dnnl_goidhw}},
        {{dnnl_wio, dnnl_hwio, dnnl_dhwio}, {dnnl_wigo, dnnl_hwigo, dnnl_dhwigo}}};
    return tags[channels_last][grouped][rank - 1];
}

bool onednn_shape(const atrous_conv *conv, struct onednn_shape *shape, atrous_error *error)
{
    const bool grouped = conv->groups > 1, transposed = conv->direction == ATROUS_TRANSPOSED;
    const int rank = conv->rank;
    const dnnl_dim_t groups = (dnnl_dim_t)conv->groups;
    atrous_conv forward = *conv;
    size_t output[ATROUS_MAX_RANK];
    int at = 0;
    if (!transposed)
        forward.direction = ATROUS_FORWARD;
    if (atrous_conv_output(&forward, output, error) != ATROUS_OK)
        return false;
    shape->rank = rank;
    shape->source[0] = shape->destination[0] = (dnnl_dim_t)conv->batch;
    shape->source[1] = (dnnl_dim_t)conv->in_channels;
    shape->destination[1] = (dnnl_dim_t)conv->out_channels;
    if (grouped)
        shape->weights[at++] = groups;
    shape->weights[at++] = (dnnl_dim_t)conv->out_channels / groups;
    shape->weights[at++] = (dnnl_dim_t)conv->in_channels / groups;
    for (int i = 0; i < rank; ++i) {
        shape->source[2 + i] = (dnnl_dim_t)conv->input[i];
        shape->destination[2 + i] = (dnnl_dim_t)output[i];
        shape->weights[at++] = (dnnl_dim_t)conv->kernel[i];
        shape->stride[i] = (dnnl_dim_t)conv->stride[i];
        shape->dilation[i] = (dnnl_dim_t)conv->dilation[i] - 1; /* theirs counts from zero */
        shape->pad_begin[i] = (dnnl_dim_t)conv->pad_begin[i];
        shape->pad_end[i] = (dnnl_dim_t)conv->pad_end[i];
    }
    shape->weights_dims = at;
    shape->source_tag = data_tag(conv->input_layout, rank);
    shape->destination_tag = data_tag(conv->output_layout, rank);
    shape->weights_tag =
        transposed ? transposed_tag(grouped, rank) : weights_tag(false, grouped, rank);
    shape->plain_weights =
        transposed ? shape->weights_tag
                   : weights_tag(conv->input_layout == ATROUS_LAYOUT_NHWC, grouped, rank);
    return true;
}
