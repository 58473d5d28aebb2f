/**
 * @file context.h
 * OpenCL devices, and contexts: a device, or the CPU path, opened. Part of atrous.h.
 */
#ifndef ATROUS_CONTEXT_H
#define ATROUS_CONTEXT_H

#include <stddef.h>

#include <atrous/status.h>

#ifdef __cplusplus
extern "C" {
#endif

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

#ifdef __cplusplus
}
#endif
#endif
