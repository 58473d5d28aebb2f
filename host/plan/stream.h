/* Streams from inside: what each layer remembers, and who moves and computes samples. */
#ifndef ATROUS_PLAN_STREAM_H
#define ATROUS_PLAN_STREAM_H

#include "plan/stack.h"

/* The past of one layer's input, as a ring: float[rows][length] for each of batch and channel. */
struct atrous__past {
    size_t rows, length; /* length (kernel-1)*dilation; 0: the layer needs no past */
    size_t oldest;       /* column of the oldest sample */
    size_t offset;       /* bytes into the memory of all pasts */
};

/* Columns of a block of rows: of a layer's past, of the window that a layer reads, or of a
 * tensor of the graph. */
struct atrous__columns {
    enum { ATROUS__PAST, ATROUS__WINDOW, ATROUS__TENSOR } kind;
    size_t index; /* of the step, of nothing, of the tensor */
    size_t pitch, first;
};

/* How a chunk runs: on the CPU path or on a device. `width` is the chunk's length with the
 * zeros that extend it. */
struct atrous__stream_backend {
    size_t (*width)(const atrous_stream *stream, size_t length);
    atrous_status (*begin)(atrous_stream *stream, size_t length, const float *input, float *output,
                           atrous_error *error);
    atrous_status (*move)(atrous_stream *stream, struct atrous__columns to,
                          struct atrous__columns from, size_t rows, size_t columns,
                          atrous_error *error);
    atrous_status (*compute)(atrous_stream *stream, size_t step, size_t width, atrous_error *error);
    atrous_status (*end)(atrous_stream *stream, size_t length, float *output, atrous_error *error);
    atrous_status (*reset)(atrous_stream *stream, atrous_error *error);
    void (*close)(atrous_stream *stream);
};

struct atrous_stream {
    atrous_context *context;
    struct atrous__graph graph; /* for the longest chunk */
    struct atrous__past *pasts; /* one a step */
    size_t max_chunk;
    size_t past_bytes;   /* of all steps */
    size_t window_bytes; /* of the step with the widest window */
    const struct atrous__stream_backend *backend;
    void *memory; /* the backend's */
    bool is_on_cpu;
};

/* The problem of a step over a chunk of `width`: a valid convolution whose input is, tap by
 * tap, the past and the chunk. */
atrous_conv atrous__stream_conv(const atrous_stream *stream, size_t step, size_t width);

/* Makes every layer causal and sizes its past; refuses what is not. */
atrous_status atrous__stream_resolve(atrous_stream *stream, const atrous_layer *layers,
                                     size_t count, const atrous_shape *chunk, atrous_error *error);

/* Runs the layers over a chunk whose input is in place. */
atrous_status atrous__stream_advance(atrous_stream *stream, size_t length, atrous_error *error);

/* Opens the CPU path. The backend is the stream's from here on, also after a failure. */
atrous_status atrous__stream_open_cpu(atrous_stream *stream, const atrous_layer *layers,
                                      const atrous_layer_weights *weights, atrous_error *error);

/* Opens a device. *fell_back: a plan fell to the CPU path, so the stream is to be opened there.
 * Answered by host/plan/opencl/, or by host/plan/without/ in a build without OpenCL. */
atrous_status atrous__stream_open_device(atrous_stream *stream, const atrous_layer *layers,
                                         const atrous_layer_weights *weights, bool *fell_back,
                                         atrous_error *error);

#endif
