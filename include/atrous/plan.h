/**
 * @file plan.h
 * Plans: a problem made ready for a device, and run on host arrays. Part of atrous.h.
 */
#ifndef ATROUS_PLAN_H
#define ATROUS_PLAN_H

#include <stddef.h>
#include <stdint.h>

#include <atrous/context.h>
#include <atrous/conv.h>

#ifdef __cplusplus
extern "C" {
#endif

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
 *                                  in parts.
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

#ifdef __cplusplus
}
#endif
#endif
