/* Problems as tables and people write them: rows to descriptors, descriptors to one line. */
#ifndef ATROUS_TESTS_SHAPES_H
#define ATROUS_TESTS_SHAPES_H

#include <atrous/atrous.h>

#include "csv.h"
#include "random.h"

/* The geometry columns (name,ndim,N,G,IC,I*,OC,K*,S*,D*,P*0,P*1) as a problem with zeros. */
void shape_from_row(const struct csv *csv, size_t row, atrous_conv *conv);

/* Multiply-adds, taps in the padding counted; 0 when the problem has no output. */
double shape_macs(const atrous_conv *conv);

/* A problem of `rank` axes that are all alike, "same" padded, with one image. */
atrous_conv shape_square(int rank, size_t channels, size_t filters, size_t extent, size_t kernel,
                         size_t dilation);

/* The gradients of such a problem's weights and bias. */
atrous_conv shape_gradient(int rank, size_t channels, size_t filters, size_t extent, size_t kernel,
                           size_t dilation);

/* Padding of an axis whose other fields are set: "same", causal, none, or anything that lets the
 * kernel fit. */
void shape_draw_padding(struct random *random, atrous_conv *conv, int axis);

/* One line that says everything of the geometry. Returns `text`. */
char *shape_text(const atrous_conv *conv, char *text, size_t size);

#endif
