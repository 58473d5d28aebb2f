/* winograd: minimal filtering F(4,3), F(2,3) and, in one dimension, F(3,2), per phase and so
 * at any dilation. */
#include "solve/lattice.h"

#include <stdio.h>

/* Budgets in bytes: transformed inputs and products of a group share an L2 with the weights
 * that stream by; a patch is a passing guest. */
enum {
    FUSED_BYTES = 384 << 10, /* points and products of one filter block */
    PRODUCTS_BYTES = 300 << 10,
    PATCH_BYTES = 96 << 10,
    FUSED_TILES = 14, /* below, the weights stream too often */
    STAGED_TILES = 36,
    LEAST_CHANNELS = 16,
    POINT_GAP = 16 /* floats between points: one cache line */
};

struct shape {
    size_t vector, vectors, pixels; /* VEC, FV, PX */
    size_t outputs, taps, axes;     /* M, R, AXES */
    size_t points;                  /* products of a tile */
    bool is_fused;
    struct atrous__lattice lattice;
    size_t columns, width, pitch, column_tiles; /* of a tile row; room for its outputs */
    size_t across;                              /* tiles in a row of them */
    size_t chunks;                              /* of a window's strips, or 0: contiguous columns */
    size_t tiles;                               /* of a group, at most */
    size_t channels;                            /* of a patch */
    size_t row;                                 /* channels of a row of points, whole vectors */
    size_t slice;                               /* filter blocks whose products are kept at once */
    size_t patch_bytes, points_bytes, products_bytes, sums_bytes, tiles_bytes;
};

static size_t filters_of_block(const struct shape *s)
{
    return s->vector * s->vectors;
}

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

/* M by the products it takes over the whole plane, of those whose error bound says something;
 * or 0. */
static size_t choose_outputs(const struct atrous__problem *p)
{
    const size_t taps = p->axis[ATROUS__W].kernel, axes = axes_of(p);
    size_t best = 0;
    double least = 0;
    for (size_t outputs = taps == 2 ? 3 : 2; outputs <= (taps == 2 ? 3 : 4); outputs += 2) {
        const struct atrous__bound bound = atrous__minimal_bound(p, outputs);
        if (!atrous__bound_is_useful(&bound))
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

/* Columns of one phase window as M strips a dilation apart, cut into chunks of `tiles`. */
static void lay_strips(const struct atrous__axis *w, size_t tiles, struct shape *s)
{
    s->chunks = atrous__ceil_div(w->dilation, tiles);
    s->across = atrous__ceil_div(w->dilation, s->chunks);
    s->columns = s->across;
    s->width = s->outputs * s->across;
    s->pitch = (s->outputs + s->taps - 1) * s->across;
    s->column_tiles = atrous__ceil_div(w->out, s->outputs * w->dilation) * s->chunks;
}

/* Contiguous columns: the whole row, or as many whole windows of M dilations as hold `tiles`. */
static void lay_windows(const struct atrous__axis *w, size_t tiles, struct shape *s)
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

/* Rows of whole tiles, and columns, about `tiles` of them. */
static void lay_tiles(const struct atrous__problem *p, size_t tiles, struct shape *s)
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

static void choose_channels(struct shape *s)
{
    const size_t bytes = s->lattice.patch_rows * s->lattice.pitch * sizeof(float);
    const size_t most = atrous__max(PATCH_BYTES / bytes / s->vector, 1) * s->vector;
    s->channels = atrous__min(most, s->row);
    s->patch_bytes = bytes * s->channels;
}

static void choose_slice(const struct atrous__problem *p, struct shape *s)
{
    const size_t block = s->points * (s->tiles * filters_of_block(s) + POINT_GAP) * sizeof(float);
    const size_t blocks = atrous__ceil_div(p->filters, filters_of_block(s));
    s->slice = s->is_fused ? 1 : atrous__min(blocks, atrous__max(PRODUCTS_BYTES / block, 1));
    s->products_bytes = s->slice * block;
}

static struct shape shape_of(const struct atrous__problem *p, const struct atrous__device *device)
{
    struct shape s = {.vectors = 2, .taps = p->axis[ATROUS__W].kernel};
    s.vector = atrous__max(device->vector, 4);
    s.pixels = s.vector == 16 ? 8 : 6;
    s.axes = axes_of(p);
    s.outputs = choose_outputs(p);
    s.points = s.outputs + s.taps - 1;
    s.points *= s.axes == 2 ? s.points : 1;
    s.row = atrous__round_up(p->channels, s.vector);

    const size_t tile_bytes = s.points * s.row * sizeof(float);
    const size_t fused =
        FUSED_BYTES / (tile_bytes + s.points * filters_of_block(&s) * sizeof(float));
    s.is_fused = fused >= FUSED_TILES;
    lay_tiles(p, s.is_fused ? fused : STAGED_TILES, &s);
    choose_channels(&s);
    choose_slice(p, &s);
    s.points_bytes = s.points * (s.tiles * s.row + POINT_GAP) * sizeof(float);
    s.sums_bytes = s.lattice.rows * s.width * filters_of_block(&s) * sizeof(float);
    s.tiles_bytes = s.tiles * sizeof(cl_int2);
    /* Fused, the sums take the patch's place. */
    if (s.is_fused)
        s.patch_bytes = atrous__max(s.patch_bytes, s.sums_bytes);
    return s;
}

static size_t local_bytes(const struct shape *s)
{
    if (s->is_fused)
        return s->patch_bytes + s->points_bytes + s->products_bytes + s->tiles_bytes;
    return atrous__max(s->patch_bytes, s->products_bytes + s->sums_bytes) + s->tiles_bytes;
}

static const char *refuse_geometry(const struct atrous__problem *p)
{
    const struct atrous__axis *d = &p->axis[ATROUS__D], *h = &p->axis[ATROUS__H],
                              *w = &p->axis[ATROUS__W];
    if (d->kernel != 1)
        return "the kernel has a depth";
    if (d->stride != 1 || h->stride != 1 || w->stride != 1)
        return "a stride is not 1";
    const bool is_square = h->kernel == 3 && w->kernel == 3;
    const bool is_line = h->kernel == 1 && (w->kernel == 3 || w->kernel == 2);
    return is_square || is_line ? NULL : "the kernel is not 3x3, 1x3 or 1x2";
}

static const char *refuse(const struct atrous__problem *p, const struct atrous__device *device)
{
    const char *wide = atrous__refuse_cpu_class(p, device);
    if (wide != NULL)
        return wide;
    if (p->conv.math == ATROUS_MATH_STRICT)
        return "strict math asks for direct summation";
    const char *gated = atrous__refuse_gated(p);
    if (gated != NULL)
        return gated;
    const char *geometry = refuse_geometry(p);
    if (geometry != NULL)
        return geometry;
    if (p->channels < LEAST_CHANNELS || p->filters < LEAST_CHANNELS)
        return "with fewer than 16 channels or filters of a group the transforms outweigh the "
               "products";
    if (choose_outputs(p) == 0)
        return "its error bound grows with the channels and would promise too little";
    const struct shape s = shape_of(p, device);
    return local_bytes(&s) > device->local_memory ? "a tile exceeds the local memory" : NULL;
}

static struct atrous__bound bound(const struct atrous__problem *p)
{
    return atrous__minimal_bound(p, choose_outputs(p));
}

static size_t groups_of(const struct atrous__problem *p, const struct shape *s)
{
    return atrous__lattice_tiles(p, &s->lattice);
}

static size_t workspace(const struct atrous__problem *p, const struct atrous__device *device)
{
    const struct shape s = shape_of(p, device);
    return s.is_fused ? 0 : groups_of(p, &s) * s.points_bytes;
}

static double estimate(const struct atrous__problem *p, const struct atrous__device *device)
{
    const struct shape s = shape_of(p, device);
    double tiles = (double)p->batch * (double)p->axis[ATROUS__D].out;
    for (int i = ATROUS__H; i < ATROUS__AXES; ++i)
        tiles *= i == ATROUS__H && s.axes == 1
                     ? (double)p->axis[i].out
                     : (double)tiles_across(p->axis[i].out, p->axis[i].dilation, s.outputs);
    const double channels = (double)p->conv.in_channels;
    const double filters = (double)(p->groups * atrous__round_up(p->filters, filters_of_block(&s)));
    const double products = tiles * (double)s.points * filters * (double)p->channels;
    /* Each transformed value costs as much as some multiply-adds. */
    const double transforms = tiles * (double)s.points * (channels * 10 + filters * 8);
    return 0.02 + (products * 1.15 + transforms) / atrous__vector_macs_per_ms(device);
}

static uint64_t format_of(const struct atrous__problem *p, const struct shape *s)
{
    const uint64_t what[] = {(uint64_t)p->conv.orientation,
                             (uint64_t)p->conv.type,
                             p->groups,
                             p->channels,
                             p->filters,
                             p->filter_step,
                             p->channel_step,
                             s->outputs,
                             s->taps,
                             s->axes,
                             filters_of_block(s),
                             atrous__gate_lanes(p, filters_of_block(s)),
                             UINT64_C(0x77696e6f)};
    return atrous__hash(ATROUS__HASH_SEED, what, sizeof what);
}

static atrous_status build_pack(const struct atrous__problem *p, struct atrous__env *env,
                                const struct shape *s, const char *options, struct atrous__job *job,
                                atrous_error *error)
{
    enum { ITEMS = 64 };
    const size_t blocks = atrous__ceil_div(p->filters, filters_of_block(s));
    const size_t pairs = p->groups * blocks * filters_of_block(s) * p->channels;
    job->packed_bytes = pairs * s->points * sizeof(float);
    job->format = format_of(p, s);
    struct atrous__launch *launch = &job->pack[job->pack_count++];
    *launch = (struct atrous__launch){
        .dims = 1, .global = {atrous__round_up(pairs, ITEMS)}, .local = {ITEMS}, .any_local = true};
    atrous__launch_add(launch, atrous__arg_tensor(ATROUS__PLAIN));
    atrous__launch_add(launch, atrous__arg_tensor(ATROUS__WEIGHTS));
    atrous__launch_add(launch, atrous__arg_int4(p->filters, p->channels, blocks,
                                                p->conv.orientation == ATROUS_TRUE_CONVOLUTION));
    atrous__launch_add(launch, atrous__arg_int(atrous__gate_lanes(p, filters_of_block(s))));
    atrous__launch_add(launch, atrous__arg_long(p->filter_step));
    atrous__launch_add(launch, atrous__arg_long(p->channel_step));
    atrous__launch_add(launch, atrous__arg_long(pairs));
    return atrous__launch_make(env, "winograd.cl", "winograd_pack", options, launch, error);
}

/* Geometry, lattice, tile and room: what all three kernels share. */
static void add_common(struct atrous__launch *launch, const struct atrous__problem *p,
                       const struct shape *s, size_t slices)
{
    atrous__launch_add_geometry(launch, p);
    atrous__launch_add_lattice(launch, &s->lattice, slices);
    atrous__launch_add(
        launch, atrous__arg_int4(s->lattice.rows, s->lattice.columns, s->channels, s->slice));
    atrous__launch_add(launch, atrous__arg_int4(s->tiles, s->row, s->chunks, POINT_GAP));
}

static struct atrous__launch *add_launch(struct atrous__job *job, size_t groups)
{
    struct atrous__launch *launch = &job->launch[job->launch_count++];
    *launch = (struct atrous__launch){.dims = 1, .global = {groups}, .local = {1}};
    return launch;
}

static void add_tensors(struct atrous__launch *launch, enum atrous__slot first)
{
    atrous__launch_add(launch, atrous__arg_tensor(first));
    atrous__launch_add(launch, atrous__arg_tensor(ATROUS__WEIGHTS));
    atrous__launch_add(launch, atrous__arg_tensor(ATROUS__BIAS));
    atrous__launch_add(launch, atrous__arg_tensor(ATROUS__RESIDUAL));
    atrous__launch_add(launch, atrous__arg_tensor(ATROUS__OUTPUT));
}

static atrous_status build_fused(const struct atrous__problem *p, struct atrous__env *env,
                                 const struct shape *s, const char *options,
                                 struct atrous__job *job, atrous_error *error)
{
    struct atrous__launch *launch = add_launch(job, groups_of(p, s));
    add_tensors(launch, ATROUS__INPUT);
    add_common(launch, p, s, 1);
    atrous__launch_add(launch, atrous__arg_local(s->patch_bytes));
    atrous__launch_add(launch, atrous__arg_local(s->points_bytes));
    atrous__launch_add(launch, atrous__arg_local(s->products_bytes));
    atrous__launch_add(launch, atrous__arg_local(s->tiles_bytes));
    return atrous__launch_make(env, "winograd.cl", "winograd", options, launch, error);
}

static atrous_status build_staged(const struct atrous__problem *p, struct atrous__env *env,
                                  const struct shape *s, const char *options,
                                  struct atrous__job *job, atrous_error *error)
{
    const size_t groups = groups_of(p, s);
    job->workspace_bytes = groups * s->points_bytes;
    struct atrous__launch *launch = add_launch(job, groups);
    atrous__launch_add(launch, atrous__arg_tensor(ATROUS__INPUT));
    atrous__launch_add(launch, atrous__arg_tensor(ATROUS__WORKSPACE));
    add_common(launch, p, s, 1);
    atrous__launch_add(launch, atrous__arg_local(s->patch_bytes));
    atrous__launch_add(launch, atrous__arg_local(s->tiles_bytes));
    const atrous_status status =
        atrous__launch_make(env, "winograd.cl", "winograd_input", options, launch, error);
    if (status != ATROUS_OK)
        return status;

    const size_t blocks = atrous__ceil_div(p->filters, filters_of_block(s));
    const size_t slices = atrous__ceil_div(blocks, s->slice);
    launch = add_launch(job, groups * slices);
    add_tensors(launch, ATROUS__WORKSPACE);
    add_common(launch, p, s, slices);
    atrous__launch_add(launch, atrous__arg_local(s->products_bytes));
    atrous__launch_add(launch, atrous__arg_local(s->sums_bytes));
    atrous__launch_add(launch, atrous__arg_local(s->tiles_bytes));
    return atrous__launch_make(env, "winograd.cl", "winograd_output", options, launch, error);
}

static atrous_status build(const struct atrous__problem *p, struct atrous__env *env,
                           struct atrous__job *job, atrous_error *error)
{
    const struct shape s = shape_of(p, &env->device);
    char options[128];
    snprintf(options, sizeof options,
             "-DVEC=%zu -DFV=%zu -DPX=%zu -DM=%zu -DR=%zu -DAXES=%zu -DFUSED=%d", s.vector,
             s.vectors, s.pixels, s.outputs, s.taps, s.axes, s.is_fused);
    const atrous_status status = build_pack(p, env, &s, options, job, error);
    if (status != ATROUS_OK)
        return status;
    return s.is_fused ? build_fused(p, env, &s, options, job, error)
                      : build_staged(p, env, &s, options, job, error);
}

static void probe(atrous_conv *conv)
{
    atrous__probe_square(conv, 17, 19);
}

const struct atrous__solver atrous__winograd = {.name = "winograd",
                                                .refuse = refuse,
                                                .estimate = estimate,
                                                .bound = bound,
                                                .workspace = workspace,
                                                .build = build,
                                                .probe = probe};
