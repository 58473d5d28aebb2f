/* Kernels broken on purpose: one that does not compile and one that computes wrongly are passed
 * over, and only when every solver fails does the caller hear of it. */
#include "testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"
#include "device/source.h"
#include "harness.h"
#include "shapes.h"

enum { SEED = 11 };

static const char not_a_kernel[] = "this is no OpenCL C;\n";

static atrous_context *open_context(int cpu_fallback)
{
    atrous_context_options options;
    atrous_context *context = NULL;

    atrous_context_options_init(&options, sizeof options);
    options.device = ATROUS_DEVICE_INDEX;
    options.cpu_fallback = cpu_fallback;
    assert_int_equal(atrous_context_create(&options, &context, NULL), ATROUS_OK);
    return context;
}

static struct data problem(void)
{
    atrous_conv conv = shape_square(2, 16, 16, 20, 3, 2);
    struct random random = {SEED};
    struct data data = {0};

    conv.has_bias = 1;
    data = data_draw(&conv, &random, FILL_INTEGERS);
    data_solve(&data);
    return data;
}

static void expect_right(atrous_plan *plan, const struct data *data)
{
    float *y = floats(data->y_count);
    const atrous_arrays arrays = data_arrays(data, y);
    struct mismatch worst;
    atrous_error error;

    harness_expect_ok(atrous_plan_run(plan, &arrays, &error), &error, "ladder", &data->conv);
    assert_true(
        compare_bound(&data->conv, y, data->value, data->magnitude, data->y_count, 0.0, &worst));
    free(y);
}

/* What the plan says of one solver. */
static const char *refusal_of(atrous_plan *plan, const char *solver)
{
    atrous_candidate candidate = {.struct_size = sizeof candidate};

    for (size_t i = 0; atrous_plan_candidate(plan, i, &candidate, NULL) == ATROUS_OK; ++i)
        if (strcmp(candidate.solver, solver) == 0)
            return candidate.refusal;
    return "not in the table";
}

/* Solvers of another direction say which one they are for. */
static void ladder_names_the_direction(void **state)
{
    (void)state;
    struct data data = problem();
    atrous_context *context = open_context(0);
    atrous_plan *plan = NULL;

    assert_int_equal(atrous_plan_create(context, &data.conv, NULL, &plan, NULL), ATROUS_OK);
    assert_string_equal(refusal_of(plan, "spread"),
                        "made for inputs that a stride spreads, transposed or backward");
    assert_string_equal(refusal_of(plan, "gradient"),
                        "it computes nothing but gradients of weights");
    atrous_plan_destroy(plan);
    atrous_context_destroy(context);
    data_free(&data);
}

/* The solver a whole ladder takes for the problem. */
static const char *first_choice(void)
{
    struct data data = problem();
    atrous_context *context = open_context(0);
    atrous_plan_info info = {.struct_size = sizeof info};
    const char *chosen = NULL;
    atrous_plan *plan = NULL;

    assert_int_equal(atrous_plan_create(context, &data.conv, NULL, &plan, NULL), ATROUS_OK);
    assert_int_equal(atrous_plan_query(plan, &info, NULL), ATROUS_OK);
    for (size_t s = 0; s < harness.solver_count; ++s)
        if (strcmp(harness.solver[s], info.solver) == 0)
            chosen = harness.solver[s];
    atrous_plan_destroy(plan);
    atrous_context_destroy(context);
    data_free(&data);
    return chosen;
}

/* Asked for by name, the broken solver is an error with its reason. */
static void expect_named_fails(atrous_context *context, const char *solver, const struct data *data)
{
    atrous_plan_options options;
    atrous_plan *plan = NULL;
    atrous_error error;

    atrous_plan_options_init(&options, sizeof options);
    options.solver = solver;
    assert_int_equal(atrous_plan_create(context, &data->conv, &options, &plan, &error),
                     ATROUS_OPENCL_ERROR);
    assert_null(plan);
    assert_non_null(strstr(error.message, solver));
}

/* With `text` for its kernel the first choice is refused, another solver serves. */
static void expect_passed_over(atrous_context *context, const char *solver, const struct data *data)
{
    atrous_plan_info info = {.struct_size = sizeof info};
    atrous_plan *plan = NULL;
    atrous_error error;

    harness_expect_ok(atrous_plan_create(context, &data->conv, NULL, &plan, &error), &error, solver,
                      &data->conv);
    const char *refusal = refusal_of(plan, solver);
    assert_non_null(refusal);
    printf("%s: %s\n", solver, refusal);
    assert_int_equal(atrous_plan_query(plan, &info, NULL), ATROUS_OK);
    assert_string_not_equal(info.solver, solver);
    assert_false(info.on_cpu_path);
    assert_null(info.fallback);
    expect_right(plan, data);
    atrous_plan_destroy(plan);
}

/* Solvers of one kind of problem alone have no part in this one. */
static bool takes_part(const char *solver)
{
    struct data data = problem();
    const bool served = harness_serves(solver, &data.conv);

    data_free(&data);
    return served;
}

static void break_solver(const char *solver, const char *text, bool compiles)
{
    struct data data = problem();
    const bool is_first = strcmp(first_choice(), solver) == 0;
    atrous_context *context = open_context(0);
    char source[64], log[256] = "";

    snprintf(source, sizeof source, "%s.cl", solver);
    atrous__source_override(source, text);
    if (is_first)
        expect_passed_over(context, solver, &data);
    expect_named_fails(context, solver, &data);
    atrous__source_override(source, NULL);
    assert_int_equal(atrous_context_build_log(context, log, sizeof log) > 1, !compiles);
    atrous_context_destroy(context);
    data_free(&data);
}

static void ladder_passes_over_what_does_not_compile(void **state)
{
    (void)state;
    for (size_t s = 0; s < harness.solver_count; ++s)
        if (takes_part(harness.solver[s]))
            break_solver(harness.solver[s], not_a_kernel, false);
}

/* A source as it is with a macro that lies, before or after it; to be freed. */
static char *lying(const char *name, const char *before, const char *after)
{
    const char *text = atrous__source_find(name);
    char *lie = NULL;
    size_t size = 0;

    assert_non_null(text);
    size = strlen(before) + strlen(text) + strlen(after) + 1;
    lie = malloc(size);
    assert_non_null(lie);
    snprintf(lie, size, "%s%s%s", before, text, after);
    return lie;
}

static void ladder_passes_over_what_computes_wrongly(void **state)
{
    (void)state;
    for (size_t s = 0; s < harness.solver_count; ++s) {
        char source[64];
        if (!takes_part(harness.solver[s]))
            continue;
        snprintf(source, sizeof source, "%s.cl", harness.solver[s]);
        char *wrong = lying(source, "#define fma(a, b, c) ((a) * (b) + (c) + 0.5f)\n", "");
        break_solver(harness.solver[s], wrong, true);
        free(wrong);
    }
}

/* epilogue.clh is a part of every solver, so without it there is none. */
static void ladder_ends_in_an_error(void **state)
{
    struct data data = problem();
    atrous_context *context = open_context(0);
    atrous_plan *plan = NULL;
    atrous_error error;
    char log[4096] = "";

    (void)state;
    atrous__source_override("epilogue.clh", not_a_kernel);
    assert_int_equal(atrous_plan_create(context, &data.conv, NULL, &plan, &error),
                     ATROUS_OPENCL_ERROR);
    atrous__source_override("epilogue.clh", NULL);
    assert_null(plan);
    printf("%s\n", error.message);
    assert_true(error.message[0] != '\0');
    assert_true(error.opencl_code != 0);
    assert_true(atrous_context_build_log(context, log, sizeof log) > 1);
    assert_true(strlen(log) > 0);
    assert_true(atrous_context_build_log(context, NULL, 0) == strlen(log) + 1);
    atrous_context_destroy(context);
    data_free(&data);
}

/* The shared end of every kernel adds a lie: all compile, all are caught. */
static void ladder_ends_in_an_error_when_all_are_wrong(void **state)
{
    struct data data = problem();
    atrous_context *context = open_context(0);
    atrous_plan *plan = NULL;
    atrous_error error;

    (void)state;
    char *wrong = lying("epilogue.clh", "",
                        "#define bias_of(e, k) (bias_of(e, k) + 99.0f)\n"
                        "#define biased(e, sum, k) (biased(e, sum, k) + 99.0f)\n");
    atrous__source_override("epilogue.clh", wrong);
    assert_int_equal(atrous_plan_create(context, &data.conv, NULL, &plan, &error),
                     ATROUS_OPENCL_ERROR);
    atrous__source_override("epilogue.clh", NULL);
    free(wrong);
    assert_null(plan);
    assert_non_null(strstr(error.message, "self-test"));
    atrous_context_destroy(context);
    data_free(&data);
}

static void ladder_ends_on_the_cpu_path_where_allowed(void **state)
{
    struct data data = problem();
    atrous_context *context = open_context(1);
    atrous_plan_info info = {.struct_size = sizeof info};
    atrous_plan *plan = NULL;
    atrous_error error;

    (void)state;
    atrous__source_override("epilogue.clh", not_a_kernel);
    harness_expect_ok(atrous_plan_create(context, &data.conv, NULL, &plan, &error), &error, "auto",
                      &data.conv);
    atrous__source_override("epilogue.clh", NULL);
    assert_int_equal(atrous_plan_query(plan, &info, NULL), ATROUS_OK);
    assert_true(info.on_cpu_path);
    assert_string_equal(info.solver, "cpu");
    assert_non_null(info.fallback);
    printf("fallback: %s\n", info.fallback);
    expect_right(plan, &data);
    atrous_plan_destroy(plan);
    atrous_context_destroy(context);
    data_free(&data);
}

/* The kernel behind a solver's other layout is tested before it may serve. */
static void ladder_tests_every_kernel_of_a_solver(void **state)
{
    atrous_conv conv = shape_square(2, 20, 20, 40, 3, 2);
    atrous_plan_info info = {.struct_size = sizeof info};
    atrous_plan *plan = NULL;

    (void)state;
    conv.groups = 20;
    conv.input_layout = conv.output_layout = ATROUS_LAYOUT_NHWC;
    for (int broken = 0; broken < 2; ++broken) {
        atrous_context *context = open_context(0);
        char *wrong = lying("depthwise.cl", "#define fma(a, b, c) ((a) * (b) + (c) + 0.5f)\n", "");
        atrous__source_override("depthwise.cl", broken ? wrong : NULL);
        assert_int_equal(atrous_plan_create(context, &conv, NULL, &plan, NULL), ATROUS_OK);
        atrous__source_override("depthwise.cl", NULL);
        assert_int_equal(atrous_plan_query(plan, &info, NULL), ATROUS_OK);
        assert_int_equal(strcmp(info.solver, "depthwise") == 0, !broken);
        atrous_plan_destroy(plan);
        atrous_context_destroy(context);
        free(wrong);
    }
}

/* What folds gradients onto what a padding repeats is tested too, whichever solver goes before. */
static void ladder_folds_nothing_wrongly(void **state)
{
    atrous_conv conv = shape_square(2, 16, 16, 20, 3, 2);
    atrous_context *context = open_context(1);
    atrous_plan_info info = {.struct_size = sizeof info};
    atrous_plan *plan = NULL;
    atrous_error error;

    (void)state;
    char *wrong = lying("fold.cl", "", "");
    char *sum = strstr(wrong, "sum += from");
    assert_non_null(sum);
    sum[4] = '-';
    atrous__source_override("fold.cl", wrong);
    conv.direction = ATROUS_BACKWARD_DATA;
    for (int mode = ATROUS_PADDING_ZEROS; mode <= ATROUS_PADDING_CIRCULAR; ++mode) {
        conv.padding = (atrous_padding)mode;
        harness_expect_ok(atrous_plan_create(context, &conv, NULL, &plan, &error), &error, "auto",
                          &conv);
        assert_int_equal(atrous_plan_query(plan, &info, NULL), ATROUS_OK);
        assert_true((info.on_cpu_path != 0) == (mode > ATROUS_PADDING_CONSTANT));
        atrous_plan_destroy(plan);
    }
    atrous__source_override("fold.cl", NULL);
    free(wrong);
    atrous_context_destroy(context);
}

/* What gates behind a solver is tested too; where it lies, solvers that gate themselves serve. */
static void ladder_gates_nothing_wrongly(void **state)
{
    atrous_conv conv = shape_square(2, 20, 40, 20, 3, 2);
    atrous_context *context = open_context(0);
    atrous_plan_info info = {.struct_size = sizeof info};
    atrous_plan *plan = NULL;
    atrous_error error;

    (void)state;
    char *wrong = lying("gate.cl", "#define tanh(v) (0.5f * (v))\n", "");
    conv.activation = ATROUS_ACTIVATION_GATED;
    conv.has_bias = 1;
    for (size_t groups = 1; groups <= 2; ++groups) {
        conv.groups = groups;
        atrous__source_override("gate.cl", wrong);
        harness_expect_ok(atrous_plan_create(context, &conv, NULL, &plan, &error), &error, "auto",
                          &conv);
        assert_int_equal(atrous_plan_query(plan, &info, NULL), ATROUS_OK);
        assert_false(info.on_cpu_path);
        assert_int_equal(strcmp(info.solver, "reference") == 0, groups == 2);
        assert_int_equal(refusal_of(plan, "simd") != NULL, groups == 2);
        atrous_plan_destroy(plan);
    }
    atrous__source_override("gate.cl", NULL);
    free(wrong);
    atrous_context_destroy(context);
}

/* Unbroken, every solver of such problems takes it, so a refusal elsewhere is the override's doing.
 */
static void ladder_is_whole_without_overrides(void **state)
{
    struct data data = problem();
    atrous_context *context = open_context(0);
    atrous_plan *plan = NULL;
    char log[16] = "x";

    (void)state;
    assert_int_equal(atrous_plan_create(context, &data.conv, NULL, &plan, NULL), ATROUS_OK);
    size_t taking_part = 0;
    for (size_t s = 0; s < harness.solver_count; ++s) {
        const bool takes = takes_part(harness.solver[s]);
        assert_true((refusal_of(plan, harness.solver[s]) == NULL) == takes);
        taking_part += takes;
    }
    assert_true(taking_part >= 4); /* winograd, simd, tile, reference */
    assert_int_equal(atrous_context_build_log(context, log, sizeof log), 1);
    assert_string_equal(log, "");
    expect_right(plan, &data);
    atrous_plan_destroy(plan);
    atrous_context_destroy(context);
    data_free(&data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ladder_names_the_direction),
        cmocka_unit_test(ladder_is_whole_without_overrides),
        cmocka_unit_test(ladder_passes_over_what_does_not_compile),
        cmocka_unit_test(ladder_passes_over_what_computes_wrongly),
        cmocka_unit_test(ladder_ends_in_an_error),
        cmocka_unit_test(ladder_ends_in_an_error_when_all_are_wrong),
        cmocka_unit_test(ladder_ends_on_the_cpu_path_where_allowed),
        cmocka_unit_test(ladder_folds_nothing_wrongly),
        cmocka_unit_test(ladder_gates_nothing_wrongly),
        cmocka_unit_test(ladder_tests_every_kernel_of_a_solver),
    };
    int failed = harness_open();

    if (failed == 0)
        failed = cmocka_run_group_tests_name("ladder", tests, NULL, NULL);
    harness_close();
    return failed;
}
