/* Runs a problem's parts on host arrays, one after the other through the same buffers. */
#include "plan/opencl/parts.h"
#include "plan/box.h"

#include <stdlib.h>
#include <string.h>

/* One call. */
struct run {
    struct atrous__env *env;
    const struct atrous__problem *whole;
    const atrous_arrays *arrays;
    struct atrous__buffers buffers;
    size_t bytes[ATROUS__SLOTS]; /* of each buffer */
    double *sums;                /* GRADIENT: of the parts, db behind dw; else NULL */
    /* What the packed weights are of; jobs of one format read the same. */
    bool is_packed;
    uint64_t format;
    size_t group, filter, filters;
};

/* A buffer of at least `bytes`. */
static atrous_status need(struct run *run, enum atrous__slot slot, size_t bytes,
                          atrous_error *error)
{
    cl_int code = CL_SUCCESS;
    cl_mem *mem = &run->buffers.places[slot].mem;
    if (run->bytes[slot] >= bytes)
        return ATROUS_OK;
    if (*mem != NULL)
        clReleaseMemObject(*mem);
    *mem = clCreateBuffer(run->env->context, CL_MEM_READ_WRITE, bytes, NULL, &code);
    run->bytes[slot] = code == CL_SUCCESS ? bytes : 0;
    if (slot == ATROUS__WEIGHTS)
        run->is_packed = false;
    return code == CL_SUCCESS ? ATROUS_OK : atrous__fail_cl(error, code, "clCreateBuffer(part)");
}

/* The first `bytes` of a buffer in the host's reach, until unmap(). */
static atrous_status map(struct run *run, enum atrous__slot slot, cl_map_flags flags, size_t bytes,
                         void **mapped, atrous_error *error)
{
    cl_int code = CL_SUCCESS;
    *mapped = clEnqueueMapBuffer(run->env->queue, run->buffers.places[slot].mem, CL_TRUE, flags, 0,
                                 bytes, 0, NULL, NULL, &code);
    return code == CL_SUCCESS ? ATROUS_OK : atrous__fail_cl(error, code, "clEnqueueMapBuffer");
}

static atrous_status unmap(struct run *run, enum atrous__slot slot, void *mapped,
                           atrous_error *error)
{
    const cl_int code = clEnqueueUnmapMemObject(run->env->queue, run->buffers.places[slot].mem,
                                                mapped, 0, NULL, NULL);
    return code == CL_SUCCESS ? ATROUS_OK : atrous__fail_cl(error, code, "clEnqueueUnmapMemObject");
}

/* Copies a box of the caller's array, of `bytes`, into a buffer that holds as much. */
static atrous_status take(struct run *run, enum atrous__slot slot, const struct atrous__box *box,
                          const void *array, size_t bytes, atrous_error *error)
{
    void *mapped = NULL;
    if (bytes == 0)
        return ATROUS_OK;
    atrous_status status = need(run, slot, bytes, error);
    if (status == ATROUS_OK)
        status = map(run, slot, CL_MAP_WRITE_INVALIDATE_REGION, bytes, &mapped, error);
    if (status != ATROUS_OK)
        return status;
    atrous__box_take(box, array, mapped);
    return unmap(run, slot, mapped, error);
}

/* The part's filters of an array of one float each. */
static atrous_status take_channels(struct run *run, enum atrous__slot slot,
                                   const struct atrous__part *part, const float *array,
                                   size_t bytes, atrous_error *error)
{
    const atrous_status status = need(run, slot, bytes, error);
    if (status != ATROUS_OK || bytes == 0)
        return status;
    const cl_int code = clEnqueueWriteBuffer(
        run->env->queue, run->buffers.places[slot].mem, CL_TRUE, 0, bytes,
        array + part->group * run->whole->filters + part->filter, 0, NULL, NULL);
    return code == CL_SUCCESS ? ATROUS_OK : atrous__fail_cl(error, code, "clEnqueueWriteBuffer");
}

/* The part's tensors, weights apart, into buffers. */
static atrous_status take_tensors(struct run *run, const struct atrous__part *part,
                                  atrous_error *error)
{
    const struct atrous__problem *p = &part->problem;
    const atrous_arrays *a = run->arrays;
    const struct atrous__box in = atrous__box_input(run->whole, part);
    const struct atrous__box out = atrous__box_output(run->whole, part);
    const size_t out_bytes = atrous__stored(p, p->out_count);
    const size_t residual_bytes = p->conv.residual != ATROUS_RESIDUAL_NONE ? out_bytes : 0;
    const size_t bias_bytes = atrous__reads_bias(p) ? p->conv.out_channels * sizeof(float) : 0;
    const size_t scale_bytes = p->conv.channel_scale ? p->conv.out_channels * sizeof(float) : 0;
    atrous_status status = ATROUS_OK;

    ATROUS__TRY(take(run, ATROUS__INPUT, &in, a->input, atrous__stored(p, p->in_count), error));
    ATROUS__TRY(take(run, ATROUS__GRAD_OUTPUT, &out, a->grad_output,
                     atrous__stored(p, p->grad_count), error));
    ATROUS__TRY(take(run, ATROUS__RESIDUAL, &out, a->residual, residual_bytes, error));
    ATROUS__TRY(need(run, ATROUS__OUTPUT, out_bytes, error));
    if (p->conv.beta != 0.0)
        ATROUS__TRY(take(run, ATROUS__OUTPUT, &out, a->output, out_bytes, error));
    ATROUS__TRY(need(run, ATROUS__BIAS_OUTPUT, p->bias_out_count * sizeof(float), error));
    ATROUS__TRY(take_channels(run, ATROUS__BIAS, part, a->bias, bias_bytes, error));
    ATROUS__TRY(take_channels(run, ATROUS__SCALE, part, a->scale, scale_bytes, error));

done:
    return status;
}

/* Packs the part's weights unless they are still there. */
static atrous_status pack(struct run *run, const struct atrous__part *part, struct atrous__job *job,
                          atrous_error *error)
{
    const struct atrous__problem *p = &part->problem;
    const struct atrous__box box = atrous__box_weights(run->whole, part);
    const size_t bytes = atrous__stored(p, p->weights_count);
    atrous_status status = need(run, ATROUS__WEIGHTS, job->packed_bytes, error);
    const size_t filters = p->groups * p->filters;
    if (status != ATROUS_OK || bytes == 0 ||
        (run->is_packed && run->format == job->format && run->group == part->group &&
         run->filter == part->filter && run->filters == filters))
        return status;
    run->is_packed = false;
    status = take(run, ATROUS__PLAIN, &box, run->arrays->weights, bytes, error);
    if (status == ATROUS_OK)
        status = atrous__chain_enqueue(job->pack, job->pack_count, run->env->queue,
                                       run->buffers.places, 0, NULL, NULL, error);
    run->is_packed = status == ATROUS_OK;
    run->format = job->format;
    run->group = part->group;
    run->filter = part->filter;
    run->filters = filters;
    return status;
}

/* Adds `count` results of a buffer to the sums from `first` on. */
static atrous_status add(struct run *run, enum atrous__slot slot, size_t first, size_t count,
                         atrous_error *error)
{
    void *mapped = NULL;
    if (count == 0)
        return ATROUS_OK;
    const atrous_status status = map(run, slot, CL_MAP_READ, count * sizeof(float), &mapped, error);
    if (status != ATROUS_OK)
        return status;
    atrous__cpu_add(mapped, count, run->sums + first);
    return unmap(run, slot, mapped, error);
}

/* The part's results to where they belong. */
static atrous_status give(struct run *run, const struct atrous__part *part, atrous_error *error)
{
    const struct atrous__problem *p = &part->problem, *whole = run->whole;
    const struct atrous__box box = atrous__box_output(whole, part);
    const size_t filter = part->group * whole->filters + part->filter;
    void *mapped = NULL;
    atrous_status status = ATROUS_OK;
    if (run->sums != NULL) {
        status =
            add(run, ATROUS__OUTPUT, filter * whole->channels * whole->taps, p->out_count, error);
        return status != ATROUS_OK ? status
                                   : add(run, ATROUS__BIAS_OUTPUT, whole->out_count + filter,
                                         p->bias_out_count, error);
    }
    status = map(run, ATROUS__OUTPUT, CL_MAP_READ, atrous__stored(p, p->out_count), &mapped, error);
    if (status != ATROUS_OK)
        return status;
    atrous__box_put(&box, run->arrays->output, mapped);
    return unmap(run, ATROUS__OUTPUT, mapped, error);
}

static atrous_status run_job(struct run *run, const struct atrous__part *part,
                             struct atrous__job *job, size_t repeat, double *milliseconds,
                             atrous_error *error)
{
    atrous_status status = ATROUS_OK;
    ATROUS__TRY(take_tensors(run, part, error));
    ATROUS__TRY(need(run, ATROUS__WORKSPACE, job->workspace_bytes, error));
    ATROUS__TRY(pack(run, part, job, error));
    ATROUS__TRY(atrous__chain_enqueue(job->launch, job->launch_count, run->env->queue,
                                      run->buffers.places, 0, NULL, NULL, error));
    ATROUS__TRY_CL(clFinish(run->env->queue));
    ATROUS__TRY(give(run, part, error));
    for (size_t i = 0; milliseconds != NULL && i < repeat; ++i) {
        double ms = 0.0;
        ATROUS__TRY(atrous__job_time(run->env, job, &run->buffers, &ms, error));
        milliseconds[i] += ms;
    }

done:
    return status;
}

/* One part, with the job of its kind or one made for it. */
static atrous_status run_part(struct run *run, struct atrous__parts *parts,
                              const struct atrous__part *part, size_t repeat, double *milliseconds,
                              atrous_error *error)
{
    struct atrous__job made = {0};
    for (size_t k = 0; k < parts->kept; ++k)
        if (atrous__part_is_like(&part->problem, &parts->problems[k]))
            return run_job(run, part, &parts->jobs[k], repeat, milliseconds, error);
    atrous_status status =
        atrous__solver_build(parts->solver, &part->problem, run->env, &made, error);
    if (status == ATROUS_OK)
        status = run_job(run, part, &made, repeat, milliseconds, error);
    clFinish(run->env->queue);
    atrous__job_release(&made);
    return status;
}

atrous_status atrous__parts_run(struct atrous__env *env, const struct atrous__problem *problem,
                                struct atrous__parts *parts, const atrous_arrays *arrays,
                                unsigned threads, size_t repeat, double *milliseconds,
                                atrous_error *error)
{
    atrous_status status = ATROUS_OK;
    struct run run = {.env = env, .whole = problem, .arrays = arrays};
    struct atrous__part part;

    if (problem->form == ATROUS__GRADIENT) {
        run.sums = calloc(problem->out_count + problem->bias_out_count, sizeof *run.sums);
        if (run.sums == NULL)
            return atrous__fail(error, ATROUS_OUT_OF_HOST_MEMORY, "output",
                                "no memory for %zu sums of parts", problem->out_count);
    }
    if (milliseconds != NULL)
        memset(milliseconds, 0, repeat * sizeof *milliseconds);
    for (size_t i = 0; i < parts->count && status == ATROUS_OK; ++i)
        if (atrous__part_at(problem, &parts->cut, i, &part))
            status = run_part(&run, parts, &part, repeat, milliseconds, error);
    /* After a failure commands may still use the buffers. */
    if (status != ATROUS_OK)
        clFinish(env->queue);
    else if (run.sums != NULL)
        status = atrous__cpu_finish(problem, run.sums, arrays, threads, error);
    atrous__buffers_release(&run.buffers);
    free(run.sums);
    return status;
}
