/**
 * @file stack.h
 * Layers that run as one: stacks of convolutions with residuals and skip sums, and causal
 * stacks that are fed in chunks. Enqueueing a stack on cl_mem is in stack_opencl.h.
 *
 * Lifecycle of a stack: atrous_layer_init() and fill in, for each layer -> atrous_stack_create()
 * -> atrous_stack_run() any number of times -> atrous_stack_destroy().
 */
#ifndef ATROUS_STACK_H
#define ATROUS_STACK_H

#include <atrous/atrous.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------ layers */

/** The shape of a tensor. Fill with atrous_shape_init(), then set fields. */
typedef struct atrous_shape {
    size_t struct_size;
    int rank; /**< 1, 2 or 3 spatial axes */
    size_t batch, channels;
    size_t extents[ATROUS_MAX_RANK]; /**< slowest axis first */
    atrous_layout layout;
    atrous_type type;
} atrous_shape;

/** Sets rank, batch 1, channels 1, extents 0 (to be set), NCHW, F32. */
ATROUS_API void atrous_shape_init(atrous_shape *shape, int rank, size_t struct_size);

typedef enum atrous_source_kind {
    ATROUS_FROM_PREVIOUS = 0, /**< the nearest earlier layer that has an output of its own, or
                                   the stack's input where there is none */
    ATROUS_FROM_INPUT = 1,    /**< the stack's input */
    ATROUS_FROM_LAYER = 2,    /**< the output of layer `index` */
    ATROUS_FROM_SUM = 3       /**< what the layers so far have added to sum `index` */
} atrous_source_kind;

typedef struct atrous_source {
    atrous_source_kind kind;
    size_t index;
} atrous_source;

/** One layer of a stack. Fill with atrous_layer_init(), then set fields. */
typedef struct atrous_layer {
    size_t struct_size;
    /** The convolution and its epilogue. batch, in_channels and input may stay 0: the source
     * decides, and what is set must agree with it. beta is the stack's and stays 0. */
    atrous_conv conv;
    int has_pad_rule; /**< 1: conv's padding follows pad_rule, which replaces what is there */
    atrous_pad_rule pad_rule;
    atrous_source source;   /**< what the layer convolves */
    atrous_source residual; /**< what conv.residual adds; read where that is not NONE */
    /** -1: the layer has an output of its own. s >= 0: its output is added to sum s, as skip
     * connections are; the contributions to a sum have one shape. */
    int sum;
    atrous_plan_options plan; /**< how the layer's plan chooses its solver */
} atrous_layer;

/** atrous_conv_init() with batch and in_channels 0, no pad rule, source and residual the
 * previous output, sum -1, plan the defaults. */
ATROUS_API void atrous_layer_init(atrous_layer *layer, int rank, size_t struct_size);

/** A layer's parameters on host memory, plain, as in atrous_arrays. */
typedef struct atrous_layer_weights {
    const void *weights;
    const void *bias;  /**< float[K], when has_bias */
    const void *scale; /**< float[K], when channel_scale */
} atrous_layer_weights;

/* ------------------------------------------------------------------- stack */

/** In which order a stack computes; its outputs are the same bit for bit. */
typedef enum atrous_order {
    ATROUS_ORDER_AUTO = 0,   /**< depth first where that was measured to be faster */
    ATROUS_ORDER_LAYERS = 1, /**< each layer whole, one after another */
    ATROUS_ORDER_DEPTH = 2   /**< depth first wherever it can be done */
} atrous_order;

typedef struct atrous_stack_options {
    size_t struct_size;
    /** What the stack gives out: layers or sums, each once. NULL: the last layer's output, or
     * the sum it adds to. */
    const atrous_source *outputs;
    size_t output_count;
    /** Depth first a band, some rows of one image (the slowest axis), is carried through several
     * layers while it is in cache. It can be done with neighbouring layers of stride 1 that keep
     * the rows, whose tensors are NHWC or have one channel, that add to no sum and whose solvers
     * sum directly. What lies between such layers takes windows of the workspace, not tensors. */
    atrous_order order;
    size_t band_rows; /**< of a band; 0: as the device's cache suggests */
} atrous_stack_options;

/** Defaults: outputs NULL, order AUTO, band_rows 0. */
ATROUS_API void atrous_stack_options_init(atrous_stack_options *options, size_t struct_size);

/** Layers made ready for a device and an input shape. One thread at a time. Keeps its context
 * alive. */
typedef struct atrous_stack atrous_stack;

/**
 * Validates the layers, plans each of them, and places what lies between them in one workspace.
 *
 * The layers run in their order. Intermediate results share the workspace: each has its place
 * from the layer that makes it to the last one that reads it. A residual that is added after
 * the activation, with alpha 1, and that nothing reads later gives its place to the layer's
 * output, which is accumulated there.
 *
 * @param layers   `count` of them, copied.
 * @param input    the shape of the stack's input.
 * @param options  NULL for the defaults.
 * @param stack    out; NULL on failure. Release with atrous_stack_destroy().
 *
 * @retval ATROUS_INVALID_ARGUMENT  a field breaks a rule, or nothing reads a layer's result;
 *                                  error names the layer and the field, "layers[3].kernel[0]".
 * @retval ATROUS_UNSUPPORTED, ATROUS_OPENCL_ERROR, ATROUS_OUT_OF_HOST_MEMORY
 *                                  as atrous_plan_create() says.
 */
ATROUS_API atrous_status atrous_stack_create(atrous_context *context, const atrous_layer *layers,
                                             size_t count, const atrous_shape *input,
                                             const atrous_stack_options *options,
                                             atrous_stack **stack, atrous_error *error);

/** NULL is accepted. Work already enqueued goes on and must not be awaited here. */
ATROUS_API void atrous_stack_destroy(atrous_stack *stack);

typedef struct atrous_stack_info {
    size_t struct_size;
    size_t layer_count, output_count;
    size_t input_bytes;
    size_t packed_bytes; /**< of all layers' weights, for atrous_stack_pack() */
    /** Of the workspace: at most activation_bytes plus the largest scratch of one layer. */
    size_t workspace_bytes;
    /** What the results between the layers take: those alive at once, not their sum. */
    size_t activation_bytes;
    size_t offset_alignment; /**< every byte offset of a binding is a multiple of this */
    uint64_t weights_format; /**< stacks of one format share packed weights */
    int on_cpu_path;         /**< 1: at least one layer runs there, so nothing can be enqueued */
    double macs;             /**< multiply-adds, taps in the padding counted */
    double valid_macs;       /**< those that read input */
    double create_ms;        /**< what atrous_stack_create() took */
    size_t depth_first;      /**< layers that are carried depth first */
} atrous_stack_info;

/** Fills *info (struct_size set by the caller). */
ATROUS_API atrous_status atrous_stack_query(const atrous_stack *stack, atrous_stack_info *info,
                                            atrous_error *error);

/**
 * The shape of output `index` and, where `bytes` is given, its size.
 *
 * @retval ATROUS_INVALID_ARGUMENT  index is not below output_count.
 */
ATROUS_API atrous_status atrous_stack_output(const atrous_stack *stack, size_t index,
                                             atrous_shape *shape, size_t *bytes,
                                             atrous_error *error);

/** The plan of a layer, to be queried: its solver, why no other, extents, bytes. It stays the
 * stack's. NULL past the end. */
ATROUS_API const atrous_plan *atrous_stack_plan(const atrous_stack *stack, size_t layer);

/** The tensors of a run on host memory. Owned by the caller. No output overlaps anything. */
typedef struct atrous_stack_arrays {
    size_t struct_size;
    const void *input;
    const atrous_layer_weights *weights; /**< one a layer */
    void *const *outputs;                /**< output_count of them */
} atrous_stack_arrays;

/** All NULL. */
ATROUS_API void atrous_stack_arrays_init(atrous_stack_arrays *arrays, size_t struct_size);

/**
 * Computes on host arrays and waits. On an OpenCL context it copies to the device, packs the
 * weights, runs all layers there and copies the outputs back. Memory for the workspace is the
 * library's, for the length of the call.
 *
 * @retval ATROUS_INVALID_ARGUMENT  an array is missing or overlaps; nothing was computed.
 * @retval ATROUS_OPENCL_ERROR, ATROUS_OUT_OF_HOST_MEMORY  the outputs are undefined.
 */
ATROUS_API atrous_status atrous_stack_run(atrous_stack *stack, const atrous_stack_arrays *arrays,
                                          atrous_error *error);

/**
 * Runs the layers again, one by one, and holds each against the CPU path with double
 * accumulators on the input that layer really had (see atrous_plan_check()). The outputs in
 * `arrays` must be what this second run gives, to the last bit: else `worst` is infinity.
 *
 * @param arrays  inputs as they were given to the run, outputs as they came back.
 * @param check   out: of the worst layer; checked and total count the outputs of all layers.
 * @param layer   optional out: which one that is.
 *
 * @retval ATROUS_OK  the comparison was made; check->worst tells how it went.
 */
ATROUS_API atrous_status atrous_stack_check(atrous_stack *stack, const atrous_stack_arrays *arrays,
                                            atrous_check *check, size_t *layer,
                                            atrous_error *error);

/* ------------------------------------------------------------------ stream */

/** A causal stack of rank 1 that is fed in chunks, and its state. One thread at a time. */
typedef struct atrous_stream atrous_stream;

/**
 * Makes a stack ready for chunks of 1 to chunk->extents[0] samples. Every layer has stride 1,
 * NCHW layouts, zero padding, (kernel-1)*dilation of it at the beginning and none at the end
 * (pad_rule ATROUS_PAD_CAUSAL). The output is that of the last layer, or the sum it adds to.
 *
 * The stream keeps the last (kernel-1)*dilation samples of what each layer reads. A chunk costs
 * kernel, not dilation, times its length: only the samples that taps meet are gathered. On a
 * device plans are made for the longest chunk, a 16th of it and so on; a chunk runs, extended by
 * zeros, on the smallest that holds it.
 *
 * @param layers   `count` of them; sources and sums as in a stack.
 * @param chunk    rank 1; batch and channels of the input; extents[0]: the longest chunk.
 * @param weights  one a layer, copied: finite values, for a weight that is infinite does not
 *                 meet the padding that a whole signal begins with.
 * @param stream   out; NULL on failure. Release with atrous_stream_destroy().
 *
 * @retval ATROUS_INVALID_ARGUMENT  as atrous_stack_create(), or a layer is not causal.
 */
ATROUS_API atrous_status atrous_stream_create(atrous_context *context, const atrous_layer *layers,
                                              size_t count, const atrous_shape *chunk,
                                              const atrous_layer_weights *weights,
                                              atrous_stream **stream, atrous_error *error);

/** NULL is accepted. */
ATROUS_API void atrous_stream_destroy(atrous_stream *stream);

typedef struct atrous_stream_info {
    size_t struct_size;
    size_t max_chunk;
    size_t in_channels, out_channels;
    size_t state_bytes; /**< what the stream remembers between chunks */
    int on_cpu_path;
} atrous_stream_info;

/** Fills *info (struct_size set by the caller). */
ATROUS_API atrous_status atrous_stream_query(const atrous_stream *stream, atrous_stream_info *info,
                                             atrous_error *error);

/**
 * Feeds the next `length` samples and gives as many outputs: those that the stack gives at
 * these places of the whole signal. On the CPU path they are the same bit for bit, whatever the
 * chunks were (but for the sign of a zero); on a device both are within the bound.
 *
 * @param input   float[batch][channels][length].
 * @param output  float[batch][out_channels][length]; does not overlap input.
 *
 * @retval ATROUS_INVALID_ARGUMENT  NULL, overlapping, or a length that is not 1 to max_chunk;
 *                                  the state is as it was.
 * @retval ATROUS_OPENCL_ERROR, ATROUS_OUT_OF_HOST_MEMORY  output and state are undefined: call
 *                                  atrous_stream_reset().
 */
ATROUS_API atrous_status atrous_stream_push(atrous_stream *stream, size_t length,
                                            const float *input, float *output, atrous_error *error);

/** Forgets all samples: the next chunk begins a signal. */
ATROUS_API atrous_status atrous_stream_reset(atrous_stream *stream, atrous_error *error);

#ifdef __cplusplus
}
#endif
#endif
