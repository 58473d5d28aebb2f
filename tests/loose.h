/* Values that are known within a bound, through what an epilogue does with them. */
#ifndef ATROUS_TESTS_LOOSE_H
#define ATROUS_TESTS_LOOSE_H

#include <atrous/atrous.h>

/* A value that may be off by `error`. */
struct loose {
    double value, error;
};

/* The activation of a conv, but for the gated one. */
struct loose loose_activate(const atrous_conv *conv, struct loose v);

/* tanh(a) * sigmoid(b): of the first half of the filters and of the second. */
struct loose loose_gate(struct loose a, struct loose b);

/* The sum of two, rounded. */
struct loose loose_sum(struct loose a, struct loose b);

/* A product with an exact factor, rounded. */
struct loose loose_times(double factor, struct loose v);

#endif
