/* phases: the error bound of whole phases kept on hostile data; what they serve and refuse. */
#include "testing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "harness.h"
#include "shapes.h"
#include "trial.h"

/* An image of which each axis has phases of up to `rows` and `columns` values. */
static atrous_conv short_phases(size_t channels, size_t rows, size_t columns, size_t longest)
{
    atrous_conv conv = shape_square(2, channels, 18, 13, 3, 1);

    conv.input[1] = 17;
    for (int i = 0; i < 2; ++i) {
        const size_t values = i == 0 ? rows : columns, in = conv.input[i];
        /* So that some phases, or (longest) all, are as long as that. */
        const size_t least = (in + values - 1) / values,
                     most = (in - 1) / (values - 1 + !(values - 1));
        conv.dilation[i] = values == 1 ? in + longest : longest ? least : most;
        conv.pad_begin[i] = conv.pad_end[i] = conv.dilation[i];
    }
    conv.has_bias = 1;
    return conv;
}

static void phases_bound_of_every_length(void **state)
{
    const size_t channels[] = {16, 37, 100};
    double most[HOSTILE_KINDS] = {0};

    (void)state;
    for (size_t i = 0; i < (harness.quick ? 1 : 3) * 16; ++i)
        for (enum hostile kind = HOSTILE_REALS; kind < HOSTILE_KINDS;
             kind += 1 + (enum hostile)(i / 16)) {
            const atrous_conv conv =
                short_phases(channels[i / 16], 1 + i % 4, 1 + i / 4 % 4, i / 2 % 2);
            if (i % 4 == 3 || i / 4 % 4 == 3 || (i % 4 == 0 && i / 4 % 4 == 0))
                continue; /* too long, or a middle tap alone */
            const double worst = trial_try("phases", &conv, kind);
            if (worst < 0)
                skip();
            most[kind] = fmax(most[kind], worst);
        }
    trial_expect_tight(most, 1);
}

/* Lines and columns of taps, groups, a batch, planes of a volume, the true convolution. */
static void phases_bound_of_other_shapes(void **state)
{
    (void)state;
    for (size_t i = 0; i < 12; ++i) {
        atrous_conv conv = short_phases(40, 2 + i % 2, 3 - i / 2 % 2, i % 2);
        conv.groups = conv.batch = 1 + i % 2;
        conv.out_channels = 36;
        conv.orientation = i % 3 == 1 ? ATROUS_TRUE_CONVOLUTION : ATROUS_CROSS_CORRELATION;
        if (i >= 4 && i < 8) {
            conv.kernel[i % 2] = 1;
            conv.pad_begin[i % 2] = conv.pad_end[i % 2] = 0;
        } else if (i >= 8) {
            conv.rank = 3;
            for (int axis = 2; axis > 0; --axis) {
                conv.input[axis] = conv.input[axis - 1];
                conv.kernel[axis] = 3;
                conv.dilation[axis] = conv.pad_begin[axis] = conv.pad_end[axis] =
                    conv.dilation[axis - 1];
            }
            conv.input[0] = 3;
            conv.kernel[0] = conv.dilation[0] = conv.stride[2] = 1;
            conv.pad_begin[0] = conv.pad_end[0] = 0;
        }
        if (trial_try("phases", &conv, HOSTILE_REALS) < 0 ||
            trial_try("phases", &conv, HOSTILE_HUGE_PIXEL) < 0)
            skip();
    }
}

/* Either layout on either side, what follows the sum, a batch: the plan's own check. */
static void phases_serve_layouts_and_epilogues(void **state)
{
    struct random random = {trial_seed};
    atrous_error error;

    (void)state;
    for (size_t i = 0; i < (harness.quick ? 8 : 28); ++i) {
        atrous_conv conv = short_phases(21, 2 + i % 2, 1 + i / 2 % 3, i / 3 % 2);
        conv.batch = 3;
        conv.out_channels = 46;
        conv.input_layout = (atrous_layout)(i / 2 % 2);
        conv.output_layout = (atrous_layout)(i % 2);
        conv.activation = (atrous_activation)(i % 7);
        conv.activation_low = -0.25;
        conv.activation_high = 0.5;
        conv.residual = conv.activation == ATROUS_ACTIVATION_GATED ? ATROUS_RESIDUAL_AFTER
                                                                   : (atrous_residual)(i % 3);
        conv.alpha = 0.75;
        atrous_plan *plan = trial_plan("phases", &conv);
        if (plan == NULL)
            skip();
        struct data data = data_draw(&conv, &random, FILL_REALS);
        float *y = floats(data.y_count), *residual = floats(data.y_count);
        random_fill(&random, residual, data.y_count);
        atrous_arrays arrays = data_arrays(&data, y);
        atrous_check check = {.struct_size = sizeof check};
        arrays.residual = residual;
        harness_expect_ok(atrous_plan_run(plan, &arrays, &error), &error, "run", &conv);
        harness_expect_ok(atrous_plan_check(plan, &arrays, &check, &error), &error, "check", &conv);
        assert_true(check.checked > 0 && check.worst <= 1.0);
        y[check.worst_at] += 1.0f;
        harness_expect_ok(atrous_plan_check(plan, &arrays, &check, &error), &error, "check", &conv);
        assert_true(check.worst > 1.0);
        free(residual);
        free(y);
        data_free(&data);
        atrous_plan_destroy(plan);
    }
}

static void phases_refuses_what_is_not_its_own(void **state)
{
    atrous_conv conv = short_phases(16, 3, 2, 1);
    atrous_plan *plan = trial_plan("phases", &conv);

    (void)state;
    if (plan == NULL)
        skip();
    conv.dilation[0] = conv.pad_begin[0] = conv.pad_end[0] = 4;
    trial_expect_refusal("phases", &conv, "more than 3 values");
    conv = short_phases(16, 1, 1, 1);
    trial_expect_refusal("phases", &conv, "one tap");
    conv = short_phases(16, 3, 3, 1);
    conv.pad_end[1] += 1;
    trial_expect_refusal("phases", &conv, "as wide as the dilation");
    conv.pad_end[1] -= 1;
    conv.padding = ATROUS_PADDING_REPLICATE;
    trial_expect_refusal("phases", &conv, "not zeros");
    conv.padding = ATROUS_PADDING_ZEROS;
    conv.math = ATROUS_MATH_STRICT;
    trial_expect_refusal("phases", &conv, "strict");
    atrous_plan_destroy(plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(phases_bound_of_every_length),
        cmocka_unit_test(phases_bound_of_other_shapes),
        cmocka_unit_test(phases_serve_layouts_and_epilogues),
        cmocka_unit_test(phases_refuses_what_is_not_its_own),
    };
    int failed = harness_open();

    printf("seed %llu\n", (unsigned long long)trial_seed);
    if (failed == 0)
        failed = cmocka_run_group_tests_name("phases", tests, NULL, NULL);
    harness_close();
    return failed;
}
