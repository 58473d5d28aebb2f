/* The cross-check's side of the CPU path: direct summation with double accumulators. */
#include "cpu/cpu.h"
#include "cpu/forms.h"
#include "cpu/threads.h"
#include "cpu/view.h"

#include <math.h>

enum { CHUNK = 128 }; /* outputs of a row summed at once: their sums stay in the L1 cache */

/* A run of outputs along W. */
struct run {
    size_t n, k, od, oh, ow, count;
};

/* sum[i] += w*x, size[i] += |w*x| for `count` inputs x, x+step, .... */
static void add_inputs(double *restrict sum, double *restrict size, double w,
                       const float *restrict x, size_t step, size_t count)
{
    if (step == 1) {
        for (size_t i = 0; i < count; ++i) {
            const double product = w * (double)x[i];
            sum[i] += product;
            size[i] += fabs(product);
        }
        return;
    }
    for (size_t i = 0; i < count; ++i) {
        const double product = w * (double)x[i * step];
        sum[i] += product;
        size[i] += fabs(product);
    }
}

/* The same for `count` reads of the padding's value. */
static void add_padding(double *sum, double *size, double w, double value, size_t count)
{
    for (size_t i = 0; i < count; ++i) {
        sum[i] += w * value;
        size[i] += fabs(w * value);
    }
}

/* Adds tap `tap` of W for outputs begin .. end-1 of `run`, which lie in the padding. */
static void add_edge(const struct atrous__view *view, const struct run *run, size_t tap, double w,
                     const float *row, size_t begin, size_t end, double *sum, double *size)
{
    for (size_t i = begin; i < end; ++i) {
        const ptrdiff_t from = atrous__source(view, ATROUS__W, run->ow + i, tap);
        const float x = from < 0 ? view->pad_value : row[(size_t)from * view->in.pixel];
        add_padding(sum + i, size + i, w, (double)x, 1);
    }
}

/* Adds tap `tap` of W where only some of the outputs of `run` meet input. */
static void add_spread(const struct atrous__view *view, const struct run *run, size_t tap, double w,
                       const float *row, double *sum, double *size)
{
    for (size_t i = 0; i < run->count; ++i) {
        const ptrdiff_t from = atrous__source(view, ATROUS__W, run->ow + i, tap);
        if (from >= 0)
            add_inputs(sum + i, size + i, w, row + (size_t)from * view->in.pixel, 1, 1);
    }
}

/* Adds tap `tap` of W for the outputs of `run`; `row` is the input row it meets. */
static void add_tap(const struct atrous__view *view, const struct run *run, size_t tap, double w,
                    const float *row, double *sum, double *size)
{
    const struct atrous__axis *axis = &view->axis[ATROUS__W];
    const size_t pixel = view->in.pixel;
    const ptrdiff_t first = atrous__meet(axis, run->ow, tap);
    size_t begin, end;
    if (axis->spread > 1) {
        add_spread(view, run, tap, w, row, sum, size);
        return;
    }
    atrous__inside(first, axis->stride, axis->in, run->count, &begin, &end);
    if (begin < end) {
        const size_t start = (size_t)first + begin * axis->stride;
        add_inputs(sum + begin, size + begin, w, row + start * pixel, axis->stride * pixel,
                   end - begin);
    }
    if (view->skip_padding)
        return;
    add_edge(view, run, tap, w, row, 0, begin, sum, size);
    add_edge(view, run, tap, w, row, end, run->count, sum, size);
}

/* Adds one channel: its weights and its input plane. */
static void add_channel(const struct atrous__view *view, const struct run *run,
                        const float *weights, const float *plane, double *sum, double *size)
{
    const struct atrous__axis *axis = view->axis;
    const size_t row_taps = axis[ATROUS__W].kernel;
    size_t tap = 0;
    for (size_t td = 0; td < axis[ATROUS__D].kernel; ++td) {
        const ptrdiff_t id = atrous__source(view, ATROUS__D, run->od, td);
        for (size_t th = 0; th < axis[ATROUS__H].kernel; ++th, tap += row_taps) {
            const ptrdiff_t ih = atrous__source(view, ATROUS__H, run->oh, th);
            const bool padding = id < 0 || ih < 0;
            if (padding && view->skip_padding)
                continue;
            const size_t row = padding ? 0 : (size_t)id * axis[ATROUS__H].in + (size_t)ih;
            const float *pixels = plane + row * axis[ATROUS__W].in * view->in.pixel;
            for (size_t tw = 0; tw < row_taps; ++tw) {
                const double w = (double)weights[atrous__flat_tap(view, tap + tw)];
                if (padding)
                    add_padding(sum, size, w, (double)view->pad_value, run->count);
                else
                    add_tap(view, run, tw, w, pixels, sum, size);
            }
        }
    }
}

/* The outputs of `run`, at most CHUNK. */
static void sum_run(const struct atrous__view *view, const atrous_arrays *arrays,
                    const struct run *run, double *sum, double *size)
{
    const struct atrous__problem *problem = view->problem;
    const float *bias = arrays->bias;
    const double start = problem->conv.has_bias ? (double)bias[run->k] : 0.0;
    const size_t first = run->k / problem->filters * problem->channels;
    const float *input = (const float *)arrays->input + run->n * view->in.batch;
    const float *weights = (const float *)arrays->weights + atrous__weights_at(problem, run->k, 0);
    for (size_t i = 0; i < run->count; ++i) {
        sum[i] = start;
        size[i] = fabs(start);
    }
    for (size_t c = 0; c < problem->channels; ++c)
        add_channel(view, run, weights + c * problem->channel_step,
                    input + (first + c) * view->in.channel, sum, size);
}

/* The taps of one output that meet input: where its first channel lies, and where its weight. */
struct meetings {
    size_t count, x[CHUNK], w[CHUNK];
};

static void add_meetings(const struct atrous__view *view, const struct meetings *m,
                         const float *input, const float *weights, double *sum, double *size)
{
    for (size_t c = 0; c < view->problem->channels; ++c) {
        const float *plane = input + c * view->in.channel;
        const float *taps = weights + c * view->problem->channel_step;
        for (size_t i = 0; i < m->count; ++i) {
            const double product = (double)taps[m->w[i]] * (double)plane[m->x[i]];
            *sum += product;
            *size += fabs(product);
        }
    }
}

/* A tap that reads the padding's value in every channel. */
static void add_constant(const struct atrous__view *view, const float *weights, double *sum,
                         double *size)
{
    for (size_t c = 0; c < view->problem->channels; ++c)
        add_padding(sum, size, (double)weights[c * view->problem->channel_step],
                    (double)view->pad_value, 1);
}

/* A single output: its taps are placed once for all channels. */
static void sum_one(const struct atrous__view *view, const atrous_arrays *arrays,
                    const struct run *run, double *sum, double *size)
{
    const struct atrous__problem *problem = view->problem;
    const struct atrous__axis *axis = view->axis;
    const float *bias = arrays->bias;
    const size_t first = run->k / problem->filters * problem->channels;
    const float *input =
        (const float *)arrays->input + run->n * view->in.batch + first * view->in.channel;
    const float *weights = (const float *)arrays->weights + atrous__weights_at(problem, run->k, 0);
    struct meetings m = {.count = 0};
    *sum = problem->conv.has_bias ? (double)bias[run->k] : 0.0;
    *size = fabs(*sum);
    for (size_t tap = 0; tap < problem->taps; ++tap) {
        const size_t tw = tap % axis[ATROUS__W].kernel, row = tap / axis[ATROUS__W].kernel;
        const size_t th = row % axis[ATROUS__H].kernel, td = row / axis[ATROUS__H].kernel;
        const ptrdiff_t id = atrous__source(view, ATROUS__D, run->od, td);
        const ptrdiff_t ih = atrous__source(view, ATROUS__H, run->oh, th);
        const ptrdiff_t iw = atrous__source(view, ATROUS__W, run->ow, tw);
        const size_t w = atrous__flat_tap(view, tap);
        if (id < 0 || ih < 0 || iw < 0) {
            if (!view->skip_padding)
                add_constant(view, weights + w, sum, size);
            continue;
        }
        const size_t line = (size_t)id * axis[ATROUS__H].in + (size_t)ih;
        m.x[m.count] = (line * axis[ATROUS__W].in + (size_t)iw) * view->in.pixel;
        m.w[m.count++] = w;
        if (m.count == CHUNK) {
            add_meetings(view, &m, input, weights, sum, size);
            m.count = 0;
        }
    }
    add_meetings(view, &m, input, weights, sum, size);
}

/* The output at flat index `at`, as a run of one. */
static struct run locate(const struct atrous__view *view, size_t at)
{
    const size_t width = view->axis[ATROUS__W].out, height = view->axis[ATROUS__H].out;
    const bool channels_last = view->problem->conv.output_layout == ATROUS_LAYOUT_NHWC;
    const size_t rest = at % view->out.batch;
    const size_t pixel = channels_last ? rest / view->out.pixel : rest % view->out.channel;
    return (struct run){
        .n = at / view->out.batch,
        .k = channels_last ? rest % view->out.pixel : rest / view->out.channel,
        .od = pixel / width / height,
        .oh = pixel / width % height,
        .ow = pixel % width,
        .count = 1,
    };
}

/* A contiguous range of flat indices into output, and where its results go. */
struct range {
    size_t first, count;
    double *value, *magnitude;
};

/* The part of one output row (k fixed) that lies in `range`, from flat index `start`. */
static void sum_row(const struct atrous__view *view, const atrous_arrays *arrays, size_t start,
                    const struct range *range)
{
    const size_t step = view->out.pixel;
    double sum[CHUNK], size[CHUNK];
    size_t ow, end;
    atrous__inside((ptrdiff_t)start - (ptrdiff_t)range->first, step, range->count,
                   view->axis[ATROUS__W].out, &ow, &end);
    for (; ow < end; ow += CHUNK) {
        struct run run = locate(view, start + ow * step);
        run.count = atrous__min(CHUNK, end - ow);
        sum_run(view, arrays, &run, sum, size);
        for (size_t i = 0; i < run.count; ++i) {
            const size_t to = start + (ow + i) * step - range->first;
            range->value[to] = sum[i];
            range->magnitude[to] = size[i];
        }
    }
}

static void sum_range(const struct atrous__view *view, const atrous_arrays *arrays,
                      const struct range *range, unsigned threads)
{
    /* Rows that lie interleaved (one channel beside the other) make a bundle. */
    const size_t bundle = view->out.pixel;
    const size_t bundle_size = view->axis[ATROUS__W].out * bundle;
    const size_t first = range->first / bundle_size;
    const size_t last = (range->first + range->count - 1) / bundle_size;
    const ptrdiff_t rows = (ptrdiff_t)((last - first + 1) * bundle);
#pragma omp parallel for schedule(dynamic) num_threads((int)threads)
    for (ptrdiff_t row = 0; row < rows; ++row) {
        const size_t r = (size_t)row;
        sum_row(view, arrays, (first + r / bundle) * bundle_size + r % bundle, range);
    }
}

atrous_status atrous__cpu_exact(const struct atrous__problem *problem, const atrous_arrays *arrays,
                                const size_t *at, size_t first, size_t count, unsigned threads,
                                double *value, double *magnitude, atrous_error *error)
{
    if (problem->form == ATROUS__GRADIENT)
        return atrous__gradient_exact(problem, arrays, at, first, count, threads, value, magnitude,
                                      error);
    const struct atrous__view view = atrous__view_make(problem);
    threads = atrous__threads_for((double)count * (double)problem->channels * (double)problem->taps,
                                  threads);
    if (count == 0)
        return ATROUS_OK;
    if (at == NULL) {
        sum_range(&view, arrays, &(struct range){first, count, value, magnitude}, threads);
        return ATROUS_OK;
    }
    const ptrdiff_t outputs = (ptrdiff_t)count;
#pragma omp parallel for schedule(static) num_threads((int)threads)
    for (ptrdiff_t i = 0; i < outputs; ++i) {
        const struct run run = locate(&view, at[i]);
        sum_one(&view, arrays, &run, value + i, magnitude + i);
    }
    return ATROUS_OK;
}
