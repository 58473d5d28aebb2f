/**
 * @file conv.h
 * The problem: one convolution in any direction, and its geometry. Part of atrous.h.
 */
#ifndef ATROUS_CONV_H
#define ATROUS_CONV_H

#include <stddef.h>

#include <atrous/status.h>

#ifdef __cplusplus
extern "C" {
#endif

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
 *     BACKWARD_DATA      dx[n][c][i] = sum over k, t, p that meet i   w[k][c][t] * dy[n][k][p]
 *     BACKWARD_WEIGHTS   dw[k][c][t] = sum over n, p                  dy[n][k][p] * x[n][c][i]
 *                        db[k]       = sum over n, p                  dy[n][k][p]
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

#ifdef __cplusplus
}
#endif
#endif
