/* Which layers of a stack are carried depth first. */
#include "plan/bands.h"

#include <stdlib.h>
#include <string.h>

/* Rows of a tensor, of every image and channel, lie one after another. */
static bool is_sliceable(const atrous_shape *shape)
{
    return shape->layout == ATROUS_LAYOUT_NHWC || shape->channels == 1;
}

/* Whether the tensor has one maker and its storage no other tenant. */
static bool is_alone(const struct atrous__graph *graph, size_t tensor, size_t maker)
{
    for (size_t i = 0; i < graph->step_count; ++i)
        if (i != maker && graph->steps[i].target == tensor)
            return false;
    for (size_t t = 0; t < graph->tensor_count; ++t)
        if (t != tensor && graph->tensors[t].storage == graph->tensors[tensor].storage)
            return false;
    return true;
}

/* Whether bands of the layer's output are problems of their own, with the same answer. */
static bool is_bandable(const atrous_stack *stack, size_t index)
{
    const struct atrous__graph *graph = &stack->graph;
    const struct atrous__step *step = &graph->steps[index];
    const atrous_shape *source = &graph->tensors[step->source].shape;
    const atrous_shape *target = &graph->tensors[step->target].shape;
    const atrous_conv *conv = &step->conv;
    const bool keeps_rows = conv->direction == ATROUS_FORWARD && conv->stride[0] == 1 &&
                            source->extents[0] == target->extents[0];
    const bool wraps = conv->padding == ATROUS_PADDING_CIRCULAR && conv->kernel[0] > 1;
    /* Direct sums come out the same wherever a tile begins, minimal filtering's do not. */
    return keeps_rows && !wraps && is_sliceable(source) && is_sliceable(target) &&
           stack->plans[index]->bound.columns == NULL && is_alone(graph, step->target, index);
}

/* Bytes of one row of the widest tensor that a step makes or reads. */
static size_t row_bytes(const struct atrous__graph *graph, size_t index)
{
    const struct atrous__tensor *source = &graph->tensors[graph->steps[index].source];
    const struct atrous__tensor *target = &graph->tensors[graph->steps[index].target];
    return atrous__max(source->bytes, target->bytes) / target->shape.batch /
           target->shape.extents[0];
}

/* Rows by which a step trails the first one: what feeds the run is there as a whole. */
static size_t trail_of(const struct atrous__graph *graph, const size_t *trails, size_t first,
                       size_t index)
{
    const struct atrous__step *step = &graph->steps[index];
    size_t trail = 0;
    for (size_t i = first; i < index; ++i) {
        if (graph->steps[i].target == step->source)
            trail = atrous__max(trail, trails[i] + step->conv.pad_end[0]);
        if (graph->steps[i].target == step->residual)
            trail = atrous__max(trail, trails[i]);
    }
    return trail;
}

/* How bands are cut. */
struct knife {
    atrous_order order;
    size_t rows;  /* of a band, or 0: */
    size_t bytes; /* of the widest row, so many */
    size_t cache; /* bytes of the device's, 0: not known */
};

static struct knife knife_of(const atrous_stack *stack, const atrous_stack_options *options)
{
    /* Of the cache that all units share: what a layer leaves there is still there when the next
     * one comes, also where several layers keep windows, and a band is worth its launch. */
    enum { SHARE = 16, UNKNOWN = 1 << 20 };
    struct knife knife = {.cache = stack->on_cpu ? atrous__cpu_cache()
                                                 : atrous__backend_cache(stack->context->env)};
    if (options != NULL) {
        knife.order = options->order;
        knife.rows = options->band_rows;
    }
    knife.bytes = knife.cache > 0 ? knife.cache / SHARE : UNKNOWN;
    return knife;
}

/* Whether a layer is bound by memory, which a band in cache leaves alone: it has few channels, and
 * what it reads and writes exceeds the cache. With more channels the sums take longer than the
 * memory, and bands cost more than they save (bench/README.md). */
static bool is_bound_by_memory(const atrous_stack *stack, size_t index, size_t cache)
{
    enum { FEW = 4 };
    const struct atrous__graph *graph = &stack->graph;
    const struct atrous__problem *problem = &stack->plans[index]->problem;
    const size_t moved = graph->tensors[graph->steps[index].source].bytes / problem->batch +
                         graph->tensors[graph->steps[index].target].bytes / problem->batch;
    return cache > 0 && problem->channels <= FEW && problem->filters <= FEW && moved >= cache;
}

/* Finds the longest run that begins at `first`; tells how many rows its bands have. */
static size_t extend(const atrous_stack *stack, const struct knife *knife, size_t *trails,
                     struct atrous__run *run)
{
    const struct atrous__graph *graph = &stack->graph;
    const atrous_shape *shape = &graph->tensors[graph->steps[run->first].target].shape;
    size_t widest = 1, band = 0;
    for (run->end = run->first; run->end < graph->step_count; ++run->end) {
        const atrous_shape *other = &graph->tensors[graph->steps[run->end].target].shape;
        if (other->batch != shape->batch || other->extents[0] != shape->extents[0] ||
            !is_bandable(stack, run->end) ||
            (knife->order == ATROUS_ORDER_AUTO &&
             !is_bound_by_memory(stack, run->end, knife->cache)))
            break;
        widest = atrous__max(widest, row_bytes(graph, run->end));
        const size_t rows = knife->rows > 0 ? knife->rows : atrous__max(knife->bytes / widest, 1);
        const size_t trail = trail_of(graph, trails, run->first, run->end);
        /* Where layers trail by more than bands are long, windows grow out of the cache. */
        if (trail > rows / 2 && run->end > run->first)
            break;
        trails[run->end] = trail;
        band = rows;
    }
    /* Bands of nearly one height. */
    const size_t rows = shape->extents[0];
    return band > 0 ? atrous__ceil_div(rows, atrous__ceil_div(rows, band)) : 0;
}

static void free_run(struct atrous__run *run)
{
    for (size_t i = 0; i < run->plan_count; ++i)
        atrous_plan_destroy(run->plans[i].plan);
    free(run->plans);
    free(run->acts);
    memset(run, 0, sizeof *run);
}

void atrous__bands_free(atrous_stack *stack)
{
    for (size_t i = 0; i < stack->run_count; ++i)
        free_run(&stack->runs[i]);
    free(stack->runs);
    free(stack->banded.steps);
    free(stack->banded.storages);
}

/* Makes the run; where that cannot be done the banded graph stays as it was. */
static atrous_status try_run(atrous_stack *stack, struct atrous__run *run, size_t band,
                             atrous_error *error)
{
    struct atrous__graph before;
    atrous_status status = ATROUS_OK;
    if (!atrous__graph_copy(&before, &stack->banded))
        return atrous__fail(error, ATROUS_OUT_OF_HOST_MEMORY, "", "a stack");
    if (atrous__run_make(stack, run, band, &status, error)) {
        stack->runs[stack->run_count++] = *run;
    } else {
        const struct atrous__graph failed = stack->banded;
        stack->banded = before;
        before = failed;
        free_run(run);
    }
    free(before.steps);
    free(before.storages);
    return status;
}

static atrous_status find(atrous_stack *stack, const struct knife *knife, size_t *trails,
                          atrous_error *error)
{
    const struct atrous__graph *graph = &stack->graph;
    struct atrous__run run = {0};
    for (size_t first = 0; first < graph->step_count; first = atrous__max(run.end, first + 1)) {
        run = (struct atrous__run){.first = first};
        const size_t band = extend(stack, knife, trails, &run);
        const size_t rows = graph->tensors[graph->steps[first].target].shape.extents[0];
        if (run.end - first < 2 || band >= rows)
            continue;
        const size_t end = run.end;
        const atrous_status status = try_run(stack, &run, band, error);
        if (status != ATROUS_OK)
            return status;
        run.end = end;
    }
    return ATROUS_OK;
}

atrous_status atrous__bands_find(atrous_stack *stack, const atrous_stack_options *options,
                                 atrous_error *error)
{
    const struct knife knife = knife_of(stack, options);
    const size_t count = stack->graph.step_count;
    /* Where a device's plan fell to the CPU path, tensors go to and fro: that is slow enough. */
    const bool is_mixed = stack->on_cpu && stack->context->env != NULL;
    if (knife.order == ATROUS_ORDER_LAYERS || is_mixed)
        return ATROUS_OK;
    size_t *trails = calloc(count, sizeof *trails);
    stack->runs = calloc(count, sizeof *stack->runs);
    if (trails == NULL || stack->runs == NULL ||
        !atrous__graph_copy(&stack->banded, &stack->graph)) {
        free(trails);
        return atrous__fail(error, ATROUS_OUT_OF_HOST_MEMORY, "", "a stack");
    }
    const atrous_status status = find(stack, &knife, trails, error);
    free(trails);
    return status;
}

const struct atrous__run *atrous__run_at(const atrous_stack *stack, size_t step)
{
    for (size_t i = 0; i < stack->run_count; ++i)
        if (stack->runs[i].first == step)
            return &stack->runs[i];
    return NULL;
}

size_t atrous__image_offset(const struct atrous__graph *graph, size_t tensor, size_t image)
{
    const struct atrous__tensor *t = &graph->tensors[tensor];
    return graph->storages[t->storage].is_window ? 0 : t->bytes / t->shape.batch * image;
}
