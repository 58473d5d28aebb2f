/* depthwise: one channel a group, any number of filters; bound by memory. Planes are computed
 * by inplace.cl or filter.cl, contiguous channels by pixels.cl or depthwise.cl, and by that
 * channels contiguous on one side alone. */
#include "solve/inplace.h"
#include "solve/pixels.h"
#include "solve/planes.h"

#include <stdio.h>

enum {
    BLOCK = 64,             /* channels of a tile, a run long enough to stream */
    PIXELS = 8,             /* of depthwise.cl's register block */
    PATCH_BYTES = 96 << 10, /* a share of an L2 */
    MAX_COLUMNS = 48,
    MAX_ROWS = 64
};

/* Tile of depthwise.cl. */
struct shape {
    size_t vector; /* VEC */
    struct atrous__lattice lattice;
    size_t slices; /* blocks of channels */
    struct atrous__deal deal;
    size_t patch_bytes, taps_bytes, sums_bytes;
};

static struct shape shape_of(const struct atrous__problem *p, const struct atrous__device *device)
{
    struct shape s = {0};
    const struct atrous__lattice *l = &s.lattice;
    s.vector = atrous__max(device->vector, 4);
    size_t rows = MAX_ROWS, columns = MAX_COLUMNS;
    for (;;) {
        s.lattice = atrous__lattice_make(p, rows, columns);
        s.patch_bytes =
            (p->axis[ATROUS__D].kernel * l->patch_rows * l->pitch + PIXELS) * BLOCK * sizeof(float);
        if (s.patch_bytes <= PATCH_BYTES || (l->rows == 1 && l->columns <= PIXELS))
            break;
        if (l->rows > 4 || (l->rows > 1 && l->columns <= 2 * PIXELS))
            rows = atrous__max(l->rows * 3 / 4, 1);
        else
            columns = atrous__ceil_div(l->columns, 2);
    }
    s.taps_bytes = p->taps * BLOCK * sizeof(float);
    s.sums_bytes = (l->columns + PIXELS) * BLOCK * sizeof(float);
    s.slices = atrous__ceil_div(p->groups, BLOCK);
    s.deal = atrous__deal_tiles(p, device, atrous__lattice_tiles(p, l) / p->groups * s.slices);
    return s;
}

static bool is_mixed(const struct atrous__problem *p)
{
    return p->conv.input_layout != p->conv.output_layout;
}

/* Whether vectors of channels serve: contiguous on a side, one filter each. */
static bool has_vectors(const struct atrous__problem *p, const struct atrous__device *device)
{
    const bool is_planes =
        p->conv.input_layout == ATROUS_LAYOUT_NCHW && p->conv.output_layout == ATROUS_LAYOUT_NCHW;
    if (p->filters != 1 || p->groups < atrous__max(device->vector, 4) || is_planes)
        return false;
    const struct shape s = shape_of(p, device);
    return s.patch_bytes + s.taps_bytes + s.sums_bytes <= device->local_memory;
}

static const char *refuse(const struct atrous__problem *problem,
                          const struct atrous__device *device)
{
    const char *wide = atrous__refuse_cpu_class(problem, device);
    if (wide != NULL)
        return wide;
    if (problem->channels != 1)
        return "made for one channel a group";
    if (problem->groups == 1 && problem->filters <= 4)
        return "a single channel and few filters: filter serves it";
    if (has_vectors(problem, device) || atrous__inplace_serves(problem, device) ||
        atrous__pixels_serves(problem, device))
        return NULL;
    return atrous__planes_refuse(problem, device);
}

static double estimate(const struct atrous__problem *problem, const struct atrous__device *device)
{
    if (atrous__inplace_serves(problem, device))
        return atrous__inplace_estimate(problem, device);
    if (atrous__pixels_serves(problem, device))
        return atrous__pixels_estimate(problem, device);
    return has_vectors(problem, device)
               ? 0.02 + (is_mixed(problem) ? 2 : 1) * atrous__memory_bound_ms(problem, device)
               : atrous__planes_estimate(problem, device);
}

static atrous_status build(const struct atrous__problem *p, struct atrous__env *env,
                           struct atrous__job *job, atrous_error *error)
{
    if (atrous__inplace_serves(p, &env->device))
        return atrous__inplace_build(p, env, job, error);
    if (atrous__pixels_serves(p, &env->device))
        return atrous__pixels_build(p, env, job, error);
    if (!has_vectors(p, &env->device))
        return atrous__planes_build(p, env, job, error);

    const struct shape s = shape_of(p, &env->device);
    const struct atrous__pack_shape pack = {1, 1, 0, false};
    const atrous_status status = atrous__pack_build(p, env, pack, job, error);
    if (status != ATROUS_OK)
        return status;
    struct atrous__launch *launch = &job->launch[job->launch_count++];
    *launch = (struct atrous__launch){.dims = 1, .global = {s.deal.groups}, .local = {1}};
    atrous__launch_add_problem(launch, p);
    atrous__launch_add_lattice(launch, &s.lattice, s.slices);
    atrous__launch_add(launch, atrous__arg_int4(s.lattice.rows, s.lattice.columns, 0, 0));
    atrous__launch_add(launch, atrous__arg_long(s.deal.tiles));
    atrous__launch_add(launch, atrous__arg_long(s.deal.each));
    atrous__launch_add(launch, atrous__arg_local(s.patch_bytes));
    atrous__launch_add(launch, atrous__arg_local(s.taps_bytes));
    atrous__launch_add(launch, atrous__arg_local(s.sums_bytes));
    char options[64];
    snprintf(options, sizeof options, "-DVEC=%zu -DFV=%zu -DMIXED=%d %s", s.vector,
             BLOCK / s.vector, is_mixed(p), atrous__type_option(p));
    return atrous__launch_make(env, "depthwise.cl", "depthwise", options, launch, error);
}

static void probe(atrous_conv *conv)
{
    atrous_conv_init(conv, 2, sizeof *conv);
    conv->in_channels = conv->out_channels = conv->groups = 20;
    conv->has_bias = 1;
    for (int i = 0; i < 2; ++i) {
        conv->input[i] = 11 + 30 * (size_t)i;
        conv->kernel[i] = 3;
        conv->dilation[i] = 2;
        conv->pad_begin[i] = conv->pad_end[i] = 2;
    }
}

/* Through pixels.cl. */
static void probe_channels(atrous_conv *conv)
{
    probe(conv);
    conv->input_layout = conv->output_layout = ATROUS_LAYOUT_NHWC;
}

/* Through depthwise.cl, which copies pixels. */
static void probe_copied_channels(atrous_conv *conv)
{
    probe_channels(conv);
    conv->stride[0] = 3;
}

/* Through depthwise.cl, which turns channels. */
static void probe_turned(atrous_conv *conv)
{
    probe(conv);
    conv->output_layout = ATROUS_LAYOUT_NHWC;
}

/* Through inplace.cl's halo. */
static void probe_repeated(atrous_conv *conv)
{
    probe(conv);
    conv->padding = ATROUS_PADDING_REFLECT;
}

/* Through filter.cl, which copies planes. */
static void probe_copied(atrous_conv *conv)
{
    probe(conv);
    conv->stride[0] = 2;
}

const struct atrous__solver atrous__depthwise = {
    .name = "depthwise",
    .types = ATROUS__TYPES_FLOAT,
    .refuse = refuse,
    .estimate = estimate,
    .bound_terms = atrous__direct_terms,
    .workspace = atrous__no_workspace,
    .build = build,
    .probe = probe,
    .other_probes = {probe_channels, probe_repeated, probe_copied, probe_copied_channels,
                     probe_turned}};
