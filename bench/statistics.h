/* The median and the clock. */
#ifndef BENCH_STATISTICS_H
#define BENCH_STATISTICS_H

#include <stddef.h>

/* Milliseconds of a clock that only goes forward. */
double now_ms(void);

/* The median; count > 0. Sorts the values. */
double median(double *values, size_t count);

#endif
