/* Opens a device: context, queue, and the programs built for it. */
#include "device/device.h"
#include "device/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

atrous_status atrous__env_open(cl_context context, cl_device_id id, struct atrous__env **env,
                               atrous_error *error)
{
    atrous_status status = ATROUS_OK;
    cl_int code = CL_SUCCESS;

    *env = NULL;
    struct atrous__env *opened = calloc(1, sizeof *opened);
    if (opened == NULL)
        return atrous__fail(error, ATROUS_OUT_OF_HOST_MEMORY, "", "a device's environment");
    if (pthread_mutex_init(&opened->lock, NULL) != 0) {
        free(opened);
        return atrous__fail(error, ATROUS_OUT_OF_HOST_MEMORY, "", "a mutex");
    }
    opened->id = id;
    ATROUS__TRY(atrous__device_query(id, &opened->device, error));
    opened->buffer_limit = opened->device.max_allocation;
    opened->total_limit = opened->device.info.global_memory;
    if (context != NULL) {
        ATROUS__TRY_CL(clRetainContext(context));
        opened->context = context;
    } else {
        opened->context = clCreateContext(NULL, 1, &id, NULL, NULL, &code);
        ATROUS__TRY_CL(code);
    }
    opened->queue = clCreateCommandQueue(opened->context, id, CL_QUEUE_PROFILING_ENABLE, &code);
    ATROUS__TRY_CL(code);
    *env = opened;
    opened = NULL;

done:
    atrous__env_close(opened);
    return status;
}

void atrous__env_close(struct atrous__env *env)
{
    if (env == NULL)
        return;
    while (env->programs != NULL) {
        struct atrous__program *next = env->programs->next;
        clReleaseProgram(env->programs->program);
        free(env->programs->key);
        free(env->programs);
        env->programs = next;
    }
    if (env->queue != NULL)
        clReleaseCommandQueue(env->queue);
    if (env->context != NULL)
        clReleaseContext(env->context);
    free(env->build_log);
    pthread_mutex_destroy(&env->lock);
    free(env);
}

static void keep_build_log(struct atrous__env *env, cl_program program, const char *name)
{
    size_t size = 0;
    if (clGetProgramBuildInfo(program, env->id, CL_PROGRAM_BUILD_LOG, 0, NULL, &size) != CL_SUCCESS)
        return;
    const size_t head = strlen(name) + 2;
    char *log = malloc(head + size + 1);
    if (log == NULL)
        return;
    memcpy(log, name, head - 2);
    memcpy(log + head - 2, ":\n", 2);
    if (clGetProgramBuildInfo(program, env->id, CL_PROGRAM_BUILD_LOG, size, log + head, NULL) !=
        CL_SUCCESS) {
        free(log);
        return;
    }
    log[head + size] = '\0';
    free(env->build_log);
    env->build_log = log;
}

/* Compiles one source. On success *out is a program the caller releases. */
static atrous_status build(struct atrous__env *env, const char *name, const char *options,
                           cl_program *out, atrous_error *error)
{
    atrous_status status = ATROUS_OK;
    cl_program program = NULL;
    cl_int code = CL_SUCCESS;
    char *text = NULL;

    ATROUS__TRY(atrous__source_expand(name, &text, error));
    const char *const_text = text;
    program = clCreateProgramWithSource(env->context, 1, &const_text, NULL, &code);
    ATROUS__TRY_CL(code);
    code = clBuildProgram(program, 1, &env->id, options, NULL, NULL);
    if (code == CL_BUILD_PROGRAM_FAILURE)
        keep_build_log(env, program, name);
    if (code != CL_SUCCESS) {
        char call[192];
        snprintf(call, sizeof call, "building %s with \"%s\"", name, options);
        status = atrous__fail_cl(error, code, call);
        goto done;
    }
    *out = program;
    program = NULL;

done:
    if (program != NULL)
        clReleaseProgram(program);
    free(text);
    return status;
}

/* Builds and appends to the env's list; the lock is held. */
static atrous_status build_and_keep(struct atrous__env *env, const char *name, const char *options,
                                    char *key, cl_program *program, atrous_error *error)
{
    struct atrous__program *entry = calloc(1, sizeof *entry);
    if (entry == NULL) {
        free(key);
        return atrous__fail(error, ATROUS_OUT_OF_HOST_MEMORY, "", "a program's entry");
    }
    const atrous_status status = build(env, name, options, &entry->program, error);
    if (status != ATROUS_OK) {
        free(key);
        free(entry);
        return status;
    }
    entry->key = key;
    entry->next = env->programs;
    env->programs = entry;
    *program = entry->program;
    return ATROUS_OK;
}

atrous_status atrous__program_get(struct atrous__env *env, const char *name, const char *options,
                                  cl_program *program, atrous_error *error)
{
    *program = NULL;
    const size_t size = strlen(name) + strlen(options) + 2;
    char *key = malloc(size);
    if (key == NULL)
        return atrous__fail(error, ATROUS_OUT_OF_HOST_MEMORY, "", "a program's key");
    snprintf(key, size, "%s %s", name, options);

    atrous_status status = ATROUS_OK;
    pthread_mutex_lock(&env->lock);
    struct atrous__program *found = env->programs;
    while (found != NULL && strcmp(found->key, key) != 0)
        found = found->next;
    if (found != NULL) {
        *program = found->program;
        free(key);
    } else {
        status = build_and_keep(env, name, options, key, program, error);
    }
    pthread_mutex_unlock(&env->lock);
    return status;
}

size_t atrous__build_log(struct atrous__env *env, char *text, size_t size)
{
    pthread_mutex_lock(&env->lock);
    const char *log = env->build_log != NULL ? env->build_log : "";
    const size_t needed = strlen(log) + 1;
    if (text != NULL && size > 0)
        snprintf(text, size, "%s", log);
    pthread_mutex_unlock(&env->lock);
    return needed;
}
