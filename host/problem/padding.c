/* Where a padded position reads. */
#include "problem/problem.h"

ptrdiff_t atrous__pad_index(ptrdiff_t i, size_t n, atrous_padding mode)
{
    const ptrdiff_t size = (ptrdiff_t)n;
    if (i >= 0 && i < size)
        return i;
    switch (mode) {
    case ATROUS_PADDING_ZEROS:
    case ATROUS_PADDING_CONSTANT:
        return -1;
    case ATROUS_PADDING_REPLICATE:
        return i < 0 ? 0 : size - 1;
    case ATROUS_PADDING_CIRCULAR: {
        const ptrdiff_t rest = i % size;
        return rest < 0 ? rest + size : rest;
    }
    case ATROUS_PADDING_REFLECT: {
        /* The mirror repeats every 2n-2 elements; one element mirrors onto itself. */
        if (size == 1)
            return 0;
        const ptrdiff_t period = 2 * (size - 1);
        ptrdiff_t rest = i % period;
        if (rest < 0)
            rest += period;
        return rest < size ? rest : period - rest;
    }
    }
    return -1;
}

float atrous__pad_value(const struct atrous__problem *problem)
{
    return problem->conv.padding == ATROUS_PADDING_CONSTANT ? (float)problem->conv.pad_value : 0.0f;
}
