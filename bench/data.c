/* Seeded random tensors. Never zeros: denormals and zeros are timed differently by some devices. */
#include "data.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void *data_alloc(size_t bytes)
{
    const size_t line = 64;
    if (bytes > SIZE_MAX - line)
        return NULL;
    return aligned_alloc(line, (bytes + line) / line * line);
}

/* A step of splitmix64. */
static uint64_t next(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static float next_float(uint64_t *state)
{
    const int32_t steps = 1 << 23;
    return (float)((int32_t)(next(state) >> 40) - steps) / (float)steps;
}

/* Rounded towards zero, what is below the normal range to zero: any representable value serves. */
static uint16_t half_bits(float value)
{
    uint32_t bits = 0;
    memcpy(&bits, &value, sizeof bits);
    const uint32_t exponent = (bits >> 23) & 0xff;
    const uint32_t sign = (bits >> 16) & 0x8000;
    if (exponent < 113)
        return (uint16_t)sign;
    return (uint16_t)(sign | ((exponent - 112) << 10) | ((bits >> 13) & 0x3ff));
}

static uint16_t brain_bits(float value)
{
    uint32_t bits = 0;
    memcpy(&bits, &value, sizeof bits);
    return (uint16_t)(bits >> 16);
}

void data_fill(void *data, size_t bytes, atrous_type type, uint64_t seed)
{
    uint64_t state = seed;
    switch (type) {
    case ATROUS_TYPE_F32:
        for (size_t i = 0; i < bytes / 4; ++i)
            ((float *)data)[i] = next_float(&state);
        break;
    case ATROUS_TYPE_F16:
        for (size_t i = 0; i < bytes / 2; ++i)
            ((uint16_t *)data)[i] = half_bits(next_float(&state));
        break;
    case ATROUS_TYPE_BF16:
        for (size_t i = 0; i < bytes / 2; ++i)
            ((uint16_t *)data)[i] = brain_bits(next_float(&state));
        break;
    case ATROUS_TYPE_I8:
        for (size_t i = 0; i < bytes; ++i)
            ((int8_t *)data)[i] = (int8_t)(127.0f * next_float(&state));
        break;
    }
}

double data_difference(const float *a, const float *b, size_t count)
{
    double worst = 0, largest = 0;
    for (size_t i = 0; i < count; ++i) {
        const double difference = fabs((double)a[i] - (double)b[i]);
        if (!isfinite(difference))
            return INFINITY;
        worst = fmax(worst, difference);
        largest = fmax(largest, fabs((double)b[i]));
    }
    return worst == 0 ? 0 : worst / largest;
}
