/**
 * @file stack_opencl.h
 * Packing and enqueueing whole stacks on the caller's cl_mem and queue.
 *
 * No call here waits, allocates device memory or compiles. Buffers stay the caller's: they are
 * neither retained nor freed and must outlive the work.
 */
#ifndef ATROUS_STACK_OPENCL_H
#define ATROUS_STACK_OPENCL_H

#include <atrous/opencl.h>
#include <atrous/stack.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A layer's parameters on the device, plain. */
typedef struct atrous_layer_buffers {
    atrous_buffer weights;
    atrous_buffer bias;  /**< float[K]; mem NULL without has_bias */
    atrous_buffer scale; /**< float[K]; mem NULL where not asked for */
} atrous_layer_buffers;

/**
 * Enqueues the transformation of all layers' plain parameters into one packed region, biases
 * included.
 *
 * @param stack    one thread at a time.
 * @param layers   one a layer, read.
 * @param packed   in: mem and offset with packed_bytes of room; out: format.
 * @param done     optional out: completion event, released by the caller.
 *
 * @retval ATROUS_OK                enqueued.
 * @retval ATROUS_INVALID_ARGUMENT  NULL, too small, misaligned, overlapping, or of another
 *                                  context; nothing enqueued.
 * @retval ATROUS_UNSUPPORTED       a layer runs on the CPU path.
 * @retval ATROUS_OPENCL_ERROR      `packed` is undefined.
 */
ATROUS_API atrous_status atrous_stack_pack(atrous_stack *stack, cl_command_queue queue,
                                           const atrous_layer_buffers *layers,
                                           atrous_packed *packed, cl_uint num_waits,
                                           const cl_event *waits, cl_event *done,
                                           atrous_error *error);

/** The tensors of one enqueue; all owned by the caller. */
typedef struct atrous_stack_bindings {
    size_t struct_size;
    atrous_buffer input;          /**< read */
    atrous_packed weights;        /**< read; from atrous_stack_pack() */
    const atrous_buffer *outputs; /**< output_count of them, every element written; later layers
                                       read some again. None overlaps anything. */
    atrous_buffer workspace;      /**< workspace_bytes of scratch; mem NULL when 0 */
} atrous_stack_bindings;

/** All NULL and 0. */
ATROUS_API void atrous_stack_bindings_init(atrous_stack_bindings *bindings, size_t struct_size);

/**
 * Enqueues all layers and returns without waiting. Works on in-order and out-of-order queues:
 * each layer waits for the one before.
 *
 * @param stack  one thread at a time: it owns its plans' kernel objects.
 * @param queue  on the stack's context and device.
 * @param waits  events to wait for, or NULL with num_waits 0.
 * @param done   optional out: completion event, released by the caller.
 *
 * @retval ATROUS_OK                enqueued; buffers must outlive `done`.
 * @retval ATROUS_INVALID_ARGUMENT  NULL, a buffer too small, misaligned, overlapping, of another
 *                                  context, or weights of another format; nothing enqueued.
 * @retval ATROUS_UNSUPPORTED       a layer runs on the CPU path.
 * @retval ATROUS_OPENCL_ERROR      the outputs are undefined.
 */
ATROUS_API atrous_status atrous_stack_enqueue(atrous_stack *stack, cl_command_queue queue,
                                              const atrous_stack_bindings *bindings,
                                              cl_uint num_waits, const cl_event *waits,
                                              cl_event *done, atrous_error *error);

#ifdef __cplusplus
}
#endif
#endif
