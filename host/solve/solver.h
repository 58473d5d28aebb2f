/* A solver: one way to compute a problem on an OpenCL device. */
#ifndef ATROUS_SOLVE_SOLVER_H
#define ATROUS_SOLVE_SOLVER_H

#include <limits.h>

#include "device/launch.h"
#include "problem/bound.h"

/* Workspace, packing, enqueueing and release follow from the job that `build` fills, the
 * same for every solver, so they are no functions here. */
struct atrous__solver {
    const char *name; /* of host/solve/NAME.c, kernels/NAME.cl and, for users, --solver NAME */

    /* The forms it computes, a bit 1 << form each; 0: sums alone. */
    unsigned forms;

    /* The types it reads and writes, a bit 1 << type each; 0: f32 alone. */
    unsigned types;

    /* It takes a scale per channel. */
    bool scales;

    /* Its sums of int8 can go to a fold whole, as int32. */
    bool whole_sums;

    /* It sums in half where the problem's sums_in_half allows it. */
    bool native_half;

    /* The most groups it gates by itself; else gate.cl does, behind its sums. */
    size_t gated_groups;

    /* NULL when the solver accepts the problem, of its forms and types, on the device, else the
     * reason in words. */
    const char *(*refuse)(const struct atrous__problem *problem,
                          const struct atrous__device *device);

    /* Expected milliseconds; only the order between solvers on one device matters. */
    double (*estimate)(const struct atrous__problem *problem, const struct atrous__device *device);

    /* The error bound of one output is terms * (epsilon * magnitude + tiny), of the arithmetic
     * it sums in (problem/bound.h), magnitude = |bias| + sum |w*x|, unless `bound` is there to say
     * it differently. */
    double (*bound_terms)(const struct atrous__problem *problem);
    struct atrous__bound (*bound)(const struct atrous__problem *problem);

    /* Workspace bytes, without building. */
    size_t (*workspace)(const struct atrous__problem *problem, const struct atrous__device *device);

    /* Compiles and fills *job. The caller releases *job, also after a failure. */
    atrous_status (*build)(const struct atrous__problem *problem, struct atrous__env *env,
                           struct atrous__job *job, atrous_error *error);

    /* A tiny problem that goes through every part of the kernel, for the self-test. */
    void (*probe)(atrous_conv *conv);

    /* More of them where it has several kernels; NULL: none. */
    void (*other_probes[5])(atrous_conv *conv);
};

#define ATROUS__TYPES_FLOAT (1u << ATROUS_TYPE_F32 | 1u << ATROUS_TYPE_F16 | 1u << ATROUS_TYPE_BF16)
#define ATROUS__TYPES_ALL (ATROUS__TYPES_FLOAT | 1u << ATROUS_TYPE_I8)

/* What the plan room asks of a solver, of any problem: behind a fold or a gate it computes the
 * sums (host/solve/behind.c). The refusal of a form or a type that it does not compute, or its
 * own. */
const char *atrous__solver_refuse(const struct atrous__solver *solver,
                                  const struct atrous__problem *problem,
                                  const struct atrous__device *device);
double atrous__solver_estimate(const struct atrous__solver *solver,
                               const struct atrous__problem *problem,
                               const struct atrous__device *device);
struct atrous__bound atrous__solver_bound(const struct atrous__solver *solver,
                                          const struct atrous__problem *problem);
size_t atrous__solver_workspace(const struct atrous__solver *solver,
                                const struct atrous__problem *problem,
                                const struct atrous__device *device);
atrous_status atrous__solver_build(const struct atrous__solver *solver,
                                   const struct atrous__problem *problem, struct atrous__env *env,
                                   struct atrous__job *job, atrous_error *error);

/* The gated activation is no part of the solver's own work, but of a kernel behind it. */
bool atrous__gates_behind(const struct atrous__solver *solver,
                          const struct atrous__problem *problem);

/* The table, best guess first, `reference` last. */
extern const struct atrous__solver *const atrous__solvers[];
extern const size_t atrous__solver_count;

/* The layout of packed weights that most solvers share (kernels/pack.cl):
 *     packed[group][filter block][channel block][tap][channel][filter]
 * with blocks of `filters` and `channels`, zero beyond the last. The true convolution's
 * reversal happens here and nowhere else. Adds the launch and sets packed_bytes and format. */
struct atrous__pack_shape {
    size_t filters, channels;
    size_t gate; /* from atrous__gate_lanes(): a gated run's lanes, or 0 */
    bool pairs;  /* of int8: two channels as two short in a float's place; `channels` is even */
};
atrous_status atrous__pack_build(const struct atrous__problem *problem, struct atrous__env *env,
                                 struct atrous__pack_shape shape, struct atrous__job *job,
                                 atrous_error *error);

/* The same for the taps of these residues alone (NULL: all), one per axis, behind what the job
 * packs already; an axis without any counts as one tap whose weight means nothing. */
atrous_status atrous__pack_residue(const struct atrous__problem *problem, struct atrous__env *env,
                                   struct atrous__pack_shape shape,
                                   const struct atrous__residue residue[ATROUS__AXES],
                                   struct atrous__job *job, atrous_error *error);

/* Packs weights as the points of minimal filtering, packed[group][filter block][point][channel]
 * [filter], by kernels/points_pack.clh; `mark` tells its formats from those of other solvers. */
struct atrous__points_shape {
    size_t filters, points; /* filters of a block */
    uint64_t mark;
    const char *name, *entry, *options; /* the kernel's file and name, and what it is built with */
};
atrous_status atrous__points_pack(const struct atrous__problem *problem, struct atrous__env *env,
                                  const struct atrous__points_shape *shape, struct atrous__job *job,
                                  atrous_error *error);

/* What kernels keep in 32-bit ints may be no more than this: sums of four of them fit. */
enum { ATROUS__WIDEST = INT_MAX / 4 };

/* NULL when all extents and products that kernels keep in 32-bit ints fit, else the reason. */
const char *atrous__refuse_wide(const struct atrous__problem *problem);

/* The same, and the reason why a solver of one work-item per group refuses devices whose local
 * memory is no cache. */
const char *atrous__refuse_cpu_class(const struct atrous__problem *problem,
                                     const struct atrous__device *device);

/* The same, and the reason why minimal filtering refuses strict math, a `geometry` (NULL: none) or
 * few channels. */
const char *atrous__refuse_minimal(const struct atrous__problem *problem,
                                   const struct atrous__device *device, const char *geometry);

/* Lanes of a packed run that holds half tanh and half sigmoid filters; 0 when not gated. */
size_t atrous__gate_lanes(const struct atrous__problem *problem, size_t lanes);

/* A register block of PX pixels x FV vectors of filters; `cost` is what a filter costs in it beside
 * the first of its kinds. */
struct atrous__registers {
    size_t pixels, vectors;
    double cost;
};

/* What a filter costs by filters that are computed and not there, and by its block. */
double atrous__registers_cost(const struct atrous__registers *kind, size_t vector, size_t filters);

/* The cheapest of `count` kinds. */
const struct atrous__registers *atrous__registers_choose(const struct atrous__registers *kinds,
                                                         size_t count, size_t vector,
                                                         size_t filters);

/* Multiply-adds a millisecond that explicit vectors reach on a CPU-class device where nothing
 * else holds them up: about nine tenths of what such processors do. */
double atrous__vector_macs_per_ms(const struct atrous__device *device);

/* A probe that suits most solvers: 3x3 at dilation 2 on a small ragged image, with a bias. */
void atrous__probe_square(atrous_conv *conv, size_t channels, size_t filters);

size_t atrous__no_workspace(const struct atrous__problem *problem,
                            const struct atrous__device *device);

/* -DTYPE=, which every kernel that touches tensors takes, and where results are floats whatever
 * the type, -DFLOAT_SUMS. */
const char *atrous__type_option(const struct atrous__problem *problem);

/* The same, and -DNATIVE_HALF where the problem's sums_in_half says so. */
const char *atrous__sums_option(const struct atrous__problem *problem);

/* What the problem's sums_in_half is on the device: half arithmetic was asked for, the device has
 * it, the sums are no gradient of weights and the padding's constant is a half. */
bool atrous__sums_in_half(const struct atrous__problem *problem,
                          const struct atrous__device *device);

/* Nothing follows the sum, its scale and its bias. */
bool atrous__is_plain(const struct atrous__problem *problem);

/* The flags of kernels/layout.clh. */
size_t atrous__layout_flags(const struct atrous__problem *problem);

/* A launch of `groups` work-groups of one work-item, appended to the job. */
struct atrous__launch *atrous__job_add(struct atrous__job *job, size_t groups);

/* Appends arguments to a launch. */
void atrous__launch_add(struct atrous__launch *launch, struct atrous__arg arg);

/* The geometry as every kernel takes it, int4 each: in {D,H,W,C/G}, out {D,H,W,K/G}, kernel
 * {D,H,W,groups}, stride {D,H,W,batch}, dilation {D,H,W,padding mode}, pad (less crop)
 * {D,H,W,flags of layout.clh}; then float pad_value, int4 {activation, residual, 0, 0}, float4
 * {activation_low, activation_high, alpha, beta}. */
void atrous__launch_add_geometry(struct atrous__launch *launch,
                                 const struct atrous__problem *problem);

/* What kernels that finish outputs begin with: `first` for x, then w, bias, scale, residual, y. */
void atrous__launch_add_tensors(struct atrous__launch *launch, struct atrous__arg first);

/* The same of x itself, then the geometry: what direct kernels begin with. */
void atrous__launch_add_problem(struct atrous__launch *launch,
                                const struct atrous__problem *problem);

#endif
