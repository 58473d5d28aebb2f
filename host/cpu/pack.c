/* Reorders weights for the CPU path's inner loops. */
#include "cpu/pack.h"

#include <string.h>

/* A finite number's exponent has a zero bit. */
bool atrous__all_finite(const float *values, size_t count)
{
    const uint32_t exponent = 0x7f800000;
    uint32_t found = 0;
    for (size_t i = 0; i < count; ++i) {
        uint32_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        found |= (uint32_t)((bits & exponent) == exponent);
    }
    return found == 0;
}

/* `count` filters from `weights` on, as [C/G][taps][count]. */
static void pack_block(const struct atrous__view *view, size_t count, const float *weights,
                       float *restrict packed)
{
    const struct atrous__problem *problem = view->problem;
    for (size_t c = 0; c < problem->channels; ++c, weights += problem->channel_step)
        for (size_t tap = 0; tap < problem->taps; ++tap) {
            const float *from = weights + atrous__flat_tap(view, tap);
            for (size_t k = 0; k < count; ++k)
                *packed++ = from[k * problem->filter_step];
        }
}

bool atrous__pack_weights(const struct atrous__view *view, size_t block, const float *weights,
                          float *packed, unsigned threads)
{
    const size_t filters = view->problem->filters;
    const size_t size = view->problem->channels * view->problem->taps;
    /* Per group: whole blocks, then one part per filter left over. */
    const size_t blocks = filters / block, parts = blocks + filters % block;
    const ptrdiff_t end = (ptrdiff_t)(view->problem->groups * parts);
    int finite = 1;
#pragma omp parallel for schedule(static) num_threads((int)threads) reduction(&& : finite)
    for (ptrdiff_t i = 0; i < end; ++i) {
        const size_t part = (size_t)i % parts;
        const size_t k = (size_t)i / parts * filters +
                         (part < blocks ? part * block : blocks * (block - 1) + part);
        const size_t count = part < blocks ? block : 1;
        pack_block(view, count, weights + atrous__weights_at(view->problem, k, 0),
                   packed + k * size);
        finite = finite && atrous__all_finite(packed + k * size, count * size);
    }
    return finite != 0;
}
