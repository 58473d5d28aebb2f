/* The gradient of the weights for few channels of a group: a tile of the forward path copies what
 * it reads of a channel, dy lies as the tile's sums would, and one pass over both sums up to nine
 * taps. Columns between rows hold zeros of dy. */
#include "cpu/forms.h"
#include "cpu/gradient.h"
#include "cpu/threads.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>

/* A unit of work is one channel of a group in one part of the places; where there are few channels
 * parts are many, as many whatever the number of threads. */
enum { LEAST_UNITS = 64 };

struct job {
    const struct atrous__blocking *blocking;
    struct atrous__work work;
    size_t pairs; /* groups x channels */
    size_t stops; /* places x batch */
    size_t parts; /* of the stops */
    double *sums; /* [parts][pairs][filters][taps] */
};

/* One filter's dy where the tile stands. */
static void copy_dy(const struct atrous__tile *tile, const float *plane)
{
    const struct atrous__blocking *b = tile->blocking;
    const size_t pixel = b->view.out.pixel, height = b->view.axis[ATROUS__H].out,
                 width = b->view.axis[ATROUS__W].out;
    for (size_t i = 0; i < tile->rows.count; ++i) {
        const size_t y = tile->rows.first + i * b->row_step;
        const size_t at = (tile->depth * height + y) * width + tile->columns.first;
        b->micro->load[ATROUS_TYPE_F32](plane + at * pixel, pixel, tile->sums + i * tile->row_pitch,
                                        tile->columns.count);
    }
}

/* Adds the live taps of one filter. */
static void add_taps(const struct atrous__tile *tile, double *sums)
{
    const struct atrous__micro *micro = tile->blocking->micro;
    for (size_t first = 0, count; first < tile->live_taps; first += count) {
        const struct atrous__step *steps = tile->steps + first;
        double part[ATROUS__MICRO_TAPS] = {0};
        count = atrous__min(ATROUS__MICRO_TAPS, tile->live_taps - first);
        micro->taps[count](steps, tile->sums, tile->copy, tile->vector_at, tile->vectors, part);
        for (size_t t = 0; t < count; ++t)
            sums[steps[t].w] += part[t];
    }
}

/* Channel c of a group where the tile stands, all filters. */
static void add_stop(const struct job *job, struct atrous__tile *tile, size_t n, size_t group,
                     size_t c, double *sums)
{
    const struct atrous__view *v = &job->blocking->view;
    const struct atrous__problem *p = v->problem;
    const float *dy = (const float *)job->work.arrays->grad_output + n * v->out.batch +
                      group * p->filters * v->out.channel;
    if (tile->live_taps == 0)
        return;
    atrous__tile_copy(tile, &job->work, n * v->in.batch + (group * p->channels + c) * v->in.channel,
                      tile->copy);
    for (size_t f = 0; f < p->filters; ++f) {
        copy_dy(tile, dy + f * v->out.channel);
        add_taps(tile, sums + f * p->taps);
    }
}

static void run_unit(const struct job *job, struct atrous__tile *tile, size_t unit)
{
    const struct atrous__blocking *b = job->blocking;
    const struct atrous__problem *p = b->view.problem;
    const size_t pair = unit % job->pairs, part = unit / job->pairs;
    const size_t end = (part + 1) * job->stops / job->parts;
    for (size_t i = part * job->stops / job->parts; i < end; ++i) {
        const size_t place = i / p->batch;
        if (place != tile->place) {
            atrous__tile_place(tile, place);
            for (size_t j = 0; j < tile->vectors * b->micro->lanes; ++j)
                tile->sums[j] = 0.0f; /* between the rows of dy */
        }
        add_stop(job, tile, i % p->batch, pair / p->channels, pair % p->channels,
                 job->sums + unit * p->filters * p->taps);
    }
}

/* Parts added up in order. A sum that is not finite may have met an infinity that is another tap's,
 * times a zero: it is summed again product by product. */
static void store_pair(const struct job *job, size_t pair)
{
    const struct atrous__view *v = &job->blocking->view;
    const struct atrous__problem *p = v->problem;
    const size_t size = p->filters * p->taps, c = pair % p->channels;
    float *output = job->work.arrays->output;
    for (size_t f = 0; f < p->filters; ++f) {
        const size_t k = pair / p->channels * p->filters + f;
        bool is_finite = true;
        for (size_t tap = 0; tap < p->taps; ++tap) {
            double sum = 0.0;
            for (size_t part = 0; part < job->parts; ++part)
                sum += job->sums[(part * job->pairs + pair) * size + f * p->taps + tap];
            output[(k * p->channels + c) * p->taps + atrous__flat_tap(v, tap)] = (float)sum;
            is_finite = is_finite && isfinite(sum);
        }
        if (!is_finite)
            atrous__gradient_pair(v, job->work.arrays, k, c);
    }
}

static atrous_status run(const struct job *job, unsigned threads, atrous_error *error)
{
    const ptrdiff_t units = (ptrdiff_t)(job->parts * job->pairs), pairs = (ptrdiff_t)job->pairs;
    atrous_status status = ATROUS_OK;
    threads = (unsigned)atrous__min(threads, (size_t)units);
    struct atrous__tile *tiles = calloc(threads, sizeof *tiles);
    if (tiles == NULL)
        return atrous__fail(error, ATROUS_OUT_OF_HOST_MEMORY, "threads",
                            "is %u: no memory for their state", threads);
    for (unsigned i = 0; i < threads && status == ATROUS_OK; ++i)
        status = atrous__tile_make(&tiles[i], job->blocking, error);
    if (status == ATROUS_OK) {
#pragma omp parallel num_threads((int)threads)
        {
#pragma omp for schedule(dynamic, 4)
            for (ptrdiff_t unit = 0; unit < units; ++unit)
                run_unit(job, &tiles[omp_get_thread_num()], (size_t)unit);
#pragma omp for schedule(static)
            for (ptrdiff_t pair = 0; pair < pairs; ++pair)
                store_pair(job, (size_t)pair);
        }
    }
    for (unsigned i = 0; i < threads; ++i)
        atrous__tile_free(&tiles[i]);
    free(tiles);
    return status;
}

atrous_status atrous__gradient_tiles(const struct atrous__view *view, const atrous_arrays *arrays,
                                     unsigned threads, atrous_error *error)
{
    const struct atrous__problem *p = view->problem;
    struct atrous__blocking blocking = {.row_tiles = NULL};
    /* One thread: tiles are not to depend on how many there are. */
    atrous_status status = atrous__blocking_make(&blocking, p, false, 1, error);
    if (status != ATROUS_OK)
        return status;
    struct job job = {.blocking = &blocking,
                      .work = {.arrays = arrays, .type = ATROUS_TYPE_F32},
                      .pairs = p->groups * p->channels,
                      .stops = atrous__tile_places(&blocking) * p->batch};
    job.parts = atrous__min(atrous__ceil_div(LEAST_UNITS, job.pairs), job.stops);
    job.sums = calloc(job.parts * p->out_count, sizeof *job.sums);
    if (job.sums == NULL)
        status =
            atrous__fail(error, ATROUS_OUT_OF_HOST_MEMORY, "kernel",
                         "has %zu taps: no memory for %zu sums", p->taps, job.parts * p->out_count);
    else
        status = run(&job, threads, error);
    free(job.sums);
    atrous__blocking_free(&blocking);
    return status;
}
