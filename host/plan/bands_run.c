/* How a run moves through its tensors: which rows each layer computes when, from which rows, and
 * where those lie.
 *
 *     for (end = band; ; end += band)
 *       for (layer of the run)
 *         rows [done, as far as `end` and what its inputs have allow)
 *
 * A layer trails its source by the rows below that its taps reach, so each row is computed once.
 * What only the run reads lies in a window, the rows that are wanted yet and one band more; when
 * the window is full, those rows move to its front. */
#include "plan/bands.h"

#include <stdlib.h>

/* A tensor under way. */
struct slide {
    bool is_window;
    size_t row_bytes;
    size_t base;          /* the row that a window begins with */
    size_t end;           /* rows below it are there */
    size_t kept, longest; /* most rows wanted when a band came, longest band */
    size_t capacity;      /* rows of a window */
};

struct walk {
    atrous_stack *stack;
    struct atrous__run *run;
    size_t rows;
    struct slide *slides; /* one a tensor */
    bool is_trial;        /* nothing is emitted, windows are measured */
    atrous_status status;
    atrous_error *error;
};

/* What a layer reads of its source for some rows. */
struct window {
    size_t first, end, pad_begin, pad_end;
};

static struct window window_of(const atrous_conv *conv, size_t first, size_t end, size_t rows)
{
    const size_t pad = conv->pad_begin[0], below = conv->pad_end[0];
    return (struct window){.first = first > pad ? first - pad : 0,
                           .end = atrous__min(end + below, rows),
                           .pad_begin = pad > first ? pad - first : 0,
                           .pad_end = end + below > rows ? end + below - rows : 0};
}

static const struct atrous__step *step_of(const struct walk *walk, size_t index)
{
    return &walk->stack->banded.steps[index];
}

static size_t done(const struct walk *walk, size_t index)
{
    return walk->slides[step_of(walk, index)->target].end;
}

/* The first row that some layer of the run has yet to read, or all of them. */
static size_t wanted(const struct walk *walk, size_t tensor)
{
    size_t first = walk->rows;
    for (size_t i = walk->run->first; i < walk->run->end; ++i) {
        const struct atrous__step *step = step_of(walk, i);
        const size_t at = done(walk, i);
        if (at == walk->rows)
            continue;
        if (step->source == tensor)
            first = atrous__min(first, window_of(&step->conv, at, at + 1, walk->rows).first);
        if (step->residual == tensor)
            first = atrous__min(first, at);
    }
    return first;
}

static bool emit(struct walk *walk, struct atrous__act act)
{
    struct atrous__run *run = walk->run;
    if (walk->is_trial)
        return true;
    if (run->act_count == run->act_room) {
        const size_t room = atrous__max(2 * run->act_room, 64);
        struct atrous__act *more = realloc(run->acts, room * sizeof *more);
        if (more == NULL) {
            walk->status = atrous__fail(walk->error, ATROUS_OUT_OF_HOST_MEMORY, "", "a stack");
            return false;
        }
        run->acts = more;
        run->act_room = room;
    }
    run->acts[run->act_count++] = act;
    return true;
}

/* The plan for a band; NULL on failure, which without a status means that it will not do. */
static atrous_plan *plan_for(struct walk *walk, size_t index, const struct window *window)
{
    struct atrous__run *run = walk->run;
    const atrous_plan *whole = walk->stack->plans[index];
    const size_t rows = window->end - window->first;
    for (size_t i = 0; i < run->plan_count; ++i) {
        const struct atrous__band_plan *have = &run->plans[i];
        if (have->step == index && have->rows == rows && have->pad_begin == window->pad_begin &&
            have->pad_end == window->pad_end)
            return have->plan;
    }
    if (run->plan_count == run->plan_room)
        return NULL;
    struct atrous__band_plan *made = &run->plans[run->plan_count];
    atrous_conv conv = step_of(walk, index)->conv;
    atrous_plan_options options;
    conv.batch = 1;
    conv.input[0] = rows;
    conv.pad_begin[0] = window->pad_begin;
    conv.pad_end[0] = window->pad_end;
    atrous_plan_options_init(&options, sizeof options);
    options.solver = whole->solver;
    *made = (struct atrous__band_plan){index, rows, window->pad_begin, window->pad_end, NULL};
    const atrous_status status =
        atrous_plan_create(walk->stack->context, &conv, &options, &made->plan, NULL);
    if (status == ATROUS_OUT_OF_HOST_MEMORY)
        walk->status = atrous__fail(walk->error, status, "", "a stack");
    if (status != ATROUS_OK)
        return NULL;
    ++run->plan_count;
    struct atrous__step *step = &walk->stack->banded.steps[index];
    step->scratch_bytes = atrous__max(step->scratch_bytes, made->plan->workspace_bytes);
    /* The same packed weights, and so the same sums in the same order. */
    return made->plan->format == whole->format ? made->plan : NULL;
}

/* Makes room in the target's window for rows [first, end). */
static bool make_room(struct walk *walk, size_t tensor, size_t first, size_t end)
{
    struct slide *slide = &walk->slides[tensor];
    const size_t from = atrous__min(wanted(walk, tensor), first), kept = first - from;
    slide->kept = atrous__max(slide->kept, kept);
    slide->longest = atrous__max(slide->longest, end - first);
    if (walk->is_trial || !slide->is_window || end - slide->base <= slide->capacity)
        return true;
    const struct atrous__act move = {.index = tensor,
                                     .source = (from - slide->base) * slide->row_bytes,
                                     .bytes = kept * slide->row_bytes};
    slide->base = from;
    return kept == 0 || emit(walk, move);
}

static size_t offset_of(const struct walk *walk, size_t tensor, size_t row)
{
    const struct slide *slide = &walk->slides[tensor];
    return (row - slide->base) * slide->row_bytes;
}

/* Computes rows [first, end) of a layer. */
static bool compute(struct walk *walk, size_t index, size_t first, size_t end)
{
    const struct atrous__step *step = step_of(walk, index);
    const struct window window = window_of(&step->conv, first, end, walk->rows);
    const size_t rows = window.end - window.first;
    /* A mirror shows only what the window has. */
    if (step->conv.padding == ATROUS_PADDING_REFLECT &&
        (window.pad_begin >= rows || window.pad_end >= rows))
        return false;
    if (!make_room(walk, step->target, first, end))
        return false;
    if (!walk->is_trial) {
        struct atrous__act act = {.plan = plan_for(walk, index, &window),
                                  .index = index,
                                  .source = offset_of(walk, step->source, window.first),
                                  .target = offset_of(walk, step->target, first)};
        if (step->residual != ATROUS__NO_TENSOR)
            act.residual = offset_of(walk, step->residual, first);
        if (act.plan == NULL || !emit(walk, act))
            return false;
    }
    walk->slides[step->target].end = end;
    return true;
}

/* Rows of a layer that can be there once its inputs have what they have. */
static size_t reachable(const struct walk *walk, size_t index)
{
    const struct atrous__step *step = step_of(walk, index);
    const size_t have = walk->slides[step->source].end, below = step->conv.pad_end[0];
    size_t end = have == walk->rows ? have : have > below ? have - below : 0;
    if (step->residual != ATROUS__NO_TENSOR)
        end = atrous__min(end, walk->slides[step->residual].end);
    return end;
}

static bool walk_all(struct walk *walk, size_t band)
{
    const struct atrous__run *run = walk->run;
    for (size_t i = run->first; i < run->end; ++i) {
        struct slide *slide = &walk->slides[step_of(walk, i)->target];
        slide->base = slide->end = 0;
    }
    for (size_t goal = 0; goal < walk->rows;) {
        goal = atrous__min(goal + band, walk->rows);
        for (size_t i = run->first; i < run->end; ++i) {
            const size_t first = done(walk, i);
            const size_t end = atrous__min(goal, reachable(walk, i));
            if (end > first && !compute(walk, i, first, end))
                return false;
        }
    }
    return true;
}

/* Whether a tensor of the run may lie in a window: made, read and forgotten within. */
static bool is_inner(const struct atrous__graph *graph, const struct atrous__run *run,
                     size_t tensor)
{
    const struct atrous__tensor *t = &graph->tensors[tensor];
    return tensor != 0 && t->maker >= run->first && t->maker < run->end && t->last_use < run->end &&
           graph->storages[t->storage].home == ATROUS__AT_WORKSPACE;
}

static void open_slides(struct walk *walk)
{
    const struct atrous__graph *graph = &walk->stack->banded;
    for (size_t t = 0; t < graph->tensor_count; ++t) {
        const struct atrous__tensor *tensor = &graph->tensors[t];
        walk->slides[t] = (struct slide){.is_window = is_inner(graph, walk->run, t),
                                         .end = walk->rows,
                                         .row_bytes = tensor->bytes / tensor->shape.batch /
                                                      tensor->shape.extents[0]};
    }
}

/* Sizes the windows so that what moves to the front never overlaps itself. */
static void size_windows(struct walk *walk)
{
    struct atrous__graph *graph = &walk->stack->banded;
    for (size_t t = 0; t < graph->tensor_count; ++t) {
        struct slide *slide = &walk->slides[t];
        struct atrous__storage *storage = &graph->storages[graph->tensors[t].storage];
        if (!slide->is_window)
            continue;
        slide->capacity = atrous__min(2 * slide->kept + slide->longest, walk->rows);
        storage->bytes = slide->capacity * slide->row_bytes;
        storage->is_window = true;
    }
    /* Within the run all of them are in use at once. */
    for (size_t s = 0; s < graph->storage_count; ++s) {
        struct atrous__storage *storage = &graph->storages[s];
        if (storage->first > walk->run->first && storage->first < walk->run->end)
            storage->first = walk->run->first;
        if (storage->last >= walk->run->first && storage->last < walk->run->end)
            storage->last = walk->run->end - 1;
    }
}

/* Walks twice: to learn how long the windows must be, and to write down the acts. */
static bool make(struct walk *walk, size_t band)
{
    enum { SHAPES = 8 }; /* of bands, a layer: first, last and in between, and some to spare */
    struct atrous__run *run = walk->run;
    run->plan_room = SHAPES * (run->end - run->first);
    run->plans = calloc(run->plan_room, sizeof *run->plans);
    walk->slides = calloc(walk->stack->banded.tensor_count, sizeof *walk->slides);
    if (run->plans == NULL || walk->slides == NULL) {
        walk->status = atrous__fail(walk->error, ATROUS_OUT_OF_HOST_MEMORY, "", "a stack");
        return false;
    }
    open_slides(walk);
    walk->is_trial = true;
    if (!walk_all(walk, band))
        return false;
    size_windows(walk);
    walk->is_trial = false;
    return walk_all(walk, band);
}

bool atrous__run_make(atrous_stack *stack, struct atrous__run *run, size_t band,
                      atrous_status *status, atrous_error *error)
{
    const struct atrous__graph *graph = &stack->banded;
    const size_t rows = graph->tensors[graph->steps[run->first].target].shape.extents[0];
    struct walk walk = {.stack = stack, .run = run, .rows = rows, .error = error};
    const bool made = make(&walk, band);
    free(walk.slides);
    *status = walk.status;
    return made;
}
