/* Sums of parts that a device computed one after the other. */
#include "cpu/cpu.h"
#include "cpu/epilogue.h"

#include <stdlib.h>

void atrous__cpu_add(const float *part, size_t count, double *sums)
{
    for (size_t i = 0; i < count; ++i)
        sums[i] += (double)part[i];
}

atrous_status atrous__cpu_finish(const struct atrous__problem *p, const double *sums,
                                 const atrous_arrays *arrays, unsigned threads, atrous_error *error)
{
    const size_t count = p->out_count + p->bias_out_count;
    float *rounded = malloc(count * sizeof *rounded);
    if (rounded == NULL)
        return atrous__fail(error, ATROUS_OUT_OF_HOST_MEMORY, "output",
                            "no memory for %zu rounded sums", count);
    for (size_t i = 0; i < count; ++i)
        rounded[i] = (float)sums[i];
    threads = atrous__cpu_threads(threads);
    atrous__epilogue_run(p, rounded, arrays, arrays->output, p->out_count, threads);
    if (p->bias_out_count > 0)
        atrous__epilogue_run(p, rounded + p->out_count, arrays, arrays->bias_output,
                             p->bias_out_count, threads);
    free(rounded);
    return ATROUS_OK;
}
