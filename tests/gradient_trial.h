/* Solvers of minimal filtering on trial for the gradients of weights. */
#ifndef ATROUS_TESTS_GRADIENT_TRIAL_H
#define ATROUS_TESTS_GRADIENT_TRIAL_H

#include <stdint.h>

#include <atrous/atrous.h>

extern const uint64_t gradient_trial_seed;

/* Each problem on data of several kinds, against the truth and the bound that the library states,
 * which must be that of its tiles; skips where the device is not one the solver is made for. */
void gradient_trial(const char *solver, atrous_conv problems[], size_t count);

#endif
