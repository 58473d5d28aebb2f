/* In how many outputs each input takes part, one axis at a time: every output's paths are walked
 * back to the input, those that leave a layer's extents dropped. */
#include <stdlib.h>

#include "field/field.h"

/* Where walking stops: pairs of a position and a tap, positions of any layer. */
#define WORK_MAX ((size_t)1 << 27)
#define POSITIONS_MAX ((size_t)1 << 22)

/* The most (position, tap) pairs that walking all outputs meets; SIZE_MAX when above any limit. */
static size_t work_of(const struct atrous__step *steps, size_t count)
{
    const struct atrous__step *last = &steps[count - 1];
    size_t work = 0;
    for (size_t i = count; i-- > 0;) {
        /* What one output sees of this layer's output: at most what is left of the field. */
        const size_t seen = (last->size - steps[i].size) / steps[i].jump + 1;
        size_t pairs;
        if (!atrous__mul(atrous__min(seen, steps[i].output), steps[i].kernel, &pairs) ||
            !atrous__add(work, pairs, &work))
            return SIZE_MAX;
    }
    return atrous__mul(work, last->output, &work) ? work : SIZE_MAX;
}

struct walk {
    size_t *from, *to; /* positions of one layer, of the layer before it */
    size_t *seen;      /* by position: the stamp of the walk that last met it */
    size_t stamp;
};

/* Replaces from[count] by the positions of the layer's input that they read. */
static size_t walk_back(struct walk *walk, size_t count, const struct atrous__step *step)
{
    size_t found = 0;
    ++walk->stamp;
    for (size_t i = 0; i < count; ++i)
        for (size_t t = 0; t < step->kernel; ++t) {
            /* The padded input fits a ptrdiff_t, so this does not wrap. */
            const size_t padded = walk->from[i] * step->stride + t * step->dilation;
            if (padded < step->pad_begin || padded - step->pad_begin >= step->input ||
                walk->seen[padded - step->pad_begin] == walk->stamp)
                continue;
            walk->seen[padded - step->pad_begin] = walk->stamp;
            walk->to[found++] = padded - step->pad_begin;
        }
    size_t *const swap = walk->from;
    walk->from = walk->to;
    walk->to = swap;
    return found;
}

bool atrous__field_count_use(atrous_field *field, int axis)
{
    const struct atrous__step *steps = atrous__field_steps(field, axis);
    const size_t outputs = steps[field->layer_count - 1].output;
    size_t widest = outputs;
    for (size_t i = 0; i < field->layer_count; ++i)
        widest = atrous__max(widest, steps[i].input);
    if (outputs == 0 || widest > POSITIONS_MAX || work_of(steps, field->layer_count) > WORK_MAX)
        return true;

    struct walk walk = {calloc(widest, sizeof(size_t)), calloc(widest, sizeof(size_t)),
                        calloc(widest, sizeof(size_t)), 0};
    size_t *use = calloc(steps[0].input, sizeof *use);
    const bool made = walk.from != NULL && walk.to != NULL && walk.seen != NULL && use != NULL;
    for (size_t output = 0; made && output < outputs; ++output) {
        size_t count = 1;
        walk.from[0] = output;
        for (size_t i = field->layer_count; i-- > 0;)
            count = walk_back(&walk, count, &steps[i]);
        for (size_t i = 0; i < count; ++i)
            ++use[walk.from[i]];
    }
    free(walk.from);
    free(walk.to);
    free(walk.seen);
    if (made)
        field->line[axis].use = use;
    else
        free(use);
    return made;
}
