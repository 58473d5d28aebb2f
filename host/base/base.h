/* Status, messages, checked arithmetic. No OpenCL, no knowledge of convolution. */
#ifndef ATROUS_BASE_BASE_H
#define ATROUS_BASE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <atrous/atrous.h>

#if defined(__GNUC__)
#define ATROUS__PRINTF(format_at, first) __attribute__((format(printf, format_at, first)))
#else
#define ATROUS__PRINTF(format_at, first)
#endif

/* Sets *error to success; NULL is accepted. */
void atrous__clear(atrous_error *error);

/* Fills *error (NULL is accepted) and returns `status`, so that a failing check is one
 * `return atrous__fail(...)`. The message is the field's name, then the formatted text. */
atrous_status atrous__fail(atrous_error *error, atrous_status status, const char *field,
                           const char *format, ...) ATROUS__PRINTF(4, 5);

/* *out = a * b, a + b. False when that overflows size_t; *out is then untouched. */
bool atrous__mul(size_t a, size_t b, size_t *out);
bool atrous__add(size_t a, size_t b, size_t *out);

size_t atrous__min(size_t a, size_t b);
size_t atrous__max(size_t a, size_t b);
size_t atrous__gcd(size_t a, size_t b);
/* ceil(a / b), b > 0. */
size_t atrous__ceil_div(size_t a, size_t b);
/* a rounded up to a multiple of b, b > 0. */
size_t atrous__round_up(size_t a, size_t b);

/* Milliseconds of a clock that only goes forward. */
double atrous__now_ms(void);

/* Whether byte ranges [a, a+a_size) and [b, b+b_size) share a byte. */
bool atrous__overlap(const void *a, size_t a_size, const void *b, size_t b_size);

#endif
