/* One tile of the CPU path at work: copies channels, sums them in registers, stores. */
#include "cpu/tile.h"
#include "cpu/epilogue.h"

/* Element `at` of a tensor of a type. */
static const void *element(const void *tensor, atrous_type type, size_t at)
{
    return (const char *)tensor + at * atrous__type_bytes(type);
}

/* One row of one channel, from the input row that begins at element `row`, but for columns that
 * read the padding's value. */
static void copy_row(const struct atrous__tile *tile, const struct atrous__work *work, size_t row,
                     float *to)
{
    const struct atrous__view *view = &tile->blocking->view;
    const size_t pixel = view->in.pixel, step = view->axis[ATROUS__W].stride * pixel;
    atrous__micro_load *const load = tile->blocking->micro->load[work->type];
    const void *input = work->arrays->input;
    for (size_t s = 0; s < tile->span_count; ++s) {
        const struct atrous__span span = tile->spans[s];
        const ptrdiff_t *source = tile->column_source + span.source;
        if (span.from != ATROUS__SCATTERED)
            load(element(input, work->type, row + (size_t)span.from * pixel), step, to + span.to,
                 span.count);
        for (size_t i = 0; span.from == ATROUS__SCATTERED && view->repeats && i < span.count; ++i)
            load(element(input, work->type, row + (size_t)source[i] * pixel), 1, to + span.to + i,
                 1);
    }
}

void atrous__tile_copy(const struct atrous__tile *tile, const struct atrous__work *work,
                       size_t plane, float *to)
{
    const struct atrous__blocking *b = tile->blocking;
    const ptrdiff_t *source = tile->row_source;
    for (size_t td = 0; td < b->view.axis[ATROUS__D].kernel; ++td, to += tile->depth_pitch)
        for (size_t i = 0; i < b->slots; ++i, ++source)
            if (*source >= 0)
                copy_row(tile, work, plane + (size_t)*source * b->view.in.pixel,
                         to + i * tile->pitch);
}

/* Points x at `count` vectors of the copy from vector `first` of the sums on. */
static void point(const struct atrous__tile *tile, size_t first, size_t count, const float **x)
{
    for (size_t v = 0; v < count; ++v)
        x[v] = tile->copy + tile->vector_at[first + v];
}

/* Vectors to take next of `left`, at most `most`; the last two blocks come out even. */
static size_t share(size_t left, size_t most)
{
    if (left <= most)
        return left;
    return left < 2 * most ? (left + 1) / 2 : most;
}

/* Adds `count` steps to the sums of whole blocks of filters. packed: of the first filter. */
static void sum_blocks(const struct atrous__tile *tile, const float *packed, size_t blocks,
                       const struct atrous__step *steps, size_t count)
{
    const struct atrous__blocking *b = tile->blocking;
    const struct atrous__micro *micro = b->micro;
    const size_t block_size = micro->filters * b->view.problem->channels * b->view.problem->taps;
    const float *x[ATROUS__MICRO_VECTORS];
    for (size_t v = 0, vectors; v < tile->vectors; v += vectors) {
        vectors = share(tile->vectors - v, ATROUS__MICRO_VECTORS);
        point(tile, v, vectors, x);
        for (size_t i = 0; i < blocks; ++i)
            micro->block[vectors](
                steps, count, x, packed + i * block_size,
                tile->sums + i * micro->filters * b->sums_pitch + v * micro->lanes, b->sums_pitch);
    }
}

/* The same for one filter. */
static void sum_single(const struct atrous__tile *tile, const float *packed, float *sums,
                       const struct atrous__step *steps, size_t count)
{
    const struct atrous__micro *micro = tile->blocking->micro;
    const float *x[ATROUS__MICRO_SINGLE_VECTORS];
    for (size_t v = 0, vectors; v < tile->vectors; v += vectors) {
        vectors = share(tile->vectors - v, ATROUS__MICRO_SINGLE_VECTORS);
        point(tile, v, vectors, x);
        micro->single[vectors](steps, count, x, packed, sums + v * micro->lanes, 0);
    }
}

/* Adds `count` steps over the channels of the copy, which begin at channel `first` of the group. */
static void sum_channels(const struct atrous__tile *tile, const float *packed, size_t filters,
                         size_t first, const struct atrous__step *steps, size_t count)
{
    const struct atrous__blocking *b = tile->blocking;
    const size_t taps = b->view.problem->taps, filter_size = b->view.problem->channels * taps;
    const size_t block = b->micro->filters;
    sum_blocks(tile, packed + first * taps * block, filters / block, steps, count);
    for (size_t k = filters / block * block; k < filters; ++k)
        sum_single(tile, packed + k * filter_size + first * taps, tile->sums + k * b->sums_pitch,
                   steps, count);
}

/* Moves whole sums to the totals, before a float would round them; or back, at last. */
static void add_totals(const struct atrous__tile *tile, size_t filters, bool is_last)
{
    const struct atrous__blocking *b = tile->blocking;
    for (size_t k = 0; k < filters; ++k) {
        float *sums = tile->sums + k * b->sums_pitch;
        int32_t *totals = tile->totals + k * b->sums_pitch;
        for (size_t i = 0; i < tile->vectors * b->micro->lanes; ++i) {
            const int32_t total = totals[i] + (int32_t)sums[i];
            totals[i] = is_last ? 0 : total;
            sums[i] = is_last ? (float)total : 0.0f;
        }
    }
}

/* All channels into the sums of `count` filters, whose first element of the input and of the packed
 * weights are given. */
static void sum_all(const struct atrous__tile *tile, const struct atrous__work *work, size_t input,
                    const float *packed, size_t count)
{
    const struct atrous__blocking *b = tile->blocking;
    const size_t all = b->view.problem->channels;
    size_t products = 0; /* in the sums, where those are whole */
    for (size_t c = 0; c < all && tile->live_taps > 0; c += tile->channels) {
        const size_t channels = atrous__min(tile->channels, all - c);
        const size_t steps = channels * tile->live_taps;
        const size_t most = b->is_whole ? ATROUS__WHOLE_PRODUCTS : steps;
        for (size_t i = 0; i < channels; ++i)
            atrous__tile_copy(tile, work, input + (c + i) * b->view.in.channel,
                              tile->copy + i * b->channel_pitch);
        for (size_t i = 0, piece; i < steps; i += piece) {
            piece = atrous__min(most, steps - i);
            if (b->is_whole && products + piece > most) {
                add_totals(tile, count, false);
                products = 0;
            }
            sum_channels(tile, packed, count, c, tile->steps + i, piece);
            products += piece;
        }
    }
    if (b->is_whole)
        add_totals(tile, count, true);
}

/* Positions of an axis that land, of those from `first` on; *skip of them do not, at the front. */
static size_t landing_part(const struct atrous__landing *to, int axis, size_t first, size_t count,
                           size_t *skip)
{
    const size_t begin = to->axis[axis].skip, end = begin + to->axis[axis].count;
    *skip = first < begin ? begin - first : 0;
    const size_t stop = first < end ? atrous__min(count, end - first) : 0;
    return stop > *skip ? stop - *skip : 0;
}

/* Finishes and writes one filter's sums, to where `to` says behind element `first` of the output.
 */
static void store(const struct atrous__tile *tile, const struct atrous__work *work,
                  const struct atrous__landing *to, size_t channel, float *sums, size_t first)
{
    const struct atrous__blocking *b = tile->blocking;
    char *output = work->arrays->output;
    size_t unused, left;
    const size_t columns =
        landing_part(to, ATROUS__W, tile->columns.first, tile->columns.count, &left);
    if (columns == 0 || landing_part(to, ATROUS__D, tile->depth, 1, &unused) == 0)
        return;
    const size_t column = tile->columns.first + left - to->axis[ATROUS__W].skip;
    first += to->first + (tile->depth - to->axis[ATROUS__D].skip) * to->axis[ATROUS__D].pitch +
             column * to->axis[ATROUS__W].pitch;
    for (size_t i = 0; i < tile->rows.count; ++i, sums += tile->row_pitch) {
        const size_t y = tile->rows.first + i * b->row_step;
        if (landing_part(to, ATROUS__H, y, 1, &unused) == 0)
            continue;
        const struct atrous__elements row = {.at = first + (y - to->axis[ATROUS__H].skip) *
                                                               to->axis[ATROUS__H].pitch,
                                             .step = to->axis[ATROUS__W].pitch,
                                             .channel = channel,
                                             .count = columns};
        float *values = sums + left;
        if (work->epilogue != NULL)
            atrous__epilogue_row(work->epilogue, work->arrays, work->type, &row, values, NULL,
                                 values);
        b->micro->store[work->type](values, output + row.at * atrous__type_bytes(work->type),
                                    row.step, row.count);
    }
}

void atrous__tile_run(struct atrous__tile *tile, const struct atrous__work *work, size_t batch,
                      size_t group, size_t first, size_t count)
{
    const struct atrous__blocking *b = tile->blocking;
    const struct atrous__problem *problem = b->view.problem;
    const size_t filter = group * problem->filters + first; /* of all groups */
    const size_t channels = group * work->filters;          /* of the output, before this group's */
    const float *bias = work->arrays->bias;
    const bool is_biased = problem->conv.has_bias != 0 &&
                           (work->epilogue == NULL || !atrous__is_scaled(work->epilogue));
    for (size_t k = 0; k < count; ++k) {
        const float start = is_biased ? bias[channels + (first + k) % work->filters] : 0.0f;
        for (size_t i = 0; i < tile->vectors * b->micro->lanes; ++i)
            tile->sums[k * b->sums_pitch + i] = start;
    }
    sum_all(tile, work, batch * b->view.in.batch + group * problem->channels * b->view.in.channel,
            work->packed + filter * problem->channels * problem->taps, count);
    for (size_t k = 0; k < count; ++k) {
        const size_t channel = channels + (first + k) % work->filters;
        store(tile, work, &work->landings[(first + k) / work->filters], channel,
              tile->sums + k * b->sums_pitch,
              batch * work->out.batch + channel * work->out.channel);
    }
}
