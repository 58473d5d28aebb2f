/* The tolerance: the derived bound of direct summation, and nothing looser. */
#ifndef ATROUS_TESTS_COMPARE_H
#define ATROUS_TESTS_COMPARE_H

#include <stdbool.h>

#include <atrous/atrous.h>

/* One output and how far it is from what it should be. */
struct mismatch {
    size_t at;
    double got, want, bound;
    double share; /* |got - want| / bound, infinity for a NaN */
};

/* Whether every output obeys |got - want| <= terms * FLT_EPSILON * magnitude + terms * FLT_MIN,
 * terms = 1 + C/G * taps, plus `roundings` * FLT_EPSILON * |want| where `want` was itself
 * rounded to float. A NaN fails. *worst is the output with the largest share. */
bool compare_bound(const atrous_conv *conv, const float *got, const double *want,
                   const double *magnitude, size_t count, double roundings, struct mismatch *worst);

/* Whether every output is `want` to the last bit (zeros of either sign are equal). */
bool compare_exact(const float *got, const double *want, size_t count, struct mismatch *worst);

#endif
