/* Tuning and the winners it remembers: the store is used, for the same problem on the same device
 * only, and no state of its file fails a call. */
#define _XOPEN_SOURCE 700
#include "testing.h"

#include <ftw.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "device/source.h"
#include "files.h"
#include "harness.h"
#include "shapes.h"

enum { SEED = 12, PATH = 256 };

static const char broken[] = "this is no OpenCL C;\n";

/* The folder of one test and the store in it, which ATROUS_CACHE names. */
static char folder[32], store[PATH];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "store.XXXXXX");
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(store, sizeof store, "%s/winners.sqlite", folder);
    return setenv("ATROUS_CACHE", store, 1);
}

static int remove_one(const char *path, const struct stat *facts, int kind, struct FTW *where)
{
    (void)facts, (void)kind, (void)where;
    return remove(path);
}

static int remove_folder(void **state)
{
    (void)state;
    return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static atrous_conv problem(void)
{
    return shape_square(2, 8, 8, 20, 3, 2);
}

static atrous_plan *plan_with(atrous_context *context, const atrous_conv *conv, const char *solver,
                              int tune)
{
    atrous_plan_options options;
    atrous_plan *plan = NULL;
    atrous_error error;

    atrous_plan_options_init(&options, sizeof options);
    options.solver = solver;
    options.tune = tune;
    harness_expect_ok(atrous_plan_create(context, conv, &options, &plan, &error), &error, "auto",
                      conv);
    return plan;
}

static atrous_plan_info info_of(const atrous_plan *plan)
{
    atrous_plan_info info = {.struct_size = sizeof info};
    assert_int_equal(atrous_plan_query(plan, &info, NULL), ATROUS_OK);
    return info;
}

static atrous_candidate candidate_of(const atrous_plan *plan, const char *solver)
{
    atrous_candidate candidate = {.struct_size = sizeof candidate};
    for (size_t i = 0; atrous_plan_candidate(plan, i, &candidate, NULL) == ATROUS_OK; ++i)
        if (strcmp(candidate.solver, solver) == 0)
            return candidate;
    fail_msg("no solver %s", solver);
    return candidate;
}

/* What a plan of the problem came to; the names are copied, as plans do not live. */
struct outcome {
    char solver[32];
    int remembered;
    double measured_ms;
};

static struct outcome plan_once(const atrous_conv *conv, int tune)
{
    struct outcome outcome;
    atrous_plan *plan = plan_with(harness.context, conv, NULL, tune);
    const atrous_plan_info info = info_of(plan);

    snprintf(outcome.solver, sizeof outcome.solver, "%s", info.solver);
    outcome.remembered = info.remembered;
    outcome.measured_ms = candidate_of(plan, info.solver).measured_ms;
    atrous_plan_destroy(plan);
    return outcome;
}

/* Changes the store as another program would. */
static void change(const char *sql)
{
    sqlite3 *file = NULL;
    assert_int_equal(sqlite3_open(store, &file), SQLITE_OK);
    assert_int_equal(sqlite3_exec(file, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(file);
}

/* Tuning works and nothing is remembered, neither now nor for the next plan. */
static void expect_forgetful(const char *why)
{
    const atrous_conv conv = problem();
    const struct outcome tuned = plan_once(&conv, 1), next = plan_once(&conv, 0);

    printf("%s\n", why);
    assert_true(tuned.measured_ms > 0.0);
    assert_false(tuned.remembered);
    assert_false(next.remembered);
    assert_true(next.measured_ms == 0.0);
}

static void tune_takes_the_fastest(void **state)
{
    const atrous_conv conv = problem();
    struct random random = {SEED};
    struct data data = data_draw(&conv, &random, FILL_REALS);
    atrous_plan *plan = plan_with(harness.context, &conv, NULL, 1);
    const char *chosen = info_of(plan).solver;
    const double best = candidate_of(plan, chosen).measured_ms;
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
    const atrous_conv conv = problem();
    atrous_plan *plan = plan_with(harness.context, &conv, "reference", 1);

    (void)state;
    assert_string_equal(info_of(plan).solver, "reference");
    assert_false(info_of(plan).remembered);
    assert_true(candidate_of(plan, "reference").measured_ms == 0.0);
    atrous_plan_destroy(plan);
    assert_int_equal(access(store, F_OK), -1);
}

static void tune_is_a_flag(void **state)
{
    const atrous_conv conv = problem();
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
    const atrous_conv conv = problem();
    const struct outcome before = plan_once(&conv, 0), tuned = plan_once(&conv, 1);
    const struct outcome after = plan_once(&conv, 0);

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
    const atrous_conv conv = problem();
    const struct outcome tuned = plan_once(&conv, 1);

    (void)state;
    assert_string_not_equal(tuned.solver, "reference");
    change("UPDATE winners SET solver = 'reference', ms = 0.125");
    const struct outcome recalled = plan_once(&conv, 0);
    assert_string_equal(recalled.solver, "reference");
    assert_true(recalled.remembered && recalled.measured_ms == 0.125);
    assert_string_not_equal(plan_once(&conv, 1).solver, "reference");
    assert_string_not_equal(plan_once(&conv, 0).solver, "reference");
}

static void store_keeps_devices_and_versions_apart(void **state)
{
    static const char *const columns[] = {"device", "platform", "driver", "library"};
    const atrous_conv conv = problem();
    char sql[128];

    (void)state;
    plan_once(&conv, 1);
    for (size_t i = 0; i < sizeof columns / sizeof *columns; ++i) {
        assert_true(plan_once(&conv, 0).remembered);
        snprintf(sql, sizeof sql, "UPDATE winners SET %s = %s || '2'", columns[i], columns[i]);
        change(sql);
        assert_false(plan_once(&conv, 0).remembered);
        snprintf(sql, sizeof sql, "UPDATE winners SET %s = substr(%s, 1, length(%s) - 1)",
                 columns[i], columns[i], columns[i]);
        change(sql);
    }
    assert_true(plan_once(&conv, 0).remembered);
}

static void store_keeps_problems_apart(void **state)
{
    const atrous_conv conv = problem();
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
    plan_once(&conv, 1);
    for (size_t i = 0; i < sizeof others / sizeof *others; ++i)
        assert_false(plan_once(&others[i], 0).remembered);
    /* Axes that the rank lacks are ignored everywhere. */
    atrous_conv same = conv;
    same.input[2] = same.dilation[2] = 77;
    assert_true(plan_once(&same, 0).remembered);
}

static void store_with_a_useless_winner_is_passed_over(void **state)
{
    static const char *const useless[] = {
        "solver = 'nosuch'", "solver = ''", "ms = -1", "ms = 0", "ms = 'fast'", "solver = x'00ff'"};
    const atrous_conv conv = problem();
    char sql[128];

    (void)state;
    for (size_t i = 0; i < sizeof useless / sizeof *useless; ++i) {
        plan_once(&conv, 1);
        snprintf(sql, sizeof sql, "UPDATE winners SET %s", useless[i]);
        change(sql);
        assert_false(plan_once(&conv, 0).remembered);
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
    const atrous_conv conv = problem();
    atrous_context *context = open_context();
    char source[64];

    snprintf(source, sizeof source, "%s.cl", winner);
    atrous__source_override(source, broken);
    atrous_plan *plan = plan_with(context, &conv, NULL, tune);
    atrous__source_override(source, NULL);
    const atrous_plan_info info = info_of(plan);
    const atrous_candidate candidate = candidate_of(plan, winner);
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
    const atrous_conv conv = problem();
    const struct outcome tuned = plan_once(&conv, 1);

    (void)state;
    expect_passed_over(tuned.solver, 0);
    expect_passed_over(tuned.solver, 1);
}

static void store_can_be_off(void **state)
{
    (void)state;
    setenv("XDG_CACHE_HOME", folder, 1);
    setenv("ATROUS_CACHE", "off", 1);
    expect_forgetful("off");
    assert_int_equal(access("off", F_OK), -1);
    assert_int_equal(rmdir(folder), 0); /* nothing was written into it */
    assert_int_equal(mkdir(folder, 0700), 0);
}

static void store_has_its_place_in_the_cache_folder(void **state)
{
    const atrous_conv conv = problem();
    char absolute[PATH], cache[PATH + 8], home[PATH + 8], path[PATH + 64];

    (void)state;
    assert_non_null(getcwd(absolute, sizeof absolute - sizeof folder));
    strcat(absolute, "/");
    strcat(absolute, folder);
    snprintf(cache, sizeof cache, "%s/a/b", absolute);
    snprintf(home, sizeof home, "%s/c", absolute);
    unsetenv("ATROUS_CACHE");
    setenv("HOME", home, 1);
    setenv("XDG_CACHE_HOME", cache, 1);
    assert_true(plan_once(&conv, 1).remembered);
    snprintf(path, sizeof path, "%s/atrous/winners.sqlite", cache);
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(access(home, F_OK), -1);

    setenv("XDG_CACHE_HOME", "relative/does/not/count", 1);
    assert_true(plan_once(&conv, 1).remembered);
    snprintf(path, sizeof path, "%s/.cache/atrous/winners.sqlite", home);
    assert_int_equal(access(path, F_OK), 0);

    unsetenv("XDG_CACHE_HOME");
    assert_true(plan_once(&conv, 0).remembered);
    unsetenv("HOME");
    expect_forgetful("no HOME");
}

static void write_text(const char *path, const char *text, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static void store_in_an_impossible_place_is_none(void **state)
{
    char path[PATH + 32];

    (void)state;
    snprintf(path, sizeof path, "%s/file", folder);
    write_text(path, "", 0);
    snprintf(path, sizeof path, "%s/file/below/winners.sqlite", folder);
    setenv("ATROUS_CACHE", path, 1);
    expect_forgetful("below a file");
    setenv("ATROUS_CACHE", folder, 1);
    expect_forgetful("a folder");
    setenv("ATROUS_CACHE", "/dev/null", 1);
    expect_forgetful("no ordinary file");
    snprintf(path, sizeof path, "%s/pipe", folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    setenv("ATROUS_CACHE", path, 1);
    expect_forgetful("a pipe");
}

static void store_that_is_corrupt_is_none(void **state)
{
    const atrous_conv conv = problem();
    size_t size = 0, left = 0;

    (void)state;
    plan_once(&conv, 1);
    char *whole = file_read(store, &size);
    assert_non_null(whole);
    write_text(store, whole, size / 2 + 100);
    plan_once(&conv, 0); /* cut in two: whether SQLite can mend it is its business */
    plan_once(&conv, 1);
    memset(whole + 100, 0x5a, size - 100);
    write_text(store, whole, size);
    expect_forgetful("overwritten pages");
    memset(whole, 'x', size);
    write_text(store, whole, size);
    expect_forgetful("no database at all");
    char *after = file_read(store, &left);
    assert_non_null(after);
    assert_int_equal(left, size);
    assert_memory_equal(after, whole, size); /* perhaps another's file: never touched */
    free(after);
    free(whole);
    write_text(store, "", 0);
    assert_true(plan_once(&conv, 1).remembered); /* an empty file is an empty database */
}

static double now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec * 1e-6;
}

static void store_that_is_locked_is_none(void **state)
{
    const atrous_conv conv = problem();
    sqlite3 *file = NULL;

    (void)state;
    plan_once(&conv, 1);
    assert_int_equal(sqlite3_open(store, &file), SQLITE_OK);
    assert_int_equal(sqlite3_exec(file, "BEGIN EXCLUSIVE", NULL, NULL, NULL), SQLITE_OK);
    const double start = now_ms();
    expect_forgetful("locked");
    /* Far above 100 ms and the plans themselves, far below a wait for the lock. */
    assert_true(now_ms() - start < 30e3);
    sqlite3_close(file);
    assert_true(plan_once(&conv, 0).remembered);
}

static void *tune_in_a_thread(void *remembered)
{
    const atrous_conv conv = problem();
    atrous_plan_options options;
    atrous_plan_info info = {.struct_size = sizeof info};
    atrous_plan *plan = NULL;

    atrous_plan_options_init(&options, sizeof options);
    for (int i = 0; i < 4; ++i) {
        options.tune = i % 2 == 0;
        if (atrous_plan_create(harness.context, &conv, &options, &plan, NULL) == ATROUS_OK &&
            atrous_plan_query(plan, &info, NULL) == ATROUS_OK)
            *(int *)remembered += info.remembered;
        atrous_plan_destroy(plan);
    }
    return NULL;
}

static void store_is_shared_by_threads(void **state)
{
    pthread_t threads[3];
    int remembered[3] = {0};

    (void)state;
    for (size_t i = 0; i < 3; ++i)
        assert_int_equal(pthread_create(&threads[i], NULL, tune_in_a_thread, &remembered[i]), 0);
    for (size_t i = 0; i < 3; ++i)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_true(remembered[0] + remembered[1] + remembered[2] > 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

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
        TEST(store_can_be_off),
        TEST(store_has_its_place_in_the_cache_folder),
        TEST(store_in_an_impossible_place_is_none),
        TEST(store_that_is_corrupt_is_none),
        TEST(store_that_is_locked_is_none),
        TEST(store_is_shared_by_threads),
    };
    int failed = harness_open();

    if (failed == 0)
        failed = cmocka_run_group_tests_name("store", tests, NULL, NULL);
    harness_close();
    return failed;
}
