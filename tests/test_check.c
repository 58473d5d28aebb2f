/* The cross-check: what it passes, what it must not, and its own bad arguments. */
#include "testing.h"

#include <math.h>
#include <stdlib.h>

#include "harness.h"
#include "made.h"
#include "shapes.h"

enum { SEED = 6 };

static void check_with(struct made *made, size_t at, float value, bool passes)
{
    const float kept = made->y[at];
    atrous_check check = {.struct_size = sizeof check};
    atrous_error error;

    made->y[at] = value;
    harness_expect_ok(atrous_plan_check(made->plan, &made->arrays, &check, &error), &error, "check",
                      &made->data.conv);
    assert_int_equal(check.checked, made->data.y_count);
    assert_int_equal(check.total, made->data.y_count);
    assert_int_equal(check.worst <= 1.0, passes);
    if (!passes)
        assert_int_equal(check.worst_at, at);
    else
        assert_true(check.worst_error <= check.worst_bound);
    made->y[at] = kept;
}

static void check_sees_one_wrong_element(void **state)
{
    struct made made = made_plan(NULL);
    const size_t last = made.data.y_count - 1;

    (void)state;
    assert_int_equal(atrous_plan_run(made.plan, &made.arrays, NULL), ATROUS_OK);
    check_with(&made, 0, made.y[0], true);
    check_with(&made, 0, made.y[0] + 0.01f, false);
    check_with(&made, last, made.y[last] - 0.01f, false);
    check_with(&made, 100, NAN, false);
    check_with(&made, last, INFINITY, false);
    check_with(&made, 7, -INFINITY, false);
    made_free(&made);
}

/* The check's bound is the derived one: just inside passes, just outside does not. */
static void check_has_the_derived_bound(void **state)
{
    struct made made = made_plan(NULL);
    const size_t at = 200;
    const double bound = 28.0 * 1.1920929e-7 * made.data.magnitude[at];

    (void)state;
    assert_int_equal(atrous_plan_run(made.plan, &made.arrays, NULL), ATROUS_OK);
    check_with(&made, at, (float)(made.data.value[at] + 0.8 * bound), true);
    check_with(&made, at, (float)(made.data.value[at] + 1.2 * bound), false);
    made_free(&made);
}

/* Beyond 20 GFLOP a seeded sample is compared, the same one each time. */
static void check_samples_large_problems(void **state)
{
    const atrous_conv conv = shape_square(2, 256, 256, 148, 3, 4);
    struct random random = {SEED};
    struct data data = {0};
    atrous_check check = {.struct_size = sizeof check}, again = check;
    atrous_arrays arrays;
    atrous_plan *plan = NULL;

    (void)state;
    if (!harness.large)
        skip();
    data = data_draw(&conv, &random, FILL_REALS);
    assert_int_equal(atrous_plan_create(harness.context, &conv, NULL, &plan, NULL), ATROUS_OK);
    float *y = floats(data.y_count);
    atrous_arrays_init(&arrays, sizeof arrays);
    arrays.input = data.x;
    arrays.weights = data.w;
    arrays.output = y;
    assert_int_equal(atrous_plan_run(plan, &arrays, NULL), ATROUS_OK);
    assert_int_equal(atrous_plan_check(plan, &arrays, &check, NULL), ATROUS_OK);
    assert_true(check.worst <= 1.0);
    assert_int_equal(check.total, data.y_count);
    assert_true(check.checked >= 1000 && check.checked < check.total);
    for (size_t i = 0; i < data.y_count; ++i)
        y[i] += 1.0f;
    assert_int_equal(atrous_plan_check(plan, &arrays, &again, NULL), ATROUS_OK);
    assert_true(again.worst > 1.0);
    assert_true(again.seed == check.seed && again.checked == check.checked);
    free(y);
    atrous_plan_destroy(plan);
    data_free(&data);
}

static void check_refuses_bad_arguments(void **state)
{
    struct made made = made_plan(NULL);
    atrous_check check = {.struct_size = sizeof check};
    atrous_arrays arrays = made.arrays;

    (void)state;
    assert_int_equal(atrous_plan_check(made.plan, &arrays, NULL, NULL), ATROUS_INVALID_ARGUMENT);
    assert_int_equal(atrous_plan_check(made.plan, NULL, &check, NULL), ATROUS_INVALID_ARGUMENT);
    assert_int_equal(atrous_plan_check(NULL, &arrays, &check, NULL), ATROUS_INVALID_ARGUMENT);
    arrays.output = NULL;
    assert_int_equal(atrous_plan_check(made.plan, &arrays, &check, NULL), ATROUS_INVALID_ARGUMENT);
    check.struct_size = 1;
    assert_int_equal(atrous_plan_check(made.plan, &made.arrays, &check, NULL),
                     ATROUS_INVALID_ARGUMENT);
    made_free(&made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(check_sees_one_wrong_element),
        cmocka_unit_test(check_has_the_derived_bound),
        cmocka_unit_test(check_samples_large_problems),
        cmocka_unit_test(check_refuses_bad_arguments),
    };
    int failed = harness_open();

    if (failed == 0)
        failed = cmocka_run_group_tests_name("check", tests, NULL, NULL);
    harness_close();
    return failed;
}
