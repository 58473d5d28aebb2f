/* A problem with drawn tensors and the oracle's answer. */
#ifndef ATROUS_TESTS_DATA_H
#define ATROUS_TESTS_DATA_H

#include <atrous/atrous.h>

#include "random.h"

enum fill { FILL_REALS, FILL_INTEGERS };

struct data {
    atrous_conv conv;
    size_t x_count, w_count, y_count;
    float *x, *w, *bias; /* bias is NULL without has_bias */
    double *value, *magnitude;
};

/* Allocates and draws the tensors; value and magnitude are NULL until data_solve(). */
struct data data_draw(const atrous_conv *conv, struct random *random, enum fill fill);
/* Asks the oracle. */
void data_solve(struct data *data);
void data_free(struct data *data);
/* A call's arrays: the tensors, and y for the output. */
atrous_arrays data_arrays(const struct data *data, float *y);

/* Memory or a failed test. */
float *floats(size_t count);

#endif
