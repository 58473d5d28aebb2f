/* The gradient of the weights in register blocks. Summing over pixels what forward sums over
 * channels and taps, the same innermost loops serve: vectors of channels of x, times filters of
 * dy one by one. Rows of x are turned so that channels lie side by side, rows of dy so that the
 * filters of a block do. */
#include "cpu/gradient.h"
#include "cpu/micro.h"

#include <omp.h>
#include <stdlib.h>

enum {
    COLUMNS = 128,     /* output columns summed at a time */
    MOST_FILTERS = 64, /* of a unit of work, where there are units enough; else */
    FILTERS = 32,
    ALIGNMENT = 64
};

struct cut {
    const struct atrous__view *view;
    const atrous_arrays *arrays;
    const struct atrous__micro *micro;
    size_t vectors, lanes;                /* of a block of channels: vectors, floats */
    size_t filters;                       /* of a block, a unit of work */
    size_t channel_blocks, filter_blocks; /* blocks of a group */
    size_t columns;                       /* output columns at a time */
    bool hull;    /* the taps of W share one run of columns; else each has its own */
    size_t pitch; /* columns copied */
    size_t tap_step, column_step; /* columns between taps, between outputs, in the copy */
};

/* What a thread owns. */
struct desk {
    float *memory;
    float *x;    /* [pitch][lanes] */
    float *dy;   /* [filters / micro][columns][micro] */
    float *sums; /* [taps][filters][lanes] */
    struct atrous__step *steps;
};

/* Where a unit stands. */
struct stand {
    size_t n, channel, channels, filter, filters; /* first ones count over all groups */
    size_t group, od, oh, column, columns;
};

static struct cut cut_make(const struct atrous__view *view, const atrous_arrays *arrays,
                           size_t threads)
{
    const struct atrous__axis *w = &view->axis[ATROUS__W];
    const struct atrous__problem *p = view->problem;
    struct cut cut = {.view = view, .arrays = arrays, .micro = atrous__micro_best()};
    const size_t vectors = atrous__ceil_div(p->channels, cut.micro->lanes);
    cut.channel_blocks = atrous__ceil_div(vectors, ATROUS__MICRO_VECTORS);
    cut.vectors = atrous__ceil_div(vectors, cut.channel_blocks);
    cut.channel_blocks = atrous__ceil_div(vectors, cut.vectors);
    cut.lanes = cut.vectors * cut.micro->lanes;
    /* The more filters, the fewer times x is turned. Every element's sum stays the same. */
    const size_t units = p->groups * cut.channel_blocks;
    cut.filters =
        units * atrous__ceil_div(p->filters, MOST_FILTERS) >= threads ? MOST_FILTERS : FILTERS;
    cut.filter_blocks = atrous__ceil_div(p->filters, cut.filters);
    cut.columns = atrous__min(w->out, COLUMNS);
    const size_t reach = (w->kernel - 1) * w->dilation, run = (cut.columns - 1) * w->stride + 1;
    cut.hull = reach + run <= w->kernel * cut.columns;
    cut.pitch = cut.hull ? reach + run : w->kernel * cut.columns;
    cut.tap_step = cut.hull ? w->dilation : cut.columns;
    cut.column_step = cut.hull ? w->stride : 1;
    return cut;
}

static bool desk_make(struct desk *desk, const struct cut *cut)
{
    const size_t x = atrous__round_up(cut->pitch * cut->lanes, ALIGNMENT);
    const size_t dy = atrous__round_up(cut->filters * cut->columns, ALIGNMENT);
    const size_t sums = cut->view->problem->taps * cut->filters * cut->lanes;
    const size_t bytes = atrous__round_up((x + dy + sums) * sizeof(float), ALIGNMENT);
    desk->memory = aligned_alloc(ALIGNMENT, bytes);
    desk->steps = malloc(cut->columns * sizeof *desk->steps);
    desk->x = desk->memory;
    if (desk->memory == NULL || desk->steps == NULL)
        return false;
    desk->dy = desk->x + x;
    desk->sums = desk->dy + dy;
    return true;
}

static void desk_free(struct desk *desk)
{
    free(desk->memory);
    free(desk->steps);
}

/* dy of the stand's filters and columns; filters that are not there are 0. */
static void turn_dy(const struct cut *cut, const struct desk *desk, const struct stand *at)
{
    const struct atrous__view *v = cut->view;
    const size_t block = cut->micro->filters;
    const size_t row = (at->od * v->axis[ATROUS__H].out + at->oh) * v->axis[ATROUS__W].out;
    const float *from = (const float *)cut->arrays->grad_output + at->n * v->out.batch +
                        (row + at->column) * v->out.pixel;
    for (size_t f = 0; f < atrous__round_up(at->filters, block); ++f) {
        float *to = desk->dy + f / block * block * cut->columns + f % block;
        const float *line = from + (at->filter + f) * v->out.channel;
        for (size_t j = 0; j < at->columns; ++j)
            to[j * block] = f < at->filters ? line[j * v->out.pixel] : 0.0f;
    }
}

/* `count` columns that lie in the input, `step` floats apart, channels side by side. */
static void turn_inside(const struct cut *cut, const struct stand *at, const float *x, size_t step,
                        size_t count, float *to)
{
    const size_t lanes = cut->lanes, channel = cut->view->in.channel;
    for (size_t c = 0; c < at->channels; ++c) {
        const float *restrict from = x + c * channel;
        float *restrict lane = to + c;
        for (size_t i = 0; i < count; ++i)
            lane[i * lanes] = from[i * step];
    }
}

/* `count` columns of a copy from the input's column `first` on, `stride` apart, through the
 * padding; `row` NULL lies in it. */
static void turn_run(const struct cut *cut, const struct stand *at, const float *row,
                     ptrdiff_t first, size_t stride, size_t count, float *to)
{
    const struct atrous__view *v = cut->view;
    const size_t in = v->axis[ATROUS__W].in, lanes = cut->lanes;
    size_t begin = count, end = count;
    if (row != NULL)
        atrous__inside(first, stride, in, count, &begin, &end);
    for (size_t i = 0; i < count; ++i) {
        if (i == begin && begin < end) {
            const size_t from = (size_t)(first + (ptrdiff_t)(begin * stride)) * v->in.pixel;
            turn_inside(cut, at, row + from, stride * v->in.pixel, end - begin, to + i * lanes);
            i = end - 1;
            continue;
        }
        const ptrdiff_t from = row != NULL ? atrous__pad_index(first + (ptrdiff_t)(i * stride), in,
                                                               v->problem->conv.padding)
                                           : -1;
        const float *pixel = from < 0 ? NULL : row + (size_t)from * v->in.pixel;
        for (size_t c = 0; c < at->channels; ++c)
            to[i * lanes + c] = pixel != NULL ? pixel[c * v->in.channel] : v->pad_value;
    }
}

/* One row of x, channels side by side; `row` NULL lies in the padding. Lanes without a channel
 * hold zeros from the start. */
static void turn_x(const struct cut *cut, const struct desk *desk, const struct stand *at,
                   const float *row)
{
    const struct atrous__axis *w = &cut->view->axis[ATROUS__W];
    const ptrdiff_t first = atrous__meet(w, at->column, 0);
    if (cut->hull) {
        turn_run(cut, at, row, first, 1, cut->pitch, desk->x);
        return;
    }
    for (size_t tap = 0; tap < w->kernel; ++tap)
        turn_run(cut, at, row, first + (ptrdiff_t)(tap * w->dilation), w->stride, cut->columns,
                 desk->x + tap * cut->columns * cut->lanes);
}

/* Adds the taps of one row of the kernel, `tap` its first. */
static void add_row(const struct cut *cut, const struct desk *desk, const struct stand *at,
                    size_t tap)
{
    const struct atrous__axis *w = &cut->view->axis[ATROUS__W];
    const size_t block = cut->micro->filters;
    const float *x[ATROUS__MICRO_VECTORS];
    for (size_t v = 0; v < cut->vectors; ++v)
        x[v] = desk->x + v * cut->micro->lanes;
    for (size_t tw = 0; tw < w->kernel; ++tw) {
        size_t begin = 0, end = at->columns;
        if (cut->view->skip_padding)
            atrous__inside(atrous__meet(w, at->column, tw), w->stride, w->in, at->columns, &begin,
                           &end);
        for (size_t j = begin; j < end; ++j)
            desk->steps[j - begin] =
                (struct atrous__step){(tw * cut->tap_step + j * cut->column_step) * cut->lanes, j};
        for (size_t f = 0; f < at->filters && begin < end; f += block)
            cut->micro->block[cut->vectors](
                desk->steps, end - begin, x, desk->dy + f * cut->columns,
                desk->sums + ((tap + tw) * cut->filters + f) * cut->lanes, cut->lanes);
    }
}

/* Adds the stand's columns of one output row. */
static void add_columns(const struct cut *cut, const struct desk *desk, const struct stand *at)
{
    const struct atrous__view *v = cut->view;
    const struct atrous__axis *d = &v->axis[ATROUS__D], *h = &v->axis[ATROUS__H],
                              *w = &v->axis[ATROUS__W];
    const float *input =
        (const float *)cut->arrays->input + at->n * v->in.batch + at->channel * v->in.channel;
    turn_dy(cut, desk, at);
    for (size_t td = 0; td < d->kernel; ++td) {
        const ptrdiff_t id = atrous__source(v, ATROUS__D, at->od, td);
        for (size_t th = 0; th < h->kernel; ++th) {
            const ptrdiff_t ih = atrous__source(v, ATROUS__H, at->oh, th);
            const bool is_padding = id < 0 || ih < 0;
            if (is_padding && v->skip_padding)
                continue;
            turn_x(cut, desk, at,
                   is_padding ? NULL
                              : input + ((size_t)id * h->in + (size_t)ih) * w->in * v->in.pixel);
            add_row(cut, desk, at, (td * h->kernel + th) * w->kernel);
        }
    }
}

static void store(const struct cut *cut, const struct desk *desk, const struct stand *at)
{
    const struct atrous__problem *p = cut->view->problem;
    const size_t first = at->channel - at->group * p->channels;
    float *output = cut->arrays->output;
    for (size_t f = 0; f < at->filters; ++f)
        for (size_t c = 0; c < at->channels; ++c) {
            float *to = output + ((at->filter + f) * p->channels + first + c) * p->taps;
            for (size_t tap = 0; tap < p->taps; ++tap)
                to[atrous__flat_tap(cut->view, tap)] =
                    desk->sums[(tap * cut->filters + f) * cut->lanes + c];
        }
}

/* One block of filters by one block of channels, over the whole batch. */
static void run_unit(const struct cut *cut, const struct desk *desk, size_t unit)
{
    const struct atrous__view *v = cut->view;
    const struct atrous__problem *p = v->problem;
    const size_t filter = unit % cut->filter_blocks * cut->filters;
    const size_t rest = unit / cut->filter_blocks;
    const size_t channel = rest % cut->channel_blocks * cut->lanes;
    struct stand at = {.group = rest / cut->channel_blocks,
                       .filters = atrous__min(cut->filters, p->filters - filter),
                       .channels = atrous__min(cut->lanes, p->channels - channel)};
    at.filter = at.group * p->filters + filter;
    at.channel = at.group * p->channels + channel;
    for (size_t i = 0; i < p->taps * cut->filters * cut->lanes; ++i)
        desk->sums[i] = 0.0f;
    for (size_t i = 0; i < cut->pitch * cut->lanes; ++i)
        desk->x[i] = 0.0f;
    for (at.n = 0; at.n < p->batch; ++at.n)
        for (at.od = 0; at.od < v->axis[ATROUS__D].out; ++at.od)
            for (at.oh = 0; at.oh < v->axis[ATROUS__H].out; ++at.oh)
                for (at.column = 0; at.column < v->axis[ATROUS__W].out; at.column += cut->columns) {
                    at.columns = atrous__min(cut->columns, v->axis[ATROUS__W].out - at.column);
                    add_columns(cut, desk, &at);
                }
    store(cut, desk, &at);
}

atrous_status atrous__gradient_blocks(const struct atrous__view *view, const atrous_arrays *arrays,
                                      unsigned threads, atrous_error *error)
{
    const struct cut cut = cut_make(view, arrays, threads);
    const size_t units = view->problem->groups * cut.channel_blocks * cut.filter_blocks;
    atrous_status status = ATROUS_OK;
    threads = (unsigned)atrous__min(threads, units);
    struct desk *desks = calloc(threads, sizeof *desks);
    if (desks == NULL)
        return atrous__fail(error, ATROUS_OUT_OF_HOST_MEMORY, "threads",
                            "is %u: no memory for their state", threads);
    for (unsigned i = 0; i < threads && status == ATROUS_OK; ++i)
        if (!desk_make(&desks[i], &cut))
            status = atrous__fail(error, ATROUS_OUT_OF_HOST_MEMORY, "kernel",
                                  "has %zu taps: no memory for the sums of a block of filters",
                                  view->problem->taps);
    if (status == ATROUS_OK) {
        const ptrdiff_t end = (ptrdiff_t)units;
#pragma omp parallel for schedule(dynamic) num_threads((int)threads)
        for (ptrdiff_t unit = 0; unit < end; ++unit)
            run_unit(&cut, &desks[omp_get_thread_num()], (size_t)unit);
    }
    for (unsigned i = 0; i < threads; ++i)
        desk_free(&desks[i]);
    free(desks);
    return status;
}
