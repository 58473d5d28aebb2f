/* Taps that read input, and positions that need no axes. */
#include "solve/live.h"

static bool is_live(const struct atrous__axis *axis, size_t tap)
{
    size_t first, end;
    atrous__tap_range(axis, tap, &first, &end);
    return first < end;
}

/* Where no tap reads input all are left: the sums are then as good as any. */
static void trim(struct atrous__axis *axis, bool may_skip, struct atrous__residue *residue)
{
    size_t first = 0, end = axis->kernel;
    while (may_skip && first < end && !is_live(axis, first))
        ++first;
    while (may_skip && end > first && !is_live(axis, end - 1))
        --end;
    if (first == end) {
        first = 0;
        end = axis->kernel;
    }
    *residue = (struct atrous__residue){
        .count = axis->out, .tap = first, .tap_step = 1, .taps = end - first};
    const size_t shift = first * axis->dilation;
    axis->kernel = end - first;
    axis->crop = shift > axis->pad ? shift - axis->pad : 0;
    axis->pad = shift > axis->pad ? 0 : axis->pad - shift;
    if (axis->kernel == 1)
        axis->dilation = 1;
}

static bool is_each_once(const struct atrous__axis *axis)
{
    return axis->kernel == 1 && axis->stride == 1 && axis->pad == 0 && axis->crop == 0 &&
           axis->in == axis->out;
}

struct atrous__problem atrous__live_part(const struct atrous__problem *problem,
                                         struct atrous__residue residue[ATROUS__AXES])
{
    struct atrous__problem part = *problem;
    bool is_row = part.in_plane <= ATROUS__WIDEST;
    part.taps = 1;
    for (int i = 0; i < ATROUS__AXES; ++i) {
        trim(&part.axis[i], part.conv.padding == ATROUS_PADDING_ZEROS, &residue[i]);
        part.taps *= part.axis[i].kernel;
        is_row = is_row && is_each_once(&part.axis[i]);
    }
    if (is_row) {
        struct atrous__axis *w = &part.axis[ATROUS__W];
        w->in = w->out = part.in_plane;
        for (int i = 0; i < ATROUS__W; ++i)
            part.axis[i].in = part.axis[i].out = 1;
    }
    return part;
}
