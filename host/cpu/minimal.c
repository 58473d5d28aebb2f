/* The cross-check's side of minimal filtering: what its rounding errors are proportional to.
 *
 *     magnitude = |bias| + |AT| [ sum over channels (|G| |w| |GT|) .* (|BT| |x| |B|) ] |A|
 *
 * over channels and the taps of a depth alike
 * (host/problem/bound.c). Tiles lie as every solver lays them: from the first row and column of
 * each phase, a dilation between neighbours. An input tile is read whole, through the padding,
 * also where it reaches past what the outputs need. */
#include "cpu/cpu.h"
#include "cpu/forms.h"
#include "cpu/square.h"
#include "cpu/threads.h"
#include "cpu/view.h"
#include "problem/bound.h"

#include <float.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>

enum { SLICE = 16 /* filters served by one transform of the inputs */ };

struct job {
    const atrous_arrays *arrays;
    struct atrous__view view;
    const struct atrous__minimal *rows, *columns;
    size_t points;
    size_t first, count; /* flat indices into output, and their magnitudes */
    double *magnitude;
};

struct tile {
    size_t n, od, row, column; /* of its first output */
    /* Where its inputs lie in a plane; -1: the padding's value. */
    ptrdiff_t x[ATROUS__MINIMAL][ATROUS__MINIMAL];
};

/* Summed like channels: the taps of the depth, each of all channels. */
static size_t summed(const struct job *job)
{
    return job->view.axis[ATROUS__D].kernel * job->view.problem->channels;
}

/* Through tap `depth` of the kernel's depth; `channel` is where that channel begins. */
static void transform_input(const struct job *job, const struct tile *tile, size_t depth,
                            const float *channel, double *points)
{
    const struct atrous__minimal *h = job->rows, *w = job->columns;
    const struct atrous__axis *axis = job->view.axis;
    const ptrdiff_t id = atrous__source(&job->view, ATROUS__D, tile->od, depth);
    const ptrdiff_t plane =
        (ptrdiff_t)(axis[ATROUS__H].in * axis[ATROUS__W].in * job->view.in.pixel);
    struct atrous__square x = {{{0}}}, half = {{{0}}}, whole = {{{0}}};
    for (size_t row = 0; row < h->inputs; ++row)
        for (size_t column = 0; column < w->inputs; ++column) {
            const ptrdiff_t at = tile->x[row][column];
            const float value = id < 0 || at < 0 ? job->view.pad_value : channel[id * plane + at];
            x.at[row][column] = fabs((double)value) + ATROUS__TINY;
        }
    atrous__square_apply(h->input, h->points, h->inputs, &x, &half);
    atrous__square_apply(w->input, w->points, w->inputs, &half, &whole);
    atrous__square_flatten(&whole, h->points, w->points, points);
}

static void transform_taps(const struct job *job, size_t depth, const float *weights,
                           double *points)
{
    const struct atrous__minimal *h = job->rows, *w = job->columns;
    struct atrous__square g = {{{0}}}, half = {{{0}}}, whole = {{{0}}};
    for (size_t row = 0; row < h->taps; ++row)
        for (size_t column = 0; column < w->taps; ++column) {
            const size_t tap =
                atrous__flat_tap(&job->view, (depth * h->taps + row) * w->taps + column);
            g.at[row][column] = fabs((double)weights[tap]) + ATROUS__TINY;
        }
    atrous__square_apply(h->tap, h->points, h->taps, &g, &half);
    atrous__square_apply(w->tap, w->points, w->taps, &half, &whole);
    atrous__square_flatten(&whole, h->points, w->points, points);
}

/* Outputs of filter k from the points' sums. */
static void transform_output(const struct job *job, size_t k, const double *sums,
                             struct atrous__square *y)
{
    const struct atrous__minimal *h = job->rows, *w = job->columns;
    const float *bias = job->arrays->bias;
    const double start = job->view.problem->conv.has_bias ? fabs((double)bias[k]) : 0.0;
    struct atrous__square m = {{{0}}}, half = {{{0}}};
    for (size_t row = 0; row < h->points; ++row)
        for (size_t column = 0; column < w->points; ++column)
            m.at[row][column] = *sums++ + ATROUS__TINY;
    atrous__square_apply(h->output, h->outputs, h->points, &m, &half);
    atrous__square_apply(w->output, w->outputs, w->points, &half, y);
    for (size_t row = 0; row < h->outputs; ++row)
        for (size_t column = 0; column < w->outputs; ++column)
            y->at[row][column] = atrous__within_range(y->at[row][column] + start);
}

/* Where the tile whose first output is given reads. A tile's inputs follow each other as taps
 * do, beyond the last tap too. */
static void place_inputs(const struct job *job, struct tile *tile)
{
    const struct atrous__view *view = &job->view;
    const ptrdiff_t width = (ptrdiff_t)view->axis[ATROUS__W].in;
    for (size_t row = 0; row < job->rows->inputs; ++row) {
        const ptrdiff_t ih = atrous__source(view, ATROUS__H, tile->row, row);
        for (size_t column = 0; column < job->columns->inputs; ++column) {
            const ptrdiff_t iw = atrous__source(view, ATROUS__W, tile->column, column);
            tile->x[row][column] =
                ih < 0 || iw < 0 ? -1 : (ih * width + iw) * (ptrdiff_t)view->in.pixel;
        }
    }
}

/* Channel c of the group's input for batch entry n. */
static const float *input_of(const struct job *job, size_t n, size_t group, size_t c)
{
    const struct atrous__view *view = &job->view;
    return (const float *)job->arrays->input + n * view->in.batch +
           (group * view->problem->channels + c) * view->in.channel;
}

static const float *weights_of(const struct job *job, size_t k, size_t c)
{
    return (const float *)job->arrays->weights + atrous__weights_at(job->view.problem, k, c);
}

/* Flat index into output. */
static size_t output_at(const struct job *job, const struct tile *tile, size_t k, size_t row,
                        size_t column)
{
    const struct atrous__view *view = &job->view;
    const size_t plane_row = tile->od * view->axis[ATROUS__H].out + row;
    return tile->n * view->out.batch + k * view->out.channel +
           (plane_row * view->axis[ATROUS__W].out + column) * view->out.pixel;
}

/* Filters k .. k + filters - 1 of one batch entry, all of one group. */
struct slice {
    size_t n, group, k, filters;
    double *taps; /* transformed: [filter][depth][channel][point] */
};

/* sums[point] += sum over channels of u * v. */
static void add_products(const double *restrict u, const double *restrict v, size_t channels,
                         size_t points, double *restrict sums)
{
    for (size_t c = 0; c < channels; ++c, u += points, v += points)
        for (size_t point = 0; point < points; ++point)
            sums[point] += u[point] * v[point];
}

/* Whether flat indices least .. most meet the range. */
static bool meets_range(const struct job *job, size_t least, size_t most)
{
    return least < job->first + job->count && most >= job->first;
}

static bool slice_counts(const struct job *job, const struct slice *slice)
{
    const struct atrous__axis *axis = job->view.axis;
    const struct tile first = {.n = slice->n};
    const struct tile last = {.n = slice->n, .od = axis[ATROUS__D].out - 1};
    return meets_range(job, output_at(job, &first, slice->k, 0, 0),
                       output_at(job, &last, slice->k + slice->filters - 1, axis[ATROUS__H].out - 1,
                                 axis[ATROUS__W].out - 1));
}

static bool tile_counts(const struct job *job, const struct slice *slice, const struct tile *tile)
{
    const struct atrous__axis *h = &job->view.axis[ATROUS__H], *w = &job->view.axis[ATROUS__W];
    if (tile->row >= h->out || tile->column >= w->out)
        return false;
    const size_t row = tile->row + (job->rows->outputs - 1) * h->dilation;
    const size_t column = tile->column + (job->columns->outputs - 1) * w->dilation;
    return meets_range(job, output_at(job, tile, slice->k, tile->row, tile->column),
                       output_at(job, tile, slice->k + slice->filters - 1, row, column));
}

static void store_tile(const struct job *job, const struct tile *tile, size_t k,
                       const struct atrous__square *y)
{
    const struct atrous__axis *h = &job->view.axis[ATROUS__H], *w = &job->view.axis[ATROUS__W];
    for (size_t i = 0; i < job->rows->outputs; ++i)
        for (size_t j = 0; j < job->columns->outputs; ++j) {
            const size_t row = tile->row + i * h->dilation, column = tile->column + j * w->dilation;
            if (row >= h->out || column >= w->out)
                continue;
            const size_t at = output_at(job, tile, k, row, column);
            if (at >= job->first && at - job->first < job->count)
                job->magnitude[at - job->first] = y->at[i][j];
        }
}

/* All filters of a slice on one tile; `points` has room for the transformed inputs. */
static void sum_tile(const struct job *job, const struct slice *slice, struct tile *tile,
                     double *points)
{
    const size_t channels = job->view.problem->channels, all = summed(job);
    const size_t size = all * job->points;
    place_inputs(job, tile);
    for (size_t i = 0; i < all; ++i)
        transform_input(job, tile, i / channels,
                        input_of(job, slice->n, slice->group, i % channels),
                        points + i * job->points);
    for (size_t f = 0; f < slice->filters; ++f) {
        double sums[ATROUS__POINTS] = {0};
        struct atrous__square y = {{{0}}};
        add_products(slice->taps + f * size, points, all, job->points, sums);
        transform_output(job, slice->k + f, sums, &y);
        store_tile(job, tile, slice->k + f, &y);
    }
}

/* `points` has room for one tile's transformed inputs per thread. */
static void sum_slice(const struct job *job, const struct slice *slice, unsigned threads,
                      double *points)
{
    const struct atrous__axis *axis = job->view.axis;
    const size_t channels = job->view.problem->channels, all = summed(job);
    const size_t size = all * job->points;
    const size_t down = atrous__tile_count(&axis[ATROUS__H], job->rows->outputs);
    const size_t across = atrous__tile_count(&axis[ATROUS__W], job->columns->outputs);
    const ptrdiff_t pairs = (ptrdiff_t)(slice->filters * all);
    const ptrdiff_t tiles = (ptrdiff_t)(axis[ATROUS__D].out * down * across);
#pragma omp parallel num_threads((int)threads)
    {
#pragma omp for schedule(static)
        for (ptrdiff_t i = 0; i < pairs; ++i) {
            const size_t f = (size_t)i / all, c = (size_t)i % channels;
            transform_taps(job, (size_t)i % all / channels, weights_of(job, slice->k + f, c),
                           slice->taps + (size_t)i * job->points);
        }
#pragma omp for schedule(dynamic, 4)
        for (ptrdiff_t i = 0; i < tiles; ++i) {
            const size_t at = (size_t)i, line = at / across;
            struct tile tile = {
                .n = slice->n,
                .od = line / down,
                .row = atrous__tile_start(&axis[ATROUS__H], job->rows->outputs, line % down),
                .column = atrous__tile_start(&axis[ATROUS__W], job->columns->outputs, at % across),
            };
            if (tile_counts(job, slice, &tile))
                sum_tile(job, slice, &tile, points + (size_t)omp_get_thread_num() * size);
        }
    }
}

static atrous_status sum_range(const struct job *job, unsigned threads, atrous_error *error)
{
    const struct atrous__problem *p = job->view.problem;
    const size_t size = summed(job) * job->points;
    double *scratch = malloc((SLICE + threads) * size * sizeof *scratch);
    if (scratch == NULL)
        return atrous__fail(error, ATROUS_OUT_OF_HOST_MEMORY, "", "the magnitudes of a check");
    struct slice slice = {.taps = scratch};
    for (slice.n = 0; slice.n < p->batch; ++slice.n)
        for (slice.group = 0; slice.group < p->groups; ++slice.group)
            for (size_t f = 0; f < p->filters; f += SLICE) {
                slice.k = slice.group * p->filters + f;
                slice.filters = atrous__min(SLICE, p->filters - f);
                if (slice_counts(job, &slice))
                    sum_slice(job, &slice, threads, scratch + SLICE * size);
            }
    free(scratch);
    return ATROUS_OK;
}

/* The output at flat index `at` alone. */
static double sum_one(const struct job *job, size_t at)
{
    const struct atrous__problem *p = job->view.problem;
    const struct atrous__strides *out = &job->view.out;
    const struct atrous__axis *h = &job->view.axis[ATROUS__H], *w = &job->view.axis[ATROUS__W];
    const bool channels_last = p->conv.output_layout == ATROUS_LAYOUT_NHWC;
    const size_t rest = at % out->batch;
    const size_t pixel = channels_last ? rest / out->pixel : rest % out->channel;
    const size_t k = channels_last ? rest % out->pixel : rest / out->channel;
    const size_t oh = pixel / w->out % h->out, ow = pixel % w->out;
    const size_t i = oh / h->dilation % job->rows->outputs;
    const size_t j = ow / w->dilation % job->columns->outputs;
    struct tile tile = {.n = at / out->batch,
                        .od = pixel / w->out / h->out,
                        .row = oh - i * h->dilation,
                        .column = ow - j * w->dilation};
    double sums[ATROUS__POINTS] = {0}, u[ATROUS__POINTS], v[ATROUS__POINTS];
    struct atrous__square y = {{{0}}};

    place_inputs(job, &tile);
    for (size_t at_sum = 0; at_sum < summed(job); ++at_sum) {
        const size_t depth = at_sum / p->channels, c = at_sum % p->channels;
        transform_input(job, &tile, depth, input_of(job, tile.n, k / p->filters, c), v);
        transform_taps(job, depth, weights_of(job, k, c), u);
        add_products(u, v, 1, job->points, sums);
    }
    transform_output(job, k, sums, &y);
    return y.at[i][j];
}

atrous_status atrous__cpu_minimal(const struct atrous__problem *problem,
                                  const struct atrous__bound *bound, const atrous_arrays *arrays,
                                  const size_t *at, size_t first, size_t count, unsigned threads,
                                  double *magnitude, atrous_error *error)
{
    const struct job job = {.arrays = arrays,
                            .view = atrous__view_make(problem),
                            .rows = bound->rows,
                            .columns = bound->columns,
                            .points = bound->rows->points * bound->columns->points,
                            .first = first,
                            .count = count,
                            .magnitude = magnitude};
    threads =
        atrous__threads_for((double)count * (double)summed(&job) * (double)job.points, threads);
    if (count == 0)
        return ATROUS_OK;
    if (problem->form == ATROUS__GRADIENT)
        return atrous__gradient_magnitude(problem, bound, arrays, at, first, count, threads,
                                          magnitude, error);
    if (at == NULL)
        return sum_range(&job, threads, error);
    const ptrdiff_t outputs = (ptrdiff_t)count;
#pragma omp parallel for schedule(static) num_threads((int)threads)
    for (ptrdiff_t i = 0; i < outputs; ++i)
        magnitude[i] = sum_one(&job, at[i]);
    return ATROUS_OK;
}
