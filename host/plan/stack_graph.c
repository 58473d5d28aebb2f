/* From layers as users write them to steps between tensors. */
#include "plan/stack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The state of a walk through the layers. */
struct walk {
    struct atrous__graph *graph;
    const atrous_layer *layer;
    size_t index;
    size_t previous; /* tensor */
    atrous_error *error;
};

/* A layer's own refusals; `field` is a member of atrous_layer. */
static atrous_status refuse(const struct walk *walk, const char *field, const char *rule)
{
    char name[48];
    snprintf(name, sizeof name, "layers[%zu].%s", walk->index, field);
    return atrous__fail(walk->error, ATROUS_INVALID_ARGUMENT, name, "%s", rule);
}

static atrous_status refuse_number(const struct walk *walk, const char *field, size_t value,
                                   const char *rule, size_t limit)
{
    char text[160];
    snprintf(text, sizeof text, "is %zu, %s %zu", value, rule, limit);
    return refuse(walk, field, text);
}

/* The tensor that `source` names; `field` is where it stands. */
static atrous_status resolve(const struct walk *walk, const atrous_source *source,
                             const char *field, size_t *tensor)
{
    const struct atrous__graph *graph = walk->graph;
    switch (source->kind) {
    case ATROUS_FROM_PREVIOUS:
        *tensor = walk->previous;
        return ATROUS_OK;
    case ATROUS_FROM_INPUT:
        *tensor = 0;
        return ATROUS_OK;
    case ATROUS_FROM_LAYER:
        if (source->index >= walk->index)
            return refuse_number(walk, field, source->index, "must be a layer before", walk->index);
        *tensor = graph->steps[source->index].target;
        for (size_t s = 0; s < graph->step_count; ++s)
            if (graph->sums[s] == *tensor)
                return refuse_number(walk, field, source->index,
                                     "must not be a layer that adds to a sum; it adds to", s);
        return ATROUS_OK;
    case ATROUS_FROM_SUM:
        if (source->index >= graph->step_count || graph->sums[source->index] == ATROUS__NO_TENSOR)
            return refuse_number(walk, field, source->index,
                                 "must be a sum that a layer before adds to; this is layer",
                                 walk->index);
        *tensor = graph->sums[source->index];
        return ATROUS_OK;
    }
    return refuse_number(walk, field, (size_t)source->kind, "must be a kind of 0 to",
                         ATROUS_FROM_SUM);
}

/* Sets a field that is 0 from the source; what is set must agree. */
static atrous_status derive(const struct walk *walk, const char *field, size_t given, size_t source)
{
    if (given != 0 && given != source)
        return refuse_number(walk, field, given, "must be 0 or what the source has,", source);
    return ATROUS_OK;
}

static atrous_status derive_input(const struct walk *walk, const atrous_shape *from,
                                  atrous_conv *conv)
{
    static const char *const inputs[] = {"input[0]", "input[1]", "input[2]"};
    if (conv->struct_size != sizeof *conv)
        return refuse_number(walk, "conv.struct_size", conv->struct_size, "must be", sizeof *conv);
    if (conv->rank != from->rank)
        return refuse_number(walk, "rank", (size_t)conv->rank, "must be that of the stack's input,",
                             (size_t)from->rank);
    if (conv->type != from->type)
        return refuse_number(walk, "type", (size_t)conv->type, "must be that of the source,",
                             (size_t)from->type);
    if (conv->input_layout != from->layout)
        return refuse_number(walk, "input_layout", (size_t)conv->input_layout,
                             "must be that of the source,", (size_t)from->layout);
    if (conv->direction != ATROUS_FORWARD && conv->direction != ATROUS_TRANSPOSED)
        return refuse(walk, "direction", "must be forward or transposed");
    if (conv->beta < 0.0 || conv->beta > 0.0)
        return refuse(walk, "beta", "must be 0: use sum to accumulate");
    atrous_status status = derive(walk, "batch", conv->batch, from->batch);
    if (status == ATROUS_OK)
        status = derive(walk, "in_channels", conv->in_channels, from->channels);
    for (int i = 0; i < from->rank && status == ATROUS_OK; ++i)
        status = derive(walk, inputs[i], conv->input[i], from->extents[i]);
    conv->batch = from->batch;
    conv->in_channels = from->channels;
    memcpy(conv->input, from->extents, sizeof conv->input);
    return status;
}

static size_t bytes_of(const atrous_shape *shape)
{
    static const size_t sizes[] = {
        [ATROUS_TYPE_F32] = 4, [ATROUS_TYPE_F16] = 2, [ATROUS_TYPE_BF16] = 2, [ATROUS_TYPE_I8] = 1};
    size_t bytes = sizes[shape->type] * shape->batch * shape->channels;
    for (int i = 0; i < shape->rank; ++i)
        bytes *= shape->extents[i];
    return bytes;
}

/* Completes the convolution and tells the shape of its output. */
static atrous_status complete(const struct walk *walk, const atrous_shape *from, atrous_conv *conv,
                              atrous_shape *to)
{
    atrous_error inner;
    atrous_status status = derive_input(walk, from, conv);
    if (status != ATROUS_OK)
        return status;
    if (walk->layer->has_pad_rule != 0)
        status = atrous_conv_pad(conv, walk->layer->pad_rule, &inner);
    *to = *from;
    if (status == ATROUS_OK)
        status = atrous_conv_output(conv, to->extents, &inner);
    if (status == ATROUS_OK && conv->type != ATROUS_TYPE_F32)
        status = atrous__fail(&inner, ATROUS_UNSUPPORTED, "type", "is %d, a stack's layers are f32",
                              (int)conv->type);
    if (status == ATROUS_OK && conv->channel_scale)
        status = atrous__fail(&inner, ATROUS_UNSUPPORTED, "channel_scale",
                              "is 1, a stack has no scales");
    if (status != ATROUS_OK)
        return atrous__fail_layer(walk->error, walk->index, &inner);
    to->channels =
        conv->activation == ATROUS_ACTIVATION_GATED ? conv->out_channels / 2 : conv->out_channels;
    to->layout = conv->output_layout;
    return ATROUS_OK;
}

static atrous_status match(const struct walk *walk, const char *field, const atrous_shape *is,
                           const atrous_shape *must)
{
    if (is->batch != must->batch)
        return refuse_number(walk, field, is->batch, "images, must be", must->batch);
    if (is->channels != must->channels)
        return refuse_number(walk, field, is->channels, "channels, must be", must->channels);
    for (int i = 0; i < must->rank; ++i)
        if (is->extents[i] != must->extents[i])
            return refuse_number(walk, field, is->extents[i], "along an axis, must be",
                                 must->extents[i]);
    if (is->layout != must->layout)
        return refuse(walk, field, "is of another layout");
    return ATROUS_OK;
}

static size_t add_tensor(struct atrous__graph *graph, const atrous_shape *shape, size_t maker)
{
    struct atrous__tensor *tensor = &graph->tensors[graph->tensor_count];
    *tensor = (struct atrous__tensor){
        .shape = *shape, .bytes = bytes_of(shape), .maker = maker, .last_use = maker};
    return graph->tensor_count++;
}

static void use(struct atrous__graph *graph, size_t tensor, size_t step)
{
    graph->tensors[tensor].is_read = true;
    graph->tensors[tensor].last_use = step;
}

/* A new tensor, or the sum that the layer adds to. */
static atrous_status find_target(struct walk *walk, struct atrous__step *step,
                                 const atrous_shape *shape)
{
    struct atrous__graph *graph = walk->graph;
    const int sum = walk->layer->sum;
    if (sum < -1 || (sum >= 0 && (size_t)sum >= graph->step_count))
        return refuse(walk, "sum", "must be -1 or less than the number of layers");
    if (sum < 0 || graph->sums[sum] == ATROUS__NO_TENSOR) {
        step->target = add_tensor(graph, shape, walk->index);
        if (sum < 0)
            walk->previous = step->target;
        else
            graph->sums[sum] = step->target;
        return ATROUS_OK;
    }
    const size_t target = graph->sums[sum];
    if (target == step->source || target == step->residual)
        return refuse(walk, "sum", "must not be what the layer reads");
    step->target = target;
    step->conv.beta = 1.0;
    graph->tensors[target].last_use = walk->index;
    return match(walk, "sum", shape, &graph->tensors[target].shape);
}

static atrous_status add_step(struct walk *walk)
{
    struct atrous__graph *graph = walk->graph;
    struct atrous__step *step = &graph->steps[walk->index];
    atrous_shape shape;
    if (walk->layer->struct_size != sizeof *walk->layer)
        return refuse_number(walk, "struct_size", walk->layer->struct_size,
                             "call atrous_layer_init(): must be", sizeof *walk->layer);
    step->conv = walk->layer->conv;
    step->residual = ATROUS__NO_TENSOR;
    atrous_status status = resolve(walk, &walk->layer->source, "source", &step->source);
    if (status == ATROUS_OK)
        status = complete(walk, &graph->tensors[step->source].shape, &step->conv, &shape);
    if (status == ATROUS_OK && step->conv.residual != ATROUS_RESIDUAL_NONE) {
        status = resolve(walk, &walk->layer->residual, "residual", &step->residual);
        if (status == ATROUS_OK)
            status = match(walk, "residual", &graph->tensors[step->residual].shape, &shape);
    }
    if (status == ATROUS_OK)
        status = find_target(walk, step, &shape);
    if (status != ATROUS_OK)
        return status;
    use(graph, step->source, walk->index);
    if (step->residual != ATROUS__NO_TENSOR)
        use(graph, step->residual, walk->index);
    return ATROUS_OK;
}

static atrous_status check_input(const atrous_shape *input, atrous_error *error)
{
    if (input == NULL)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "input", "is NULL");
    if (input->struct_size != sizeof *input)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "input.struct_size",
                            "is %zu, must be %zu: call atrous_shape_init()", input->struct_size,
                            sizeof *input);
    if (input->rank < 1 || input->rank > ATROUS_MAX_RANK)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "input.rank",
                            "is %d, must be 1, 2 or 3", input->rank);
    if ((int)input->layout < 0 || input->layout > ATROUS_LAYOUT_NHWC)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "input.layout", "is %d, must be 0 or 1",
                            (int)input->layout);
    if ((int)input->type < 0 || input->type > ATROUS_TYPE_I8)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "input.type", "is %d, must be 0 to %d",
                            (int)input->type, ATROUS_TYPE_I8);
    return ATROUS_OK;
}

static atrous_status allocate(struct atrous__graph *graph, size_t count, size_t outputs,
                              atrous_error *error)
{
    graph->step_count = count;
    graph->steps = calloc(count, sizeof *graph->steps);
    graph->tensors = calloc(count + 1, sizeof *graph->tensors);
    graph->storages = calloc(count + 1, sizeof *graph->storages);
    graph->outputs = calloc(outputs, sizeof *graph->outputs);
    graph->sums = calloc(count, sizeof *graph->sums);
    if (graph->steps == NULL || graph->tensors == NULL || graph->storages == NULL ||
        graph->outputs == NULL || graph->sums == NULL)
        return atrous__fail(error, ATROUS_OUT_OF_HOST_MEMORY, "", "a stack of %zu layers", count);
    for (size_t s = 0; s < count; ++s)
        graph->sums[s] = ATROUS__NO_TENSOR;
    return ATROUS_OK;
}

/* What the stack gives out, each a tensor that a layer made, each once. */
static atrous_status find_outputs(struct walk *walk, const atrous_stack_options *options)
{
    struct atrous__graph *graph = walk->graph;
    const size_t count = options != NULL && options->outputs != NULL ? options->output_count : 0;
    if (count == 0) {
        graph->outputs[graph->output_count++] = graph->steps[graph->step_count - 1].target;
        graph->tensors[graph->outputs[0]].is_read = true;
        return ATROUS_OK;
    }
    char field[48];
    for (size_t i = 0; i < count; ++i) {
        atrous_error inner;
        size_t tensor = 0;
        snprintf(field, sizeof field, "options.outputs[%zu]", i);
        struct walk end = *walk;
        end.error = &inner;
        if (resolve(&end, &options->outputs[i], "source", &tensor) != ATROUS_OK || tensor == 0)
            return atrous__fail(walk->error, ATROUS_INVALID_ARGUMENT, field,
                                "must be a layer with an output of its own, or a sum");
        for (size_t j = 0; j < i; ++j)
            if (graph->outputs[j] == tensor)
                return atrous__fail(walk->error, ATROUS_INVALID_ARGUMENT, field,
                                    "is what outputs[%zu] is, must be named once", j);
        graph->outputs[graph->output_count++] = tensor;
        graph->tensors[tensor].is_read = true;
    }
    return ATROUS_OK;
}

/* A result that nothing reads is work for nothing, and surely a mistake. */
static atrous_status check_read(const struct walk *walk)
{
    const struct atrous__graph *graph = walk->graph;
    for (size_t t = 1; t < graph->tensor_count; ++t)
        if (!graph->tensors[t].is_read) {
            struct walk at = *walk;
            at.index = graph->tensors[t].maker;
            return refuse(&at, "sum", "nothing reads the layer's result, and it is no output");
        }
    return ATROUS_OK;
}

atrous_status atrous__graph_make(struct atrous__graph *graph, const atrous_layer *layers,
                                 size_t count, const atrous_shape *input,
                                 const atrous_stack_options *options, atrous_error *error)
{
    memset(graph, 0, sizeof *graph);
    if (layers == NULL || count == 0)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "layers",
                            layers == NULL ? "is NULL" : "has none, must have at least 1");
    if (options != NULL && options->struct_size != sizeof *options)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "options.struct_size",
                            "is %zu, must be %zu: call atrous_stack_options_init()",
                            options->struct_size, sizeof *options);
    if (options != NULL && options->outputs != NULL &&
        (options->output_count == 0 || options->output_count > count))
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "options.output_count",
                            "is %zu, must be 1 to the number of layers, %zu", options->output_count,
                            count);
    if (options != NULL && ((int)options->order < 0 || options->order > ATROUS_ORDER_DEPTH))
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "options.order",
                            "is %d, must be 0 to %d", (int)options->order, ATROUS_ORDER_DEPTH);
    atrous_status status = check_input(input, error);
    if (status == ATROUS_OK)
        status = allocate(graph, count, count, error);
    if (status != ATROUS_OK)
        return status;
    struct walk walk = {.graph = graph, .error = error};
    add_tensor(graph, input, 0);
    for (; walk.index < count && status == ATROUS_OK; ++walk.index) {
        walk.layer = &layers[walk.index];
        status = add_step(&walk);
    }
    if (status == ATROUS_OK)
        status = find_outputs(&walk, options);
    return status == ATROUS_OK ? check_read(&walk) : status;
}

bool atrous__graph_copy(struct atrous__graph *copy, const struct atrous__graph *graph)
{
    *copy = *graph;
    copy->steps = malloc(graph->step_count * sizeof *copy->steps);
    copy->storages = malloc((graph->step_count + 1) * sizeof *copy->storages);
    if (copy->steps == NULL || copy->storages == NULL) {
        free(copy->steps);
        free(copy->storages);
        copy->steps = NULL;
        copy->storages = NULL;
        return false;
    }
    memcpy(copy->steps, graph->steps, graph->step_count * sizeof *copy->steps);
    memcpy(copy->storages, graph->storages, graph->storage_count * sizeof *copy->storages);
    return true;
}

void atrous__graph_free(struct atrous__graph *graph)
{
    free(graph->steps);
    free(graph->tensors);
    free(graph->storages);
    free(graph->outputs);
    free(graph->sums);
    memset(graph, 0, sizeof *graph);
}
