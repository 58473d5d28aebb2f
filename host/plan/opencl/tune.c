/* Tuning: runs every solver that accepts the problem on the device and keeps the fastest. */
#include "plan/opencl/backend.h"
#include "plan/store.h"

#include <stdlib.h>
#include <string.h>

/* Timed runs of each solver, and the floats of random data that are repeated over a tensor. */
enum { ROUNDS = 5, BLOCK = 1 << 18 };
/* A solver whose first runs are this many times slower than the best is not run again. */
static const double hopeless = 4.0;
/* No further round begins when those after the first took this long. */
static const double budget_ms = 3000.0;

struct contender {
    bool is_running;
    struct atrous__job job;
    struct atrous__buffers scratch;
    size_t runs;
    double ms[1 + ROUNDS]; /* the first is the warm-up */
};

struct tuning {
    atrous_plan *plan;
    struct atrous__env *env;
    struct atrous__buffers tensors;
    struct contender contenders[ATROUS__MAX_ROWS];
};

/* Builds every solver that is not refused; one that fails is refused. */
static atrous_status build_all(struct tuning *tuning, atrous_error *error)
{
    atrous_plan *plan = tuning->plan;
    for (size_t i = 0; i < plan->row_count; ++i) {
        struct contender *contender = &tuning->contenders[i];
        if (plan->rows[i].is_refused)
            continue;
        const atrous_status status = atrous__row_build(plan, i, &contender->job, error);
        if (status == ATROUS_OUT_OF_HOST_MEMORY)
            return status;
        if (status != ATROUS_OK)
            atrous__row_refuse(&plan->rows[i], error->message);
        contender->is_running = status == ATROUS_OK;
    }
    return ATROUS_OK;
}

/* Repeats `block` over a buffer; it is read until the queue is finished. */
static cl_int fill(cl_command_queue queue, cl_mem mem, const float *block)
{
    size_t bytes = 0;
    cl_int code = clGetMemObjectInfo(mem, CL_MEM_SIZE, sizeof bytes, &bytes, NULL);
    for (size_t at = 0; at < bytes && code == CL_SUCCESS; at += BLOCK * sizeof *block)
        code = clEnqueueWriteBuffer(queue, mem, CL_FALSE, at,
                                    atrous__min(BLOCK * sizeof *block, bytes - at), block, 0, NULL,
                                    NULL);
    return code;
}

/* The problem's tensors on the device, random numbers in [-1, 1) in all of them: the output too,
 * so that no solver is the first to touch its pages. False where they do not fit. */
static bool make_tensors(struct tuning *tuning)
{
    cl_command_queue queue = tuning->env->queue;
    float *block = malloc(BLOCK * sizeof *block);
    if (block == NULL)
        return false;
    for (size_t i = 0; i < BLOCK; ++i)
        block[i] = (float)(atrous__hash(ATROUS__HASH_SEED, &i, sizeof i) >> 40) * 0x1p-23f - 1.0f;

    bool is_good = atrous__buffers_tensors(tuning->env, &tuning->plan->problem, NULL,
                                           &tuning->tensors, NULL) == ATROUS_OK;
    for (int i = 0; i < ATROUS__SLOTS && is_good; ++i)
        if (tuning->tensors.places[i].mem != NULL)
            is_good = fill(queue, tuning->tensors.places[i].mem, block) == CL_SUCCESS;
    is_good = clFinish(queue) == CL_SUCCESS && is_good;
    free(block);
    return is_good;
}

/* Scratch buffers and packed weights. */
static atrous_status prepare(struct tuning *tuning, struct contender *contender,
                             struct atrous__buffers *all, atrous_error *error)
{
    struct atrous__job *job = &contender->job;
    const atrous_status status =
        atrous__buffers_scratch(tuning->env, job, &contender->scratch, error);
    if (status != ATROUS_OK)
        return status;
    all->places[ATROUS__WEIGHTS] = contender->scratch.places[ATROUS__WEIGHTS];
    return atrous__chain_enqueue(job->pack, job->pack_count, tuning->env->queue, all->places, 0,
                                 NULL, NULL, error);
}

static atrous_status run_once(struct tuning *tuning, struct contender *contender,
                              atrous_error *error)
{
    struct atrous__buffers all = tuning->tensors;
    atrous_status status = ATROUS_OK;
    if (contender->runs == 0)
        status = prepare(tuning, contender, &all, error);
    all.places[ATROUS__WEIGHTS] = contender->scratch.places[ATROUS__WEIGHTS];
    all.places[ATROUS__WORKSPACE] = contender->scratch.places[ATROUS__WORKSPACE];
    if (status == ATROUS_OK)
        status = atrous__job_time(tuning->env, &contender->job, &all,
                                  &contender->ms[contender->runs], error);
    contender->runs += status == ATROUS_OK;
    return status;
}

/* One run of each solver still running; one that fails is refused. */
static void run_round(struct tuning *tuning, atrous_error *error)
{
    for (size_t i = 0; i < tuning->plan->row_count; ++i) {
        struct contender *contender = &tuning->contenders[i];
        if (!contender->is_running || run_once(tuning, contender, error) == ATROUS_OK)
            continue;
        clFinish(tuning->env->queue);
        atrous__row_refuse(&tuning->plan->rows[i], error->message);
        contender->is_running = false;
    }
}

static void drop_hopeless(struct tuning *tuning, size_t round)
{
    double best = -1.0;
    for (size_t i = 0; i < tuning->plan->row_count; ++i) {
        const struct contender *contender = &tuning->contenders[i];
        if (contender->is_running && (best < 0.0 || contender->ms[round] < best))
            best = contender->ms[round];
    }
    for (size_t i = 0; i < tuning->plan->row_count; ++i) {
        struct contender *contender = &tuning->contenders[i];
        if (contender->is_running && contender->ms[round] > hopeless * best)
            contender->is_running = false;
    }
}

static int compare(const void *left, const void *right)
{
    const double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* The median of the timed runs; the warm-up alone of a solver that went no further. */
static double result(struct contender *contender)
{
    if (contender->runs < 2)
        return contender->runs == 0 ? 0.0 : contender->ms[0];
    const size_t timed = contender->runs - 1;
    qsort(contender->ms + 1, timed, sizeof *contender->ms, compare);
    return (contender->ms[1 + (timed - 1) / 2] + contender->ms[1 + timed / 2]) / 2;
}

static void measure(struct tuning *tuning, atrous_error *error)
{
    double start = 0.0;
    for (size_t round = 0; round <= ROUNDS; ++round) {
        run_round(tuning, error);
        if (round <= 1) {
            drop_hopeless(tuning, round);
            start = atrous__now_ms();
        } else if (atrous__now_ms() - start > budget_ms)
            break;
    }
    for (size_t i = 0; i < tuning->plan->row_count; ++i)
        tuning->plan->rows[i].measured_ms = result(&tuning->contenders[i]);
}

/* Takes the best row; a measured one is remembered. */
static atrous_status settle(struct tuning *tuning, atrous_error *error)
{
    atrous_plan *plan = tuning->plan;
    const size_t best = atrous__row_best(plan);
    if (best == plan->row_count)
        return ATROUS_OK;
    const atrous_status status = atrous__row_take(plan, best, &tuning->contenders[best].job, error);
    if (status == ATROUS_OK && plan->rows[best].measured_ms > 0.0)
        plan->is_remembered = atrous__store_keep(&tuning->env->device.info, &plan->problem.conv,
                                                 plan->solver, plan->rows[best].measured_ms);
    return status;
}

atrous_status atrous__tune(atrous_plan *plan, atrous_error *error)
{
    struct tuning *tuning = calloc(1, sizeof *tuning);
    if (tuning == NULL)
        return atrous__fail(error, ATROUS_OUT_OF_HOST_MEMORY, "", "a tuning");
    tuning->plan = plan;
    tuning->env = plan->context->env;
    atrous_status status = build_all(tuning, error);
    /* Tensors that do not fit leave the choice to the estimates. */
    if (status == ATROUS_OK && make_tensors(tuning))
        measure(tuning, error);
    if (status == ATROUS_OK)
        status = settle(tuning, error);
    atrous__buffers_release(&tuning->tensors);
    for (size_t i = 0; i < ATROUS__MAX_ROWS; ++i) {
        atrous__buffers_release(&tuning->contenders[i].scratch);
        atrous__job_release(&tuning->contenders[i].job);
    }
    free(tuning);
    return status;
}
