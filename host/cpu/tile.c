/* One tile of the CPU path at work: copies channels, sums them in registers, stores. */
#include "cpu/tile.h"

/* One row of one channel, from the input row that begins at `row`, but for columns that read the
 * padding's value. */
static void copy_row(const struct atrous__tile *tile, const float *row, float *to)
{
    const struct atrous__view *view = &tile->blocking->view;
    const size_t pixel = view->in.pixel, step = view->axis[ATROUS__W].stride * pixel;
    for (size_t s = 0; s < tile->span_count; ++s) {
        const struct atrous__span span = tile->spans[s];
        const ptrdiff_t *source = tile->column_source + span.source;
        float *restrict out = to + span.to;
        if (span.from != ATROUS__SCATTERED)
            tile->blocking->micro->load[ATROUS_TYPE_F32](row + (size_t)span.from * pixel, step, out,
                                                         span.count);
        for (size_t i = 0; span.from == ATROUS__SCATTERED && view->repeats && i < span.count; ++i)
            out[i] = row[(size_t)source[i] * pixel];
    }
}

/* A whole channel: `plane` is its first pixel in the input. */
static void copy_channel(const struct atrous__tile *tile, const float *plane, float *to)
{
    const struct atrous__blocking *b = tile->blocking;
    const ptrdiff_t *source = tile->row_source;
    for (size_t td = 0; td < b->view.axis[ATROUS__D].kernel; ++td, to += tile->depth_pitch)
        for (size_t i = 0; i < b->slots; ++i, ++source)
            if (*source >= 0)
                copy_row(tile, plane + (size_t)*source * b->view.in.pixel, to + i * tile->pitch);
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

/* Adds `steps` steps to the sums of whole blocks of filters. packed: of the first filter. */
static void sum_blocks(const struct atrous__tile *tile, const float *packed, size_t blocks,
                       size_t steps)
{
    const struct atrous__blocking *b = tile->blocking;
    const struct atrous__micro *micro = b->micro;
    const size_t block_size = micro->filters * b->view.problem->channels * b->view.problem->taps;
    const float *x[ATROUS__MICRO_VECTORS];
    for (size_t v = 0, count; v < tile->vectors; v += count) {
        count = share(tile->vectors - v, ATROUS__MICRO_VECTORS);
        point(tile, v, count, x);
        for (size_t i = 0; i < blocks; ++i)
            micro->block[count](tile->steps, steps, x, packed + i * block_size,
                                tile->sums + i * micro->filters * b->sums_pitch + v * micro->lanes,
                                b->sums_pitch);
    }
}

/* The same for one filter. */
static void sum_single(const struct atrous__tile *tile, const float *packed, float *sums,
                       size_t steps)
{
    const struct atrous__micro *micro = tile->blocking->micro;
    const float *x[ATROUS__MICRO_SINGLE_VECTORS];
    for (size_t v = 0, count; v < tile->vectors; v += count) {
        count = share(tile->vectors - v, ATROUS__MICRO_SINGLE_VECTORS);
        point(tile, v, count, x);
        micro->single[count](tile->steps, steps, x, packed, sums + v * micro->lanes, 0);
    }
}

/* Adds `count` channels of the copy, which begin at channel `first` of the group. */
static void sum_channels(const struct atrous__tile *tile, const float *packed, size_t filters,
                         size_t first, size_t count)
{
    const struct atrous__blocking *b = tile->blocking;
    const size_t taps = b->view.problem->taps, filter_size = b->view.problem->channels * taps;
    const size_t block = b->micro->filters, steps = count * tile->live_taps;
    sum_blocks(tile, packed + first * taps * block, filters / block, steps);
    for (size_t k = filters / block * block; k < filters; ++k)
        sum_single(tile, packed + k * filter_size + first * taps, tile->sums + k * b->sums_pitch,
                   steps);
}

/* Writes one filter's sums; `plane` is the filter's first pixel in the output. */
static void store(const struct atrous__tile *tile, const float *sums, float *plane)
{
    const struct atrous__blocking *b = tile->blocking;
    const size_t pixel = b->view.out.pixel, height = b->view.axis[ATROUS__H].out,
                 width = b->view.axis[ATROUS__W].out;
    for (size_t i = 0; i < tile->rows.count; ++i, sums += tile->row_pitch) {
        const size_t y = tile->rows.first + i * b->row_step;
        float *out = plane + ((tile->depth * height + y) * width + tile->columns.first) * pixel;
        b->micro->store[ATROUS_TYPE_F32](sums, out, pixel, tile->columns.count);
    }
}

void atrous__tile_run(struct atrous__tile *tile, const float *input, const float *packed,
                      const float *bias, float *output, size_t batch, size_t group, size_t first,
                      size_t count)
{
    const struct atrous__blocking *b = tile->blocking;
    const struct atrous__problem *problem = b->view.problem;
    const size_t filter = group * problem->filters + first; /* of all groups */
    const size_t sums = tile->vectors * b->micro->lanes;
    packed += filter * problem->channels * problem->taps;
    input += batch * b->view.in.batch + group * problem->channels * b->view.in.channel;
    output += batch * b->view.out.batch + filter * b->view.out.channel;

    for (size_t k = 0; k < count; ++k)
        for (size_t i = 0; i < sums; ++i)
            tile->sums[k * b->sums_pitch + i] = bias == NULL ? 0.0f : bias[filter + k];
    for (size_t c = 0; c < problem->channels && tile->live_taps > 0; c += tile->channels) {
        const size_t channels = atrous__min(tile->channels, problem->channels - c);
        for (size_t i = 0; i < channels; ++i)
            copy_channel(tile, input + (c + i) * b->view.in.channel,
                         tile->copy + i * b->channel_pitch);
        sum_channels(tile, packed, count, c, channels);
    }
    for (size_t k = 0; k < count; ++k)
        store(tile, tile->sums + k * b->sums_pitch, output + k * b->view.out.channel);
}
