/* Geometry: extents, taps, counts of a problem on three axes. */
#include "problem/fold.h"
#include "problem/rules.h"

#include <stdio.h>

/* Output extents of one axis; the formula's one place in the library. */
static atrous_status measure_axis(struct atrous__axis *axis, int user_axis, atrous_error *error)
{
    char field[32];
    size_t padded, reach;
    snprintf(field, sizeof field, "input[%d]", user_axis);
    if (!atrous__add(axis->in, axis->pad, &padded) ||
        !atrous__add(padded, axis->pad_end, &padded) || padded > PTRDIFF_MAX)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, field,
                            "is %zu: with its padding %zu + %zu it overflows", axis->in, axis->pad,
                            axis->pad_end);
    snprintf(field, sizeof field, "kernel[%d]", user_axis);
    if (!atrous__mul(axis->kernel - 1, axis->dilation, &reach) || reach >= PTRDIFF_MAX)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, field,
                            "is %zu: with dilation %zu its extent overflows", axis->kernel,
                            axis->dilation);
    if (reach + 1 > padded)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, field,
                            "is %zu: with dilation %zu it spans %zu, must fit the padded input %zu",
                            axis->kernel, axis->dilation, reach + 1, padded);
    axis->out = (padded - reach - 1) / axis->stride + 1;
    return ATROUS_OK;
}

/* *product *= factor for sizes that end up as bytes of a float tensor. */
static bool grow(size_t *product, size_t factor)
{
    return atrous__mul(*product, factor, product) && *product <= PTRDIFF_MAX / sizeof(float);
}

static bool grow_by(size_t *product, size_t a, size_t b)
{
    return grow(product, a) && grow(product, b);
}

/* Planes and counts of x, y and w, in the roles of the forward problem. */
static atrous_status count(struct atrous__problem *p, atrous_error *error)
{
    p->in_plane = p->out_plane = p->taps = 1;
    bool in_fits = true, out_fits = true, weights_fit = true;
    for (int i = 0; i < ATROUS__AXES; ++i) {
        in_fits = in_fits && grow(&p->in_plane, p->axis[i].in);
        out_fits = out_fits && grow(&p->out_plane, p->axis[i].out);
        weights_fit = weights_fit && grow(&p->taps, p->axis[i].kernel);
    }
    p->in_count = p->in_plane;
    p->out_count = p->out_plane;
    p->weights_count = p->taps;
    in_fits = in_fits && grow_by(&p->in_count, p->batch, p->channels * p->groups);
    out_fits = out_fits && grow_by(&p->out_count, p->batch, p->out_channels);
    weights_fit = weights_fit && grow_by(&p->weights_count, p->filters * p->groups, p->channels);
    if (!in_fits)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "input",
                            "batch %zu x in_channels %zu x its extents overflow", p->batch,
                            p->conv.in_channels);
    if (!out_fits)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "output",
                            "batch %zu x out_channels %zu x its extents overflow", p->batch,
                            p->conv.out_channels);
    if (!weights_fit)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "kernel",
                            "out_channels %zu x in_channels / groups %zu x its extents overflow",
                            p->conv.out_channels, p->channels);
    return ATROUS_OK;
}

/* (output position, tap) pairs of one axis that read input. Counting stops being exact, on
 * the high side, for kernels too long to walk. */
static double count_meetings(const struct atrous__axis *axis)
{
    const size_t longest_walk = (size_t)1 << 20;
    if (axis->kernel > longest_walk)
        return (double)axis->out * (double)axis->kernel;
    double meetings = 0;
    for (size_t t = 0; t < axis->kernel; ++t) {
        size_t first, end;
        atrous__tap_range(axis, t, &first, &end);
        meetings += (double)(end - first);
    }
    return meetings;
}

static void count_macs(struct atrous__problem *p)
{
    const double pairs =
        (double)p->batch * (double)p->groups * (double)p->filters * (double)p->channels;
    double valid = pairs;
    for (int i = 0; i < ATROUS__AXES; ++i)
        valid *= count_meetings(&p->axis[i]);
    p->macs = pairs * (double)p->out_plane * (double)p->taps;
    p->valid_macs = valid;
}

/* The axes of the forward relation: of x to y. */
static atrous_status measure(struct atrous__problem *p, atrous_error *error)
{
    const atrous_conv *conv = &p->given;
    for (int i = 0; i < ATROUS__AXES; ++i)
        p->axis[i] = (struct atrous__axis){
            .in = 1, .out = 1, .kernel = 1, .stride = 1, .dilation = 1, .spread = 1};
    for (int i = 0; i < conv->rank; ++i) {
        struct atrous__axis *axis = &p->axis[ATROUS__AXES - conv->rank + i];
        *axis = (struct atrous__axis){.in = conv->input[i],
                                      .kernel = conv->kernel[i],
                                      .stride = conv->stride[i],
                                      .dilation = conv->dilation[i],
                                      .pad = conv->pad_begin[i],
                                      .pad_end = conv->pad_end[i],
                                      .spread = 1};
        atrous_status status = atrous__check_axis(conv, i, error);
        if (status == ATROUS_OK)
            status = conv->direction == ATROUS_TRANSPOSED
                         ? atrous__transposed_measure(axis, i, conv->output_padding[i], error)
                         : measure_axis(axis, i, error);
        if (status != ATROUS_OK)
            return status;
        /* A step that is never taken may be any, beyond what a device can count too. */
        if (axis->kernel == 1)
            axis->dilation = 1;
        if (axis->out == 1)
            axis->stride = 1;
    }
    return ATROUS_OK;
}

/* Sums of int8 products, each at most 2^14, stay in an int32. */
static atrous_status check_sums(const struct atrous__problem *p, atrous_error *error)
{
    /* A fold adds up sums, of as many products each. */
    const double folded = p->fold.is_there ? atrous__fold_roundings(p) : 0.0;
    const double products = (atrous__direct_terms(p) - folded - 1.0) * (1.0 + folded);
    const double most = (1 << 17) - 1;
    if (p->conv.type != ATROUS_TYPE_I8 || products <= most)
        return ATROUS_OK;
    return atrous__fail(error, ATROUS_UNSUPPORTED, "type",
                        "is i8, and a sum has %.0f products: more than %.0f may exceed an int32",
                        products, most);
}

atrous_status atrous__problem_init(struct atrous__problem *problem, const atrous_conv *conv,
                                   atrous_error *error)
{
    atrous_status status = atrous__check_descriptor(conv, error);
    if (status == ATROUS_OK)
        status = atrous__check_values(conv, error);
    if (status != ATROUS_OK)
        return status;

    struct atrous__problem p = {.given = *conv, .conv = *conv};
    const bool is_transposed = conv->direction == ATROUS_TRANSPOSED;
    const bool is_gated = conv->activation == ATROUS_ACTIVATION_GATED;
    p.batch = conv->batch;
    p.groups = conv->groups;
    p.channels = (is_transposed ? conv->out_channels : conv->in_channels) / conv->groups;
    p.filters = (is_transposed ? conv->in_channels : conv->out_channels) / conv->groups;
    p.out_channels = is_transposed ? conv->in_channels
                                   : (is_gated ? conv->out_channels / 2 : conv->out_channels);
    status = measure(&p, error);
    if (status == ATROUS_OK)
        status = count(&p, error);
    if (status != ATROUS_OK)
        return status;
    count_macs(&p);
    p.filter_step = p.channels * p.taps;
    p.channel_step = p.taps;
    if (conv->direction == ATROUS_BACKWARD_WEIGHTS)
        atrous__form_gradient(&p);
    else if (conv->direction != ATROUS_FORWARD)
        status = atrous__form_gather(&p, error);
    if (status == ATROUS_OK)
        status = check_sums(&p, error);
    if (status != ATROUS_OK)
        return status;
    *problem = p;
    return ATROUS_OK;
}

void atrous__tap_range(const struct atrous__axis *axis, size_t tap, size_t *first, size_t *end)
{
    /* Reads input where 0 <= p*stride + shift < in, shift = tap*dilation - pad. */
    const ptrdiff_t shift = (ptrdiff_t)(tap * axis->dilation) - (ptrdiff_t)axis->pad;
    const size_t begin = shift < 0 ? atrous__ceil_div((size_t)-shift, axis->stride) : 0;
    const ptrdiff_t room = (ptrdiff_t)axis->in - shift;
    const size_t stop = room > 0 ? atrous__ceil_div((size_t)room, axis->stride) : 0;
    *end = atrous__min(stop, axis->out);
    *first = atrous__min(begin, *end);
}

size_t atrous__weight_tap(const struct atrous__problem *problem, int axis, size_t tap)
{
    return problem->conv.orientation == ATROUS_TRUE_CONVOLUTION
               ? problem->axis[axis].kernel - 1 - tap
               : tap;
}

double atrous__direct_terms(const struct atrous__problem *problem)
{
    if (problem->form == ATROUS__GRADIENT)
        return 1.0 + (double)problem->batch * (double)problem->out_plane;
    return 1.0 + (double)problem->channels * (double)problem->taps +
           atrous__fold_roundings(problem);
}

uint64_t atrous__hash(uint64_t hash, const void *bytes, size_t size)
{
    const unsigned char *byte = bytes;
    for (size_t i = 0; i < size; ++i)
        hash = (hash ^ byte[i]) * UINT64_C(0x100000001b3);
    return hash;
}
