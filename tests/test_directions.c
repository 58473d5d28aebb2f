/* Directions other than forward: threads, refusals, arrays, which solvers serve, the epilogue. */
#include "testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data.h"
#include "directed_draw.h"
#include "harness.h"
#include "shapes.h"

static float *run_with_threads(const struct directed *problem, unsigned threads)
{
    atrous_context *const kept = harness.context;
    atrous_context_options options;
    float *got = floats(directed_outputs_count(&problem->conv));

    atrous_context_options_init(&options, sizeof options);
    options.device = ATROUS_DEVICE_CPU_PATH;
    options.threads = threads;
    assert_int_equal(atrous_context_create(&options, &harness.context, NULL), ATROUS_OK);
    assert_true(directed_run("cpu", problem, got));
    atrous_context_destroy(harness.context);
    harness.context = kept;
    return got;
}

/* The number of threads changes no bit. */
static void same_for_any_threads(void **state)
{
    const atrous_direction directions[] = {ATROUS_BACKWARD_DATA, ATROUS_BACKWARD_WEIGHTS};
    struct random random = {directed_seed + 4};

    (void)state;
    if (!harness.cpu_path)
        skip();
    for (size_t i = 0; i < 20; ++i) {
        struct drawn d = drawn_make(&random);
        d.forward.padding = ATROUS_PADDING_ZEROS;
        for (size_t j = 0; j < 2; ++j) {
            atrous_conv conv = d.forward;
            conv.direction = directions[j];
            const struct directed problem = drawn_direct(&d, &conv);
            float *one = run_with_threads(&problem, 1), *three = run_with_threads(&problem, 3);
            assert_memory_equal(one, three, directed_outputs_count(&conv) * sizeof *one);
            free(one);
            free(three);
        }
        drawn_free(&d);
    }
}

/* What a direction leaves no meaning to or does not serve is refused by name. */
static void refused_by_name(void **state)
{
    const struct {
        atrous_direction direction;
        size_t offset; /* of an int-sized field, set to 1 (or of a size_t, to 2) */
        bool is_size;
        int value;
        atrous_status status;
        const char *field;
    } cases[] = {
        {ATROUS_BACKWARD_DATA, offsetof(atrous_conv, has_bias), false, 1, ATROUS_INVALID_ARGUMENT,
         "has_bias"},
        {ATROUS_BACKWARD_DATA, offsetof(atrous_conv, activation), false, 1, ATROUS_INVALID_ARGUMENT,
         "activation"},
        {ATROUS_BACKWARD_WEIGHTS, offsetof(atrous_conv, residual), false, 2,
         ATROUS_INVALID_ARGUMENT, "residual"},
        {ATROUS_TRANSPOSED, offsetof(atrous_conv, padding), false, ATROUS_PADDING_CONSTANT,
         ATROUS_UNSUPPORTED, "padding"},
        {ATROUS_TRANSPOSED, offsetof(atrous_conv, output_padding), true, 2, ATROUS_INVALID_ARGUMENT,
         "output_padding[0]"},
        {ATROUS_BACKWARD_DATA, offsetof(atrous_conv, output_padding), true, 1,
         ATROUS_INVALID_ARGUMENT, "output_padding[0]"},
        {ATROUS_TRANSPOSED, offsetof(atrous_conv, pad_begin), true, 99, ATROUS_INVALID_ARGUMENT,
         "pad_begin[0]"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        atrous_conv conv = shape_square(2, 2, 4, 9, 3, 2);
        atrous_error error = {.status = ATROUS_OK};
        const size_t size = (size_t)cases[i].value;
        conv.direction = cases[i].direction;
        if (cases[i].is_size)
            memcpy((char *)&conv + cases[i].offset, &size, sizeof size);
        else
            memcpy((char *)&conv + cases[i].offset, &cases[i].value, sizeof cases[i].value);
        assert_int_equal(atrous_conv_output(&conv, NULL, &error), cases[i].status);
        assert_string_equal(error.field, cases[i].field);
    }
}

/* Without dy, or with dw and db in one place, nothing is computed. */
static void arrays_are_checked(void **state)
{
    struct random random = {directed_seed + 5};
    struct drawn d = drawn_make(&random);
    atrous_conv conv = d.forward;
    atrous_plan *plan = NULL;
    atrous_arrays arrays;
    atrous_error error;
    const size_t room = d.counts.w + d.counts.filters;
    float *output = floats(room);

    (void)state;
    conv.direction = ATROUS_BACKWARD_WEIGHTS;
    conv.has_bias = 1;
    harness_expect_ok(atrous_plan_create(harness.context, &conv, NULL, &plan, &error), &error,
                      "auto", &conv);
    atrous_arrays_init(&arrays, sizeof arrays);
    arrays.input = d.x;
    arrays.output = output;
    arrays.bias_output = output + d.counts.w;
    assert_int_equal(atrous_plan_run(plan, &arrays, &error), ATROUS_INVALID_ARGUMENT);
    assert_string_equal(error.field, "grad_output");
    arrays.grad_output = d.y;
    arrays.bias_output = output + d.counts.w - 1;
    assert_int_equal(atrous_plan_run(plan, &arrays, &error), ATROUS_INVALID_ARGUMENT);
    assert_string_equal(error.field, "output");
    arrays.bias_output = NULL;
    assert_int_equal(atrous_plan_run(plan, &arrays, &error), ATROUS_INVALID_ARGUMENT);
    assert_string_equal(error.field, "bias_output");
    for (size_t i = 0; i < room; ++i)
        assert_true(output[i] <= 0 && output[i] >= 0);
    atrous_plan_destroy(plan);
    free(output);
    drawn_free(&d);
}

/* The forward epilogue behind a transposed convolution, on all paths: the plan's own check, whose
 * sums the other tests hold against the truth. */
static void transposed_epilogue(void **state)
{
    struct random random = {directed_seed + 7};

    (void)state;
    for (size_t i = 0; i < 40; ++i) {
        atrous_conv conv;
        do {
            directed_draw(&random, &conv);
            conv.direction = ATROUS_TRANSPOSED;
            conv.padding = ATROUS_PADDING_ZEROS;
            conv.activation = (atrous_activation)random_between(&random, 0, 6);
            conv.activation_low = -0.25;
            conv.activation_high = 0.5;
            conv.out_channels += conv.activation == ATROUS_ACTIVATION_GATED ? conv.out_channels : 0;
            conv.residual = conv.activation == ATROUS_ACTIVATION_GATED
                                ? ATROUS_RESIDUAL_AFTER
                                : (atrous_residual)random_between(&random, 0, 2);
            conv.has_bias = 1;
        } while (atrous_conv_output(&conv, NULL, NULL) != ATROUS_OK);
        const struct directed_counts n = directed_count(&conv);
        if ((double)n.y * (double)n.w > 3e6)
            continue;
        float *x = floats(n.y), *w = floats(n.w), *bias = floats(conv.out_channels);
        float *residual = floats(n.x), *y = floats(n.x);
        random_fill(&random, x, n.y);
        random_fill(&random, w, n.w);
        random_fill(&random, bias, conv.out_channels);
        random_fill(&random, residual, n.x);
        for (size_t s = 0; s < harness.solver_count; ++s) {
            atrous_check check = {.struct_size = sizeof check};
            atrous_arrays arrays;
            atrous_plan *plan = harness_try_plan(harness.solver[s], &conv);
            if (plan == NULL)
                continue;
            atrous_arrays_init(&arrays, sizeof arrays);
            arrays.input = x;
            arrays.weights = w;
            arrays.bias = bias;
            arrays.residual = residual;
            arrays.output = y;
            assert_int_equal(atrous_plan_run(plan, &arrays, NULL), ATROUS_OK);
            assert_int_equal(atrous_plan_check(plan, &arrays, &check, NULL), ATROUS_OK);
            assert_true(check.worst <= 1.0);
            atrous_plan_destroy(plan);
        }
        free(x);
        free(w);
        free(bias);
        free(residual);
        free(y);
    }
}

/* Stride 1: the solvers of the forward direction serve, minimal filtering too. Its errors are
 * the plan's own check's business, made in directed_run(); here they may be some bounds more. */
static void stride_one_on_fast_solvers(void **state)
{
    const atrous_direction directions[] = {ATROUS_BACKWARD_DATA, ATROUS_TRANSPOSED};
    struct random random = {directed_seed + 6};
    size_t ran[HARNESS_MAX_SOLVERS] = {0};

    (void)state;
    for (size_t i = 0; i < 24; ++i) {
        const int rank = i % 3 == 0 ? 1 : 2;
        atrous_conv conv = shape_square(rank, 16 + i, 40 - i, rank == 1 ? 60 : 14,
                                        rank == 1 && i % 2 == 1 ? 2 : 3, 1 + i % 4);
        conv.direction = directions[i % 2];
        if (conv.direction == ATROUS_BACKWARD_DATA && i / 2 % 4 > 0)
            conv.padding = (atrous_padding)(i / 2 % 4 + 1); /* those that repeat */
        conv.orientation = (atrous_orientation)(i / 2 % 2);
        conv.input_layout = (atrous_layout)(i / 4 % 2);
        conv.output_layout = (atrous_layout)(i / 8 % 2);
        conv.has_bias = conv.direction == ATROUS_TRANSPOSED;
        struct drawn d = drawn_of(&random, &conv);
        const struct directed problem = drawn_direct(&d, &conv);
        double *value = calloc(d.counts.x, sizeof *value),
               *bound = calloc(d.counts.x, sizeof *bound);
        float *got = floats(d.counts.x);
        assert_true(value != NULL && bound != NULL);
        directed_solve(&problem, value, bound);
        for (size_t j = 0; j < d.counts.x; ++j)
            bound[j] *= 64;
        for (size_t s = 0; s < harness.solver_count; ++s)
            if (directed_run(harness.solver[s], &problem, got)) {
                directed_compare(harness.solver[s], &problem, got, value, bound);
                ++ran[s];
            }
        free(value);
        free(bound);
        free(got);
        drawn_free(&d);
    }
    for (size_t s = 0; s < harness.solver_count; ++s)
        printf("%-10s ran %zu of 24\n", harness.solver[s], ran[s]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_for_any_threads), cmocka_unit_test(refused_by_name),
        cmocka_unit_test(arrays_are_checked),   cmocka_unit_test(stride_one_on_fast_solvers),
        cmocka_unit_test(transposed_epilogue),
    };
    int failed = harness_open();

    directed_seed = harness_seed(directed_seed);
    if (failed == 0) {
        harness_add_gradients();
        failed = cmocka_run_group_tests_name("directions", tests, NULL, NULL);
    }
    harness_close();
    return failed;
}
