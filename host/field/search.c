/* The search of one axis for dilations without holes.
 *
 * Chosen in the order of their steps (dilation * spacing), the layers leave no hole exactly when
 * each step is at most the positions reached before it (Brown's criterion). So a state is what
 * has been chosen and how far it reaches, and a state that once led nowhere is not tried again. */
#include <stdlib.h>
#include <string.h>

#include "field/field.h"

/* Where the search stops, and the states it remembers at most. */
#define STEPS_MAX ((size_t)1 << 24)
#define MEMORY_MAX ((size_t)1 << 21)

/* Layers that can stand for each other: of one kernel and one spacing. */
struct kind {
    size_t kernel, spacing;
    size_t gain;  /* what one unit of dilation adds to the reach */
    size_t left;  /* layers not yet chosen */
    size_t radix; /* what one choice adds to a state's number */
};

struct search {
    bool in_order;     /* dilations never fall from layer to layer: each layer is a kind */
    struct kind *kind; /* [kinds] */
    size_t kinds;
    size_t movers;       /* layers that have a dilation to choose */
    size_t *mover;       /* [movers] which layers, first to last */
    size_t *kind_of;     /* [movers] */
    size_t *chosen;      /* [movers] dilations in the order of choice */
    size_t *chosen_kind; /* [movers] and whose they are */
    size_t goal;         /* size - 1 */
    size_t most;         /* the largest dilation allowed */
    size_t gains_left;   /* sum of gain over layers not yet chosen */
    size_t states;       /* 0: too many to remember */
    size_t *failed;      /* [states][goal + 1] the least `before` that led nowhere */
    size_t steps_left;
};

/* Records that from here nothing was found, unless the steps ran out first. */
static bool give_up(struct search *search, size_t *failed, size_t before)
{
    if (failed != NULL && search->steps_left > 0 && before < *failed)
        *failed = before;
    return false;
}

static void spend(struct search *search)
{
    if (search->steps_left > 0)
        --search->steps_left;
}

/* How far the layers not yet chosen can at most reach, or further: the goal where they can. */
static size_t highest(struct search *search, size_t depth, size_t reach)
{
    spend(search);
    if (search->in_order) {
        for (; depth < search->movers && reach < search->goal; ++depth) {
            const struct kind *kind = &search->kind[depth];
            const size_t d = atrous__min(search->most, (reach + 1) / kind->spacing);
            spend(search);
            if (d >= (search->goal - reach) / kind->gain + 1)
                return search->goal;
            reach += d * kind->gain;
        }
        return reach;
    }
    /* Each multiplies the positions by its kernel at best, and adds its gain times `most`. */
    size_t positions = reach + 1, added;
    for (size_t k = 0; k < search->kinds; ++k)
        for (size_t n = 0; n < search->kind[k].left && positions <= search->goal; ++n) {
            spend(search);
            if (!atrous__mul(positions, search->kind[k].kernel, &positions))
                positions = SIZE_MAX;
        }
    if (!atrous__mul(search->gains_left, search->most, &added))
        added = search->goal;
    added = atrous__min(added, search->goal - reach);
    return atrous__min(positions - 1, reach + added);
}

/* The dilations worth trying for a layer of kind k, which no longer counts as left. */
static void bound_choice(struct search *search, size_t depth, size_t reach, size_t before, size_t k,
                         size_t *least, size_t *most)
{
    const struct kind *kind = &search->kind[k];
    const size_t room = search->goal - reach, rest = search->gains_left;
    *least = search->in_order ? before : atrous__ceil_div(before, kind->spacing);
    *most = atrous__min(search->most, (reach + 1) / kind->spacing);
    /* The others add at least their gains, in order at least `d` times those. */
    *most = atrous__min(*most, room < rest ? 0 : (room - rest) / kind->gain);
    if (search->in_order)
        *most = atrous__min(*most, room / (rest + kind->gain));
    /* The least from which the others can still reach the goal: more reach never hurts. */
    size_t low = *least, high = *most + 1;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (highest(search, depth + 1, reach + middle * kind->gain) >= search->goal)
            high = middle;
        else
            low = middle + 1;
    }
    *least = low;
}

/* Chooses the remaining layers. `before` is the last choice: its dilation when in order, else
 * its step; what follows may not be less. */
static bool choose(struct search *search, size_t depth, size_t reach, size_t before, size_t state)
{
    if (depth == search->movers)
        return reach == search->goal;
    size_t *failed =
        search->states == 0 ? NULL : &search->failed[state * (search->goal + 1) + reach];
    if (failed != NULL && before >= *failed)
        return false;

    const size_t first = search->in_order ? depth : 0;
    const size_t end = search->in_order ? depth + 1 : search->kinds;
    for (size_t k = first; k < end; ++k) {
        struct kind *kind = &search->kind[k];
        if (kind->left == 0)
            continue;
        size_t least, most;
        --kind->left;
        search->gains_left -= kind->gain;
        search->chosen_kind[depth] = k;
        bound_choice(search, depth, reach, before, k, &least, &most);
        for (size_t d = least; d <= most && search->steps_left > 0; ++d) {
            spend(search);
            search->chosen[depth] = d;
            if (choose(search, depth + 1, reach + d * kind->gain,
                       search->in_order ? d : d * kind->spacing, state + kind->radix))
                return true;
        }
        ++kind->left;
        search->gains_left += kind->gain;
    }
    return give_up(search, failed, before);
}

/* Groups the layers into kinds and counts states; everything unchosen. */
static void sort_kinds(struct search *search, const struct atrous__step *steps)
{
    search->kinds = search->gains_left = 0;
    for (size_t m = 0; m < search->movers; ++m) {
        const struct atrous__step *step = &steps[search->mover[m]];
        size_t k = search->in_order ? search->kinds : 0;
        while (k < search->kinds &&
               (search->kind[k].kernel != step->kernel || search->kind[k].spacing != step->spacing))
            ++k;
        if (k == search->kinds) {
            search->kind[k] = (struct kind){.kernel = step->kernel,
                                            .spacing = step->spacing,
                                            .gain = (step->kernel - 1) * step->spacing};
            ++search->kinds;
        }
        search->kind_of[m] = k;
        ++search->kind[k].left;
        search->gains_left += search->kind[k].gain;
    }
    search->states = 1;
    for (size_t k = 0; k < search->kinds; ++k) {
        search->kind[k].radix = search->in_order ? 1 : search->states;
        if (search->in_order)
            search->states = search->movers;
        else if (!atrous__mul(search->states, search->kind[k].left + 1, &search->states))
            search->states = SIZE_MAX;
    }
    size_t entries;
    if (!atrous__mul(search->states, search->goal, &entries) ||
        !atrous__add(search->states, entries, &entries) || entries > MEMORY_MAX)
        search->states = 0;
}

/* Whether dilations of at most `most` do; dilation[layer] is set when they do. */
static bool feasible(struct search *search, const struct atrous__step *steps, size_t most,
                     size_t *dilation)
{
    sort_kinds(search, steps);
    search->most = most;
    memset(search->failed, 0xff, search->states * (search->goal + 1) * sizeof(size_t));
    if (!choose(search, 0, 0, 1, 0))
        return false;
    /* The choices of a kind rise; so do those of its layers. */
    size_t *next = search->kind_of;
    for (size_t depth = 0; depth < search->movers; ++depth)
        for (size_t m = 0; m < search->movers; ++m)
            if (next[m] == search->chosen_kind[depth]) {
                dilation[search->mover[m]] = search->chosen[depth];
                next[m] = SIZE_MAX;
                break;
            }
    return true;
}

/* The smallest largest dilation that does; false where none does or the steps ran out. */
static bool minimise(struct search *search, const struct atrous__step *steps, bool in_order,
                     size_t *dilation)
{
    size_t low = 1, high = search->goal;
    search->in_order = in_order;
    search->steps_left = STEPS_MAX / 2; /* of two such searches */
    if (!feasible(search, steps, high, dilation))
        return false;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (feasible(search, steps, middle, dilation))
            high = middle;
        else
            low = middle + 1;
    }
    return true;
}

/* More positions than there are paths. */
static bool hopeless(const struct atrous__step *steps, size_t count)
{
    size_t paths = 1;
    for (size_t i = 0; i < count; ++i)
        if (!atrous__mul(paths, steps[i].kernel, &paths))
            return false;
    return paths < steps[count - 1].size;
}

static void release(struct search *search)
{
    free(search->kind);
    free(search->mover);
    free(search->kind_of);
    free(search->chosen);
    free(search->chosen_kind);
    free(search->failed);
}

atrous_status atrous__field_search(const struct atrous__step *steps, size_t count,
                                   atrous_remedy *remedy, size_t *dilation, atrous_error *error)
{
    atrous_status status = ATROUS_OK;
    struct search search = {.goal = steps[count - 1].size - 1};
    *remedy = ATROUS_REMEDY_NONE;
    if (hopeless(steps, count))
        return ATROUS_OK;

    search.kind = calloc(count, sizeof *search.kind);
    search.mover = calloc(count, sizeof *search.mover);
    search.kind_of = calloc(count, sizeof *search.kind_of);
    search.chosen = calloc(count, sizeof *search.chosen);
    search.chosen_kind = calloc(count, sizeof *search.chosen_kind);
    search.failed = malloc(MEMORY_MAX * sizeof *search.failed);
    if (search.kind == NULL || search.mover == NULL || search.kind_of == NULL ||
        search.chosen == NULL || search.chosen_kind == NULL || search.failed == NULL) {
        status = atrous__fail(error, ATROUS_OUT_OF_HOST_MEMORY, "", "the search for a remedy");
        goto done;
    }
    for (size_t i = 0; i < count; ++i)
        if (steps[i].kernel > 1)
            search.mover[search.movers++] = i;

    bool exhausted = true;
    bool found = minimise(&search, steps, true, dilation);
    exhausted = exhausted && search.steps_left > 0;
    if (!found) {
        found = minimise(&search, steps, false, dilation);
        exhausted = exhausted && search.steps_left > 0;
    }
    if (found)
        *remedy = ATROUS_REMEDY_FOUND;
    else if (!exhausted)
        *remedy = ATROUS_REMEDY_UNKNOWN;

done:
    release(&search);
    return status;
}
