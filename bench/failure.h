/* Failures travel as atrous_error, whoever failed. */
#ifndef BENCH_FAILURE_H
#define BENCH_FAILURE_H

#include <stdbool.h>

#include <atrous/atrous.h>

/* Fills *error and returns false, so that a failing check is one `return bench_fail(...)`. */
bool bench_fail(atrous_error *error, atrous_status status, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 3, 4)))
#endif
    ;

#endif
