/* The plan's own promises: bad arguments, the table of candidates, its figures, the timer. */
#include "testing.h"

#include <stdlib.h>
#include <string.h>

#include "compare.h"
#include "harness.h"
#include "made.h"
#include "shapes.h"

enum { SEED = 5 };

static void plan_runs_and_agrees(void **state)
{
    struct made made = made_plan(NULL);
    struct mismatch worst;

    (void)state;
    for (int again = 0; again < 3; ++again) {
        memset(made.y, 0xff, made.data.y_count * sizeof *made.y);
        assert_int_equal(atrous_plan_run(made.plan, &made.arrays, NULL), ATROUS_OK);
        assert_true(compare_bound(&made.data.conv, made.y, made.data.value, made.data.magnitude,
                                  made.data.y_count, 0.0, &worst));
    }
    made_free(&made);
}

static void expect_bad_arrays(struct made *made, const atrous_arrays *arrays, const char *field)
{
    atrous_error error;

    for (size_t i = 0; i < made->data.y_count; ++i)
        made->y[i] = 77;
    assert_int_equal(atrous_plan_run(made->plan, arrays, &error), ATROUS_INVALID_ARGUMENT);
    if (error.field[0] == '\0' || strstr(error.message, field) == NULL)
        fail_msg("\"%s\" does not name %s", error.message, field);
    for (size_t i = 0; i < made->data.y_count; ++i)
        assert_true(made->y[i] == 77.0f); /* nothing computed */
}

static void plan_refuses_missing_arrays(void **state)
{
    struct made made = made_plan(NULL);
    atrous_arrays arrays = made.arrays;

    (void)state;
    arrays.input = NULL;
    expect_bad_arrays(&made, &arrays, "input");
    arrays = made.arrays;
    arrays.weights = NULL;
    expect_bad_arrays(&made, &arrays, "weights");
    arrays = made.arrays;
    arrays.bias = NULL;
    expect_bad_arrays(&made, &arrays, "bias");
    arrays = made.arrays;
    arrays.output = NULL;
    expect_bad_arrays(&made, &arrays, "output");
    arrays = made.arrays;
    arrays.struct_size = 3;
    expect_bad_arrays(&made, &arrays, "struct_size");
    expect_bad_arrays(&made, NULL, "arrays");
    assert_int_equal(atrous_plan_run(NULL, &made.arrays, NULL), ATROUS_INVALID_ARGUMENT);
    made_free(&made);
}

static void plan_refuses_overlapping_arrays(void **state)
{
    struct made made = made_plan(NULL);
    atrous_arrays arrays = made.arrays;

    (void)state;
    arrays.input = made.y;
    expect_bad_arrays(&made, &arrays, "input");
    arrays = made.arrays;
    arrays.weights = made.y + made.data.y_count - 1; /* one element shared */
    expect_bad_arrays(&made, &arrays, "weights");
    arrays = made.arrays;
    arrays.bias = made.y + 5;
    expect_bad_arrays(&made, &arrays, "bias");
    made_free(&made);
}

static void plan_refuses_bad_create_arguments(void **state)
{
    const atrous_conv conv = shape_square(2, 1, 1, 5, 3, 1);
    atrous_conv bad = conv;
    atrous_plan_options options;
    atrous_plan *plan = (atrous_plan *)&bad; /* must become NULL */
    atrous_error error;

    (void)state;
    atrous_plan_options_init(&options, sizeof options);
    options.solver = "no-such-solver";
    assert_int_equal(atrous_plan_create(harness.context, &conv, &options, &plan, &error),
                     ATROUS_INVALID_ARGUMENT);
    assert_null(plan);
    assert_non_null(strstr(error.message, "no-such-solver"));
    options.solver = NULL;
    options.struct_size = 1;
    assert_int_equal(atrous_plan_create(harness.context, &conv, &options, &plan, &error),
                     ATROUS_INVALID_ARGUMENT);
    assert_int_equal(atrous_plan_create(NULL, &conv, NULL, &plan, NULL), ATROUS_INVALID_ARGUMENT);
    assert_int_equal(atrous_plan_create(harness.context, NULL, NULL, &plan, NULL),
                     ATROUS_INVALID_ARGUMENT);
    assert_int_equal(atrous_plan_create(harness.context, &conv, NULL, NULL, NULL),
                     ATROUS_INVALID_ARGUMENT);
    bad.dilation[1] = 0;
    assert_int_equal(atrous_plan_create(harness.context, &bad, NULL, &plan, &error),
                     ATROUS_INVALID_ARGUMENT);
    assert_string_equal(error.field, "dilation[1]");
    atrous_plan_destroy(NULL);
    atrous_context_destroy(NULL);
}

static void plan_lists_candidates(void **state)
{
    struct made made = made_plan(NULL);
    atrous_plan_info info = {.struct_size = sizeof info};
    atrous_candidate candidate = {.struct_size = sizeof candidate};
    size_t count = 0, chosen = 0;

    (void)state;
    assert_int_equal(atrous_plan_query(made.plan, &info, NULL), ATROUS_OK);
    for (; atrous_plan_candidate(made.plan, count, &candidate, NULL) == ATROUS_OK; ++count) {
        assert_non_null(candidate.solver);
        assert_true(candidate.solver[0] != '\0');
        if (candidate.refusal != NULL) {
            assert_true(candidate.refusal[0] != '\0');
            assert_false(candidate.chosen);
        } else {
            assert_true(candidate.estimate_ms > 0);
        }
        if (candidate.chosen) {
            assert_string_equal(candidate.solver, info.solver);
            ++chosen;
        }
    }
    assert_true(count > 0);
    assert_int_equal(chosen, 1);
    assert_int_equal(atrous_plan_candidate(made.plan, SIZE_MAX, &candidate, NULL),
                     ATROUS_INVALID_ARGUMENT);
    assert_int_equal(atrous_plan_candidate(made.plan, 0, NULL, NULL), ATROUS_INVALID_ARGUMENT);
    candidate.struct_size = 0;
    assert_int_equal(atrous_plan_candidate(made.plan, 0, &candidate, NULL),
                     ATROUS_INVALID_ARGUMENT);
    made_free(&made);
}

static void plan_serves_the_named_solver(void **state)
{
    (void)state;
    for (size_t s = 0; s < harness.solver_count; ++s) {
        struct made made = made_plan(harness.solver[s]);
        if (made.plan == NULL) { /* refused */
            made_free(&made);
            continue;
        }
        atrous_plan_info info = {.struct_size = sizeof info};
        assert_int_equal(atrous_plan_query(made.plan, &info, NULL), ATROUS_OK);
        assert_string_equal(info.solver, harness.solver[s]);
        assert_int_equal(info.on_cpu_path, harness.cpu_path);
        assert_null(info.fallback);
        made_free(&made);
    }
}

/* A 13x13 image, 3x3, dilation 2, "same": along an axis 11 + 13 + 11 taps read input. */
static void plan_figures(void **state)
{
    struct made made = made_plan(NULL);
    atrous_plan_info info = {.struct_size = sizeof info};
    const double pairs = 3 * 4;

    (void)state;
    assert_int_equal(atrous_plan_query(made.plan, &info, NULL), ATROUS_OK);
    assert_int_equal(info.output[0], 13);
    assert_int_equal(info.output[1], 13);
    assert_int_equal(info.input_bytes, 3 * 13 * 13 * 4);
    assert_int_equal(info.weights_bytes, 4 * 3 * 9 * 4);
    assert_int_equal(info.output_bytes, 4 * 13 * 13 * 4);
    assert_true(info.macs == pairs * 13 * 13 * 9);
    assert_true(info.valid_macs == pairs * 35 * 35);
    assert_true(info.estimate_ms > 0);
    assert_true(info.create_ms >= 0);
    if (!harness.cpu_path) {
        assert_true(info.packed_bytes >= info.weights_bytes);
        assert_true(info.offset_alignment >= 1);
    }
    info.struct_size = 0;
    assert_int_equal(atrous_plan_query(made.plan, &info, NULL), ATROUS_INVALID_ARGUMENT);
    assert_int_equal(atrous_plan_query(NULL, &info, NULL), ATROUS_INVALID_ARGUMENT);
    assert_int_equal(atrous_plan_query(made.plan, NULL, NULL), ATROUS_INVALID_ARGUMENT);
    made_free(&made);
}

/* What the cost model expects of simd for 64 channels of 33x33 under 3x3 at dilation 18; 0 where it
 * is refused. */
static double simd_estimate(atrous_padding padding)
{
    atrous_plan_options options;
    atrous_candidate candidate = {.struct_size = sizeof candidate};
    atrous_plan *plan = NULL;
    atrous_conv conv;
    double estimate = 0;

    atrous_conv_init(&conv, 2, sizeof conv);
    conv.in_channels = conv.out_channels = 64;
    for (int axis = 0; axis < 2; ++axis) {
        conv.input[axis] = 33;
        conv.kernel[axis] = 3;
        conv.dilation[axis] = conv.pad_begin[axis] = conv.pad_end[axis] = 18;
    }
    conv.padding = padding;
    atrous_plan_options_init(&options, sizeof options);
    options.solver = harness.cpu_path ? NULL : "reference";
    assert_int_equal(atrous_plan_create(harness.context, &conv, &options, &plan, NULL), ATROUS_OK);
    for (size_t i = 0; atrous_plan_candidate(plan, i, &candidate, NULL) == ATROUS_OK; ++i)
        if (strcmp(candidate.solver, "simd") == 0 && candidate.refusal == NULL)
            estimate = candidate.estimate_ms;
    atrous_plan_destroy(plan);
    return estimate;
}

/* 41 % of the taps read input. The others cost nothing where zeros pad, and as much as those where
 * a mirror does. */
static void plan_estimates_what_padding_costs(void **state)
{
    (void)state;
    const double zeros = simd_estimate(ATROUS_PADDING_ZEROS);
    const double mirror = simd_estimate(ATROUS_PADDING_REFLECT);
    if (zeros == 0) /* not a device for it */
        assert_true(mirror == 0);
    else if (!(mirror > 1.5 * zeros))
        fail_msg("%g ms with a mirror, %g with zeros", mirror, zeros);
}

/* The CPU path's bits do not depend on its threads. */
static void plan_threads_leave_the_bits(void **state)
{
    struct made made = made_plan(NULL);
    float *first = floats(made.data.y_count);

    (void)state;
    for (unsigned threads = 1; threads <= 5; ++threads) {
        atrous_context_options options;
        atrous_context *context = NULL;
        atrous_plan *plan = NULL;
        atrous_context_options_init(&options, sizeof options);
        options.device = ATROUS_DEVICE_CPU_PATH;
        options.threads = threads;
        assert_int_equal(atrous_context_create(&options, &context, NULL), ATROUS_OK);
        assert_int_equal(atrous_plan_create(context, &made.data.conv, NULL, &plan, NULL),
                         ATROUS_OK);
        assert_int_equal(atrous_plan_run(plan, &made.arrays, NULL), ATROUS_OK);
        if (threads == 1)
            memcpy(first, made.y, made.data.y_count * sizeof *first);
        assert_memory_equal(first, made.y, made.data.y_count * sizeof *first);
        atrous_plan_destroy(plan);
        atrous_context_destroy(context);
    }
    free(first);
    made_free(&made);
}

static void plan_times_runs(void **state)
{
    struct made made = made_plan(NULL);
    double milliseconds[4] = {-1, -1, -1, -1};
    struct mismatch worst;

    (void)state;
    assert_int_equal(atrous_plan_time(made.plan, &made.arrays, 3, milliseconds, NULL), ATROUS_OK);
    for (int i = 0; i < 3; ++i)
        assert_true(milliseconds[i] >= 0 && milliseconds[i] < 60000);
    assert_true(milliseconds[3] < 0);
    assert_true(compare_bound(&made.data.conv, made.y, made.data.value, made.data.magnitude,
                              made.data.y_count, 0.0, &worst));
    assert_int_equal(atrous_plan_time(made.plan, &made.arrays, 1, NULL, NULL),
                     ATROUS_INVALID_ARGUMENT);
    assert_int_equal(atrous_plan_time(made.plan, NULL, 1, milliseconds, NULL),
                     ATROUS_INVALID_ARGUMENT);
    made_free(&made);
}

/* A plan keeps its context alive. */
static void plan_outlives_its_context(void **state)
{
    const atrous_conv conv = shape_square(1, 1, 1, 9, 3, 2);
    struct random random = {SEED};
    struct data data = data_draw(&conv, &random, FILL_INTEGERS);
    atrous_context_options options;
    atrous_context *context = NULL;
    atrous_plan *plan = NULL;
    atrous_arrays arrays;
    float y[9];

    (void)state;
    data_solve(&data);
    atrous_context_options_init(&options, sizeof options);
    options.device = harness.cpu_path ? ATROUS_DEVICE_CPU_PATH : ATROUS_DEVICE_INDEX;
    assert_int_equal(atrous_context_create(&options, &context, NULL), ATROUS_OK);
    assert_int_equal(atrous_context_is_cpu_path(context), harness.cpu_path);
    assert_int_equal(atrous_plan_create(context, &conv, NULL, &plan, NULL), ATROUS_OK);
    atrous_context_destroy(context);
    atrous_arrays_init(&arrays, sizeof arrays);
    arrays.input = data.x;
    arrays.weights = data.w;
    arrays.output = y;
    assert_int_equal(atrous_plan_run(plan, &arrays, NULL), ATROUS_OK);
    for (size_t i = 0; i < 9; ++i)
        assert_true((double)y[i] == data.value[i]);
    atrous_plan_destroy(plan);
    data_free(&data);
}

static void plan_context_refuses_bad_options(void **state)
{
    atrous_context_options options;
    atrous_context *context = (atrous_context *)&options; /* must become NULL */
    atrous_error error;

    (void)state;
    atrous_context_options_init(&options, sizeof options);
    options.device = ATROUS_DEVICE_INDEX;
    options.index = 1000;
    assert_int_equal(atrous_context_create(&options, &context, &error), ATROUS_NO_DEVICE);
    assert_null(context);
    assert_non_null(strstr(error.message, "1000"));
    options.device = (atrous_device_choice)42;
    assert_int_equal(atrous_context_create(&options, &context, &error), ATROUS_INVALID_ARGUMENT);
    options.struct_size = 2;
    assert_int_equal(atrous_context_create(&options, &context, NULL), ATROUS_INVALID_ARGUMENT);
    assert_int_equal(atrous_context_create(NULL, NULL, NULL), ATROUS_INVALID_ARGUMENT);
}

static void plan_devices_describe_themselves(void **state)
{
    atrous_device_info info = {.struct_size = sizeof info};
    atrous_error error;
    size_t count = 0;

    (void)state;
    assert_int_equal(atrous_device_count(&count, NULL), ATROUS_OK);
    for (size_t i = 0; i < count; ++i) {
        assert_int_equal(atrous_device_describe(i, &info, NULL), ATROUS_OK);
        assert_true(info.name[0] != '\0');
        assert_true(info.compute_units > 0 && info.max_work_group > 0);
        assert_true(info.native_vector_floats > 0);
    }
    assert_int_equal(atrous_device_describe(count, &info, &error), ATROUS_NO_DEVICE);
    assert_int_equal(atrous_device_count(NULL, NULL), ATROUS_INVALID_ARGUMENT);
    assert_int_equal(atrous_context_describe(harness.context, &info, NULL), ATROUS_OK);
    assert_true(info.name[0] != '\0');
    info.struct_size = 4;
    assert_int_equal(atrous_context_describe(harness.context, &info, NULL),
                     ATROUS_INVALID_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plan_runs_and_agrees),
        cmocka_unit_test(plan_refuses_missing_arrays),
        cmocka_unit_test(plan_refuses_overlapping_arrays),
        cmocka_unit_test(plan_refuses_bad_create_arguments),
        cmocka_unit_test(plan_lists_candidates),
        cmocka_unit_test(plan_serves_the_named_solver),
        cmocka_unit_test(plan_figures),
        cmocka_unit_test(plan_estimates_what_padding_costs),
        cmocka_unit_test(plan_threads_leave_the_bits),
        cmocka_unit_test(plan_times_runs),
        cmocka_unit_test(plan_outlives_its_context),
        cmocka_unit_test(plan_context_refuses_bad_options),
        cmocka_unit_test(plan_devices_describe_themselves),
    };
    int failed = harness_open();

    if (failed == 0)
        failed = cmocka_run_group_tests_name("plan", tests, NULL, NULL);
    harness_close();
    return failed;
}
