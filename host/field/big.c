/* Schoolbook arithmetic on digits of base 10^9: counts here have tens of digits, not thousands. */
#include "field/big.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { BASE = 1000000000 };

bool atrous__big_is_zero(const uint32_t *a, size_t count)
{
    for (size_t i = 0; i < count; ++i)
        if (a[i] != 0)
            return false;
    return true;
}

void atrous__big_add(uint32_t *a, const uint32_t *b, size_t count)
{
    uint32_t carry = 0;
    for (size_t i = 0; i < count; ++i) {
        const uint32_t sum = a[i] + b[i] + carry;
        carry = sum >= BASE;
        a[i] = carry ? sum - BASE : sum;
    }
}

void atrous__big_subtract(uint32_t *a, const uint32_t *b, size_t count)
{
    uint32_t borrow = 0;
    for (size_t i = 0; i < count; ++i) {
        const uint32_t taken = b[i] + borrow;
        borrow = a[i] < taken;
        a[i] = borrow ? a[i] + BASE - taken : a[i] - taken;
    }
}

void atrous__big_multiply(uint32_t *product, const uint32_t *a, size_t a_count, const uint32_t *b,
                          size_t b_count)
{
    memset(product, 0, (a_count + b_count) * sizeof *product);
    for (size_t i = 0; i < a_count; ++i) {
        uint64_t carry = 0;
        for (size_t j = 0; j < b_count; ++j) {
            const uint64_t sum = (uint64_t)a[i] * b[j] + product[i + j] + carry;
            product[i + j] = (uint32_t)(sum % BASE);
            carry = sum / BASE;
        }
        product[i + b_count] = (uint32_t)carry;
    }
}

void atrous__big_word(uint32_t *a, size_t count, uint64_t value)
{
    for (size_t i = 0; i < count; ++i) {
        a[i] = (uint32_t)(value % BASE);
        value /= BASE;
    }
}

static size_t significant(const uint32_t *a, size_t count)
{
    while (count > 0 && a[count - 1] == 0)
        --count;
    return count;
}

size_t atrous__big_text(const uint32_t *a, size_t count, char *text, size_t size)
{
    char digits[10]; /* of one base-10^9 digit, closing zero included */
    size_t length = 0;
    size_t at = significant(a, count);
    if (at == 0)
        at = 1;
    for (bool first = true; at-- > 0; first = false) {
        const int written =
            snprintf(digits, sizeof digits, first ? "%" PRIu32 : "%09" PRIu32, a[at]);
        for (int i = 0; i < written; ++i, ++length)
            if (length + 1 < size)
                text[length] = digits[i];
    }
    if (size > 0)
        text[length + 1 < size ? length : size - 1] = '\0';
    return length;
}

double atrous__big_log2(const uint32_t *a, size_t count)
{
    const size_t top = significant(a, count);
    if (top == 0)
        return -INFINITY;
    double value = 0; /* of the top three digits: more than a double holds */
    const size_t bottom = top > 3 ? top - 3 : 0;
    for (size_t i = top; i-- > bottom;)
        value = value * BASE + a[i];
    return log2(value) + (double)bottom * log2(BASE);
}
