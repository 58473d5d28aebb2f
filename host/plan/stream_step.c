/* One chunk through the layers: what each reads is gathered tap by tap, then remembered. */
#include "plan/stream.h"

#include <stdlib.h>

static atrous_status refuse(atrous_error *error, size_t layer, const char *field, size_t value,
                            size_t must)
{
    atrous_error inner;
    atrous__fail(&inner, ATROUS_INVALID_ARGUMENT, field,
                 "is %zu, must be %zu: a stream takes causal layers", value, must);
    return atrous__fail_layer(error, layer, &inner);
}

static atrous_status check_causal(const atrous_conv *conv, size_t layer, atrous_error *error)
{
    const struct {
        const char *field;
        size_t value, must;
    } rules[] = {{"direction", (size_t)conv->direction, ATROUS_FORWARD},
                 {"stride[0]", conv->stride[0], 1},
                 {"padding", (size_t)conv->padding, ATROUS_PADDING_ZEROS},
                 {"pad_begin[0]", conv->pad_begin[0], (conv->kernel[0] - 1) * conv->dilation[0]},
                 {"pad_end[0]", conv->pad_end[0], 0},
                 {"input_layout", (size_t)conv->input_layout, ATROUS_LAYOUT_NCHW},
                 {"output_layout", (size_t)conv->output_layout, ATROUS_LAYOUT_NCHW}};
    for (size_t i = 0; i < sizeof rules / sizeof *rules; ++i)
        if (rules[i].value != rules[i].must)
            return refuse(error, layer, rules[i].field, rules[i].value, rules[i].must);
    return ATROUS_OK;
}

atrous_conv atrous__stream_conv(const atrous_stream *stream, size_t step, size_t width)
{
    atrous_conv conv = stream->graph.steps[step].conv;
    /* Taps further apart than the chunk is long read pieces of the past: laid end to end, they
     * are as far apart as the chunk is long. */
    conv.dilation[0] = conv.kernel[0] == 1 ? 1 : atrous__min(conv.dilation[0], width);
    conv.input[0] = (conv.kernel[0] - 1) * conv.dilation[0] + width;
    conv.pad_begin[0] = 0;
    return conv;
}

static atrous_status size_past(atrous_stream *stream, size_t index, atrous_error *error)
{
    const struct atrous__step *step = &stream->graph.steps[index];
    const struct atrous__tensor *source = &stream->graph.tensors[step->source];
    const atrous_conv window = atrous__stream_conv(stream, index, stream->max_chunk);
    struct atrous__past *past = &stream->pasts[index];
    atrous_error inner;
    size_t bytes;

    const atrous_status status = atrous_conv_output(&window, NULL, &inner);
    if (status != ATROUS_OK)
        return atrous__fail_layer(error, index, &inner);
    past->rows = source->shape.batch * source->shape.channels;
    past->length = step->conv.pad_begin[0];
    past->offset = stream->past_bytes;
    if (!atrous__mul(past->rows * sizeof(float), past->length, &bytes) ||
        !atrous__add(stream->past_bytes, bytes, &stream->past_bytes) ||
        stream->past_bytes > PTRDIFF_MAX / 2)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "layers",
                            "%zu samples to remember in layer %zu overflow", past->length, index);
    if (past->length > 0)
        stream->window_bytes =
            atrous__max(stream->window_bytes, past->rows * window.input[0] * sizeof(float));
    return ATROUS_OK;
}

atrous_status atrous__stream_resolve(atrous_stream *stream, const atrous_layer *layers,
                                     size_t count, const atrous_shape *chunk, atrous_error *error)
{
    if (chunk != NULL && chunk->struct_size == sizeof *chunk && chunk->rank != 1)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "chunk.rank", "is %d, must be 1",
                            chunk->rank);
    atrous_status status = atrous__graph_make(&stream->graph, layers, count, chunk, NULL, error);
    for (size_t i = 0; i < count && status == ATROUS_OK; ++i)
        status = check_causal(&stream->graph.steps[i].conv, i, error);
    if (status != ATROUS_OK)
        return status;
    stream->max_chunk = chunk->extents[0];
    stream->pasts = calloc(atrous__max(count, 1), sizeof *stream->pasts);
    if (stream->pasts == NULL)
        return atrous__fail(error, ATROUS_OUT_OF_HOST_MEMORY, "", "a stream");
    atrous__graph_assign(&stream->graph);
    for (size_t i = 0; i < count && status == ATROUS_OK; ++i)
        status = size_past(stream, i, error);
    return status;
}

/* Moves `count` columns between a ring, from column `at` on, and the columns of `other`. */
static atrous_status move_ring(atrous_stream *stream, size_t step, size_t at,
                               struct atrous__columns other, size_t count, bool is_read,
                               atrous_error *error)
{
    const struct atrous__past *past = &stream->pasts[step];
    while (count > 0) {
        const size_t part = atrous__min(count, past->length - at);
        const struct atrous__columns ring = {ATROUS__PAST, step, past->length, at};
        const atrous_status status = stream->backend->move(
            stream, is_read ? other : ring, is_read ? ring : other, past->rows, part, error);
        if (status != ATROUS_OK)
            return status;
        at = 0;
        other.first += part;
        count -= part;
    }
    return ATROUS_OK;
}

/* Fills the window of a step: for every tap but the last a piece of the past, then the chunk. */
static atrous_status gather(atrous_stream *stream, size_t index, size_t width, atrous_error *error)
{
    const struct atrous__past *past = &stream->pasts[index];
    const atrous_conv *conv = &stream->graph.steps[index].conv;
    const atrous_conv window = atrous__stream_conv(stream, index, width);
    const size_t reach = window.input[0] - width; /* columns before the chunk */
    struct atrous__columns to = {ATROUS__WINDOW, 0, window.input[0], 0};
    /* Neighbouring pieces that touch are one. */
    const bool apart = width < conv->dilation[0];
    const size_t piece = apart ? width : past->length;

    for (size_t tap = 0; to.first < reach; ++tap) {
        const size_t at = (past->oldest + tap * conv->dilation[0]) % past->length;
        const atrous_status status = move_ring(stream, index, at, to, piece, true, error);
        if (status != ATROUS_OK)
            return status;
        to.first += piece;
    }
    const struct atrous__columns chunk = {ATROUS__TENSOR, stream->graph.steps[index].source, width,
                                          0};
    return stream->backend->move(stream, to, chunk, past->rows, width, error);
}

/* Takes the newest samples of the chunk into the past, over the oldest. */
static atrous_status remember(atrous_stream *stream, size_t index, size_t length, size_t width,
                              atrous_error *error)
{
    struct atrous__past *past = &stream->pasts[index];
    const size_t count = atrous__min(length, past->length);
    const struct atrous__columns chunk = {ATROUS__TENSOR, stream->graph.steps[index].source, width,
                                          length - count};
    const size_t at = past->oldest;
    past->oldest = (past->oldest + count) % past->length;
    return move_ring(stream, index, at, chunk, count, false, error);
}

atrous_status atrous__stream_advance(atrous_stream *stream, size_t length, atrous_error *error)
{
    const size_t width = stream->backend->width(stream, length);
    atrous_status status = ATROUS_OK;
    for (size_t i = 0; i < stream->graph.step_count && status == ATROUS_OK; ++i) {
        const bool has_past = stream->pasts[i].length > 0;
        atrous_error inner;
        if (has_past)
            status = gather(stream, i, width, &inner);
        if (status == ATROUS_OK && has_past)
            status = remember(stream, i, length, width, &inner);
        if (status == ATROUS_OK)
            status = stream->backend->compute(stream, i, width, &inner);
        if (status != ATROUS_OK)
            atrous__fail_layer(error, i, &inner);
    }
    return status;
}
