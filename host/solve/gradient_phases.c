/* gradient_phases: the gradient of the weights where a phase of the image holds 3 values or fewer,
 * between zeros: whole phases of x meet whole phases of dy (kernels/phases.clh). */
#include "solve/panels.h"
#include "solve/reduce.h"

#include <stdio.h>

enum {
    BLOCK_CHANNELS = 32,
    SLICE_FILTERS = 64,      /* whose sums of all points with a block of channels share an L2 */
    CHUNK_TILES = 128,       /* of one filter block, which then share an L1 */
    PANELS_BYTES = 20 << 20, /* transformed inputs at a time: a share of an L3 */
    MOST_RUNS = (ATROUS__MAX_OWN - 4) / 2, /* each of two launches */
    GROUPS_PER_UNIT = 4,                   /* so that none waits long for the last */
    MOST_PARTS = 32
};

struct shape {
    size_t vector, vectors, pixels; /* VEC, FV, PX: PX channels x FV vectors of VEC filters */
    struct atrous__panels panels;
    size_t channels, channel_blocks, run; /* CB; blocks; blocks transformed at a time */
    size_t filters, filter_blocks, slice; /* of a block; blocks; blocks of a group */
    size_t parts;
    size_t gradients_at, sums_at; /* in the workspace, floats; x's panels begin it */
    size_t patch_bytes, gradient_bytes, sums_bytes, turned_bytes;
};

static void choose_parts(const struct atrous__problem *p, const struct atrous__device *device,
                         struct shape *s)
{
    const size_t groups = p->groups * s->run * atrous__ceil_div(s->filter_blocks, s->slice);
    const size_t wanted = atrous__ceil_div(GROUPS_PER_UNIT * device->compute_units, groups);
    const size_t chunks = atrous__ceil_div(atrous__panels_tiles(p, &s->panels, 0), CHUNK_TILES);
    s->parts = atrous__min(atrous__min(wanted, MOST_PARTS), chunks);
}

static struct shape shape_of(const struct atrous__problem *p, const struct atrous__device *device)
{
    struct shape s = {.vector = atrous__max(device->vector, 4), .vectors = 2};
    s.pixels = s.vector == 16 ? 8 : 6;
    s.panels = atrous__panels_make(p);
    /* Whole vectors and whole register blocks. */
    const size_t unit = s.vector == 16 ? 16 : 3 * s.vector;
    const size_t blocks = atrous__ceil_div(p->channels, atrous__max(BLOCK_CHANNELS, unit));
    s.channels = atrous__round_up(atrous__ceil_div(p->channels, blocks), unit);
    s.channel_blocks = atrous__ceil_div(p->channels, s.channels);
    s.filters = s.vector * s.vectors;
    s.filter_blocks = atrous__ceil_div(p->filters, s.filters);
    s.slice = atrous__min(s.filter_blocks, SLICE_FILTERS / s.filters);

    const size_t row = p->groups * s.panels.rows; /* of all groups */
    const size_t runs = atrous__min(
        atrous__ceil_div(row * s.channels * s.channel_blocks * sizeof(float), PANELS_BYTES),
        MOST_RUNS);
    s.run = atrous__ceil_div(s.channel_blocks, runs);
    s.gradients_at = row * s.channels * s.run;
    s.sums_at = s.gradients_at + row * s.filters * s.filter_blocks;
    choose_parts(p, device, &s);
    s.patch_bytes = atrous__panels_patch(p, &s.panels, s.channels);
    s.gradient_bytes = atrous__panels_patch(p, &s.panels, s.filters);
    s.sums_bytes = s.panels.points * (s.channels * s.slice * s.filters + s.vector) * sizeof(float);
    s.turned_bytes = s.channels * p->taps * s.vector * sizeof(float);
    return s;
}

/* Sums of a chunk begin at zero, then join those of the chunks before, then parts each other: the
 * longest way of a product, whatever the parts are. */
static struct atrous__bound bound(const struct atrous__problem *p)
{
    const struct atrous__panels panels = atrous__panels_make(p);
    const size_t tiles = atrous__panels_tiles(p, &panels, 0);
    return atrous__phases_gradient_bound(p, panels.values[ATROUS__H], panels.values[ATROUS__W],
                                         (double)atrous__min(tiles, CHUNK_TILES) +
                                             (double)atrous__ceil_div(tiles, CHUNK_TILES) + 1);
}

static const char *refuse(const struct atrous__problem *p, const struct atrous__device *device)
{
    const char *general = atrous__panels_refuse(p, device);
    if (general != NULL)
        return general;
    if (p->taps == 1)
        return "the kernel is one tap";
    const struct atrous__bound promised = bound(p);
    if (!atrous__bound_is_useful(&promised))
        return "its error bound grows with the output positions and would promise too little";
    const struct shape s = shape_of(p, device);
    if (s.sums_at > device->max_allocation / sizeof(float) / 2)
        return "the transformed tensors exceed half of the largest allocation";
    if (atrous__max(s.patch_bytes, s.gradient_bytes) > device->local_memory)
        return "a row of a phase exceeds the local memory";
    return s.sums_bytes + s.turned_bytes > device->local_memory
               ? "the sums of a slice exceed the local memory"
               : NULL;
}

static size_t part_count(const struct shape *s)
{
    return s->parts > 1 ? s->parts : 0; /* one stores dw itself */
}

static size_t workspace(const struct atrous__problem *p, const struct atrous__device *device)
{
    const struct shape s = shape_of(p, device);
    return atrous__reduce_workspace(p, device, s.sums_at, part_count(&s));
}

/* What a transformed value costs on its way through the workspace, and a sum of products, in
 * multiply-adds. */
static const double move_macs = 30, sum_macs = 40;

static double estimate(const struct atrous__problem *p, const struct atrous__device *device)
{
    const struct shape s = shape_of(p, device);
    const double tiles = (double)s.panels.tiles * (double)p->groups;
    const double channels = (double)atrous__round_up(p->channels, s.pixels);
    const double filters = (double)(s.filter_blocks * s.filters);
    const double sums = channels * filters * (double)(s.panels.points * p->groups * s.parts);
    return 0.04 + (tiles * channels * filters * 1.1 + tiles * (channels + filters) * move_macs +
                   sums * sum_macs) /
                      atrous__vector_macs_per_ms(device);
}

static struct atrous__arg workspace_from(size_t first)
{
    return atrous__arg_tensor_from(ATROUS__WORKSPACE, first);
}

/* The panels of `blocks` blocks of x or of dy, from the first one on. */
struct side {
    enum atrous__slot slot;
    size_t channels, block; /* of a group; of a block */
    size_t first, blocks, to;
    bool is_nhwc;
    size_t patch_bytes;
};

static atrous_status build_panels(const struct atrous__problem *p, struct atrous__env *env,
                                  const struct shape *s, const struct side *side,
                                  const char *options, struct atrous__job *job, atrous_error *error)
{
    struct atrous__launch *launch =
        atrous__job_add(job, atrous__panels_groups(p, &s->panels, side->blocks));
    const struct atrous__axis *axis = p->axis;
    const struct atrous__arg args[] = {
        atrous__arg_tensor(side->slot),
        workspace_from(side->to),
        atrous__arg_int4(axis[ATROUS__D].in, axis[ATROUS__H].in, axis[ATROUS__W].in,
                         side->channels),
        atrous__arg_int4(p->groups, p->batch, side->is_nhwc, 0),
    };
    for (size_t i = 0; i < sizeof args / sizeof *args; ++i)
        atrous__launch_add(launch, args[i]);
    atrous__launch_add_panels(launch, &s->panels, side->block,
                              atrous__arg_int4(side->first, side->blocks, 0, 0));
    atrous__launch_add(launch, atrous__arg_local(side->patch_bytes));
    launch->stored = atrous__type_bytes(p->conv.type);
    return atrous__launch_make(env, "gradient_phases.cl", "gradient_phases_panels", options, launch,
                               error);
}

static atrous_status build_products(const struct atrous__problem *p, struct atrous__env *env,
                                    const struct shape *s, size_t first, size_t blocks,
                                    const char *options, struct atrous__job *job,
                                    atrous_error *error)
{
    const size_t slices = atrous__ceil_div(s->filter_blocks, s->slice);
    struct atrous__launch *launch = atrous__job_add(job, p->groups * slices * blocks * s->parts);
    const struct atrous__axis *axis = p->axis;
    const bool has_parts = s->parts > 1;
    const struct atrous__arg args[] = {
        workspace_from(0),
        workspace_from(s->gradients_at),
        has_parts ? workspace_from(s->sums_at) : atrous__arg_tensor(ATROUS__OUTPUT),
        atrous__arg_int4(has_parts ? 0 : (size_t)p->conv.activation,
                         has_parts ? 0 : (size_t)p->conv.residual, 0, 0),
        atrous__arg_float4(0.0, 0.0, has_parts ? 1.0 : p->conv.alpha,
                           has_parts ? 0.0 : p->conv.beta),
        atrous__arg_int4(axis[ATROUS__D].in, axis[ATROUS__H].in, axis[ATROUS__W].in, p->channels),
        atrous__arg_int4(p->filters, s->filter_blocks, s->slice,
                         p->conv.orientation == ATROUS_TRUE_CONVOLUTION ? 1 : 0),
        atrous__arg_int4(p->groups, s->panels.images, s->parts, CHUNK_TILES),
    };
    for (size_t i = 0; i < sizeof args / sizeof *args; ++i)
        atrous__launch_add(launch, args[i]);
    atrous__launch_add_panels(launch, &s->panels, s->channels,
                              atrous__arg_int4(first, blocks, 0, 0));
    atrous__launch_add(launch, atrous__arg_local(s->sums_bytes));
    atrous__launch_add(launch, atrous__arg_local(s->turned_bytes));
    launch->stored = has_parts ? 0 : atrous__type_bytes(p->conv.type);
    return atrous__launch_make(env, "gradient_phases.cl", "gradient_phases_products", options,
                               launch, error);
}

static atrous_status build(const struct atrous__problem *p, struct atrous__env *env,
                           struct atrous__job *job, atrous_error *error)
{
    const struct shape s = shape_of(p, &env->device);
    char options[128];
    snprintf(options, sizeof options,
             "-DVEC=%zu -DFV=%zu -DPX=%zu -DNH=%zu -DNW=%zu -DKH=%zu -DKW=%zu %s%s", s.vector,
             s.vectors, s.pixels, s.panels.values[ATROUS__H], s.panels.values[ATROUS__W],
             p->axis[ATROUS__H].kernel, p->axis[ATROUS__W].kernel, atrous__type_option(p),
             s.parts > 1 ? " -DFLOAT_SUMS" : "");
    const struct side dy = {.slot = ATROUS__GRAD_OUTPUT,
                            .channels = p->filters,
                            .block = s.filters,
                            .blocks = s.filter_blocks,
                            .to = s.gradients_at,
                            .is_nhwc = p->conv.output_layout == ATROUS_LAYOUT_NHWC,
                            .patch_bytes = s.gradient_bytes};
    struct side x = {.slot = ATROUS__INPUT,
                     .channels = p->channels,
                     .block = s.channels,
                     .is_nhwc = p->conv.input_layout == ATROUS_LAYOUT_NHWC,
                     .patch_bytes = s.patch_bytes};
    atrous_status status = build_panels(p, env, &s, &dy, options, job, error);
    for (; x.first < s.channel_blocks && status == ATROUS_OK; x.first += s.run) {
        x.blocks = atrous__min(s.run, s.channel_blocks - x.first);
        status = build_panels(p, env, &s, &x, options, job, error);
        if (status == ATROUS_OK)
            status = build_products(p, env, &s, x.first, x.blocks, options, job, error);
    }
    return status == ATROUS_OK ? atrous__reduce_build(p, env, s.sums_at, part_count(&s), job, error)
                               : status;
}

static void probe(atrous_conv *conv)
{
    atrous__panels_probe(conv);
    conv->direction = ATROUS_BACKWARD_WEIGHTS;
}

static void other_probe(atrous_conv *conv)
{
    atrous__panels_other_probe(conv);
    conv->direction = ATROUS_BACKWARD_WEIGHTS;
}

const struct atrous__solver atrous__gradient_phases = {.name = "gradient_phases",
                                                       .forms = 1u << ATROUS__GRADIENT,
                                                       .types = ATROUS__TYPES_FLOAT,
                                                       .refuse = refuse,
                                                       .estimate = estimate,
                                                       .bound = bound,
                                                       .workspace = workspace,
                                                       .build = build,
                                                       .probe = probe,
                                                       .other_probes = {other_probe}};
