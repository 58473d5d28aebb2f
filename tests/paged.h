/* Problems on memory of the host's between pages that nobody may touch: a read outside ends the
 * process. */
#ifndef ATROUS_TESTS_PAGED_H
#define ATROUS_TESTS_PAGED_H

#include <atrous/atrous.h>

/* A copy that fills whole pages to the last element. */
float *paged_floats(const float *values, size_t count);
void paged_free(float *values, size_t count);

/* Runs a solver on the memory that it is given, if the device uses that as it is. `weights` are
 * packed, unless NULL; `grad_output` may be NULL. */
void paged_run(const char *solver, const atrous_conv *conv, float *input, float *weights,
               float *grad_output, float *output);

#endif
