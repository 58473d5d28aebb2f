/* Streams on the CPU path: each chunk is a problem of its own length. */
#include "plan/stream.h"

#include <stdlib.h>
#include <string.h>

struct memory {
    atrous_layer_weights *weights; /* one a layer, in `parameters` */
    float *parameters;
    float *pasts, *window;
    char *workspace;
    /* Of the chunk at hand */
    const float *input;
    void *output;
};

static size_t width(const atrous_stream *stream, size_t length)
{
    (void)stream;
    return length;
}

static struct atrous__host host_of(const struct memory *memory)
{
    return (struct atrous__host){memory->input, &memory->output, memory->workspace};
}

static atrous_status begin(atrous_stream *stream, size_t length, const float *input, float *output,
                           atrous_error *error)
{
    struct memory *memory = stream->memory;
    (void)length, (void)error;
    memory->input = input;
    memory->output = output;
    return ATROUS_OK;
}

/* Where a block that is not the input begins. */
static float *block(atrous_stream *stream, const struct atrous__columns *columns)
{
    struct memory *memory = stream->memory;
    const struct atrous__host host = host_of(memory);
    switch (columns->kind) {
    case ATROUS__PAST:
        return memory->pasts + stream->pasts[columns->index].offset / sizeof(float);
    case ATROUS__WINDOW:
        return memory->window;
    case ATROUS__TENSOR:
        break;
    }
    return atrous__host_tensor(&stream->graph, &host, columns->index);
}

static atrous_status move(atrous_stream *stream, struct atrous__columns to,
                          struct atrous__columns from, size_t rows, size_t columns,
                          atrous_error *error)
{
    const struct memory *memory = stream->memory;
    const bool is_input = from.kind == ATROUS__TENSOR && from.index == 0;
    const float *source = (is_input ? memory->input : block(stream, &from)) + from.first;
    float *target = block(stream, &to) + to.first;
    (void)error;
    for (size_t row = 0; row < rows; ++row)
        memcpy(target + row * to.pitch, source + row * from.pitch, columns * sizeof *target);
    return ATROUS_OK;
}

static atrous_status compute(atrous_stream *stream, size_t step, size_t chunk, atrous_error *error)
{
    const struct memory *memory = stream->memory;
    const struct atrous__host host = host_of(memory);
    const atrous_conv conv = atrous__stream_conv(stream, step, chunk);
    struct atrous__problem problem;
    const atrous_status status = atrous__problem_init(&problem, &conv, error);
    if (status != ATROUS_OK)
        return status;
    atrous_arrays arrays = atrous__host_arrays(&stream->graph, &host, memory->weights, step);
    if (stream->pasts[step].length > 0)
        arrays.input = memory->window;
    return atrous__cpu_run(&problem, &arrays, stream->context->threads, error);
}

static atrous_status end(atrous_stream *stream, size_t length, float *output, atrous_error *error)
{
    (void)stream, (void)length, (void)output, (void)error;
    return ATROUS_OK;
}

static atrous_status reset(atrous_stream *stream, atrous_error *error)
{
    struct memory *memory = stream->memory;
    (void)error;
    memset(memory->pasts, 0, stream->past_bytes);
    return ATROUS_OK;
}

static void close(atrous_stream *stream)
{
    struct memory *memory = stream->memory;
    if (memory == NULL)
        return;
    free(memory->weights);
    free(memory->parameters);
    free(memory->pasts);
    free(memory->window);
    free(memory->workspace);
    free(memory);
    stream->memory = NULL;
}

static const struct atrous__stream_backend backend = {.width = width,
                                                      .begin = begin,
                                                      .move = move,
                                                      .compute = compute,
                                                      .end = end,
                                                      .reset = reset,
                                                      .close = close};

static size_t weights_count(const atrous_conv *conv)
{
    return conv->out_channels * (conv->in_channels / conv->groups) * conv->kernel[0];
}

static const float *copy(float **to, const void *from, size_t count)
{
    float *const copied = *to;
    memcpy(copied, from, count * sizeof *copied);
    *to += count;
    return copied;
}

static void copy_weights(const struct atrous__graph *graph, const atrous_layer_weights *weights,
                         struct memory *memory)
{
    float *to = memory->parameters;
    for (size_t i = 0; i < graph->step_count; ++i) {
        const atrous_conv *conv = &graph->steps[i].conv;
        memory->weights[i].weights = copy(&to, weights[i].weights, weights_count(conv));
        if (conv->has_bias)
            memory->weights[i].bias = copy(&to, weights[i].bias, conv->out_channels);
    }
}

/* The rules of a plan, of which the name of the solver is one. */
static atrous_status check_plans(const atrous_stream *stream, const atrous_layer *layers,
                                 atrous_error *error)
{
    for (size_t i = 0; stream->context->env == NULL && i < stream->graph.step_count; ++i) {
        const atrous_conv conv = atrous__stream_conv(stream, i, stream->max_chunk);
        atrous_plan *plan = NULL;
        atrous_error inner;
        const atrous_status status =
            atrous_plan_create(stream->context, &conv, &layers[i].plan, &plan, &inner);
        atrous_plan_destroy(plan);
        if (status != ATROUS_OK)
            return atrous__fail_layer(error, i, &inner);
    }
    return ATROUS_OK;
}

atrous_status atrous__stream_open_cpu(atrous_stream *stream, const atrous_layer *layers,
                                      const atrous_layer_weights *weights, atrous_error *error)
{
    struct atrous__graph *graph = &stream->graph;
    struct memory *memory = calloc(1, sizeof *memory);
    size_t parameters = 0;
    stream->backend = &backend;
    stream->memory = memory;
    stream->is_on_cpu = true;
    atrous_status status = check_plans(stream, layers, error);
    if (status == ATROUS_OK)
        status = atrous__graph_place(graph, error);
    if (status != ATROUS_OK)
        return status;
    for (size_t i = 0; i < graph->step_count; ++i)
        if (!atrous__add(parameters,
                         weights_count(&graph->steps[i].conv) + graph->steps[i].conv.out_channels,
                         &parameters) ||
            parameters > PTRDIFF_MAX / sizeof(float))
            return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "layers",
                                "the weights of all layers overflow");
    if (memory != NULL) {
        memory->weights = calloc(atrous__max(graph->step_count, 1), sizeof *memory->weights);
        memory->parameters = malloc(atrous__max(parameters, 1) * sizeof(float));
        memory->pasts = malloc(atrous__max(stream->past_bytes, 1));
        memory->window = malloc(atrous__max(stream->window_bytes, 1));
        memory->workspace = malloc(atrous__max(graph->activation_bytes, 1));
    }
    if (memory == NULL || memory->weights == NULL || memory->parameters == NULL ||
        memory->pasts == NULL || memory->window == NULL || memory->workspace == NULL)
        return atrous__fail(error, ATROUS_OUT_OF_HOST_MEMORY, "", "a stream of %zu layers",
                            graph->step_count);
    copy_weights(graph, weights, memory);
    return ATROUS_OK;
}
