/* The truth: the definition of the operator in double precision. Shares no code with host/. */
#ifndef ATROUS_TESTS_ORACLE_H
#define ATROUS_TESTS_ORACLE_H

#include <stdbool.h>

#include <atrous/atrous.h>

/* Output extents, counted position by position. False when an axis has none. */
bool oracle_output(const atrous_conv *conv, size_t output[ATROUS_MAX_RANK]);

/* What position i of an axis of n elements reads: 0 .. n-1, or -1 for the padding's value. */
long oracle_index(long i, long n, atrous_padding padding);

/* Elements of input, weights and output; of output 0 when the problem has none. */
size_t oracle_input_count(const atrous_conv *conv);
size_t oracle_weights_count(const atrous_conv *conv);
size_t oracle_output_count(const atrous_conv *conv);

/* For every output, in order: value = bias + sum w*x and magnitude = |bias| + sum |w*x|.
 * bias may be NULL. Forward, NCHW, no epilogue. */
void oracle_conv(const atrous_conv *conv, const float *x, const float *w, const float *bias,
                 double *value, double *magnitude);

#endif
