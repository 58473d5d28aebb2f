/* The device under test, its solvers, and how a problem is run on it.
 *
 * Environment: ATROUS_TEST_DEVICE   "cpu" is the CPU path, else the first OpenCL device;
 *              ATROUS_TEST_SOLVERS  a comma-separated list that narrows the solvers;
 *              ATROUS_TEST_QUICK    "1" draws fewer and smaller problems;
 *              ATROUS_TEST_LARGE    "1" adds problems of many GFLOP;
 *              ATROUS_TEST_SEED     what random problems are drawn from instead of the test's own;
 *              ATROUS_TEST_OPTIONAL "1" skips a missing device even where CI is "true". */
#ifndef ATROUS_TESTS_HARNESS_H
#define ATROUS_TESTS_HARNESS_H

#include <stdbool.h>

#include <atrous/atrous.h>

#include "data.h"

enum { HARNESS_SKIPPED = 77, HARNESS_MAX_SOLVERS = 16 };

struct harness {
    atrous_context *context;
    bool cpu_path;
    bool quick, large;
    size_t solver_count;
    const char *solver[HARNESS_MAX_SOLVERS];
};

extern struct harness harness;

/* Opens the device. 0, or what main() should return: HARNESS_SKIPPED when the device is not
 * there (1 where CI is "true"), said in words on stdout. */
int harness_open(void);
void harness_close(void);
/* ATROUS_TEST_SEED, or `otherwise` where it is unset; printed. */
uint64_t harness_seed(uint64_t otherwise);
/* Adds the solvers that compute nothing but gradients of weights to harness.solver. */
void harness_add_gradients(void);

/* The plan of a solver, NULL for the library's choice; a failed test where there is none. */
atrous_plan *harness_plan(const char *solver, const atrous_conv *conv);
/* The same, but NULL where the solver refuses the problem, which those that take everything may
 * not. */
atrous_plan *harness_try_plan(const char *solver, const atrous_conv *conv);

/* Runs `data` through `solver` into y: inputs, output and scratch lie between guard words, the
 * output is poisoned with NaN first. False when the solver refuses the problem; any other
 * failure, a written guard or a changed input fails the test. */
bool harness_run(const char *solver, const struct data *data, float *y);

/* harness_run() on the library's host-array call instead of the caller's own buffers. */
bool harness_run_arrays(const char *solver, const struct data *data, float *y);

/* harness_run(), then compares with the oracle's answer; `seed` is for the message. */
bool harness_check(const char *solver, const struct data *data, uint64_t seed);
/* The same, to the last bit. */
bool harness_check_exact(const char *solver, const struct data *data, uint64_t seed);

/* Fails the test with the solver, geometry and seed unless the call succeeded. */
void harness_expect_ok(atrous_status status, const atrous_error *error, const char *solver,
                       const atrous_conv *conv);

/* Whether the solver accepts the problem; any failure but a refusal fails the test. */
bool harness_serves(const char *solver, const atrous_conv *conv);

/* The first solvers of both kinds take everything: the reference kernel and the CPU path. */
bool harness_takes_everything(const char *solver);

/* Whether it computes forward problems at all. */
bool harness_takes_forward(const char *solver);

/* Whether it sums by minimal filtering, whose bound is not the direct one but one of its own. */
bool harness_is_minimal(const char *solver);

/* A solver's and a property's name joined, for tables of tests; lives until the process ends. */
const char *harness_name(const char *solver, const char *property);

#endif
