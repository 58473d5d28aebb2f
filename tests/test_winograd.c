/* winograd: the error bound of its tiles kept on hostile data, and tight enough to catch a wrong
 * output; what it refuses. */
#include "testing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "compare.h"
#include "harness.h"
#include "shapes.h"
#include "trial.h"

static void sweep(int rank, size_t kernel)
{
    const size_t channels[] = {16, 64, 256}, dilations[] = {1, 2, 4, 7};
    double most[HOSTILE_KINDS] = {0};

    for (size_t c = 0; c < (harness.quick ? 1 : 3); ++c)
        for (size_t d = 0; d < (c == 2 ? 2 : 4); ++d)
            for (enum hostile kind = HOSTILE_REALS; kind < HOSTILE_KINDS; ++kind) {
                const atrous_conv conv = trial_ragged(rank, channels[c], kernel, dilations[d]);
                const double worst = trial_try("winograd", &conv, kind);
                if (worst < 0)
                    skip();
                most[kind] = fmax(most[kind], worst);
            }
    trial_expect_tight(most, 1);
}

static void winograd_bound_in_two_dimensions(void **state)
{
    (void)state;
    sweep(2, 3);
}

static void winograd_bound_of_three_taps(void **state)
{
    (void)state;
    sweep(1, 3);
}

static void winograd_bound_of_two_taps(void **state)
{
    (void)state;
    sweep(1, 2);
}

/* Groups, a batch, every padding, uneven pads and both orientations: tiles read what they say. */
static void winograd_bound_of_paddings(void **state)
{
    (void)state;
    for (int mode = ATROUS_PADDING_ZEROS; mode <= ATROUS_PADDING_CIRCULAR; ++mode)
        for (size_t kernel = 2; kernel <= 3; ++kernel) {
            atrous_conv conv = trial_ragged(kernel == 3 ? 2 : 1, 32, kernel, 3);
            conv.groups = conv.batch = 2;
            conv.out_channels = 36;
            conv.padding = (atrous_padding)mode;
            conv.pad_value = mode == ATROUS_PADDING_CONSTANT ? 300.0 : 0.0;
            conv.pad_begin[0] = 5;
            conv.orientation = kernel == 3 ? ATROUS_TRUE_CONVOLUTION : ATROUS_CROSS_CORRELATION;
            if (trial_try("winograd", &conv, HOSTILE_REALS) < 0 ||
                trial_try("winograd", &conv, HOSTILE_HUGE_PIXEL) < 0)
                skip();
        }
}

/* The taps of a depth are summed like channels: ragged depths that padding reaches, odd ones and
 * dilated ones, channels that fill no vectors. */
static void winograd_bound_of_depth(void **state)
{
    const size_t depths[] = {3, 2, 5}, channels[] = {16, 21, 17};

    (void)state;
    for (size_t i = 0; i < 3; ++i)
        for (int mode = ATROUS_PADDING_ZEROS; mode <= ATROUS_PADDING_REFLECT;
             mode += 1 + (mode == 1)) {
            atrous_conv conv = shape_square(3, channels[i], 18, 7, 3, 1 + i);
            conv.kernel[0] = depths[i];
            conv.input[0] = 4;
            conv.input[2] = 10;
            conv.pad_begin[0] = (depths[i] - 1) * (1 + i) / 2 + 1;
            conv.pad_end[0] = (depths[i] - 1) * (1 + i) / 2;
            conv.has_bias = 1;
            conv.padding = (atrous_padding)mode;
            conv.pad_value = mode == ATROUS_PADDING_CONSTANT ? 3.0 : 0.0;
            conv.orientation = i == 1 ? ATROUS_TRUE_CONVOLUTION : ATROUS_CROSS_CORRELATION;
            if (trial_try("winograd", &conv, HOSTILE_REALS) < 0 ||
                trial_try("winograd", &conv, HOSTILE_HUGE_PIXEL) < 0)
                skip();
        }
}

/* A NaN and an infinity spoil their tiles, which promise nothing; all other outputs stay. */
static void winograd_bound_beside_nan(void **state)
{
    const atrous_conv conv = trial_ragged(2, 16, 3, 2);
    struct random random = {trial_seed};
    atrous_plan *plan = trial_plan("winograd", &conv);

    (void)state;
    if (plan == NULL)
        skip();
    struct data data = data_draw(&conv, &random, FILL_REALS);
    float *y = floats(data.y_count);
    data.x[0] = NAN;
    data.x[3 * 18 + 11] = INFINITY;
    data.x[13 * 18 + 30] = 3e38f;
    data_solve(&data);
    trial_run(plan, &data, y);
    assert_true(trial_check(plan, &data, y).worst <= 1.0);
    y[data.y_count - 1] += 1.0f;
    assert_true(trial_check(plan, &data, y).worst > 1.0);
    y[data.y_count - 1] = NAN;
    assert_true(isinf(trial_check(plan, &data, y).worst));
    free(y);
    data_free(&data);
    atrous_plan_destroy(plan);
}

/* An output next to a huge pixel, which none of its own taps meets, breaks the direct bound. */
static void winograd_needs_a_bound_of_its_own(void **state)
{
    const atrous_conv conv = trial_ragged(2, 16, 3, 1);
    struct random random = {trial_seed};
    struct mismatch worst;
    atrous_plan *plan = trial_plan("winograd", &conv);

    (void)state;
    if (plan == NULL)
        skip();
    struct data data = trial_draw(&conv, HOSTILE_HUGE_PIXEL, &random);
    float *y = floats(data.y_count);
    trial_run(plan, &data, y);
    assert_true(trial_check(plan, &data, y).worst <= 1.0);
    assert_false(compare_bound(&conv, y, data.value, data.magnitude, data.y_count, 0.0, &worst));
    free(y);
    data_free(&data);
    atrous_plan_destroy(plan);
}

static void winograd_refuses_by_its_bound(void **state)
{
    atrous_conv conv = trial_ragged(2, 512, 3, 1);
    atrous_plan *plan = trial_plan("winograd", &conv);

    (void)state;
    if (plan == NULL)
        skip();
    conv.in_channels = 200000;
    trial_expect_refusal("winograd", &conv, "error bound");
    conv.in_channels = 64;
    conv.math = ATROUS_MATH_STRICT;
    trial_expect_refusal("winograd", &conv, "strict");
    atrous_plan_destroy(plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(winograd_bound_in_two_dimensions),
        cmocka_unit_test(winograd_bound_of_three_taps),
        cmocka_unit_test(winograd_bound_of_two_taps),
        cmocka_unit_test(winograd_bound_of_paddings),
        cmocka_unit_test(winograd_bound_of_depth),
        cmocka_unit_test(winograd_bound_beside_nan),
        cmocka_unit_test(winograd_needs_a_bound_of_its_own),
        cmocka_unit_test(winograd_refuses_by_its_bound),
    };
    int failed = harness_open();

    printf("seed %llu\n", (unsigned long long)trial_seed);
    if (failed == 0)
        failed = cmocka_run_group_tests_name("winograd", tests, NULL, NULL);
    harness_close();
    return failed;
}
