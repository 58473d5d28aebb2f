/**
 * @file field.h
 * What a stack of dilated convolutions sees: receptive field, coverage, gridding, cost.
 *
 * Pure arithmetic: no device, no context, no OpenCL. Along one axis let layer l = 1 .. L have
 * kernel k, dilation d, stride s and padding p; J(0) = 1, R(0) = 1, B(0) = 0 and
 *
 *     R(l) = R(l-1) + (k-1) * d * J(l-1)     size: inputs from the first to the last one seen
 *     B(l) = B(l-1) - p * J(l-1)             start: where the field of output 0 begins
 *     J(l) = J(l-1) * s                      jump: inputs from one output's field to the next
 *
 * so that output o of layer l sees inputs within B(l) + o*J(l) .. + R(l) - 1. A start below 0 lies
 * in the padding. How many paths join each of them to the output is the product of the layers' tap
 * polynomials,
 *
 *     coverage(z) = product over l of  sum for t = 0 .. k-1 of  z^(t * d * J(l-1)),
 *
 * and on several axes the product of the axes' coverages, because kernels are full boxes. A
 * position of the field that no path reaches is a hole ("gridding"). All counts are exact.
 *
 * Lifecycle: atrous_field_stack_init(), atrous_field_layer_init(), fill in, ->
 * atrous_field_create() -> ask -> atrous_field_destroy(). A field may be read by several
 * threads at once.
 */
#ifndef ATROUS_FIELD_H
#define ATROUS_FIELD_H

#include <atrous/atrous.h>

#ifdef __cplusplus
extern "C" {
#endif

/** One layer. Fill with atrous_field_layer_init(), then set fields. Slowest axis first. */
typedef struct atrous_field_layer {
    size_t struct_size;
    size_t kernel[ATROUS_MAX_RANK];
    size_t stride[ATROUS_MAX_RANK];
    size_t dilation[ATROUS_MAX_RANK];  /**< 1 is dense */
    size_t pad_begin[ATROUS_MAX_RANK]; /**< zeros: what is padded joins no input */
    size_t pad_end[ATROUS_MAX_RANK];
    int pad_same;    /**< 1: the pads are those of ATROUS_PAD_SAME instead, which need the stack's
                          input extents where a stride is above 1 */
    size_t channels; /**< out of the layer */
} atrous_field_layer;

/** Sets kernel, stride, dilation and channels 1, no padding. */
ATROUS_API void atrous_field_layer_init(atrous_field_layer *layer, size_t struct_size);

/** A stack, first layer first. The layers stay the caller's and are copied by create. */
typedef struct atrous_field_stack {
    size_t struct_size;
    int rank; /**< 1, 2 or 3 spatial axes */
    const atrous_field_layer *layers;
    size_t layer_count;            /**< 1 to 1024 */
    size_t in_channels;            /**< of the first layer */
    size_t input[ATROUS_MAX_RANK]; /**< extents of the first layer's input; all 0: not known */
} atrous_field_stack;

/** Sets the rank as given (not checked here), one input channel, no layers, no extents. */
ATROUS_API void atrous_field_stack_init(atrous_field_stack *stack, int rank, size_t struct_size);

/** A stack's receptive field, computed. Owns all that its calls return pointers to. */
typedef struct atrous_field atrous_field;

/**
 * Computes the field of a stack.
 *
 * @param field  out; NULL on failure. Release with atrous_field_destroy().
 *
 * @retval ATROUS_INVALID_ARGUMENT  a field breaks a rule, a size, jump or start overflows, or a
 *                                  dilated kernel exceeds its padded input; error names the layer.
 * @retval ATROUS_OUT_OF_HOST_MEMORY
 */
ATROUS_API atrous_status atrous_field_create(const atrous_field_stack *stack, atrous_field **field,
                                             atrous_error *error);

/** NULL is accepted. */
ATROUS_API void atrous_field_destroy(atrous_field *field);

/** The field after a layer, and what the layer turned out to be. */
typedef struct atrous_field_info {
    size_t struct_size;
    size_t size[ATROUS_MAX_RANK];
    size_t jump[ATROUS_MAX_RANK];
    ptrdiff_t start[ATROUS_MAX_RANK];
    size_t pad_begin[ATROUS_MAX_RANK]; /**< of the layer, pad_same resolved */
    size_t pad_end[ATROUS_MAX_RANK];
    size_t
        output[ATROUS_MAX_RANK]; /**< extents out of the layer; 0 where the input's are not known */
} atrous_field_info;

/**
 * Fills *info (struct_size set by the caller) for layer `layer` from 0; the last layer's is
 * the stack's.
 */
ATROUS_API atrous_status atrous_field_layer_info(const atrous_field *field, size_t layer,
                                                 atrous_field_info *info, atrous_error *error);

/** Counts that may exceed any integer type. */
typedef enum atrous_field_total {
    /** Weights: sum over layers of taps * channels in * channels out. */
    ATROUS_FIELD_PARAMETERS = 0,
    /** Multiply-adds per position of the last output: each layer's weights, times the product of
     *  the strides after it, because so many of its outputs serve one of the last. */
    ATROUS_FIELD_MACS = 1,
    /** Multiply-adds per output position, and weights, of the one dense kernel that reaches as
     *  far: product of the sizes * channels into the first layer * channels out of the last. */
    ATROUS_FIELD_DENSE_MACS = 2,
    /** Positions of the field's box: product of the sizes. */
    ATROUS_FIELD_POSITIONS = 3,
    /** Positions of the box that no path reaches: the box less the product of the axes' reached
     *  positions. Not known (NULL) for fields with holes that are too large to walk. */
    ATROUS_FIELD_HOLES = 4
} atrous_field_total;

/** A total in decimal digits; lives as long as the field; NULL where it is not known. */
ATROUS_API const char *atrous_field_total_text(const atrous_field *field, atrous_field_total total);

/** 1 when no path reaches some position of the field, 0 when all are reached; always exact. */
ATROUS_API int atrous_field_has_holes(const atrous_field *field);

/**
 * Positions of one axis that a path reaches: size, less the holes. 0 where the field has holes
 * and is too large to walk.
 */
ATROUS_API size_t atrous_field_reached(const atrous_field *field, int axis);

/**
 * How many paths join the input at `position` (one index an axis, from the field's start) to one
 * output. Writes decimal digits, cut to `size` bytes with the closing zero.
 *
 * @param text  may be NULL when size is 0.
 *
 * @return characters the whole number has, 0 where the position is outside the field or the field
 *         is too large to walk (above 2^22 positions on an axis, or counts beyond 576 digits).
 */
ATROUS_API size_t atrous_field_coverage(const atrous_field *field, const size_t *position,
                                        char *text, size_t size);

/** The same as a base-2 logarithm, rounded; -infinity for a hole, NaN where there is no count. */
ATROUS_API double atrous_field_coverage_log2(const atrous_field *field, const size_t *position);

/**
 * The use map of one axis: in how many outputs of the last layer input i takes part, the borders'
 * loss included. On several axes the uses of a position's axes multiply.
 *
 * @return one count for each of the input's extent; lives as long as the field. NULL where the
 *         input's extents are not known or are too large to walk.
 */
ATROUS_API const size_t *atrous_field_use(const atrous_field *field, int axis);

/**
 * What the same view costs by stride (or pooling) in place of dilation: the least total stride
 * along the axis at which the same kernels in the same order, none dilated, see at least as far.
 * The first layer bears it all, where it helps every later one:
 *
 *     smallest P >= 1 with  k(1) + P * (sum over l > 1 of k(l) - 1)  >=  size.
 *
 * The output then has one position for every P of the input, against one for every jump.
 *
 * @return P; 0 where no stride reaches so far, as with a single layer.
 */
ATROUS_API size_t atrous_field_strided_jump(const atrous_field *field, int axis);

typedef enum atrous_remedy {
    ATROUS_REMEDY_NOT_NEEDED = 0, /**< there are no holes */
    ATROUS_REMEDY_FOUND = 1,
    ATROUS_REMEDY_NONE = 2,   /**< proven: no dilations of these kernels and strides do */
    ATROUS_REMEDY_UNKNOWN = 3 /**< the search met its limit of steps before an answer */
} atrous_remedy;

/**
 * Looks for dilations that leave kernels, strides and size as they are and no holes.
 *
 * Each axis is searched alone; one without holes keeps its dilations. Dilations that never
 * fall from layer to layer are preferred, then a smaller largest one. Layers with a kernel of 1
 * keep theirs. The search stops after 2^24 steps an axis; what it has found by then stands.
 *
 * @param remedy    out: how it went.
 * @param dilation  out: [layers][rank], the stack's own unless something was found.
 * @param count     entries `dilation` has room for, at least layers * rank.
 *
 * @retval ATROUS_INVALID_ARGUMENT, ATROUS_OUT_OF_HOST_MEMORY
 */
ATROUS_API atrous_status atrous_field_remedy(const atrous_field *field, atrous_remedy *remedy,
                                             size_t *dilation, size_t count, atrous_error *error);

#ifdef __cplusplus
}
#endif
#endif
