/* Half, bfloat16 and int8 one value at a time: every one loaded as it is, every float stored as the
 * nearest, sums of integers exact. */
#include "testing.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data.h"
#include "harness.h"
#include "stored.h"

static const uint64_t seed = 110;
static const atrous_type types[] = {ATROUS_TYPE_F16, ATROUS_TYPE_BF16, ATROUS_TYPE_I8};

/* One channel of `width` pixels under `filters` filters of one tap. */
static atrous_conv shape_line(size_t filters, size_t width)
{
    atrous_conv conv;

    atrous_conv_init(&conv, 1, sizeof conv);
    conv.out_channels = filters;
    conv.input[0] = width;
    return conv;
}

static void run(atrous_plan *plan, const char *solver, const atrous_conv *conv, const void *x,
                const void *w, const float *bias, void *y)
{
    atrous_arrays arrays;
    atrous_error error;

    atrous_arrays_init(&arrays, sizeof arrays);
    arrays.input = x;
    arrays.weights = w;
    arrays.bias = bias;
    arrays.output = y;
    harness_expect_ok(atrous_plan_run(plan, &arrays, &error), &error, solver, conv);
}

/* The element is the value nearest to `value`; zeros of either sign are equal. */
static void expect_nearest(const char *solver, atrous_type type, const void *y, size_t i,
                           double value)
{
    uint32_t place = 0;

    stored_put(type, &place, 0, value);
    const double want = stored_get(type, &place, 0), got = stored_get(type, y, i);
    if (isnan(want) ? !isnan(got) : isinf(want) ? !(got == want) : !(fabs(got - want) <= 0.0))
        fail_msg("%s, %s: %.17g is stored as %.17g, not %.17g", solver, stored_names[type], value,
                 got, want);
}

/* Adds a number, its neighbours among the floats, and the same below 0. */
static void add_around(float *values, size_t *count, double value)
{
    const float f = (float)value;
    const float around[] = {f, nextafterf(f, INFINITY), nextafterf(f, -INFINITY)};

    for (size_t i = 0; i < 3; ++i) {
        values[(*count)++] = around[i];
        values[(*count)++] = -around[i];
    }
}

/* Every value of the type, the middle between it and the next, and what lies beside both; or for
 * int8 the quarters around its range. */
static size_t numbers_to_store(atrous_type type, float *values)
{
    const float ends[] = {0.0f, INFINITY, -INFINITY, NAN, FLT_MAX, -FLT_MAX, 65504.0f, 1e30f};
    size_t count = 0;

    for (size_t i = 0; i < sizeof ends / sizeof *ends; ++i)
        values[count++] = ends[i];
    for (int i = 0; type == ATROUS_TYPE_I8 && i <= 140 * 4; ++i)
        add_around(values, &count, i * 0.25);
    for (unsigned code = 0; type != ATROUS_TYPE_I8 && code < 0x8000; ++code) {
        const uint16_t word = (uint16_t)code;
        const double value = stored_get(type, &word, 0);
        if (!isfinite(value))
            continue;
        add_around(values, &count, value);
        add_around(values, &count, value + stored_half_step(type, value));
    }
    return count;
}

/* x and w are 0 and the bias is what is stored, so that every float goes through each store. */
static void stores_round_to_nearest(void **state)
{
    float *numbers = floats(12 * 0x8000 + 64);

    (void)state;
    for (size_t t = 0; t < 3; ++t)
        for (int variant = 0; variant < 2; ++variant) {
            const size_t count = numbers_to_store(types[t], numbers), width = 5;
            atrous_conv conv = shape_line(count, width);
            conv.type = types[t];
            conv.has_bias = 1;
            conv.output_layout = (atrous_layout)variant;
            float *x = floats(width), *w = floats(count), *y = floats(count * width);
            for (size_t s = 0; s < harness.solver_count; ++s) {
                atrous_plan *plan = harness_try_plan(harness.solver[s], &conv);
                if (plan == NULL)
                    continue;
                run(plan, harness.solver[s], &conv, x, w, numbers, y);
                for (size_t i = 0; i < count * width; ++i)
                    expect_nearest(harness.solver[s], types[t], y, i,
                                   (double)numbers[variant == 0 ? i / width : i % count]);
                atrous_plan_destroy(plan);
            }
            free(x);
            free(w);
            free(y);
        }
    free(numbers);
}

/* Every value of the type times 1 comes out as it went in. */
static void loads_are_exact(void **state)
{
    (void)state;
    for (size_t t = 0; t < 3; ++t)
        for (int variant = 0; variant < 4; ++variant) {
            const size_t count = types[t] == ATROUS_TYPE_I8 ? 256 : 65536;
            const size_t channels = variant < 2 ? 1 : 8;
            atrous_conv conv = shape_line(channels, count / channels);
            conv.type = types[t];
            conv.in_channels = conv.groups = channels;
            conv.input_layout = conv.output_layout = (atrous_layout)(variant % 2);
            uint16_t *x = calloc(count, sizeof *x), *y = calloc(count, sizeof *y);
            float *w = floats(channels);
            assert_true(x != NULL && y != NULL);
            for (size_t i = 0; i < count; ++i)
                if (count == 256)
                    ((unsigned char *)x)[i] = (unsigned char)i;
                else
                    x[i] = (uint16_t)i;
            for (size_t i = 0; i < channels; ++i)
                stored_put(types[t], w, i, 1.0);
            for (size_t s = 0; s < harness.solver_count; ++s) {
                atrous_plan *plan = harness_try_plan(harness.solver[s], &conv);
                if (plan == NULL)
                    continue;
                run(plan, harness.solver[s], &conv, x, w, NULL, y);
                for (size_t i = 0; i < count; ++i)
                    expect_nearest(harness.solver[s], types[t], y, i, stored_get(types[t], x, i));
                atrous_plan_destroy(plan);
            }
            free(x);
            free(y);
            free(w);
        }
}

/* Half of the products are 127 * 127, the others the opposite, and one is 37: float would lose
 * the odd numbers on the way. */
static void integers_are_exact(void **state)
{
    const size_t channels[] = {1022, 1030, 9000, 131060}, kernels[] = {1, 3, 301};

    (void)state;
    for (size_t c = 0; c < 4; ++c)
        for (size_t k = 0; k < 3; ++k) {
            const size_t taps = kernels[k], count = channels[c] / taps / 2 * 2, outputs = 6;
            const size_t width = outputs + taps - 1;
            atrous_conv conv = shape_line(2, width);
            conv.type = ATROUS_TYPE_I8;
            conv.in_channels = count + 1;
            conv.kernel[0] = taps;
            signed char *x = calloc((count + 1) * width, 1), *w = calloc(2 * (count + 1) * taps, 1);
            signed char y[2 * 6];
            assert_true(x != NULL && w != NULL);
            memset(x, 127, count * width);
            memset(x + count * width, 1, width);
            for (size_t f = 0; f < 2; ++f) {
                signed char *filter = w + f * (count + 1) * taps;
                memset(filter, f == 0 ? 127 : -127, count / 2 * taps);
                memset(filter + count / 2 * taps, f == 0 ? -127 : 127, count / 2 * taps);
                filter[count * taps] = f == 0 ? 37 : -37;
            }
            for (size_t s = 0; s < harness.solver_count; ++s) {
                atrous_plan *plan = harness_try_plan(harness.solver[s], &conv);
                if (plan == NULL)
                    continue;
                run(plan, harness.solver[s], &conv, x, w, NULL, y);
                for (size_t i = 0; i < 2 * outputs; ++i)
                    if (y[i] != (i < outputs ? 37 : -37))
                        fail_msg("%s: %d instead of 37 or -37 after %zu products",
                                 harness.solver[s], y[i], count * taps);
                atrous_plan_destroy(plan);
            }
            free(x);
            free(w);
        }
}

/* The largest sum there may be, 131071 times -128 * -128, and one product more. */
static void integers_end_at_an_int(void **state)
{
    atrous_conv conv = shape_line(1, 1);
    atrous_error error;

    (void)state;
    conv.type = ATROUS_TYPE_I8;
    conv.in_channels = 131071;
    conv.alpha = 0x1p-25;
    signed char *x = calloc(conv.in_channels, 1), *w = calloc(conv.in_channels, 1), y = 0;
    assert_true(x != NULL && w != NULL);
    memset(x, -128, conv.in_channels);
    memset(w, -128, conv.in_channels);
    for (size_t s = 0; s < harness.solver_count; ++s) {
        atrous_plan *plan = harness_try_plan(harness.solver[s], &conv);
        if (plan == NULL)
            continue;
        run(plan, harness.solver[s], &conv, x, w, NULL, &y);
        assert_int_equal(y, 64);
        atrous_plan_destroy(plan);
    }
    conv.in_channels += 1;
    assert_int_equal(atrous_conv_output(&conv, NULL, &error), ATROUS_UNSUPPORTED);
    assert_string_equal(error.field, "type");
    free(x);
    free(w);
}

/* Two steps away from the truth is found by the plan's check. */
static void the_check_sees_two_steps(void **state)
{
    struct random random = {seed};

    (void)state;
    for (size_t t = 0; t < 3; ++t) {
        atrous_conv conv = shape_line(1, 64);
        float x[64], w = 1.0f;
        uint16_t in[64], one, out[64];
        atrous_check check = {.struct_size = sizeof check};
        atrous_arrays arrays;
        conv.type = types[t];
        random_fill(&random, x, 64);
        for (size_t i = 0; i < 64; ++i)
            stored_put(types[t], in, i, (double)x[i] * (types[t] == ATROUS_TYPE_I8 ? 100.0 : 1.0));
        stored_put(types[t], &one, 0, (double)w);
        atrous_plan *plan = harness_plan(NULL, &conv);
        atrous_arrays_init(&arrays, sizeof arrays);
        arrays.input = in;
        arrays.weights = &one;
        arrays.output = out;
        assert_int_equal(atrous_plan_run(plan, &arrays, NULL), ATROUS_OK);
        assert_int_equal(atrous_plan_check(plan, &arrays, &check, NULL), ATROUS_OK);
        assert_true(check.worst <= 1.0);
        if (types[t] == ATROUS_TYPE_I8)
            ((signed char *)out)[40] = (signed char)(((signed char *)out)[40] + 2);
        else
            out[40] = (uint16_t)(out[40] ^ 2);
        assert_int_equal(atrous_plan_check(plan, &arrays, &check, NULL), ATROUS_OK);
        assert_true(check.worst > 1.0);
        assert_int_equal(check.worst_at, 40);
        atrous_plan_destroy(plan);
    }
}

/* Half arithmetic is allowed, not asked for: without it the others serve, and it says why not. */
static void native_half_is_served(void **state)
{
    atrous_conv conv = shape_line(1, 16);
    float x[16] = {0}, w = 0.0f, y[16];

    (void)state;
    conv.type = ATROUS_TYPE_F16;
    conv.native_half = 1;
    atrous_plan *plan = harness_plan(NULL, &conv);
    run(plan, "auto", &conv, x, &w, NULL, y);
    atrous_plan_destroy(plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stores_round_to_nearest),  cmocka_unit_test(loads_are_exact),
        cmocka_unit_test(integers_are_exact),       cmocka_unit_test(integers_end_at_an_int),
        cmocka_unit_test(the_check_sees_two_steps), cmocka_unit_test(native_half_is_served),
    };
    int failed = harness_open();

    printf("seed %llu\n", (unsigned long long)seed);
    if (failed == 0)
        failed = cmocka_run_group_tests_name("rounding", tests, NULL, NULL);
    harness_close();
    return failed;
}
