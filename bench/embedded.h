/* Files of bench/ that travel inside the program, each with a zero after its last byte. */
#ifndef BENCH_EMBEDDED_H
#define BENCH_EMBEDDED_H

#include <stddef.h>

extern const unsigned char bench_peak_cl[];
extern const size_t bench_peak_cl_size;

extern const unsigned char bench_shapes_csv[];
extern const size_t bench_shapes_csv_size;

#endif
