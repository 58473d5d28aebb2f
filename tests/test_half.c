/* Sums in half: a device that has none serves in float; one that is said to have it, with half
 * arithmetic made of float's and rounding, is held against the bound in half. */
#include "testing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device/source.h"
#include "harness.h"
#include "plan/plan.h"
#include "shapes.h"
#include "solve/solver.h"
#include "stored.h"

static const uint64_t seed = 1611;

/* kernels/half.clh for devices without cl_khr_fp16: every sum rounded to the nearest half. */
static const char emulated[] = "typedef float Half;\n"
                               "inline Half half_of(const float value) { return value; }\n"
                               "inline Half half_fma(const Half a, const Half b, const Half sum)\n"
                               "{\n"
                               "    ushort code;\n"
                               "    vstore_half_rte(fma(a, b, sum), 0, (half *)&code);\n"
                               "    return vload_half(0, (const half *)&code);\n"
                               "}\n";

static const char *const half_solvers[] = {"reference", "tile"};

/* A problem of halves, drawn as mean + [-1, 1), and the oracle's answer. */
struct halves {
    struct data data;
    uint16_t *x, *w, *y;
};

static uint16_t *stored_halves(const float *values, size_t count)
{
    uint16_t *to = calloc(count + 1, sizeof *to);

    assert_non_null(to);
    for (size_t i = 0; i < count; ++i)
        stored_put(ATROUS_TYPE_F16, to, i, (double)values[i]);
    return to;
}

static struct halves halves_draw(const atrous_conv *conv, float mean)
{
    struct random random = {seed};
    struct halves h = {.data = data_draw(conv, &random, FILL_REALS)};
    struct data *d = &h.data;

    for (size_t i = 0; i < d->x_count; ++i)
        d->x[i] += mean;
    stored_round(ATROUS_TYPE_F16, d->x, d->x_count);
    stored_round(ATROUS_TYPE_F16, d->w, d->w_count);
    d->conv.type = ATROUS_TYPE_F16;
    d->conv.native_half = 1;
    data_solve(d);
    h.x = stored_halves(d->x, d->x_count);
    h.w = stored_halves(d->w, d->w_count);
    h.y = calloc(d->y_count + 1, sizeof *h.y);
    assert_non_null(h.y);
    return h;
}

static void halves_free(struct halves *h)
{
    data_free(&h->data);
    free(h->x);
    free(h->w);
    free(h->y);
}

static atrous_arrays arrays_of(const struct halves *h)
{
    atrous_arrays arrays;

    atrous_arrays_init(&arrays, sizeof arrays);
    arrays.input = h->x;
    arrays.weights = h->w;
    arrays.bias = h->data.bias;
    arrays.output = h->y;
    return arrays;
}

static void with_half(bool has_half)
{
    harness.context->env->device.has_half = has_half;
    atrous__source_override("half.clh", has_half ? emulated : NULL);
}

/* Runs into h->y; the check's answer. */
static atrous_check run(atrous_plan *plan, struct halves *h)
{
    const atrous_arrays arrays = arrays_of(h);
    atrous_check check = {.struct_size = sizeof check};

    assert_int_equal(atrous_plan_run(plan, &arrays, NULL), ATROUS_OK);
    assert_int_equal(atrous_plan_check(plan, &arrays, &check, NULL), ATROUS_OK);
    return check;
}

/* Of a direct sum of `products` in half, stored as one. */
static double half_bound(const struct halves *h, size_t products, size_t at)
{
    const double sum = (double)(products + 1) * (h->data.magnitude[at] / 1024 + 1.0 / 16384);
    return sum + stored_half_step(ATROUS_TYPE_F16, fabs(h->data.value[at]) + sum);
}

/* What a device without half arithmetic computes is the same to the bit, asked for or not. */
static void half_is_not_forced(void **state)
{
    const atrous_conv conv = shape_square(2, 16, 16, 20, 3, 2);
    struct halves h = halves_draw(&conv, 0.0f);
    uint16_t *plain = calloc(h.data.y_count, sizeof *plain);

    (void)state;
    assert_non_null(plain);
    with_half(false);
    for (size_t s = 0; s < harness.solver_count; ++s) {
        h.data.conv.native_half = 0;
        if (!harness_serves(harness.solver[s], &h.data.conv))
            continue;
        atrous_plan *plan = harness_plan(harness.solver[s], &h.data.conv);
        const atrous_check check = run(plan, &h);
        atrous_plan_destroy(plan);
        memcpy(plain, h.y, h.data.y_count * sizeof *plain);
        memset(h.y, 0xff, h.data.y_count * sizeof *h.y);
        h.data.conv.native_half = 1;
        plan = harness_plan(harness.solver[s], &h.data.conv);
        const atrous_check asked = run(plan, &h);
        atrous_plan_destroy(plan);
        assert_memory_equal(plain, h.y, h.data.y_count * sizeof *plain);
        assert_true(check.worst <= 1.0 && asked.worst <= 1.0);
        assert_true(check.worst_bound <= asked.worst_bound &&
                    check.worst_bound >= asked.worst_bound);
    }
    free(plain);
    halves_free(&h);
}

/* Every output within the test's own bound, some of them not what float sums give, and the plan's
 * check of the same mind. */
static void expect_half(const char *solver, const atrous_conv *conv, float mean)
{
    struct halves h = halves_draw(conv, mean);
    const size_t products = conv->in_channels / conv->groups * conv->kernel[0] * conv->kernel[1];
    double worst = 0, difference = 0;

    with_half(true);
    atrous_plan *plan = harness_plan(solver, &h.data.conv);
    const atrous_check check = run(plan, &h);
    for (size_t i = 0; i < h.data.y_count; ++i) {
        const double got = stored_get(ATROUS_TYPE_F16, h.y, i);
        const double error = fabs(got - h.data.value[i]);
        worst = fmax(worst, error / half_bound(&h, products, i));
        difference =
            fmax(difference, error - stored_half_step(ATROUS_TYPE_F16, fabs(h.data.value[i])));
    }
    printf("%s, %zu products, mean %g: %.3g of the bound, %.3g beyond storing\n", solver, products,
           (double)mean, worst, difference);
    assert_true(worst <= 1.0);
    assert_true(difference > 1e-4);
    assert_true(check.worst <= 1.0 && fabs(check.worst - worst) < 1e-3);
    const double there = half_bound(&h, products, check.worst_at);
    assert_true(fabs(check.worst_bound - there) <= 1e-6 * there);
    stored_put(ATROUS_TYPE_F16, h.y, 5, h.data.value[5] + 1.1 * half_bound(&h, products, 5) + 0.5);
    const atrous_arrays arrays = arrays_of(&h);
    atrous_check wrong = check;
    assert_int_equal(atrous_plan_check(plan, &arrays, &wrong, NULL), ATROUS_OK);
    assert_true(wrong.worst > 1.0);
    assert_int_equal(wrong.worst_at, 5);
    atrous_plan_destroy(plan);
    with_half(false);
    halves_free(&h);
}

static void half_sums_keep_their_bound(void **state)
{
    (void)state;
    for (size_t s = 0; s < sizeof half_solvers / sizeof *half_solvers; ++s) {
        atrous_conv conv = shape_square(2, 16, 12, 13, 3, 2);
        expect_half(half_solvers[s], &conv, 0.0f);
        expect_half(half_solvers[s], &conv, 5.0f);
        conv.has_bias = 1;
        conv.groups = 2;
        conv.padding = ATROUS_PADDING_CONSTANT;
        conv.pad_value = 1.5;
        expect_half(half_solvers[s], &conv, 1.0f);
        conv = shape_square(2, 160, 4, 7, 3, 1); /* more products than 1 / epsilon */
        expect_half(half_solvers[s], &conv, 0.0f);
        expect_half(half_solvers[s], &conv, 3.0f);
    }
}

/* The check alone, where outputs are folds, spread sums or gates of half sums. */
static void half_sums_in_other_directions(void **state)
{
    static const atrous_direction directions[] = {ATROUS_TRANSPOSED, ATROUS_BACKWARD_DATA};

    (void)state;
    for (size_t d = 0; d < 3; ++d) {
        atrous_conv conv = shape_square(2, 8, 8, 14, 3, 2);
        conv.pad_begin[0] = conv.pad_begin[1] = 2;
        conv.pad_end[0] = conv.pad_end[1] = 2;
        struct halves h = halves_draw(&conv, 1.0f);
        if (d < 2)
            h.data.conv.direction = directions[d];
        else {
            h.data.conv.activation = ATROUS_ACTIVATION_GATED;
            h.data.conv.groups = 2;
        }
        if (d == 1)
            h.data.conv.padding = ATROUS_PADDING_REFLECT;
        with_half(false);
        atrous_plan *plan = harness_plan("reference", &h.data.conv);
        const atrous_check plain = run(plan, &h);
        atrous_plan_destroy(plan);
        with_half(true);
        plan = harness_plan("reference", &h.data.conv);
        const atrous_check check = run(plan, &h);
        atrous_plan_destroy(plan);
        with_half(false);
        assert_true(plain.worst <= 1.0 && check.worst <= 1.0);
        assert_true(check.worst_bound > 10 * plain.worst_bound);
        halves_free(&h);
    }
}

/* Computed in parts, halves are summed as in the whole. */
static void half_sums_in_parts(void **state)
{
    const atrous_conv conv = shape_square(2, 16, 12, 40, 3, 2);
    struct halves h = halves_draw(&conv, 2.0f);
    uint16_t *whole = calloc(h.data.y_count, sizeof *whole);
    atrous_plan_info info = {.struct_size = sizeof info};

    (void)state;
    assert_non_null(whole);
    with_half(true);
    atrous_plan *plan = harness_plan("reference", &h.data.conv);
    run(plan, &h);
    atrous_plan_destroy(plan);
    memcpy(whole, h.y, h.data.y_count * sizeof *whole);
    memset(h.y, 0xff, h.data.y_count * sizeof *h.y);
    harness.context->env->buffer_limit = 20000;
    plan = harness_plan("reference", &h.data.conv);
    assert_true(run(plan, &h).worst <= 1.0);
    assert_int_equal(atrous_plan_query(plan, &info, NULL), ATROUS_OK);
    assert_true(info.parts > 1);
    atrous_plan_destroy(plan);
    harness.context->env->buffer_limit = harness.context->env->device.max_allocation;
    with_half(false);
    assert_memory_equal(whole, h.y, h.data.y_count * sizeof *whole);
    free(whole);
    halves_free(&h);
}

/* Partial sums overflow where the result does not: nothing is promised there, all else is. */
static void half_sums_overflow(void **state)
{
    const atrous_conv conv = shape_square(1, 1, 1, 32, 4, 1);
    struct halves h = halves_draw(&conv, 0.0f);

    (void)state;
    for (size_t i = 0; i < h.data.x_count; ++i)
        stored_put(ATROUS_TYPE_F16, h.x, i, i < 8 ? 1.0 : 200.0);
    for (size_t i = 0; i < h.data.w_count; ++i)
        stored_put(ATROUS_TYPE_F16, h.w, i, i % 4 < 2 ? 200.0 : -200.0);
    with_half(true);
    atrous_plan *plan = harness_plan("reference", &h.data.conv);
    const atrous_check check = run(plan, &h);
    assert_true(check.worst <= 1.0);
    assert_true(isinf(stored_get(ATROUS_TYPE_F16, h.y, h.data.y_count - 1)));
    const atrous_arrays arrays = arrays_of(&h);
    atrous_check wrong = check;
    h.y[0] = 0x7c00; /* of the sums that stay small */
    assert_int_equal(atrous_plan_check(plan, &arrays, &wrong, NULL), ATROUS_OK);
    assert_true(isinf(wrong.worst));
    assert_int_equal(wrong.worst_at, 0);
    atrous_plan_destroy(plan);
    with_half(false);
    halves_free(&h);
}

/* A padding constant that is no half is summed in float. */
static void half_needs_a_half_of_a_constant(void **state)
{
    const struct {
        double value;
        bool is_half;
    } cases[] = {{0.0, true},
                 {-1.5, true},
                 {65504.0, true},
                 {65505.0, false},
                 {70000.0, false},
                 {0.1, false},
                 {2049.0, false},
                 {2050.0, true},
                 {ldexp(1, -24), true},
                 {ldexp(3, -25), false},
                 {ldexp(1, -25), false},
                 {ldexp(1, 16), false}};
    const struct atrous__device able = {.has_half = true}, unable = {.has_half = false};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        atrous_conv conv = shape_square(2, 4, 4, 8, 3, 1);
        struct atrous__problem problem;
        uint16_t code = 0;
        conv.type = ATROUS_TYPE_F16;
        conv.native_half = 1;
        conv.padding = ATROUS_PADDING_CONSTANT;
        conv.pad_value = cases[i].value;
        stored_put(ATROUS_TYPE_F16, &code, 0, conv.pad_value);
        const double back = stored_get(ATROUS_TYPE_F16, &code, 0);
        assert_int_equal(cases[i].is_half, back <= conv.pad_value && back >= conv.pad_value);
        assert_int_equal(atrous__problem_init(&problem, &conv, NULL), ATROUS_OK);
        assert_int_equal(atrous__sums_in_half(&problem, &able), cases[i].is_half);
        assert_false(atrous__sums_in_half(&problem, &unable));
        conv.native_half = 0;
        assert_int_equal(atrous__problem_init(&problem, &conv, NULL), ATROUS_OK);
        assert_false(atrous__sums_in_half(&problem, &able));
        conv.direction = ATROUS_BACKWARD_WEIGHTS;
        conv.native_half = 1;
        assert_int_equal(atrous__problem_init(&problem, &conv, NULL), ATROUS_OK);
        assert_false(atrous__sums_in_half(&problem, &able));
    }
}

/* A device that says it has halves and does not compile them: the solvers that would sum in them
 * are passed over. */
static void half_that_does_not_compile_is_passed_over(void **state)
{
    const atrous_conv conv = shape_square(2, 16, 16, 20, 3, 2);
    struct halves h = halves_draw(&conv, 0.0f);
    atrous_context_options options;
    atrous_plan_options named;
    atrous_context *context = NULL;
    atrous_plan *plan = NULL;

    (void)state;
    atrous_context_options_init(&options, sizeof options);
    options.device = ATROUS_DEVICE_INDEX;
    assert_int_equal(atrous_context_create(&options, &context, NULL), ATROUS_OK);
    context->env->device.has_half = true;
    atrous__source_override("half.clh", "this is no OpenCL C;\n");
    atrous_plan_options_init(&named, sizeof named);
    for (size_t s = 0; s < sizeof half_solvers / sizeof *half_solvers; ++s) {
        named.solver = half_solvers[s];
        assert_int_equal(atrous_plan_create(context, &h.data.conv, &named, &plan, NULL),
                         ATROUS_OPENCL_ERROR);
    }
    assert_int_equal(atrous_plan_create(context, &h.data.conv, NULL, &plan, NULL), ATROUS_OK);
    assert_true(run(plan, &h).worst <= 1.0);
    atrous_plan_destroy(plan);
    atrous__source_override("half.clh", NULL);
    atrous_context_destroy(context);
    halves_free(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(half_is_not_forced),
        cmocka_unit_test(half_sums_keep_their_bound),
        cmocka_unit_test(half_sums_in_other_directions),
        cmocka_unit_test(half_sums_in_parts),
        cmocka_unit_test(half_sums_overflow),
        cmocka_unit_test(half_needs_a_half_of_a_constant),
        cmocka_unit_test(half_that_does_not_compile_is_passed_over),
    };
    int failed = harness_open();

    printf("seed %llu\n", (unsigned long long)seed);
    if (failed == 0)
        failed = cmocka_run_group_tests_name("half", tests, NULL, NULL);
    harness_close();
    return failed;
}
