/* The innermost loops of the CPU path: register blocks of filters x vectors of pixels, in one
 * build per instruction set, chosen at run time. */
#ifndef ATROUS_CPU_MICRO_H
#define ATROUS_CPU_MICRO_H

#include <atrous/atrous.h>
#include <stddef.h>

enum { ATROUS__MICRO_TYPES = ATROUS_TYPE_I8 + 1 };
enum { ATROUS__MICRO_VECTORS = 3, ATROUS__MICRO_SINGLE_VECTORS = 6 };

/* One (channel, tap) of the sum: where its pixels lie from the block's pixels, in floats, and
 * which of the block's weight groups it takes. */
struct atrous__step {
    size_t x, w;
};

/* sums[f][v][lane] += over steps: w[step.w][f] * x[v][step.x + lane]
 *
 * for `filters` f and as many vectors v as the function is made for. sums[f] are `pitch`
 * floats apart and aligned to a vector; x[v] need no alignment. */
typedef void atrous__micro_block(const struct atrous__step *steps, size_t count,
                                 const float *const *x, const float *w, float *sums, size_t pitch);

/* lanes[i % ATROUS__MICRO_DOT] += a[i] * b[i], of as many i < count as fill vectors; returns how
 * many. */
enum { ATROUS__MICRO_DOT = 32 };
typedef size_t atrous__micro_dot(const float *a, const float *b, size_t count, float *lanes);

/* sums[t] += over vectors v and their lanes: dy[v][lane] * x[at[v] + steps[t].x + lane]
 *
 * for as many taps t as the function is made for. Lanes are added up at the end, in order. */
enum { ATROUS__MICRO_TAPS = 9 };
typedef void atrous__micro_taps(const struct atrous__step *steps, const float *dy, const float *x,
                                const size_t *at, size_t vectors, double *sums);

/* to[i] = from[i * step], i < count, of one type as floats, exactly; the arrays do not overlap. */
typedef void atrous__micro_load(const void *from, size_t step, float *to, size_t count);

/* to[i * step] = from[i], to the nearest value of one type, ties to even. Beyond the largest:
 * infinity, or for i8 the nearest bound; a NaN stays one, and is 0 for i8. */
typedef void atrous__micro_store(const float *from, void *to, size_t step, size_t count);

struct atrous__micro {
    size_t lanes;   /* floats of a vector */
    size_t filters; /* of `block` */
    /* By number of vectors: block for `filters` filters at once, single for one filter. */
    atrous__micro_block *block[ATROUS__MICRO_VECTORS + 1];
    atrous__micro_block *single[ATROUS__MICRO_SINGLE_VECTORS + 1];
    atrous__micro_dot *dot;
    atrous__micro_taps *taps[ATROUS__MICRO_TAPS + 1]; /* by number of taps */
    /* By atrous_type. */
    atrous__micro_load *load[ATROUS__MICRO_TYPES];
    atrous__micro_store *store[ATROUS__MICRO_TYPES];
};

/* The best build for the processor this runs on. */
const struct atrous__micro *atrous__micro_best(void);

#endif
