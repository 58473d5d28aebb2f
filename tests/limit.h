/* Host-array calls under a limit of what the device holds at once, set far too low: whole, then in
 * parts, which must give the answer that the whole gives. */
#ifndef ATROUS_TESTS_LIMIT_H
#define ATROUS_TESTS_LIMIT_H

#include <atrous/atrous.h>

#include "random.h"

/* The limit of the harness's context, in bytes; lifted to the device's own. */
void limit_set(size_t bytes);
void limit_lift(void);

/* NULL where the solver refuses, for the reason in `error`. */
atrous_plan *limit_plan(const char *solver, const atrous_conv *conv, atrous_error *error);

/* One call's arrays, drawn, and the plan's output between guards. */
struct call {
    atrous_conv conv;
    atrous_arrays arrays;
    float *input, *weights, *bias, *residual, *grad, *previous, *output;
    size_t outputs; /* output with bias_output behind it */
};
struct call call_make(struct random *random, const atrous_conv *conv);
void call_free(struct call *call);

/* The largest tensor, in bytes. */
size_t call_largest(const struct call *call);

/* Runs from a poisoned output, or with beta from `previous`, and lets the library check it. */
void call_run(atrous_plan *plan, struct call *call);

/* What became of a solver's calls: run whole; run in parts, how many, and how many of the calls by
 * phases; refused in parts. */
struct tally {
    size_t whole, cut, refused, parts, phased;
};

/* The call whole, then under a limit of `bytes`. */
void limit_compare(const char *solver, struct call *call, size_t bytes, struct tally *tally);

/* Prints the tallies of the harness's solvers. */
void tally_report(const struct tally *tally);

#endif
