/* Devices and contexts of OpenCL: listing, opening, borrowing. */
#include "plan/opencl/backend.h"

#include <stdlib.h>

atrous_status atrous_device_count(size_t *count, atrous_error *error)
{
    cl_device_id *ids = NULL;
    atrous__clear(error);
    if (count == NULL)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "count", "is NULL");
    const atrous_status status = atrous__devices_list(&ids, count, error);
    free(ids);
    return status;
}

/* The id of device `index`, or NO_DEVICE in words. */
static atrous_status find(size_t index, const char *field, cl_device_id *id, atrous_error *error)
{
    cl_device_id *ids = NULL;
    size_t count = 0;
    atrous_status status = atrous__devices_list(&ids, &count, error);
    if (status != ATROUS_OK)
        return status;
    if (index < count)
        *id = ids[index];
    else if (count == 0)
        status = atrous__fail(error, ATROUS_NO_DEVICE, field,
                              "is %zu, but there is no OpenCL device (no ICD installed?)", index);
    else
        status = atrous__fail(error, ATROUS_NO_DEVICE, field,
                              "is %zu, but there are only devices 0 to %zu", index, count - 1);
    free(ids);
    return status;
}

atrous_status atrous_device_describe(size_t index, atrous_device_info *info, atrous_error *error)
{
    cl_device_id id = NULL;
    struct atrous__device device;

    atrous__clear(error);
    if (info == NULL)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "info", "is NULL");
    if (info->struct_size != sizeof *info)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "info.struct_size",
                            "is %zu, must be %zu", info->struct_size, sizeof *info);
    atrous_status status = find(index, "index", &id, error);
    if (status == ATROUS_OK)
        status = atrous__device_query(id, &device, error);
    if (status == ATROUS_OK)
        *info = device.info;
    return status;
}

/* The first GPU, else the first device, else NULL. */
static cl_device_id best(const cl_device_id *ids, size_t count)
{
    for (size_t i = 0; i < count; ++i) {
        struct atrous__device device;
        if (atrous__device_query(ids[i], &device, NULL) == ATROUS_OK &&
            device.info.type == ATROUS_DEVICE_TYPE_GPU)
            return ids[i];
    }
    return count > 0 ? ids[0] : NULL;
}

atrous_status atrous__backend_open(const atrous_context_options *options, struct atrous__env **env,
                                   atrous_error *error)
{
    cl_device_id id = NULL;
    *env = NULL;
    if (options->device == ATROUS_DEVICE_INDEX) {
        const atrous_status status = find(options->index, "options.index", &id, error);
        return status == ATROUS_OK ? atrous__env_open(NULL, id, env, error) : status;
    }
    cl_device_id *ids = NULL;
    size_t count = 0;
    /* AUTO: an OpenCL that cannot even list its devices is no reason to fail. */
    if (atrous__devices_list(&ids, &count, NULL) == ATROUS_OK)
        id = best(ids, count);
    free(ids);
    if (id != NULL && atrous__env_open(NULL, id, env, NULL) != ATROUS_OK)
        *env = NULL;
    return ATROUS_OK;
}

void atrous__backend_close(struct atrous__env *env)
{
    atrous__env_close(env);
}

size_t atrous__backend_cache(const struct atrous__env *env)
{
    return env != NULL && env->device.is_cpu_class ? env->device.cache : 0;
}

const atrous_device_info *atrous__backend_info(const struct atrous__env *env)
{
    return &env->device.info;
}

size_t atrous__backend_build_log(struct atrous__env *env, char *text, size_t size)
{
    return atrous__build_log(env, text, size);
}

static atrous_status check_borrowed(cl_context context, cl_device_id device, atrous_error *error)
{
    cl_device_id ids[64];
    size_t bytes = 0;
    if (context == NULL || device == NULL)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, context == NULL ? "context" : "device",
                            "is NULL");
    const cl_int code =
        clGetContextInfo(context, CL_CONTEXT_DEVICES, sizeof ids, (void *)ids, &bytes);
    if (code != CL_SUCCESS)
        return atrous__fail_cl(error, code, "clGetContextInfo(context, CL_CONTEXT_DEVICES)");
    for (size_t i = 0; i < bytes / sizeof *ids; ++i)
        if (ids[i] == device)
            return ATROUS_OK;
    return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "device", "is not in the context");
}

atrous_status atrous_context_borrow(cl_context cl, cl_device_id device,
                                    const atrous_context_options *asked, atrous_context **context,
                                    atrous_error *error)
{
    atrous_context_options options;
    struct atrous__env *env = NULL;

    atrous__clear(error);
    if (context == NULL)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "out", "is NULL");
    *context = NULL;
    atrous_context_options_init(&options, sizeof options);
    if (asked != NULL && asked->struct_size != sizeof options)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "options.struct_size",
                            "is %zu, must be %zu: call atrous_context_options_init()",
                            asked->struct_size, sizeof options);
    if (asked != NULL)
        options = *asked;
    atrous_status status = check_borrowed(cl, device, error);
    if (status == ATROUS_OK)
        status = atrous__env_open(cl, device, &env, error);
    return status == ATROUS_OK ? atrous__context_make(env, &options, context, error) : status;
}

cl_context atrous_context_cl_context(const atrous_context *context)
{
    return context != NULL && context->env != NULL ? context->env->context : NULL;
}

cl_device_id atrous_context_cl_device(const atrous_context *context)
{
    return context != NULL && context->env != NULL ? context->env->id : NULL;
}
