/* Directions other than forward, turned into the forms that are computed. */
#include "problem/rules.h"

#include <stdio.h>

atrous_status atrous__transposed_measure(struct atrous__axis *axis, int user_axis,
                                         size_t output_padding, atrous_error *error)
{
    char field[32];
    size_t reach, extent, pads;
    axis->out = axis->in;
    snprintf(field, sizeof field, "input[%d]", user_axis);
    if (!atrous__mul(axis->kernel - 1, axis->dilation, &reach) ||
        !atrous__mul(axis->out - 1, axis->stride, &extent) ||
        !atrous__add(extent, reach, &extent) || !atrous__add(extent, 1, &extent) ||
        !atrous__add(extent, output_padding, &extent) ||
        !atrous__add(axis->pad, axis->pad_end, &pads) || extent > PTRDIFF_MAX || pads > PTRDIFF_MAX)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, field,
                            "is %zu: the transposed output's extent overflows", axis->out);
    if (pads >= extent) {
        snprintf(field, sizeof field, "pad_begin[%d]", user_axis);
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, field,
                            "is %zu: with pad_end %zu it takes all %zu of the transposed output",
                            axis->pad, axis->pad_end, extent);
    }
    axis->in = extent - pads;
    return ATROUS_OK;
}

/* dx[i] = sum over t of dy[(i + pad - t*D) / S] * w[t]. Taps counted from the other end, t =
 * R-1-u, make it a sum at i + u*D - (reach - pad). */
static struct atrous__axis gather_axis(const struct atrous__axis *f)
{
    const size_t reach = (f->kernel - 1) * f->dilation;
    struct atrous__axis g = {.in = f->out,
                             .out = f->in,
                             .kernel = f->kernel,
                             .stride = 1,
                             .dilation = f->dilation,
                             .pad = reach > f->pad ? reach - f->pad : 0,
                             .crop = f->pad > reach ? f->pad - reach : 0,
                             /* A single input lies nowhere but at 0. */
                             .spread = f->out == 1 ? 1 : f->stride};
    const size_t end = g.out + reach + g.crop; /* past the last position, counted from the pad */
    g.pad_end = end > g.in + g.pad ? end - g.in - g.pad : 0;
    return g;
}

static void exchange(size_t *a, size_t *b)
{
    const size_t kept = *a;
    *a = *b;
    *b = kept;
}

/* The descriptor of the gather, for what reads one. */
static void describe(struct atrous__problem *p)
{
    const atrous_conv *given = &p->given;
    atrous_conv *conv = &p->conv;
    const bool is_backward = given->direction == ATROUS_BACKWARD_DATA;
    conv->direction = ATROUS_FORWARD;
    conv->orientation = given->orientation == ATROUS_TRUE_CONVOLUTION ? ATROUS_CROSS_CORRELATION
                                                                      : ATROUS_TRUE_CONVOLUTION;
    conv->padding = ATROUS_PADDING_ZEROS;
    if (is_backward) {
        conv->in_channels = given->out_channels;
        conv->out_channels = given->in_channels;
        conv->input_layout = given->output_layout;
        conv->output_layout = given->input_layout;
    }
    for (int i = 0; i < conv->rank; ++i) {
        const struct atrous__axis *axis = &p->axis[ATROUS__AXES - conv->rank + i];
        conv->input[i] = axis->in;
        conv->stride[i] = 1;
        conv->pad_begin[i] = axis->pad;
        conv->pad_end[i] = axis->pad_end;
        conv->output_padding[i] = 0;
    }
}

/* The padded input takes the input's place. */
static void unpad(struct atrous__problem *p)
{
    p->fold.is_there = true;
    p->fold.mode = p->conv.padding;
    p->in_plane = 1;
    for (int i = 0; i < ATROUS__AXES; ++i) {
        struct atrous__axis *axis = &p->axis[i];
        p->fold.in[i] = axis->in;
        p->fold.pad[i] = axis->pad;
        axis->in += axis->pad + axis->pad_end;
        axis->pad = axis->pad_end = 0;
        p->in_plane *= axis->in;
    }
}

/* Whether the padded gradient's bytes, and all sizes on the way to them, can be counted. */
static bool padded_fits(const struct atrous__problem *p)
{
    size_t count = p->batch * p->conv.in_channels;
    bool fits = true;
    for (int i = 0; i < ATROUS__AXES; ++i)
        fits =
            fits && atrous__mul(count, p->axis[i].in + p->axis[i].pad + p->axis[i].pad_end, &count);
    return fits && count <= PTRDIFF_MAX / sizeof(double);
}

atrous_status atrous__form_gather(struct atrous__problem *p, atrous_error *error)
{
    if (p->given.direction == ATROUS_BACKWARD_DATA && p->conv.padding > ATROUS_PADDING_CONSTANT) {
        if (!padded_fits(p))
            return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "pad_begin",
                                "and pad_end: the gradient of the padded input overflows");
        unpad(p);
    }
    for (int i = 0; i < ATROUS__AXES; ++i) {
        p->axis[i] = gather_axis(&p->axis[i]);
        if (p->axis[i].spread > 1 || p->axis[i].crop > 0)
            p->form = ATROUS__SPREAD;
    }
    exchange(&p->channels, &p->filters);
    exchange(&p->in_plane, &p->out_plane);
    exchange(&p->in_count, &p->out_count);
    exchange(&p->filter_step, &p->channel_step);
    describe(p);
    p->out_channels = p->conv.out_channels;
    if (p->conv.activation == ATROUS_ACTIVATION_GATED) {
        p->out_channels /= 2;
        p->out_count /= 2;
    }
    return ATROUS_OK;
}

void atrous__form_gradient(struct atrous__problem *p)
{
    p->form = ATROUS__GRADIENT;
    p->grad_count = p->out_count;
    p->out_count = p->weights_count;
    p->weights_count = 0;
    p->bias_out_count = p->conv.has_bias ? p->conv.out_channels : 0;
}

struct atrous__residue atrous__residue_of(const struct atrous__axis *axis, size_t first)
{
    const size_t spread = axis->spread, common = atrous__gcd(axis->dilation, spread);
    struct atrous__residue r = {.first = first,
                                .count = atrous__ceil_div(axis->out - first, spread),
                                .tap_step = spread / common,
                                .dilation = axis->dilation / common};
    const ptrdiff_t start = (ptrdiff_t)(first + axis->crop) - (ptrdiff_t)axis->pad;
    for (; r.tap < r.tap_step && r.tap < axis->kernel; ++r.tap) {
        const ptrdiff_t at = start + (ptrdiff_t)(r.tap * axis->dilation);
        if (at % (ptrdiff_t)spread != 0)
            continue;
        r.from = at / (ptrdiff_t)spread;
        /* Past the end of the input from the first output and tap on: nothing to meet. */
        if (r.from < (ptrdiff_t)axis->in)
            r.taps = atrous__ceil_div(axis->kernel - r.tap, r.tap_step);
        break;
    }
    return r;
}

size_t atrous__residue_count(const struct atrous__problem *problem)
{
    size_t count = 1;
    for (int i = 0; i < ATROUS__AXES; ++i)
        count *= atrous__min(problem->axis[i].spread, problem->axis[i].out);
    return count;
}

void atrous__residue_at(const struct atrous__problem *problem, size_t index,
                        struct atrous__residue residue[ATROUS__AXES])
{
    for (int i = ATROUS__AXES; i-- > 0;) {
        const struct atrous__axis *axis = &problem->axis[i];
        const size_t residues = atrous__min(axis->spread, axis->out);
        residue[i] = atrous__residue_of(axis, index % residues);
        index /= residues;
    }
}
