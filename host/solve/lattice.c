/* Tiles on an output plane, indexed by phase. */
#include "solve/lattice.h"

/* Output rows p and p + row_step read input rows that are whole dilations apart, so the rows
 * of one phase share input rows as a dense convolution's do. */
static void lay_rows(const struct atrous__axis *h, size_t most, struct atrous__lattice *l)
{
    const size_t common = atrous__gcd(h->stride, h->dilation);
    l->row_step = h->dilation / common;
    l->row_stride = h->stride / common;
    l->phases = atrous__min(l->row_step, h->out);
    const size_t rows = atrous__ceil_div(h->out, l->row_step);
    l->row_tiles = atrous__ceil_div(rows, most);
    l->rows = atrous__ceil_div(rows, l->row_tiles);
    l->patch_rows = (l->rows - 1) * l->row_stride + h->kernel;
}

/* Columns stay contiguous. Where the halo would be wider than a copy of the columns for each
 * tap, or a stride would spread them, each tap has its own segment. */
static void lay_columns(const struct atrous__axis *w, size_t most, struct atrous__lattice *l)
{
    l->column_tiles = atrous__ceil_div(w->out, most);
    l->columns = atrous__ceil_div(w->out, l->column_tiles);
    const size_t halo = (w->kernel - 1) * w->dilation;
    const bool has_halo = w->stride == 1 && halo <= (w->kernel - 1) * l->columns;
    l->segment = has_halo ? 0 : l->columns;
    l->pitch = has_halo ? l->columns + halo : w->kernel * l->columns;
}

struct atrous__lattice atrous__lattice_make(const struct atrous__problem *problem, size_t rows,
                                            size_t columns)
{
    struct atrous__lattice lattice;
    lay_columns(&problem->axis[ATROUS__W], columns, &lattice);
    lay_rows(&problem->axis[ATROUS__H], rows, &lattice);
    return lattice;
}

size_t atrous__lattice_tiles(const struct atrous__problem *p, const struct atrous__lattice *l)
{
    return l->column_tiles * l->row_tiles * l->phases * p->axis[ATROUS__D].out * p->groups *
           p->batch;
}

void atrous__launch_add_lattice(struct atrous__launch *launch, const struct atrous__lattice *l,
                                size_t slices)
{
    atrous__launch_add(launch,
                       atrous__arg_int4(l->row_step, l->row_stride, l->patch_rows, l->pitch));
    atrous__launch_add(launch, atrous__arg_int4(slices, l->column_tiles, l->row_tiles, l->phases));
    atrous__launch_add(launch, atrous__arg_int(l->segment));
}
