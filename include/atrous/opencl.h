/**
 * @file opencl.h
 * What takes OpenCL objects: borrowed contexts, packing and enqueueing on cl_mem.
 *
 * No call here waits, allocates device memory or compiles. Buffers stay the
 * caller's: they are neither retained nor freed and must outlive the work.
 */
#ifndef ATROUS_OPENCL_H
#define ATROUS_OPENCL_H

#ifndef CL_TARGET_OPENCL_VERSION
#define CL_TARGET_OPENCL_VERSION 120
#endif
#ifdef __APPLE__
#include <OpenCL/cl.h>
#else
#include <CL/cl.h>
#endif

#include <atrous/atrous.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Wraps the caller's context and one of its devices; both are retained until
 * the atrous context and all its plans are gone.
 *
 * @param options  NULL, or threads and cpu_fallback for cross-checks; the device choice is ignored.
 *
 * @retval ATROUS_INVALID_ARGUMENT  NULL, or the device is not in the context.
 */
ATROUS_API atrous_status atrous_context_borrow(cl_context context, cl_device_id device,
                                               const atrous_context_options *options,
                                               atrous_context **out, atrous_error *error);

/** The OpenCL objects behind a context, not retained; NULL on the CPU path. */
ATROUS_API cl_context atrous_context_cl_context(const atrous_context *context);
ATROUS_API cl_device_id atrous_context_cl_device(const atrous_context *context);

/** Where a tensor starts: `offset` bytes, a multiple of the plan's offset_alignment, into `mem`. */
typedef struct atrous_buffer {
    cl_mem mem;
    size_t offset;
} atrous_buffer;

/** Packed weights: a place, and the format that lies there. */
typedef struct atrous_packed {
    cl_mem mem;
    size_t offset;
    uint64_t format; /**< set by atrous_plan_pack(); a plan refuses another format than its own */
} atrous_packed;

/**
 * Enqueues the transformation of plain weights [K][C/G][kernel...] into the plan's format.
 *
 * @param plan     one thread at a time.
 * @param weights  plain, weights_bytes, read.
 * @param packed   in: mem and offset with packed_bytes of room; out: format.
 * @param done     optional out: completion event, released by the caller.
 *
 * @retval ATROUS_OK                enqueued.
 * @retval ATROUS_INVALID_ARGUMENT  NULL, too small, overlapping, or of another context; nothing
 * enqueued.
 * @retval ATROUS_UNSUPPORTED       the plan runs on the CPU path or in parts, or reads no weights.
 * @retval ATROUS_OPENCL_ERROR      `packed` is undefined.
 */
ATROUS_API atrous_status atrous_plan_pack(atrous_plan *plan, cl_command_queue queue,
                                          atrous_buffer weights, atrous_packed *packed,
                                          cl_uint num_waits, const cl_event *waits, cl_event *done,
                                          atrous_error *error);

/** The tensors of one enqueue, in the roles of atrous_arrays; all owned by the caller.
 * BACKWARD_WEIGHTS has no weights: nothing is packed and `weights` stays 0. */
typedef struct atrous_bindings {
    size_t struct_size;
    atrous_buffer input;       /**< read */
    atrous_packed weights;     /**< read; packed for this plan's weights_format */
    atrous_buffer bias;        /**< float[K], read; mem NULL without has_bias */
    atrous_buffer residual;    /**< as output, read; mem NULL where not asked for */
    atrous_buffer scale;       /**< float[K], read; mem NULL where not asked for */
    atrous_buffer output;      /**< every element written; overlaps no input */
    atrous_buffer workspace;   /**< workspace_bytes of scratch; mem NULL when 0 */
    atrous_buffer grad_output; /**< dy of BACKWARD_WEIGHTS, read; else mem NULL */
    atrous_buffer bias_output; /**< float[K], db of BACKWARD_WEIGHTS with has_bias, written */
} atrous_bindings;

/** All NULL and 0. */
ATROUS_API void atrous_bindings_init(atrous_bindings *bindings, size_t struct_size);

/**
 * Enqueues y = conv(x, w) + bias (see atrous_conv) and returns without waiting.
 * Works on in-order and out-of-order queues; several kernels are chained by events.
 *
 * @param plan   one thread at a time: it owns its kernel objects.
 * @param queue  on the plan's context and device.
 * @param waits  events to wait for, or NULL with num_waits 0.
 * @param done   optional out: completion event, released by the caller.
 *
 * @retval ATROUS_OK                enqueued; buffers must outlive `done`.
 * @retval ATROUS_INVALID_ARGUMENT  NULL, a buffer too small, misaligned, overlapping, of another
 *                                  context, or weights of another format; nothing enqueued.
 * @retval ATROUS_UNSUPPORTED       the plan runs on the CPU path, or in parts.
 * @retval ATROUS_OPENCL_ERROR      the output is undefined.
 */
ATROUS_API atrous_status atrous_plan_enqueue(atrous_plan *plan, cl_command_queue queue,
                                             const atrous_bindings *bindings, cl_uint num_waits,
                                             const cl_event *waits, cl_event *done,
                                             atrous_error *error);

#ifdef __cplusplus
}
#endif
#endif
