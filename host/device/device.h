/* An OpenCL device, its context and programs: opened or borrowed, shared by plans. */
#ifndef ATROUS_DEVICE_DEVICE_H
#define ATROUS_DEVICE_DEVICE_H

#include <pthread.h>

#include <atrous/opencl.h>

#include "base/base.h"

/* The limits solvers decide by; all queried, none guessed from a name. */
struct atrous__device {
    atrous_device_info info;
    size_t vector;       /* native float lanes, 1 to 16, a power of two */
    size_t local_memory; /* bytes a kernel may use */
    size_t max_work_group;
    size_t max_items[3]; /* per axis of a work-group */
    size_t max_allocation;
    size_t cache; /* bytes of the global memory's, 0: none is told of */
    size_t compute_units;
    bool has_half; /* half arithmetic: cl_khr_fp16, to nearest, with denormals and infinity */
    bool has_dot_product; /* of four int8 in a word: cl_khr_integer_dot_product */
    bool is_cpu_class;    /* local memory is ordinary cache: one item per group, explicit vectors */
};

struct atrous__program {
    struct atrous__program *next;
    char *key; /* source and options */
    cl_program program;
};

/* One device opened for use. Reference counting is the context's business. */
struct atrous__env {
    cl_context context;
    cl_device_id id;
    cl_command_queue queue; /* for host-array calls and first launches; in order, profiling */
    struct atrous__device device;
    /* Bytes of a buffer, and of all together, that host-array calls make at once; beyond, they
     * compute in parts. Queried; tests set less. */
    size_t buffer_limit, total_limit;
    pthread_mutex_t lock; /* guards programs and build_log */
    struct atrous__program *programs;
    char *build_log; /* of the newest failure, or NULL */
};

/* Sets status and message from an OpenCL code: "clFinish(queue): CL_OUT_OF_RESOURCES (-5)". */
atrous_status atrous__fail_cl(atrous_error *error, cl_int code, const char *call);
const char *atrous__cl_name(cl_int code);

/* Needs `error`, `status` and a `done:` label in scope. */
#define ATROUS__TRY_CL(expr)                               \
    do {                                                   \
        const cl_int code_ = (expr);                       \
        if (code_ != CL_SUCCESS) {                         \
            status = atrous__fail_cl(error, code_, #expr); \
            goto done;                                     \
        }                                                  \
    } while (0)
#define ATROUS__TRY(expr)        \
    do {                         \
        status = (expr);         \
        if (status != ATROUS_OK) \
            goto done;           \
    } while (0)

/* Usable devices of all platforms, in order. *ids is released with free(). */
atrous_status atrous__devices_list(cl_device_id **ids, size_t *count, atrous_error *error);

/* Queries everything into *device. */
atrous_status atrous__device_query(cl_device_id id, struct atrous__device *device,
                                   atrous_error *error);

/* Opens device `id` in `context` (retained), or in a new context when NULL. */
atrous_status atrous__env_open(cl_context context, cl_device_id id, struct atrous__env **env,
                               atrous_error *error);
void atrous__env_close(struct atrous__env *env);

/* The program of kernels/NAME.cl under `options`, built on first use and kept by the env.
 * *program is borrowed. Safe from several threads. */
atrous_status atrous__program_get(struct atrous__env *env, const char *name, const char *options,
                                  cl_program *program, atrous_error *error);

/* Copies the newest build log; see atrous_context_build_log(). */
size_t atrous__build_log(struct atrous__env *env, char *text, size_t size);

#endif
