/* Gradients of the weights beyond small problems: by every solver, in parts and slices, the same
 * bits every time. */
#include "testing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "data.h"
#include "directed_draw.h"
#include "harness.h"
#include "shapes.h"

static const uint64_t seed = 4211;

/* More tiles than one, parts, slices, groups of few channels, long rows, strides. */
static size_t larger_problems(atrous_conv conv[])
{
    size_t n = 0;

    conv[n++] = shape_gradient(2, 5, 7, 70, 3, 2);
    conv[n] = shape_gradient(2, 19, 70, 21, 3, 4);
    conv[n++].batch = 3;
    conv[n] = shape_gradient(2, 70, 9, 19, 3, 1);
    conv[n++].batch = 2;
    conv[n++] = shape_gradient(1, 20, 24, 1500, 2, 64);
    conv[n] = shape_gradient(1, 24, 40, 300, 3, 8);
    conv[n].groups = 2;
    conv[n++].batch = 3;
    conv[n] = shape_gradient(2, 20, 20, 41, 3, 2); /* depthwise */
    conv[n].groups = 20;
    conv[n++].batch = 2;
    conv[n] = shape_gradient(2, 6, 12, 50, 3, 1); /* two filters a channel */
    conv[n++].groups = 6;
    conv[n] = shape_gradient(1, 18, 18, 900, 3, 16);
    conv[n++].groups = 18;
    conv[n++] = shape_gradient(2, 1, 1, 190, 5, 4);
    conv[n++] = shape_gradient(2, 1, 3, 65, 7, 1);
    conv[n] = shape_gradient(2, 3, 20, 60, 4, 1); /* patches */
    conv[n].pad_begin[0] = conv[n].pad_begin[1] = conv[n].pad_end[0] = conv[n].pad_end[1] = 0;
    conv[n].stride[0] = conv[n].stride[1] = 4;
    ++n;
    conv[n++] = shape_gradient(2, 2, 40, 37, 3, 2); /* few channels, taps in the padding */
    conv[n] = shape_gradient(1, 3, 70, 401, 5, 3);
    conv[n].stride[0] = 2;
    conv[n++].batch = 2;
    conv[n] = shape_gradient(3, 4, 24, 9, 3, 1);
    conv[n++].groups = 2;
    conv[n] = shape_gradient(2, 12, 12, 49, 3, 3);
    conv[n].groups = 12;
    conv[n].stride[0] = conv[n].stride[1] = 2;
    ++n;
    conv[n] = shape_gradient(2, 17, 18, 40, 3, 2);
    conv[n].stride[0] = conv[n].stride[1] = 2;
    ++n;
    conv[n++] = shape_gradient(3, 3, 5, 17, 3, 2);
    conv[n] = shape_gradient(3, 4, 4, 15, 3, 1);
    conv[n++].groups = 4;
    conv[n++] = shape_gradient(2, 18, 70, 12, 3, 13); /* the middle tap alone reads input */
    conv[n] = shape_gradient(2, 9, 40, 14, 5, 8);     /* of 5x5 the middle 3x3 */
    conv[n++].batch = 2;
    conv[n] = shape_gradient(3, 10, 17, 6, 3, 6); /* the first and the middle of the last axis */
    conv[n].input[2] = 9;
    conv[n].pad_end[2] = 0;
    conv[n++].pad_begin[2] = 8;
    return n;
}

/* Compares with the truth, and a second run with the first bit by bit. */
static void verify_twice(const char *solver, const struct directed *problem, const double *value,
                         const double *bound, size_t *ran)
{
    const size_t count = directed_outputs_count(&problem->conv);
    float *first = floats(count), *again = floats(count);

    if (directed_run(solver, problem, first)) {
        directed_compare(solver, problem, first, value, bound);
        assert_true(directed_run(solver, problem, again));
        assert_memory_equal(first, again, count * sizeof *first);
        if (directed_run_buffers(solver, problem, again))
            assert_memory_equal(first, again, count * sizeof *first);
        ++*ran;
    }
    free(first);
    free(again);
}

static void every_solver(const struct drawn *d, const atrous_conv *conv, size_t *ran)
{
    const struct directed problem = drawn_direct(d, conv);
    const size_t count = directed_outputs_count(conv);
    double *value = calloc(count, sizeof *value), *bound = calloc(count, sizeof *bound);

    assert_true(value != NULL && bound != NULL);
    directed_solve(&problem, value, bound);
    for (size_t s = 0; s < harness.solver_count; ++s)
        verify_twice(harness.solver[s], &problem, value, bound, &ran[s]);
    free(value);
    free(bound);
}

static void larger_than_a_tile(void **state)
{
    const atrous_padding paddings[] = {ATROUS_PADDING_ZEROS,    ATROUS_PADDING_ZEROS,
                                       ATROUS_PADDING_REFLECT,  ATROUS_PADDING_CONSTANT,
                                       ATROUS_PADDING_CIRCULAR, ATROUS_PADDING_REPLICATE};
    atrous_conv problems[28];
    const size_t count = larger_problems(problems);
    size_t ran[HARNESS_MAX_SOLVERS] = {0}, tried = 0;
    struct random random = {seed};

    (void)state;
    printf("seed %llu\n", (unsigned long long)seed);
    for (size_t i = 0; i < count; ++i)
        for (size_t turn = 0; turn < (harness.quick ? 2 : 6); ++turn, ++tried) {
            atrous_conv conv = problems[i];
            conv.math = ATROUS_MATH_STRICT;
            conv.input_layout = (atrous_layout)(turn % 2);
            conv.output_layout = (atrous_layout)(turn / 2 % 2 != turn % 2);
            conv.padding = paddings[turn];
            conv.pad_value = 0.75;
            conv.beta = turn % 3 == 1 ? 1.0 : 0.0;
            conv.alpha = turn == 4 ? -0.5 : 1.0;
            conv.orientation = (atrous_orientation)(turn % 2);
            struct drawn d = drawn_of(&random, &conv);
            every_solver(&d, &conv, ran);
            drawn_free(&d);
        }
    for (size_t s = 0; s < harness.solver_count; ++s)
        printf("%-16s ran %zu of %zu\n", harness.solver[s], ran[s], tried);
}

/* On the CPU path, planes as they are. */
static void run_plain(const struct directed *problem, float *got)
{
    atrous_plan *plan = harness_plan("cpu", &problem->conv);
    atrous_arrays arrays;
    atrous_error error;

    atrous_arrays_init(&arrays, sizeof arrays);
    arrays.input = problem->x;
    arrays.grad_output = problem->y;
    arrays.output = got;
    harness_expect_ok(atrous_plan_run(plan, &arrays, &error), &error, "cpu", &problem->conv);
    atrous_plan_destroy(plan);
}

/* An infinite x is in the sums of the taps that meet it and in no others. Its tiles multiply it by
 * zeros that lie between the rows of dy; of other solvers nothing of the kind is promised. */
static void cpu_infinity_meets_its_taps_alone(void **state)
{
    atrous_conv problems[] = {shape_gradient(2, 3, 2, 20, 3, 4), shape_gradient(2, 6, 6, 33, 3, 2),
                              shape_gradient(1, 1, 1, 700, 3, 5)};
    struct random random = {seed};

    (void)state;
    if (!harness.cpu_path)
        skip();
    problems[1].groups = 6;
    for (size_t i = 0; i < sizeof problems / sizeof *problems; ++i) {
        problems[i].has_bias = 0;
        struct drawn d = drawn_of(&random, &problems[i]);
        d.x[problems[i].input[problems[i].rank - 1] - 1] = INFINITY; /* a row ends there */
        const struct directed problem = drawn_direct(&d, &problems[i]);
        const size_t count = directed_outputs_count(&problems[i]);
        double *value = calloc(count, sizeof *value), *bound = calloc(count, sizeof *bound);
        float *got = floats(count);
        size_t finite = 0;
        assert_true(value != NULL && bound != NULL);
        directed_solve(&problem, value, bound);
        run_plain(&problem, got);
        for (size_t at = 0; at < count; ++at) {
            if (isfinite(value[at]) ? !(fabs((double)got[at] - value[at]) <= bound[at])
                                    : (bool)isfinite(got[at]))
                fail_msg("problem %zu, element %zu: %g, expected %g", i, at, (double)got[at],
                         value[at]);
            finite += isfinite(value[at]) != 0;
        }
        assert_true(finite > 0 && finite < count);
        free(value);
        free(bound);
        free(got);
        drawn_free(&d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(larger_than_a_tile),
                                       cmocka_unit_test(cpu_infinity_meets_its_taps_alone)};
    int failed = harness_open();

    if (failed == 0) {
        harness_add_gradients();
        failed = cmocka_run_group_tests_name("gradient", tests, NULL, NULL);
    }
    harness_close();
    return failed;
}
