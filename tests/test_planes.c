/* depthwise and filter, on planes and on contiguous channels: where rows are ragged, lines and
 * lanes lie in the padding, and the input ends. */
#include "testing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "directed_draw.h"
#include "harness.h"
#include "oracle.h"
#include "paged.h"
#include "shapes.h"

enum { MOST_TAPS = 9 };
static const char *const solvers[] = {"depthwise", "filter"};
static uint64_t seed = 1789;

/* Elements of `size` bytes from NCHW to NHWC. */
static void turn(void *values, size_t size, size_t count, size_t batch, size_t channels)
{
    const size_t plane = count / batch / channels;
    char *turned = malloc(count * size);
    assert_non_null(turned);
    for (size_t i = 0; i < count; ++i) {
        const size_t n = i / plane / channels, c = i / plane % channels, p = i % plane;
        memcpy(turned + ((n * plane + p) * channels + c) * size, (char *)values + i * size, size);
    }
    memcpy(values, turned, count * size);
    free(turned);
}

/* The oracle's answer, which knows NCHW alone, in the problem's layout. */
static void solve(struct data *data)
{
    const atrous_conv *conv = &data->conv;
    data_solve(data);
    if (conv->input_layout == ATROUS_LAYOUT_NHWC)
        turn(data->x, sizeof *data->x, data->x_count, conv->batch, conv->in_channels);
    if (conv->output_layout != ATROUS_LAYOUT_NHWC)
        return;
    turn(data->value, sizeof *data->value, data->y_count, conv->batch, conv->out_channels);
    turn(data->magnitude, sizeof *data->magnitude, data->y_count, conv->batch, conv->out_channels);
}

static atrous_conv draw_problem(struct random *random)
{
    const size_t taps[] = {1, 2, 3, 3, 3, 3, 5}, strides[] = {1, 1, 1, 1, 2};
    const bool is_depthwise = random_chance(random, 70);
    atrous_conv conv;
    atrous_conv_init(&conv, (int)random_between(random, 1, 3), sizeof conv);
    conv.batch = random_between(random, 1, 2);
    if (random_chance(random, 30))
        conv.input_layout = ATROUS_LAYOUT_NHWC;
    conv.output_layout = random_chance(random, 75)                 ? conv.input_layout
                         : conv.input_layout == ATROUS_LAYOUT_NHWC ? ATROUS_LAYOUT_NCHW
                                                                   : ATROUS_LAYOUT_NHWC;
    const bool is_planes =
        conv.input_layout == ATROUS_LAYOUT_NCHW && conv.output_layout == ATROUS_LAYOUT_NCHW;
    conv.groups = random_between(random, 1, !is_depthwise ? 3 : is_planes ? 20 : 90);
    conv.in_channels = conv.groups * (is_depthwise ? 1 : random_between(random, 1, 4));
    conv.out_channels = conv.groups * random_between(random, 1, is_depthwise ? 2 : 4);
    conv.has_bias = random_chance(random, 50);
    conv.padding = (atrous_padding)(random_chance(random, 50) ? 0 : random_between(random, 0, 4));
    if (conv.padding == ATROUS_PADDING_CONSTANT)
        conv.pad_value = 0.75;
    for (int axis = 0; axis < conv.rank; ++axis) {
        const bool is_last = axis == conv.rank - 1, is_first = axis < conv.rank - 2;
        conv.input[axis] = random_between(random, 1, is_last ? 80 : is_first ? 4 : 40);
        conv.kernel[axis] = is_first && random_chance(random, 60)
                                ? 1
                                : random_pick(random, taps, sizeof taps / sizeof *taps);
        conv.dilation[axis] = random_between(random, 1, random_chance(random, 10) ? 30 : 6);
        conv.stride[axis] = random_pick(random, strides, sizeof strides / sizeof *strides);
        shape_draw_padding(random, &conv, axis);
    }
    return conv;
}

static void planes_random(void **state)
{
    (void)state;
    struct random random = {seed};
    const size_t count = harness.quick ? 100 : 1000;
    size_t ran[2] = {0, 0};
    for (size_t drawn = 0; drawn < count;) {
        const atrous_conv conv = draw_problem(&random);
        if (shape_macs(&conv) > 2e6)
            continue;
        struct data data = data_draw(&conv, &random, FILL_REALS);
        solve(&data);
        for (size_t s = 0; s < 2; ++s)
            ran[s] += harness_check(solvers[s], &data, seed);
        data_free(&data);
        ++drawn;
    }
    printf("seed %llu: depthwise ran %zu and filter %zu of %zu problems\n",
           (unsigned long long)seed, ran[0], ran[1], count);
    assert_true(ran[0] > count / 2 && ran[1] > count / 8);
}

/* Beta reads an output once, wherever blocks overlap. */
static void planes_accumulate(void **state)
{
    (void)state;
    struct random random = {seed + 1};
    const size_t count = harness.quick ? 60 : 240;
    size_t ran[2] = {0, 0};
    for (size_t drawn = 0; drawn < count;) {
        struct directed problem = {.conv = draw_problem(&random)};
        atrous_conv *conv = &problem.conv;
        if (shape_macs(conv) > 1e6)
            continue;
        conv->alpha = random_chance(&random, 50) ? 1 : -1.5;
        conv->beta = random_chance(&random, 50) ? 1 : 0.75;
        problem.counts = directed_count(conv);
        const size_t counts[] = {problem.counts.x, problem.counts.w, problem.counts.filters,
                                 problem.counts.y};
        float *tensors[4];
        for (int i = 0; i < 4; ++i) {
            tensors[i] = floats(counts[i]);
            random_fill(&random, tensors[i], counts[i]);
        }
        problem.x = tensors[0], problem.w = tensors[1], problem.previous = tensors[3];
        problem.bias = conv->has_bias ? tensors[2] : NULL;
        for (size_t s = 0; s < 2; ++s) {
            float *got = directed_verify(solvers[s], &problem);
            ran[s] += got != NULL;
            free(got);
        }
        for (int i = 0; i < 4; ++i)
            free(tensors[i]);
        ++drawn;
    }
    printf("seed %llu: with beta, depthwise ran %zu and filter %zu of %zu problems\n",
           (unsigned long long)seed + 1, ran[0], ran[1], count);
    assert_true(ran[0] > count / 2 && ran[1] > count / 2);
}

/* Problems whose inputs are whole pages. */
static atrous_conv paged_problem(size_t at)
{
    const size_t shapes[][4] = {{64, 16, 33, 2}, {32, 32, 17, 1}, {16, 64, 65, 4}, {64, 16, 16, 1},
                                {32, 64, 20, 7}, {256, 4, 5, 1},  {64, 48, 7, 2},  {512, 6, 67, 3}};
    if (at >= sizeof shapes / sizeof *shapes)
        return (atrous_conv){0};
    atrous_conv conv = shape_square(2, shapes[at][0], shapes[at][0], shapes[at][2], 3, 1);
    conv.groups = shapes[at][0];
    conv.input[0] = shapes[at][1];
    for (int axis = 0; axis < 2; ++axis)
        conv.dilation[axis] = conv.pad_begin[axis] = conv.pad_end[axis] = shapes[at][3];
    return conv;
}

/* A NaN reaches exactly the outputs whose taps meet it, nor do lanes beside a line let one in. */
static void planes_non_finite_stays_local(void **state)
{
    (void)state;
    atrous_conv conv;
    for (size_t at = 0; (conv = paged_problem(at)).rank != 0; ++at) {
        struct random random = {seed + at};
        struct data data = data_draw(&conv, &random, FILL_REALS);
        const size_t rows = conv.input[0], columns = conv.input[1], d = conv.dilation[0];
        for (size_t i = 0; i < data.w_count; ++i)
            data.w[i] = 1;
        for (int i = 0; i < 40; ++i) {
            const size_t column = random_between(&random, 0, 2);
            const size_t line = random_between(&random, 0, conv.in_channels * rows - 1);
            data.x[line * columns + (column == 0   ? 0
                                     : column == 1 ? columns - 1
                                                   : random_between(&random, 0, columns - 1))] =
                random_chance(&random, 50) ? NAN : INFINITY;
        }
        float *y = floats(data.y_count);
        assert_true(harness_run("depthwise", &data, y));
        for (size_t i = 0; i < data.y_count; ++i) {
            const size_t plane = i / (rows * columns), r = i / columns % rows, c = i % columns;
            bool meets = false;
            for (size_t tap = 0; tap < MOST_TAPS; ++tap) {
                const size_t row = r + tap / 3 * d, column = c + tap % 3 * d; /* plus d */
                if (row >= d && row - d < rows && column >= d && column - d < columns)
                    meets |= !isfinite(data.x[(plane * rows + row - d) * columns + column - d]);
            }
            if (!isfinite(y[i]) != meets)
                fail_msg("problem %zu: y[%zu] = %g, %s a NaN", at, i, (double)y[i],
                         meets ? "on" : "off");
        }
        free(y);
        data_free(&data);
    }
}

/* The input lies between pages that nobody may touch: a read outside ends the process. */
static void planes_read_nothing_outside(void **state)
{
    (void)state;
    atrous_conv conv;
    for (size_t at = 0; (conv = paged_problem(at)).rank != 0; ++at)
        for (int kind = 0; kind <= 4 * ATROUS_PADDING_CIRCULAR + 3; ++kind) {
            const int mode = kind / 4;
            struct random random = {seed + at};
            conv.padding = (atrous_padding)mode;
            conv.input_layout = (atrous_layout)(kind % 2);
            conv.output_layout = (atrous_layout)(kind / 2 % 2);
            conv.pad_value = mode == ATROUS_PADDING_CONSTANT ? 0.5 : 0;
            struct data data = data_draw(&conv, &random, FILL_INTEGERS);
            solve(&data);
            float *x = paged_floats(data.x, data.x_count), *y = floats(data.y_count);
            paged_run("depthwise", &data.conv, x, data.w, NULL, y);
            for (size_t i = 0; i < data.y_count; ++i)
                if ((double)y[i] != data.value[i])
                    fail_msg("problem %zu, padding %d, layouts %d: y[%zu] = %g, not %g", at, mode,
                             kind % 4, i, (double)y[i], data.value[i]);
            paged_free(x, data.x_count);
            free(y);
            data_free(&data);
        }
}

/* An activation and a factor change nothing but what they say. */
static void planes_epilogue(void **state)
{
    (void)state;
    atrous_conv conv;
    for (size_t at = 0; (conv = paged_problem(at)).rank != 0; ++at) {
        struct random random = {seed + at};
        struct data data = data_draw(&conv, &random, FILL_REALS);
        float *plain = floats(data.y_count), *y = floats(data.y_count);
        assert_true(harness_run("depthwise", &data, plain));
        data.conv.activation = ATROUS_ACTIVATION_RELU;
        data.conv.alpha = -2;
        assert_true(harness_run("depthwise", &data, y));
        for (size_t i = 0; i < data.y_count; ++i)
            if (y[i] != (plain[i] > 0 ? -2 * plain[i] : 0))
                fail_msg("problem %zu: y[%zu] = %g of %g", at, i, (double)y[i], (double)plain[i]);
        free(plain);
        free(y);
        data_free(&data);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(planes_random),
        cmocka_unit_test(planes_accumulate),
        cmocka_unit_test(planes_non_finite_stays_local),
        cmocka_unit_test(planes_read_nothing_outside),
        cmocka_unit_test(planes_epilogue),
    };
    int failed = harness_open();

    seed = directed_seed = harness_seed(seed);
    if (failed == 0)
        failed = cmocka_run_group_tests_name("planes", tests, NULL, NULL);
    harness_close();
    return failed;
}
