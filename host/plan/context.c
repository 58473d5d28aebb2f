/* Contexts: a device or the CPU path, shared by plans. */
#include "plan/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void atrous_context_options_init(atrous_context_options *options, size_t struct_size)
{
    if (options == NULL || struct_size != sizeof *options)
        return;
    memset(options, 0, sizeof *options);
    options->struct_size = struct_size;
    options->cpu_fallback = 1;
}

static atrous_status check_options(const atrous_context_options *options, atrous_error *error)
{
    if (options->struct_size != sizeof *options)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "options.struct_size",
                            "is %zu, must be %zu: call atrous_context_options_init()",
                            options->struct_size, sizeof *options);
    if ((int)options->device < 0 || options->device > ATROUS_DEVICE_CPU_PATH)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "options.device",
                            "is %d, must be 0 to %d", (int)options->device, ATROUS_DEVICE_CPU_PATH);
    return ATROUS_OK;
}

atrous_status atrous__context_make(struct atrous__env *env, const atrous_context_options *options,
                                   atrous_context **out, atrous_error *error)
{
    atrous_context *context = calloc(1, sizeof *context);
    if (context == NULL || pthread_mutex_init(&context->lock, NULL) != 0) {
        free(context);
        atrous__backend_close(env);
        return atrous__fail(error, ATROUS_OUT_OF_HOST_MEMORY, "", "a context");
    }
    context->env = env;
    context->threads = options->threads;
    context->may_fall_back = options->cpu_fallback != 0;
    context->holds = 1;
    *out = context;
    return ATROUS_OK;
}

atrous_status atrous_context_create(const atrous_context_options *asked, atrous_context **context,
                                    atrous_error *error)
{
    atrous_context_options options;
    struct atrous__env *env = NULL;

    atrous__clear(error);
    if (context == NULL)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "context", "is NULL");
    *context = NULL;
    atrous_context_options_init(&options, sizeof options);
    if (asked != NULL) {
        const atrous_status status = check_options(asked, error);
        if (status != ATROUS_OK)
            return status;
        options = *asked;
    }
    if (options.device != ATROUS_DEVICE_CPU_PATH) {
        const atrous_status status = atrous__backend_open(&options, &env, error);
        if (status != ATROUS_OK)
            return status;
    }
    return atrous__context_make(env, &options, context, error);
}

void atrous__context_hold(atrous_context *context)
{
    pthread_mutex_lock(&context->lock);
    ++context->holds;
    pthread_mutex_unlock(&context->lock);
}

void atrous_context_destroy(atrous_context *context)
{
    if (context == NULL)
        return;
    pthread_mutex_lock(&context->lock);
    const size_t left = --context->holds;
    pthread_mutex_unlock(&context->lock);
    if (left > 0)
        return;
    atrous__backend_close(context->env);
    pthread_mutex_destroy(&context->lock);
    free(context);
}

int atrous_context_is_cpu_path(const atrous_context *context)
{
    return context == NULL || context->env == NULL;
}

static void describe_cpu_path(const atrous_context *context, atrous_device_info *info)
{
    memset(info, 0, sizeof *info);
    info->struct_size = sizeof *info;
    info->type = ATROUS_DEVICE_TYPE_CPU;
    info->compute_units = atrous__cpu_threads(context->threads);
    info->max_work_group = 1;
    info->max_allocation = PTRDIFF_MAX;
    info->native_vector_floats = 1;
    snprintf(info->name, sizeof info->name, "CPU path, %zu thread%s", info->compute_units,
             info->compute_units == 1 ? "" : "s");
    snprintf(info->platform, sizeof info->platform, "atrous");
    snprintf(info->version, sizeof info->version, "%s", atrous_version());
}

atrous_status atrous_context_describe(const atrous_context *context, atrous_device_info *info,
                                      atrous_error *error)
{
    atrous__clear(error);
    if (context == NULL || info == NULL)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, context == NULL ? "context" : "info",
                            "is NULL");
    if (info->struct_size != sizeof *info)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "info.struct_size",
                            "is %zu, must be %zu", info->struct_size, sizeof *info);
    if (context->env == NULL)
        describe_cpu_path(context, info);
    else
        *info = *atrous__backend_info(context->env);
    return ATROUS_OK;
}

size_t atrous_context_build_log(atrous_context *context, char *text, size_t size)
{
    if (text != NULL && size > 0)
        text[0] = '\0';
    if (context == NULL || context->env == NULL)
        return 1;
    return atrous__backend_build_log(context->env, text, size);
}
