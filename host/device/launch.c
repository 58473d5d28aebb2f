/* Sets arguments and launches kernels; the one place that does. */
#include "device/launch.h"

#include <stdlib.h>
#include <string.h>

struct atrous__arg atrous__arg_tensor(enum atrous__slot slot)
{
    return (struct atrous__arg){.slot = slot};
}

struct atrous__arg atrous__arg_tensor_from(enum atrous__slot slot, size_t first)
{
    return (struct atrous__arg){.slot = slot, .size = first};
}

struct atrous__arg atrous__arg_local(size_t bytes)
{
    return (struct atrous__arg){.slot = ATROUS__LOCAL, .size = bytes};
}

struct atrous__arg atrous__arg_int(size_t value)
{
    return (struct atrous__arg){ATROUS__VALUE, sizeof(cl_int), {.i = (cl_int)value}};
}

struct atrous__arg atrous__arg_long(size_t value)
{
    return (struct atrous__arg){ATROUS__VALUE, sizeof(cl_ulong), {.u = (cl_ulong)value}};
}

struct atrous__arg atrous__arg_float(float value)
{
    return (struct atrous__arg){ATROUS__VALUE, sizeof(cl_float), {.f = value}};
}

struct atrous__arg atrous__arg_float4(double a, double b, double c, double d)
{
    return (struct atrous__arg){ATROUS__VALUE,
                                sizeof(cl_float4),
                                {.f4 = {{(cl_float)a, (cl_float)b, (cl_float)c, (cl_float)d}}}};
}

struct atrous__arg atrous__arg_int4(size_t d, size_t h, size_t w, size_t more)
{
    return (struct atrous__arg){
        ATROUS__VALUE, sizeof(cl_int4), {.i4 = {{(cl_int)d, (cl_int)h, (cl_int)w, (cl_int)more}}}};
}

/* Bytes of an element of a tensor. */
static size_t element_bytes(const struct atrous__launch *launch, enum atrous__slot slot)
{
    const bool is_stored = slot == ATROUS__INPUT || slot == ATROUS__PLAIN ||
                           slot == ATROUS__RESIDUAL || slot == ATROUS__OUTPUT ||
                           slot == ATROUS__GRAD_OUTPUT;
    return is_stored && launch->stored != 0 ? launch->stored : sizeof(cl_float);
}

static cl_int set_tensor(cl_kernel kernel, cl_uint *index, const struct atrous__place *place,
                         size_t element, size_t first)
{
    const cl_ulong elements = place->offset / element + first;
    cl_int code = clSetKernelArg(kernel, (*index)++, sizeof(cl_mem), &place->mem);
    if (code == CL_SUCCESS)
        code = clSetKernelArg(kernel, (*index)++, sizeof elements, &elements);
    return code;
}

/* Sets values and local memory (places NULL), or tensors (places given), then `run`. */
static cl_int set_args(const struct atrous__launch *launch, const struct atrous__place *places,
                       cl_int run)
{
    cl_uint index = 0;
    cl_int code = CL_SUCCESS;
    for (unsigned i = 0; i < launch->arg_count && code == CL_SUCCESS; ++i) {
        const struct atrous__arg *arg = &launch->args[i];
        if (arg->slot < ATROUS__SLOTS) {
            if (places != NULL)
                code = set_tensor(launch->kernel, &index, &places[arg->slot],
                                  element_bytes(launch, arg->slot), arg->size);
            else
                index += 2;
            continue;
        }
        if (places == NULL)
            code = clSetKernelArg(launch->kernel, index, arg->size,
                                  arg->slot == ATROUS__LOCAL ? NULL : &arg->value);
        ++index;
    }
    return code == CL_SUCCESS ? clSetKernelArg(launch->kernel, index, sizeof run, &run) : code;
}

atrous_status atrous__launch_make(struct atrous__env *env, const char *name, const char *entry,
                                  const char *options, struct atrous__launch *launch,
                                  atrous_error *error)
{
    cl_program program = NULL;
    cl_int code = CL_SUCCESS;
    atrous_status status = ATROUS_OK;
    size_t largest = 0, items = 1;

    launch->kernel = NULL;
    ATROUS__TRY(atrous__program_get(env, name, options, &program, error));
    launch->kernel = clCreateKernel(program, entry, &code);
    ATROUS__TRY_CL(code);
    ATROUS__TRY_CL(set_args(launch, NULL, 0));
    ATROUS__TRY_CL(clGetKernelWorkGroupInfo(launch->kernel, env->id, CL_KERNEL_WORK_GROUP_SIZE,
                                            sizeof largest, &largest, NULL));
    for (cl_uint i = 0; i < launch->dims; ++i)
        items *= launch->local[i];
    if (items > largest && launch->any_local) {
        /* The groups asked for are powers of two, and so are their divisors. */
        while (launch->local[0] > largest)
            launch->local[0] /= 2;
        items = launch->local[0];
    }
    if (items > largest)
        status =
            atrous__fail(error, ATROUS_UNSUPPORTED, entry,
                         "needs %zu work-items a group, the device allows %zu", items, largest);

done:
    return status;
}

/* The one launch of the library. */
static cl_int launch_one(const struct atrous__launch *launch, cl_command_queue queue,
                         cl_uint num_waits, const cl_event *waits, cl_event *done)
{
    return clEnqueueNDRangeKernel(queue, launch->kernel, launch->dims, NULL, launch->global,
                                  launch->local, num_waits, waits, done);
}

static cl_int warm_chain(struct atrous__env *env, struct atrous__launch *launches, unsigned count,
                         const struct atrous__place places[ATROUS__SLOTS])
{
    cl_int code = CL_SUCCESS;
    for (unsigned i = 0; i < count && code == CL_SUCCESS; ++i) {
        code = set_args(&launches[i], places, 0);
        if (code == CL_SUCCESS)
            code = launch_one(&launches[i], env->queue, 0, NULL, NULL);
    }
    return code;
}

atrous_status atrous__job_warm(struct atrous__env *env, struct atrous__job *job,
                               atrous_error *error)
{
    atrous_status status = ATROUS_OK;
    struct atrous__place places[ATROUS__SLOTS];
    cl_int code = CL_SUCCESS;
    /* Drivers want a buffer behind each pointer even where run = 0 leaves it alone. */
    cl_mem stand_in = clCreateBuffer(env->context, CL_MEM_READ_WRITE, 64, NULL, &code);
    ATROUS__TRY_CL(code);
    for (int i = 0; i < ATROUS__SLOTS; ++i)
        places[i] = (struct atrous__place){stand_in, 0};
    ATROUS__TRY_CL(warm_chain(env, job->pack, job->pack_count, places));
    ATROUS__TRY_CL(warm_chain(env, job->launch, job->launch_count, places));
    ATROUS__TRY_CL(clFinish(env->queue));

done:
    if (stand_in != NULL)
        clReleaseMemObject(stand_in);
    return status;
}

atrous_status atrous__chain_enqueue(struct atrous__launch *launches, unsigned count,
                                    cl_command_queue queue,
                                    const struct atrous__place places[ATROUS__SLOTS],
                                    cl_uint num_waits, const cl_event *waits, cl_event *done,
                                    atrous_error *error)
{
    atrous_status status = ATROUS_OK;
    cl_event before = NULL;

    for (unsigned i = 0; i < count; ++i) {
        const bool is_last = i + 1 == count;
        cl_event event = NULL;
        ATROUS__TRY_CL(set_args(&launches[i], places, 1));
        ATROUS__TRY_CL(launch_one(&launches[i], queue, i == 0 ? num_waits : 1,
                                  i == 0 ? waits : &before,
                                  is_last && done == NULL ? NULL : &event));
        if (before != NULL)
            clReleaseEvent(before);
        before = event;
    }
    if (done != NULL) {
        *done = before;
        before = NULL;
    }

done:
    if (before != NULL)
        clReleaseEvent(before);
    return status;
}

static void release_chain(struct atrous__launch *launches, unsigned count)
{
    for (unsigned i = 0; i < count; ++i)
        if (launches[i].kernel != NULL)
            clReleaseKernel(launches[i].kernel);
}

void atrous__job_release(struct atrous__job *job)
{
    release_chain(job->pack, job->pack_count);
    release_chain(job->launch, job->launch_count);
    memset(job, 0, sizeof *job);
}
