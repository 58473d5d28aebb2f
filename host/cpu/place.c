/* Tiles of the CPU path: memory, and what depends on where a tile stands but not on channels. */
#include "cpu/tile.h"

#include <stdlib.h>

enum { ALIGNMENT = 64, SPANS_PER_TAP = 3, PARTS = 8 };

/* Bytes for `count` items, rounded up to the alignment, added to *total. */
static bool reserve(size_t *total, size_t count, size_t item)
{
    size_t bytes;
    if (!atrous__mul(count, item, &bytes) || !atrous__add(bytes, ALIGNMENT - 1, &bytes))
        return false;
    return atrous__add(*total, bytes / ALIGNMENT * ALIGNMENT, total);
}

atrous_status atrous__tile_make(struct atrous__tile *tile, const struct atrous__blocking *blocking,
                                atrous_error *error)
{
    const struct atrous__blocking *b = blocking;
    const size_t depths = b->view.axis[ATROUS__D].kernel;
    /* The last vector of a row may read past it. */
    const size_t slack = 2 * b->micro->lanes;
    const size_t row_taps = b->view.axis[ATROUS__W].kernel;
    size_t begin[PARTS + 1] = {0};
    const size_t counts[PARTS] = {depths * b->slots,
                                  b->planes * (b->most_columns + b->hull),
                                  SPANS_PER_TAP * row_taps,
                                  b->most_steps,
                                  b->sums_pitch / b->micro->lanes,
                                  b->channels * b->channel_pitch + slack,
                                  b->filters * b->sums_pitch,
                                  b->is_whole ? b->filters * b->sums_pitch : 0};
    const size_t items[PARTS] = {sizeof *tile->row_source, sizeof *tile->column_source,
                                 sizeof *tile->spans,      sizeof *tile->steps,
                                 sizeof *tile->vector_at,  sizeof *tile->copy,
                                 sizeof *tile->sums,       sizeof *tile->totals};
    bool fits = true;
    for (int i = 0; i < PARTS; ++i) {
        begin[i + 1] = begin[i];
        fits = fits && reserve(&begin[i + 1], counts[i], items[i]);
    }
    char *memory = fits ? calloc(1, begin[PARTS] + ALIGNMENT) : NULL;
    *tile = (struct atrous__tile){.blocking = b, .memory = memory, .place = SIZE_MAX};
    if (memory == NULL)
        return atrous__fail(error, ATROUS_OUT_OF_HOST_MEMORY, "",
                            "no memory for a tile of the CPU path (%zu bytes)", begin[PARTS]);
    memory += ALIGNMENT - (uintptr_t)memory % ALIGNMENT;
    tile->row_source = (void *)(memory + begin[0]);
    tile->column_source = (void *)(memory + begin[1]);
    tile->spans = (void *)(memory + begin[2]);
    tile->steps = (void *)(memory + begin[3]);
    tile->vector_at = (void *)(memory + begin[4]);
    tile->copy = (void *)(memory + begin[5]);
    tile->sums = (void *)(memory + begin[6]);
    tile->totals = (void *)(memory + begin[7]);
    return ATROUS_OK;
}

void atrous__tile_free(struct atrous__tile *tile)
{
    free(tile->memory);
    tile->memory = NULL;
}

size_t atrous__tile_places(const struct atrous__blocking *blocking)
{
    return blocking->view.axis[ATROUS__D].out * blocking->row_tile_count *
           blocking->column_tile_count;
}

/* Output row i of the tile. */
static size_t row_of(const struct atrous__tile *tile, size_t i)
{
    return tile->rows.first + i * tile->blocking->row_step;
}

/* The input row that output row i meets with (depth tap, row tap), as its first pixel. */
static ptrdiff_t find_row(const struct atrous__tile *tile, size_t i, size_t td, size_t th)
{
    const struct atrous__view *view = &tile->blocking->view;
    const ptrdiff_t id = atrous__source(view, ATROUS__D, tile->depth, td);
    const ptrdiff_t ih = atrous__source(view, ATROUS__H, row_of(tile, i), th);
    if (id < 0 || ih < 0)
        return ATROUS__ROW_PADDING;
    const ptrdiff_t height = (ptrdiff_t)view->axis[ATROUS__H].in;
    return (id * height + ih) * (ptrdiff_t)view->axis[ATROUS__W].in;
}

/* Sources of the rows that tap (td, th) meets. False, and none set, when the tap is to be
 * skipped because all of them are padding. */
static bool place_rows(struct atrous__tile *tile, size_t td, size_t th)
{
    const struct atrous__blocking *b = tile->blocking;
    ptrdiff_t *source = tile->row_source + td * b->slots + th * b->tap_slots;
    bool live = !b->view.skip_padding;
    for (size_t i = 0; i < tile->rows.count && !live; ++i)
        live = find_row(tile, i, td, th) != ATROUS__ROW_PADDING;
    if (live)
        for (size_t i = 0; i < tile->rows.count; ++i)
            source[i * b->slot_step] = find_row(tile, i, td, th);
    return live;
}

static void add_span(struct atrous__tile *tile, struct atrous__span span)
{
    if (span.count > 0)
        tile->spans[tile->span_count++] = span;
}

/* Spans for `count` columns of a plane of the copy, which come from the input columns from, from +
 * stride, .... */
static void place_columns(struct atrous__tile *tile, size_t plane, ptrdiff_t from, size_t count)
{
    const struct atrous__view *view = &tile->blocking->view;
    const struct atrous__axis *axis = &view->axis[ATROUS__W];
    const atrous_padding mode = view->problem->conv.padding;
    const size_t to = plane * tile->tap_pitch, source = plane * tile->pitch;
    ptrdiff_t *sources = tile->column_source + source;
    size_t begin, end;
    atrous__inside(from, axis->stride, axis->in, count, &begin, &end);
    for (size_t i = 0; i < begin; ++i)
        sources[i] = atrous__pad_index(from + (ptrdiff_t)(i * axis->stride), axis->in, mode);
    for (size_t i = end; i < count; ++i)
        sources[i] = atrous__pad_index(from + (ptrdiff_t)(i * axis->stride), axis->in, mode);
    add_span(tile, (struct atrous__span){to, source, begin, ATROUS__SCATTERED});
    add_span(tile, (struct atrous__span){to + begin, source + begin, end - begin,
                                         from + (ptrdiff_t)(begin * axis->stride)});
    add_span(tile, (struct atrous__span){to + end, source + end, count - end, ATROUS__SCATTERED});
}

/* Whether tap tw meets input in any column of the tile, or padding must be read anyway. */
static bool column_tap_lives(const struct atrous__tile *tile, size_t tw)
{
    const struct atrous__view *view = &tile->blocking->view;
    const struct atrous__axis *axis = &view->axis[ATROUS__W];
    size_t begin, end;
    atrous__inside(atrous__meet(axis, tile->columns.first, tw), axis->stride, axis->in,
                   tile->columns.count, &begin, &end);
    return !view->skip_padding || begin < end;
}

/* The steps: every live tap of one channel after the other. */
static void place_steps(struct atrous__tile *tile)
{
    const struct atrous__blocking *b = tile->blocking;
    const size_t depths = b->view.axis[ATROUS__D].kernel, heights = b->view.axis[ATROUS__H].kernel,
                 widths = b->view.axis[ATROUS__W].kernel;
    tile->live_taps = 0;
    for (size_t row = 0; row < depths * heights; ++row) {
        const size_t td = row / heights, th = row % heights;
        if (!place_rows(tile, td, th))
            continue;
        for (size_t tw = 0; tw < widths; ++tw)
            if (column_tap_lives(tile, tw))
                tile->steps[tile->live_taps++] = (struct atrous__step){
                    .x = td * tile->depth_pitch + th * b->tap_slots * tile->pitch +
                         tw * tile->tap_pitch,
                    .w = row * widths + tw,
                };
    }
    const size_t live = tile->live_taps, fitting = live == 0 ? 1 : b->most_steps / live;
    tile->channels = atrous__min(fitting, b->channels);
    for (size_t i = live; i < tile->channels * live; ++i)
        tile->steps[i] = (struct atrous__step){tile->steps[i - live].x + b->channel_pitch,
                                               tile->steps[i - live].w + b->view.problem->taps};
}

/* Sums lie row by row, each a whole number of vectors; or, where that makes fewer vectors, as
 * the copied rows do, with sums that mean nothing between the rows. */
static void place_sums(struct atrous__tile *tile)
{
    const struct atrous__blocking *b = tile->blocking;
    const size_t lanes = b->micro->lanes, rows = tile->rows.count, columns = tile->columns.count;
    const size_t row_vectors = atrous__ceil_div(columns, lanes);
    const size_t copy_pitch = b->slot_step * tile->pitch;
    const size_t through = atrous__ceil_div((rows - 1) * copy_pitch + columns, lanes);
    const bool by_row = rows * row_vectors <= through;
    tile->row_pitch = by_row ? row_vectors * lanes : copy_pitch;
    tile->vectors = by_row ? rows * row_vectors : through;
    const size_t group = by_row ? row_vectors : through; /* vectors that lie side by side */
    for (size_t v = 0, begin = 0; v < tile->vectors; begin += copy_pitch)
        for (size_t i = 0; i < group; ++i)
            tile->vector_at[v++] = begin + i * lanes;
}

/* Fills what reads the padding's value, of one channel of the copy: whole rows, or columns. */
static void fill_channel(const struct atrous__tile *tile, float *channel)
{
    const struct atrous__blocking *b = tile->blocking;
    const size_t rows = b->slots * b->view.axis[ATROUS__D].kernel;
    for (size_t i = 0; i < rows; ++i) {
        float *to = channel + i / b->slots * tile->depth_pitch + i % b->slots * tile->pitch;
        const bool is_padding = tile->row_source[i] == ATROUS__ROW_PADDING;
        for (size_t s = 0; s < tile->span_count && tile->row_source[i] != ATROUS__ROW_UNUSED; ++s)
            if (is_padding || tile->spans[s].from == ATROUS__SCATTERED)
                for (size_t j = 0; j < tile->spans[s].count; ++j)
                    to[tile->spans[s].to + j] = b->view.pad_value;
    }
}

/* Where the tile stands and how its copy lies. */
static void place_extents(struct atrous__tile *tile, size_t place)
{
    const struct atrous__blocking *b = tile->blocking;
    tile->place = place;
    tile->columns = b->column_tiles[place % b->column_tile_count];
    tile->rows = b->row_tiles[place / b->column_tile_count % b->row_tile_count];
    tile->depth = place / b->column_tile_count / b->row_tile_count;
    tile->pitch = tile->columns.count + b->hull;
    tile->tap_pitch = b->has_hull ? b->view.axis[ATROUS__W].dilation : b->slots * tile->pitch;
    tile->depth_pitch = b->planes * b->slots * tile->pitch;
}

void atrous__tile_place(struct atrous__tile *tile, size_t place)
{
    const struct atrous__blocking *b = tile->blocking;
    const struct atrous__axis *axis = &b->view.axis[ATROUS__W];
    if (tile->place == place)
        return;
    place_extents(tile, place);
    for (size_t i = 0; i < b->slots * b->view.axis[ATROUS__D].kernel; ++i)
        tile->row_source[i] = ATROUS__ROW_UNUSED;
    place_steps(tile);

    tile->span_count = 0;
    for (size_t plane = 0; plane < b->planes; ++plane)
        if (b->has_hull || column_tap_lives(tile, plane))
            place_columns(tile, plane, atrous__meet(axis, tile->columns.first, plane), tile->pitch);
    place_sums(tile);
    for (size_t c = 0; c < tile->channels && !b->view.repeats; ++c)
        fill_channel(tile, tile->copy + c * b->channel_pitch);
}
