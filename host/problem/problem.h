/* A validated problem in the form every path computes from: three axes, per-group channels,
 * geometry, phases, counts. Pure maths: no OpenCL, no allocation. */
#ifndef ATROUS_PROBLEM_PROBLEM_H
#define ATROUS_PROBLEM_PROBLEM_H

#include "base/base.h"

enum { ATROUS__D = 0, ATROUS__H = 1, ATROUS__W = 2, ATROUS__AXES = 3 };

/* One spatial axis. Output position p meets input (p*stride + t*dilation - pad + crop) / spread at
 * tap t, where that is whole. An axis the problem lacks has extents, kernel, stride, dilation and
 * spread 1 and no padding. */
struct atrous__axis {
    size_t in, out, kernel, stride, dilation, pad, pad_end;
    size_t spread, crop; /* 1 and 0, but in the form SPREAD; never both a pad and a crop */
};

/* How a problem is computed, whatever its direction is called. The transposed convolution and the
 * gradient of the data gather their outputs as the forward one does, with channels and filters
 * exchanged, the taps reversed and the weights read at other steps. */
enum atrous__form {
    ATROUS__SUM,     /* sums over channels and taps: every spread is 1, every crop 0 */
    ATROUS__SPREAD,  /* the same of an input that lies `spread` apart, zeros between; stride 1 */
    ATROUS__GRADIENT /* of the weights: sums over batch and output positions of the forward
                        problem, which conv, axis, channels, filters and planes describe */
};

/* Of backward data through a padding that repeats elements (problem/fold.h): `axis` and out_plane
 * are those of the gradient of the padded input, out_count is dx's, whose extents these are. */
struct atrous__fold {
    bool is_there;
    atrous_padding mode;
    size_t in[ATROUS__AXES], pad[ATROUS__AXES];
};

struct atrous__problem {
    atrous_conv given; /* as given; struct_size and rank checked */
    enum atrous__form form;
    atrous_conv conv;                       /* the forward problem that is computed instead, or
                                               `given` itself */
    struct atrous__axis axis[ATROUS__AXES]; /* D, H, W: rank 1 is W alone, rank 2 is H, W */
    struct atrous__fold fold;
    size_t batch, groups;
    size_t channels, filters;   /* of one group: C/G and K/G of conv */
    size_t in_plane, out_plane; /* elements of one channel: D*H*W */
    size_t in_count, out_count; /* elements of all of input and output, as atrous_arrays names */
    size_t grad_count, bias_out_count; /* and of grad_output and bias_output, or 0 */
    size_t out_channels;               /* of the output: K, or K/2 behind a gated activation */
    size_t taps, weights_count; /* kernel extents multiplied; K * C/G * taps, or 0 for GRADIENT */
    size_t filter_step, channel_step; /* elements between a group's filters, channels in weights */
    bool has_float_sums;     /* its results are floats, whatever type the tensors have: sums that
                                a kernel behind turns into outputs */
    bool has_whole_sums;     /* and those results are no floats but int32, for a fold of int8 */
    bool sums_in_half;       /* solvers that can may sum in half: atrous__sums_in_half(), set where
                                a device's plan begins */
    double macs, valid_macs; /* taps in the padding counted; those that read input only */
};

/* Validates conv, fills *problem. */
atrous_status atrous__problem_init(struct atrous__problem *problem, const atrous_conv *conv,
                                   atrous_error *error);

/* The spatial extents of the output array, in the user's axes. */
void atrous__output_extents(const struct atrous__problem *problem, size_t output[ATROUS_MAX_RANK]);

/* Where position i (any integer) of an axis of n elements reads under a padding mode:
 * 0 .. n-1, or -1 for "the padding's value". */
ptrdiff_t atrous__pad_index(ptrdiff_t i, size_t n, atrous_padding mode);

/* What the padding reads where atrous__pad_index() says -1: pad_value for CONSTANT, else 0. */
float atrous__pad_value(const struct atrous__problem *problem);

/* Where the taps of filter k and channel c of its group begin in the plain weights. */
static inline size_t atrous__weights_at(const struct atrous__problem *problem, size_t k, size_t c)
{
    const size_t group = k / problem->filters;
    return group * problem->filters * problem->channels * problem->taps +
           k % problem->filters * problem->filter_step + c * problem->channel_step;
}

/* Bytes of an element as it is stored. */
static inline size_t atrous__type_bytes(atrous_type type)
{
    switch (type) {
    case ATROUS_TYPE_F16:
    case ATROUS_TYPE_BF16:
        return 2;
    case ATROUS_TYPE_I8:
        return 1;
    case ATROUS_TYPE_F32:
        break;
    }
    return sizeof(float);
}

/* Bytes of `count` elements of what has the problem's type: input, weights, residual, output and
 * grad_output. All else is float. */
static inline size_t atrous__stored(const struct atrous__problem *problem, size_t count)
{
    return count * atrous__type_bytes(problem->conv.type);
}

/* Scale and bias come behind the sum, in the epilogue, and not with it. */
static inline bool atrous__is_scaled(const struct atrous__problem *problem)
{
    return problem->conv.channel_scale != 0 || problem->conv.type == ATROUS_TYPE_I8;
}

/* bias[K] is read. (In the form GRADIENT has_bias asks for an output.) */
static inline bool atrous__reads_bias(const struct atrous__problem *problem)
{
    return problem->conv.has_bias != 0 && problem->form != ATROUS__GRADIENT;
}

/* Output positions [*first, *end) of the axis at which tap t reads input, not padding. */
void atrous__tap_range(const struct atrous__axis *axis, size_t tap, size_t *first, size_t *end);

/* Tap t of the problem as the weights lie: t, or kernel-1-t for the true convolution. */
size_t atrous__weight_tap(const struct atrous__problem *problem, int axis, size_t tap);

/* Of an axis of the form SPREAD: the outputs first, first + spread, ... meet the taps tap,
 * tap + tap_step, ... and no others. Output number j of them meets input j + from + u*dilation at
 * tap number u: a stride of 1. */
struct atrous__residue {
    size_t first, count;
    size_t tap, tap_step, taps; /* taps 0: they meet none */
    size_t dilation;
    ptrdiff_t from;
};

struct atrous__residue atrous__residue_of(const struct atrous__axis *axis, size_t first);

/* The residues of all axes together: how many there are, and number `index` of them. */
size_t atrous__residue_count(const struct atrous__problem *problem);
void atrous__residue_at(const struct atrous__problem *problem, size_t index,
                        struct atrous__residue residue[ATROUS__AXES]);

/* terms of the direct bound in atrous_plan_check(): 1 + the products of a sum. */
double atrous__direct_terms(const struct atrous__problem *problem);

/* FNV-1a over `size` bytes, continued from `hash` (start with ATROUS__HASH_SEED). */
#define ATROUS__HASH_SEED UINT64_C(0xcbf29ce484222325)
uint64_t atrous__hash(uint64_t hash, const void *bytes, size_t size);

#endif
