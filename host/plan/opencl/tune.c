/* Tuning: runs the solvers that accept the problem on the device and keeps the fastest. */
#include "plan/opencl/backend.h"
#include "plan/store.h"

#include <stdlib.h>
#include <string.h>

/* Timed runs of each solver, and the floats of random data that are repeated over a tensor. */
enum { ROUNDS = 5, BLOCK = 1 << 18 };
/* A solver whose first runs are this many times slower than the best is not run again. */
static const double hopeless = 4.0;
/* A solver that by its estimate would take this many times as long as the best measured, and
 * longer than this, is not run at all: some take minutes where others take a tenth of a second. */
static const double far_behind = 8.0, worth_asking_ms = 1000.0;
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
    size_t order[ATROUS__MAX_ROWS]; /* of rows, the least estimate first */
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

static void sort_rows(struct tuning *tuning)
{
    const struct atrous__row *rows = tuning->plan->rows;
    for (size_t i = 0; i < tuning->plan->row_count; ++i) {
        size_t at = i;
        for (; at > 0 && rows[tuning->order[at - 1]].estimate_ms > rows[i].estimate_ms; --at)
            tuning->order[at] = tuning->order[at - 1];
        tuning->order[at] = i;
    }
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

/* The solver still running whose run of a round was the fastest, or NULL. */
static const struct contender *fastest(const struct tuning *tuning, size_t round)
{
    const struct contender *best = NULL;
    for (size_t i = 0; i < tuning->plan->row_count; ++i) {
        const struct contender *contender = &tuning->contenders[i];
        if (contender->is_running && contender->runs > round &&
            (best == NULL || contender->ms[round] < best->ms[round]))
            best = contender;
    }
    return best;
}

/* Whether the estimate puts a solver too far behind the measured ones to be run even once. */
static bool is_far_behind(const struct tuning *tuning, size_t index)
{
    const struct atrous__row *rows = tuning->plan->rows;
    const struct contender *best = fastest(tuning, 0);
    if (best == NULL)
        return false;
    const double ratio = rows[index].estimate_ms / rows[best - tuning->contenders].estimate_ms;
    return ratio > far_behind && ratio * best->ms[0] > worth_asking_ms;
}

/* One run of each solver still running; one that fails is refused. */
static void run_round(struct tuning *tuning, atrous_error *error)
{
    for (size_t place = 0; place < tuning->plan->row_count; ++place) {
        const size_t i = tuning->order[place];
        struct contender *contender = &tuning->contenders[i];
        if (contender->is_running && contender->runs == 0 && is_far_behind(tuning, i))
            contender->is_running = false;
        if (!contender->is_running || run_once(tuning, contender, error) == ATROUS_OK)
            continue;
        clFinish(tuning->env->queue);
        atrous__row_refuse(&tuning->plan->rows[i], error->message);
        contender->is_running = false;
    }
}

static void drop_hopeless(struct tuning *tuning, size_t round)
{
    const struct contender *best = fastest(tuning, round);
    for (size_t i = 0; best != NULL && i < tuning->plan->row_count; ++i) {
        struct contender *contender = &tuning->contenders[i];
        if (contender->is_running && contender->ms[round] > hopeless * best->ms[round])
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
    sort_rows(tuning);
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
        plan->is_remembered = atrous__store_keep(&tuning->env->device.info, &plan->problem.given,
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
