/* Running a plan on memory whose surroundings are watched. */
#ifndef ATROUS_TESTS_FENCED_H
#define ATROUS_TESTS_FENCED_H

#include <stdbool.h>

#include "data.h"

/* Floats on either side of a tensor that nobody may write and no result may depend on. */
enum { FENCE = 64 };

/* A quiet NaN with a mark of its own, so that a rewritten guard shows. */
float fence_word(void);
/* FENCE guards, `count` floats (a copy of `from`, or NaN), FENCE guards. */
float *fence_around(const float *from, size_t count);
/* Whether both fences are as they were. */
bool fence_intact(const float *fenced, size_t count);

/* atrous_plan_run() on fenced copies of the tensors; y gets the output. */
void fenced_run_arrays(atrous_plan *plan, const struct data *data, float *y);

/* The same by atrous_plan_pack() and atrous_plan_enqueue() on fenced device buffers; false when
 * the build or the context has no OpenCL. */
bool fenced_run_buffers(atrous_context *context, atrous_plan *plan, const struct data *data,
                        float *y);

#endif
