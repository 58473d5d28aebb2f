/* Parts of a problem: which there are, and each as a problem of its own. */
#include "problem/part.h"

#include <string.h>

/* From one output position of a phase to the next. */
static size_t phase_step(const struct atrous__axis *axis)
{
    return axis->dilation / atrous__gcd(axis->stride, axis->dilation);
}

static size_t positions(const struct atrous__axis *axis, bool is_phased)
{
    return is_phased ? atrous__ceil_div(axis->out, phase_step(axis)) : axis->out;
}

struct atrous__cut atrous__cut_whole(const struct atrous__problem *p)
{
    struct atrous__cut cut = {.batch = p->batch, .groups = p->groups, .filters = p->filters};
    for (int i = 0; i < ATROUS__AXES; ++i)
        cut.out[i] = p->axis[i].out;
    return cut;
}

/* Whether parts have all of the axis, padding included. Where a stride leaves much of it unread,
 * they do not. */
static bool is_whole(const struct atrous__problem *p, const struct atrous__cut *cut, int i)
{
    const struct atrous__axis *axis = &p->axis[i];
    const size_t span = (axis->out - 1) * axis->stride + (axis->kernel - 1) * axis->dilation + 1;
    return !cut->is_phased[i] && cut->out[i] == axis->out && span > (axis->in - 1) * axis->spread;
}

/* Pieces of an axis: of each phase as many as the longest has. */
static size_t pieces(const struct atrous__axis *axis, const struct atrous__cut *cut, int i)
{
    const size_t each = atrous__ceil_div(positions(axis, cut->is_phased[i]), cut->out[i]);
    return cut->is_phased[i] ? atrous__min(phase_step(axis), axis->out) * each : each;
}

size_t atrous__cut_count(const struct atrous__problem *p, const struct atrous__cut *cut)
{
    size_t count = atrous__ceil_div(p->batch, cut->batch);
    bool fits = atrous__mul(count, atrous__ceil_div(p->groups, cut->groups), &count) &&
                atrous__mul(count, atrous__ceil_div(p->filters, cut->filters), &count);
    for (int i = 0; i < ATROUS__AXES; ++i)
        fits = fits && atrous__mul(count, pieces(&p->axis[i], cut, i), &count);
    return fits ? count : SIZE_MAX;
}

/* Output positions of piece `index` of an axis; none: count 0. */
static struct atrous__stretch piece_at(const struct atrous__axis *axis,
                                       const struct atrous__cut *cut, int i, size_t index)
{
    const size_t step = cut->is_phased[i] ? phase_step(axis) : 1;
    const size_t phases = cut->is_phased[i] ? atrous__min(step, axis->out) : 1;
    const size_t phase = index % phases, begin = index / phases * cut->out[i];
    const size_t all = atrous__ceil_div(axis->out - phase, step);
    return (struct atrous__stretch){.first = (ptrdiff_t)(phase + begin * step),
                                    .step = step,
                                    .count =
                                        begin < all ? atrous__min(cut->out[i], all - begin) : 0};
}

/* The input that lies under a stretch of outputs, read as it is: `span` positions from `from` on,
 * `step` apart, clipped to what is there. What is cut off in front becomes the pad. */
static void clip(const struct atrous__axis *whole, ptrdiff_t from, size_t step, size_t span,
                 struct atrous__axis *axis, struct atrous__stretch *in)
{
    const size_t spread = whole->spread;
    const size_t hop = step * spread; /* one of them is not 1 */
    const ptrdiff_t end = (ptrdiff_t)((whole->in - 1) * spread) + 1;
    /* The first and the end, counted in steps, of the positions that have input. */
    size_t first, stop;
    if (spread > 1) {
        const size_t before = from < 0 ? 0 : atrous__ceil_div((size_t)from, spread);
        const ptrdiff_t last = from + (ptrdiff_t)span - 1;
        first = before;
        stop = last < 0 ? 0 : atrous__min((size_t)last / spread + 1, whole->in);
    } else {
        first = from < 0 ? atrous__ceil_div((size_t)-from, hop) : 0;
        stop = end > from ? atrous__min(atrous__ceil_div((size_t)(end - from), hop), span) : 0;
    }
    axis->crop = 0;
    if (first >= stop) { /* nothing: one element that all of them lie before */
        *in = (struct atrous__stretch){0, 1, 1};
        axis->in = 1;
        axis->pad = span;
        return;
    }
    axis->in = stop - first;
    if (spread > 1) {
        *in = (struct atrous__stretch){(ptrdiff_t)first, 1, axis->in};
        axis->pad = (size_t)((ptrdiff_t)(first * spread) - from);
    } else {
        *in = (struct atrous__stretch){from + (ptrdiff_t)(first * hop), step, axis->in};
        axis->pad = first;
    }
}

/* One axis of a part with the outputs `out`. */
static void part_axis(const struct atrous__problem *p, int i, bool is_phased,
                      const struct atrous__stretch *out, struct atrous__axis *axis,
                      struct atrous__stretch *in)
{
    const struct atrous__axis *whole = &p->axis[i];
    const size_t step = is_phased ? whole->dilation : 1;
    const ptrdiff_t from =
        out->first * (ptrdiff_t)whole->stride + (ptrdiff_t)whole->crop - (ptrdiff_t)whole->pad;
    *axis = *whole;
    axis->out = out->count;
    if (is_phased) {
        axis->stride = whole->stride / atrous__gcd(whole->stride, whole->dilation);
        axis->dilation = 1;
    }
    const size_t span = (axis->out - 1) * axis->stride + (axis->kernel - 1) * axis->dilation + 1;
    if (p->conv.padding > ATROUS_PADDING_CONSTANT) {
        *in = (struct atrous__stretch){from, step, span};
        axis->in = span;
        axis->pad = axis->pad_end = 0;
        return;
    }
    clip(whole, from, step, span, axis, in);
    const size_t extent = axis->pad + (axis->in - 1) * axis->spread + 1;
    axis->pad_end = span > extent ? span - extent : 0;
}

/* Channels, filters and counts of a part whose axes, batch, groups and filters are set. */
static void recount(const struct atrous__problem *whole, struct atrous__problem *p)
{
    const bool is_gather = whole->channel_step != whole->taps;
    const bool is_gated = p->conv.activation == ATROUS_ACTIVATION_GATED;
    p->in_plane = p->out_plane = 1;
    for (int i = 0; i < ATROUS__AXES; ++i) {
        p->in_plane *= p->axis[i].in;
        p->out_plane *= p->axis[i].out;
    }
    p->conv.batch = p->batch;
    p->conv.groups = p->groups;
    p->conv.in_channels = p->groups * p->channels;
    p->conv.out_channels = p->groups * p->filters;
    p->out_channels = is_gated ? p->conv.out_channels / 2 : p->conv.out_channels;
    p->in_count = p->batch * p->conv.in_channels * p->in_plane;
    p->out_count = p->batch * p->out_channels * p->out_plane;
    p->weights_count = p->conv.out_channels * p->channels * p->taps;
    p->filter_step = is_gather ? p->taps : p->channels * p->taps;
    p->channel_step = is_gather ? p->filters * p->taps : p->taps;
    if (p->form == ATROUS__GRADIENT) { /* plain sums, to be added up */
        p->conv.alpha = 1.0;
        p->conv.beta = 0.0;
        p->grad_count = p->out_count;
        p->out_count = p->weights_count;
        p->weights_count = 0;
        p->bias_out_count = p->conv.has_bias ? p->conv.out_channels : 0;
    }
    const double share =
        (double)p->batch * (double)p->conv.out_channels * (double)p->out_plane /
        ((double)whole->batch * (double)whole->conv.out_channels * (double)whole->out_plane);
    p->macs = whole->macs * share;
    p->valid_macs = whole->valid_macs * share;
}

bool atrous__part_at(const struct atrous__problem *whole, const struct atrous__cut *cut,
                     size_t index, struct atrous__part *part)
{
    struct atrous__problem *p = &part->problem;
    *p = *whole;
    for (int i = ATROUS__AXES; i-- > 0;) {
        const struct atrous__axis *axis = &whole->axis[i];
        const size_t count = pieces(axis, cut, i);
        part->out[i] = piece_at(axis, cut, i, index % count);
        part->in[i] = (struct atrous__stretch){0, 1, axis->in};
        if (part->out[i].count == 0)
            return false;
        if (!is_whole(whole, cut, i))
            part_axis(whole, i, cut->is_phased[i], &part->out[i], &p->axis[i], &part->in[i]);
        index /= count;
    }
    const size_t filter_parts = atrous__ceil_div(whole->filters, cut->filters);
    const size_t group_parts = atrous__ceil_div(whole->groups, cut->groups);
    part->filter = index % filter_parts * cut->filters;
    part->group = index / filter_parts % group_parts * cut->groups;
    part->batch = index / filter_parts / group_parts * cut->batch;
    p->filters = atrous__min(cut->filters, whole->filters - part->filter);
    p->groups = atrous__min(cut->groups, whole->groups - part->group);
    p->batch = atrous__min(cut->batch, whole->batch - part->batch);
    recount(whole, p);
    return true;
}

struct atrous__problem atrous__cut_largest(const struct atrous__problem *whole,
                                           const struct atrous__cut *cut)
{
    struct atrous__problem p = *whole;
    for (int i = 0; i < ATROUS__AXES; ++i) {
        struct atrous__axis *axis = &p.axis[i];
        struct atrous__stretch in, out = {0, 1, cut->out[i]};
        if (is_whole(whole, cut, i))
            continue;
        /* As if no padding took the place of input, which there may be less of. */
        struct atrous__problem bare = *whole;
        bare.axis[i].pad = bare.axis[i].crop = 0;
        part_axis(&bare, i, cut->is_phased[i], &out, axis, &in);
        if (axis->spread > 1)
            axis->in = atrous__min(axis->in + 1, whole->axis[i].in);
    }
    p.batch = cut->batch;
    p.groups = cut->groups;
    p.filters = cut->filters;
    recount(whole, &p);
    return p;
}

bool atrous__part_is_like(const struct atrous__problem *a, const struct atrous__problem *b)
{
    return memcmp(a->axis, b->axis, sizeof a->axis) == 0 && a->batch == b->batch &&
           a->groups == b->groups && a->filters == b->filters;
}

/* About half, a multiple of `unit`; `size` where that is no less. */
static size_t halve(size_t size, size_t unit)
{
    return atrous__min(atrous__round_up(atrous__ceil_div(size, 2), unit), size);
}

bool atrous__cut_filters(const struct atrous__problem *p, struct atrous__cut *cut)
{
    if (p->conv.activation == ATROUS_ACTIVATION_GATED)
        return false; /* a gate pairs filters of the two halves */
    size_t *size = cut->groups > 1 ? &cut->groups : &cut->filters;
    if (*size == 1)
        return false;
    *size = halve(*size, 1);
    return true;
}

bool atrous__cut_axis(const struct atrous__problem *p, int i, size_t unit, struct atrous__cut *cut)
{
    const struct atrous__axis *axis = &p->axis[i];
    const size_t step = phase_step(axis);
    const size_t unit_in_all = cut->is_phased[i] || unit == 1 ? unit : unit * step;
    const size_t reach = (axis->kernel - 1) * axis->dilation;
    const size_t half = halve(cut->out[i], unit_in_all);
    const bool can_be_phased =
        !cut->is_phased[i] && axis->dilation > 1 && reach > 0 && p->form != ATROUS__SPREAD;
    /* Parts whose input is mostly what they share with their neighbours are better phases. */
    if (can_be_phased && (half == cut->out[i] || half * axis->stride <= reach)) {
        cut->is_phased[i] = true;
        cut->out[i] = positions(axis, true);
        return true;
    }
    if (half == cut->out[i])
        return false;
    cut->out[i] = half;
    return true;
}

/* What a part's input along the axis is a multiple of what it would be without sharing. */
static double overhead(const struct atrous__problem *p, const struct atrous__cut *cut, int i)
{
    const struct atrous__axis *axis = &p->axis[i];
    const size_t dilation = cut->is_phased[i] ? 1 : axis->dilation;
    const double half = (double)atrous__ceil_div(cut->out[i], 2) * (double)axis->stride;
    return 1.0 + (double)(axis->kernel - 1) * (double)dilation / half;
}

bool atrous__cut_positions(const struct atrous__problem *p, const size_t unit[ATROUS__AXES],
                           struct atrous__cut *cut)
{
    if (cut->batch > 1) {
        cut->batch = halve(cut->batch, 1);
        return true;
    }
    if (cut->groups > 1 && atrous__cut_filters(p, cut))
        return true;
    /* The slowest axis, unless another is shared much less. */
    int best = -1;
    for (int i = ATROUS__AXES; i-- > 0;) {
        struct atrous__cut tried = *cut;
        if (atrous__cut_axis(p, i, unit[i], &tried) &&
            (best < 0 || overhead(p, cut, i) <= 1.25 * overhead(p, cut, best)))
            best = i;
    }
    return best >= 0 ? atrous__cut_axis(p, best, unit[best], cut) : atrous__cut_filters(p, cut);
}
