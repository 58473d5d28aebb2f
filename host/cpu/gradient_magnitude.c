/* The cross-check's side of minimal filtering for the gradient of the weights:
 *
 *     magnitude = |A| [ sum over tiles (|G| |dy| |GT|) .* (|BT| |x| |B|) ] |AT|
 *
 * (host/problem/bound.c). Tiles of outputs lie as in minimal.c. */
#include "cpu/forms.h"
#include "cpu/square.h"
#include "cpu/threads.h"
#include "cpu/view.h"

#include <omp.h>
#include <stdlib.h>

enum {
    FILTERS = 16, /* served by one transform of the inputs */
    TILES = 128   /* transformed at a time */
};

struct job {
    const atrous_arrays *arrays;
    struct atrous__view view;
    const struct atrous__minimal *rows, *columns;
    size_t points, down, across, tiles; /* tiles of all images */
};

struct tile {
    size_t n, od, row, column; /* of its first output */
};

/* May lie past the end: then nothing of dy is in it. */
static struct tile tile_at(const struct job *job, size_t index)
{
    const struct atrous__axis *axis = job->view.axis;
    const size_t line = index / job->across, plane = line / job->down;
    return (struct tile){
        .n = plane / axis[ATROUS__D].out,
        .od = plane % axis[ATROUS__D].out,
        .row = atrous__tile_start(&axis[ATROUS__H], job->rows->taps, line % job->down),
        .column = atrous__tile_start(&axis[ATROUS__W], job->columns->taps, index % job->across)};
}

static void transform_x(const struct job *job, const struct tile *tile, size_t channel,
                        double *points)
{
    const struct atrous__view *view = &job->view;
    const struct atrous__minimal *h = job->rows, *w = job->columns;
    const float *image =
        (const float *)job->arrays->input + tile->n * view->in.batch + channel * view->in.channel;
    const ptrdiff_t height = (ptrdiff_t)view->axis[ATROUS__H].in;
    const ptrdiff_t width = (ptrdiff_t)view->axis[ATROUS__W].in;
    const ptrdiff_t id = atrous__source(view, ATROUS__D, tile->od, 0);
    struct atrous__square x = {{{0}}}, half = {{{0}}}, whole = {{{0}}};
    for (size_t row = 0; row < h->inputs; ++row) {
        const ptrdiff_t ih = atrous__source(view, ATROUS__H, tile->row, row);
        for (size_t column = 0; column < w->inputs; ++column) {
            const ptrdiff_t iw = atrous__source(view, ATROUS__W, tile->column, column);
            const ptrdiff_t pixel = ((id * height) + ih) * width + iw;
            const float value = id < 0 || ih < 0 || iw < 0
                                    ? view->pad_value
                                    : image[pixel * (ptrdiff_t)view->in.pixel];
            x.at[row][column] = fabs((double)value) + ATROUS__TINY;
        }
    }
    atrous__square_apply(h->input, h->points, h->inputs, &x, &half);
    atrous__square_apply(w->input, w->points, w->inputs, &half, &whole);
    atrous__square_flatten(&whole, h->points, w->points, points);
}

static void transform_dy(const struct job *job, const struct tile *tile, size_t filter,
                         double *points)
{
    const struct atrous__view *view = &job->view;
    const struct atrous__axis *y = &view->axis[ATROUS__H], *z = &view->axis[ATROUS__W];
    const struct atrous__minimal *h = job->rows, *w = job->columns;
    const float *image = (const float *)job->arrays->grad_output + tile->n * view->out.batch +
                         filter * view->out.channel;
    struct atrous__square g = {{{0}}}, half = {{{0}}}, whole = {{{0}}};
    for (size_t i = 0; i < h->taps; ++i)
        for (size_t j = 0; j < w->taps; ++j) {
            const size_t row = tile->row + i * y->dilation, column = tile->column + j * z->dilation;
            const bool is_inside = row < y->out && column < z->out;
            const size_t pixel = (tile->od * y->out + row) * z->out + column;
            const double value = is_inside ? (double)image[pixel * view->out.pixel] : 0.0;
            g.at[i][j] = fabs(value) + ATROUS__TINY;
        }
    atrous__square_apply(h->tap, h->points, h->taps, &g, &half);
    atrous__square_apply(w->tap, w->points, w->taps, &half, &whole);
    atrous__square_flatten(&whole, h->points, w->points, points);
}

/* The taps' magnitudes from the points' sums, in the order of the axes. */
static void transform_sums(const struct job *job, const double *sums, struct atrous__square *taps)
{
    const struct atrous__minimal *h = job->rows, *w = job->columns;
    struct atrous__square m = {{{0}}}, half = {{{0}}};
    for (size_t row = 0; row < h->points; ++row)
        for (size_t column = 0; column < w->points; ++column)
            m.at[row][column] = *sums++ + ATROUS__TINY;
    atrous__square_apply(h->output, h->outputs, h->points, &m, &half);
    atrous__square_apply(w->output, w->outputs, w->points, &half, taps);
}

/* Filters filter .. filter+filters-1 and all channels of one group. `dy` has room for the points of
 * TILES tiles a filter, `x` for one tile a thread, `sums` for all pairs. */
struct slice {
    size_t group, filter, filters;
    double *dy, *x, *sums;
};

static void add_tiles(const struct job *job, const struct slice *s, size_t first, size_t count,
                      unsigned threads)
{
    const size_t channels = job->view.problem->channels, points = job->points;
    const ptrdiff_t pieces = (ptrdiff_t)(count * s->filters);
#pragma omp parallel num_threads((int)threads)
    {
        double *x = s->x + (size_t)omp_get_thread_num() * points;
#pragma omp for schedule(static)
        for (ptrdiff_t i = 0; i < pieces; ++i) {
            const struct tile tile = tile_at(job, first + (size_t)i / s->filters);
            transform_dy(job, &tile, s->filter + (size_t)i % s->filters,
                         s->dy + (size_t)i * points);
        }
#pragma omp for schedule(static)
        for (ptrdiff_t c = 0; c < (ptrdiff_t)channels; ++c)
            for (size_t i = 0; i < count; ++i) {
                const struct tile tile = tile_at(job, first + i);
                double *sums = s->sums + (size_t)c * s->filters * points;
                const double *dy = s->dy + i * s->filters * points;
                transform_x(job, &tile, s->group * channels + (size_t)c, x);
                for (size_t f = 0; f < s->filters; ++f)
                    for (size_t point = 0; point < points; ++point)
                        sums[f * points + point] += dy[f * points + point] * x[point];
            }
    }
}

/* Stores what of a pair's taps lies in the range first .. first+count-1 of the output. */
static void store_pair(const struct job *job, size_t pair, const double *sums, size_t first,
                       size_t count, double *magnitude)
{
    const size_t taps = job->view.problem->taps;
    struct atrous__square square = {{{0}}};
    transform_sums(job, sums, &square);
    for (size_t tap = 0; tap < taps; ++tap) {
        const size_t at = pair * taps + atrous__flat_tap(&job->view, tap);
        if (at >= first && at - first < count)
            magnitude[at - first] = atrous__within_range(
                square.at[tap / job->columns->outputs][tap % job->columns->outputs]);
    }
}

static void sum_slice(const struct job *job, const struct slice *s, size_t first, size_t count,
                      unsigned threads, double *magnitude)
{
    const size_t channels = job->view.problem->channels;
    for (size_t i = 0; i < channels * s->filters * job->points; ++i)
        s->sums[i] = 0.0;
    for (size_t tile = 0; tile < job->tiles; tile += TILES)
        add_tiles(job, s, tile, atrous__min(TILES, job->tiles - tile), threads);
    for (size_t c = 0; c < channels; ++c)
        for (size_t f = 0; f < s->filters; ++f)
            store_pair(job, (s->filter + f) * channels + c,
                       s->sums + (c * s->filters + f) * job->points, first, count, magnitude);
}

static atrous_status sum_range(const struct job *job, size_t first, size_t count, unsigned threads,
                               double *magnitude, atrous_error *error)
{
    const struct atrous__problem *p = job->view.problem;
    const size_t row = p->channels * p->taps; /* elements of a filter */
    const size_t pieces = FILTERS * TILES + threads + FILTERS * p->channels;
    double *scratch = malloc(pieces * job->points * sizeof *scratch);
    if (scratch == NULL)
        return atrous__fail(error, ATROUS_OUT_OF_HOST_MEMORY, "", "the magnitudes of a check");
    struct slice s = {.dy = scratch};
    s.x = s.dy + FILTERS * TILES * job->points;
    s.sums = s.x + threads * job->points;
    for (s.group = 0; s.group < p->groups; ++s.group)
        for (size_t f = 0; f < p->filters; f += FILTERS) {
            s.filter = s.group * p->filters + f;
            s.filters = atrous__min(FILTERS, p->filters - f);
            if (s.filter * row < first + count && (s.filter + s.filters) * row > first)
                sum_slice(job, &s, first, count, threads, magnitude);
        }
    free(scratch);
    return ATROUS_OK;
}

/* The element of dw at flat index `at` alone. */
static double sum_one(const struct job *job, size_t at)
{
    const struct atrous__problem *p = job->view.problem;
    const size_t pair = at / p->taps, k = pair / p->channels;
    const size_t channel = k / p->filters * p->channels + pair % p->channels;
    double sums[ATROUS__POINTS] = {0}, x[ATROUS__POINTS], dy[ATROUS__POINTS], magnitude = 0.0;
    for (size_t i = 0; i < job->tiles; ++i) {
        const struct tile tile = tile_at(job, i);
        transform_x(job, &tile, channel, x);
        transform_dy(job, &tile, k, dy);
        for (size_t point = 0; point < job->points; ++point)
            sums[point] += x[point] * dy[point];
    }
    store_pair(job, pair, sums, at, 1, &magnitude);
    return magnitude;
}

atrous_status atrous__gradient_magnitude(const struct atrous__problem *problem,
                                         const struct atrous__bound *bound,
                                         const atrous_arrays *arrays, const size_t *at,
                                         size_t first, size_t count, unsigned threads,
                                         double *magnitude, atrous_error *error)
{
    struct job job = {.arrays = arrays,
                      .view = atrous__view_make(problem),
                      .rows = bound->rows,
                      .columns = bound->columns,
                      .points = bound->rows->points * bound->columns->points};
    const struct atrous__axis *axis = job.view.axis;
    job.down = atrous__tile_count(&axis[ATROUS__H], job.rows->taps);
    job.across = atrous__tile_count(&axis[ATROUS__W], job.columns->taps);
    job.tiles = problem->batch * axis[ATROUS__D].out * job.down * job.across;
    const double direct = atrous__direct_terms(problem) / bound->terms;
    for (size_t i = 0; i < count; ++i)
        if ((at != NULL ? at[i] : first + i) >= problem->out_count)
            magnitude[i] *= direct > 1.0 ? direct : 1.0;
    if (at == NULL)
        return first < problem->out_count
                   ? sum_range(&job, first, atrous__min(count, problem->out_count - first), threads,
                               magnitude, error)
                   : ATROUS_OK;
    const ptrdiff_t elements = (ptrdiff_t)count;
#pragma omp parallel for schedule(static) num_threads((int)threads)
    for (ptrdiff_t i = 0; i < elements; ++i)
        if (at[i] < problem->out_count)
            magnitude[i] = sum_one(&job, at[i]);
    return ATROUS_OK;
}
