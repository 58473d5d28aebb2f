/* The cross-check's side of the gradient of the weights: one element at a time, in double. */
#include "cpu/forms.h"
#include "cpu/threads.h"
#include "cpu/view.h"

#include <math.h>

/* Neighbouring products in sums of their own, so that the compiler may use vectors. */
enum { LANES = 8 };

struct sums {
    double value[LANES], magnitude[LANES];
};

/* The products of `count` elements of dy and x, each `step` apart. */
static void add_products(struct sums *sums, const float *dy, size_t dy_step, const float *x,
                         size_t x_step, size_t count)
{
    size_t i = 0;
    for (; i + LANES <= count; i += LANES)
        for (size_t lane = 0; lane < LANES; ++lane) {
            const double product =
                (double)dy[(i + lane) * dy_step] * (double)x[(i + lane) * x_step];
            sums->value[lane] += product;
            sums->magnitude[lane] += fabs(product);
        }
    for (; i < count; ++i) {
        const double product = (double)dy[i * dy_step] * (double)x[i * x_step];
        sums->value[0] += product;
        sums->magnitude[0] += fabs(product);
    }
}

/* Outputs begin .. end-1 of a row, each read through the padding; `row` NULL lies in it whole. */
static void add_edge(struct sums *sums, const struct atrous__view *v, const float *dy,
                     const float *row, size_t tap, size_t begin, size_t end)
{
    for (size_t i = begin; i < end; ++i) {
        const ptrdiff_t from = row != NULL ? atrous__source(v, ATROUS__W, i, tap) : -1;
        const float x = from < 0 ? v->pad_value : row[(size_t)from * v->in.pixel];
        add_products(sums, dy + i * v->out.pixel, 1, &x, 1, 1);
    }
}

/* One output row at tap `tap` of W. */
static void add_row(struct sums *sums, const struct atrous__view *v, const float *dy,
                    const float *row, size_t tap)
{
    const struct atrous__axis *w = &v->axis[ATROUS__W];
    const ptrdiff_t first = atrous__meet(w, 0, tap);
    size_t begin = w->out, end = w->out;
    if (row != NULL)
        atrous__inside(first, w->stride, w->in, w->out, &begin, &end);
    if (begin < end)
        add_products(sums, dy + begin * v->out.pixel, v->out.pixel,
                     row + (first + (ptrdiff_t)(begin * w->stride)) * (ptrdiff_t)v->in.pixel,
                     w->stride * v->in.pixel, end - begin);
    if (v->skip_padding)
        return;
    add_edge(sums, v, dy, row, tap, 0, begin);
    add_edge(sums, v, dy, row, tap, end, w->out);
}

/* One image: x and dy at the element's channel and filter, the tap in the order of the axes. */
static void add_image(struct sums *sums, const struct atrous__view *v, const float *x,
                      const float *dy, size_t tap)
{
    const struct atrous__axis *h = &v->axis[ATROUS__H], *w = &v->axis[ATROUS__W];
    const size_t tw = tap % w->kernel, th = tap / w->kernel % h->kernel,
                 td = tap / w->kernel / h->kernel;
    const size_t row_step = w->out * v->out.pixel;
    for (size_t od = 0; od < v->axis[ATROUS__D].out; ++od) {
        const ptrdiff_t id = atrous__source(v, ATROUS__D, od, td);
        for (size_t oh = 0; oh < h->out; ++oh, dy += row_step) {
            const ptrdiff_t ih = atrous__source(v, ATROUS__H, oh, th);
            const size_t row = id < 0 || ih < 0 ? 0 : (size_t)id * h->in + (size_t)ih;
            add_row(sums, v, dy, id < 0 || ih < 0 ? NULL : x + row * w->in * v->in.pixel, tw);
        }
    }
}

/* One element of dw or, behind its end, of db. */
static void sum_element(const struct atrous__view *v, const atrous_arrays *arrays, size_t at,
                        double *value, double *magnitude)
{
    const struct atrous__problem *p = v->problem;
    const bool is_bias = at >= p->out_count;
    const size_t row = at / p->taps;
    const size_t k = is_bias ? at - p->out_count : row / p->channels;
    const size_t c = k / p->filters * p->channels + row % p->channels;
    const float one = 1.0f;
    struct sums sums = {{0}, {0}};
    for (size_t n = 0; n < p->batch; ++n) {
        const float *dy =
            (const float *)arrays->grad_output + n * v->out.batch + k * v->out.channel;
        if (is_bias)
            add_products(&sums, dy, v->out.pixel, &one, 0, p->out_plane);
        else
            add_image(&sums, v, (const float *)arrays->input + n * v->in.batch + c * v->in.channel,
                      dy, atrous__flat_tap(v, at % p->taps));
    }
    *value = *magnitude = 0.0;
    for (size_t lane = 0; lane < LANES; ++lane) {
        *value += sums.value[lane];
        *magnitude += sums.magnitude[lane];
    }
}

static void sum_elements(const struct atrous__view *v, const atrous_arrays *arrays,
                         const size_t *at, size_t first, size_t count, unsigned threads,
                         double *value, double *magnitude)
{
    const ptrdiff_t elements = (ptrdiff_t)count;
#pragma omp parallel for schedule(dynamic) num_threads((int)threads)
    for (ptrdiff_t i = 0; i < elements; ++i)
        sum_element(v, arrays, at != NULL ? at[i] : first + (size_t)i, value + i, magnitude + i);
}

atrous_status atrous__gradient_exact(const struct atrous__problem *problem,
                                     const atrous_arrays *arrays, const size_t *at, size_t first,
                                     size_t count, unsigned threads, double *value,
                                     double *magnitude, atrous_error *error)
{
    (void)error; /* nothing here can fail */
    const struct atrous__view view = atrous__view_make(problem);
    const double macs = (double)count * (double)problem->batch * (double)problem->out_plane;
    sum_elements(&view, arrays, at, first, count, atrous__threads_for(macs, threads), value,
                 magnitude);
    return ATROUS_OK;
}
