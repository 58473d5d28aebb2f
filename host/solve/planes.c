/* Tiles of whole planes for groups of few channels, by kernels/filter.cl. */
#include "solve/planes.h"

#include <stdio.h>

enum {
    MAX_FILTERS = 4,         /* of a register block */
    MAX_WIDE = 5,            /* as planes_rows.clh */
    PATCH_BYTES = 160 << 10, /* a share of an L2; the rows in use pass through the L1 */
    LEAST_ROWS = 12,         /* wanted of a tile: each adds rows of its neighbour's */
    GROUPS_PER_UNIT = 8      /* so that none waits long for the last */
};
static const double group_ms = 0.02; /* against the cost of starting a group */

/* Register block and tile of a problem on a device. */
struct shape {
    size_t vector, filters, rows, wide; /* VEC and the macros of filter.cl */
    size_t taps;                        /* of either axis, where compiled in, else 0 */
    struct atrous__lattice lattice;
    size_t phases, tap_rows; /* of a tile: its phases, patch rows between taps */
    struct atrous__deal deal;
    size_t patch_bytes, spill_bytes;
};

/* 8 to 12 sums keep the multiply-add units busy and leave room in 16 registers. */
static void choose_registers(const struct atrous__problem *p, const struct atrous__device *device,
                             struct shape *s)
{
    const struct atrous__axis *h = &p->axis[ATROUS__H], *w = &p->axis[ATROUS__W];
    s->vector = atrous__max(device->vector, 4);
    s->filters = atrous__min(p->filters, MAX_FILTERS);
    while (p->filters % s->filters != 0)
        --s->filters;
    s->rows = h->out == 1 || s->filters == 4 ? 1 : s->filters == 1 ? 3 : 2;
    s->wide = s->rows == 3 ? 3 : atrous__min(12 / (s->filters * s->rows), MAX_WIDE);
    /* Rows that are one tap apart can share what they load. */
    const bool is_shared = s->rows == 3 && h->dilation % h->stride == 0 && p->channels == 1 &&
                           p->axis[ATROUS__D].kernel == 1;
    if (is_shared && h->kernel == w->kernel && (h->kernel == 3 || h->kernel == 5))
        s->taps = h->kernel;
    /* Few taps come with small planes, where 4 rows and 1 are cut with less overlap. */
    if (s->taps == 3)
        s->rows = 4, s->wide = 2;
}

/* Of the patch; SIZE_MAX when it is beyond all memory. */
static size_t bytes_of(const struct atrous__problem *p, const struct atrous__lattice *l)
{
    size_t bytes = p->channels * sizeof(float);
    const bool is_sane = atrous__mul(bytes, p->axis[ATROUS__D].kernel, &bytes) &&
                         atrous__mul(bytes, l->patch_rows, &bytes) &&
                         atrous__mul(bytes, l->pitch, &bytes);
    return is_sane ? bytes : SIZE_MAX;
}

/* Tiles of at most `rows` x `columns` of one phase. */
static void lay_phased(const struct atrous__problem *p, size_t rows, size_t columns,
                       struct shape *s)
{
    const struct atrous__axis *h = &p->axis[ATROUS__H];
    struct atrous__lattice *l = &s->lattice;
    *l = atrous__lattice_make(p, rows, columns);
    if (l->row_tiles > 1) {
        l->rows = atrous__round_up(l->rows, s->rows);
        l->row_tiles = atrous__ceil_div(atrous__ceil_div(h->out, l->row_step), l->rows);
        l->patch_rows = (l->rows - 1) * l->row_stride + h->kernel;
    }
    /* A vector of slack, and no multiple of a page: rows would share few sets of a cache. */
    l->pitch = atrous__round_up(l->pitch + s->vector, 16);
    l->pitch += l->pitch % 256 == 0 ? 16 : 0;
    s->phases = s->tap_rows = 1;
}

/* One tile of all phases, which reads its plane in order. */
static void lay_whole(const struct atrous__problem *p, struct shape *s)
{
    const struct atrous__axis *h = &p->axis[ATROUS__H];
    struct atrous__lattice *l = &s->lattice;
    lay_phased(p, h->out, p->axis[ATROUS__W].out, s);
    s->phases = l->row_step;
    s->tap_rows = h->dilation;
    l->rows = h->out;
    l->row_step = l->phases = l->row_tiles = 1;
    l->row_stride = h->stride;
    l->patch_rows = (h->out - 1) * h->stride + (h->kernel - 1) * h->dilation + 1;
}

static bool fits(const struct atrous__problem *p, const struct atrous__device *device,
                 const struct shape *s)
{
    return bytes_of(p, &s->lattice) <= PATCH_BYTES &&
           atrous__lattice_tiles(p, &s->lattice) >= GROUPS_PER_UNIT * device->compute_units;
}

/* A whole plane where it fits, else rows of one phase: whole ones where LEAST_ROWS of them
 * fit, else as many columns as do. */
static void choose_tile(const struct atrous__problem *p, const struct atrous__device *device,
                        struct shape *s)
{
    size_t rows = p->axis[ATROUS__H].out, columns = p->axis[ATROUS__W].out;
    const struct atrous__lattice *l = &s->lattice;
    lay_whole(p, s);
    while (!fits(p, device, s)) {
        lay_phased(p, rows, columns, s);
        const bool is_big = bytes_of(p, l) > PATCH_BYTES;
        if (l->rows > LEAST_ROWS)
            rows = atrous__max(l->rows * 3 / 4, LEAST_ROWS);
        else if (l->columns > 16 * s->vector || (is_big && l->columns > s->vector))
            columns = atrous__ceil_div(l->columns, 2);
        else if (is_big && l->rows > s->rows)
            rows = atrous__ceil_div(l->rows, 2);
        else
            break;
    }
}

static struct shape shape_of(const struct atrous__problem *p, const struct atrous__device *device)
{
    struct shape s = {0};
    choose_registers(p, device, &s);
    choose_tile(p, device, &s);
    s.deal = atrous__deal_tiles(p, device, atrous__lattice_tiles(p, &s.lattice));
    s.patch_bytes = bytes_of(p, &s.lattice);
    s.spill_bytes = s.wide * s.vector * sizeof(float);

    return s;
}

struct atrous__deal atrous__deal_tiles(const struct atrous__problem *p,
                                       const struct atrous__device *device, size_t tiles)
{
    const double units = (double)device->compute_units;
    const double tile_ms = atrous__memory_bound_ms(p, device) * units / (double)tiles;
    const size_t most = atrous__max(tiles / (GROUPS_PER_UNIT * device->compute_units), 1);
    const double wanted = group_ms / tile_ms;
    const size_t each = wanted < (double)most ? (size_t)wanted + 1 : most;
    return (struct atrous__deal){tiles, each, atrous__ceil_div(tiles, each)};
}

double atrous__memory_bound_ms(const struct atrous__problem *p, const struct atrous__device *device)
{
    const double bytes_per_ms = 8e6, units = (double)device->compute_units;
    const double macs_per_ms = 2.2e6 * (double)device->vector * units;
    const double bytes = (double)atrous__stored(p, p->in_count + p->out_count);
    const double move = bytes / (bytes_per_ms * units), compute = p->macs / macs_per_ms;
    return move > compute ? move : compute;
}

const char *atrous__planes_refuse(const struct atrous__problem *p,
                                  const struct atrous__device *device)
{
    const struct shape s = shape_of(p, device);
    if (s.patch_bytes > device->local_memory ||
        s.patch_bytes + s.spill_bytes > device->local_memory)
        return "the smallest tile's patch exceeds the local memory";
    return NULL;
}

double atrous__planes_estimate(const struct atrous__problem *p, const struct atrous__device *device)
{
    /* Where a channel's columns are not contiguous, elements are moved one by one. */
    const double each_ms = 1e-6 / (double)device->compute_units;
    double moved = 0;
    if (p->conv.input_layout == ATROUS_LAYOUT_NHWC && p->conv.in_channels > 1)
        moved += (double)p->in_count;
    if (p->conv.output_layout == ATROUS_LAYOUT_NHWC && p->conv.out_channels > 1)
        moved += (double)p->out_count;
    return 0.02 + atrous__memory_bound_ms(p, device) + moved * each_ms;
}

/* The kernel's int4 keep. */
static struct atrous__arg keep_of(const struct atrous__problem *p, const struct shape *s)
{
    const struct atrous__axis *d = &p->axis[ATROUS__D];
    const struct atrous__lattice *l = &s->lattice;
    const bool has_input_planes =
        p->conv.input_layout == ATROUS_LAYOUT_NCHW || p->conv.in_channels == 1;
    const bool has_output_planes =
        p->conv.output_layout == ATROUS_LAYOUT_NCHW || p->conv.out_channels == 1;
    const bool is_plane = l->column_tiles * l->row_tiles * l->phases == 1;
    const bool meets_depth = d->kernel == 1 && d->pad == 0 && (d->out - 1) * d->stride < d->in;
    const bool keeps = is_plane && has_input_planes && meets_depth && l->segment == 0 &&
                       p->axis[ATROUS__W].stride == 1 && p->conv.padding <= ATROUS_PADDING_CONSTANT;
    if (!keeps || !has_output_planes || d->in * d->out > 1)
        return atrous__arg_int4(keeps, 0, 0, 0);
    /* The planes fit a patch: these are small. */
    const size_t blocks = s->phases * atrous__ceil_div(l->rows, s->phases * s->rows);
    return atrous__arg_int4(1, 0, p->channels * p->in_plane / blocks + 1,
                            p->out_plane / blocks + 1);
}

atrous_status atrous__planes_build(const struct atrous__problem *p, struct atrous__env *env,
                                   struct atrous__job *job, atrous_error *error)
{
    const struct shape s = shape_of(p, &env->device);
    const struct atrous__pack_shape pack = {s.filters, p->channels, 0, false};
    const atrous_status status = atrous__pack_build(p, env, pack, job, error);
    if (status != ATROUS_OK)
        return status;

    struct atrous__launch *launch = &job->launch[job->launch_count++];
    *launch = (struct atrous__launch){.dims = 1, .global = {s.deal.groups}, .local = {1}};
    atrous__launch_add_problem(launch, p);
    atrous__launch_add_lattice(launch, &s.lattice, 1);
    atrous__launch_add(launch,
                       atrous__arg_int4(s.lattice.rows, s.lattice.columns, s.phases, s.tap_rows));
    atrous__launch_add(launch, keep_of(p, &s));
    atrous__launch_add(launch, atrous__arg_long(s.deal.tiles));
    atrous__launch_add(launch, atrous__arg_long(s.deal.each));
    atrous__launch_add(launch, atrous__arg_local(s.patch_bytes));
    atrous__launch_add(launch, atrous__arg_local(s.spill_bytes));
    char options[128];
    snprintf(options, sizeof options,
             "-DVEC=%zu -DFILTERS=%zu -DTILE_ROWS=%zu -DTILE_WIDE=%zu -DTAPS=%zu -DBETA=%d %s",
             s.vector, s.filters, s.rows, s.wide, s.taps, p->conv.beta != 0.0,
             atrous__type_option(p));
    return atrous__launch_make(env, "filter.cl", "filter", options, launch, error);
}
