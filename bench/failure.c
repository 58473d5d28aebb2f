/* Fills an atrous_error with the bench's own words. */
#include "failure.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool bench_fail(atrous_error *error, atrous_status status, const char *format, ...)
{
    va_list arguments;
    memset(error, 0, sizeof *error);
    error->status = status;
    va_start(arguments, format);
    vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
    return false;
}
