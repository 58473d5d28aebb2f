/* Status strings, messages, checked arithmetic. */
#define _POSIX_C_SOURCE 200809L
#include "base/base.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

const char *atrous_status_string(atrous_status status)
{
    switch (status) {
#define STATUS_CASE(name, value, text) \
    case ATROUS_##name:                \
        return text;
        ATROUS_STATUS_MAP(STATUS_CASE)
#undef STATUS_CASE
    }
    return "unknown status";
}

#define STRING(x) #x
#define VERSION(major, minor, patch) STRING(major) "." STRING(minor) "." STRING(patch)

const char *atrous_version(void)
{
    return VERSION(ATROUS_VERSION_MAJOR, ATROUS_VERSION_MINOR, ATROUS_VERSION_PATCH);
}

void atrous__clear(atrous_error *error)
{
    if (error != NULL)
        memset(error, 0, sizeof *error);
}

atrous_status atrous__fail(atrous_error *error, atrous_status status, const char *field,
                           const char *format, ...)
{
    if (error == NULL)
        return status;

    atrous__clear(error);
    error->status = status;
    snprintf(error->field, sizeof error->field, "%s", field);

    int used = 0;
    if (field[0] != '\0')
        used = snprintf(error->message, sizeof error->message, "%s: ", field);
    if (used >= 0 && (size_t)used < sizeof error->message) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(error->message + used, sizeof error->message - (size_t)used, format, arguments);
        va_end(arguments);
    }
    return status;
}

bool atrous__mul(size_t a, size_t b, size_t *out)
{
    if (b != 0 && a > SIZE_MAX / b)
        return false;
    *out = a * b;
    return true;
}

bool atrous__add(size_t a, size_t b, size_t *out)
{
    if (a > SIZE_MAX - b)
        return false;
    *out = a + b;
    return true;
}

size_t atrous__min(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t atrous__max(size_t a, size_t b)
{
    return a > b ? a : b;
}

size_t atrous__gcd(size_t a, size_t b)
{
    while (b != 0) {
        const size_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

size_t atrous__ceil_div(size_t a, size_t b)
{
    return a / b + (a % b != 0);
}

size_t atrous__round_up(size_t a, size_t b)
{
    return atrous__ceil_div(a, b) * b;
}

double atrous__now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec * 1e-6;
}

bool atrous__overlap(const void *a, size_t a_size, const void *b, size_t b_size)
{
    const uintptr_t a_at = (uintptr_t)a, b_at = (uintptr_t)b;
    return a != NULL && b != NULL && a_at < b_at + b_size && b_at < a_at + a_size;
}
