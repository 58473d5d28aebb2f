/* winograd: minimal filtering F(4,3), F(2,3) and, in one dimension, F(3,2), per phase and so
 * at any dilation; of each plane where a kernel has a depth. */
#include "solve/windows.h"

#include <stdio.h>

/* Budgets in bytes: transformed inputs and products of a group share an L2 with the weights
 * that stream by; a patch is a passing guest. */
enum {
    FUSED_BYTES = 384 << 10, /* points and products of one filter block */
    PRODUCTS_BYTES = 300 << 10,
    PATCH_BYTES = 96 << 10,
    FUSED_TILES = 14, /* below, the weights stream too often */
    STAGED_TILES = 36,
    POINT_GAP = 16 /* floats between points: one cache line */
};

/* Rows of a register block, vectors of filters, and what a filter costs beside the first kind. */
static const struct atrous__registers with_32[] = {{8, 2, 1.0}, {12, 1, 1.15}};
static const struct atrous__registers with_16[] = {{6, 2, 1.0}, {12, 1, 1.15}};

struct shape {
    size_t vector, vectors, pixels; /* VEC, FV, PX */
    bool is_fused;
    struct atrous__windows windows;
    size_t channels; /* of a patch */
    size_t row;      /* channels of a row of points, whole vectors */
    size_t slice;    /* filter blocks whose products are kept at once */
    size_t patch_bytes, points_bytes, products_bytes, sums_bytes, tiles_bytes;
};

/* Channels as the products see them: the taps of a depth are summed with them. */
static size_t channels_of(const struct atrous__problem *p)
{
    return p->channels * p->axis[ATROUS__D].kernel;
}

static size_t filters_of_block(const struct shape *s)
{
    return s->vector * s->vectors;
}

static void choose_channels(const struct atrous__problem *p, struct shape *s)
{
    const size_t bytes = s->windows.lattice.patch_rows * s->windows.lattice.pitch * sizeof(float);
    const size_t most = atrous__max(PATCH_BYTES / bytes / s->vector, 1) * s->vector;
    s->channels = atrous__min(most, atrous__round_up(p->channels, s->vector));
    s->patch_bytes = bytes * s->channels;
}

static void choose_slice(const struct atrous__problem *p, struct shape *s)
{
    const size_t block =
        s->windows.points * (s->windows.tiles * filters_of_block(s) + POINT_GAP) * sizeof(float);
    const size_t blocks = atrous__ceil_div(p->filters, filters_of_block(s));
    s->slice = s->is_fused ? 1 : atrous__min(blocks, atrous__max(PRODUCTS_BYTES / block, 1));
    s->products_bytes = s->slice * block;
}

static struct shape shape_of(const struct atrous__problem *p, const struct atrous__device *device)
{
    struct shape s = {.vector = atrous__max(device->vector, 4)};
    const struct atrous__registers *kinds = s.vector == 16 ? with_32 : with_16;
    const struct atrous__registers *best =
        atrous__registers_choose(kinds, sizeof with_32 / sizeof *with_32, s.vector, p->filters);
    s.pixels = best->pixels;
    s.vectors = best->vectors;
    s.windows = atrous__windows_make(p, atrous__windows_outputs(p, atrous__minimal_bound));
    /* The last depth's last vector may reach past its channels. */
    s.row = atrous__round_up(channels_of(p) - p->channels + atrous__round_up(p->channels, s.vector),
                             s.vector);

    const size_t tile_bytes = s.windows.points * s.row * sizeof(float);
    const size_t fused =
        FUSED_BYTES / (tile_bytes + s.windows.points * filters_of_block(&s) * sizeof(float));
    s.is_fused = fused >= FUSED_TILES;
    atrous__windows_lay(p, s.is_fused ? fused : STAGED_TILES, &s.windows);
    choose_channels(p, &s);
    choose_slice(p, &s);
    s.points_bytes = s.windows.points * (s.windows.tiles * s.row + POINT_GAP) * sizeof(float);
    s.sums_bytes = s.windows.lattice.rows * s.windows.width * filters_of_block(&s) * sizeof(float);
    s.tiles_bytes = s.windows.tiles * sizeof(cl_int2);
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

static const char *refuse(const struct atrous__problem *p, const struct atrous__device *device)
{
    const char *general = atrous__windows_refuse(p, device);
    if (general != NULL)
        return general;
    if (atrous__windows_outputs(p, atrous__minimal_bound) == 0)
        return "its error bound grows with the channels and would promise too little";
    const struct shape s = shape_of(p, device);
    return local_bytes(&s) > device->local_memory ? "a tile exceeds the local memory" : NULL;
}

static struct atrous__bound bound(const struct atrous__problem *p)
{
    return atrous__minimal_bound(p, atrous__windows_outputs(p, atrous__minimal_bound));
}

static size_t groups_of(const struct atrous__problem *p, const struct shape *s)
{
    return atrous__lattice_tiles(p, &s->windows.lattice);
}

static size_t workspace(const struct atrous__problem *p, const struct atrous__device *device)
{
    const struct shape s = shape_of(p, device);
    return s.is_fused ? 0 : groups_of(p, &s) * s.points_bytes;
}

static double estimate(const struct atrous__problem *p, const struct atrous__device *device)
{
    const struct shape s = shape_of(p, device);
    const double tiles = atrous__windows_tiles(p, &s.windows);
    const double channels = (double)(p->groups * channels_of(p));
    const double filters = (double)(p->groups * atrous__round_up(p->filters, filters_of_block(&s)));
    const double products = tiles * (double)s.windows.points * filters * (double)channels_of(p);
    /* Each transformed value costs as much as some multiply-adds. */
    const double transforms = tiles * (double)s.windows.points * (channels * 10 + filters * 8);
    return 0.02 + (products * 1.15 + transforms) / atrous__vector_macs_per_ms(device);
}

/* Geometry, lattice, tile and room: what all three kernels share. */
static void add_common(struct atrous__launch *launch, const struct atrous__problem *p,
                       const struct shape *s, size_t slices)
{
    atrous__launch_add_geometry(launch, p);
    atrous__launch_add_lattice(launch, &s->windows.lattice, slices);
    atrous__launch_add(launch, atrous__arg_int4(s->windows.lattice.rows, s->windows.lattice.columns,
                                                s->channels, s->slice));
    atrous__launch_add(launch,
                       atrous__arg_int4(s->windows.tiles, s->row, s->windows.chunks, POINT_GAP));
}

static atrous_status build_fused(const struct atrous__problem *p, struct atrous__env *env,
                                 const struct shape *s, const char *options,
                                 struct atrous__job *job, atrous_error *error)
{
    struct atrous__launch *launch = atrous__job_add(job, groups_of(p, s));
    atrous__launch_add_tensors(launch, atrous__arg_tensor(ATROUS__INPUT));
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
    struct atrous__launch *launch = atrous__job_add(job, groups);
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
    launch = atrous__job_add(job, groups * slices);
    atrous__launch_add_tensors(launch, atrous__arg_tensor(ATROUS__WORKSPACE));
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
             "-DVEC=%zu -DFV=%zu -DPX=%zu -DM=%zu -DR=%zu -DAXES=%zu -DFUSED=%d %s", s.vector,
             s.vectors, s.pixels, s.windows.outputs, s.windows.taps, s.windows.axes, s.is_fused,
             atrous__type_option(p));
    const struct atrous__points_shape pack = {filters_of_block(&s), s.windows.points,
                                              UINT64_C(0x77696e6f), "winograd.cl",
                                              "winograd_pack",      options};
    const atrous_status status = atrous__points_pack(p, env, &pack, job, error);
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
                                                .types = ATROUS__TYPES_FLOAT,
                                                .scales = true,
                                                .gated_groups = 1,
                                                .refuse = refuse,
                                                .estimate = estimate,
                                                .bound = bound,
                                                .workspace = workspace,
                                                .build = build,
                                                .probe = probe};
