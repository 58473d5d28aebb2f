/* The gradient of the weights on the CPU path: who computes what. Every element of dw is summed by
 * one thread in one order, so the number of threads changes nothing. */
#include "cpu/gradient.h"
#include "cpu/forms.h"
#include "cpu/micro.h"
#include "cpu/threads.h"

/* Register blocks want several filters, and room for the sums of all taps. */
enum { LEAST_FILTERS = 4, MOST_TAPS = 4096 };

/* Taps that share each row of dy. */
enum { MOST_TOGETHER = 8 };

/* db[k] = sum of dy, image by image. */
static void sum_bias(const struct atrous__view *dy, const float *grad, float *bias,
                     unsigned threads)
{
    const struct atrous__problem *p = dy->problem;
    const ptrdiff_t filters = (ptrdiff_t)p->conv.out_channels;
#pragma omp parallel for schedule(static) num_threads((int)threads)
    for (ptrdiff_t k = 0; k < filters; ++k) {
        double sum = 0.0;
        for (size_t n = 0; n < p->batch; ++n) {
            const float *plane = grad + n * dy->out.batch + (size_t)k * dy->out.channel;
            for (size_t i = 0; i < p->out_plane; ++i)
                sum += (double)plane[i * dy->out.pixel];
        }
        bias[k] = (float)sum;
    }
}

/* A sum on its way: neighbours in lanes of their own, which are added up in a fixed order, and what
 * fills no vector. */
struct sum {
    const struct atrous__micro *micro;
    float lanes[ATROUS__MICRO_DOT];
    double rest;
};

/* Adds dy . x over the part of a row where one tap meets it. */
static void add_run(struct sum *sum, const float *dy, size_t dy_step, const float *x, size_t x_step,
                    size_t count)
{
    size_t i = dy_step == 1 && x_step == 1 ? sum->micro->dot(dy, x, count, sum->lanes) : 0;
    for (; i < count; ++i)
        sum->rest += (double)dy[i * dy_step] * (double)x[i * x_step];
}

/* Outputs begin .. end-1 of a row, each read through the padding; `row` NULL lies in it whole. */
static void add_edge(struct sum *sum, const struct atrous__view *v, const float *dy,
                     const float *row, size_t tap, size_t begin, size_t end)
{
    for (size_t i = begin; i < end; ++i) {
        const ptrdiff_t from = row != NULL ? atrous__source(v, ATROUS__W, i, tap) : -1;
        const float x = from < 0 ? v->pad_value : row[(size_t)from * v->in.pixel];
        sum->rest += (double)dy[i * v->out.pixel] * (double)x;
    }
}

/* One output row at one tap; `row` as above. */
static void add_row(struct sum *sum, const struct atrous__view *v, const float *dy,
                    const float *row, size_t tap)
{
    const struct atrous__axis *w = &v->axis[ATROUS__W];
    const ptrdiff_t first = atrous__meet(w, 0, tap);
    size_t begin = 0, end = 0;
    if (row == NULL) {
        if (!v->skip_padding)
            add_edge(sum, v, dy, NULL, tap, 0, w->out);
        return;
    }
    atrous__inside(first, w->stride, w->in, w->out, &begin, &end);
    if (begin < end) {
        const size_t start = (size_t)(first + (ptrdiff_t)(begin * w->stride));
        add_run(sum, dy + begin * v->out.pixel, v->out.pixel, row + start * v->in.pixel,
                w->stride * v->in.pixel, end - begin);
    }
    if (!v->skip_padding) {
        add_edge(sum, v, dy, row, tap, 0, begin);
        add_edge(sum, v, dy, row, tap, end, w->out);
    }
}

/* Some neighbouring taps of a kernel row, which read the same rows: tap `first` and those behind
 * it, in the order of the axes, not of the weights. */
struct taps {
    size_t k, c, first, count;
};

static void add_rows(const struct atrous__view *v, const atrous_arrays *arrays,
                     const struct taps *t, struct sum sums[MOST_TOGETHER])
{
    const struct atrous__problem *p = v->problem;
    const struct atrous__axis *d = &v->axis[ATROUS__D], *h = &v->axis[ATROUS__H],
                              *w = &v->axis[ATROUS__W];
    const size_t tw = t->first % w->kernel, th = t->first / w->kernel % h->kernel,
                 td = t->first / w->kernel / h->kernel;
    const size_t channel = t->k / p->filters * p->channels + t->c;
    for (size_t n = 0; n < p->batch; ++n) {
        const float *x = (const float *)arrays->input + n * v->in.batch + channel * v->in.channel;
        const float *dy =
            (const float *)arrays->grad_output + n * v->out.batch + t->k * v->out.channel;
        for (size_t od = 0; od < d->out; ++od) {
            const ptrdiff_t id = atrous__source(v, ATROUS__D, od, td);
            for (size_t oh = 0; oh < h->out; ++oh, dy += w->out * v->out.pixel) {
                const ptrdiff_t ih = atrous__source(v, ATROUS__H, oh, th);
                const float *row =
                    id < 0 || ih < 0 ? NULL
                                     : x + ((size_t)id * h->in + (size_t)ih) * w->in * v->in.pixel;
                for (size_t i = 0; i < t->count; ++i)
                    add_row(&sums[i], v, dy, row, tw + i);
            }
        }
    }
}

static void run_taps(const struct atrous__view *v, const atrous_arrays *arrays,
                     const struct taps *t)
{
    const struct atrous__problem *p = v->problem;
    struct sum sums[MOST_TOGETHER] = {{0}};
    float *output = (float *)arrays->output + (t->k * p->channels + t->c) * p->taps;
    for (size_t i = 0; i < t->count; ++i)
        sums[i].micro = atrous__micro_best();
    add_rows(v, arrays, t, sums);
    for (size_t i = 0; i < t->count; ++i) {
        double sum = sums[i].rest;
        for (size_t lane = 0; lane < ATROUS__MICRO_DOT; ++lane)
            sum += (double)sums[i].lanes[lane];
        output[atrous__flat_tap(v, t->first + i)] = (float)sum;
    }
}

void atrous__gradient_pair(const struct atrous__view *view, const atrous_arrays *arrays, size_t k,
                           size_t c)
{
    const size_t width = view->axis[ATROUS__W].kernel;
    for (size_t row = 0; row < view->problem->taps; row += width)
        for (size_t first = 0; first < width; first += MOST_TOGETHER) {
            const struct taps t = {.k = k,
                                   .c = c,
                                   .first = row + first,
                                   .count = atrous__min(MOST_TOGETHER, width - first)};
            run_taps(view, arrays, &t);
        }
}

/* Pair by pair: for kernels that no tile holds. */
static void run_pairs(const struct atrous__view *v, const atrous_arrays *arrays, unsigned threads)
{
    const struct atrous__problem *p = v->problem;
    const ptrdiff_t pairs = (ptrdiff_t)(p->out_count / p->taps);
#pragma omp parallel for schedule(dynamic) num_threads((int)threads)
    for (ptrdiff_t i = 0; i < pairs; ++i)
        atrous__gradient_pair(v, arrays, (size_t)i / p->channels, (size_t)i % p->channels);
}

/* Register blocks have lanes for channels: not where most of them would be empty. */
static bool fills_lanes(size_t channels)
{
    const size_t lanes = atrous__micro_best()->lanes;
    return channels * 5 >= atrous__round_up(channels, lanes) * 2;
}

atrous_status atrous__gradient_run(const struct atrous__problem *problem,
                                   const atrous_arrays *arrays, unsigned threads,
                                   atrous_error *error)
{
    const struct atrous__view view = atrous__view_make(problem);
    threads = atrous__threads_for(problem->macs, threads);
    if (problem->bias_out_count > 0)
        sum_bias(&view, arrays->grad_output, arrays->bias_output, threads);
    if (problem->taps > MOST_TAPS)
        run_pairs(&view, arrays, threads);
    else if (fills_lanes(problem->channels) && problem->filters >= LEAST_FILTERS)
        return atrous__gradient_blocks(&view, arrays, threads, error);
    else
        return atrous__gradient_tiles(&view, arrays, threads, error);
    return ATROUS_OK;
}
