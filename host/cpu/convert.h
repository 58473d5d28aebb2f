/* One number between float and the types tensors are stored in, in integer operations and without
 * branches that a vector could not take. */
#ifndef ATROUS_CPU_CONVERT_H
#define ATROUS_CPU_CONVERT_H

#include <math.h>
#include <stdint.h>
#include <string.h>

static inline uint32_t atrous__bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline float atrous__float_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* yes where the condition holds, else no: a mask, which the compiler does not turn into a branch.
 */
static inline uint32_t atrous__choose(int condition, uint32_t yes, uint32_t no)
{
    const uint32_t mask = 0u - (uint32_t)condition;
    return (yes & mask) | (no & ~mask);
}

/* Half: 1 sign, 5 exponent (bias 15), 10 fraction; float has 8 (bias 127) and 23. */
static inline float atrous__widen_half(uint16_t half)
{
    const uint32_t sign = (uint32_t)(half & 0x8000u) << 16, rest = (uint32_t)(half & 0x7fffu) << 13;
    /* A denormal or 0, in units of 2^-24. */
    const uint32_t tiny = atrous__bits_of((float)(int32_t)(half & 0x3ffu) * 0x1p-24f);
    const uint32_t bits = atrous__choose(rest < 0x00800000u, tiny, rest + 0x38000000u);
    const uint32_t end = 0x7f800000u | rest; /* infinity or NaN */
    return atrous__float_of(sign | atrous__choose(rest >= 0x0f800000u, end, bits));
}

static inline uint16_t atrous__narrow_half(float value)
{
    const uint32_t bits = atrous__bits_of(value), sign = bits >> 16 & 0x8000u;
    const uint32_t rest = bits & 0x7fffffffu;
    const int is_small = rest < 0x38800000u;
    /* Below 2^-14 a unit is 2^-24, that of a float near 0.5. */
    const float near = atrous__float_of(atrous__choose(is_small, rest, 0)) + 0.5f;
    const uint32_t normal = (rest - 0x38000000u + 0xfffu + (rest >> 13 & 1u)) >> 13;
    uint32_t half = atrous__choose(is_small, atrous__bits_of(near) - 0x3f000000u, normal);
    /* 65520: halfway from the largest half to the next power of two. */
    half = atrous__choose(rest >= 0x477ff000u, 0x7c00u, half);
    half = atrous__choose(rest > 0x7f800000u, 0x7e00u, half);
    return (uint16_t)(sign | half);
}

/* The upper half of a float. */
static inline float atrous__widen_bfloat(uint16_t bfloat)
{
    return atrous__float_of((uint32_t)bfloat << 16);
}

static inline uint16_t atrous__narrow_bfloat(float value)
{
    const uint32_t bits = atrous__bits_of(value);
    const uint32_t rounded = (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
    return (uint16_t)((bits & 0x7fffffffu) > 0x7f800000u ? bits >> 16 | 0x40u : rounded);
}

static inline float atrous__widen_byte(int8_t byte)
{
    return (float)byte;
}

/* Added to what is below 2^22, 1.5 * 2^23 leaves no fraction: rounded to nearest even. */
static inline int8_t atrous__narrow_byte(float value)
{
    const float high = value > 127.0f ? 127.0f : value;
    const float low = high < -128.0f ? -128.0f : high;
    const float whole = (low == low ? low : 0.0f) + 0x1.8p23f;
    return (int8_t)(uint8_t)(atrous__bits_of(whole) & 0xffu);
}

#endif
