/* Streams on a device: one chunk after another on the context's own queue, which is in order. */
#include "plan/opencl/stack_stream.h"

#include <stdlib.h>
#include <string.h>

static cl_command_queue queue_of(const atrous_stream *stream)
{
    return stream->context->env->queue;
}

/* The narrowest level that holds a chunk. */
static const struct atrous__level *level_for(const struct atrous__stream_device *device,
                                             size_t length)
{
    size_t i = device->level_count - 1;
    while (device->levels[i].width < length)
        --i;
    return &device->levels[i];
}

static size_t width(const atrous_stream *stream, size_t length)
{
    return level_for(stream->memory, length)->width;
}

/* `length` of `pitch` columns of each row, between a plain host array and a buffer. */
static atrous_status write_rows(const atrous_stream *stream, cl_mem mem, size_t rows, size_t length,
                                size_t pitch, const float *from, atrous_error *error)
{
    const size_t zero[3] = {0, 0, 0}, region[3] = {length * sizeof(float), rows, 1};
    const cl_float nothing = 0;
    atrous_status status = ATROUS_OK;
    if (length < pitch)
        ATROUS__TRY_CL(clEnqueueFillBuffer(queue_of(stream), mem, &nothing, sizeof nothing, 0,
                                           rows * pitch * sizeof(float), 0, NULL, NULL));
    ATROUS__TRY_CL(clEnqueueWriteBufferRect(queue_of(stream), mem, CL_TRUE, zero, zero, region,
                                            pitch * sizeof(float), 0, length * sizeof(float), 0,
                                            from, 0, NULL, NULL));

done:
    return status;
}

static size_t rows_of(const struct atrous__tensor *tensor)
{
    return tensor->shape.batch * tensor->shape.channels;
}

static atrous_status begin(atrous_stream *stream, size_t length, const float *input, float *output,
                           atrous_error *error)
{
    struct atrous__stream_device *device = stream->memory;
    (void)output;
    device->level = level_for(device, length);
    return write_rows(stream, device->input, rows_of(&stream->graph.tensors[0]), length,
                      device->level->width, input, error);
}

static struct atrous__place tensor_place(const atrous_stream *stream, size_t tensor)
{
    const struct atrous__stream_device *device = stream->memory;
    const struct atrous__storage *storage =
        &stream->graph.storages[stream->graph.tensors[tensor].storage];
    if (storage->home == ATROUS__AT_INPUT)
        return (struct atrous__place){device->input, 0};
    if (storage->home == ATROUS__AT_OUTPUT)
        return (struct atrous__place){device->output, 0};
    return (struct atrous__place){device->workspace, storage->offset};
}

static struct atrous__place block(const atrous_stream *stream,
                                  const struct atrous__columns *columns)
{
    const struct atrous__stream_device *device = stream->memory;
    switch (columns->kind) {
    case ATROUS__PAST:
        return (struct atrous__place){device->pasts, stream->pasts[columns->index].offset};
    case ATROUS__WINDOW:
        return (struct atrous__place){device->window, 0};
    case ATROUS__TENSOR:
        break;
    }
    return tensor_place(stream, columns->index);
}

static atrous_status move(atrous_stream *stream, struct atrous__columns to,
                          struct atrous__columns from, size_t rows, size_t columns,
                          atrous_error *error)
{
    const struct atrous__place source = block(stream, &from), target = block(stream, &to);
    const size_t from_origin[3] = {source.offset + from.first * sizeof(float), 0, 0};
    const size_t to_origin[3] = {target.offset + to.first * sizeof(float), 0, 0};
    const size_t region[3] = {columns * sizeof(float), rows, 1};
    const cl_int code = clEnqueueCopyBufferRect(
        queue_of(stream), source.mem, target.mem, from_origin, to_origin, region,
        from.pitch * sizeof(float), 0, to.pitch * sizeof(float), 0, 0, NULL, NULL);
    return code == CL_SUCCESS ? ATROUS_OK : atrous__fail_cl(error, code, "clEnqueueCopyBufferRect");
}

static atrous_status compute(atrous_stream *stream, size_t index, size_t chunk, atrous_error *error)
{
    const struct atrous__stream_device *device = stream->memory;
    const struct atrous__step *step = &stream->graph.steps[index];
    struct atrous__place places[ATROUS__SLOTS];
    struct atrous__job *job = device->level->plans[index]->job;
    (void)chunk;
    memset(places, 0, sizeof places);
    places[ATROUS__INPUT] = stream->pasts[index].length > 0
                                ? (struct atrous__place){device->window, 0}
                                : tensor_place(stream, step->source);
    places[ATROUS__OUTPUT] = tensor_place(stream, step->target);
    places[ATROUS__WEIGHTS] = (struct atrous__place){device->packed, device->level->weights[index]};
    if (step->conv.has_bias)
        places[ATROUS__BIAS] = (struct atrous__place){device->packed, device->biases[index]};
    if (step->residual != ATROUS__NO_TENSOR)
        places[ATROUS__RESIDUAL] = tensor_place(stream, step->residual);
    if (step->scratch_bytes > 0)
        places[ATROUS__WORKSPACE] = (struct atrous__place){device->workspace, step->scratch_offset};
    return atrous__chain_enqueue(job->launch, job->launch_count, queue_of(stream), places, 0, NULL,
                                 NULL, error);
}

static atrous_status end(atrous_stream *stream, size_t length, float *output, atrous_error *error)
{
    const struct atrous__stream_device *device = stream->memory;
    const struct atrous__tensor *tensor = &stream->graph.tensors[stream->graph.outputs[0]];
    const size_t zero[3] = {0, 0, 0}, region[3] = {length * sizeof(float), rows_of(tensor), 1};
    const cl_int code = clEnqueueReadBufferRect(
        queue_of(stream), device->output, CL_TRUE, zero, zero, region,
        device->level->width * sizeof(float), 0, length * sizeof(float), 0, output, 0, NULL, NULL);
    return code == CL_SUCCESS ? ATROUS_OK : atrous__fail_cl(error, code, "clEnqueueReadBufferRect");
}

static atrous_status reset(atrous_stream *stream, atrous_error *error)
{
    const struct atrous__stream_device *device = stream->memory;
    const cl_float nothing = 0;
    atrous_status status = ATROUS_OK;
    if (stream->past_bytes > 0)
        ATROUS__TRY_CL(clEnqueueFillBuffer(queue_of(stream), device->pasts, &nothing,
                                           sizeof nothing, 0, stream->past_bytes, 0, NULL, NULL));
    ATROUS__TRY_CL(clFinish(queue_of(stream)));

done:
    return status;
}

static void release(cl_mem mem)
{
    if (mem != NULL)
        clReleaseMemObject(mem);
}

static void close(atrous_stream *stream)
{
    struct atrous__stream_device *device = stream->memory;
    if (device == NULL)
        return;
    for (size_t l = 0; l < device->level_count; ++l) {
        struct atrous__level *level = &device->levels[l];
        for (size_t i = 0; level->plans != NULL && i < stream->graph.step_count; ++i)
            atrous_plan_destroy(level->plans[i]);
        free(level->plans);
        free(level->weights);
    }
    free(device->biases);
    release(device->input);
    release(device->output);
    release(device->workspace);
    release(device->packed);
    release(device->pasts);
    release(device->window);
    free(device);
    stream->memory = NULL;
}

const struct atrous__stream_backend atrous__stream_on_device = {.width = width,
                                                                .begin = begin,
                                                                .move = move,
                                                                .compute = compute,
                                                                .end = end,
                                                                .reset = reset,
                                                                .close = close};
