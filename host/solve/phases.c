/* phases: dilations so wide that a phase of the image holds 3 values or fewer, between zeros. Each
 * phase is computed whole, with one product more than it has values (kernels/phases.clh). */
#include "solve/panels.h"

#include <stdio.h>

enum {
    BLOCK_CHANNELS = 128,                 /* whose weights of one filter block fit an L1 */
    RUN_TILES = 160,                      /* a group's, whose inputs and products share an L2 */
    RUN_FILTERS = 128,                    /* a group's */
    PANELS_BYTES = 8 << 20,               /* transformed inputs at a time: a share of an L3 */
    MOST_RUNS = (ATROUS__MAX_OWN - 1) / 2 /* each of two launches */
};

/* Rows of a register block, vectors of filters, and what a filter costs beside the first kind. */
static const struct atrous__registers with_32[] = {{8, 2, 1.0}, {12, 1, 1.15}};
static const struct atrous__registers with_16[] = {{6, 2, 1.0}, {12, 1, 1.15}};

struct shape {
    size_t vector, vectors, pixels; /* VEC, FV, PX */
    struct atrous__panels panels;
    size_t channels, channel_blocks, run; /* CB; blocks; blocks transformed at a time */
    size_t filters, filter_blocks, slice; /* of a block; blocks; blocks of a group */
    size_t panels_bytes, products_bytes;  /* of one run; of all */
    size_t patch_bytes, sums_bytes;
};

static struct shape shape_of(const struct atrous__problem *p, const struct atrous__device *device)
{
    struct shape s = {.vector = atrous__max(device->vector, 4)};
    const struct atrous__registers *kinds = s.vector == 16 ? with_32 : with_16;
    const struct atrous__registers *best =
        atrous__registers_choose(kinds, sizeof with_32 / sizeof *with_32, s.vector, p->filters);
    s.pixels = best->pixels;
    s.vectors = best->vectors;
    s.panels = atrous__panels_make(p);

    const size_t blocks = atrous__ceil_div(p->channels, BLOCK_CHANNELS);
    s.channels = atrous__round_up(atrous__ceil_div(p->channels, blocks), s.vector);
    s.channel_blocks = atrous__ceil_div(p->channels, s.channels);
    s.filters = s.vector * s.vectors;
    s.filter_blocks = atrous__ceil_div(p->filters, s.filters);
    s.slice = atrous__min(s.filter_blocks, atrous__max(RUN_FILTERS / s.filters, 1));

    const size_t panel = p->groups * s.panels.rows * s.channels * sizeof(float);
    const size_t runs =
        atrous__min(atrous__ceil_div(panel * s.channel_blocks, PANELS_BYTES), MOST_RUNS);
    s.run = atrous__ceil_div(s.channel_blocks, runs);
    s.panels_bytes = s.run * panel;
    s.products_bytes = p->groups * s.filter_blocks * s.panels.rows * s.filters * sizeof(float);
    s.patch_bytes = atrous__panels_patch(p, &s.panels, s.channels);
    s.sums_bytes = atrous__panels_patch(p, &s.panels, s.filters);
    return s;
}

static struct atrous__bound bound_of(const struct atrous__problem *p,
                                     const struct atrous__panels *panels)
{
    return atrous__phases_bound(p, panels->values[ATROUS__H], panels->values[ATROUS__W]);
}

static const char *refuse(const struct atrous__problem *p, const struct atrous__device *device)
{
    const char *general = atrous__panels_refuse(p, device);
    if (general != NULL)
        return general;
    const struct shape s = shape_of(p, device);
    if (s.panels.values[ATROUS__H] == 1 && s.panels.values[ATROUS__W] == 1)
        return "one tap alone reads input";
    const struct atrous__bound promised = bound_of(p, &s.panels);
    if (!atrous__bound_is_useful(&promised))
        return "its error bound grows with the channels and would promise too little";
    return atrous__max(s.patch_bytes, s.sums_bytes) > device->local_memory
               ? "a row of a phase exceeds the local memory"
               : NULL;
}

static struct atrous__bound bound(const struct atrous__problem *p)
{
    const struct atrous__panels panels = atrous__panels_make(p);
    return bound_of(p, &panels);
}

static size_t workspace(const struct atrous__problem *p, const struct atrous__device *device)
{
    const struct shape s = shape_of(p, device);
    return s.panels_bytes + s.products_bytes;
}

static double estimate(const struct atrous__problem *p, const struct atrous__device *device)
{
    const struct shape s = shape_of(p, device);
    const double count = (double)s.panels.tiles * (double)p->groups;
    const double filters = (double)(s.filter_blocks * s.filters);
    const double products = count * (double)p->channels * filters;
    /* Each transformed value goes through the workspace, which costs as much as some multiply-adds.
     */
    const double transforms = count * ((double)p->channels * 30 + filters * 20);
    return 0.06 + (products * 1.1 + transforms) / atrous__vector_macs_per_ms(device);
}

/* Geometry, tiling and work, which all three kernels share; of a run of channel blocks. */
static void add_common(struct atrous__launch *launch, const struct atrous__problem *p,
                       const struct shape *s, size_t first, size_t blocks)
{
    atrous__launch_add_geometry(launch, p);
    atrous__launch_add_panels(launch, &s->panels, s->channels,
                              atrous__arg_int4(first, blocks, RUN_TILES, s->slice));
}

/* Where the products begin in the workspace. */
static struct atrous__arg products_at(const struct shape *s)
{
    return atrous__arg_tensor_from(ATROUS__WORKSPACE, s->panels_bytes / sizeof(float));
}

static atrous_status build_input(const struct atrous__problem *p, struct atrous__env *env,
                                 const struct shape *s, size_t first, size_t blocks,
                                 const char *options, struct atrous__job *job, atrous_error *error)
{
    struct atrous__launch *launch =
        atrous__job_add(job, atrous__panels_groups(p, &s->panels, blocks));
    atrous__launch_add(launch, atrous__arg_tensor(ATROUS__INPUT));
    atrous__launch_add(launch, atrous__arg_tensor(ATROUS__WORKSPACE));
    add_common(launch, p, s, first, blocks);
    atrous__launch_add(launch, atrous__arg_local(s->patch_bytes));
    return atrous__launch_make(env, "phases.cl", "phases_input", options, launch, error);
}

static atrous_status build_multiply(const struct atrous__problem *p, struct atrous__env *env,
                                    const struct shape *s, size_t first, size_t blocks,
                                    const char *options, struct atrous__job *job,
                                    atrous_error *error)
{
    size_t parts = 0;
    for (size_t point = 0; point < s->panels.points; ++point)
        parts += atrous__ceil_div(atrous__panels_tiles(p, &s->panels, point), RUN_TILES);
    const size_t slices = atrous__ceil_div(s->filter_blocks, s->slice);
    struct atrous__launch *launch = atrous__job_add(job, parts * slices * p->groups);
    atrous__launch_add(launch, atrous__arg_tensor(ATROUS__WORKSPACE));
    atrous__launch_add(launch, atrous__arg_tensor(ATROUS__WEIGHTS));
    atrous__launch_add(launch, products_at(s));
    add_common(launch, p, s, first, blocks);
    return atrous__launch_make(env, "phases.cl", "phases_multiply", options, launch, error);
}

static atrous_status build_output(const struct atrous__problem *p, struct atrous__env *env,
                                  const struct shape *s, const char *options,
                                  struct atrous__job *job, atrous_error *error)
{
    struct atrous__launch *launch =
        atrous__job_add(job, atrous__panels_groups(p, &s->panels, s->filter_blocks));
    atrous__launch_add_tensors(launch, products_at(s));
    add_common(launch, p, s, 0, s->channel_blocks);
    atrous__launch_add(launch, atrous__arg_local(s->sums_bytes));
    return atrous__launch_make(env, "phases.cl", "phases_output", options, launch, error);
}

static atrous_status build(const struct atrous__problem *p, struct atrous__env *env,
                           struct atrous__job *job, atrous_error *error)
{
    const struct shape s = shape_of(p, &env->device);
    char options[128];
    snprintf(options, sizeof options,
             "-DVEC=%zu -DFV=%zu -DPX=%zu -DNH=%zu -DNW=%zu -DKH=%zu -DKW=%zu %s", s.vector,
             s.vectors, s.pixels, s.panels.values[ATROUS__H], s.panels.values[ATROUS__W],
             p->axis[ATROUS__H].kernel, p->axis[ATROUS__W].kernel, atrous__type_option(p));
    job->workspace_bytes = s.panels_bytes + s.products_bytes;
    /* As many points may come of other phases. */
    const uint64_t mark =
        UINT64_C(0x7068617300) + 4 * s.panels.values[ATROUS__H] + s.panels.values[ATROUS__W];
    const struct atrous__points_shape pack = {s.filters,   s.panels.points, mark,
                                              "phases.cl", "phases_pack",   options};
    atrous_status status = atrous__points_pack(p, env, &pack, job, error);
    for (size_t first = 0; first < s.channel_blocks && status == ATROUS_OK; first += s.run) {
        const size_t blocks = atrous__min(s.run, s.channel_blocks - first);
        status = build_input(p, env, &s, first, blocks, options, job, error);
        if (status == ATROUS_OK)
            status = build_multiply(p, env, &s, first, blocks, options, job, error);
    }
    return status == ATROUS_OK ? build_output(p, env, &s, options, job, error) : status;
}

const struct atrous__solver atrous__phases = {.name = "phases",
                                              .types = ATROUS__TYPES_FLOAT,
                                              .scales = true,
                                              .gated_groups = 1,
                                              .refuse = refuse,
                                              .estimate = estimate,
                                              .bound = bound,
                                              .workspace = workspace,
                                              .build = build,
                                              .probe = atrous__panels_probe,
                                              .other_probes = {atrous__panels_other_probe}};
