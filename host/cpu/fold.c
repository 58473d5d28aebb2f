/* Gradients of the data through a padding that repeats elements, on the CPU path. */
#include "cpu/cpu.h"
#include "cpu/epilogue.h"
#include "cpu/forms.h"
#include "cpu/threads.h"
#include "problem/fold.h"

#include <stdlib.h>

/* The gradient of the padded input, one or the other. */
struct padded {
    const float *floats;
    const double *whole; /* of integers, exact */
};

static double add_folded(const struct padded *padded, const struct atrous__folded *folded)
{
    double sum = 0.0;
    for (size_t i = 0; i < folded->count; ++i) {
        const size_t at = atrous__folded_at(folded, i);
        sum += padded->whole != NULL ? padded->whole[at] : (double)padded->floats[at];
    }
    return sum;
}

static atrous_status fold(const struct atrous__problem *p, const struct padded *padded,
                          const atrous_arrays *arrays, unsigned threads, atrous_error *error)
{
    const ptrdiff_t count = (ptrdiff_t)p->out_count;
    /* The epilogue works in place unless it reads what the output held. */
    float *apart = p->conv.beta != 0.0 ? malloc(p->out_count * sizeof *apart) : NULL;
    if (apart == NULL && p->conv.beta != 0.0)
        return atrous__fail(error, ATROUS_OUT_OF_HOST_MEMORY, "output", "no memory for %zu sums",
                            p->out_count);
    float *sums = apart != NULL ? apart : arrays->output;
    threads = atrous__threads_for((double)p->batch * (double)p->out_plane, threads);
#pragma omp parallel for schedule(static) num_threads((int)threads)
    for (ptrdiff_t at = 0; at < count; ++at) {
        const struct atrous__folded folded = atrous__folded_of(p, (size_t)at);
        sums[at] = (float)add_folded(padded, &folded);
    }
    atrous__epilogue_run(p, sums, arrays, arrays->output, p->out_count, threads);
    free(apart);
    return ATROUS_OK;
}

atrous_status atrous__cpu_fold(const struct atrous__problem *p, const float *padded,
                               const atrous_arrays *arrays, unsigned threads, atrous_error *error)
{
    return fold(p, &(struct padded){.floats = padded}, arrays, threads, error);
}

/* Of int8: what is folded must be exact, for the sum to be rounded once. */
static atrous_status run_whole(const struct atrous__problem *problem,
                               const struct atrous__problem *sums, const atrous_arrays *arrays,
                               unsigned threads, atrous_error *error)
{
    double *value = calloc(sums->out_count, sizeof *value);
    double *magnitude = calloc(sums->out_count, sizeof *magnitude);
    atrous_status status = ATROUS_OK;
    if (value == NULL || magnitude == NULL)
        status = atrous__fail(error, ATROUS_OUT_OF_HOST_MEMORY, "output",
                              "no memory for the padded gradient, %zu elements", sums->out_count);
    if (status == ATROUS_OK)
        status = atrous__cpu_exact(sums, arrays, NULL, 0, sums->out_count, threads, value,
                                   magnitude, error);
    if (status == ATROUS_OK)
        status = fold(problem, &(struct padded){.whole = value}, arrays, threads, error);
    free(value);
    free(magnitude);
    return status;
}

atrous_status atrous__fold_run(const struct atrous__problem *problem, const atrous_arrays *arrays,
                               unsigned threads, atrous_error *error)
{
    const struct atrous__problem sums = atrous__fold_sums(problem);
    atrous_arrays inner = *arrays;
    if (sums.has_whole_sums)
        return run_whole(problem, &sums, arrays, threads, error);
    float *padded = malloc(sums.out_count * sizeof *padded);
    if (padded == NULL)
        return atrous__fail(error, ATROUS_OUT_OF_HOST_MEMORY, "output",
                            "no memory for the padded gradient, %zu elements", sums.out_count);
    inner.output = padded;
    atrous_status status = atrous__floats_run(&sums, &inner, threads, error);
    if (status == ATROUS_OK)
        status = atrous__cpu_fold(problem, padded, arrays, threads, error);
    free(padded);
    return status;
}
