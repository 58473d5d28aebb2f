/* The answers of a build without OpenCL: there are no devices. */
#include "plan/plan.h"

atrous_status atrous_device_count(size_t *count, atrous_error *error)
{
    atrous__clear(error);
    if (count == NULL)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "count", "is NULL");
    *count = 0;
    return ATROUS_OK;
}

atrous_status atrous_device_describe(size_t index, atrous_device_info *info, atrous_error *error)
{
    (void)info;
    atrous__clear(error);
    return atrous__fail(error, ATROUS_NO_DEVICE, "index",
                        "is %zu, but this build has no OpenCL and so no devices", index);
}

atrous_status atrous__backend_open(const atrous_context_options *options, struct atrous__env **env,
                                   atrous_error *error)
{
    *env = NULL;
    if (options->device == ATROUS_DEVICE_INDEX)
        return atrous__fail(error, ATROUS_NO_DEVICE, "options.index",
                            "is %zu, but this build has no OpenCL and so no devices",
                            options->index);
    return ATROUS_OK;
}

void atrous__backend_close(struct atrous__env *env)
{
    (void)env;
}

const atrous_device_info *atrous__backend_info(const struct atrous__env *env)
{
    (void)env;
    return NULL;
}

size_t atrous__backend_cache(const struct atrous__env *env)
{
    (void)env;
    return 0;
}

size_t atrous__backend_build_log(struct atrous__env *env, char *text, size_t size)
{
    (void)env;
    (void)text;
    (void)size;
    return 1;
}

atrous_status atrous__backend_plan(atrous_plan *plan, const char *name, bool tune,
                                   atrous_error *error)
{
    (void)plan;
    (void)name;
    (void)tune;
    return atrous__fail(error, ATROUS_UNSUPPORTED, "solver", "this build has no OpenCL");
}

void atrous__backend_release(atrous_plan *plan)
{
    (void)plan;
}

atrous_status atrous__backend_run(atrous_plan *plan, const atrous_arrays *arrays, size_t repeat,
                                  double *milliseconds, atrous_error *error)
{
    (void)plan;
    (void)arrays;
    (void)repeat;
    (void)milliseconds;
    return atrous__fail(error, ATROUS_UNSUPPORTED, "plan", "this build has no OpenCL");
}
