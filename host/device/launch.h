/* Launches: kernels with their arguments, made ready at plan creation. */
#ifndef ATROUS_DEVICE_LAUNCH_H
#define ATROUS_DEVICE_LAUNCH_H

#include "device/device.h"

/* What an argument is: a value known at creation, local memory, or a tensor bound later. A
 * tensor takes two kernel parameters: the buffer, and a ulong offset in elements. */
enum atrous__slot {
    ATROUS__INPUT,
    ATROUS__WEIGHTS, /* packed */
    ATROUS__PLAIN,   /* weights as the user has them */
    ATROUS__BIAS,
    ATROUS__SCALE,
    ATROUS__RESIDUAL,
    ATROUS__OUTPUT,
    ATROUS__WORKSPACE,
    ATROUS__GRAD_OUTPUT,
    ATROUS__BIAS_OUTPUT,
    ATROUS__SLOTS,
    ATROUS__LOCAL, /* `size` bytes of local memory */
    ATROUS__VALUE
};

struct atrous__arg {
    enum atrous__slot slot;
    size_t size; /* of a tensor: the element it begins at */
    union {
        cl_int i;
        cl_int4 i4;
        cl_ulong u;
        cl_float f;
        cl_float4 f4;
    } value;
};

/* Every kernel's last parameter is an int, `run`: 0 makes each work-item return at once. The
 * launch at creation uses it to have code generated without touching a tensor. */
enum {
    ATROUS__MAX_ARGS = 32,
    ATROUS__MAX_OWN = 16,                      /* launches that a solver may add */
    ATROUS__MAX_LAUNCHES = ATROUS__MAX_OWN + 1 /* and a fold */
};

struct atrous__launch {
    cl_kernel kernel;
    cl_uint dims;
    size_t global[3], local[3];
    bool any_local; /* the group may be cut to what the device allows for the kernel */
    size_t stored;  /* bytes of an element of the tensors of the problem's type; 0: floats */
    unsigned arg_count;
    struct atrous__arg args[ATROUS__MAX_ARGS];
};

/* What a solver builds: pack once, then compute any number of times; both chains in order. */
struct atrous__job {
    unsigned pack_count, launch_count;
    struct atrous__launch pack[ATROUS__MAX_LAUNCHES];
    struct atrous__launch launch[ATROUS__MAX_LAUNCHES];
    size_t packed_bytes, workspace_bytes;
    uint64_t format; /* of the packed weights: equal formats are interchangeable */
};

/* Where the tensors of one enqueue lie; offsets in bytes. */
struct atrous__place {
    cl_mem mem;
    size_t offset;
};

struct atrous__arg atrous__arg_tensor(enum atrous__slot slot);
/* The same from element `first` of the tensor on. */
struct atrous__arg atrous__arg_tensor_from(enum atrous__slot slot, size_t first);
struct atrous__arg atrous__arg_local(size_t bytes);
struct atrous__arg atrous__arg_int(size_t value);
struct atrous__arg atrous__arg_long(size_t value);
struct atrous__arg atrous__arg_float(float value);
struct atrous__arg atrous__arg_float4(double a, double b, double c, double d);
/* Four ints, D H W and one more: the kernels' int4. */
struct atrous__arg atrous__arg_int4(size_t d, size_t h, size_t w, size_t more);

/* Makes the kernel `entry` of kernels/NAME.cl and sets every argument that is a value.
 * `launch` brings dims, sizes and args (without `run`); its kernel is released by
 * atrous__job_release(), also after a failure. */
atrous_status atrous__launch_make(struct atrous__env *env, const char *name, const char *entry,
                                  const char *options, struct atrous__launch *launch,
                                  atrous_error *error);

/* Launches every kernel of the job once with run = 0 on the env's queue and waits. */
atrous_status atrous__job_warm(struct atrous__env *env, struct atrous__job *job,
                               atrous_error *error);

/* Enqueues a chain; each kernel waits for the one before. `done` may be NULL. */
atrous_status atrous__chain_enqueue(struct atrous__launch *launches, unsigned count,
                                    cl_command_queue queue,
                                    const struct atrous__place places[ATROUS__SLOTS],
                                    cl_uint num_waits, const cl_event *waits, cl_event *done,
                                    atrous_error *error);

void atrous__job_release(struct atrous__job *job);

#endif
