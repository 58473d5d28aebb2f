/* phases: dilations so wide that a phase of the image holds 3 values or fewer, between zeros. Each
 * phase is computed whole, with one product more than it has values (kernels/phases.clh). */
#include "solve/solver.h"

#include <stdio.h>

enum {
    LEAST_CHANNELS = 16,
    MOST_VALUES = 3,                       /* of a phase */
    BLOCK_CHANNELS = 128,                  /* whose weights of one filter block fit an L1 */
    RUN_TILES = 160,                       /* a group's, whose inputs and products share an L2 */
    RUN_FILTERS = 128,                     /* a group's */
    PANELS_BYTES = 8 << 20,                /* transformed inputs at a time: a share of an L3 */
    MOST_RUNS = (ATROUS__MAX_OWN - 1) / 2, /* each of two launches */
    MOST_TILES = ATROUS__WIDEST
};

/* Rows of a register block, vectors of filters, and what a filter costs beside the first kind. */
static const struct atrous__registers with_32[] = {{8, 2, 1.0}, {12, 1, 1.15}};
static const struct atrous__registers with_16[] = {{6, 2, 1.0}, {12, 1, 1.15}};

struct shape {
    size_t vector, vectors, pixels; /* VEC, FV, PX */
    size_t values[ATROUS__AXES];    /* of the longest phase of an axis */
    size_t step[ATROUS__AXES];      /* between the values of a phase */
    size_t phases[ATROUS__AXES];
    size_t points, images;
    size_t tiles, rows;                   /* of all points together; of their panels */
    size_t channels, channel_blocks, run; /* CB; blocks; blocks transformed at a time */
    size_t filters, filter_blocks, slice; /* of a block; blocks; blocks of a group */
    size_t panels_bytes, products_bytes;  /* of one run; of all */
    size_t patch_bytes, sums_bytes;
};

static size_t points_of(size_t values)
{
    return values == 1 ? 1 : values + 1;
}

/* A kernel of 1 sees each position alone, whatever its dilation is. */
static void measure_axis(const struct atrous__axis *axis, size_t *values, size_t *step,
                         size_t *phases)
{
    *step = axis->kernel == 1 ? axis->in : axis->dilation;
    *values = atrous__ceil_div(axis->in, *step);
    *phases = atrous__min(axis->in, *step);
}

/* Phases of an axis whose value at `point` is not zero by itself: of two values, those that have
 * two, at every point but the first. */
static size_t phases_at(const struct atrous__problem *p, const struct shape *s, int axis,
                        size_t point)
{
    return s->values[axis] == 2 && point > 0 ? p->axis[axis].in - s->step[axis] : s->phases[axis];
}

static size_t tiles_at(const struct atrous__problem *p, const struct shape *s, size_t point)
{
    const size_t across = points_of(s->values[ATROUS__W]);
    return s->images * phases_at(p, s, ATROUS__H, point / across) *
           phases_at(p, s, ATROUS__W, point % across);
}

static struct shape shape_of(const struct atrous__problem *p, const struct atrous__device *device)
{
    struct shape s = {.vector = atrous__max(device->vector, 4)};
    const struct atrous__registers *kinds = s.vector == 16 ? with_32 : with_16;
    const struct atrous__registers *best =
        atrous__registers_choose(kinds, sizeof with_32 / sizeof *with_32, s.vector, p->filters);
    s.pixels = best->pixels;
    s.vectors = best->vectors;
    for (int i = ATROUS__H; i < ATROUS__AXES; ++i)
        measure_axis(&p->axis[i], &s.values[i], &s.step[i], &s.phases[i]);
    s.points = points_of(s.values[ATROUS__H]) * points_of(s.values[ATROUS__W]);
    s.images = p->batch * p->axis[ATROUS__D].in;
    for (size_t point = 0; point < s.points; ++point)
        s.tiles += tiles_at(p, &s, point);
    s.rows = s.tiles + s.points; /* as rows_of() in phases.cl */

    const size_t blocks = atrous__ceil_div(p->channels, BLOCK_CHANNELS);
    s.channels = atrous__round_up(atrous__ceil_div(p->channels, blocks), s.vector);
    s.channel_blocks = atrous__ceil_div(p->channels, s.channels);
    s.filters = s.vector * s.vectors;
    s.filter_blocks = atrous__ceil_div(p->filters, s.filters);
    s.slice = atrous__min(s.filter_blocks, atrous__max(RUN_FILTERS / s.filters, 1));

    const size_t panel = p->groups * s.rows * s.channels * sizeof(float);
    const size_t runs =
        atrous__min(atrous__ceil_div(panel * s.channel_blocks, PANELS_BYTES), MOST_RUNS);
    s.run = atrous__ceil_div(s.channel_blocks, runs);
    s.panels_bytes = s.run * panel;
    s.products_bytes = p->groups * s.filter_blocks * s.rows * s.filters * sizeof(float);
    const size_t row = s.values[ATROUS__H] * p->axis[ATROUS__W].in * sizeof(float);
    s.patch_bytes = row * s.channels;
    s.sums_bytes = row * s.filters;
    return s;
}

static const char *refuse_geometry(const struct atrous__problem *p)
{
    bool is_wide = false;
    for (int i = ATROUS__D; i < ATROUS__AXES; ++i) {
        const struct atrous__axis *a = &p->axis[i];
        if (a->stride != 1)
            return "a stride is not 1";
        if (a->kernel != 1 && (a->kernel != 3 || i == ATROUS__D))
            return "the kernel is not 3x3, 1x3 or 3x1";
        const size_t pad = a->kernel == 1 ? 0 : a->dilation;
        if (a->pad != pad || a->pad_end != pad)
            return "a padding is not as wide as the dilation on both sides";
        if (a->kernel == 3 && atrous__ceil_div(a->in, a->dilation) > MOST_VALUES)
            return "a phase holds more than 3 values";
        is_wide = is_wide || (a->kernel == 3 && a->dilation < a->in);
    }
    if (p->conv.padding != ATROUS_PADDING_ZEROS)
        return "the padding is not zeros";
    return is_wide ? NULL : "one tap alone reads input";
}

static const char *refuse(const struct atrous__problem *p, const struct atrous__device *device)
{
    const char *wide = atrous__refuse_cpu_class(p, device);
    if (wide != NULL)
        return wide;
    if (p->conv.math == ATROUS_MATH_STRICT)
        return "strict math asks for direct summation";
    const char *geometry = refuse_geometry(p);
    if (geometry != NULL)
        return geometry;
    if (p->channels < LEAST_CHANNELS || p->filters < LEAST_CHANNELS)
        return "with fewer than 16 channels or filters of a group the transforms outweigh the "
               "products";
    const struct shape s = shape_of(p, device);
    const struct atrous__bound bound =
        atrous__phases_bound(p, s.values[ATROUS__H], s.values[ATROUS__W]);
    if (!atrous__bound_is_useful(&bound))
        return "its error bound grows with the channels and would promise too little";
    if (s.rows > MOST_TILES)
        return "the phases of the batch have more than 2^29 points";
    return atrous__max(s.patch_bytes, s.sums_bytes) > device->local_memory
               ? "a row of a phase exceeds the local memory"
               : NULL;
}

static struct atrous__bound bound(const struct atrous__problem *p)
{
    size_t values[ATROUS__AXES], step, phases;
    for (int i = ATROUS__H; i < ATROUS__AXES; ++i)
        measure_axis(&p->axis[i], &values[i], &step, &phases);
    return atrous__phases_bound(p, values[ATROUS__H], values[ATROUS__W]);
}

static size_t workspace(const struct atrous__problem *p, const struct atrous__device *device)
{
    const struct shape s = shape_of(p, device);
    return s.panels_bytes + s.products_bytes;
}

static double estimate(const struct atrous__problem *p, const struct atrous__device *device)
{
    const struct shape s = shape_of(p, device);
    const double count = (double)s.tiles * (double)p->groups;
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
    atrous__launch_add(
        launch, atrous__arg_int4(s->step[ATROUS__H], s->step[ATROUS__W], s->rows, s->channels));
    atrous__launch_add(launch, atrous__arg_int4(first, blocks, RUN_TILES, s->slice));
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
        atrous__job_add(job, s->phases[ATROUS__H] * blocks * p->groups * s->images);
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
    for (size_t point = 0; point < s->points; ++point)
        parts += atrous__ceil_div(tiles_at(p, s, point), RUN_TILES);
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
        atrous__job_add(job, s->phases[ATROUS__H] * s->filter_blocks * p->groups * s->images);
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
             s.vectors, s.pixels, s.values[ATROUS__H], s.values[ATROUS__W],
             p->axis[ATROUS__H].kernel, p->axis[ATROUS__W].kernel, atrous__type_option(p));
    job->workspace_bytes = s.panels_bytes + s.products_bytes;
    /* As many points may come of other phases. */
    const uint64_t mark = UINT64_C(0x7068617300) + 4 * s.values[ATROUS__H] + s.values[ATROUS__W];
    const struct atrous__points_shape pack = {s.filters,   s.points,      mark,
                                              "phases.cl", "phases_pack", options};
    atrous_status status = atrous__points_pack(p, env, &pack, job, error);
    for (size_t first = 0; first < s.channel_blocks && status == ATROUS_OK; first += s.run) {
        const size_t blocks = atrous__min(s.run, s.channel_blocks - first);
        status = build_input(p, env, &s, first, blocks, options, job, error);
        if (status == ATROUS_OK)
            status = build_multiply(p, env, &s, first, blocks, options, job, error);
    }
    return status == ATROUS_OK ? build_output(p, env, &s, options, job, error) : status;
}

static void probe_at(atrous_conv *conv, size_t rows, size_t columns)
{
    atrous__probe_square(conv, 17, 19);
    conv->dilation[0] = conv->pad_begin[0] = conv->pad_end[0] = rows;
    conv->dilation[1] = conv->pad_begin[1] = conv->pad_end[1] = columns;
}

/* On its 11 x 14: phases of 3 and 2 rows, of 2 and 1 columns. */
static void probe(atrous_conv *conv)
{
    probe_at(conv, 4, 9);
}

/* Of 1 and of 3. */
static void other_probe(atrous_conv *conv)
{
    probe_at(conv, 12, 5);
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
                                              .probe = probe,
                                              .other_probes = {other_probe}};
