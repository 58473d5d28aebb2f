/* gradient: the gradient of the weights, one work-item per group, for CPU-class devices. */
#include "solve/lattice.h"
#include "solve/live.h"
#include "solve/reduce.h"

#include <stdio.h>

enum {
    SUMS_BYTES = 160 << 10, /* of a slice: with patch and gradients, a share of an L2 */
    PATCH_BYTES = 64 << 10,
    TILE_PIXELS = 384,
    MAX_COLUMNS = 128,
    SLICE_FILTERS = 64,
    WINDOW_FILTERS = 256, /* of a slice whose windows take longer to load */
    GROUPS_PER_UNIT = 4,  /* so that none waits long for the last */
    MOST_PARTS = 32
};

struct shape {
    size_t vector, vectors, pixels; /* VEC, FV, PX: PX channels x FV vectors of VEC filters */
    bool has_windows;               /* each tap of a channel counts as a channel */
    struct atrous__problem summed;  /* without the taps that only ever read zeros */
    size_t first[ATROUS__AXES];     /* tap that is left */
    struct atrous__lattice lattice;
    size_t blocks, channels; /* of a slice: filter blocks, channels */
    size_t patch_channels;
    size_t filter_slices, channel_slices, parts;
    size_t patch_bytes, dy_bytes, sums_bytes, taps_bytes;
};

static size_t filters_of_block(const struct shape *s)
{
    return s->vector * s->vectors;
}

/* `count` in as many equal pieces of at most `most` as it takes, each a multiple of `unit`. */
static size_t balance(size_t count, size_t most, size_t unit)
{
    const size_t pieces = atrous__ceil_div(count, atrous__max(most / unit * unit, unit));
    return atrous__round_up(atrous__ceil_div(count, pieces), unit);
}

static void choose_slices(const struct atrous__problem *p, struct shape *s)
{
    const size_t block = filters_of_block(s);
    const size_t row_bytes = p->taps * block * sizeof(float); /* of a channel and a block */
    const size_t all = atrous__ceil_div(p->filters, block);
    size_t most = atrous__max((s->has_windows ? WINDOW_FILTERS : SLICE_FILTERS) / block, 1);
    while (most > 1 && row_bytes * most * s->pixels * 2 > SUMS_BYTES)
        most /= 2;
    s->blocks = balance(all, most, 1);
    s->channels = balance(p->channels, SUMS_BYTES / (row_bytes * s->blocks), s->pixels);
    s->filter_slices = atrous__ceil_div(all, s->blocks);
    s->channel_slices = atrous__ceil_div(p->channels, s->channels);
    s->sums_bytes = s->blocks * s->channels * row_bytes;
}

static size_t tiles_of(const struct atrous__problem *p, const struct shape *s)
{
    return atrous__lattice_tiles(p, &s->lattice) / p->groups;
}

static void choose_parts(const struct atrous__problem *p, const struct atrous__device *device,
                         struct shape *s)
{
    const size_t slices = p->groups * s->filter_slices * s->channel_slices;
    const size_t wanted = atrous__ceil_div(GROUPS_PER_UNIT * device->compute_units, slices);
    s->parts = atrous__min(atrous__min(wanted, MOST_PARTS), tiles_of(p, s));
}

/* Whether the lanes that few channels leave idle cost more than reading each tap apart. */
static bool wants_windows(const struct atrous__problem *p, const struct shape *s)
{
    const size_t filters = atrous__round_up(p->filters, filters_of_block(s)) / s->vector;
    const size_t rows = p->channels * p->taps;
    const size_t idle =
        atrous__round_up(p->channels, s->pixels) * p->taps - atrous__round_up(rows, s->pixels);
    return atrous__round_up(p->channels, s->pixels) * p->taps > atrous__round_up(rows, s->pixels) &&
           idle * filters > 2 * rows;
}

/* The same with windows: one tap of as many channels as there were taps. */
static struct atrous__problem windows_of(const struct atrous__problem *problem)
{
    struct atrous__problem p = *problem;
    p.channels *= p.taps;
    p.taps = 1;
    for (int i = 0; i < ATROUS__AXES; ++i)
        p.axis[i] = (struct atrous__axis){.in = p.axis[i].out,
                                          .out = p.axis[i].out,
                                          .kernel = 1,
                                          .stride = 1,
                                          .dilation = 1,
                                          .spread = 1};
    return p;
}

/* Channels by vectors of filters of a register block: two vectors, or one by twice the channels
 * where half of the lanes would be idle. */
static void choose_block(const struct atrous__problem *p, struct shape *s)
{
    const size_t channels = s->vector == 16 ? 8 : 6, f = s->vector;
    const size_t two =
        atrous__round_up(p->filters, 2 * f) * atrous__round_up(p->channels, channels);
    const size_t one =
        atrous__round_up(p->filters, f) * atrous__round_up(p->channels, 2 * channels);
    s->vectors = one < two ? 1 : 2;
    s->pixels = one < two ? 2 * channels : channels;
}

static struct shape shape_with(const struct atrous__problem *p, const struct atrous__device *device,
                               bool has_windows)
{
    struct shape s = {.vector = atrous__max(device->vector, 4)};
    s.has_windows = has_windows;
    choose_block(p, &s);
    const struct atrous__axis *w = &p->axis[ATROUS__W];
    const size_t columns = atrous__ceil_div(w->out, atrous__ceil_div(w->out, MAX_COLUMNS));
    s.lattice = atrous__lattice_make(p, atrous__max(TILE_PIXELS / columns, 1), columns);
    choose_slices(p, &s);
    choose_parts(p, device, &s);
    const struct atrous__lattice *l = &s.lattice;
    const size_t channel_bytes =
        p->axis[ATROUS__D].kernel * l->patch_rows * l->pitch * sizeof(float);
    s.patch_channels = balance(s.channels, PATCH_BYTES / channel_bytes, s.pixels);
    s.patch_bytes = channel_bytes * s.patch_channels;
    s.dy_bytes = s.blocks * l->rows * l->columns * filters_of_block(&s) * sizeof(float);
    return s;
}

static struct shape shape_of(const struct atrous__problem *p, const struct atrous__device *device)
{
    struct atrous__residue residue[ATROUS__AXES];
    const struct atrous__problem live = atrous__live_part(p, residue);
    struct shape s = shape_with(&live, device, false);
    s.summed = live;
    if (wants_windows(p, &s)) {
        const struct atrous__problem windows = windows_of(p);
        s = shape_with(&windows, device, true);
        s.summed = *p;
    }
    for (int i = 0; i < ATROUS__AXES; ++i)
        s.first[i] = s.has_windows ? 0 : residue[i].tap;
    s.taps_bytes = p->taps * sizeof(cl_int);
    return s;
}

static const char *refuse(const struct atrous__problem *problem,
                          const struct atrous__device *device)
{
    const char *wide = atrous__refuse_cpu_class(problem, device);
    if (wide != NULL)
        return wide;
    const struct shape s = shape_of(problem, device);
    if (s.patch_bytes + s.dy_bytes + s.sums_bytes + s.taps_bytes > device->local_memory)
        return "the smallest slice's sums and patch exceed the local memory";
    return NULL;
}

/* What a value costs on its way into a tile, and an element of dw on its way out of the sums, in
 * multiply-adds. */
static const double move_macs = 7, element_macs = 35;

static double estimate(const struct atrous__problem *problem, const struct atrous__device *device)
{
    const struct shape s = shape_of(problem, device);
    /* Filters and channels are computed in whole blocks. */
    const size_t channels = problem->channels * (s.has_windows ? problem->taps : 1);
    const double computed = (double)atrous__round_up(problem->filters, filters_of_block(&s)) *
                            (double)atrous__round_up(channels, s.pixels);
    const double waste = computed / ((double)problem->filters * (double)channels);
    const double halo = (double)s.lattice.patch_rows * (double)s.lattice.pitch /
                        ((double)s.lattice.rows * (double)s.lattice.columns);
    const double read = s.has_windows ? (double)(problem->batch * problem->groups * channels) *
                                            (double)problem->out_plane
                                      : (double)problem->in_count * halo;
    const double moves =
        read * (double)s.filter_slices + (double)problem->grad_count * (double)s.channel_slices;
    return 0.02 + (problem->valid_macs * waste + moves * move_macs +
                   (double)(problem->out_count * s.parts) * element_macs) /
                      atrous__vector_macs_per_ms(device);
}

static size_t workspace(const struct atrous__problem *problem, const struct atrous__device *device)
{
    return atrous__reduce_workspace(problem, device, 0, shape_of(problem, device).parts);
}

static atrous_status build_sums(const struct atrous__problem *p, struct atrous__env *env,
                                const struct shape *s, const char *options, struct atrous__job *job,
                                atrous_error *error)
{
    struct atrous__launch *launch = &job->launch[job->launch_count++];
    const size_t groups = s->parts * s->filter_slices * s->channel_slices * p->groups;
    *launch = (struct atrous__launch){.dims = 1, .global = {groups}, .local = {1}};
    atrous__reduce_begin(launch, &s->summed, s->parts);
    atrous__launch_add_lattice(launch, &s->lattice, 1);
    const struct atrous__axis *all = p->axis;
    const struct atrous__arg args[] = {
        atrous__arg_int4(s->lattice.rows, s->lattice.columns, s->patch_channels, s->blocks),
        atrous__arg_int4(s->channels, s->filter_slices, s->channel_slices, s->parts),
        atrous__arg_int4(all[0].kernel, all[1].kernel, all[2].kernel, 0),
        atrous__arg_int4(s->first[0], s->first[1], s->first[2], 0),
        atrous__arg_int(p->conv.orientation == ATROUS_TRUE_CONVOLUTION ? 1 : 0),
        atrous__arg_int(s->patch_bytes / sizeof(float)),
        atrous__arg_local(s->patch_bytes),
        atrous__arg_local(s->dy_bytes),
        atrous__arg_local(s->sums_bytes),
        atrous__arg_local(s->taps_bytes),
    };
    for (size_t i = 0; i < sizeof args / sizeof *args; ++i)
        atrous__launch_add(launch, args[i]);
    return atrous__launch_make(env, "gradient.cl", "gradient", options, launch, error);
}

static atrous_status build(const struct atrous__problem *p, struct atrous__env *env,
                           struct atrous__job *job, atrous_error *error)
{
    const struct shape s = shape_of(p, &env->device);
    char options[64];
    snprintf(options, sizeof options, "-DVEC=%zu -DFV=%zu -DPX=%zu -DWINDOWS=%d %s", s.vector,
             s.vectors, s.pixels, s.has_windows, atrous__type_option(p));
    const atrous_status status = build_sums(p, env, &s, options, job, error);
    return status != ATROUS_OK ? status : atrous__reduce_build(p, env, 0, s.parts, job, error);
}

static void probe(atrous_conv *conv)
{
    atrous__probe_square(conv, 7, 19);
    conv->direction = ATROUS_BACKWARD_WEIGHTS;
}

const struct atrous__solver atrous__gradient = {.name = "gradient",
                                                .forms = 1u << ATROUS__GRADIENT,
                                                .types = ATROUS__TYPES_FLOAT,
                                                .refuse = refuse,
                                                .estimate = estimate,
                                                .bound_terms = atrous__direct_terms,
                                                .workspace = workspace,
                                                .build = build,
                                                .probe = probe};
