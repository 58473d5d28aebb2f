/* Runs a job on host arrays: buffers for the length of the call. */
#include "plan/opencl/parts.h"
#include "problem/fold.h"

#include <stdlib.h>
#include <string.h>

/* A buffer of `bytes` (0: none), filled from `data` where given; `field` names it in a refusal. */
static atrous_status make(struct atrous__env *env, struct atrous__buffers *buffers,
                          enum atrous__slot slot, const char *field, size_t bytes, const void *data,
                          atrous_error *error)
{
    cl_int code = CL_SUCCESS;
    if (bytes == 0)
        return ATROUS_OK;
    if (bytes > env->device.max_allocation)
        return atrous__fail(error, ATROUS_UNSUPPORTED, field,
                            "takes %zu bytes, the device allocates at most %zu at once", bytes,
                            env->device.max_allocation);
    buffers->places[slot].mem = clCreateBuffer(env->context, CL_MEM_READ_WRITE, bytes, NULL, &code);
    if (code == CL_SUCCESS && data != NULL)
        code = clEnqueueWriteBuffer(env->queue, buffers->places[slot].mem, CL_FALSE, 0, bytes, data,
                                    0, NULL, NULL);
    return code == CL_SUCCESS ? ATROUS_OK : atrous__fail_cl(error, code, field);
}

atrous_status atrous__buffers_tensors(struct atrous__env *env, const struct atrous__problem *p,
                                      const atrous_arrays *arrays, struct atrous__buffers *buffers,
                                      atrous_error *error)
{
    const size_t out_bytes = atrous__stored(p, p->out_count);
    const size_t bias_bytes = atrous__reads_bias(p) ? p->conv.out_channels * sizeof(float) : 0;
    const bool goes_on = arrays && p->conv.beta != 0.0;
    const struct {
        enum atrous__slot slot;
        const char *field;
        size_t bytes;
        const void *data;
    } tensors[] = {
        {ATROUS__INPUT, "input", atrous__stored(p, p->in_count), arrays ? arrays->input : NULL},
        {ATROUS__PLAIN, "weights", atrous__stored(p, p->weights_count),
         arrays ? arrays->weights : NULL},
        {ATROUS__BIAS, "bias", bias_bytes, arrays ? arrays->bias : NULL},
        {ATROUS__SCALE, "scale", p->conv.channel_scale ? p->conv.out_channels * sizeof(float) : 0,
         arrays ? arrays->scale : NULL},
        {ATROUS__RESIDUAL, "residual", p->conv.residual != ATROUS_RESIDUAL_NONE ? out_bytes : 0,
         arrays ? arrays->residual : NULL},
        {ATROUS__GRAD_OUTPUT, "grad_output", atrous__stored(p, p->grad_count),
         arrays ? arrays->grad_output : NULL},
        {ATROUS__OUTPUT, "output", out_bytes, goes_on ? arrays->output : NULL},
        {ATROUS__BIAS_OUTPUT, "bias_output", p->bias_out_count * sizeof(float),
         goes_on ? arrays->bias_output : NULL},
    };
    for (size_t i = 0; i < sizeof tensors / sizeof *tensors; ++i) {
        const atrous_status status = make(env, buffers, tensors[i].slot, tensors[i].field,
                                          tensors[i].bytes, tensors[i].data, error);
        if (status != ATROUS_OK)
            return status;
    }
    return ATROUS_OK;
}

atrous_status atrous__buffers_scratch(struct atrous__env *env, const struct atrous__job *job,
                                      struct atrous__buffers *buffers, atrous_error *error)
{
    const atrous_status status =
        make(env, buffers, ATROUS__WEIGHTS, "packed weights", job->packed_bytes, NULL, error);
    if (status != ATROUS_OK)
        return status;
    return make(env, buffers, ATROUS__WORKSPACE, "workspace", job->workspace_bytes, NULL, error);
}

void atrous__buffers_release(struct atrous__buffers *buffers)
{
    for (int i = 0; i < ATROUS__SLOTS; ++i)
        if (buffers->places[i].mem != NULL)
            clReleaseMemObject(buffers->places[i].mem);
    memset(buffers, 0, sizeof *buffers);
}

/* Device time of a finished event, or a negative number where none was kept. */
static double event_ms(cl_event event)
{
    cl_ulong start = 0, end = 0;
    if (clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_START, sizeof start, &start, NULL) !=
            CL_SUCCESS ||
        clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_END, sizeof end, &end, NULL) !=
            CL_SUCCESS ||
        end <= start)
        return -1.0;
    return (double)(end - start) * 1e-6;
}

/* A chain of several kernels is timed on the host's clock. */
atrous_status atrous__job_time(struct atrous__env *env, struct atrous__job *job,
                               const struct atrous__buffers *buffers, double *milliseconds,
                               atrous_error *error)
{
    cl_event done = NULL;
    const double start = atrous__now_ms();
    atrous_status status = atrous__chain_enqueue(job->launch, job->launch_count, env->queue,
                                                 buffers->places, 0, NULL, &done, error);
    if (status == ATROUS_OK) {
        const cl_int code = clWaitForEvents(1, &done);
        if (code != CL_SUCCESS)
            status = atrous__fail_cl(error, code, "clWaitForEvents(done)");
    }
    *milliseconds = atrous__now_ms() - start;
    if (status == ATROUS_OK && job->launch_count == 1) {
        const double device_ms = event_ms(done);
        if (device_ms >= 0.0)
            *milliseconds = device_ms;
    }
    if (done != NULL)
        clReleaseEvent(done);
    return status;
}

atrous_status atrous__job_run(struct atrous__env *env, const struct atrous__problem *problem,
                              struct atrous__job *job, const atrous_arrays *arrays, size_t repeat,
                              double *milliseconds, atrous_error *error)
{
    atrous_status status = ATROUS_OK;
    struct atrous__buffers buffers;

    memset(&buffers, 0, sizeof buffers);
    ATROUS__TRY(atrous__buffers_tensors(env, problem, arrays, &buffers, error));
    ATROUS__TRY(atrous__buffers_scratch(env, job, &buffers, error));
    ATROUS__TRY(atrous__chain_enqueue(job->pack, job->pack_count, env->queue, buffers.places, 0,
                                      NULL, NULL, error));
    ATROUS__TRY(atrous__chain_enqueue(job->launch, job->launch_count, env->queue, buffers.places, 0,
                                      NULL, NULL, error));
    ATROUS__TRY_CL(clFinish(env->queue));
    ATROUS__TRY_CL(clEnqueueReadBuffer(env->queue, buffers.places[ATROUS__OUTPUT].mem, CL_TRUE, 0,
                                       atrous__stored(problem, problem->out_count), arrays->output,
                                       0, NULL, NULL));
    if (problem->bias_out_count > 0)
        ATROUS__TRY_CL(clEnqueueReadBuffer(env->queue, buffers.places[ATROUS__BIAS_OUTPUT].mem,
                                           CL_TRUE, 0, problem->bias_out_count * sizeof(float),
                                           arrays->bias_output, 0, NULL, NULL));
    /* Only now: with beta each further run adds to the output. */
    for (size_t i = 0; milliseconds != NULL && i < repeat; ++i)
        ATROUS__TRY(atrous__job_time(env, job, &buffers, &milliseconds[i], error));

done:
    /* After a failure commands may still read the caller's arrays. */
    if (status != ATROUS_OK)
        clFinish(env->queue);
    atrous__buffers_release(&buffers);
    return status;
}

/* What is folded is computed in parts into an array of its own, then folded here. */
static atrous_status run_parts(atrous_plan *plan, const atrous_arrays *arrays, size_t repeat,
                               double *milliseconds, atrous_error *error)
{
    const struct atrous__problem sums = atrous__fold_sums(&plan->problem);
    const unsigned threads = plan->context->threads;
    struct atrous__env *env = plan->context->env;
    atrous_arrays inner = *arrays;
    if (!plan->problem.fold.is_there)
        return atrous__parts_run(env, &plan->problem, plan->parts, arrays, threads, repeat,
                                 milliseconds, error);
    float *padded = malloc(sums.out_count * sizeof *padded);
    if (padded == NULL)
        return atrous__fail(error, ATROUS_OUT_OF_HOST_MEMORY, "output",
                            "no memory for the padded gradient, %zu elements", sums.out_count);
    inner.output = padded;
    atrous_status status =
        atrous__parts_run(env, &sums, plan->parts, &inner, threads, repeat, milliseconds, error);
    if (status == ATROUS_OK)
        status = atrous__cpu_fold(&plan->problem, padded, arrays, threads, error);
    free(padded);
    return status;
}

atrous_status atrous__backend_run(atrous_plan *plan, const atrous_arrays *arrays, size_t repeat,
                                  double *milliseconds, atrous_error *error)
{
    struct atrous__env *env = plan->context->env;
    if (plan->parts != NULL)
        return run_parts(plan, arrays, repeat, milliseconds, error);
    return atrous__job_run(env, &plan->problem, plan->job, arrays, repeat, milliseconds, error);
}
