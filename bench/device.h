/* The OpenCL side of a run: the library's context with a queue of the bench's own. In a
 * build without OpenCL nothing here succeeds and nothing here is needed. */
#ifndef BENCH_DEVICE_H
#define BENCH_DEVICE_H

#include <stdbool.h>

#include <atrous/atrous.h>

struct device;

/* What a device can do at most, in GFLOP/s and GB/s (bytes read plus written). */
struct limits {
    double peak_gflops;
    double copy_gbps;
};

/* Opens a queue on the device of `context`, which must outlive it and is not the CPU path. */
bool device_open(atrous_context *context, struct device **out, atrous_error *error);

/* NULL is accepted. */
void device_close(struct device *device);

/* Measures both limits now; takes some tenths of a second. */
bool device_limits(struct device *device, struct limits *limits, atrous_error *error);

#endif
