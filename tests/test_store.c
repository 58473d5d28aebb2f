/* Tuning and the winners it remembers: the store is used, for the same problem on the same device
 * only. */
#define _XOPEN_SOURCE 700
#include "testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "device/source.h"
#include "harness.h"
#include "shapes.h"
#include "winners.h"

enum { SEED = 12 };

static const char broken[] = "this is no OpenCL C;\n";

static void tune_takes_the_fastest(void **state)
{
    const atrous_conv conv = winners_problem();
    struct random random = {SEED};
    struct data data = data_draw(&conv, &random, FILL_REALS);
    atrous_plan *plan = winners_plan_with(harness.context, &conv, NULL, 1);
    const char *chosen = winners_info_of(plan).solver;
    const double best = winners_candidate_of(plan, chosen).measured_ms;
    atrous_candidate candidate = {.struct_size = sizeof candidate};
    atrous_check check = {.struct_size = sizeof check};
    atrous_arrays arrays;

    (void)state;
    assert_true(best > 0.0);
    for (size_t i = 0; atrous_plan_candidate(plan, i, &candidate, NULL) == ATROUS_OK; ++i) {
        assert_int_equal(candidate.chosen, strcmp(candidate.solver, chosen) == 0);
        assert_true(candidate.refusal != NULL ? candidate.measured_ms == 0.0
                                              : candidate.measured_ms >= best);
    }
    atrous_arrays_init(&arrays, sizeof arrays);
    arrays.input = data.x;
    arrays.weights = data.w;
    arrays.output = floats(data.y_count);
    assert_int_equal(atrous_plan_run(plan, &arrays, NULL), ATROUS_OK);
    assert_int_equal(atrous_plan_check(plan, &arrays, &check, NULL), ATROUS_OK);
    assert_true(check.worst <= 1.0);
    free(arrays.output);
    atrous_plan_destroy(plan);
    data_free(&data);
}

static void tune_leaves_a_named_solver_alone(void **state)
{
    const atrous_conv conv = winners_problem();
    atrous_plan *plan = winners_plan_with(harness.context, &conv, "reference", 1);

    (void)state;
    assert_string_equal(winners_info_of(plan).solver, "reference");
    assert_false(winners_info_of(plan).remembered);
    assert_true(winners_candidate_of(plan, "reference").measured_ms == 0.0);
    atrous_plan_destroy(plan);
    assert_int_equal(access(winners_file, F_OK), -1);
}

static void tune_is_a_flag(void **state)
{
    const atrous_conv conv = winners_problem();
    atrous_plan_options options;
    atrous_plan *plan = NULL;
    atrous_error error;

    (void)state;
    atrous_plan_options_init(&options, sizeof options);
    assert_int_equal(options.tune, 0);
    options.tune = 2;
    assert_int_equal(atrous_plan_create(harness.context, &conv, &options, &plan, &error),
                     ATROUS_INVALID_ARGUMENT);
    assert_null(plan);
    assert_non_null(strstr(error.message, "tune: is 2"));
}

static void store_recalls_the_winner(void **state)
{
    const atrous_conv conv = winners_problem();
    const struct winners_outcome before = winners_plan_once(&conv, 0),
                                 tuned = winners_plan_once(&conv, 1);
    const struct winners_outcome after = winners_plan_once(&conv, 0);

    (void)state;
    assert_false(before.remembered);
    assert_true(before.measured_ms == 0.0);
    assert_true(tuned.remembered);
    assert_true(after.remembered);
    assert_string_equal(after.solver, tuned.solver);
    assert_true(after.measured_ms == tuned.measured_ms);
}

/* A winner that the estimates would not take: planted, recalled, and replaced by a tuning. */
static void store_comes_before_the_estimates(void **state)
{
    const atrous_conv conv = winners_problem();
    const struct winners_outcome tuned = winners_plan_once(&conv, 1);

    (void)state;
    assert_string_not_equal(tuned.solver, "reference");
    winners_change("UPDATE winners SET solver = 'reference', ms = 0.125");
    const struct winners_outcome recalled = winners_plan_once(&conv, 0);
    assert_string_equal(recalled.solver, "reference");
    assert_true(recalled.remembered && recalled.measured_ms == 0.125);
    assert_string_not_equal(winners_plan_once(&conv, 1).solver, "reference");
    assert_string_not_equal(winners_plan_once(&conv, 0).solver, "reference");
}

static void store_keeps_devices_and_versions_apart(void **state)
{
    static const char *const columns[] = {"device", "platform", "driver", "library"};
    const atrous_conv conv = winners_problem();
    char sql[128];

    (void)state;
    winners_plan_once(&conv, 1);
    for (size_t i = 0; i < sizeof columns / sizeof *columns; ++i) {
        assert_true(winners_plan_once(&conv, 0).remembered);
        snprintf(sql, sizeof sql, "UPDATE winners SET %s = %s || '2'", columns[i], columns[i]);
        winners_change(sql);
        assert_false(winners_plan_once(&conv, 0).remembered);
        snprintf(sql, sizeof sql, "UPDATE winners SET %s = substr(%s, 1, length(%s) - 1)",
                 columns[i], columns[i], columns[i]);
        winners_change(sql);
    }
    assert_true(winners_plan_once(&conv, 0).remembered);
}

static void store_keeps_problems_apart(void **state)
{
    const atrous_conv conv = winners_problem();
    atrous_conv others[7];

    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof *others; ++i)
        others[i] = conv;
    others[0].batch = 2;
    others[1].dilation[1] = 1;
    others[2].pad_end[0] += 1;
    others[3].padding = ATROUS_PADDING_REFLECT;
    others[4].has_bias = 1;
    others[5].groups = 8;
    others[6].math = ATROUS_MATH_STRICT;
    winners_plan_once(&conv, 1);
    for (size_t i = 0; i < sizeof others / sizeof *others; ++i)
        assert_false(winners_plan_once(&others[i], 0).remembered);
    /* Axes that the rank lacks are ignored everywhere. */
    atrous_conv same = conv;
    same.input[2] = same.dilation[2] = 77;
    assert_true(winners_plan_once(&same, 0).remembered);
}

static void store_with_a_useless_winner_is_passed_over(void **state)
{
    static const char *const useless[] = {
        "solver = 'nosuch'", "solver = ''", "ms = -1", "ms = 0", "ms = 'fast'", "solver = x'00ff'"};
    const atrous_conv conv = winners_problem();
    char sql[128];

    (void)state;
    for (size_t i = 0; i < sizeof useless / sizeof *useless; ++i) {
        winners_plan_once(&conv, 1);
        snprintf(sql, sizeof sql, "UPDATE winners SET %s", useless[i]);
        winners_change(sql);
        assert_false(winners_plan_once(&conv, 0).remembered);
    }
}

static atrous_context *open_context(void)
{
    atrous_context_options options;
    atrous_context *context = NULL;

    atrous_context_options_init(&options, sizeof options);
    options.device = ATROUS_DEVICE_INDEX;
    assert_int_equal(atrous_context_create(&options, &context, NULL), ATROUS_OK);
    return context;
}

/* With the winner's kernel broken, a plan with `tune` in a new context passes it over. */
static void expect_passed_over(const char *winner, int tune)
{
    const atrous_conv conv = winners_problem();
    atrous_context *context = open_context();
    char source[64];

    snprintf(source, sizeof source, "%s.cl", winner);
    atrous__source_override(source, broken);
    atrous_plan *plan = winners_plan_with(context, &conv, NULL, tune);
    atrous__source_override(source, NULL);
    const atrous_plan_info info = winners_info_of(plan);
    const atrous_candidate candidate = winners_candidate_of(plan, winner);
    assert_string_not_equal(info.solver, winner);
    assert_int_equal(info.remembered, tune);
    assert_false(info.on_cpu_path);
    assert_non_null(candidate.refusal);
    assert_true(candidate.measured_ms == 0.0);
    atrous_plan_destroy(plan);
    atrous_context_destroy(context);
}

static void store_with_a_winner_that_broke_falls_through(void **state)
{
    const atrous_conv conv = winners_problem();
    const struct winners_outcome tuned = winners_plan_once(&conv, 1);

    (void)state;
    expect_passed_over(tuned.solver, 0);
    expect_passed_over(tuned.solver, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, winners_make_folder, winners_remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(tune_takes_the_fastest),
        TEST(tune_leaves_a_named_solver_alone),
        TEST(tune_is_a_flag),
        TEST(store_recalls_the_winner),
        TEST(store_comes_before_the_estimates),
        TEST(store_keeps_devices_and_versions_apart),
        TEST(store_keeps_problems_apart),
        TEST(store_with_a_useless_winner_is_passed_over),
        TEST(store_with_a_winner_that_broke_falls_through),
    };
    int failed = harness_open();

    if (failed == 0)
        failed = cmocka_run_group_tests_name("store", tests, NULL, NULL);
    harness_close();
    return failed;
}
