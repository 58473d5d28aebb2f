/* Gradients of the data through a padding that repeats elements, on the CPU path. */
#include "cpu/cpu.h"
#include "cpu/epilogue.h"
#include "cpu/forms.h"
#include "cpu/threads.h"
#include "problem/fold.h"

#include <stdlib.h>

atrous_status atrous__cpu_fold(const struct atrous__problem *p, const float *padded,
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
        double sum = 0.0;
        for (size_t i = 0; i < folded.count; ++i)
            sum += (double)padded[atrous__folded_at(&folded, i)];
        sums[at] = (float)sum;
    }
    atrous__epilogue_run(p, sums, arrays, arrays->output, p->out_count, threads);
    free(apart);
    return ATROUS_OK;
}

atrous_status atrous__fold_run(const struct atrous__problem *problem, const atrous_arrays *arrays,
                               unsigned threads, atrous_error *error)
{
    const struct atrous__problem sums = atrous__fold_sums(problem);
    atrous_arrays inner = *arrays;
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
