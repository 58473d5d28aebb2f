/* The types tensors are stored in, by tables of all their values: shares no code with host/. */
#ifndef ATROUS_TESTS_STORED_H
#define ATROUS_TESTS_STORED_H

#include <stdbool.h>
#include <stdint.h>

#include <atrous/atrous.h>

extern const char *const stored_names[4]; /* by atrous_type */

size_t stored_size(atrous_type type);

/* The value of element i. */
double stored_get(atrous_type type, const void *from, size_t i);

/* Stores the value nearest to `value`, of two that are equally near the one with an even code;
 * infinity where that is nearer than the largest number (int8: the nearest bound); NaN as NaN
 * (int8: 0). */
void stored_put(atrous_type type, void *to, size_t i, double value);

/* Half the distance between the two neighbours that `value` lies between. */
double stored_half_step(atrous_type type, double value);

/* Replaces values by those that the type stores; for int8 of 127 times the values. */
void stored_round(atrous_type type, float *values, size_t count);

#endif
