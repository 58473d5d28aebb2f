/**
 * @file check.h
 * The cross-check of a plan and the error bounds that it holds each solver to. Part of atrous.h.
 */
#ifndef ATROUS_CHECK_H
#define ATROUS_CHECK_H

#include <stddef.h>
#include <stdint.h>

#include <atrous/plan.h>

#ifdef __cplusplus
extern "C" {
#endif

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
 * Direct summation, by the CPU path and every solver but winograd, strips, phases and
 * gradient_minimal:
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
 * tile holds an infinity, a NaN or values within a factor 64 of overflow in a transform, winograd
 * promises nothing and the bound is infinite; direct summation spreads neither. Tiles begin with
 * the first output of each phase. winograd takes the M of the fewest products whose bound still
 * promises three bits: for |x| <= X, |w| <= W an error of at most 1/8 of (C/G) * taps * X * W. In
 * 2-D that lets F(4,3) serve up to 4077 channels a group and F(2,3) up to 147000; past those it
 * refuses. ATROUS_MATH_STRICT uses no minimal filtering.
 *
 * phases, where every phase is so short that it lies whole between zeros of the padding, is
 * minimal filtering too: the same magnitude, over a tile of one phase, whose inputs are all of it,
 * and r = 1 + the sum over both axes of 7, 3 or 0 where the longest phase has 3, 2 or 1 values.
 *
 * gradient_minimal computes gradients of weights by F(R,M): tiles of M or M x M values of dy take
 * the place of the taps, and its sums run over all tiles instead of the channels. In its terms the
 * products on the longest way through those sums stand for C/G, and r is 8, 5 or 4 an axis where M
 * is 4, 3 or 2.
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
