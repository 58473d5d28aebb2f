/* A validated problem in the form every path computes from: three axes, per-group channels,
 * geometry, phases, counts. Pure maths: no OpenCL, no allocation. */
#ifndef ATROUS_PROBLEM_PROBLEM_H
#define ATROUS_PROBLEM_PROBLEM_H

#include "base/base.h"

enum { ATROUS__D = 0, ATROUS__H = 1, ATROUS__W = 2, ATROUS__AXES = 3 };

/* One spatial axis. Output position p meets input p*stride + t*dilation - pad at tap t.
 * An axis the problem lacks has extents, kernel, stride and dilation 1 and no padding. */
struct atrous__axis {
    size_t in, out, kernel, stride, dilation, pad, pad_end;
};

struct atrous__problem {
    atrous_conv conv;                       /* as given; struct_size and rank checked */
    struct atrous__axis axis[ATROUS__AXES]; /* D, H, W: rank 1 is W alone, rank 2 is H, W */
    size_t batch, groups;
    size_t channels, filters;   /* of one group: C/G and K/G */
    size_t in_plane, out_plane; /* elements of one channel: D*H*W */
    size_t in_count, out_count; /* elements of all of input and output */
    size_t out_channels;        /* of the output: K, or K/2 behind a gated activation */
    size_t taps, weights_count; /* kernel extents multiplied; K * C/G * taps */
    double macs, valid_macs;    /* taps in the padding counted; those that read input only */
};

/* Validates conv, fills *problem. */
atrous_status atrous__problem_init(struct atrous__problem *problem, const atrous_conv *conv,
                                   atrous_error *error);

/* Where position i (any integer) of an axis of n elements reads under a padding mode:
 * 0 .. n-1, or -1 for "the padding's value". */
ptrdiff_t atrous__pad_index(ptrdiff_t i, size_t n, atrous_padding mode);

/* What the padding reads where atrous__pad_index() says -1: pad_value for CONSTANT, else 0. */
float atrous__pad_value(const struct atrous__problem *problem);

/* Output positions [*first, *end) of the axis at which tap t reads input, not padding. */
void atrous__tap_range(const struct atrous__axis *axis, size_t tap, size_t *first, size_t *end);

/* Tap t of the problem as the weights lie: t, or kernel-1-t for the true convolution. */
size_t atrous__weight_tap(const struct atrous__problem *problem, int axis, size_t tap);

/* terms = 1 + (C/G) * taps of the direct bound in atrous_plan_check(). */
double atrous__direct_terms(const struct atrous__problem *problem);

/* FNV-1a over `size` bytes, continued from `hash` (start with ATROUS__HASH_SEED). */
#define ATROUS__HASH_SEED UINT64_C(0xcbf29ce484222325)
uint64_t atrous__hash(uint64_t hash, const void *bytes, size_t size);

#endif
