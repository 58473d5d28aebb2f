/* Chooses tile sizes for the CPU path: what is read stays in cache, rows are shared by phase. */
#include "cpu/blocking.h"

#include <stdlib.h>

enum {
    LONGEST_ROW = 512,       /* columns of a tile */
    AREA = 512,              /* outputs of a tile, */
    AREA_FEW_FILTERS = 4096, /* and where copying costs more than summing */
    FEW_FILTERS = 16,
    STEPS = 160,           /* (channel, tap) pairs summed in registers at a time, if not too few */
    TILE_FLOATS = 1 << 15, /* copied at a time: 128 KiB of L2 cache */
    FILTERS = 64           /* of a unit of work */
};

/* Whether two output rows meet input with the same taps. */
static bool same_taps(const struct atrous__axis *axis, size_t a, size_t b)
{
    size_t begin_a, end_a, begin_b, end_b;
    atrous__inside(atrous__meet(axis, a, 0), axis->dilation, axis->in, axis->kernel, &begin_a,
                   &end_a);
    atrous__inside(atrous__meet(axis, b, 0), axis->dilation, axis->in, axis->kernel, &begin_b,
                   &end_b);
    return begin_a == begin_b && end_a == end_b;
}

/* Phases where they are long enough to share rows. Short ones (large dilation, small image) do
 * not pay: then neighbouring rows make a tile, each with its own copy of what it reads. */
static void choose_rows(struct atrous__blocking *b, size_t area)
{
    const struct atrous__axis *axis = &b->view.axis[ATROUS__H];
    const size_t common = atrous__gcd(axis->stride, axis->dilation);
    const size_t phases = axis->dilation / common, slot_step = axis->stride / common;
    const bool shared = slot_step < axis->kernel &&
                        (phases == 1 || atrous__ceil_div(axis->out, phases) > axis->kernel);
    b->row_step = shared ? phases : 1;
    b->slot_step = shared ? slot_step : axis->kernel;
    b->most_rows = atrous__min(atrous__max(area / b->tile_columns, 1),
                               atrous__ceil_div(axis->out, b->row_step));
    b->slots = (b->most_rows - 1) * b->slot_step + axis->kernel;
}

static void list_row_tiles(struct atrous__blocking *b)
{
    const struct atrous__axis *axis = &b->view.axis[ATROUS__H];
    const bool by_taps = b->view.skip_padding && b->slot_step == axis->kernel;
    b->row_tile_count = 0;
    for (size_t phase = 0; phase < atrous__min(b->row_step, axis->out); ++phase) {
        struct atrous__rows *tile = NULL;
        for (size_t y = phase; y < axis->out; y += b->row_step) {
            if (tile == NULL || tile->count == b->most_rows ||
                (by_taps && !same_taps(axis, tile->first, y))) {
                tile = &b->row_tiles[b->row_tile_count++];
                *tile = (struct atrous__rows){y, 0};
            }
            ++tile->count;
        }
    }
}

static void choose_columns(struct atrous__blocking *b)
{
    const struct atrous__axis *axis = &b->view.axis[ATROUS__W];
    const size_t tiles = atrous__ceil_div(axis->out, LONGEST_ROW);
    b->tile_columns = atrous__ceil_div(axis->out, tiles);
    if (tiles > 1)
        b->tile_columns = atrous__round_up(b->tile_columns, b->micro->lanes);
    b->column_tiles = atrous__ceil_div(axis->out, b->tile_columns);

    /* With a hull the copied columns number columns + (kernel-1)*dilation, else
     * columns * kernel. */
    b->hull = axis->stride == 1 && axis->kernel > 1 && axis->dilation < b->tile_columns;
    b->tap_pitch = b->hull ? axis->dilation : b->tile_columns;
    b->pitch = b->tile_columns + (axis->kernel - 1) * b->tap_pitch;
}

/* Floats of one channel; an odd number of cache lines, so that channels spread over the sets. */
static bool choose_channel_pitch(struct atrous__blocking *b)
{
    const size_t line = 16;
    size_t floats;
    if (!atrous__mul(b->slots, b->view.axis[ATROUS__D].kernel, &floats) ||
        !atrous__mul(floats, b->pitch, &floats) || floats > PTRDIFF_MAX / sizeof(float) / 2)
        return false;
    b->channel_pitch = (atrous__ceil_div(floats, line) | 1) * line;
    return true;
}

/* As many channels as stay in cache. Of rows that are not shared, only those that live taps meet
 * are copied; the others take room but no cache. */
static void choose_channels(struct atrous__blocking *b)
{
    const size_t room =
        b->slot_step < b->view.axis[ATROUS__H].kernel ? TILE_FLOATS : 4 * TILE_FLOATS;
    b->channels = atrous__min(atrous__max(room / b->channel_pitch, 1), b->view.problem->channels);
    b->most_steps = atrous__max(STEPS, b->view.problem->taps);
}

/* Fewer filters a unit where there would be too little work to share. */
static void choose_filters(struct atrous__blocking *b, size_t threads)
{
    const struct atrous__problem *problem = b->view.problem;
    const size_t tiles = b->row_tile_count * b->column_tiles * b->view.axis[ATROUS__D].out *
                         problem->batch * problem->groups;
    b->filters = atrous__min(FILTERS, atrous__round_up(problem->filters, b->micro->filters));
    while (b->filters > 2 * b->micro->filters && threads > 1 &&
           tiles * atrous__ceil_div(problem->filters, b->filters) < 4 * threads)
        b->filters = atrous__round_up(b->filters / 2, b->micro->filters);
}

atrous_status atrous__blocking_make(struct atrous__blocking *blocking,
                                    const struct atrous__problem *problem, size_t threads,
                                    atrous_error *error)
{
    struct atrous__blocking b = {
        .view = atrous__view_make(problem),
        .micro = atrous__micro_best(),
    };
    choose_columns(&b);
    choose_rows(&b, problem->filters < FEW_FILTERS ? AREA_FEW_FILTERS : AREA);
    if (!choose_channel_pitch(&b))
        return atrous__fail(error, ATROUS_OUT_OF_HOST_MEMORY, "kernel",
                            "has %zu taps: one tile of the CPU path overflows", problem->taps);
    choose_channels(&b);
    b.sums_pitch = b.most_rows * atrous__round_up(b.tile_columns, b.micro->lanes);

    b.row_tiles = calloc(b.view.axis[ATROUS__H].out, sizeof *b.row_tiles);
    if (b.row_tiles == NULL)
        return atrous__fail(error, ATROUS_OUT_OF_HOST_MEMORY, "output",
                            "has %zu rows: no memory to list them", b.view.axis[ATROUS__H].out);
    list_row_tiles(&b);
    choose_filters(&b, threads);
    *blocking = b;
    return ATROUS_OK;
}

void atrous__blocking_free(struct atrous__blocking *blocking)
{
    free(blocking->row_tiles);
    blocking->row_tiles = NULL;
}
