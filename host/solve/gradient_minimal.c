/* gradient_minimal: the gradient of the weights by minimal filtering, per phase and so at any
 * dilation. */
#include "solve/reduce.h"
#include "solve/windows.h"

#include <stdio.h>

/* Budgets in bytes, and what a block of tiles holds. */
enum {
    PATCH_BYTES = 96 << 10,
    BLOCK_TILES = 36,
    PANEL = 64,       /* channels or filters of a slice, whose sums then fit an L1 */
    LINE_PANEL = 192, /* the same of rows, where fewer points share local memory */
    POINT_GAP = 16,   /* floats between points: one cache line */
    GROUPS_PER_UNIT = 2
};

/* One of the two tensors that are transformed. */
struct side {
    size_t width;          /* CB or KB: channels of a panel */
    size_t slices;         /* panels of a group */
    size_t patch_channels; /* gathered at a time */
    size_t patch_bytes;
    size_t first, floats; /* in the workspace */
};

struct shape {
    size_t vector, vectors, pixels; /* VEC, FV, PX */
    struct atrous__windows windows;
    size_t blocks; /* of tiles, of a group of the convolution */
    bool is_fused; /* points stay in local memory, and blocks are summed in parts */
    size_t parts;
    struct side x, dy;
    size_t sums_at, sums_floats; /* of all points, in the workspace */
    size_t own_at;               /* a part's own sums */
    size_t total_floats;
    size_t sums_bytes, turned_bytes, tiles_bytes;
};

static size_t blocks_of(const struct atrous__problem *p, const struct atrous__windows *w)
{
    return atrous__lattice_tiles(p, &w->lattice) / p->groups;
}

/* Sums of one block begin at zero and then join the others', in parts or not: no more roundings on
 * the way than that. */
static struct atrous__bound bound_with(const struct atrous__problem *p, size_t outputs)
{
    struct atrous__windows w = atrous__windows_make(p, outputs);
    atrous__windows_lay(p, BLOCK_TILES, &w);
    return atrous__minimal_gradient_bound(p, outputs, (double)w.tiles + (double)blocks_of(p, &w));
}

static struct atrous__bound bound(const struct atrous__problem *p)
{
    return bound_with(p, atrous__windows_outputs(p, bound_with));
}

static struct side side_of(size_t channels, size_t panel, size_t unit, size_t vector,
                           size_t column_bytes)
{
    struct side s = {.slices = atrous__ceil_div(channels, panel)};
    s.width = atrous__round_up(atrous__ceil_div(channels, s.slices), unit);
    s.slices = atrous__ceil_div(channels, s.width);
    s.patch_channels = atrous__min(atrous__max(PATCH_BYTES / column_bytes / vector, 1) * vector,
                                   atrous__round_up(s.width, vector));
    s.patch_bytes = column_bytes * s.patch_channels;
    return s;
}

/* Floats of the workspace a side takes, and slack: register blocks read past the last channel. */
static void place_side(const struct atrous__problem *p, const struct shape *shape, struct side *s,
                       size_t *at)
{
    const struct atrous__windows *w = &shape->windows;
    s->first = *at;
    s->floats =
        p->groups * s->slices * shape->blocks * w->points * (w->tiles * s->width + POINT_GAP) +
        POINT_GAP;
    *at += s->floats;
}

/* Bytes of local memory for the points of a block of tiles. */
static size_t points_bytes(const struct shape *s, const struct side *side)
{
    const struct atrous__windows *w = &s->windows;
    return (w->points * (w->tiles * side->width + POINT_GAP) + POINT_GAP) * sizeof(float);
}

/* Slices of about `panel` channels and filters. */
static void lay_sides(const struct atrous__problem *p, const struct atrous__device *device,
                      size_t panel, struct shape *s)
{
    const struct atrous__lattice *l = &s->windows.lattice;
    const size_t column = l->pitch * sizeof(float);
    s->x = side_of(p->channels, panel, s->vector, s->vector, l->patch_rows * column);
    s->dy = side_of(p->filters, panel, s->vector * s->vectors, s->vector, l->rows * column);
    const size_t local = points_bytes(s, &s->x) + points_bytes(s, &s->dy) + s->tiles_bytes +
                         atrous__max(s->x.patch_bytes, s->dy.patch_bytes);
    s->is_fused = local <= device->local_memory;
    const size_t groups = p->groups * s->x.slices * s->dy.slices;
    const size_t wanted = atrous__ceil_div(GROUPS_PER_UNIT * device->compute_units, groups);
    s->parts = s->is_fused ? atrous__min(wanted, s->blocks) : 1;
}

static struct shape shape_of(const struct atrous__problem *p, const struct atrous__device *device)
{
    struct shape s = {.vector = atrous__max(device->vector, 4), .vectors = 2};
    s.pixels = s.vector == 16 ? 8 : 6;
    s.windows = atrous__windows_make(p, atrous__windows_outputs(p, bound_with));
    struct atrous__windows *w = &s.windows;
    atrous__windows_lay(p, BLOCK_TILES, w);
    s.blocks = blocks_of(p, w);

    s.tiles_bytes = w->tiles * sizeof(cl_int2);
    lay_sides(p, device, w->axes == 1 ? LINE_PANEL : PANEL, &s);
    if (!s.is_fused && w->axes == 1)
        lay_sides(p, device, PANEL, &s);
    if (!s.is_fused) {
        place_side(p, &s, &s.x, &s.total_floats);
        place_side(p, &s, &s.dy, &s.total_floats);
    }
    s.sums_at = s.total_floats;
    s.sums_floats =
        w->points * p->groups * s.dy.slices * s.x.slices * s.dy.width * s.x.width * s.parts;
    s.total_floats += s.sums_floats;
    s.sums_bytes = atrous__round_up(s.x.width, s.pixels) * s.dy.width * sizeof(float);
    s.own_at = s.total_floats;
    if (s.is_fused)
        s.total_floats += p->groups * s.dy.slices * s.x.slices * s.parts * w->points *
                          (s.sums_bytes / sizeof(float) + s.vector);
    s.turned_bytes = s.x.width * p->taps * s.vector * sizeof(float);
    return s;
}

static const char *refuse(const struct atrous__problem *p, const struct atrous__device *device)
{
    const char *general = atrous__windows_refuse(p, device);
    if (general != NULL)
        return general;
    if (p->axis[ATROUS__D].kernel != 1)
        return "the kernel has a depth";
    if (atrous__windows_outputs(p, bound_with) == 0)
        return "its error bound grows with the output positions and would promise too little";
    const struct shape s = shape_of(p, device);
    if (s.total_floats > device->max_allocation / sizeof(float) / 2)
        return "the transformed tensors exceed half of the largest allocation";
    const size_t patch = atrous__max(s.x.patch_bytes, s.dy.patch_bytes) + s.tiles_bytes;
    return atrous__max(patch, atrous__max(s.sums_bytes, s.turned_bytes)) > device->local_memory
               ? "a tile exceeds the local memory"
               : NULL;
}

static size_t workspace(const struct atrous__problem *p, const struct atrous__device *device)
{
    return atrous__reduce_workspace(p, device, shape_of(p, device).total_floats, 0);
}

/* What a transformed value costs, through the workspace or on its way to local memory, where each
 * pair of slices transforms its own; and what a sum of products costs; in multiply-adds. */
static const double staged_move_macs = 33, fused_move_macs = 9;
static const double staged_sum_macs = 46, fused_sum_macs = 17;

static double estimate(const struct atrous__problem *p, const struct atrous__device *device)
{
    const struct shape s = shape_of(p, device);
    const double count =
        atrous__windows_tiles(p, &s.windows) * (double)(s.windows.points * p->groups);
    const double channels = (double)atrous__round_up(p->channels, s.pixels);
    const double filters = (double)atrous__round_up(p->filters, s.vector * s.vectors);
    const double products = count * channels * filters * 1.1;
    const double moves = s.is_fused
                             ? count * fused_move_macs *
                                   (channels * (double)s.dy.slices + filters * (double)s.x.slices)
                             : count * staged_move_macs * (channels + filters);
    const double sums = (double)s.sums_floats * (s.is_fused ? fused_sum_macs : staged_sum_macs);
    return 0.03 + (products + moves + sums) / atrous__vector_macs_per_ms(device);
}

static struct atrous__arg workspace_from(size_t first)
{
    return atrous__arg_tensor_from(ATROUS__WORKSPACE, first);
}

static atrous_status build_side(const struct atrous__problem *p, struct atrous__env *env,
                                const struct shape *s, const struct side *side,
                                enum atrous__slot slot, const char *entry, const char *options,
                                struct atrous__job *job, atrous_error *error)
{
    const struct atrous__windows *w = &s->windows;
    struct atrous__launch *launch = atrous__job_add(job, p->groups * s->blocks);
    atrous__launch_add(launch, atrous__arg_tensor(slot));
    atrous__launch_add(launch, workspace_from(side->first));
    atrous__launch_add_geometry(launch, p);
    atrous__launch_add_lattice(launch, &w->lattice, 1);
    const struct atrous__arg args[] = {
        atrous__arg_int4(w->lattice.rows, w->lattice.columns, side->patch_channels, 0),
        atrous__arg_int4(w->tiles, side->width, w->chunks, POINT_GAP),
        atrous__arg_long(s->blocks),
        atrous__arg_local(side->patch_bytes),
        atrous__arg_local(s->tiles_bytes),
    };
    for (size_t i = 0; i < sizeof args / sizeof *args; ++i)
        atrous__launch_add(launch, args[i]);
    return atrous__launch_make(env, "gradient_minimal.cl", entry, options, launch, error);
}

static atrous_status build_fused(const struct atrous__problem *p, struct atrous__env *env,
                                 const struct shape *s, const char *options,
                                 struct atrous__job *job, atrous_error *error)
{
    const struct atrous__windows *w = &s->windows;
    struct atrous__launch *launch =
        atrous__job_add(job, p->groups * s->dy.slices * s->x.slices * s->parts);
    atrous__launch_add(launch, atrous__arg_tensor(ATROUS__INPUT));
    atrous__launch_add(launch, atrous__arg_tensor(ATROUS__GRAD_OUTPUT));
    atrous__launch_add(launch, workspace_from(s->own_at));
    atrous__launch_add(launch, workspace_from(s->sums_at));
    atrous__launch_add_geometry(launch, p);
    atrous__launch_add_lattice(launch, &w->lattice, 1);
    const struct atrous__arg args[] = {
        atrous__arg_int4(w->lattice.rows, w->lattice.columns, s->x.patch_channels,
                         s->dy.patch_channels),
        atrous__arg_int4(w->tiles, 0, w->chunks, POINT_GAP),
        atrous__arg_long(s->blocks),
        atrous__arg_int4(p->channels, p->filters, s->x.width, s->dy.width),
        atrous__arg_int(s->parts),
        atrous__arg_local(atrous__max(s->x.patch_bytes, s->dy.patch_bytes)),
        atrous__arg_local(s->tiles_bytes),
        atrous__arg_local(points_bytes(s, &s->x)),
        atrous__arg_local(points_bytes(s, &s->dy)),
    };
    for (size_t i = 0; i < sizeof args / sizeof *args; ++i)
        atrous__launch_add(launch, args[i]);
    return atrous__launch_make(env, "gradient_minimal.cl", "gradient_minimal_fused", options,
                               launch, error);
}

static atrous_status build_products(const struct atrous__problem *p, struct atrous__env *env,
                                    const struct shape *s, const char *options,
                                    struct atrous__job *job, atrous_error *error)
{
    struct atrous__launch *launch =
        atrous__job_add(job, s->windows.points * p->groups * s->dy.slices * s->x.slices);
    const struct atrous__arg args[] = {
        workspace_from(s->x.first),
        workspace_from(s->dy.first),
        workspace_from(s->sums_at),
        atrous__arg_int4(p->channels, p->filters, s->x.width, s->dy.width),
        atrous__arg_int4(s->windows.tiles, 0, 0, POINT_GAP),
        atrous__arg_long(p->groups),
        atrous__arg_long(s->blocks),
        atrous__arg_int(s->sums_bytes / sizeof(float)),
        atrous__arg_local(s->sums_bytes),
    };
    for (size_t i = 0; i < sizeof args / sizeof *args; ++i)
        atrous__launch_add(launch, args[i]);
    return atrous__launch_make(env, "gradient_minimal.cl", "gradient_minimal_products", options,
                               launch, error);
}

static atrous_status build_staged(const struct atrous__problem *p, struct atrous__env *env,
                                  const struct shape *s, const char *options,
                                  struct atrous__job *job, atrous_error *error)
{
    atrous_status status =
        build_side(p, env, s, &s->x, ATROUS__INPUT, "gradient_minimal_input", options, job, error);
    if (status == ATROUS_OK)
        status = build_side(p, env, s, &s->dy, ATROUS__GRAD_OUTPUT, "gradient_minimal_output",
                            options, job, error);
    return status == ATROUS_OK ? build_products(p, env, s, options, job, error) : status;
}

static atrous_status build_taps(const struct atrous__problem *p, struct atrous__env *env,
                                const struct shape *s, const char *options, struct atrous__job *job,
                                atrous_error *error)
{
    struct atrous__launch *launch =
        atrous__job_add(job, p->groups * s->dy.slices * (s->dy.width / s->vector) * s->x.slices);
    const struct atrous__arg args[] = {
        workspace_from(s->sums_at),
        atrous__arg_tensor(ATROUS__OUTPUT),
        atrous__arg_int4((size_t)p->conv.activation, (size_t)p->conv.residual, 0, 0),
        atrous__arg_float4(0.0, 0.0, p->conv.alpha, p->conv.beta),
        atrous__arg_int4(p->channels, p->filters, s->x.width, s->dy.width),
        atrous__arg_long(p->groups),
        atrous__arg_int(p->conv.orientation == ATROUS_TRUE_CONVOLUTION ? 1 : 0),
        atrous__arg_int(s->parts),
        atrous__arg_local(s->turned_bytes),
    };
    for (size_t i = 0; i < sizeof args / sizeof *args; ++i)
        atrous__launch_add(launch, args[i]);
    launch->stored = atrous__type_bytes(p->conv.type);
    return atrous__launch_make(env, "gradient_minimal.cl", "gradient_minimal_taps", options, launch,
                               error);
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
    atrous_status status = s.is_fused ? build_fused(p, env, &s, options, job, error)
                                      : build_staged(p, env, &s, options, job, error);
    if (status == ATROUS_OK)
        status = build_taps(p, env, &s, options, job, error);
    if (status == ATROUS_OK)
        status = atrous__reduce_build(p, env, s.total_floats, 0, job, error);
    return status;
}

static void probe(atrous_conv *conv)
{
    atrous__probe_square(conv, 17, 19);
    conv->direction = ATROUS_BACKWARD_WEIGHTS;
}

const struct atrous__solver atrous__gradient_minimal = {.name = "gradient_minimal",
                                                        .forms = 1u << ATROUS__GRADIENT,
                                                        .types = ATROUS__TYPES_FLOAT,
                                                        .refuse = refuse,
                                                        .estimate = estimate,
                                                        .bound = bound,
                                                        .workspace = workspace,
                                                        .build = build,
                                                        .probe = probe};
