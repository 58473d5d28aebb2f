/* Strict parsing of numbers and lists: no sign, blank, junk or overflow gets through. */
#include "number.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int cli_multiply(size_t *product, size_t factor)
{
    if (factor != 0 && *product > SIZE_MAX / factor)
        return 0;
    *product *= factor;
    return 1;
}

/* Reads digits[0..length-1]. False when it is not a number or does not fit. */
static int digits_to_size(const char *digits, size_t length, size_t *value)
{
    size_t sum = 0;
    for (size_t i = 0; i < length; ++i) {
        if (digits[i] < '0' || digits[i] > '9')
            return 0;
        const size_t digit = (size_t)(digits[i] - '0');
        if (!cli_multiply(&sum, 10) || sum > SIZE_MAX - digit)
            return 0;
        sum += digit;
    }
    *value = sum;
    return length > 0;
}

static int refuse_item(const char *flag, const char *text, const char *item, size_t length,
                       struct cli_failure *failure)
{
    if (length == 0)
        return cli_fail(failure, CLI_USAGE, "%s: is '%s', must hold a number", flag, text);
    if (item[0] == '-')
        return cli_fail(failure, CLI_USAGE, "%s: is %s, must not be negative", flag, text);
    if (strspn(item, "0123456789") >= length)
        return cli_fail(failure, CLI_USAGE, "%s: is %s, must be at most %zu", flag, text, SIZE_MAX);
    return cli_fail(failure, CLI_USAGE, "%s: is '%s', must be whole decimal numbers", flag, text);
}

int cli_parse_size(const char *flag, const char *text, size_t least, size_t most, size_t *value,
                   struct cli_failure *failure)
{
    size_t parsed = 0;
    const size_t length = strlen(text);
    if (!digits_to_size(text, length, &parsed))
        return refuse_item(flag, text, text, length, failure);
    if (parsed < least && most == SIZE_MAX)
        return cli_fail(failure, CLI_USAGE, "%s: is %s, must be at least %zu", flag, text, least);
    if (parsed < least || parsed > most)
        return cli_fail(failure, CLI_USAGE, "%s: is %s, must be %zu to %zu", flag, text, least,
                        most);
    *value = parsed;
    return CLI_DONE;
}

int cli_parse_double(const char *flag, const char *text, double *value, struct cli_failure *failure)
{
    char *end = NULL;
    const double parsed = strtod(text, &end);
    /* strtod also takes blanks, hexadecimal, "nan" and "inf"; a flag does not. */
    const int decimal = text[0] != '\0' && strspn(text, "0123456789+-.eE") == strlen(text);
    if (!decimal || *end != '\0' || !isfinite(parsed))
        return cli_fail(failure, CLI_USAGE, "%s: is '%s', must be a finite decimal number", flag,
                        text);
    *value = parsed;
    return CLI_DONE;
}

int cli_parse_list(const char *flag, const char *text, struct cli_list *list,
                   struct cli_failure *failure)
{
    struct cli_list parsed = {0};
    for (const char *item = text;; ++item) {
        const size_t length = strcspn(item, ",");
        if (parsed.count == CLI_LIST_MAX)
            return cli_fail(failure, CLI_USAGE, "%s: is %s, must hold at most %d numbers", flag,
                            text, CLI_LIST_MAX);
        if (!digits_to_size(item, length, &parsed.value[parsed.count]))
            return refuse_item(flag, text, item, length, failure);
        ++parsed.count;
        item += length;
        if (*item == '\0')
            break;
    }
    *list = parsed;
    return CLI_DONE;
}

int cli_spread(const char *flag, const struct cli_list *list, int rank, size_t *axes,
               struct cli_failure *failure)
{
    if (list->count == 0)
        return CLI_DONE;
    if (list->count != 1 && list->count != (size_t)rank)
        return cli_fail(failure, CLI_USAGE, "%s: has %zu numbers, must have 1 or %d, one an axis",
                        flag, list->count, rank);
    for (int axis = 0; axis < rank; ++axis)
        axes[axis] = list->value[list->count == 1 ? 0 : axis];
    return CLI_DONE;
}
