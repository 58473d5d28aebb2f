/* Conversions between float and the types tensors are stored in, in integer operations. */
#include "cpu/types.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Elements that a thread converts at a time: fewer are not worth another thread. */
enum { RUN = 1 << 16 };

static uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static float float_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Half: 1 sign, 5 exponent (bias 15), 10 fraction; float has 8 (bias 127) and 23. */
static float widen_half(uint16_t half)
{
    const uint32_t sign = (uint32_t)(half & 0x8000u) << 16, rest = (uint32_t)(half & 0x7fffu) << 13;
    if (rest < 0x00800000u) { /* a denormal or 0, in units of 2^-24 */
        const float value = (float)(half & 0x3ffu) * 0x1p-24f;
        return float_of(sign | bits_of(value));
    }
    if (rest >= 0x0f800000u) /* infinity or NaN */
        return float_of(sign | 0x7f800000u | rest);
    return float_of(sign | (rest + 0x38000000u));
}

static uint16_t narrow_half(float value)
{
    const uint32_t bits = bits_of(value), sign = bits >> 16 & 0x8000u, rest = bits & 0x7fffffffu;
    if (rest > 0x7f800000u)
        return (uint16_t)(sign | 0x7e00u);
    if (rest >= 0x477ff000u) /* 65520: halfway from the largest half to the next power of two */
        return (uint16_t)(sign | 0x7c00u);
    if (rest < 0x38800000u) /* 2^-14: below it a unit is 2^-24, that of a float near 0.5 */
        return (uint16_t)(sign | (bits_of(float_of(rest) + 0.5f) - 0x3f000000u));
    return (uint16_t)(sign | (rest - 0x38000000u + 0xfffu + (rest >> 13 & 1u)) >> 13);
}

/* The upper half of a float. */
static uint16_t narrow_bfloat(float value)
{
    const uint32_t bits = bits_of(value);
    if ((bits & 0x7fffffffu) > 0x7f800000u)
        return (uint16_t)(bits >> 16 | 0x40u);
    return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

static int8_t narrow_byte(float value)
{
    if (value != value)
        return 0;
    return (int8_t)rintf(value < -128.0f ? -128.0f : value > 127.0f ? 127.0f : value);
}

static void widen_run(atrous_type type, const void *from, float *to, size_t first, size_t end)
{
    const uint16_t *words = from;
    const int8_t *bytes = from;
    for (size_t i = first; type == ATROUS_TYPE_F16 && i < end; ++i)
        to[i] = widen_half(words[i]);
    for (size_t i = first; type == ATROUS_TYPE_BF16 && i < end; ++i)
        to[i] = float_of((uint32_t)words[i] << 16);
    for (size_t i = first; type == ATROUS_TYPE_I8 && i < end; ++i)
        to[i] = (float)bytes[i];
}

static void narrow_run(atrous_type type, const float *from, void *to, size_t first, size_t end)
{
    uint16_t *words = to;
    int8_t *bytes = to;
    for (size_t i = first; type == ATROUS_TYPE_F16 && i < end; ++i)
        words[i] = narrow_half(from[i]);
    for (size_t i = first; type == ATROUS_TYPE_BF16 && i < end; ++i)
        words[i] = narrow_bfloat(from[i]);
    for (size_t i = first; type == ATROUS_TYPE_I8 && i < end; ++i)
        bytes[i] = narrow_byte(from[i]);
}

void atrous__widen(atrous_type type, const void *from, float *to, size_t count, unsigned threads)
{
    const ptrdiff_t runs = (ptrdiff_t)atrous__ceil_div(count, RUN);
    if (type == ATROUS_TYPE_F32)
        memcpy(to, from, count * sizeof *to);
#pragma omp parallel for schedule(static) num_threads((int)threads) if (runs > 1)
    for (ptrdiff_t run = 0; run < runs; ++run)
        widen_run(type, from, to, (size_t)run * RUN, atrous__min(count, ((size_t)run + 1) * RUN));
}

void atrous__narrow(atrous_type type, const float *from, void *to, size_t count, unsigned threads)
{
    const ptrdiff_t runs = (ptrdiff_t)atrous__ceil_div(count, RUN);
    if (type == ATROUS_TYPE_F32)
        memcpy(to, from, count * sizeof *from);
#pragma omp parallel for schedule(static) num_threads((int)threads) if (runs > 1)
    for (ptrdiff_t run = 0; run < runs; ++run)
        narrow_run(type, from, to, (size_t)run * RUN, atrous__min(count, ((size_t)run + 1) * RUN));
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
