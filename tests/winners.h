/* The folder of a test with the winners that tuning remembers, and plans that use it. */
#ifndef ATROUS_TESTS_WINNERS_H
#define ATROUS_TESTS_WINNERS_H

#include <atrous/atrous.h>

enum { WINNERS_PATH = 256 };

/* The folder of one test and the store in it, which ATROUS_CACHE names. */
extern char winners_folder[32], winners_file[WINNERS_PATH];

/* Set-up and tear-down of a test. */
int winners_make_folder(void **state);
int winners_remove_folder(void **state);

atrous_conv winners_problem(void);

/* A plan, or a failed test. */
atrous_plan *winners_plan_with(atrous_context *context, const atrous_conv *conv, const char *solver,
                               int tune);
atrous_plan_info winners_info_of(const atrous_plan *plan);
atrous_candidate winners_candidate_of(const atrous_plan *plan, const char *solver);

/* What a plan of the problem came to; the names are copied, as plans do not live. */
struct winners_outcome {
    char solver[32];
    int remembered;
    double measured_ms;
};

struct winners_outcome winners_plan_once(const atrous_conv *conv, int tune);

/* Changes the store as another program would. */
void winners_change(const char *sql);

/* Tuning works and nothing is remembered, neither now nor for the next plan. */
void winners_expect_forgetful(const char *why);

#endif
