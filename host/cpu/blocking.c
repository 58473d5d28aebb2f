/* Chooses tile sizes for the CPU path: what is read stays in cache, rows are shared by phase. */
#include "cpu/blocking.h"

#include <stdlib.h>

enum {
    LONGEST_ROW = 512,       /* columns of a tile */
    AREA = 512,              /* outputs of a tile, */
    AREA_FEW_FILTERS = 4096, /* and where copying costs more than summing */
    AREA_ALL_ROWS = 1 << 15, /* and of all filters, where a plane is one tile */
    FEW_FILTERS = 16,
    STEPS = 160,           /* (channel, tap) pairs summed in registers at a time, if not too few */
    TILE_FLOATS = 1 << 15, /* copied at a time: 128 KiB of L2 cache */
    FILTERS = 128          /* of a unit of work */
};

/* The taps [*begin, *end) that meet input at output `at` of an axis. */
static void taps_at(const struct atrous__axis *axis, size_t at, size_t *begin, size_t *end)
{
    atrous__inside(atrous__meet(axis, at, 0), axis->dilation, axis->in, axis->kernel, begin, end);
}

/* Whether two outputs meet input with the same taps. */
static bool same_taps(const struct atrous__axis *axis, size_t a, size_t b)
{
    size_t begin_a, end_a, begin_b, end_b;
    taps_at(axis, a, &begin_a, &end_a);
    taps_at(axis, b, &begin_b, &end_b);
    return begin_a == begin_b && end_a == end_b;
}

/* Lists outputs first, first + step, ... of an axis in ranges of at most `most`, which do not mix
 * live taps where `by_taps`. Returns the list's end. */
static struct atrous__range *list(struct atrous__range *to, const struct atrous__axis *axis,
                                  size_t first, size_t step, size_t most, bool by_taps)
{
    struct atrous__range *range = NULL;
    for (size_t at = first; at < axis->out; at += step) {
        if (range == NULL || range->count == most ||
            (by_taps && !same_taps(axis, range->first, at))) {
            range = to++;
            *range = (struct atrous__range){at, 0};
        }
        ++range->count;
    }
    return to;
}

/* Whether columns are cut where their live taps change: it saves a tenth of the products. */
static bool cuts_by_taps(const struct atrous__blocking *b)
{
    const struct atrous__axis *axis = &b->view.axis[ATROUS__W];
    double live = 0.0;
    if (!b->view.skip_padding || b->view.problem->filters < FEW_FILTERS)
        return false;
    for (size_t tap = 0; tap < axis->kernel; ++tap) {
        size_t first, end;
        atrous__tap_range(axis, tap, &first, &end);
        live += (double)(end - first);
    }
    return live < 0.9 * (double)axis->out * (double)axis->kernel;
}

static void choose_columns(struct atrous__blocking *b, bool has_few_filters)
{
    const struct atrous__axis *axis = &b->view.axis[ATROUS__W];
    /* Signals have no rows to share: a longer tile instead. */
    const size_t longest =
        b->view.axis[ATROUS__H].out == 1 && has_few_filters ? AREA_FEW_FILTERS : LONGEST_ROW;
    const size_t tiles = atrous__ceil_div(axis->out, longest);
    size_t columns = atrous__ceil_div(axis->out, tiles);
    if (tiles > 1)
        columns = atrous__round_up(columns, b->micro->lanes);
    b->column_tile_count =
        (size_t)(list(b->column_tiles, axis, 0, 1, columns, cuts_by_taps(b)) - b->column_tiles);
    b->most_columns = 1;
    for (size_t i = 0; i < b->column_tile_count; ++i)
        b->most_columns = atrous__max(b->most_columns, b->column_tiles[i].count);
}

/* By phase where phases are long enough to share rows. Short ones (large dilation, small image) do
 * not pay: then neighbouring rows make a tile, each tap with its own copy of what it reads. */
static void choose_rows(struct atrous__blocking *b, bool has_few_filters)
{
    const struct atrous__axis *axis = &b->view.axis[ATROUS__H];
    const size_t common = atrous__gcd(axis->stride, axis->dilation);
    const size_t phases = axis->dilation / common, slot_step = axis->stride / common;
    const size_t area = has_few_filters ? AREA_FEW_FILTERS : AREA;
    const bool is_one = has_few_filters &&
                        axis->out * b->most_columns * b->view.problem->filters <= AREA_ALL_ROWS &&
                        axis->out >= (axis->kernel - 1) * phases;
    b->is_shared = slot_step < axis->kernel &&
                   (phases == 1 || atrous__ceil_div(axis->out, phases) > axis->kernel);
    b->row_step = b->is_shared && !is_one ? phases : 1;
    b->most_rows = is_one ? axis->out
                          : atrous__min(atrous__max(area / b->most_columns, 1),
                                        atrous__ceil_div(axis->out, b->row_step));
    b->slot_step = b->is_shared ? slot_step : 1;
    b->tap_slots = !b->is_shared ? b->most_rows : is_one ? phases : 1;
    b->slots = (b->most_rows - 1) * b->slot_step + (axis->kernel - 1) * b->tap_slots + 1;
}

static void list_rows(struct atrous__blocking *b)
{
    const struct atrous__axis *axis = &b->view.axis[ATROUS__H];
    struct atrous__range *end = b->row_tiles;
    for (size_t phase = 0; phase < atrous__min(b->row_step, axis->out); ++phase)
        end = list(end, axis, phase, b->row_step, b->most_rows,
                   b->view.skip_padding && !b->is_shared);
    b->row_tile_count = (size_t)(end - b->row_tiles);
}

/* Vectors of a full tile whose copied rows are `pitch` apart: row by row, or through all. */
static size_t vectors_of(const struct atrous__blocking *b, size_t pitch)
{
    const size_t through = (b->most_rows - 1) * b->slot_step * pitch + b->most_columns;
    return atrous__min(b->most_rows * atrous__ceil_div(b->most_columns, b->micro->lanes),
                       atrous__ceil_div(through, b->micro->lanes));
}

/* A hull needs columns side by side that taps share. Planes must save a twentieth of the vectors
 * and be worth their copies: many filters. */
static void choose_planes(struct atrous__blocking *b, bool has_few_filters)
{
    const struct atrous__axis *axis = &b->view.axis[ATROUS__W];
    const size_t hull = (axis->kernel - 1) * axis->dilation;
    const bool can_share =
        axis->stride == 1 && axis->kernel > 1 && axis->dilation < b->most_columns;
    const size_t apart = vectors_of(b, b->most_columns);
    b->has_hull =
        can_share && (has_few_filters || apart * 20 > vectors_of(b, b->most_columns + hull) * 19);
    b->hull = b->has_hull ? hull : 0;
    b->planes = b->has_hull ? 1 : axis->kernel;
}

/* Floats of one channel; an odd number of cache lines, so that channels spread over the sets. */
static bool choose_channel_pitch(struct atrous__blocking *b)
{
    const size_t line = 16;
    size_t floats;
    if (!atrous__mul(b->slots, b->view.axis[ATROUS__D].kernel, &floats) ||
        !atrous__mul(floats, b->planes, &floats) ||
        !atrous__mul(floats, b->most_columns + b->hull, &floats) ||
        floats > PTRDIFF_MAX / sizeof(float) / 2)
        return false;
    b->channel_pitch = (atrous__ceil_div(floats, line) | 1) * line;
    return true;
}

/* As many channels as stay in cache. Of rows that are not shared, only those that live taps meet
 * are copied; the others take room but no cache. */
static void choose_channels(struct atrous__blocking *b)
{
    const size_t room = b->is_shared ? TILE_FLOATS : 4 * TILE_FLOATS;
    b->channels = atrous__min(atrous__max(room / b->channel_pitch, 1), b->view.problem->channels);
    b->most_steps = atrous__max(STEPS, b->view.problem->taps);
}

/* Fewer filters a unit where there would be too little work to share. */
static void choose_filters(struct atrous__blocking *b, size_t threads)
{
    const struct atrous__problem *problem = b->view.problem;
    const size_t tiles = b->row_tile_count * b->column_tile_count * b->view.axis[ATROUS__D].out *
                         problem->batch * problem->groups;
    b->filters = atrous__min(FILTERS, problem->filters);
    while (b->filters > 2 * b->micro->filters && threads > 1 &&
           tiles * atrous__ceil_div(problem->filters, b->filters) < 4 * threads)
        b->filters = atrous__round_up(b->filters / 2, b->micro->filters);
}

atrous_status atrous__blocking_make(struct atrous__blocking *blocking,
                                    const struct atrous__problem *problem, bool is_whole,
                                    size_t threads, atrous_error *error)
{
    struct atrous__blocking b = {
        .view = atrous__view_make(problem),
        .micro = atrous__micro_best(),
        .is_whole = is_whole && atrous__direct_terms(problem) > ATROUS__WHOLE_PRODUCTS + 1.0,
    };
    const struct atrous__axis *h = &b.view.axis[ATROUS__H], *w = &b.view.axis[ATROUS__W];
    const bool has_few_filters = problem->filters < FEW_FILTERS;
    b.row_tiles = calloc(h->out, sizeof *b.row_tiles);
    /* Live taps change at most twice for each. */
    b.column_tiles = calloc(w->out / LONGEST_ROW + 2 * w->kernel + 2, sizeof *b.column_tiles);
    if (b.row_tiles == NULL || b.column_tiles == NULL) {
        atrous__blocking_free(&b);
        return atrous__fail(error, ATROUS_OUT_OF_HOST_MEMORY, "output",
                            "has %zu rows of %zu: no memory to list them", h->out, w->out);
    }
    choose_columns(&b, has_few_filters);
    choose_rows(&b, has_few_filters);
    choose_planes(&b, has_few_filters);
    if (!choose_channel_pitch(&b)) {
        atrous__blocking_free(&b);
        return atrous__fail(error, ATROUS_OUT_OF_HOST_MEMORY, "kernel",
                            "has %zu taps: one tile of the CPU path overflows", problem->taps);
    }
    choose_channels(&b);
    b.sums_pitch = b.most_rows * atrous__round_up(b.most_columns, b.micro->lanes);
    list_rows(&b);
    choose_filters(&b, threads);
    *blocking = b;
    return ATROUS_OK;
}

void atrous__blocking_free(struct atrous__blocking *blocking)
{
    free(blocking->row_tiles);
    free(blocking->column_tiles);
    blocking->row_tiles = blocking->column_tiles = NULL;
}
