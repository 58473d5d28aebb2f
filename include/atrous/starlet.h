/**
 * @file starlet.h
 * The starlet: the isotropic undecimated wavelet transform (a trous algorithm, B3 spline), as a
 * ready stack.
 *
 * With c_0 the image, h = [1 4 6 4 1] / 16 along every axis and dilation 2^(j-1):
 *
 *     c_j = h * c_(j-1),   w_j = c_(j-1) - c_j,   j = 1 .. scales
 *     image = w_1 + ... + w_scales + c_scales
 *
 * Borders are mirrored without repeating the edge, as often as a large dilation needs.
 */
#ifndef ATROUS_STARLET_H
#define ATROUS_STARLET_H

#include <atrous/stack.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ATROUS_STARLET_MAX_SCALES 30

/** A starlet made ready for a device and an image shape. One thread at a time. */
typedef struct atrous_starlet atrous_starlet;

/**
 * @param image    its shape, rank 1 to 3, F32, NCHW; batch and channels are images apart.
 * @param scales   1 to ATROUS_STARLET_MAX_SCALES.
 * @param options  how the layers' plans choose their solvers; NULL for the defaults.
 * @param starlet  out; NULL on failure. Release with atrous_starlet_destroy().
 *
 * @retval ATROUS_INVALID_ARGUMENT  a field of the shape breaks a rule, or scales is out of range.
 * @retval ATROUS_UNSUPPORTED, ATROUS_OPENCL_ERROR, ATROUS_OUT_OF_HOST_MEMORY
 *                                  as atrous_stack_create() says.
 */
ATROUS_API atrous_status atrous_starlet_create(atrous_context *context, const atrous_shape *image,
                                               size_t scales, const atrous_plan_options *options,
                                               atrous_starlet **starlet, atrous_error *error);

/** NULL is accepted. */
ATROUS_API void atrous_starlet_destroy(atrous_starlet *starlet);

/**
 * The stack behind it, for queries, checks and stack_opencl.h. Its outputs 0 .. scales-1 are
 * w_1 .. w_scales, output `scales` is c_scales, each of the image's shape. It stays the
 * starlet's.
 */
ATROUS_API atrous_stack *atrous_starlet_stack(atrous_starlet *starlet);

/** The plain weights of that stack, one entry a layer; they stay the starlet's. */
ATROUS_API const atrous_layer_weights *atrous_starlet_weights(const atrous_starlet *starlet);

/**
 * Computes the planes of an image on host arrays and waits.
 *
 * @param image   float[batch][channels][extents...].
 * @param planes  float[scales + 1][batch][channels][extents...]: w_1 first, c_scales last.
 *
 * @retval as atrous_stack_run() says.
 */
ATROUS_API atrous_status atrous_starlet_run(atrous_starlet *starlet, const float *image,
                                            float *planes, atrous_error *error);

/**
 * Sums the planes, changed or not, to an image: the inverse, exact but for the rounding of
 * `scales` additions.
 */
ATROUS_API atrous_status atrous_starlet_sum(atrous_starlet *starlet, const float *planes,
                                            float *image, atrous_error *error);

#ifdef __cplusplus
}
#endif
#endif
