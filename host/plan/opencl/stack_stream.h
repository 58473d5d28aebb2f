/* A stream's things on a device. */
#ifndef ATROUS_PLAN_OPENCL_STACK_STREAM_H
#define ATROUS_PLAN_OPENCL_STACK_STREAM_H

#include "plan/opencl/stack_device.h"
#include "plan/stream.h"

enum { ATROUS__MAX_LEVELS = 16, ATROUS__LEVEL_RATIO = 16 };

/* Plans for chunks of up to `width`, shorter ones extended by zeros. */
struct atrous__level {
    size_t width;
    atrous_plan **plans; /* one a step */
    size_t *weights;     /* one a step: byte offset of its packed weights */
};

struct atrous__stream_device {
    struct atrous__level levels[ATROUS__MAX_LEVELS]; /* the widest first */
    size_t level_count;
    const struct atrous__level *level; /* of the chunk at hand */
    size_t *biases;                    /* one a step: byte offset in `packed` */
    size_t packed_bytes;
    cl_mem input, output, workspace, packed, pasts, window;
};

extern const struct atrous__stream_backend atrous__stream_on_device;

#endif
