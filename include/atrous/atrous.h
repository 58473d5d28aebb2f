/**
 * @file atrous.h
 * Dilated (a trous) convolution: status, devices, contexts, problems, plans.
 *
 * This header needs no OpenCL. What takes an OpenCL object is in opencl.h.
 *
 * Lifecycle: atrous_context_create() -> atrous_conv_init(), fill in, ->
 * atrous_plan_create() -> atrous_plan_run() any number of times ->
 * atrous_plan_destroy() -> atrous_context_destroy().
 *
 * Every call that can fail returns an atrous_status and takes an optional,
 * caller-owned atrous_error that is filled in words on failure and cleared on success.
 * Nothing here prints, aborts or exits.
 */
#ifndef ATROUS_ATROUS_H
#define ATROUS_ATROUS_H

#include <stddef.h>
#include <stdint.h>

#if defined(ATROUS_STATIC)
#define ATROUS_API
#elif defined(_WIN32)
#if defined(ATROUS_BUILDING)
#define ATROUS_API __declspec(dllexport)
#else
#define ATROUS_API __declspec(dllimport)
#endif
#elif defined(__GNUC__)
#define ATROUS_API __attribute__((visibility("default")))
#else
#define ATROUS_API
#endif

#define ATROUS_VERSION_MAJOR 0
#define ATROUS_VERSION_MINOR 1
#define ATROUS_VERSION_PATCH 0

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------ status */

#define ATROUS_STATUS_MAP(X)                                                \
    X(OK, 0, "success")                                                     \
    X(INVALID_ARGUMENT, 1, "an argument is NULL, out of range or unusable") \
    X(UNSUPPORTED, 2, "valid, but nothing here covers it")                  \
    X(OUT_OF_HOST_MEMORY, 3, "a host allocation failed")                    \
    X(OPENCL_ERROR, 4, "an OpenCL call failed")                             \
    X(NO_DEVICE, 5, "there is no such OpenCL device")

typedef enum atrous_status {
#define ATROUS_STATUS_ENUM(name, value, text) ATROUS_##name = (value),
    ATROUS_STATUS_MAP(ATROUS_STATUS_ENUM)
#undef ATROUS_STATUS_ENUM
} atrous_status;

/** A short English text for `status`; never NULL, never freed. */
ATROUS_API const char *atrous_status_string(atrous_status status);

/** The version of the library that is linked, "MAJOR.MINOR.PATCH". */
ATROUS_API const char *atrous_version(void);

/** What went wrong. Owned by the caller; every text is zero-terminated. */
typedef struct atrous_error {
    atrous_status status;
    int opencl_code;   /**< the cl_int behind OPENCL_ERROR and NO_DEVICE, else 0 */
    char field[48];    /**< the argument or field at fault, "dilation[1]", or "" */
    char message[464]; /**< one line: field, value and the rule it breaks */
} atrous_error;

/* ----------------------------------------------------------------- devices */

typedef enum atrous_device_type {
    ATROUS_DEVICE_TYPE_OTHER = 0,
    ATROUS_DEVICE_TYPE_CPU = 1,
    ATROUS_DEVICE_TYPE_GPU = 2,
    ATROUS_DEVICE_TYPE_ACCELERATOR = 3
} atrous_device_type;

/** What a device says of itself. Sizes in bytes. */
typedef struct atrous_device_info {
    size_t struct_size; /**< set by the caller: sizeof(atrous_device_info) */
    char name[128];
    char vendor[128];
    char platform[128];
    char version[128]; /**< CL_DEVICE_VERSION */
    char driver[64];
    atrous_device_type type;
    size_t compute_units;
    size_t max_work_group;
    size_t local_memory;
    size_t global_memory;
    size_t max_allocation;
    size_t native_vector_floats; /**< lanes of a native float vector, at least 1 */
    int local_is_dedicated;      /**< 1: local memory is its own storage, 0: ordinary cache */
} atrous_device_info;

/**
 * Counts the OpenCL devices of all platforms. Devices that lack a compiler or
 * are unavailable are left out. Without an ICD, or in a build without OpenCL,
 * the count is 0 and the call succeeds.
 *
 * @retval ATROUS_OK                *count is set.
 * @retval ATROUS_INVALID_ARGUMENT  count is NULL.
 * @retval ATROUS_OPENCL_ERROR      a platform failed.
 */
ATROUS_API atrous_status atrous_device_count(size_t *count, atrous_error *error);

/**
 * Describes device `index` (0 .. count-1, in the order of the platforms).
 *
 * @retval ATROUS_NO_DEVICE  index is not below atrous_device_count().
 */
ATROUS_API atrous_status atrous_device_describe(size_t index, atrous_device_info *info,
                                                atrous_error *error);

/* ----------------------------------------------------------------- context */

typedef enum atrous_device_choice {
    ATROUS_DEVICE_AUTO = 0,    /**< a GPU, else any OpenCL device, else the CPU path */
    ATROUS_DEVICE_INDEX = 1,   /**< OpenCL device `index` or an error */
    ATROUS_DEVICE_CPU_PATH = 2 /**< this library's own loops, no OpenCL */
} atrous_device_choice;

typedef struct atrous_context_options {
    size_t struct_size;
    atrous_device_choice device;
    size_t index;     /**< for ATROUS_DEVICE_INDEX */
    unsigned threads; /**< CPU path (and cross-checks): 0 = one per processor */
    int cpu_fallback; /**< 1: host-array calls may fall to the CPU path when every
                           solver of the device failed; atrous_plan_info says so. */
} atrous_context_options;

/** Defaults: AUTO, index 0, threads 0, cpu_fallback 1. `struct_size` = sizeof *options. */
ATROUS_API void atrous_context_options_init(atrous_context_options *options, size_t struct_size);

/** A device and what was learned about it. Shared freely by threads. */
typedef struct atrous_context atrous_context;

/**
 * Opens a device.
 *
 * @param options  NULL for the defaults.
 * @param context  out; NULL on failure. Release with atrous_context_destroy().
 *
 * @retval ATROUS_NO_DEVICE  the index does not exist. (AUTO never says this: it
 *                           ends at the CPU path.)
 * @retval ATROUS_INVALID_ARGUMENT, ATROUS_OUT_OF_HOST_MEMORY, ATROUS_OPENCL_ERROR
 */
ATROUS_API atrous_status atrous_context_create(const atrous_context_options *options,
                                               atrous_context **context, atrous_error *error);

/** Drops the caller's hold; plans keep their own. NULL is accepted. */
ATROUS_API void atrous_context_destroy(atrous_context *context);

/** 1 when the context is the CPU path, 0 when it is an OpenCL device. */
ATROUS_API int atrous_context_is_cpu_path(const atrous_context *context);

/** Describes the context's device; the CPU path describes itself. */
ATROUS_API atrous_status atrous_context_describe(const atrous_context *context,
                                                 atrous_device_info *info, atrous_error *error);

/**
 * Copies the newest kernel build log of the context, cut to `size` bytes with
 * the closing zero. Empty when no build failed.
 *
 * @return bytes the whole log needs, closing zero included.
 */
ATROUS_API size_t atrous_context_build_log(atrous_context *context, char *text, size_t size);

/* ----------------------------------------------------------------- problem */

#define ATROUS_MAX_RANK 3

typedef enum atrous_padding {
    ATROUS_PADDING_ZEROS = 0,
    ATROUS_PADDING_CONSTANT = 1,  /**< every padded element is `pad_value` */
    ATROUS_PADDING_REPLICATE = 2, /**< the nearest edge element */
    ATROUS_PADDING_REFLECT = 3,   /**< mirror, edge not repeated, as often as it takes */
    ATROUS_PADDING_CIRCULAR = 4   /**< periodic, as often as it takes */
} atrous_padding;

typedef enum atrous_layout {
    ATROUS_LAYOUT_NCHW = 0, /**< x[N][C][spatial...] */
    ATROUS_LAYOUT_NHWC = 1  /**< x[N][spatial...][C] */
} atrous_layout;

/**
 * How elements of input, weights, grad_output, residual and output are stored; bias, scale and
 * bias_output are float whatever the type, and so is all arithmetic between, on every device.
 *
 * What is stored is rounded to the nearest value, ties to even. Beyond the largest number F32, F16
 * (from 65520 on) and BF16 become infinite; a NaN stays a NaN, its payload is not promised. F16
 * keeps its denormals; those of float and BF16 a device may flush to zero. I8 stores the nearest
 * whole number, -128 or 127 beyond them, and 0 for a NaN.
 *
 * Sums of I8 are exact, in int32: a problem that sums more than 131071 products is UNSUPPORTED.
 * The sum is rounded once, to a float, before scale and bias; residual and what beta reads count
 * as the whole numbers they are. A constant padding is one of -128 .. 127.
 */
typedef enum atrous_type {
    ATROUS_TYPE_F32 = 0,
    ATROUS_TYPE_F16 = 1,  /**< IEEE 754 half */
    ATROUS_TYPE_BF16 = 2, /**< the upper 16 bits of a float */
    ATROUS_TYPE_I8 = 3    /**< two's complement */
} atrous_type;

typedef enum atrous_orientation {
    ATROUS_CROSS_CORRELATION =
        0, /**< w[t] meets x[p*S + t*D - P]: what networks call convolution */
    ATROUS_TRUE_CONVOLUTION =
        1 /**< w[R-1-t] meets x[p*S + t*D - P]: the kernel reversed on every axis */
} atrous_orientation;

/** What is computed from what; see atrous_conv. */
typedef enum atrous_direction {
    ATROUS_FORWARD = 0,         /**< y from x and w */
    ATROUS_TRANSPOSED = 1,      /**< the adjoint as a layer of its own: y from x and w */
    ATROUS_BACKWARD_DATA = 2,   /**< dx from dy and w */
    ATROUS_BACKWARD_WEIGHTS = 3 /**< dw, and with has_bias db, from x and dy */
} atrous_direction;

typedef enum atrous_activation {
    ATROUS_ACTIVATION_NONE = 0,
    ATROUS_ACTIVATION_RELU = 1,
    ATROUS_ACTIVATION_LEAKY_RELU = 2, /**< slope activation_low below 0 */
    ATROUS_ACTIVATION_SIGMOID = 3,
    ATROUS_ACTIVATION_TANH = 4,
    ATROUS_ACTIVATION_CLAMP = 5, /**< to [activation_low, activation_high] */
    ATROUS_ACTIVATION_GATED =
        6 /**< tanh(first half of K) * sigmoid(second half): K/2 channels out */
} atrous_activation;

typedef enum atrous_residual {
    ATROUS_RESIDUAL_NONE = 0,
    ATROUS_RESIDUAL_BEFORE = 1, /**< added before the activation */
    ATROUS_RESIDUAL_AFTER = 2   /**< added after it */
} atrous_residual;

typedef enum atrous_math {
    ATROUS_MATH_DEFAULT = 0, /**< any method within its stated bound */
    ATROUS_MATH_STRICT = 1   /**< direct summation only */
} atrous_math;

/**
 * One convolution problem. Fill with atrous_conv_init(), then set fields.
 *
 * Forward, cross-correlation, written for rank 2 (axis 0 = rows, 1 = columns;
 * rank 1 is W alone, rank 3 is D, H, W: the slowest axis always comes first):
 *
 *     for (n, k, oy, ox)   y[n][k][oy][ox] = bias[k]
 *       for (c, r, s)        += w[k][c][r][s] * x[n][g*(C/G) + c][oy*S0 + r*D0 - P0]
 *                                                               [ox*S1 + s*D1 - P1]
 *
 * with g = k / (K/G) and x read through `padding` outside its extents. Output
 * extents per axis: floor((input + pad_begin + pad_end - (kernel-1)*dilation - 1) / stride) + 1.
 * Weights are [K][C/G][kernel...] at the interface whatever the layout.
 *
 * The backward directions take the same descriptor as the forward problem whose gradients they
 * compute: `input` are the extents of x and dx, `input_layout` is their layout, y and dy have the
 * forward output's extents and `output_layout`. With p the forward output positions and i those
 * of x, i = p*S + t*D - P on every axis:
 *
 *     ATROUS_BACKWARD_DATA      dx[n][c][i]  = sum over k, t, p that meet i   w[k][c][t] *
 * dy[n][k][p] ATROUS_BACKWARD_WEIGHTS   dw[k][c][t]  = sum over n, p                  dy[n][k][p] *
 * x[n][c][i] db[k]        = sum over n, p                  dy[n][k][p]
 *
 * where x reads through `padding` outside its extents. An element of x that no output met (a
 * stride dropped it, padding did not) has gradient 0. What padding repeats (replicate, reflect,
 * circular) gathers in dx the gradients of all the places that read it; a constant has no
 * gradient and leaves BACKWARD_DATA as zeros do. has_bias asks BACKWARD_WEIGHTS for db.
 * Activation and residual are refused; alpha and beta apply, to db also, so that beta = 1
 * accumulates gradients.
 *
 * ATROUS_TRANSPOSED describes itself: `input` and in_channels (C) are those of its own input,
 * out_channels (K) of its output, weights are [C][K/G][kernel...], and
 *
 *     for (n, k, o)        y[n][k][o] = bias[k]
 *       for (c, t, i)        += w[c][k - g*(K/G)][t] * x[n][c][i]   where o = i*S + t*D - P
 *
 * with c over the C/G channels of k's group g. Output extents per axis: (input-1)*stride +
 * (kernel-1)*dilation + 1 + output_padding - pad_begin - pad_end, output_padding less than the
 * larger of stride and dilation. Only zeros may pad. The epilogue is the forward one.
 *
 * A field that no version serves yet must keep its default; another value is
 * refused as ATROUS_UNSUPPORTED by name.
 */
typedef struct atrous_conv {
    size_t struct_size;
    int rank; /**< 1, 2 or 3 spatial axes */
    size_t batch;
    size_t in_channels;  /**< C, of all groups together */
    size_t out_channels; /**< K, of all groups together */
    size_t groups;       /**< divides C and K; G = C is depthwise */
    size_t input[ATROUS_MAX_RANK];
    size_t kernel[ATROUS_MAX_RANK];
    size_t stride[ATROUS_MAX_RANK];
    size_t dilation[ATROUS_MAX_RANK]; /**< 1 is dense */
    size_t pad_begin[ATROUS_MAX_RANK];
    size_t pad_end[ATROUS_MAX_RANK];
    size_t output_padding[ATROUS_MAX_RANK]; /**< transposed only */
    atrous_padding padding;
    double pad_value; /**< ATROUS_PADDING_CONSTANT only */
    atrous_layout input_layout;
    atrous_layout output_layout;
    atrous_type type;  /**< of input, weights and output; int8 sums in int32 */
    int native_half;   /**< F16 only: 1 allows sums in half, but for gradients of weights, where the
                            device has cl_khr_fp16 (to nearest, with denormals and infinity) and a
                            constant padding is a half. Allows, never forces: the solvers with
                            such sums, reference and tile, are chosen as ever, by name, estimate or
                            measurement; all others, other devices and the CPU path sum in float.
                            See atrous_plan_check() for the bound */
    int channel_scale; /**< 1: the sum of filter k is multiplied by scale[k]; of any type, not in
                            a backward direction */
    atrous_orientation orientation;
    atrous_direction direction;
    int has_bias; /**< 1: bias[K] is added (and must be given); 0: none */
    atrous_activation activation;
    double activation_low;
    double activation_high;
    atrous_residual residual;
    double alpha; /**< y = alpha * (act(scale * conv + bias + residual before) + residual after)
                       + beta * y; the bias is not scaled by `scale` */
    double beta;  /**< 0 reads nothing of y, whatever it holds */
    atrous_math math;
} atrous_conv;

/**
 * Sets every field: rank as given (not checked here), batch, channels, groups, stride,
 * dilation and kernel 1, input extents 0 (to be set), no padding, zeros, NCHW, F32,
 * cross-correlation, forward, no bias, no activation, alpha 1, beta 0, default math.
 * Axes beyond `rank` are ignored everywhere.
 */
ATROUS_API void atrous_conv_init(atrous_conv *conv, int rank, size_t struct_size);

typedef enum atrous_pad_rule {
    ATROUS_PAD_VALID = 0,      /**< none */
    ATROUS_PAD_SAME = 1,       /**< output = ceil(input / stride); an odd pad at the end */
    ATROUS_PAD_SAME_LOWER = 2, /**< the same, an odd pad at the beginning */
    ATROUS_PAD_CAUSAL = 3      /**< rank 1: (kernel-1)*dilation at the beginning, none at the end */
} atrous_pad_rule;

/**
 * Sets pad_begin and pad_end from the other fields by `rule`. For a transposed convolution `same`
 * makes output = input * stride, as far as padding can, and there is no causal rule.
 *
 * @retval ATROUS_INVALID_ARGUMENT  causal with rank other than 1 or transposed, or fields that make
 *                                  no problem.
 */
ATROUS_API atrous_status atrous_conv_pad(atrous_conv *conv, atrous_pad_rule rule,
                                         atrous_error *error);

/**
 * Checks every field and computes the output extents without any device.
 *
 * @param output  optional out: `rank` extents; of dx for BACKWARD_DATA, of the kernel for
 *                BACKWARD_WEIGHTS.
 *
 * @retval ATROUS_INVALID_ARGUMENT  a field breaks a rule; error names it.
 * @retval ATROUS_UNSUPPORTED       valid, but not served by this version.
 */
ATROUS_API atrous_status atrous_conv_output(const atrous_conv *conv, size_t output[ATROUS_MAX_RANK],
                                            atrous_error *error);

/* -------------------------------------------------------------------- plan */

typedef struct atrous_plan_options {
    size_t struct_size;
    const char *solver; /**< NULL or "auto": the library chooses; else that one or an error */
    int tune; /**< how the library chooses (nothing is chosen where `solver` names one, nor on
                   the CPU path, which has one way to compute):
                   0: the remembered winner of the problem on this device, where there is one,
                      else the least estimate of the cost model;
                   1: runs every solver that accepts the problem on random data, takes the
                      fastest and remembers it. Solvers that the estimates put far behind are
                      left out where their run would take more than a second. Needs device
                      memory for the tensors; without it the estimates choose. */
} atrous_plan_options;

/** Defaults: solver NULL, tune 0. */
ATROUS_API void atrous_plan_options_init(atrous_plan_options *options, size_t struct_size);

/** A problem made ready for a device. One thread at a time. Keeps its context alive. */
typedef struct atrous_plan atrous_plan;

/**
 * Validates, chooses a solver, compiles it and launches it once, so that a later
 * run or enqueue compiles nothing. A solver that fails to compile, to launch or to
 * pass its self-test on this device is passed over and the next one serves; see
 * atrous_plan_candidate().
 *
 * Winners are remembered, per device, driver and library version, in the SQLite file
 * $XDG_CACHE_HOME/atrous/winners.sqlite (or $HOME/.cache/atrous/...), or in the file that the
 * environment's ATROUS_CACHE names; ATROUS_CACHE=off remembers and recalls nothing. A file
 * that cannot be used never fails this call.
 *
 * @param options  NULL for the defaults.
 * @param plan     out; NULL on failure.
 *
 * @retval ATROUS_INVALID_ARGUMENT  a field of conv breaks a rule, or no solver has that name.
 * @retval ATROUS_UNSUPPORTED       no solver, or not the named one, accepts the problem, whole or
 * in parts.
 * @retval ATROUS_OPENCL_ERROR      every solver failed; see atrous_context_build_log().
 * @retval ATROUS_OUT_OF_HOST_MEMORY
 */
ATROUS_API atrous_status atrous_plan_create(atrous_context *context, const atrous_conv *conv,
                                            const atrous_plan_options *options, atrous_plan **plan,
                                            atrous_error *error);

/** NULL is accepted. Work already enqueued goes on and must not be awaited here. */
ATROUS_API void atrous_plan_destroy(atrous_plan *plan);

typedef struct atrous_plan_info {
    size_t struct_size;
    size_t output[ATROUS_MAX_RANK];
    size_t input_bytes;      /**< of what atrous_arrays calls input: dy for BACKWARD_DATA */
    size_t weights_bytes;    /**< as the interface has them; 0 for BACKWARD_WEIGHTS */
    size_t output_bytes;     /**< of dx for BACKWARD_DATA, of dw for BACKWARD_WEIGHTS */
    size_t packed_bytes;     /**< for atrous_plan_pack() */
    size_t workspace_bytes;  /**< 0: none needed */
    size_t offset_alignment; /**< every byte offset of a binding is a multiple of this */
    uint64_t weights_format; /**< plans of one format share packed weights */
    const char *solver;      /**< lives as long as the plan; "cpu" on the CPU path */
    int on_cpu_path;
    const char *fallback; /**< why the CPU path serves a device's plan, or NULL */
    double macs;          /**< multiply-adds, taps in the padding counted */
    double valid_macs;    /**< those that read input */
    double estimate_ms;   /**< what the cost model expects; not a measurement */
    double create_ms;     /**< what atrous_plan_create() took */
    int remembered;       /**< 1: the choice is a remembered winner, recalled or stored just now */
    size_t grad_output_bytes; /**< of dy for BACKWARD_WEIGHTS, else 0 */
    size_t bias_output_bytes; /**< of db where it is asked for, else 0 */
    size_t parts; /**< 1; more where tensors exceed what the device allocates at once: then host
                       arrays are computed part by part, and buffers are not served */
} atrous_plan_info;

/** Fills *info (struct_size set by the caller). */
ATROUS_API atrous_status atrous_plan_query(const atrous_plan *plan, atrous_plan_info *info,
                                           atrous_error *error);

typedef struct atrous_candidate {
    size_t struct_size;
    const char *solver;  /**< lives as long as the library */
    const char *refusal; /**< why not, lives as long as the plan; NULL: it could serve */
    double estimate_ms;  /**< the cost model's, 0 when refused */
    double measured_ms;  /**< a tuning's, of this plan or remembered; 0: not measured */
    size_t workspace_bytes;
    int chosen;
} atrous_candidate;

/**
 * Tells about solver `index` of the plan's table, from 0.
 *
 * @retval ATROUS_INVALID_ARGUMENT  index is past the end.
 */
ATROUS_API atrous_status atrous_plan_candidate(const atrous_plan *plan, size_t index,
                                               atrous_candidate *candidate, atrous_error *error);

/**
 * The tensors of a call on host memory, plain (unpacked), in the plan's layouts and
 * type, C order, no gaps. Owned by the caller. What is written overlaps nothing else.
 *
 *     direction          input  weights  grad_output  output  bias_output
 *     FORWARD            x      w                     y
 *     TRANSPOSED         x      w                     y
 *     BACKWARD_DATA      dy     w                     dx
 *     BACKWARD_WEIGHTS   x               dy           dw      db, with has_bias
 */
typedef struct atrous_arrays {
    size_t struct_size;
    const void *input;
    const void *weights;
    const void *bias;     /**< float[K], when has_bias; not for BACKWARD_WEIGHTS */
    const void *residual; /**< as output, when asked for */
    const void *scale;    /**< float[K], when channel_scale: one for each filter, before a gate */
    void *output;
    const void *previous;    /**< for atrous_plan_check() where beta is not 0: what output held */
    const void *grad_output; /**< dy, for BACKWARD_WEIGHTS */
    void *bias_output;       /**< float[K], db of BACKWARD_WEIGHTS with has_bias */
    const void *previous_bias_output; /**< as `previous`, of bias_output */
} atrous_arrays;

/** All NULL. */
ATROUS_API void atrous_arrays_init(atrous_arrays *arrays, size_t struct_size);

/**
 * Computes on host arrays and waits. On an OpenCL context it copies to the device,
 * packs the weights, runs and copies back. Where a tensor, packed weights or a workspace exceed
 * CL_DEVICE_MAX_MEM_ALLOC_SIZE it does so in parts (by batch, groups, positions, filters; with the
 * halos and the padding of each) to the same answer within the same bound.
 *
 * @retval ATROUS_INVALID_ARGUMENT  an array is missing or overlaps; nothing was computed.
 * @retval ATROUS_OPENCL_ERROR, ATROUS_OUT_OF_HOST_MEMORY  output is undefined.
 */
ATROUS_API atrous_status atrous_plan_run(atrous_plan *plan, const atrous_arrays *arrays,
                                         atrous_error *error);

/**
 * Times `repeat` runs of the planned solver (transfers and packing excluded) on the
 * arrays, after one warm-up; OpenCL event times where the device keeps them.
 *
 * @param milliseconds  out: `repeat` values, in the order taken.
 */
ATROUS_API atrous_status atrous_plan_time(atrous_plan *plan, const atrous_arrays *arrays,
                                          size_t repeat, double *milliseconds, atrous_error *error);

/** The result of a cross-check. */
typedef struct atrous_check {
    size_t struct_size;
    double worst; /**< largest |error| / bound; at most 1 is a pass; infinity for NaN or infinity
                       where the other side has none */
    double worst_error; /**< |error| there */
    double worst_bound; /**< the bound there */
    size_t worst_at;    /**< flat index into output; behind its end, into bias_output */
    size_t checked;     /**< outputs compared */
    size_t total;       /**< outputs there are */
    uint64_t seed;      /**< of the sample, when checked < total */
} atrous_check;

/**
 * Recomputes `arrays->output` on the CPU path with double accumulators and compares.
 *
 * The bound of one output is terms * (FLT_EPSILON * magnitude + FLT_MIN). `terms` counts the
 * roundings on the longest way from a tensor's element to the output (N. Higham, Accuracy and
 * Stability of Numerical Algorithms, chapter 3); FLT_MIN stands for denormals that a device may
 * flush to zero.
 *
 * Direct summation, by every solver but winograd, strips and phases and by the CPU path:
 *
 *     terms = 1 + (C/G) * taps          magnitude = |bias| + sum |w*x|
 *
 * The other directions sum other products: transposed (C/G) * taps of them, C of its own input,
 * backward data (K/G) * taps (one more for each further place where padding repeats an element),
 * backward weights N * output positions, magnitude the sum of their absolute values.
 *
 * winograd, and strips of rows, compute tiles of M or M x M neighbours of a phase by minimal
 * filtering F(M,R) (S. Winograd, 1980; A. Lavin and S. Gray, arXiv:1509.09308). Values cancel
 * inside its transforms, so an output's error depends on its whole tile: on inputs that only its
 * neighbours need, on taps that meet other inputs. As in the analysis of B. Barabasz et al.,
 * arXiv:1803.10986, but output by output:
 *
 *     terms = C/G + r                   r      F(4,3)  F(2,3)  F(3,2)
 *                                       2-D        19      11
 *                                       1-D        10       6       5
 *     magnitude = |bias| + (|AT| [ sum over channels (|G| |w| |GT|) .* (|BT| |x| |B|) ] |A|)
 *
 * with the matrices of Y = AT [ (G w GT) .* (BT x B) ] A (one-sided in 1-D), absolute values
 * element by element, x the tile's (M+R-1) or (M+R-1)^2 inputs read through the padding. Each
 * |w|, |x| and sum over channels is taken larger by 8 * FLT_MIN / FLT_EPSILON (8e-31), which
 * covers flushed denormals. The taps of a depth count as channels: C/G is C/G * KD there. Where a
 * tile holds an infinity, a NaN or values within a factor 64
 * of overflow in a transform, winograd promises nothing and the bound is infinite; direct
 * summation spreads neither. Tiles begin with the first output of each phase. winograd takes
 * the M of the fewest products whose bound still promises three bits: for |x| <= X, |w| <= W an
 * error of at most 1/8 of (C/G) * taps * X * W. In 2-D that lets F(4,3) serve up to 4077
 * channels a group and F(2,3) up to 147000; past those it refuses. ATROUS_MATH_STRICT never
 * uses it, nor phases.
 *
 * phases, where every phase is so short that it lies whole between zeros of the padding, is
 * minimal filtering too: the same magnitude, over a tile of one phase, whose inputs are all of it,
 * and r = 1 + the sum over both axes of 7, 3 or 0 where the longest phase has 3, 2 or 1 values.
 *
 * Types other than F32 are read exactly, so that the bound of what is stored is that of the float
 * before it plus half the distance of the type's neighbours there. Of I8 sums it is FLT_EPSILON *
 * |sum|, their one rounding; what follows, scale and bias too, adds its own roundings.
 *
 * Sums in half (native_half) have the direct bound with half's 2^-10 and 2^-14 in place of
 * FLT_EPSILON and FLT_MIN, for any number of terms. Where magnitude and bound together exceed 65504
 * a sum may overflow on the way, to an infinity or a NaN even if the result is small: there, and
 * where an input is infinite or NaN, nothing is promised and the bound is infinite.
 *
 * Beyond 20 GFLOP a seeded sample of outputs is compared.
 *
 * @param arrays  inputs as they were given to the run, output as it came back.
 *
 * @retval ATROUS_OK  the comparison was made; check->worst tells how it went.
 */
ATROUS_API atrous_status atrous_plan_check(atrous_plan *plan, const atrous_arrays *arrays,
                                           atrous_check *check, atrous_error *error);

#ifdef __cplusplus
}
#endif
#endif
