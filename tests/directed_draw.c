/* Draws problems of every direction and holds their results against the truth. */
#include "testing.h"

#include "directed_draw.h"

#include <math.h>
#include <stdlib.h>

#include "data.h"
#include "harness.h"
#include "shapes.h"
#include "stored.h"

uint64_t directed_seed = 77;

static void draw_axis(struct random *random, atrous_conv *conv, int axis)
{
    const size_t dilations[] = {1, 1, 2, 3, 4, 6, 9}, strides[] = {1, 1, 2, 2, 3, 4, 6};
    const size_t most = conv->rank == 1 ? 40 : conv->rank == 2 ? 12 : 6;

    conv->input[axis] = random_between(random, 1, most);
    conv->kernel[axis] = random_between(random, 1, conv->rank == 3 ? 3 : 4);
    conv->dilation[axis] = random_pick(random, dilations, sizeof dilations / sizeof *dilations);
    conv->stride[axis] = random_chance(random, 40)
                             ? 1
                             : random_pick(random, strides, sizeof strides / sizeof *strides);
    const size_t reach = (conv->kernel[axis] - 1) * conv->dilation[axis];
    conv->pad_begin[axis] = random_between(random, 0, reach + 2);
    conv->pad_end[axis] = random_between(random, 0, reach + 2);
    const size_t padded = conv->pad_begin[axis] + conv->input[axis] + conv->pad_end[axis];
    if (padded < reach + 1)
        conv->pad_end[axis] += reach + 1 - padded;
}

void directed_draw(struct random *random, atrous_conv *conv)
{
    const size_t groups[] = {1, 1, 2, 3}, ranks[] = {1, 2, 2, 3};

    atrous_conv_init(conv, (int)random_pick(random, ranks, 4), sizeof *conv);
    conv->groups = random_pick(random, groups, 4);
    for (int axis = 0; axis < conv->rank; ++axis)
        draw_axis(random, conv, axis);
    conv->batch = random_between(random, 1, 3);
    conv->in_channels = conv->groups * random_between(random, 1, 6);
    conv->out_channels = conv->groups * random_between(random, 1, 6);
    if (random_chance(random, 10))
        conv->in_channels = conv->out_channels = conv->groups * random_between(random, 16, 40);
    if (random_chance(random, 30))
        conv->padding = (atrous_padding)random_between(random, 2, ATROUS_PADDING_CIRCULAR);
    conv->orientation =
        random_chance(random, 30) ? ATROUS_TRUE_CONVOLUTION : ATROUS_CROSS_CORRELATION;
    conv->input_layout = (atrous_layout)random_between(random, 0, 1);
    conv->output_layout = (atrous_layout)random_between(random, 0, 1);
    conv->math = ATROUS_MATH_STRICT;
}

bool directed_is_small(const atrous_conv *conv)
{
    return atrous_conv_output(conv, NULL, NULL) == ATROUS_OK && shape_macs(conv) < 1e6;
}

/* The transposed convolution that is this problem's adjoint; false where it has none. */
bool directed_adjoint(const atrous_conv *forward, atrous_conv *conv)
{
    size_t outputs[ATROUS_MAX_RANK];

    *conv = *forward;
    conv->direction = ATROUS_TRANSPOSED;
    conv->in_channels = forward->out_channels;
    conv->out_channels = forward->in_channels;
    conv->input_layout = forward->output_layout;
    conv->output_layout = forward->input_layout;
    assert_true(directed_outputs(forward, outputs));
    for (int axis = 0; axis < conv->rank; ++axis) {
        const size_t full = (outputs[axis] - 1) * conv->stride[axis] +
                            (conv->kernel[axis] - 1) * conv->dilation[axis] + 1;
        const size_t pads = conv->pad_begin[axis] + conv->pad_end[axis];
        conv->input[axis] = outputs[axis];
        conv->output_padding[axis] = forward->input[axis] + pads - full;
    }
    return forward->padding == ATROUS_PADDING_ZEROS;
}

void directed_compare(const char *solver, const struct directed *problem, const float *got,
                      const double *value, const double *bound)
{
    char text[256];

    for (size_t i = 0; i < directed_outputs_count(&problem->conv); ++i)
        if (!(fabs((double)got[i] - value[i]) <= bound[i]))
            fail_msg("%s: direction %d, [%zu] = %.9g, not %.9g, bound %.3g; seed %llu; %s", solver,
                     (int)problem->conv.direction, i, (double)got[i], value[i], bound[i],
                     (unsigned long long)directed_seed,
                     shape_text(&problem->conv, text, sizeof text));
}

/* Runs the problem and compares; the result, or NULL when the solver refuses. */
float *directed_verify(const char *solver, const struct directed *problem)
{
    const size_t count = directed_outputs_count(&problem->conv);
    float *got = floats(count);
    double *value = calloc(count, sizeof *value), *bound = calloc(count, sizeof *bound);
    const bool ran = directed_run(solver, problem, got);

    assert_true(value != NULL && bound != NULL);
    if (ran) {
        directed_solve(problem, value, bound);
        directed_compare(solver, problem, got, value, bound);
        if (directed_run_buffers(solver, problem, got))
            directed_compare(solver, problem, got, value, bound);
    }
    free(value);
    free(bound);
    if (ran)
        return got;
    free(got);
    return NULL;
}

/* Elements of what may stand in an output's place. */
static size_t most_outputs(const struct directed_counts *counts)
{
    return counts->x + counts->w + counts->y + counts->filters;
}

static float *drawn_reals(struct random *random, size_t count)
{
    float *values = floats(count);

    random_fill(random, values, count);
    return values;
}

struct drawn drawn_of(struct random *random, const atrous_conv *conv)
{
    struct drawn d = {.forward = *conv, .counts = directed_count(conv)};

    d.x = drawn_reals(random, d.counts.x);
    d.w = drawn_reals(random, d.counts.w);
    d.y = drawn_reals(random, d.counts.y);
    d.bias = drawn_reals(random, conv->in_channels > conv->out_channels ? conv->in_channels
                                                                        : conv->out_channels);
    d.previous = drawn_reals(random, most_outputs(&d.counts));
    drawn_store(&d, conv->type);
    return d;
}

struct drawn drawn_make(struct random *random)
{
    atrous_conv conv;

    do
        directed_draw(random, &conv);
    while (shape_macs(&conv) > 3e5);
    return drawn_of(random, &conv);
}

void drawn_store(struct drawn *d, atrous_type type)
{
    d->forward.type = type;
    stored_round(type, d->x, d->counts.x);
    stored_round(type, d->w, d->counts.w);
    stored_round(type, d->y, d->counts.y);
    stored_round(type, d->previous, most_outputs(&d->counts));
}

void drawn_free(struct drawn *d)
{
    free(d->x);
    free(d->w);
    free(d->y);
    free(d->bias);
    free(d->previous);
}

struct directed drawn_direct(const struct drawn *d, const atrous_conv *conv)
{
    return (struct directed){
        .conv = *conv,
        .counts = directed_count(conv),
        .x = d->x,
        .w = d->w,
        .y = d->y,
        .bias = conv->direction == ATROUS_TRANSPOSED && conv->has_bias ? d->bias : NULL,
        .previous = d->previous};
}

float *drawn_verify(const char *solver, const struct drawn *d, atrous_direction direction,
                    bool has_bias)
{
    atrous_conv conv = d->forward;

    conv.direction = direction;
    conv.has_bias = has_bias;
    if (direction == ATROUS_TRANSPOSED && !directed_adjoint(&d->forward, &conv))
        return NULL;
    const struct directed problem = drawn_direct(d, &conv);
    return directed_verify(solver, &problem);
}
