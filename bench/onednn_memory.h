/* oneDNN memory descriptors of a convolution's tensors, plain or of oneDNN's choice. */
#ifndef BENCH_ONEDNN_MEMORY_H
#define BENCH_ONEDNN_MEMORY_H

#include <stdbool.h>

#include <dnnl.h>

#include <atrous/atrous.h>

/* The tensors of one forward or transposed convolution, in oneDNN's order of dimensions. */
struct onednn_shape {
    int rank;
    dnnl_dims_t source, destination, weights;
    int weights_dims; /* rank + 2, one more with groups */
    dnnl_dims_t stride, dilation, pad_begin, pad_end;
    dnnl_format_tag_t source_tag;      /* as the row's input lies */
    dnnl_format_tag_t destination_tag; /* as the row's output lies */
    dnnl_format_tag_t weights_tag;     /* [K][C/G][kernel...] as the interface has them */
    dnnl_format_tag_t plain_weights;   /* what goes with the plain layout of the source */
};

/* Fills *shape; of a gradient that of the forward problem. */
bool onednn_shape(const atrous_conv *conv, struct onednn_shape *shape, atrous_error *error);

#endif
