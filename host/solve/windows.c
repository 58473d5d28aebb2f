/* Where tiles of minimal filtering lie. */
#include "solve/windows.h"

/* Tiles of M outputs across `columns` contiguous columns with their phases. */
static size_t tiles_across(size_t columns, size_t dilation, size_t outputs)
{
    const size_t whole = columns / dilation, longer = columns % dilation;
    return longer * atrous__ceil_div(whole + 1, outputs) +
           (dilation - longer) * atrous__ceil_div(whole, outputs);
}

static size_t axes_of(const struct atrous__problem *p)
{
    return p->axis[ATROUS__H].kernel == 1 ? 1 : 2;
}

static const char *refuse_geometry(const struct atrous__problem *p)
{
    const struct atrous__axis *d = &p->axis[ATROUS__D], *h = &p->axis[ATROUS__H],
                              *w = &p->axis[ATROUS__W];
    if (d->stride != 1 || h->stride != 1 || w->stride != 1)
        return "a stride is not 1";
    const bool is_square = h->kernel == 3 && w->kernel == 3;
    const bool is_line = h->kernel == 1 && (w->kernel == 3 || w->kernel == 2);
    return is_square || is_line ? NULL : "the kernel's planes are not 3x3, 1x3 or 1x2";
}

const char *atrous__windows_refuse(const struct atrous__problem *p,
                                   const struct atrous__device *device)
{
    return atrous__refuse_minimal(p, device, refuse_geometry(p));
}

size_t atrous__windows_outputs(const struct atrous__problem *p,
                               struct atrous__bound (*bound)(const struct atrous__problem *problem,
                                                             size_t outputs))
{
    const size_t taps = p->axis[ATROUS__W].kernel, axes = axes_of(p);
    size_t best = 0;
    double least = 0;
    for (size_t outputs = taps == 2 ? 3 : 2; outputs <= (taps == 2 ? 3 : 4); outputs += 2) {
        const struct atrous__bound promised = bound(p, outputs);
        if (!atrous__bound_is_useful(&promised))
            continue;
        double products = 1;
        for (int i = axes == 2 ? ATROUS__H : ATROUS__W; i < ATROUS__AXES; ++i)
            products *= (double)tiles_across(p->axis[i].out, p->axis[i].dilation, outputs) *
                        (double)(outputs + taps - 1);
        if (best == 0 || products < least) {
            best = outputs;
            least = products;
        }
    }
    return best;
}

struct atrous__windows atrous__windows_make(const struct atrous__problem *p, size_t outputs)
{
    struct atrous__windows s = {
        .outputs = outputs, .taps = p->axis[ATROUS__W].kernel, .axes = axes_of(p)};
    s.points = s.outputs + s.taps - 1;
    s.points *= s.axes == 2 ? s.points : 1;
    return s;
}

/* Columns of one phase window as M strips a dilation apart, cut into chunks of `tiles`. */
static void lay_strips(const struct atrous__axis *w, size_t tiles, struct atrous__windows *s)
{
    s->chunks = atrous__ceil_div(w->dilation, tiles);
    s->across = atrous__ceil_div(w->dilation, s->chunks);
    s->columns = s->across;
    s->width = s->outputs * s->across;
    s->pitch = (s->outputs + s->taps - 1) * s->across;
    s->column_tiles = atrous__ceil_div(w->out, s->outputs * w->dilation) * s->chunks;
}

/* Contiguous columns: the whole row, or as many whole windows of M dilations as hold `tiles`. */
static void lay_windows(const struct atrous__axis *w, size_t tiles, struct atrous__windows *s)
{
    const size_t window = atrous__max(s->outputs, 1) * w->dilation;
    s->columns = w->out;
    if (tiles_across(w->out, w->dilation, s->outputs) > tiles && window < w->out) {
        const size_t most = atrous__max(tiles / w->dilation, 1) * window;
        s->columns =
            atrous__round_up(atrous__ceil_div(w->out, atrous__ceil_div(w->out, most)), window);
    }
    s->chunks = 0;
    s->across = tiles_across(s->columns, w->dilation, s->outputs);
    s->width = s->columns;
    /* Past the last column a tile may begin and not end. */
    const size_t ragged = s->columns % window != 0 ? (s->outputs - 1) * w->dilation : 0;
    s->pitch = s->columns + (s->taps - 1) * w->dilation + ragged;
    s->column_tiles = atrous__ceil_div(w->out, s->columns);
}

void atrous__windows_lay(const struct atrous__problem *p, size_t tiles, struct atrous__windows *s)
{
    const struct atrous__axis *h = &p->axis[ATROUS__H], *w = &p->axis[ATROUS__W];
    lay_windows(w, tiles, s);
    if (s->across > tiles + tiles / 8)
        lay_strips(w, tiles, s);
    const size_t height = s->axes == 2 ? atrous__max(s->outputs, 1) : 1;
    const size_t tile_rows = atrous__max(tiles / atrous__max(s->across, 1), 1);

    struct atrous__lattice *l = &s->lattice;
    *l = atrous__lattice_make(p, tile_rows * height, s->columns);
    l->columns = s->columns;
    l->column_tiles = s->column_tiles;
    l->segment = s->chunks > 0 ? s->across : 0;
    l->pitch = s->pitch;
    l->rows = atrous__round_up(l->rows, height);
    l->row_tiles = atrous__ceil_div(atrous__ceil_div(h->out, l->row_step), l->rows);
    l->patch_rows = l->rows + h->kernel - 1;
    s->tiles = l->rows / height * s->across;
}

double atrous__windows_tiles(const struct atrous__problem *p, const struct atrous__windows *s)
{
    double tiles = (double)p->batch * (double)p->axis[ATROUS__D].out;
    for (int i = ATROUS__H; i < ATROUS__AXES; ++i)
        tiles *= i == ATROUS__H && s->axes == 1
                     ? (double)p->axis[i].out
                     : (double)tiles_across(p->axis[i].out, p->axis[i].dilation, s->outputs);
    return tiles;
}
