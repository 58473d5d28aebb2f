/* Corners of the descriptor that whole problems rarely touch, in every direction, by every solver
 * that accepts them. */
#include "testing.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "directed_draw.h"
#include "harness.h"

enum { SEED = 40591 };

/* What the plain problem means is what the strange one must give, to the plain one's bound. */
static void expect_same(const char *solver, const struct directed *strange,
                        const struct directed *plain)
{
    const size_t count = directed_outputs_count(&plain->conv);
    float *got = floats(count);
    double *value = calloc(count, sizeof *value), *bound = calloc(count, sizeof *bound);

    assert_true(value != NULL && bound != NULL);
    assert_int_equal(directed_outputs_count(&strange->conv), count);
    if (directed_run(solver, strange, got)) {
        directed_solve(plain, value, bound);
        directed_compare(solver, strange, got, value, bound);
    } else if (harness_takes_everything(solver))
        fail_msg("%s refuses direction %d", solver, (int)strange->conv.direction);
    free(got);
    free(value);
    free(bound);
}

/* Rows under kernels of one row, a single column of outputs: no tap lies a dilation from another,
 * no output a stride from another. Steps of any size mean the same, those beyond every buffer too.
 */
static void corners_steps_never_taken_may_be_any(void **state)
{
    const size_t steps[] = {1000003, (size_t)1 << 32, SIZE_MAX / 64};
    struct random random = {SEED};
    atrous_conv forward;

    (void)state;
    printf("seed %d\n", SEED);
    directed_seed = SEED;
    atrous_conv_init(&forward, 2, sizeof forward);
    forward.math = ATROUS_MATH_STRICT;
    forward.batch = 2;
    forward.in_channels = 4;
    forward.out_channels = 6;
    forward.input[0] = 7;
    forward.stride[0] = 2;
    forward.input[1] = 9;
    forward.kernel[1] = 3;
    forward.dilation[1] = 4;
    struct drawn d = drawn_of(&random, &forward);
    for (int direction = 0; direction <= ATROUS_BACKWARD_WEIGHTS; ++direction) {
        atrous_conv conv = forward;
        conv.direction = (atrous_direction)direction;
        if (direction == ATROUS_TRANSPOSED)
            assert_true(directed_adjoint(&forward, &conv));
        const struct directed plain = drawn_direct(&d, &conv);
        for (size_t i = 0; i < sizeof steps / sizeof *steps; ++i) {
            struct directed strange = plain;
            strange.conv.dilation[0] = steps[i];
            strange.conv.stride[1] = steps[i];
            for (size_t s = 0; s < harness.solver_count; ++s)
                expect_same(harness.solver[s], &strange, &plain);
        }
    }
    drawn_free(&d);
}

/* Channels side by side, each with its own deep kernel: a row of few columns already outgrows the
 * cache's share, and the search for a tile must still come to its end. */
static void corners_deep_depthwise_rows_find_a_tile(void **state)
{
    struct random random = {SEED};
    atrous_conv conv;

    (void)state;
    atrous_conv_init(&conv, 3, sizeof conv);
    conv.in_channels = conv.out_channels = conv.groups = 24;
    conv.input_layout = conv.output_layout = ATROUS_LAYOUT_NHWC;
    for (int axis = 0; axis < 3; ++axis) {
        conv.input[axis] = axis == 2 ? 32 : 5;
        conv.kernel[axis] = 3;
        conv.stride[axis] = conv.dilation[axis] = 2;
        conv.pad_begin[axis] = conv.pad_end[axis] = 2;
    }
    struct drawn d = drawn_of(&random, &conv);
    for (size_t s = 0; s < harness.solver_count; ++s)
        free(drawn_verify(harness.solver[s], &d, ATROUS_FORWARD, false));
    drawn_free(&d);
}

/* One filter a product, 1200 of them: 127 * 127 each, but 127 and 126 in the last. What replicate
 * folds onto the first element are sums beyond 2^24, of which floats know the even ones, and their
 * difference is 1. */
static void corners_int8_gradients_fold_whole(void **state)
{
    enum { FILTERS = 1200 };
    struct directed problem = {.x = NULL};
    float *w = floats(FILTERS), *dy = floats((size_t)FILTERS * 3);
    float dx[2];
    size_t ran = 0;

    (void)state;
    atrous_conv_init(&problem.conv, 1, sizeof problem.conv);
    problem.conv.direction = ATROUS_BACKWARD_DATA;
    problem.conv.type = ATROUS_TYPE_I8;
    problem.conv.padding = ATROUS_PADDING_REPLICATE;
    problem.conv.out_channels = FILTERS;
    problem.conv.input[0] = 2;
    problem.conv.pad_begin[0] = 1;
    problem.counts = directed_count(&problem.conv);
    for (size_t k = 0; k < FILTERS; ++k) {
        const bool is_last = k + 1 == FILTERS;
        w[k] = is_last ? 1 : 127;
        dy[3 * k] = 127;
        dy[3 * k + 1] = is_last ? -126 : -127;
        dy[3 * k + 2] = is_last ? 5 : 0;
    }
    problem.w = w;
    problem.y = dy;
    for (size_t s = 0; s < harness.solver_count; ++s) {
        if (!directed_run(harness.solver[s], &problem, dx))
            continue;
        ++ran;
        if (dx[0] != 1.0f || dx[1] != 5.0f)
            fail_msg("%s: %g %g, not 1 5", harness.solver[s], (double)dx[0], (double)dx[1]);
    }
    assert_true(ran > 0);
    free(w);
    free(dy);
}

/* The same on drawn problems, of any stride and padding. */
static void corners_int8_gradients_fold(void **state)
{
    struct random random = {SEED};
    const size_t count = harness.quick ? 20 : 200;

    (void)state;
    printf("seed %d\n", SEED);
    directed_seed = SEED;
    for (size_t drawn = 0; drawn < count; ++drawn) {
        struct drawn d = drawn_make(&random);
        drawn_store(&d, ATROUS_TYPE_I8);
        d.forward.alpha = 0.015625; /* into the type's range */
        d.forward.padding = (atrous_padding)random_between(&random, ATROUS_PADDING_REPLICATE,
                                                           ATROUS_PADDING_CIRCULAR);
        for (size_t s = 0; s < harness.solver_count; ++s) {
            float *dx = drawn_verify(harness.solver[s], &d, ATROUS_BACKWARD_DATA, false);
            assert_true(dx != NULL || !harness_takes_everything(harness.solver[s]));
            free(dx);
        }
        drawn_free(&d);
    }
}

/* Narrow planes of halves, whose rows and taps begin at odd places: no vector of eight lies as its
 * load might want it. */
static void corners_halves_lie_at_odd_places(void **state)
{
    struct random random = {SEED};

    (void)state;
    directed_seed = SEED;
    for (int mode = ATROUS_PADDING_ZEROS; mode <= ATROUS_PADDING_CIRCULAR; ++mode) {
        atrous_conv conv;
        atrous_conv_init(&conv, 2, sizeof conv);
        conv.in_channels = conv.out_channels = conv.groups = 4;
        conv.type = ATROUS_TYPE_F16;
        conv.padding = (atrous_padding)mode;
        conv.input[0] = 6;
        conv.input[1] = 10;
        conv.kernel[0] = conv.kernel[1] = conv.dilation[0] = conv.dilation[1] = 3;
        conv.pad_begin[0] = 2;
        conv.pad_end[0] = 3;
        conv.pad_begin[1] = 5;
        struct drawn d = drawn_of(&random, &conv);
        for (size_t s = 0; s < harness.solver_count; ++s)
            free(drawn_verify(harness.solver[s], &d, ATROUS_FORWARD, false));
        drawn_free(&d);
    }
}

/* Rows under a kernel of one row, padded above and below: whole rows of outputs are the bias. */
static void corners_rows_lie_wholly_in_the_padding(void **state)
{
    struct random random = {SEED};

    (void)state;
    directed_seed = SEED;
    for (int mode = ATROUS_PADDING_ZEROS; mode <= ATROUS_PADDING_CIRCULAR; ++mode) {
        atrous_conv conv;
        atrous_conv_init(&conv, 2, sizeof conv);
        conv.in_channels = conv.out_channels = 16;
        conv.padding = (atrous_padding)mode;
        conv.input[0] = 6;
        conv.input[1] = 40;
        conv.kernel[1] = 3;
        conv.dilation[1] = 16;
        conv.pad_begin[0] = 3;
        conv.pad_end[0] = 1;
        conv.pad_begin[1] = conv.pad_end[1] = 16;
        struct drawn d = drawn_of(&random, &conv);
        for (size_t s = 0; s < harness.solver_count; ++s) {
            const bool is_minimal = harness_is_minimal(harness.solver[s]);
            if (!is_minimal)
                free(drawn_verify(harness.solver[s], &d, ATROUS_FORWARD, false));
            else if (strcmp(harness.solver[s], "strips") == 0)
                assert_false(harness_serves(harness.solver[s], &conv));
        }
        drawn_free(&d);
    }
}

int main(void)
{
    const int missing = harness_open();
    if (missing != 0)
        return missing;
    harness_add_gradients();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(corners_steps_never_taken_may_be_any),
        cmocka_unit_test(corners_deep_depthwise_rows_find_a_tile),
        cmocka_unit_test(corners_halves_lie_at_odd_places),
        cmocka_unit_test(corners_rows_lie_wholly_in_the_padding),
        cmocka_unit_test(corners_int8_gradients_fold_whole),
        cmocka_unit_test(corners_int8_gradients_fold),
    };
    const int failed = cmocka_run_group_tests_name("corners", tests, NULL, NULL);
    harness_close();
    return failed;
}
