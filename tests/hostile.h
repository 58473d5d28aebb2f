/* Data that is hard on minimal filtering, whose transforms subtract what is nearly alike. */
#ifndef ATROUS_TESTS_HOSTILE_H
#define ATROUS_TESTS_HOSTILE_H

#include <stdbool.h>
#include <stddef.h>

enum hostile {
    HOSTILE_REALS, /* as drawn, and not hostile */
    HOSTILE_LARGE_MEAN,
    HOSTILE_ALTERNATING,
    HOSTILE_HUGE_PIXEL,
    HOSTILE_DENORMAL,
    HOSTILE_WIDE_RANGE,
    HOSTILE_KINDS
};
extern const char *const hostile_names[HOSTILE_KINDS];

/* Turns reals in [-1, 1) into data of a kind: an input, or what meets it. `size` values make a
 * channel or a kernel. */
void hostile_shape(float *values, size_t count, size_t size, enum hostile kind, bool is_input);

#endif
