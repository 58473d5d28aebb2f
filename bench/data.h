/* Seeded data in every tensor type, and tensors to hold it. */
#ifndef BENCH_DATA_H
#define BENCH_DATA_H

#include <stddef.h>
#include <stdint.h>

#include <atrous/atrous.h>

/* Memory for a tensor, aligned for any vector; released with free(). NULL when there is none. */
void *data_alloc(size_t bytes);

/* Fills with values in [-1, 1] (int8: in [-127, 127]) that depend on the seed alone. */
void data_fill(void *data, size_t bytes, atrous_type type, uint64_t seed);

/* max |a - b| / max |b|; infinity where one is not finite. */
double data_difference(const float *a, const float *b, size_t count);

#endif
