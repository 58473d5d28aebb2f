/* Transposed convolution and gradients of the data with a stride: residue by residue. Output
 * positions that are equal modulo the stride meet the same taps, at inputs that lie side by side:
 * a dense sum of fewer taps (its dilation divided by what it shares with the stride). */
#include "cpu/forms.h"
#include "cpu/threads.h"
#include "cpu/view.h"

#include <stdlib.h>

/* One residue of every axis: the sum it is, and where its outputs go. */
struct part {
    struct atrous__residue residue[ATROUS__AXES];
    struct atrous__problem problem;
    size_t skip[ATROUS__AXES]; /* outputs computed before the first that is wanted */
    bool is_empty;             /* no tap: the outputs are the bias */
    float *weights, *output;
};

static void shape_axis(const struct atrous__axis *axis, const struct atrous__residue *r,
                       struct atrous__axis *to, size_t *skip)
{
    *skip = r->from > 0 ? (size_t)r->from : 0;
    *to = (struct atrous__axis){.in = axis->in,
                                .out = r->count + *skip,
                                .kernel = r->taps,
                                .stride = 1,
                                .dilation = r->dilation,
                                .spread = 1,
                                .pad = r->from < 0 ? (size_t)-r->from : 0};
    const size_t end = to->out + (r->taps - 1) * r->dilation, extent = to->pad + to->in;
    to->pad_end = end > extent ? end - extent : 0;
}

static void shape_part(const struct atrous__problem *whole, struct part *part)
{
    struct atrous__problem *p = &part->problem;
    *p = *whole;
    p->form = ATROUS__SUM;
    p->conv.orientation = ATROUS_CROSS_CORRELATION;
    p->out_plane = p->taps = 1;
    part->is_empty = false;
    for (int i = 0; i < ATROUS__AXES; ++i) {
        part->is_empty = part->is_empty || part->residue[i].taps == 0;
        if (part->is_empty)
            return;
        shape_axis(&whole->axis[i], &part->residue[i], &p->axis[i], &part->skip[i]);
        p->out_plane *= p->axis[i].out;
        p->taps *= p->axis[i].kernel;
    }
    const size_t filters = p->groups * p->filters;
    p->out_count = p->batch * filters * p->out_plane;
    p->weights_count = filters * p->channels * p->taps;
    p->channel_step = p->taps;
    p->filter_step = p->channels * p->taps;
    p->macs = p->valid_macs = (double)p->out_count * (double)p->channels * (double)p->taps;
}

/* The part's taps of every filter and channel, one after the other. */
static void select_weights(const struct atrous__problem *whole, const struct part *part,
                           const float *weights)
{
    const struct atrous__residue *r = part->residue;
    const bool flip = whole->conv.orientation == ATROUS_TRUE_CONVOLUTION;
    float *to = part->weights;
    for (size_t k = 0; k < whole->groups * whole->filters; ++k)
        for (size_t c = 0; c < whole->channels; ++c) {
            const float *from = weights + atrous__weights_at(whole, k, c);
            for (size_t a = 0; a < r[0].taps; ++a)
                for (size_t b = 0; b < r[1].taps; ++b)
                    for (size_t u = 0; u < r[2].taps; ++u) {
                        const size_t row = (r[0].tap + a * r[0].tap_step) * whole->axis[1].kernel +
                                           r[1].tap + b * r[1].tap_step;
                        const size_t tap =
                            row * whole->axis[2].kernel + r[2].tap + u * r[2].tap_step;
                        *to++ = from[flip ? whole->taps - 1 - tap : tap];
                    }
        }
}

/* Copies one channel's outputs of the part to where they belong. */
static void place_plane(const struct atrous__problem *whole, const struct part *part,
                        const float *from, size_t from_pixel, float bias, float *to,
                        size_t to_pixel)
{
    const struct atrous__residue *r = part->residue;
    const struct atrous__axis *axis = whole->axis, *sub = part->problem.axis;
    for (size_t z = 0; z < r[0].count; ++z)
        for (size_t y = 0; y < r[1].count; ++y) {
            const size_t row =
                (r[0].first + z * axis[0].spread) * axis[1].out + r[1].first + y * axis[1].spread;
            float *out = to + (row * axis[2].out + r[2].first) * to_pixel;
            const size_t step = axis[2].spread * to_pixel;
            if (part->is_empty) {
                for (size_t x = 0; x < r[2].count; ++x)
                    out[x * step] = bias;
                continue;
            }
            const size_t sub_row = (z + part->skip[0]) * sub[1].out + y + part->skip[1];
            const float *sums = from + (sub_row * sub[2].out + part->skip[2]) * from_pixel;
            for (size_t x = 0; x < r[2].count; ++x)
                out[x * step] = sums[x * from_pixel];
        }
}

static void place(const struct atrous__problem *whole, const struct part *part,
                  const atrous_arrays *arrays, unsigned threads)
{
    const struct atrous__view to = atrous__view_make(whole);
    const struct atrous__view from = atrous__view_make(&part->problem);
    const size_t channels = whole->conv.out_channels;
    const float *bias = arrays->bias;
    float *output = arrays->output;
    const ptrdiff_t planes = (ptrdiff_t)(whole->batch * channels);
#pragma omp parallel for schedule(static) num_threads((int)threads)
    for (ptrdiff_t i = 0; i < planes; ++i) {
        const size_t n = (size_t)i / channels, k = (size_t)i % channels;
        place_plane(whole, part, part->output + n * from.out.batch + k * from.out.channel,
                    from.out.pixel, whole->conv.has_bias ? bias[k] : 0.0f,
                    output + n * to.out.batch + k * to.out.channel, to.out.pixel);
    }
}

static atrous_status run_part(const struct atrous__problem *whole, struct part *part,
                              const atrous_arrays *arrays, unsigned threads, atrous_error *error)
{
    atrous_status status = ATROUS_OK;
    shape_part(whole, part);
    part->weights = part->output = NULL;
    if (!part->is_empty) {
        atrous_arrays inner = *arrays;
        part->weights = malloc(part->problem.weights_count * sizeof(float));
        part->output = malloc(part->problem.out_count * sizeof(float));
        if (part->weights == NULL || part->output == NULL) {
            status = atrous__fail(error, ATROUS_OUT_OF_HOST_MEMORY, "output",
                                  "no memory for %zu sums of one residue of the stride",
                                  part->problem.out_count);
        } else {
            select_weights(whole, part, arrays->weights);
            inner.weights = part->weights;
            inner.output = part->output;
            status = atrous__sums_run(&part->problem, &inner, threads, error);
        }
    }
    if (status == ATROUS_OK)
        place(whole, part, arrays, atrous__threads_for(whole->macs, threads));
    free(part->weights);
    free(part->output);
    return status;
}

atrous_status atrous__spread_run(const struct atrous__problem *problem, const atrous_arrays *arrays,
                                 unsigned threads, atrous_error *error)
{
    const size_t residues = atrous__residue_count(problem);
    struct part part;
    for (size_t i = 0; i < residues; ++i) {
        atrous__residue_at(problem, i, part.residue);
        const atrous_status status = run_part(problem, &part, arrays, threads, error);
        if (status != ATROUS_OK)
            return status;
    }
    return ATROUS_OK;
}
