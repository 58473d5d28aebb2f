/* strips: the error bound of rows kept on hostile data at dilations of every kind; what it refuses.
 */
#include "testing.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "trial.h"

/* Rows at dilations that divide a vector, that are one, that are more and fill none; outputs that
 * end within a strip, a vector, a window. */
static void strips_bound_at_every_dilation(void **state)
{
    const size_t dilations[] = {1, 2, 4, 8, 16, 17, 33, 120};
    const unsigned step = harness.quick ? 2 : 1; /* between kinds */
    double most[HOSTILE_KINDS] = {0};

    (void)state;
    for (size_t kernel = 2; kernel <= 3; ++kernel)
        for (size_t i = 0; i < 8; ++i)
            for (enum hostile kind = HOSTILE_REALS; kind < HOSTILE_KINDS; kind += step) {
                atrous_conv conv = trial_ragged(1, i % 2 == 0 ? 16 : 37, kernel, dilations[i]);
                conv.input[0] = 200 + 31 * i;
                const double worst = trial_try("strips", &conv, kind);
                if (worst < 0)
                    skip();
                most[kind] = fmax(most[kind], worst);
            }
    trial_expect_tight(most, step);
}

/* Every padding, groups, a batch, the rows of images, what is shorter than a vector. */
static void strips_bound_of_other_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < 20; ++i) {
        atrous_conv conv = trial_ragged(1, 32, 2 + i % 2, i % 4 < 2 ? 4 : 19);
        conv.groups = conv.batch = 2;
        conv.out_channels = 36;
        conv.padding = (atrous_padding)(i / 4);
        conv.pad_value = conv.padding == ATROUS_PADDING_CONSTANT ? 3.0 : 0.0;
        conv.pad_begin[0] += 5;
        conv.orientation = i % 3 == 0 ? ATROUS_TRUE_CONVOLUTION : ATROUS_CROSS_CORRELATION;
        if (i % 5 == 0) {
            conv.rank = 2;
            conv.input[1] = 11 + i;
            conv.input[0] = 3;
            conv.kernel[1] = conv.kernel[0];
            conv.dilation[1] = conv.dilation[0];
            conv.pad_begin[1] = conv.pad_end[1] = conv.pad_begin[0];
            conv.kernel[0] = conv.dilation[0] = conv.stride[1] = 1;
            conv.pad_begin[0] = conv.pad_end[0] = 0;
        }
        if (trial_try("strips", &conv, HOSTILE_REALS) < 0 ||
            trial_try("strips", &conv, HOSTILE_HUGE_PIXEL) < 0)
            skip();
    }
}

/* Strips that fill no vectors overlap: beta reads each output once, as it was. */
static void strips_read_what_beta_scales_once(void **state)
{
    struct random random = {trial_seed};
    atrous_conv conv = trial_ragged(1, 16, 2, 21);
    atrous_error error;

    (void)state;
    conv.input[0] = 333;
    atrous_plan *plain = trial_plan("strips", &conv);
    conv.beta = -0.75;
    atrous_plan *plan = trial_plan("strips", &conv);
    if (plan == NULL)
        skip();
    struct data data = data_draw(&conv, &random, FILL_REALS);
    float *sums = floats(data.y_count), *y = floats(data.y_count), *before = floats(data.y_count);
    random_fill(&random, before, data.y_count);
    memcpy(y, before, data.y_count * sizeof *y);
    trial_run(plain, &data, sums);
    const atrous_arrays arrays = data_arrays(&data, y);
    harness_expect_ok(atrous_plan_run(plan, &arrays, &error), &error, "run", &conv);
    for (size_t i = 0; i < data.y_count; ++i) {
        const double want = (double)sums[i] - 0.75 * (double)before[i];
        const double room = fabs((double)sums[i]) + fabs((double)before[i]);
        assert_true(fabs((double)y[i] - want) <= (double)FLT_EPSILON * room);
    }
    free(before);
    free(sums);
    free(y);
    data_free(&data);
    atrous_plan_destroy(plain);
    atrous_plan_destroy(plan);
}

static void strips_refuses_what_is_not_its_own(void **state)
{
    atrous_conv conv = trial_ragged(1, 16, 3, 4);
    atrous_plan *plan = trial_plan("strips", &conv);

    (void)state;
    if (plan == NULL)
        skip();
    conv.dilation[0] = 3;
    trial_expect_refusal("strips", &conv, "divides none");
    conv.dilation[0] = 4;
    conv.input_layout = ATROUS_LAYOUT_NHWC;
    trial_expect_refusal("strips", &conv, "not neighbours in memory");
    conv.input_layout = ATROUS_LAYOUT_NCHW;
    conv.math = ATROUS_MATH_STRICT;
    trial_expect_refusal("strips", &conv, "strict");
    conv = trial_ragged(2, 16, 3, 4);
    trial_expect_refusal("strips", &conv, "more than a row");
    atrous_plan_destroy(plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strips_bound_at_every_dilation),
        cmocka_unit_test(strips_bound_of_other_rows),
        cmocka_unit_test(strips_read_what_beta_scales_once),
        cmocka_unit_test(strips_refuses_what_is_not_its_own),
    };
    int failed = harness_open();

    printf("seed %llu\n", (unsigned long long)trial_seed);
    if (failed == 0)
        failed = cmocka_run_group_tests_name("strips", tests, NULL, NULL);
    harness_close();
    return failed;
}
