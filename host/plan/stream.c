/* Streams: causal stacks fed in chunks; what the public calls enter. */
#include "plan/stream.h"

#include <stdlib.h>
#include <string.h>

static atrous_status check_weights(const struct atrous__graph *graph,
                                   const atrous_layer_weights *weights, atrous_error *error)
{
    for (size_t i = 0; i < graph->step_count; ++i) {
        const bool lacks_bias = graph->steps[i].conv.has_bias && weights[i].bias == NULL;
        if (lacks_bias || weights[i].weights == NULL)
            return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "weights",
                                "layer %zu: its %s are NULL", i, lacks_bias ? "biases" : "weights");
    }
    return ATROUS_OK;
}

static atrous_status make(atrous_stream *stream, const atrous_layer *layers, size_t count,
                          const atrous_shape *chunk, const atrous_layer_weights *weights,
                          atrous_error *error)
{
    bool fell_back = false;
    atrous_status status = atrous__stream_resolve(stream, layers, count, chunk, error);
    if (status == ATROUS_OK && weights == NULL)
        status = atrous__fail(error, ATROUS_INVALID_ARGUMENT, "weights", "is NULL");
    if (status == ATROUS_OK)
        status = check_weights(&stream->graph, weights, error);
    if (status != ATROUS_OK)
        return status;
    if (stream->context->env != NULL) {
        status = atrous__stream_open_device(stream, layers, weights, &fell_back, error);
        if (fell_back) {
            stream->backend->close(stream);
            stream->backend = NULL;
        }
    }
    if (stream->context->env == NULL || fell_back)
        status = atrous__stream_open_cpu(stream, layers, weights, error);
    return status == ATROUS_OK ? stream->backend->reset(stream, error) : status;
}

atrous_status atrous_stream_create(atrous_context *context, const atrous_layer *layers,
                                   size_t count, const atrous_shape *chunk,
                                   const atrous_layer_weights *weights, atrous_stream **out,
                                   atrous_error *error)
{
    atrous__clear(error);
    if (out == NULL)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "stream", "is NULL");
    *out = NULL;
    if (context == NULL)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "context", "is NULL");
    atrous_stream *stream = calloc(1, sizeof *stream);
    if (stream == NULL)
        return atrous__fail(error, ATROUS_OUT_OF_HOST_MEMORY, "", "a stream");
    stream->context = context;
    atrous__context_hold(context);
    const atrous_status status = make(stream, layers, count, chunk, weights, error);
    if (status != ATROUS_OK) {
        atrous_stream_destroy(stream);
        return status;
    }
    *out = stream;
    return ATROUS_OK;
}

void atrous_stream_destroy(atrous_stream *stream)
{
    if (stream == NULL)
        return;
    if (stream->backend != NULL)
        stream->backend->close(stream);
    free(stream->pasts);
    atrous__graph_free(&stream->graph);
    atrous_context_destroy(stream->context);
    free(stream);
}

/* What a chunk gives out: the last layer's tensor. */
static const struct atrous__tensor *output_of(const atrous_stream *stream)
{
    return &stream->graph.tensors[stream->graph.outputs[0]];
}

atrous_status atrous_stream_query(const atrous_stream *stream, atrous_stream_info *info,
                                  atrous_error *error)
{
    atrous__clear(error);
    if (stream == NULL || info == NULL)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, stream == NULL ? "stream" : "info",
                            "is NULL");
    if (info->struct_size != sizeof *info)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "info.struct_size",
                            "is %zu, must be %zu", info->struct_size, sizeof *info);
    atrous_stream_info told = {.struct_size = sizeof told,
                               .max_chunk = stream->max_chunk,
                               .in_channels = stream->graph.tensors[0].shape.channels,
                               .out_channels = output_of(stream)->shape.channels,
                               .on_cpu_path = stream->is_on_cpu};
    for (size_t i = 0; i < stream->graph.step_count; ++i)
        told.state_bytes += stream->pasts[i].rows * stream->pasts[i].length * sizeof(float);
    *info = told;
    return ATROUS_OK;
}

atrous_status atrous_stream_push(atrous_stream *stream, size_t length, const float *input,
                                 float *output, atrous_error *error)
{
    atrous__clear(error);
    if (stream == NULL || input == NULL || output == NULL)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT,
                            stream == NULL  ? "stream"
                            : input == NULL ? "input"
                                            : "output",
                            "is NULL");
    if (length == 0 || length > stream->max_chunk)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "length", "is %zu, must be 1 to %zu",
                            length, stream->max_chunk);
    const struct atrous__tensor *from = &stream->graph.tensors[0], *to = output_of(stream);
    if (atrous__overlap(input, from->bytes / stream->max_chunk * length, output,
                        to->bytes / stream->max_chunk * length))
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "output", "overlaps input");
    atrous_status status = stream->backend->begin(stream, length, input, output, error);
    if (status == ATROUS_OK)
        status = atrous__stream_advance(stream, length, error);
    return status == ATROUS_OK ? stream->backend->end(stream, length, output, error) : status;
}

atrous_status atrous_stream_reset(atrous_stream *stream, atrous_error *error)
{
    atrous__clear(error);
    if (stream == NULL)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "stream", "is NULL");
    return stream->backend->reset(stream, error);
}
