/* Checks of what callers hand in: queues, wait lists, and places in buffers. */
#ifndef ATROUS_PLAN_OPENCL_REGIONS_H
#define ATROUS_PLAN_OPENCL_REGIONS_H

#include "plan/opencl/backend.h"

/* `bytes` of a buffer that a call reads or writes; 0: not used. */
struct atrous__region {
    const char *field;
    enum atrous__slot slot; /* the kernels' argument that it is for */
    struct atrous__place place;
    size_t bytes;
    bool is_written;
};

/* The queue is of the env's context and device. */
atrous_status atrous__check_queue(const struct atrous__env *env, cl_command_queue queue,
                                  atrous_error *error);

/* A count of events and a list go together. */
atrous_status atrous__check_waits(cl_uint num_waits, const cl_event *waits, atrous_error *error);

/* The region lies in a buffer of the env's context, aligned and whole. */
atrous_status atrous__check_region(const struct atrous__env *env,
                                   const struct atrous__region *region, atrous_error *error);

/* Two regions, one of them written, share no byte. */
atrous_status atrous__check_apart(const struct atrous__region *a, const struct atrous__region *b,
                                  atrous_error *error);

#endif
