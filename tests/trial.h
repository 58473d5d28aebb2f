/* Solvers of minimal filtering on trial: each output on hostile data within the bound that the
 * library states, which catches a wrong one. */
#ifndef ATROUS_TESTS_TRIAL_H
#define ATROUS_TESTS_TRIAL_H

#include "data.h"
#include "hostile.h"

extern const uint64_t trial_seed;

/* A problem with ragged tiles at the ends of phases. */
atrous_conv trial_ragged(int rank, size_t channels, size_t kernel, size_t dilation);

/* Reals of a kind, solved. */
struct data trial_draw(const atrous_conv *conv, enum hostile kind, struct random *random);

/* NULL where the device is not one the solver is made for. */
atrous_plan *trial_plan(const char *solver, const atrous_conv *conv);

void trial_run(atrous_plan *plan, const struct data *data, float *y);
atrous_check trial_check(atrous_plan *plan, const struct data *data, float *y);

/* Runs a kind of data and holds it against the bound; the worst share of it, or -1 where the
 * device is not one the solver is made for. */
double trial_try(const char *solver, const atrous_conv *conv, enum hostile kind);

/* The worst shares of every `step`-th kind: a bound that nothing comes near would not be worth
 * stating. */
void trial_expect_tight(const double worst[HOSTILE_KINDS], unsigned step);

void trial_expect_refusal(const char *solver, const atrous_conv *conv, const char *reason);

#endif
