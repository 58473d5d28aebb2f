/* The text inside a .npy header: a Python dictionary of three known keys, each exactly once. */
#include "npy_header.h"

#include <stdint.h>
#include <string.h>

#include "number.h"

static const char *skip_blanks(const char *at)
{
    return at + strspn(at, " \t\r\n");
}

/* Reads a quoted word into `word`, cut to `size`. Returns what follows, or NULL. */
static const char *quoted(const char *at, char *word, size_t size)
{
    const char quote = *at;
    if (quote != '\'' && quote != '"')
        return NULL;
    const char *end = strchr(++at, quote);
    if (end == NULL)
        return NULL;
    const size_t length = (size_t)(end - at) < size ? (size_t)(end - at) : size - 1;
    memcpy(word, at, length);
    word[length] = '\0';
    return end + 1;
}

static const char *boolean(const char *at, int *value)
{
    static const char yes[] = "True", no[] = "False";
    *value = strncmp(at, yes, sizeof yes - 1) == 0;
    if (*value)
        return at + sizeof yes - 1;
    return strncmp(at, no, sizeof no - 1) == 0 ? at + sizeof no - 1 : NULL;
}

/* One extent. Python 2 wrote a long with an L behind it. */
static const char *extent(const char *at, size_t *value)
{
    size_t sum = 0;
    const char *start = at;
    for (; *at >= '0' && *at <= '9'; ++at) {
        const size_t digit = (size_t)(*at - '0');
        if (!cli_multiply(&sum, 10) || sum > SIZE_MAX - digit)
            return NULL;
        sum += digit;
    }
    *value = sum;
    if (at == start)
        return NULL;
    return *at == 'L' ? at + 1 : at;
}

/* "()", "(3,)", "(3, 4)". Returns what follows, or NULL. */
static const char *shape(const char *at, struct cli_npy_header *header)
{
    if (*at != '(')
        return NULL;
    at = skip_blanks(at + 1);
    header->rank = 0;
    while (*at != ')') {
        if (header->rank == CLI_NPY_RANK_MAX)
            return NULL;
        at = extent(at, &header->shape[header->rank++]);
        if (at == NULL)
            return NULL;
        at = skip_blanks(at);
        if (*at == ',')
            at = skip_blanks(at + 1);
        else if (*at != ')' || header->rank == 1)
            return NULL; /* (3) is a number, not a shape */
    }
    return at + 1;
}

const char *cli_npy_parse(const char *text, struct cli_npy_header *header)
{
    enum { DESCR = 1, ORDER = 2, SHAPE = 4 };
    unsigned seen = 0;
    memset(header, 0, sizeof *header);

    const char *at = skip_blanks(text);
    if (*at != '{')
        return "must be a dictionary";
    at = skip_blanks(at + 1);
    while (*at != '}') {
        char key[16];
        unsigned bit = 0;
        at = quoted(at, key, sizeof key);
        if (at == NULL || *(at = skip_blanks(at)) != ':')
            return "must hold 'key': value pairs";
        at = skip_blanks(at + 1);
        if (strcmp(key, "descr") == 0) {
            bit = DESCR;
            if (*at == '[')
                return "'descr' is a list, must be one plain type";
            at = quoted(at, header->descr, sizeof header->descr);
        } else if (strcmp(key, "fortran_order") == 0) {
            bit = ORDER;
            at = boolean(at, &header->fortran_order);
        } else if (strcmp(key, "shape") == 0) {
            bit = SHAPE;
            at = shape(at, header);
        }
        if (bit == 0 || (seen & bit) != 0)
            return "must have the keys descr, fortran_order and shape, each once";
        seen |= bit;
        if (at == NULL)
            return bit == DESCR   ? "'descr' must be a quoted type"
                   : bit == ORDER ? "'fortran_order' must be True or False"
                                  : "'shape' must be a tuple of at most 8 extents";
        at = skip_blanks(at);
        if (*at == ',')
            at = skip_blanks(at + 1);
        else if (*at != '}')
            return "must separate its pairs by commas";
    }
    if (*skip_blanks(at + 1) != '\0')
        return "must end with the dictionary";
    return seen == (DESCR | ORDER | SHAPE) ? NULL : "must have descr, fortran_order and shape";
}
