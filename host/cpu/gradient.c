/* The gradient of the weights on the CPU path: who computes what. Every element of dw is summed by
 * one thread in one order, so the number of threads changes nothing. */
#include "cpu/gradient.h"
#include "cpu/forms.h"
#include "cpu/threads.h"

/* Register blocks want several channels and filters, and room for the sums of all taps. */
enum { LEAST_CHANNELS = 4, LEAST_FILTERS = 4, MOST_TAPS = 4096 };

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

/* dy . x over the part of a row where one tap meets it: neighbours in lanes of their own, so that
 * the compiler may use vectors, added up in a fixed order. */
static double dot(const float *dy, size_t dy_step, const float *x, size_t x_step, size_t count)
{
    enum { LANES = 32 };
    float sums[LANES] = {0};
    double sum = 0.0;
    size_t i = 0;
    if (dy_step == 1 && x_step == 1)
        for (; i + LANES <= count; i += LANES)
            for (size_t lane = 0; lane < LANES; ++lane)
                sums[lane] += dy[i + lane] * x[i + lane];
    for (size_t lane = 0; lane < LANES; ++lane)
        sum += (double)sums[lane];
    for (; i < count; ++i)
        sum += (double)dy[i * dy_step] * (double)x[i * x_step];
    return sum;
}

/* Outputs begin .. end-1 of a row, each read through the padding; `row` NULL lies in it whole. */
static double edge(const struct atrous__view *v, const float *dy, const float *row, size_t tap,
                   size_t begin, size_t end)
{
    double sum = 0.0;
    for (size_t i = begin; i < end; ++i) {
        const ptrdiff_t from = row != NULL ? atrous__source(v, ATROUS__W, i, tap) : -1;
        const float x = from < 0 ? v->pad_value : row[(size_t)from * v->in.pixel];
        sum += (double)dy[i * v->out.pixel] * (double)x;
    }
    return sum;
}

/* One output row at one tap; `row` as above. */
static double sum_row(const struct atrous__view *v, const float *dy, const float *row, size_t tap)
{
    const struct atrous__axis *w = &v->axis[ATROUS__W];
    const ptrdiff_t first = atrous__meet(w, 0, tap);
    size_t begin = 0, end = 0;
    double sum = 0.0;
    if (row == NULL)
        return v->skip_padding ? 0.0 : edge(v, dy, NULL, tap, 0, w->out);
    atrous__inside(first, w->stride, w->in, w->out, &begin, &end);
    if (begin < end) {
        const size_t start = (size_t)(first + (ptrdiff_t)(begin * w->stride));
        sum = dot(dy + begin * v->out.pixel, v->out.pixel, row + start * v->in.pixel,
                  w->stride * v->in.pixel, end - begin);
    }
    if (!v->skip_padding)
        sum += edge(v, dy, row, tap, 0, begin) + edge(v, dy, row, tap, end, w->out);
    return sum;
}

/* One element of dw; the tap is in the order of the axes, not of the weights. */
static double sum_element(const struct atrous__view *v, const atrous_arrays *arrays, size_t k,
                          size_t c, size_t tap)
{
    const struct atrous__problem *p = v->problem;
    const struct atrous__axis *d = &v->axis[ATROUS__D], *h = &v->axis[ATROUS__H],
                              *w = &v->axis[ATROUS__W];
    const size_t tw = tap % w->kernel, th = tap / w->kernel % h->kernel,
                 td = tap / w->kernel / h->kernel;
    const size_t channel = k / p->filters * p->channels + c;
    double sum = 0.0;
    for (size_t n = 0; n < p->batch; ++n) {
        const float *x = (const float *)arrays->input + n * v->in.batch + channel * v->in.channel;
        const float *dy =
            (const float *)arrays->grad_output + n * v->out.batch + k * v->out.channel;
        for (size_t od = 0; od < d->out; ++od) {
            const ptrdiff_t id = atrous__source(v, ATROUS__D, od, td);
            for (size_t oh = 0; oh < h->out; ++oh) {
                const ptrdiff_t ih = atrous__source(v, ATROUS__H, oh, th);
                const float *row =
                    id < 0 || ih < 0 ? NULL
                                     : x + ((size_t)id * h->in + (size_t)ih) * w->in * v->in.pixel;
                sum += sum_row(v, dy + (od * h->out + oh) * w->out * v->out.pixel, row, tw);
            }
        }
    }
    return sum;
}

/* Element by element: for few channels or filters, where rows are long. */
static void run_elements(const struct atrous__view *v, const atrous_arrays *arrays,
                         unsigned threads)
{
    const struct atrous__problem *p = v->problem;
    float *output = arrays->output;
    const ptrdiff_t count = (ptrdiff_t)p->out_count;
#pragma omp parallel for schedule(dynamic) num_threads((int)threads)
    for (ptrdiff_t i = 0; i < count; ++i) {
        const size_t row = (size_t)i / p->taps, tap = (size_t)i % p->taps;
        output[i] = (float)sum_element(v, arrays, row / p->channels, row % p->channels,
                                       atrous__flat_tap(v, tap));
    }
}

atrous_status atrous__gradient_run(const struct atrous__problem *problem,
                                   const atrous_arrays *arrays, unsigned threads,
                                   atrous_error *error)
{
    const struct atrous__view view = atrous__view_make(problem);
    threads = atrous__threads_for(problem->macs, threads);
    if (problem->bias_out_count > 0)
        sum_bias(&view, arrays->grad_output, arrays->bias_output, threads);
    if (problem->channels >= LEAST_CHANNELS && problem->filters >= LEAST_FILTERS &&
        problem->taps <= MOST_TAPS)
        return atrous__gradient_blocks(&view, arrays, threads, error);
    run_elements(&view, arrays, threads);
    return ATROUS_OK;
}
