/* Problems at half, bfloat16 and int8 against the truth: in every direction, on each solver's own
 * ground, with what follows the sum. */
#include "testing.h"

#include <stdio.h>
#include <stdlib.h>

#include "data.h"
#include "directed_draw.h"
#include "harness.h"
#include "shapes.h"
#include "stored.h"

static const atrous_type types[] = {ATROUS_TYPE_F16, ATROUS_TYPE_BF16, ATROUS_TYPE_I8,
                                    ATROUS_TYPE_F32};

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
    const size_t problems = harness.quick ? 4 : 60;
    struct random random = {directed_seed + 31};

    (void)state;
    for (size_t t = 0; t < 4; ++t) {
        size_t ran[HARNESS_MAX_SOLVERS] = {0};
        for (size_t i = 0; i < problems; ++i) {
            struct drawn d = drawn_make(&random);
            drawn_store(&d, types[t]);
            for (int direction = 0; direction <= ATROUS_BACKWARD_WEIGHTS; ++direction)
                verify(&random, &d, (atrous_direction)direction, ran);
            drawn_free(&d);
        }
        for (size_t s = 0; s < harness.solver_count; ++s)
            printf("%-5s %-10s ran %zu\n", stored_names[types[t]], harness.solver[s], ran[s]);
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
                   {"gradient_minimal", 16, 20, 1, 17, 3, ATROUS_BACKWARD_WEIGHTS},
                   {"gradient_phases", 16, 20, 1, 5, 3, ATROUS_BACKWARD_WEIGHTS}};
    struct random random = {directed_seed + 34};

    (void)state;
    for (size_t i = 0; i < sizeof grounds / sizeof *grounds; ++i)
        for (size_t variant = 0; variant < 8; ++variant) {
            atrous_conv conv = shape_square(2, grounds[i].channels, grounds[i].filters,
                                            grounds[i].extent, grounds[i].kernel, 1 + variant % 3);
            conv.groups = grounds[i].groups;
            conv.direction = grounds[i].direction;
            conv.input_layout = conv.output_layout = (atrous_layout)(variant / 2 % 2);
            conv.has_bias = grounds[i].direction != ATROUS_BACKWARD_DATA;
            if (harness.cpu_path || !harness_serves(grounds[i].solver, &conv))
                continue;
            conv.type = types[variant % 2]; /* a float */
            struct drawn d = drawn_of(&random, &conv);
            struct directed problem = drawn_direct(&d, &conv);
            if (grounds[i].direction == ATROUS_FORWARD)
                problem.bias = d.bias;
            const size_t count = directed_outputs_count(&conv);
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
    const size_t filters[] = {2, 6, 10, 46, 78};
    struct random random = {directed_seed + 32};

    (void)state;
    for (size_t i = 0; i < (harness.quick ? 6 : 140); ++i) {
        const atrous_type type = types[i % 4];
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
        struct drawn d = drawn_of(&random, &conv);
        float *scale = floats(conv.out_channels);
        random_fill(&random, scale, conv.out_channels);
        for (size_t k = 0; k < conv.out_channels && type == ATROUS_TYPE_I8; ++k)
            scale[k] *= 0.002f;
        void *stored[3];
        const float *from[] = {d.x, d.w, d.y}; /* y is the residual */
        const size_t counts[] = {d.counts.x, d.counts.w, d.counts.y};
        for (size_t a = 0; a < 3; ++a) {
            stored[a] = floats(counts[a]);
            for (size_t j = 0; j < counts[a]; ++j)
                stored_put(type, stored[a], j, (double)from[a][j]);
        }
        for (size_t s = 0; s < harness.solver_count; ++s) {
            atrous_plan *plan = harness_try_plan(harness.solver[s], &conv);
            atrous_check check = {.struct_size = sizeof check};
            atrous_arrays arrays;
            if (plan == NULL)
                continue;
            atrous_arrays_init(&arrays, sizeof arrays);
            arrays.input = stored[0];
            arrays.weights = stored[1];
            arrays.residual = stored[2];
            arrays.scale = scale;
            arrays.bias = d.bias;
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
        free(scale);
        drawn_free(&d);
    }
}

/* Sums of int8 that pass what a float counts on their way to a small result: 2048 products of
 * 127 * 127, as many of -127 * 127, and k - 4. Over channels, over taps, over channels at every
 * second output of a transposed convolution. */
static void sums_beyond_a_float_are_exact(void **state)
{
    enum { HALF = 2048, TERMS = 2 * HALF + 1, FILTERS = 9 };
    int8_t *x = malloc(2 * TERMS), *w = malloc(FILTERS * TERMS), y[3 * FILTERS];

    (void)state;
    assert_true(x != NULL && w != NULL);
    for (size_t problem = 0; problem < 3; ++problem) {
        const size_t inputs = problem == 2 ? 2 : 1, outputs = problem == 2 ? 3 : 1;
        atrous_conv conv;
        atrous_conv_init(&conv, 1, sizeof conv);
        conv.type = ATROUS_TYPE_I8;
        conv.direction = problem == 2 ? ATROUS_TRANSPOSED : ATROUS_FORWARD;
        conv.out_channels = FILTERS;
        conv.in_channels = problem == 1 ? 1 : TERMS;
        conv.input[0] = problem == 1 ? TERMS : inputs;
        conv.kernel[0] = problem == 1 ? TERMS : 1;
        conv.stride[0] = inputs;
        for (size_t term = 0; term < TERMS; ++term) {
            for (size_t i = 0; i < inputs; ++i)
                x[term * inputs + i] = (int8_t)(term < HALF ? 127 : term < 2 * HALF ? -127 : 1);
            for (size_t k = 0; k < FILTERS; ++k) /* channels before filters when transposed */
                w[problem == 2 ? term * FILTERS + k : k * TERMS + term] =
                    (int8_t)(term < 2 * HALF ? 127 : (int)k - 4);
        }
        for (size_t s = 0; s < harness.solver_count; ++s) {
            atrous_plan *plan = harness_try_plan(harness.solver[s], &conv);
            atrous_arrays arrays;
            if (plan == NULL)
                continue;
            atrous_arrays_init(&arrays, sizeof arrays);
            arrays.input = x;
            arrays.weights = w;
            arrays.output = y;
            assert_int_equal(atrous_plan_run(plan, &arrays, NULL), ATROUS_OK);
            for (size_t i = 0; i < FILTERS * outputs; ++i)
                assert_int_equal(y[i], i % outputs % 2 == 1 ? 0 : (int)(i / outputs) - 4);
            atrous_plan_destroy(plan);
        }
    }
    free(x);
    free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_direction_agrees),
        cmocka_unit_test(epilogues_agree),
        cmocka_unit_test(own_grounds_agree),
        cmocka_unit_test(sums_beyond_a_float_are_exact),
    };
    int failed = harness_open();

    directed_seed = harness_seed(directed_seed);
    if (failed == 0) {
        harness_add_gradients();
        failed = cmocka_run_group_tests_name("types", tests, NULL, NULL);
    }
    harness_close();
    return failed;
}
