/* Where the store of winners lies, and places and files that are of no use: tuning goes on, and
 * nothing is remembered. */
#define _XOPEN_SOURCE 700
#include "testing.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "files.h"
#include "harness.h"
#include "shapes.h"
#include "winners.h"

static void store_can_be_off(void **state)
{
    (void)state;
    setenv("XDG_CACHE_HOME", winners_folder, 1);
    setenv("ATROUS_CACHE", "off", 1);
    winners_expect_forgetful("off");
    assert_int_equal(access("off", F_OK), -1);
    assert_int_equal(rmdir(winners_folder), 0); /* nothing was written into it */
    assert_int_equal(mkdir(winners_folder, 0700), 0);
}

static void store_has_its_place_in_the_cache_folder(void **state)
{
    const atrous_conv conv = winners_problem();
    char absolute[WINNERS_PATH], cache[WINNERS_PATH + 8], home[WINNERS_PATH + 8],
        path[WINNERS_PATH + 64];

    (void)state;
    assert_non_null(getcwd(absolute, sizeof absolute - sizeof winners_folder));
    strcat(absolute, "/");
    strcat(absolute, winners_folder);
    snprintf(cache, sizeof cache, "%s/a/b", absolute);
    snprintf(home, sizeof home, "%s/c", absolute);
    unsetenv("ATROUS_CACHE");
    setenv("HOME", home, 1);
    setenv("XDG_CACHE_HOME", cache, 1);
    assert_true(winners_plan_once(&conv, 1).remembered);
    snprintf(path, sizeof path, "%s/atrous/winners.sqlite", cache);
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(access(home, F_OK), -1);

    setenv("XDG_CACHE_HOME", "relative/does/not/count", 1);
    assert_true(winners_plan_once(&conv, 1).remembered);
    snprintf(path, sizeof path, "%s/.cache/atrous/winners.sqlite", home);
    assert_int_equal(access(path, F_OK), 0);

    unsetenv("XDG_CACHE_HOME");
    assert_true(winners_plan_once(&conv, 0).remembered);
    unsetenv("HOME");
    winners_expect_forgetful("no HOME");
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
    char path[WINNERS_PATH + 32];

    (void)state;
    snprintf(path, sizeof path, "%s/file", winners_folder);
    write_text(path, "", 0);
    snprintf(path, sizeof path, "%s/file/below/winners.sqlite", winners_folder);
    setenv("ATROUS_CACHE", path, 1);
    winners_expect_forgetful("below a file");
    setenv("ATROUS_CACHE", winners_folder, 1);
    winners_expect_forgetful("a folder");
    setenv("ATROUS_CACHE", "/dev/null", 1);
    winners_expect_forgetful("no ordinary file");
    snprintf(path, sizeof path, "%s/pipe", winners_folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    setenv("ATROUS_CACHE", path, 1);
    winners_expect_forgetful("a pipe");
}

static void store_that_is_corrupt_is_none(void **state)
{
    const atrous_conv conv = winners_problem();
    size_t size = 0, left = 0;

    (void)state;
    winners_plan_once(&conv, 1);
    char *whole = file_read(winners_file, &size);
    assert_non_null(whole);
    write_text(winners_file, whole, size / 2 + 100);
    winners_plan_once(&conv, 0); /* cut in two: whether SQLite can mend it is its business */
    winners_plan_once(&conv, 1);
    memset(whole + 100, 0x5a, size - 100);
    write_text(winners_file, whole, size);
    winners_expect_forgetful("overwritten pages");
    memset(whole, 'x', size);
    write_text(winners_file, whole, size);
    winners_expect_forgetful("no database at all");
    char *after = file_read(winners_file, &left);
    assert_non_null(after);
    assert_int_equal(left, size);
    assert_memory_equal(after, whole, size); /* perhaps another's file: never touched */
    free(after);
    free(whole);
    write_text(winners_file, "", 0);
    assert_true(winners_plan_once(&conv, 1).remembered); /* an empty file is an empty database */
}

static double now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec * 1e-6;
}

static void store_that_is_locked_is_none(void **state)
{
    const atrous_conv conv = winners_problem();
    sqlite3 *file = NULL;

    (void)state;
    winners_plan_once(&conv, 1);
    assert_int_equal(sqlite3_open(winners_file, &file), SQLITE_OK);
    assert_int_equal(sqlite3_exec(file, "BEGIN EXCLUSIVE", NULL, NULL, NULL), SQLITE_OK);
    const double start = now_ms();
    winners_expect_forgetful("locked");
    /* Far above 100 ms and the plans themselves, far below a wait for the lock. */
    assert_true(now_ms() - start < 30e3);
    sqlite3_close(file);
    assert_true(winners_plan_once(&conv, 0).remembered);
}

static void *tune_in_a_thread(void *remembered)
{
    const atrous_conv conv = winners_problem();
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, winners_make_folder, winners_remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(store_can_be_off),
        TEST(store_has_its_place_in_the_cache_folder),
        TEST(store_in_an_impossible_place_is_none),
        TEST(store_that_is_corrupt_is_none),
        TEST(store_that_is_locked_is_none),
        TEST(store_is_shared_by_threads),
    };
    int failed = harness_open();

    if (failed == 0)
        failed = cmocka_run_group_tests_name("store_place", tests, NULL, NULL);
    harness_close();
    return failed;
}
