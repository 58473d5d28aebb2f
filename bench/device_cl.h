/* The inside of struct device, for the files that call OpenCL. */
#ifndef BENCH_DEVICE_CL_H
#define BENCH_DEVICE_CL_H

#include <stdbool.h>

#include <atrous/opencl.h>

#include "device.h"

/* A way to run the probes of peak.cl. */
struct probe {
    size_t lanes;  /* floats in a vector */
    size_t local;  /* work-items in a group */
    bool is_fused; /* multiply_add is fma(), not mad() */
    cl_program program;
    cl_kernel multiply_add;
    cl_kernel copy;
};

enum { PROBES = 3 };

struct device {
    cl_context context;
    cl_device_id id;
    cl_command_queue queue; /* in order, keeps times */
    size_t compute_units;
    size_t max_allocation;
    size_t global_memory;
    size_t native_floats;
    struct probe probe[PROBES];
};

/* Builds the probes; device_close() releases them. */
bool probes_open(struct device *device, atrous_error *error);
void probes_close(struct device *device);

/* bench_fail() for an OpenCL code; true when it is CL_SUCCESS. */
bool cl_good(cl_int code, const char *what, atrous_error *error);

#endif
