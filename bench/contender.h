/* Contenders: whatever computes a row's convolution again and again to be timed. */
#ifndef BENCH_CONTENDER_H
#define BENCH_CONTENDER_H

#include <stdbool.h>
#include <stddef.h>

#include <atrous/atrous.h>

#include "device.h"

struct contender {
    void *state;

    /* Computes `count` times, waits once for all of it. *device_ms: the time the device itself
     * kept for it, or left alone where nothing keeps one. */
    bool (*run)(void *state, size_t count, double *device_ms, atrous_error *error);

    /* Copies the last output, in the row's layout and type. */
    bool (*read)(void *state, void *output, size_t bytes, atrous_error *error);

    void (*close)(void *state);
};

/* Each opens a contender on host tensors that must outlive it (arrays->output is not used).
 * On failure *out is untouched. */

/* A plan on an OpenCL device: buffers on the device, weights packed once. */
bool contender_opencl(struct device *device, atrous_plan *plan, const atrous_plan_info *info,
                      const atrous_arrays *arrays, struct contender *out, atrous_error *error);

/* A plan on the CPU path. */
bool contender_cpu(atrous_plan *plan, const atrous_plan_info *info, const atrous_arrays *arrays,
                   struct contender *out, atrous_error *error);

/* The same, with a plan of its own on `context`, a CPU path. */
bool contender_cpu_peer(atrous_context *context, const atrous_conv *conv,
                        const atrous_arrays *arrays, struct contender *out, atrous_error *error);

/* oneDNN, in the layouts it chooses or in plain ones; reorders happen here, not in run. */
bool contender_onednn(const atrous_conv *conv, bool plain, const atrous_arrays *arrays,
                      struct contender *out, atrous_error *error);

/* Whether this build has oneDNN. */
bool contender_onednn_exists(void);

#endif
