/* Half, bfloat16 and int8: what is stored, what is summed, in every direction. */
#include "testing.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data.h"
#include "directed_draw.h"
#include "harness.h"
#include "shapes.h"
#include "stored.h"

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

/* The plan of a solver (NULL: any), or NULL where it refuses. */
static atrous_plan *plan_of(const char *solver, const atrous_conv *conv)
{
    atrous_plan_options options;
    atrous_plan *plan = NULL;
    atrous_error error;

    atrous_plan_options_init(&options, sizeof options);
    options.solver = solver;
    const atrous_status status = atrous_plan_create(harness.context, conv, &options, &plan, &error);
    if (status == ATROUS_UNSUPPORTED && solver != NULL && !harness_takes_everything(solver))
        return NULL;
    harness_expect_ok(status, &error, solver != NULL ? solver : "auto", conv);
    return plan;
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
                atrous_plan *plan = plan_of(harness.solver[s], &conv);
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
                atrous_plan *plan = plan_of(harness.solver[s], &conv);
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
                atrous_plan *plan = plan_of(harness.solver[s], &conv);
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
        atrous_plan *plan = plan_of(harness.solver[s], &conv);
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

/* One direction of a drawn problem at a type, with everything that its epilogue may have. */
static void verify(struct random *random, const struct drawn *d, atrous_direction direction,
                   size_t *ran)
{
    atrous_conv conv = d->forward;
    const bool is_layer = direction == ATROUS_FORWARD || direction == ATROUS_TRANSPOSED;
    const bool is_integer = conv.type == ATROUS_TYPE_I8;
    const float unit = is_integer ? 0.003f : 1.0f;
    float *bias = floats(256), *scale = floats(256);

    conv.direction = direction;
    if (direction == ATROUS_TRANSPOSED && !directed_adjoint(&d->forward, &conv))
        goto done;
    /* Nobody folds what a padding repeats in integers. */
    if (direction == ATROUS_BACKWARD_DATA && conv.padding > ATROUS_PADDING_CONSTANT && is_integer)
        goto done;
    struct directed problem = drawn_direct(d, &conv);
    random_fill(random, bias, 256);
    random_fill(random, scale, 256);
    for (size_t i = 0; i < 256; ++i) {
        bias[i] *= is_integer ? 60.0f : 1.0f;
        scale[i] *= unit;
    }
    problem.conv.has_bias = direction != ATROUS_BACKWARD_DATA && random_chance(random, 60);
    problem.bias = is_layer && problem.conv.has_bias ? bias : NULL;
    problem.conv.channel_scale = is_layer && random_chance(random, 60);
    problem.scale = problem.conv.channel_scale ? scale : NULL;
    problem.conv.alpha = is_integer && !problem.conv.channel_scale ? 0.0034 : 1.0;
    problem.conv.beta = random_chance(random, 25) ? -0.75 : 0.0;
    if (is_layer && random_chance(random, 30)) {
        problem.conv.residual = ATROUS_RESIDUAL_AFTER;
        problem.residual = d->previous;
    }
    for (size_t s = 0; s < harness.solver_count; ++s) {
        float *got = directed_verify(harness.solver[s], &problem);
        ran[s] += got != NULL;
        free(got);
    }

done:
    free(bias);
    free(scale);
}

static void every_direction_agrees(void **state)
{
    const atrous_type all[] = {ATROUS_TYPE_F16, ATROUS_TYPE_BF16, ATROUS_TYPE_I8, ATROUS_TYPE_F32};
    const size_t problems = harness.quick ? 4 : 60;
    struct random random = {directed_seed + 31};

    (void)state;
    for (size_t t = 0; t < 4; ++t) {
        size_t ran[HARNESS_MAX_SOLVERS] = {0};
        for (size_t i = 0; i < problems; ++i) {
            struct drawn d = drawn_make(&random);
            drawn_store(&d, all[t]);
            for (int direction = 0; direction <= ATROUS_BACKWARD_WEIGHTS; ++direction)
                verify(&random, &d, (atrous_direction)direction, ran);
            drawn_free(&d);
        }
        for (size_t s = 0; s < harness.solver_count; ++s)
            printf("%-5s %-10s ran %zu\n", stored_names[all[t]], harness.solver[s], ran[s]);
    }
}

/* A solver's own ground: what serves f32 there serves the other floats, and they agree with the
 * truth within the bound, or for minimal filtering, whose own bound the plan's check knows, within
 * some of them. */
static void own_grounds_agree(void **state)
{
    const struct {
        const char *solver;
        size_t channels, filters, groups, extent, kernel;
        atrous_direction direction;
    } grounds[] = {{"depthwise", 20, 20, 20, 37, 3, ATROUS_FORWARD},
                   {"depthwise", 40, 40, 40, 21, 5, ATROUS_FORWARD},
                   {"filter", 1, 1, 1, 45, 5, ATROUS_FORWARD},
                   {"filter", 3, 4, 1, 33, 3, ATROUS_FORWARD},
                   {"winograd", 16, 24, 1, 21, 3, ATROUS_FORWARD},
                   {"winograd", 20, 33, 1, 18, 3, ATROUS_BACKWARD_DATA},
                   {"phases", 16, 24, 1, 5, 3, ATROUS_FORWARD},
                   {"phases", 20, 33, 1, 6, 3, ATROUS_BACKWARD_DATA},
                   {"simd", 9, 40, 1, 19, 3, ATROUS_TRANSPOSED},
                   {"tile", 9, 40, 1, 19, 3, ATROUS_FORWARD},
                   {"gradient", 16, 20, 1, 17, 3, ATROUS_BACKWARD_WEIGHTS},
                   {"gradient_minimal", 16, 20, 1, 17, 3, ATROUS_BACKWARD_WEIGHTS}};
    struct random random = {directed_seed + 34};

    (void)state;
    for (size_t i = 0; i < sizeof grounds / sizeof *grounds; ++i)
        for (size_t variant = 0; variant < 8; ++variant) {
            struct drawn d = {.forward = shape_square(2, grounds[i].channels, grounds[i].filters,
                                                      grounds[i].extent, grounds[i].kernel,
                                                      1 + variant % 3)};
            d.forward.groups = grounds[i].groups;
            d.forward.direction = grounds[i].direction;
            d.forward.input_layout = d.forward.output_layout = (atrous_layout)(variant / 2 % 2);
            d.forward.has_bias = grounds[i].direction != ATROUS_BACKWARD_DATA;
            if (harness.cpu_path || !harness_serves(grounds[i].solver, &d.forward))
                continue;
            d.counts = directed_count(&d.forward);
            d.x = floats(d.counts.x);
            d.w = floats(d.counts.w);
            d.y = floats(d.counts.y);
            d.bias = floats(64);
            d.previous = floats(d.counts.x + d.counts.w + d.counts.y + d.counts.filters);
            random_fill(&random, d.x, d.counts.x);
            random_fill(&random, d.w, d.counts.w);
            random_fill(&random, d.y, d.counts.y);
            random_fill(&random, d.bias, 64);
            drawn_store(&d, types[variant % 2]);
            struct directed problem = drawn_direct(&d, &d.forward);
            if (grounds[i].direction == ATROUS_FORWARD)
                problem.bias = d.bias;
            const size_t count = directed_outputs_count(&d.forward);
            double *value = calloc(count, sizeof *value), *bound = calloc(count, sizeof *bound);
            float *got = floats(count);
            assert_true(value != NULL && bound != NULL);
            directed_solve(&problem, value, bound);
            const bool is_minimal = harness_is_minimal(grounds[i].solver);
            for (size_t j = 0; j < count && is_minimal; ++j)
                bound[j] *= 8;
            assert_true(directed_run(grounds[i].solver, &problem, got));
            directed_compare(grounds[i].solver, &problem, got, value, bound);
            if (directed_run_buffers(grounds[i].solver, &problem, got))
                directed_compare(grounds[i].solver, &problem, got, value, bound);
            free(value);
            free(bound);
            free(got);
            drawn_free(&d);
        }
}

/* Activations, residuals before them, gates: the plan's own check, on every path. Filters fill
 * less than a vector, or several and a part of one. */
static void epilogues_agree(void **state)
{
    const atrous_type all[] = {ATROUS_TYPE_F16, ATROUS_TYPE_BF16, ATROUS_TYPE_I8, ATROUS_TYPE_F32};
    const size_t filters[] = {2, 6, 10, 46, 78};
    struct random random = {directed_seed + 32};

    (void)state;
    for (size_t i = 0; i < (harness.quick ? 6 : 140); ++i) {
        const atrous_type type = all[i % 4];
        atrous_conv conv = shape_square(2, 1 + i % 7, filters[i % 5], 9, 3, 1 + i % 3);
        conv.type = type;
        conv.activation = (atrous_activation)(i % 7);
        conv.activation_low = -0.25;
        conv.activation_high = type == ATROUS_TYPE_I8 ? 50.0 : 0.5;
        conv.residual = conv.activation == ATROUS_ACTIVATION_GATED
                            ? ATROUS_RESIDUAL_AFTER
                            : (atrous_residual)random_between(&random, 0, 2);
        conv.has_bias = conv.channel_scale = 1;
        conv.alpha = type == ATROUS_TYPE_I8 ? 3.0 : 1.0;
        conv.output_layout = (atrous_layout)(i / 3 % 2);
        struct drawn d = {.forward = conv, .counts = directed_count(&conv)};
        d.x = floats(d.counts.x);
        d.w = floats(d.counts.w);
        d.y = floats(d.counts.y); /* the residual */
        d.bias = floats(2 * conv.out_channels);
        d.previous = floats(d.counts.x + d.counts.w + d.counts.y + d.counts.filters);
        random_fill(&random, d.x, d.counts.x);
        random_fill(&random, d.w, d.counts.w);
        random_fill(&random, d.y, d.counts.y);
        random_fill(&random, d.bias, 2 * conv.out_channels);
        for (size_t k = 0; k < conv.out_channels && type == ATROUS_TYPE_I8; ++k)
            d.bias[k] *= 0.002f;
        drawn_store(&d, type);
        void *stored[3];
        const float *from[] = {d.x, d.w, d.y};
        const size_t counts[] = {d.counts.x, d.counts.w, d.counts.y};
        for (size_t a = 0; a < 3; ++a) {
            stored[a] = floats(counts[a]);
            for (size_t j = 0; j < counts[a]; ++j)
                stored_put(type, stored[a], j, (double)from[a][j]);
        }
        for (size_t s = 0; s < harness.solver_count; ++s) {
            atrous_plan *plan = plan_of(harness.solver[s], &conv);
            atrous_check check = {.struct_size = sizeof check};
            atrous_arrays arrays;
            if (plan == NULL)
                continue;
            atrous_arrays_init(&arrays, sizeof arrays);
            arrays.input = stored[0];
            arrays.weights = stored[1];
            arrays.residual = stored[2];
            arrays.scale = d.bias;
            arrays.bias = d.bias + conv.out_channels;
            arrays.output = d.previous;
            assert_int_equal(atrous_plan_run(plan, &arrays, NULL), ATROUS_OK);
            assert_int_equal(atrous_plan_check(plan, &arrays, &check, NULL), ATROUS_OK);
            if (!(check.worst <= 1.0))
                fail_msg("%s, %s, activation %d: %g of the bound", harness.solver[s],
                         stored_names[type], (int)conv.activation, check.worst);
            atrous_plan_destroy(plan);
        }
        for (size_t a = 0; a < 3; ++a)
            free(stored[a]);
        drawn_free(&d);
    }
}

/* Two steps away from the truth is found by the plan's check. */
static void the_check_sees_two_steps(void **state)
{
    struct random random = {directed_seed + 33};

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
        atrous_plan *plan = plan_of(NULL, &conv);
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
    atrous_plan *plan = plan_of(NULL, &conv);
    run(plan, "auto", &conv, x, &w, NULL, y);
    atrous_plan_destroy(plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stores_round_to_nearest), cmocka_unit_test(loads_are_exact),
        cmocka_unit_test(integers_are_exact),      cmocka_unit_test(integers_end_at_an_int),
        cmocka_unit_test(every_direction_agrees),  cmocka_unit_test(epilogues_agree),
        cmocka_unit_test(own_grounds_agree),       cmocka_unit_test(the_check_sees_two_steps),
        cmocka_unit_test(native_half_is_served),
    };
    const char *asked = getenv("ATROUS_TEST_SEED");
    int failed = harness_open();

    if (asked != NULL)
        directed_seed = strtoull(asked, NULL, 10);
    printf("seed %llu\n", (unsigned long long)directed_seed);
    if (failed == 0) {
        harness_add_gradients();
        failed = cmocka_run_group_tests_name("types", tests, NULL, NULL);
    }
    harness_close();
    return failed;
}
