/* Gradients of the weights of depthwise layers and of few channels, of every type: where rows are
 * ragged, lines and lanes lie in the padding, channels do not fill vectors, and the tensors end. */
#include "testing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "data.h"
#include "directed_draw.h"
#include "harness.h"
#include "paged.h"
#include "shapes.h"

enum { SOLVERS = 2 };
static const char *const solvers[SOLVERS] = {"gradient_depthwise", "gradient_planes"};
static uint64_t seed = 20177;

/* ------------------------------------------------------------------ drawn problems */

/* Kernels of few shapes: each is a program of its own. */
static void draw_kernel(struct random *random, atrous_conv *conv)
{
    const size_t kernels[][2] = {{3, 3}, {3, 3}, {3, 3}, {1, 3}, {2, 3}, {5, 5}, {3, 1}, {1, 2}};
    const size_t at = random_between(random, 0, sizeof kernels / sizeof *kernels - 1);
    const size_t dilation = random_between(random, 1, random_chance(random, 10) ? 30 : 6);
    const int last = conv->rank - 1;

    for (int axis = 0; axis <= last; ++axis) {
        conv->kernel[axis] = last - axis < 2 ? kernels[at][axis == last] : 1;
        conv->dilation[axis] = random_chance(random, 70) ? dilation : random_between(random, 1, 4);
        conv->stride[axis] = random_chance(random, 85) ? 1 : 2;
        conv->input[axis] = random_between(random, 1,
                                           axis == last       ? 80
                                           : axis == last - 1 ? 40
                                                              : 4);
        shape_draw_padding(random, conv, axis);
    }
    if (last == 2 && random_chance(random, 30)) {
        conv->kernel[0] = 2;
        conv->pad_begin[0] = conv->dilation[0];
    }
}

static void draw_problem(struct random *random, atrous_conv *conv)
{
    const bool is_depthwise = random_chance(random, 80);

    atrous_conv_init(conv, (int)random_between(random, 1, 3), sizeof *conv);
    conv->direction = ATROUS_BACKWARD_WEIGHTS;
    conv->math = ATROUS_MATH_STRICT;
    conv->batch = random_between(random, 1, 3);
    conv->groups = random_chance(random, 20) ? random_between(random, 60, 90)
                                             : random_between(random, 1, is_depthwise ? 40 : 3);
    conv->in_channels = conv->groups * (is_depthwise ? 1 : random_between(random, 1, 4));
    conv->out_channels =
        conv->groups * (random_chance(random, 70) ? 1 : random_between(random, 2, 4));
    draw_kernel(random, conv);
    conv->input_layout = (atrous_layout)random_between(random, 0, 1);
    conv->output_layout = random_chance(random, 80) ? conv->input_layout
                                                    : (atrous_layout)random_between(random, 0, 1);
    conv->padding = (atrous_padding)(random_chance(random, 60) ? 0 : random_between(random, 0, 4));
    conv->pad_value = conv->padding == ATROUS_PADDING_CONSTANT ? 0.75 : 0.0;
    conv->type =
        (atrous_type)(random_chance(random, 60) ? ATROUS_TYPE_F32 : random_between(random, 0, 2));
    conv->orientation = (atrous_orientation)random_chance(random, 30);
    conv->has_bias = random_chance(random, 30);
    conv->alpha = random_chance(random, 20) ? -0.5 : 1.0;
    conv->beta = random_chance(random, 20) ? 0.5 : 0.0;
}

static void random_problems(void **state)
{
    const size_t count = harness.quick ? 60 : 500;
    struct random random = {seed};
    size_t ran[SOLVERS][2] = {{0}};

    (void)state;
    for (size_t drawn = 0; drawn < count;) {
        atrous_conv conv;
        draw_problem(&random, &conv);
        if (!directed_is_small(&conv))
            continue;
        struct drawn d = drawn_of(&random, &conv);
        const struct directed problem = drawn_direct(&d, &conv);
        for (size_t s = 0; s < SOLVERS; ++s) {
            float *got = directed_verify(solvers[s], &problem);
            ran[s][conv.input_layout] += got != NULL;
            free(got);
        }
        drawn_free(&d);
        ++drawn;
    }
    for (size_t s = 0; s < SOLVERS; ++s)
        printf("seed %llu: %s ran %zu NCHW and %zu NHWC of %zu problems\n",
               (unsigned long long)seed, solvers[s], ran[s][0], ran[s][1], count);
    assert_true(ran[0][0] > count / 10 && ran[0][1] > count / 10 && ran[1][0] > count / 5);
}

/* ------------------------------------------------------------------ what lies beside */

/* Depthwise problems whose tensors are whole pages. */
static atrous_conv paged_problem(size_t at)
{
    const size_t shapes[][4] = {{64, 16, 33, 2}, {32, 32, 17, 1}, {16, 64, 65, 4}, {64, 16, 16, 1},
                                {32, 64, 20, 7}, {256, 4, 5, 1},  {64, 48, 7, 2},  {512, 6, 67, 3}};
    const size_t count = sizeof shapes / sizeof *shapes;
    if (at >= 2 * count)
        return (atrous_conv){0};
    const size_t *shape = shapes[at % count];
    atrous_conv conv = shape_square(2, shape[0], shape[0], shape[2], 3, shape[3]);
    conv.direction = ATROUS_BACKWARD_WEIGHTS;
    conv.groups = shape[0];
    conv.input[0] = shape[1];
    conv.input_layout = conv.output_layout = (atrous_layout)(at / count);
    return conv;
}

/* A tensor in its layout, between pages that nobody may touch. */
static float *laid_out(const float *values, size_t count, size_t channels, atrous_layout layout)
{
    const size_t plane = count / channels;
    float *turned = floats(count);

    for (size_t i = 0; i < count; ++i)
        turned[layout == ATROUS_LAYOUT_NHWC ? i % plane * channels + i / plane : i] = values[i];
    float *room = paged_floats(turned, count);
    free(turned);
    return room;
}

static void run_fenced(const atrous_conv *conv, const struct drawn *d, float *dw)
{
    const size_t count = d->counts.x;

    assert_true(d->counts.y == count);
    float *x = laid_out(d->x, count, conv->groups, conv->input_layout);
    float *dy = laid_out(d->y, count, conv->groups, conv->output_layout);
    paged_run("gradient_depthwise", conv, x, NULL, dy, dw);
    paged_free(x, count);
    paged_free(dy, count);
}

/* What is not finite in a channel's x or dy makes its own taps so and no others'. */
static void non_finite_stays_in_its_channel(void **state)
{
    atrous_conv conv;

    (void)state;
    for (size_t at = 0; (conv = paged_problem(at)).rank != 0; ++at) {
        struct random random = {seed + at};
        struct drawn d = drawn_of(&random, &conv);
        const size_t plane = conv.input[0] * conv.input[1], channels = conv.groups;
        float *dw = floats(d.counts.w);
        for (size_t c = 0; c < channels; c += 2) {
            float *of_channel = (c % 4 == 0 ? d.x : d.y) + c * plane;
            of_channel[0] = of_channel[plane - 1] = c % 8 < 4 ? NAN : INFINITY;
        }
        run_fenced(&conv, &d, dw);
        for (size_t c = 0; c < channels; ++c) {
            bool is_finite = true;
            for (size_t tap = 0; tap < 9; ++tap)
                is_finite = is_finite && isfinite(dw[c * 9 + tap]);
            if (is_finite != (c % 2 == 1))
                fail_msg("problem %zu: channel %zu is %s", at, c,
                         is_finite ? "finite" : "not finite");
        }
        free(dw);
        drawn_free(&d);
    }
}

/* x and dy lie between pages that nobody may touch: a read outside ends the process. */
static void reads_nothing_outside(void **state)
{
    atrous_conv conv;

    (void)state;
    for (size_t at = 0; (conv = paged_problem(at)).rank != 0; ++at)
        for (int mode = ATROUS_PADDING_ZEROS; mode <= ATROUS_PADDING_CONSTANT; ++mode) {
            struct random random = {seed + at};
            conv.padding = (atrous_padding)mode;
            conv.pad_value = mode == ATROUS_PADDING_CONSTANT ? 0.5 : 0;
            struct drawn d = drawn_of(&random, &conv);
            const struct directed problem = drawn_direct(&d, &conv);
            const size_t outputs = directed_outputs_count(&conv);
            double *value = calloc(outputs, sizeof *value), *bound = calloc(outputs, sizeof *bound);
            assert_true(value != NULL && bound != NULL);
            float *dw = floats(outputs);
            directed_solve(&problem, value, bound);
            run_fenced(&conv, &d, dw);
            directed_compare("gradient_depthwise", &problem, dw, value, bound);
            free(dw);
            free(value);
            free(bound);
            drawn_free(&d);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_problems),
        cmocka_unit_test(non_finite_stays_in_its_channel),
        cmocka_unit_test(reads_nothing_outside),
    };
    int failed = harness_open();

    seed = directed_seed = harness_seed(seed);
    if (failed == 0)
        failed = cmocka_run_group_tests_name("depthwise_gradient", tests, NULL, NULL);
    harness_close();
    return failed;
}
