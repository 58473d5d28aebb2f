/* Opens a stream on a device: plans for several lengths of chunk, buffers, packed weights. */
#include "plan/opencl/stack_stream.h"

#include <stdlib.h>

/* Plans every step for chunks of `width`. */
static atrous_status plan_level(atrous_stream *stream, struct atrous__level *level,
                                const atrous_layer *layers, bool *fell_back, atrous_error *error)
{
    struct atrous__graph *graph = &stream->graph;
    level->plans = calloc(graph->step_count, sizeof *level->plans);
    level->weights = calloc(graph->step_count, sizeof *level->weights);
    if (level->plans == NULL || level->weights == NULL)
        return atrous__fail(error, ATROUS_OUT_OF_HOST_MEMORY, "", "a stream");
    for (size_t i = 0; i < graph->step_count && !*fell_back; ++i) {
        const atrous_conv conv = atrous__stream_conv(stream, i, level->width);
        atrous_error inner;
        atrous_status status =
            atrous_plan_create(stream->context, &conv, &layers[i].plan, &level->plans[i], &inner);
        if (status == ATROUS_OK && level->plans[i]->parts != NULL)
            status = atrous__fail_parts(&inner);
        if (status != ATROUS_OK)
            return atrous__fail_layer(error, i, &inner);
        *fell_back = level->plans[i]->on_cpu;
        graph->steps[i].scratch_bytes =
            atrous__max(graph->steps[i].scratch_bytes, level->plans[i]->workspace_bytes);
    }
    return ATROUS_OK;
}

static atrous_status plan_levels(atrous_stream *stream, struct atrous__stream_device *device,
                                 const atrous_layer *layers, bool *fell_back, atrous_error *error)
{
    size_t width = stream->max_chunk;
    while (!*fell_back && device->level_count < ATROUS__MAX_LEVELS) {
        struct atrous__level *level = &device->levels[device->level_count++];
        level->width = width;
        const atrous_status status = plan_level(stream, level, layers, fell_back, error);
        if (status != ATROUS_OK || width == 1)
            return status;
        width = atrous__ceil_div(width, ATROUS__LEVEL_RATIO);
    }
    return ATROUS_OK;
}

/* A place for `bytes` more. False on overflow. */
static bool reserve(struct atrous__stream_device *device, size_t bytes, size_t *offset)
{
    size_t end;
    *offset = device->packed_bytes;
    if (!atrous__add(device->packed_bytes, bytes, &end) || end > PTRDIFF_MAX / 2)
        return false;
    device->packed_bytes = atrous__round_up(end, ATROUS__STACK_ALIGNMENT);
    return true;
}

/* The level before `level` whose plan of this step reads the same packed weights, or `level`. */
static size_t twin(const struct atrous__stream_device *device, size_t level, size_t step)
{
    for (size_t l = 0; l < level; ++l)
        if (device->levels[l].plans[step]->format == device->levels[level].plans[step]->format)
            return l;
    return level;
}

static atrous_status lay_out(const atrous_stream *stream, struct atrous__stream_device *device,
                             atrous_error *error)
{
    bool fits = true;
    device->biases = calloc(stream->graph.step_count, sizeof *device->biases);
    if (device->biases == NULL)
        return atrous__fail(error, ATROUS_OUT_OF_HOST_MEMORY, "", "a stream");
    for (size_t i = 0; i < stream->graph.step_count; ++i) {
        const atrous_conv *conv = &stream->graph.steps[i].conv;
        fits = fits && reserve(device, conv->out_channels * sizeof(float), &device->biases[i]);
        for (size_t l = 0; l < device->level_count && fits; ++l) {
            const size_t same = twin(device, l, i);
            if (same < l)
                device->levels[l].weights[i] = device->levels[same].weights[i];
            else
                fits = reserve(device, device->levels[l].plans[i]->packed_bytes,
                               &device->levels[l].weights[i]);
        }
    }
    return fits ? ATROUS_OK
                : atrous__fail(error, ATROUS_INVALID_ARGUMENT, "layers",
                               "the packed weights of all layers overflow");
}

static atrous_status make_buffers(const atrous_stream *stream, struct atrous__stream_device *device,
                                  atrous_error *error)
{
    const struct atrous__graph *graph = &stream->graph;
    const struct {
        const char *field;
        size_t bytes;
        cl_mem *mem;
    } buffers[] = {{"input", graph->tensors[0].bytes, &device->input},
                   {"output", graph->tensors[graph->outputs[0]].bytes, &device->output},
                   {"workspace", graph->workspace_bytes, &device->workspace},
                   {"packed weights", device->packed_bytes, &device->packed},
                   {"state", stream->past_bytes, &device->pasts},
                   {"window", stream->window_bytes, &device->window}};
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; ++i) {
        const atrous_status status = atrous__buffer_make(stream->context->env, buffers[i].field,
                                                         buffers[i].bytes, buffers[i].mem, error);
        if (status != ATROUS_OK)
            return status;
    }
    return ATROUS_OK;
}

/* Packs one step's weights for every level; they lie in `plain`. */
static atrous_status pack_step(const atrous_stream *stream, size_t step, cl_mem plain,
                               atrous_error *error)
{
    struct atrous__stream_device *device = stream->memory;
    struct atrous__chain chain = {.queue = stream->context->env->queue};
    atrous_status status = ATROUS_OK;
    for (size_t l = 0; l < device->level_count && status == ATROUS_OK; ++l)
        if (twin(device, l, step) == l)
            status = atrous__chain_pack(
                &chain, device->levels[l].plans[step], (struct atrous__place){plain, 0},
                (struct atrous__place){device->packed, device->levels[l].weights[step]}, error);
    atrous__chain_end(&chain, status, NULL);
    return status;
}

static atrous_status pack(const atrous_stream *stream, const atrous_layer_weights *weights,
                          atrous_error *error)
{
    const struct atrous__stream_device *device = stream->memory;
    struct atrous__env *env = stream->context->env;
    atrous_status status = ATROUS_OK;
    cl_mem plain = NULL;
    size_t largest = 0;

    for (size_t i = 0; i < stream->graph.step_count; ++i)
        largest = atrous__max(largest, device->levels[0].plans[i]->problem.weights_count);
    ATROUS__TRY(atrous__buffer_make(env, "weights", largest * sizeof(float), &plain, error));
    for (size_t i = 0; i < stream->graph.step_count; ++i) {
        const struct atrous__problem *problem = &device->levels[0].plans[i]->problem;
        ATROUS__TRY_CL(clEnqueueWriteBuffer(env->queue, plain, CL_FALSE, 0,
                                            problem->weights_count * sizeof(float),
                                            weights[i].weights, 0, NULL, NULL));
        ATROUS__TRY(pack_step(stream, i, plain, error));
        if (problem->conv.has_bias)
            ATROUS__TRY_CL(clEnqueueWriteBuffer(
                env->queue, device->packed, CL_FALSE, device->biases[i],
                problem->conv.out_channels * sizeof(float), weights[i].bias, 0, NULL, NULL));
    }

done:
    /* The caller's weights are read until here. */
    if (clFinish(env->queue) != CL_SUCCESS && status == ATROUS_OK)
        status = atrous__fail(error, ATROUS_OPENCL_ERROR, "weights", "could not be packed");
    if (plain != NULL)
        clReleaseMemObject(plain);
    return status;
}

atrous_status atrous__stream_open_device(atrous_stream *stream, const atrous_layer *layers,
                                         const atrous_layer_weights *weights, bool *fell_back,
                                         atrous_error *error)
{
    struct atrous__stream_device *device = calloc(1, sizeof *device);
    atrous_status status = ATROUS_OK;
    *fell_back = false;
    stream->backend = &atrous__stream_on_device;
    stream->memory = device;
    if (device == NULL)
        return atrous__fail(error, ATROUS_OUT_OF_HOST_MEMORY, "", "a stream");
    ATROUS__TRY(plan_levels(stream, device, layers, fell_back, error));
    if (*fell_back)
        goto done;
    ATROUS__TRY(lay_out(stream, device, error));
    ATROUS__TRY(atrous__graph_place(&stream->graph, error));
    ATROUS__TRY(make_buffers(stream, device, error));
    ATROUS__TRY(pack(stream, weights, error));

done:
    return status;
}
