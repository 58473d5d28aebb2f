/* Turns drawn reals into hostile data. */
#include "hostile.h"

#include <math.h>

const char *const hostile_names[HOSTILE_KINDS] = {"reals",      "large mean", "alternating",
                                                  "huge pixel", "denormal",   "wide range"};

void hostile_shape(float *values, size_t count, size_t size, enum hostile kind, bool is_input)
{
    for (size_t i = 0; i < count; ++i) {
        const float sign = i % 2 == 0 ? 1.0f : -1.0f;
        const int step = (int)(i / size % 13) - 6;
        if (kind == HOSTILE_LARGE_MEAN)
            values[i] = is_input ? 1000.0f + values[i] : 1.0f + 0.01f * values[i];
        else if (kind == HOSTILE_ALTERNATING)
            values[i] = sign * (1.0f + 0.001f * values[i]);
        else if (kind == HOSTILE_HUGE_PIXEL && is_input)
            values[i] *= i % size == size * 2 / 5 ? 1e6f : 1e-4f;
        else if (kind == HOSTILE_DENORMAL)
            values[i] *= is_input ? 4e-38f : (i % 3 == 0 ? 1e6f : 1e-2f);
        else if (kind == HOSTILE_WIDE_RANGE)
            values[i] *= powf(10.0f, (float)(is_input ? step : -step));
    }
}
