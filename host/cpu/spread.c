/* Transposed convolution and gradients of the data with a stride: residue by residue. Output
 * positions that are equal modulo the stride meet the same taps, at inputs that lie side by side:
 * a dense sum of fewer taps (its dilation divided by what it shares with the stride). Residues that
 * meet the same inputs are computed together, as so many times the filters: each input is copied
 * once for all of them. */
#include "cpu/forms.h"
#include "cpu/pack.h"
#include "cpu/threads.h"

#include <stdlib.h>

/* Filters of a part, times its residues: more would gain nothing. */
enum { MOST_FILTERS = 256 };

/* Residues of one axis that meet the same inputs: the first ones of the outputs first, first +
 * spread, .... */
struct kin {
    struct atrous__residue *residue;
    size_t count;
};

/* Kin of every axis: the sum it is, and where its outputs go. */
struct part {
    struct kin kin[ATROUS__AXES];
    size_t residues; /* of all axes together */
    struct atrous__problem problem;
    float *weights;
    struct atrous__landing *landings;
};

static bool are_kin(const struct atrous__residue *a, const struct atrous__residue *b)
{
    return a->taps == b->taps &&
           (a->taps == 0 || (a->from == b->from && a->dilation == b->dilation));
}

/* The residues of an axis, kin beside kin; *count of them. NULL without memory. */
static struct atrous__residue *sort_residues(const struct atrous__axis *axis, size_t *count)
{
    *count = atrous__min(axis->spread, axis->out);
    struct atrous__residue *all = calloc(*count, sizeof *all);
    for (size_t i = 0; all != NULL && i < *count; ++i)
        all[i] = atrous__residue_of(axis, i);
    for (size_t i = 0, end; all != NULL && i < *count; i = end) {
        end = i + 1;
        for (size_t j = end; j < *count; ++j)
            if (are_kin(&all[i], &all[j])) {
                const struct atrous__residue kept = all[end];
                all[end++] = all[j];
                all[j] = kept;
            }
    }
    return all;
}

/* Outputs computed before the first that is wanted. */
static size_t skip_of(const struct atrous__residue *r)
{
    return r->taps > 0 && r->from > 0 ? (size_t)r->from : 0;
}

/* Outputs that no tap meets are the bias: a tap that lies in the padding everywhere. */
static struct atrous__axis shape_axis(const struct atrous__axis *axis, const struct kin *kin)
{
    const struct atrous__residue *r = kin->residue;
    size_t most = 0;
    for (size_t i = 0; i < kin->count; ++i)
        most = atrous__max(most, r[i].count);
    struct atrous__axis to = {
        .in = axis->in, .out = most, .kernel = 1, .stride = 1, .dilation = 1, .spread = 1};
    if (r->taps == 0) {
        to.pad = most;
        return to;
    }
    to.out += skip_of(r);
    to.kernel = r->taps;
    to.dilation = r->dilation;
    to.pad = r->from < 0 ? (size_t)-r->from : 0;
    const size_t end = to.out + (r->taps - 1) * r->dilation, extent = to.pad + to.in;
    to.pad_end = end > extent ? end - extent : 0;
    return to;
}

static void shape_part(const struct atrous__problem *whole, struct part *part)
{
    struct atrous__problem *p = &part->problem;
    *p = *whole;
    p->form = ATROUS__SUM;
    p->conv.orientation = ATROUS_CROSS_CORRELATION;
    p->out_plane = p->taps = part->residues = 1;
    for (int i = 0; i < ATROUS__AXES; ++i) {
        p->axis[i] = shape_axis(&whole->axis[i], &part->kin[i]);
        p->out_plane *= p->axis[i].out;
        p->taps *= p->axis[i].kernel;
        part->residues *= part->kin[i].count;
    }
    p->filters = part->residues * whole->filters;
    p->out_count = p->batch * p->groups * p->filters * p->out_plane;
    p->weights_count = p->groups * p->filters * p->channels * p->taps;
    p->channel_step = p->taps;
    p->filter_step = p->channels * p->taps;
    p->macs = p->valid_macs = (double)p->out_count * (double)p->channels * (double)p->taps;
}

/* Residue number `index` of the part: its axes'. */
static void residue_at(const struct part *part, size_t index,
                       const struct atrous__residue *r[ATROUS__AXES])
{
    for (int i = ATROUS__AXES - 1; i >= 0; --i) {
        r[i] = &part->kin[i].residue[index % part->kin[i].count];
        index /= part->kin[i].count;
    }
}

/* One residue's taps of filter k and channel c. */
static void select_taps(const struct atrous__problem *whole,
                        const struct atrous__residue *r[ATROUS__AXES], const float *from, float *to)
{
    const bool flip = whole->conv.orientation == ATROUS_TRUE_CONVOLUTION;
    for (size_t a = 0; a < r[0]->taps; ++a)
        for (size_t b = 0; b < r[1]->taps; ++b)
            for (size_t u = 0; u < r[2]->taps; ++u) {
                const size_t row = (r[0]->tap + a * r[0]->tap_step) * whole->axis[1].kernel +
                                   r[1]->tap + b * r[1]->tap_step;
                const size_t tap = row * whole->axis[2].kernel + r[2]->tap + u * r[2]->tap_step;
                *to++ = from[flip ? whole->taps - 1 - tap : tap];
            }
}

/* The part's taps: of each group the first residue's filters, the second's, .... Taps that are not
 * there stay 0. */
static void select_weights(const struct atrous__problem *whole, const struct part *part,
                           const float *weights, unsigned threads)
{
    const struct atrous__problem *p = &part->problem;
    const ptrdiff_t filters = (ptrdiff_t)(p->groups * p->filters);
#pragma omp parallel for schedule(static) num_threads((int)threads)
    for (ptrdiff_t i = 0; i < filters; ++i) {
        const size_t group = (size_t)i / p->filters, of_group = (size_t)i % p->filters;
        const size_t k = group * whole->filters + of_group % whole->filters;
        const struct atrous__residue *r[ATROUS__AXES];
        residue_at(part, of_group / whole->filters, r);
        for (size_t c = 0; c < p->channels; ++c)
            select_taps(whole, r, weights + atrous__weights_at(whole, k, c),
                        part->weights + ((size_t)i * p->channels + c) * p->taps);
    }
}

/* Where the outputs of each residue go. */
static void land(const struct atrous__problem *whole, struct part *part, size_t pixel)
{
    const struct atrous__view view = atrous__view_make(&part->problem);
    const struct atrous__landing all = atrous__landing_make(&view, whole, pixel);
    for (size_t i = 0; i < part->residues; ++i) {
        struct atrous__landing *to = &part->landings[i];
        const struct atrous__residue *r[ATROUS__AXES];
        residue_at(part, i, r);
        *to = all;
        for (int v = 0; v < ATROUS__AXES; ++v) {
            const int axis = (v + ATROUS__AXES - view.turns) % ATROUS__AXES;
            to->first += r[axis]->first * to->axis[v].pitch;
            to->axis[v].pitch *= whole->axis[axis].spread;
            to->axis[v].count = r[axis]->count;
            to->axis[v].skip = skip_of(r[axis]);
        }
    }
}

static atrous_status run_part(const struct atrous__problem *whole, struct part *part,
                              const struct atrous__work *work, const float *weights,
                              unsigned threads, atrous_error *error)
{
    atrous_status status = ATROUS_OK;
    struct atrous__work own = *work;
    bool finite; /* known before */
    shape_part(whole, part);
    part->weights = calloc(part->problem.weights_count, sizeof *part->weights);
    part->landings = calloc(part->residues, sizeof *part->landings);
    if (part->weights == NULL || part->landings == NULL) {
        status = atrous__fail(error, ATROUS_OUT_OF_HOST_MEMORY, "weights",
                              "no memory for the %zu of some residues of the stride",
                              part->problem.weights_count);
    } else {
        select_weights(whole, part, weights,
                       atrous__threads_for((double)part->problem.weights_count, threads));
        land(whole, part, work->out.pixel);
        own.landings = part->landings;
        status = atrous__tiles_run(&part->problem, &own, part->weights, threads, &finite, error);
    }
    free(part->weights);
    free(part->landings);
    return status;
}

/* Kin that begin with residue `first` of `count`, as many as make MOST_FILTERS of `filters`. */
static struct kin kin_from(struct atrous__residue *all, size_t count, size_t first, size_t filters)
{
    struct kin kin = {all + first, 1};
    while (first + kin.count < count && (kin.count + 1) * filters <= MOST_FILTERS &&
           are_kin(kin.residue, kin.residue + kin.count))
        ++kin.count;
    return kin;
}

static atrous_status run_parts(const struct atrous__problem *problem,
                               struct atrous__residue *const all[ATROUS__AXES],
                               const size_t count[ATROUS__AXES], const struct atrous__work *work,
                               const float *weights, unsigned threads, atrous_error *error)
{
    const size_t filters = problem->filters;
    atrous_status status = ATROUS_OK;
    struct part part;
    struct kin *kin = part.kin;
    for (size_t d = 0; d < count[0]; d += kin[0].count) {
        kin[0] = kin_from(all[0], count[0], d, filters);
        for (size_t h = 0; h < count[1]; h += kin[1].count) {
            kin[1] = kin_from(all[1], count[1], h, filters * kin[0].count);
            for (size_t w = 0; w < count[2]; w += kin[2].count) {
                kin[2] = kin_from(all[2], count[2], w, filters * kin[0].count * kin[1].count);
                status = run_part(problem, &part, work, weights, threads, error);
                if (status != ATROUS_OK)
                    return status;
            }
        }
    }
    return ATROUS_OK;
}

atrous_status atrous__spread_run(const struct atrous__problem *problem,
                                 const struct atrous__work *work, const float *weights,
                                 unsigned threads, bool *finite, atrous_error *error)
{
    struct atrous__residue *all[ATROUS__AXES];
    size_t count[ATROUS__AXES];
    atrous_status status = ATROUS_OK;
    for (int i = 0; i < ATROUS__AXES; ++i)
        all[i] = sort_residues(&problem->axis[i], &count[i]);
    if (all[0] == NULL || all[1] == NULL || all[2] == NULL)
        status = atrous__fail(error, ATROUS_OUT_OF_HOST_MEMORY, "stride",
                              "no memory for %zu residues", count[0] * count[1] * count[2]);
    /* Before any output is written, which beta may have to read. */
    *finite = atrous__all_finite(weights, problem->weights_count);
    if (status == ATROUS_OK && *finite)
        status = run_parts(problem, all, count, work, weights, threads, error);
    for (int i = 0; i < ATROUS__AXES; ++i)
        free(all[i]);
    return status;
}
