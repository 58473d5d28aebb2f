/* gradient_minimal: within the bound that it states on hostile data, which is tight enough to catch
 * a wrong gradient; the same bits every time. */
#include "testing.h"

#include <stdio.h>
#include <stdlib.h>

#include "data.h"
#include "directed_draw.h"
#include "gradient_trial.h"
#include "harness.h"
#include "shapes.h"

static size_t minimal_problems(atrous_conv conv[])
{
    size_t n = 0;

    for (size_t dilation = 1; dilation <= 7; dilation += dilation < 3 ? 1 : 4) {
        conv[n] = shape_gradient(2, 17, 18, 13, 3, dilation);
        conv[n].input[1] = 22;
        conv[n++].batch = 2;
    }
    conv[n] = shape_gradient(2, 34, 36, 18, 3, 2);
    conv[n++].groups = 2;
    conv[n] = shape_gradient(2, 16, 16, 12, 3, 30); /* most taps meet padding alone */
    conv[n++].padding = ATROUS_PADDING_CONSTANT;
    conv[n - 1].pad_value = 0.5;
    conv[n] = shape_gradient(2, 16, 33, 9, 3, 2);
    conv[n++].padding = ATROUS_PADDING_REFLECT;
    conv[n] = shape_gradient(1, 18, 66, 301, 3, 5);
    conv[n++].orientation = ATROUS_TRUE_CONVOLUTION;
    conv[n++] = shape_gradient(1, 67, 18, 400, 2, 8);
    conv[n++] = shape_gradient(1, 16, 16, 1000, 3, 130); /* strips of columns */
    return n;
}

static void minimal_within_its_bound(void **state)
{
    atrous_conv problems[16];

    (void)state;
    gradient_trial("gradient_minimal", problems, minimal_problems(problems));
}

/* Layouts, beta and parts: what the plan's own check covers once the above stands. */
static void minimal_in_other_layouts(void **state)
{
    atrous_conv problems[16];
    size_t count = minimal_problems(problems), ran = 0;
    struct random random = {gradient_trial_seed + 1};

    (void)state;
    problems[count] = shape_gradient(2, 84, 70, 11, 3, 2); /* slices of channels and of filters */
    problems[count++].batch = 2;
    for (size_t i = 0; i < count; ++i)
        for (size_t turn = 0; turn < 4; ++turn) {
            atrous_conv conv = problems[i];
            conv.input_layout = (atrous_layout)(turn % 2);
            conv.output_layout = (atrous_layout)(turn / 2);
            conv.beta = turn == 2 ? 0.5 : 0.0;
            struct drawn d = drawn_of(&random, &conv);
            const struct directed problem = drawn_direct(&d, &conv);
            const size_t outputs = directed_outputs_count(&conv);
            float *got = floats(outputs), *again = floats(outputs);
            if (directed_run("gradient_minimal", &problem, got)) {
                assert_true(directed_run_buffers("gradient_minimal", &problem, again));
                assert_memory_equal(got, again, outputs * sizeof *got);
                ++ran;
            }
            free(got);
            free(again);
            drawn_free(&d);
        }
    printf("ran %zu of %zu\n", ran, 4 * count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(minimal_within_its_bound),
        cmocka_unit_test(minimal_in_other_layouts),
    };
    int failed = harness_open();

    printf("seed %llu\n", (unsigned long long)gradient_trial_seed);
    if (failed == 0)
        failed = cmocka_run_group_tests_name("gradient_minimal", tests, NULL, NULL);
    harness_close();
    return failed;
}
