/* A small seeded generator, so that a printed seed repeats a failure on any machine. */
#ifndef ATROUS_TESTS_RANDOM_H
#define ATROUS_TESTS_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct random {
    uint64_t state;
};

uint64_t random_next(struct random *random);
/* lo .. hi, both included. */
size_t random_between(struct random *random, size_t lo, size_t hi);
bool random_chance(struct random *random, unsigned percent);
/* One of the `count` sizes. */
size_t random_pick(struct random *random, const size_t *choices, size_t count);

/* Reals in [-1, 1). */
void random_fill(struct random *random, float *values, size_t count);
/* Integers -3 .. 3: sums of fewer than 2^20 products of them are exact in float. */
void random_fill_integers(struct random *random, float *values, size_t count);

#endif
