/* Tensors between float and the types they are stored in; where the numbers of a type end. */
#include "cpu/types.h"
#include "cpu/micro.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

/* Elements that a thread converts at a time: fewer are not worth another thread. */
enum { RUN = 1 << 16 };

void atrous__widen(atrous_type type, const void *from, float *to, size_t count, unsigned threads)
{
    atrous__micro_load *const load = atrous__micro_best()->load[type];
    const ptrdiff_t runs = (ptrdiff_t)atrous__ceil_div(count, RUN);
    const size_t bytes = atrous__type_bytes(type);
#pragma omp parallel for schedule(static) num_threads((int)threads) if (runs > 1)
    for (ptrdiff_t run = 0; run < runs; ++run) {
        const size_t first = (size_t)run * RUN;
        load((const char *)from + first * bytes, 1, to + first, atrous__min(RUN, count - first));
    }
}

void atrous__narrow(atrous_type type, const float *from, void *to, size_t count, unsigned threads)
{
    atrous__micro_store *const store = atrous__micro_best()->store[type];
    const ptrdiff_t runs = (ptrdiff_t)atrous__ceil_div(count, RUN);
    const size_t bytes = atrous__type_bytes(type);
#pragma omp parallel for schedule(static) num_threads((int)threads) if (runs > 1)
    for (ptrdiff_t run = 0; run < runs; ++run) {
        const size_t first = (size_t)run * RUN;
        store(from + first, (char *)to + first * bytes, 1, atrous__min(RUN, count - first));
    }
}

double atrous__type_overflow(atrous_type type)
{
    switch (type) {
    case ATROUS_TYPE_F16:
        return 65520.0;
    case ATROUS_TYPE_BF16:
        return 0x1.ffp127;
    case ATROUS_TYPE_F32:
    case ATROUS_TYPE_I8:
        break;
    }
    return (double)FLT_MAX;
}

/* `digits` significant bits, exponents from `least` to `most`. */
static double half_step(double value, int digits, int least, int most)
{
    int exponent = 0;
    frexp(value, &exponent); /* value = fraction * 2^exponent, the fraction below 1 */
    exponent = exponent - 1 < least ? least : exponent - 1 > most ? most : exponent - 1;
    return ldexp(1.0, exponent - digits);
}

double atrous__type_half_step(atrous_type type, double value)
{
    switch (type) {
    case ATROUS_TYPE_F16:
        return half_step(value, 11, -14, 15);
    case ATROUS_TYPE_BF16:
        return half_step(value, 8, -126, 127);
    case ATROUS_TYPE_I8:
        return 0.5;
    case ATROUS_TYPE_F32:
        break;
    }
    return 0.0;
}

atrous_status atrous__widen_arrays(const struct atrous__problem *p, const atrous_arrays *arrays,
                                   bool with_output, unsigned threads, atrous_arrays *wide,
                                   float **memory, atrous_error *error)
{
    const atrous_type type = p->conv.type;
    const size_t residual = p->conv.residual != ATROUS_RESIDUAL_NONE ? p->out_count : 0;
    const size_t previous = arrays->previous != NULL ? p->out_count : 0;
    const struct {
        const void *from;
        const void **to;
        size_t count;
    } all[] = {{arrays->input, &wide->input, p->in_count},
               {arrays->weights, &wide->weights, p->weights_count},
               {arrays->grad_output, &wide->grad_output, p->grad_count},
               {arrays->residual, &wide->residual, residual},
               {arrays->previous, &wide->previous, previous},
               {arrays->output, NULL, p->out_count}};
    size_t floats = 0;
    *wide = *arrays;
    *memory = NULL;
    if (type == ATROUS_TYPE_F32)
        return ATROUS_OK;
    /* Each tensor's bytes fit as floats; their sum may not. */
    for (size_t i = 0; i < sizeof all / sizeof *all; ++i)
        if (!atrous__add(floats, all[i].count, &floats) || floats > SIZE_MAX / sizeof(float))
            return atrous__fail(error, ATROUS_OUT_OF_HOST_MEMORY, "type", "floats of all tensors");
    *memory = malloc(floats * sizeof **memory);
    if (*memory == NULL)
        return atrous__fail(error, ATROUS_OUT_OF_HOST_MEMORY, "type",
                            "no memory for %zu floats of tensors of another type", floats);
    float *to = *memory;
    for (size_t i = 0; i < sizeof all / sizeof *all; ++i, to += all[i - 1].count) {
        if (all[i].count == 0)
            continue;
        if (all[i].to != NULL)
            *all[i].to = to;
        else
            wide->output = to;
        if (all[i].to != NULL || with_output)
            atrous__widen(type, all[i].from, to, all[i].count, threads);
    }
    return ATROUS_OK;
}
