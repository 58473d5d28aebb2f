/* Whole numbers of any size, as little-endian digits of base 10^9: sums and products that are
 * printed in decimal. */
#ifndef ATROUS_FIELD_BIG_H
#define ATROUS_FIELD_BIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Digits that hold any uint64_t. */
enum { ATROUS__BIG_WORD = 3 };

bool atrous__big_is_zero(const uint32_t *a, size_t count);

/* a += b and a -= b; the result must fit `count` digits and not be negative. */
void atrous__big_add(uint32_t *a, const uint32_t *b, size_t count);
void atrous__big_subtract(uint32_t *a, const uint32_t *b, size_t count);

/* a = value; BIG_WORD digits hold any. */
void atrous__big_word(uint32_t *a, size_t count, uint64_t value);

/* product = a * b; product has a_count + b_count digits and overlaps neither. */
void atrous__big_multiply(uint32_t *product, const uint32_t *a, size_t a_count, const uint32_t *b,
                          size_t b_count);

/* Writes decimal digits cut to `size` bytes with the closing zero; returns how many there are. */
size_t atrous__big_text(const uint32_t *a, size_t count, char *text, size_t size);

/* -infinity for 0. */
double atrous__big_log2(const uint32_t *a, size_t count);

#endif
