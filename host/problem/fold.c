/* Which padded positions repeat which element. */
#include "problem/fold.h"

struct atrous__problem atrous__fold_sums(const struct atrous__problem *problem)
{
    struct atrous__problem sums = *problem;
    if (!problem->fold.is_there)
        return sums;
    sums.fold.is_there = false;
    sums.conv.alpha = 1.0;
    sums.conv.beta = 0.0;
    sums.has_float_sums = true;
    sums.has_whole_sums = sums.conv.type == ATROUS_TYPE_I8;
    sums.out_count = sums.batch * sums.out_channels * sums.out_plane;
    return sums;
}

/* first, first + step, ... below `end`. */
static size_t count_of(size_t first, size_t step, size_t end)
{
    return first < end ? (end - first - 1) / step + 1 : 0;
}

static struct atrous__repeats every(size_t first, size_t step, size_t end)
{
    return (struct atrous__repeats){
        .first = first, .count = count_of(first, step, end), .step = step};
}

struct atrous__repeats atrous__repeats_of(const struct atrous__problem *p, int axis, size_t i)
{
    const size_t n = p->fold.in[axis], pad = p->fold.pad[axis], all = p->axis[axis].out;
    if (p->fold.mode == ATROUS_PADDING_CIRCULAR)
        return every((pad + i) % n, n, all);
    if (n == 1)
        return every(0, 1, all);
    if (p->fold.mode == ATROUS_PADDING_REPLICATE)
        return every(i == 0 ? 0 : pad + i, 1, i == n - 1 ? all : pad + i + 1);
    /* Mirrored: every 2n - 2, and again on the way back, unless it is an edge. */
    const size_t period = 2 * (n - 1);
    struct atrous__repeats r = every((pad + i) % period, period, all);
    if (i > 0 && i < n - 1) {
        r.other = (pad % period + period - i) % period;
        r.other_count = count_of(r.other, period, all);
    }
    return r;
}

struct atrous__folded atrous__folded_of(const struct atrous__problem *p, size_t at)
{
    const size_t channels = p->out_channels, *in = p->fold.in;
    const bool is_nhwc = p->conv.output_layout == ATROUS_LAYOUT_NHWC;
    const size_t plane = in[0] * in[1] * in[2], rest = at % (channels * plane);
    const size_t c = is_nhwc ? rest % channels : rest / plane;
    const size_t pixel = is_nhwc ? rest / channels : rest % plane;
    const size_t position[] = {pixel / in[2] / in[1], pixel / in[2] % in[1], pixel % in[2]};
    const size_t to_pixel = is_nhwc ? channels : 1;
    struct atrous__folded f = {
        .base =
            (at / (channels * plane) * channels) * p->out_plane + c * (is_nhwc ? 1 : p->out_plane),
        .step = {to_pixel * p->axis[1].out * p->axis[2].out, to_pixel * p->axis[2].out, to_pixel},
        .count = 1};
    for (int i = 0; i < ATROUS__AXES; ++i) {
        f.axis[i] = atrous__repeats_of(p, i, position[i]);
        f.count *= f.axis[i].count + f.axis[i].other_count;
    }
    return f;
}

size_t atrous__folded_at(const struct atrous__folded *f, size_t index)
{
    size_t at = f->base;
    for (int i = ATROUS__AXES; i-- > 0;) {
        const struct atrous__repeats *r = &f->axis[i];
        const size_t count = r->count + r->other_count, k = index % count;
        at += f->step[i] *
              (k < r->count ? r->first + k * r->step : r->other + (k - r->count) * r->step);
        index /= count;
    }
    return at;
}

double atrous__fold_roundings(const struct atrous__problem *p)
{
    double most = 1;
    for (int i = 0; i < ATROUS__AXES && p->fold.is_there; ++i) {
        const size_t n = p->fold.in[i], all = p->axis[i].out;
        const size_t begin = p->fold.pad[i], end = all - n - begin;
        size_t repeats = atrous__ceil_div(all, n); /* circular */
        if (p->fold.mode == ATROUS_PADDING_REPLICATE)
            repeats = n == 1 ? all : atrous__max(begin, end) + 1;
        else if (p->fold.mode == ATROUS_PADDING_REFLECT)
            repeats = n == 1 ? all : 2 * atrous__ceil_div(all, 2 * (n - 1));
        most *= (double)repeats;
    }
    return most - 1;
}
