/* The folder of a test with the winners that tuning remembers, and plans that use it. */
#define _XOPEN_SOURCE 700
#include "testing.h"

#include "winners.h"

#include <ftw.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"
#include "shapes.h"

/* The folder of one test and the store in it, which ATROUS_CACHE names. */
char winners_folder[32], winners_file[WINNERS_PATH];

int winners_make_folder(void **state)
{
    (void)state;
    snprintf(winners_folder, sizeof winners_folder, "store.XXXXXX");
    if (mkdtemp(winners_folder) == NULL)
        return -1;
    snprintf(winners_file, sizeof winners_file, "%s/winners.sqlite", winners_folder);
    return setenv("ATROUS_CACHE", winners_file, 1);
}

static int remove_one(const char *path, const struct stat *facts, int kind, struct FTW *where)
{
    (void)facts, (void)kind, (void)where;
    return remove(path);
}

int winners_remove_folder(void **state)
{
    (void)state;
    return nftw(winners_folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

atrous_conv winners_problem(void)
{
    return shape_square(2, 8, 8, 20, 3, 2);
}

atrous_plan *winners_plan_with(atrous_context *context, const atrous_conv *conv, const char *solver,
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

atrous_plan_info winners_info_of(const atrous_plan *plan)
{
    atrous_plan_info info = {.struct_size = sizeof info};
    assert_int_equal(atrous_plan_query(plan, &info, NULL), ATROUS_OK);
    return info;
}

atrous_candidate winners_candidate_of(const atrous_plan *plan, const char *solver)
{
    atrous_candidate candidate = {.struct_size = sizeof candidate};
    for (size_t i = 0; atrous_plan_candidate(plan, i, &candidate, NULL) == ATROUS_OK; ++i)
        if (strcmp(candidate.solver, solver) == 0)
            return candidate;
    fail_msg("no solver %s", solver);
    return candidate;
}

struct winners_outcome winners_plan_once(const atrous_conv *conv, int tune)
{
    struct winners_outcome outcome;
    atrous_plan *plan = winners_plan_with(harness.context, conv, NULL, tune);
    const atrous_plan_info info = winners_info_of(plan);

    snprintf(outcome.solver, sizeof outcome.solver, "%s", info.solver);
    outcome.remembered = info.remembered;
    outcome.measured_ms = winners_candidate_of(plan, info.solver).measured_ms;
    atrous_plan_destroy(plan);
    return outcome;
}

/* Changes the store as another program would. */
void winners_change(const char *sql)
{
    sqlite3 *file = NULL;
    assert_int_equal(sqlite3_open(winners_file, &file), SQLITE_OK);
    assert_int_equal(sqlite3_exec(file, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(file);
}

/* Tuning works and nothing is remembered, neither now nor for the next plan. */
void winners_expect_forgetful(const char *why)
{
    const atrous_conv conv = winners_problem();
    const struct winners_outcome tuned = winners_plan_once(&conv, 1),
                                 next = winners_plan_once(&conv, 0);

    printf("%s\n", why);
    assert_true(tuned.measured_ms > 0.0);
    assert_false(tuned.remembered);
    assert_false(next.remembered);
    assert_true(next.measured_ms == 0.0);
}
