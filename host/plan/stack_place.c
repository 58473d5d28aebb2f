/* The workspace of a stack: who lies where and for how long. */
#include "plan/stack.h"

/* Whether the step's output may take the residual's place: adding what lies there already is
 * the same sum, and nobody else wants it any more. */
static bool may_accumulate(const struct atrous__graph *graph, size_t index)
{
    const struct atrous__step *step = &graph->steps[index];
    const struct atrous__tensor *target = &graph->tensors[step->target];
    if (step->residual == ATROUS__NO_TENSOR || step->conv.residual != ATROUS_RESIDUAL_AFTER ||
        step->conv.alpha < 1.0 || step->conv.alpha > 1.0 || target->maker != index ||
        step->residual == step->source || graph->tensors[step->residual].last_use != index)
        return false;
    for (size_t i = 0; i < graph->output_count; ++i)
        if (graph->outputs[i] == step->target)
            return false;
    const size_t storage = graph->tensors[step->residual].storage;
    return graph->storages[storage].home == ATROUS__AT_WORKSPACE;
}

static size_t add_storage(struct atrous__graph *graph, enum atrous__home home, size_t bytes,
                          size_t first, size_t last)
{
    graph->storages[graph->storage_count] =
        (struct atrous__storage){.home = home, .bytes = bytes, .first = first, .last = last};
    return graph->storage_count++;
}

/* Storage of the tensor that step `index` makes. */
static size_t assign(struct atrous__graph *graph, size_t index)
{
    struct atrous__step *step = &graph->steps[index];
    const struct atrous__tensor *target = &graph->tensors[step->target];
    if (may_accumulate(graph, index)) {
        const size_t storage = graph->tensors[step->residual].storage;
        step->residual = ATROUS__NO_TENSOR;
        step->conv.residual = ATROUS_RESIDUAL_NONE;
        step->conv.beta = 1.0;
        graph->storages[storage].last = target->last_use;
        return storage;
    }
    for (size_t i = 0; i < graph->output_count; ++i)
        if (graph->outputs[i] == step->target) {
            const size_t storage =
                add_storage(graph, ATROUS__AT_OUTPUT, target->bytes, index, target->last_use);
            graph->storages[storage].output = i;
            return storage;
        }
    return add_storage(graph, ATROUS__AT_WORKSPACE, target->bytes, index, target->last_use);
}

void atrous__graph_assign(struct atrous__graph *graph)
{
    graph->tensors[0].storage = add_storage(graph, ATROUS__AT_INPUT, graph->tensors[0].bytes, 0,
                                            graph->tensors[0].last_use);
    for (size_t i = 0; i < graph->step_count; ++i) {
        struct atrous__tensor *target = &graph->tensors[graph->steps[i].target];
        if (target->maker == i)
            target->storage = assign(graph, i);
    }
}

/* The lowest offset at which `wanted` meets no storage that is placed. False on overflow. */
static bool lowest(const struct atrous__graph *graph, const struct atrous__storage *wanted,
                   size_t *offset)
{
    size_t at = 0, end;
    for (size_t i = 0; i < graph->storage_count;) {
        const struct atrous__storage *other = &graph->storages[i];
        if (!atrous__add(at, wanted->bytes, &end) || end > PTRDIFF_MAX / 2)
            return false;
        if (other->is_placed && other->first <= wanted->last && wanted->first <= other->last &&
            at < other->offset + other->bytes && other->offset < end) {
            at = atrous__round_up(other->offset + other->bytes, ATROUS__STACK_ALIGNMENT);
            i = 0;
        } else {
            ++i;
        }
    }
    *offset = at;
    return true;
}

enum order { LARGEST_FIRST, EARLIEST_FIRST };

/* The storage to place next, or NULL. */
static struct atrous__storage *next(struct atrous__graph *graph, enum order order)
{
    struct atrous__storage *best = NULL;
    for (size_t i = 0; i < graph->storage_count; ++i) {
        struct atrous__storage *storage = &graph->storages[i];
        if (storage->home != ATROUS__AT_WORKSPACE || storage->is_placed)
            continue;
        if (best == NULL ||
            (order == LARGEST_FIRST ? storage->bytes > best->bytes : storage->first < best->first))
            best = storage;
    }
    return best;
}

/* Places all storages; *end is where the last one ends. */
static bool place(struct atrous__graph *graph, enum order order, size_t *end)
{
    struct atrous__storage *storage;
    *end = 0;
    for (size_t i = 0; i < graph->storage_count; ++i)
        graph->storages[i].is_placed = false;
    while ((storage = next(graph, order)) != NULL) {
        if (!lowest(graph, storage, &storage->offset))
            return false;
        storage->is_placed = true;
        *end = atrous__max(*end, storage->offset + storage->bytes);
    }
    return true;
}

/* A step's scratch goes where no activation lies at that step, at worst behind all of them. */
static bool place_scratch(struct atrous__graph *graph)
{
    graph->workspace_bytes = graph->activation_bytes;
    for (size_t i = 0; i < graph->step_count; ++i) {
        struct atrous__step *step = &graph->steps[i];
        const struct atrous__storage wanted = {.bytes = step->scratch_bytes, .first = i, .last = i};
        if (step->scratch_bytes == 0)
            continue;
        if (!lowest(graph, &wanted, &step->scratch_offset))
            return false;
        graph->workspace_bytes =
            atrous__max(graph->workspace_bytes, step->scratch_offset + step->scratch_bytes);
    }
    return true;
}

atrous_status atrous__graph_place(struct atrous__graph *graph, atrous_error *error)
{
    size_t largest, earliest;
    /* Neither order is always best; the orders are cheap. */
    bool fits = place(graph, LARGEST_FIRST, &largest) && place(graph, EARLIEST_FIRST, &earliest);
    if (fits && largest < earliest)
        fits = place(graph, LARGEST_FIRST, &earliest);
    if (fits) {
        graph->activation_bytes = earliest;
        fits = place_scratch(graph);
    }
    if (!fits)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "layers",
                            "the results alive at once overflow the workspace");
    return ATROUS_OK;
}
