/* Tables of the stored types' values, and the nearest of them by search. */
#include "stored.h"

#include <float.h>
#include <math.h>
#include <string.h>

const char *const stored_names[4] = {"f32", "f16", "bf16", "i8"};

enum { CODES = 1 << 15 };

/* Of a 16-bit floating type: its code for infinity; bits of the fraction; exponent of a unit. */
struct format {
    unsigned infinity;
    int fraction, unit;
};
static const struct format half = {0x7c00, 10, -24}, bfloat = {0x7f80, 7, -133};

/* What a code without its sign means; that of infinity stands for the next power of two. */
static double meaning(const struct format *f, unsigned code)
{
    const unsigned ones = (1u << f->fraction) - 1;
    const unsigned exponent = code >> f->fraction, fraction = code & ones;

    return exponent == 0 ? ldexp((double)fraction, f->unit)
                         : ldexp((double)(ones + 1 + fraction), f->unit + (int)exponent - 1);
}

/* The largest code whose value does not exceed `size`, below infinity's. */
static unsigned below(const struct format *f, double size)
{
    unsigned low = 0, high = f->infinity;

    while (high - low > 1) {
        const unsigned middle = (low + high) / 2;
        if (meaning(f, middle) <= size)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static uint16_t nearest(const struct format *f, double value)
{
    const unsigned sign = signbit(value) ? 0x8000 : 0;
    const double size = fabs(value);

    if (isnan(value))
        return (uint16_t)(f->infinity + 1);
    const unsigned low = below(f, size);
    const double down = size - meaning(f, low), up = meaning(f, low + 1) - size;
    if (down < up || (down <= up && low % 2 == 0))
        return (uint16_t)(sign | low);
    return (uint16_t)(sign | (low + 1));
}

static const struct format *format_of(atrous_type type)
{
    return type == ATROUS_TYPE_F16 ? &half : &bfloat;
}

size_t stored_size(atrous_type type)
{
    const size_t sizes[] = {4, 2, 2, 1};
    return sizes[type];
}

double stored_get(atrous_type type, const void *from, size_t i)
{
    if (type == ATROUS_TYPE_F32)
        return (double)((const float *)from)[i];
    if (type == ATROUS_TYPE_I8)
        return (double)((const signed char *)from)[i];
    const struct format *f = format_of(type);
    const unsigned code = ((const uint16_t *)from)[i], rest = code & 0x7fff;
    const double sign = code > 0x7fff ? -1.0 : 1.0;
    if (rest > f->infinity)
        return (double)NAN;
    return sign * (rest == f->infinity ? (double)INFINITY : meaning(f, rest));
}

static signed char nearest_byte(double value)
{
    const double low = floor(value);

    if (isnan(value))
        return 0;
    if (value <= -128.0 || value >= 127.0)
        return (signed char)(value < 0 ? -128 : 127);
    if (value - low < 0.5 || (value - low <= 0.5 && fmod(low, 2.0) == 0.0))
        return (signed char)low;
    return (signed char)(low + 1.0);
}

void stored_put(atrous_type type, void *to, size_t i, double value)
{
    if (type == ATROUS_TYPE_F32)
        ((float *)to)[i] = (float)value;
    else if (type == ATROUS_TYPE_I8)
        ((signed char *)to)[i] = nearest_byte(value);
    else
        ((uint16_t *)to)[i] = nearest(format_of(type), value);
}

double stored_half_step(atrous_type type, double value)
{
    if (type == ATROUS_TYPE_F32)
        return 0.0;
    if (type == ATROUS_TYPE_I8)
        return 0.5;
    const struct format *f = format_of(type);
    const unsigned low = below(f, fabs(value));
    return (meaning(f, low + 1) - meaning(f, low)) / 2;
}

void stored_round(atrous_type type, float *values, size_t count)
{
    uint16_t place = 0;

    for (size_t i = 0; i < count && type != ATROUS_TYPE_F32; ++i) {
        const double value = (double)values[i];
        stored_put(type, &place, 0, type == ATROUS_TYPE_I8 ? 127.0 * value : value);
        values[i] = (float)stored_get(type, &place, 0);
    }
}
