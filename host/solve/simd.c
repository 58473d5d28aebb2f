/* simd: one work-item per group, explicit vectors, for CPU-class devices. */
#include "solve/lattice.h"
#include "solve/live.h"

#include <stdio.h>

/* Cache sizes to plan for; devices do not tell them apart, so these are common ones. */
enum {
    WEIGHTS_BYTES = 24 << 10, /* of one filter block and channel block: most of an L1 */
    PATCH_BYTES = 160 << 10,  /* with the sums, a share of an L2 */
    SUMS_BYTES = 160 << 10,
    TILE_PIXELS = 384,
    MAX_COLUMNS = 256
};

/* Register block and tile of a problem on a device. */
struct shape {
    size_t vector, vectors, pixels; /* VEC, FV, PX: PX pixels x FV vectors of VEC filters */
    double waste;                   /* computed filters over filters, and what the block costs */
    struct atrous__lattice lattice;
    size_t channels; /* of a block */
    size_t slice;    /* filter blocks of a group's slice */
    size_t slices;
    size_t patch_bytes, sums_bytes, masks_bytes, offsets_bytes;
};

static size_t filters_of_block(const struct shape *s)
{
    return s->vector * s->vectors;
}

/* Register blocks that fill the registers: 16 lanes come with 32 registers, fewer with 16. */
static const struct atrous__registers with_32[] = {{8, 2, 1.0}, {12, 1, 1.15}, {6, 3, 1.05}};
static const struct atrous__registers with_16[] = {{6, 2, 1.0}, {12, 1, 1.15}, {4, 3, 1.05}};

/* Vectors as wide as the device's; the block that wastes least on filters that are not there. */
static void choose_registers(const struct atrous__problem *p, const struct atrous__device *device,
                             struct shape *s)
{
    s->vector = atrous__max(device->vector, 4);
    const struct atrous__registers *kinds = s->vector == 16 ? with_32 : with_16;
    const struct atrous__registers *best =
        atrous__registers_choose(kinds, sizeof with_32 / sizeof *with_32, s->vector, p->filters);
    s->waste = atrous__registers_cost(best, s->vector, p->filters);
    s->pixels = best->pixels;
    s->vectors = best->vectors;
}

/* Pairs of int8 are two short in a float's place. */
static bool has_pairs(const struct atrous__problem *p)
{
    return p->conv.type == ATROUS_TYPE_I8;
}

/* Bytes of a channel of a patch or of packed weights. */
static size_t held_bytes(const struct atrous__problem *p)
{
    return has_pairs(p) ? sizeof(cl_short) : sizeof(cl_float);
}

static void measure_bytes(const struct atrous__problem *p, struct shape *s)
{
    const struct atrous__lattice *l = &s->lattice;
    const size_t pixels = l->rows * l->columns;
    s->patch_bytes =
        p->axis[ATROUS__D].kernel * l->patch_rows * l->pitch * s->channels * held_bytes(p);
    s->sums_bytes = s->slice * (pixels + s->pixels) * filters_of_block(s) * sizeof(float);
    s->masks_bytes = atrous__ceil_div(pixels, s->pixels) * sizeof(cl_ulong);
    s->offsets_bytes = p->taps * sizeof(cl_int);
}

static void choose_channels(const struct atrous__problem *p, struct shape *s)
{
    const struct atrous__lattice *l = &s->lattice;
    const size_t weights_bytes = p->taps * filters_of_block(s) * held_bytes(p);
    const size_t row_bytes = p->axis[ATROUS__D].kernel * l->patch_rows * l->pitch * held_bytes(p);
    const size_t most = atrous__min(WEIGHTS_BYTES / weights_bytes, PATCH_BYTES / row_bytes);
    const size_t blocks = atrous__ceil_div(p->channels, atrous__max(most / 4 * 4, 4));
    s->channels = atrous__round_up(atrous__ceil_div(p->channels, blocks), 4);
}

static void choose_slices(const struct atrous__problem *p, const struct atrous__device *device,
                          struct shape *s)
{
    const struct atrous__lattice *l = &s->lattice;
    const size_t blocks = atrous__ceil_div(p->filters, filters_of_block(s));
    const size_t block_bytes = l->rows * l->columns * filters_of_block(s) * sizeof(float);
    const size_t for_cache = atrous__ceil_div(blocks, atrous__max(SUMS_BYTES / block_bytes, 1));
    /* Every compute unit should have several groups, so that none waits long for the last. */
    const size_t for_units =
        atrous__ceil_div(4 * device->compute_units, atrous__lattice_tiles(p, l));
    s->slice = atrous__ceil_div(blocks, atrous__min(blocks, atrous__max(for_cache, for_units)));
    s->slices = atrous__ceil_div(blocks, s->slice);
}

/* Columns of a tile of a kernel of 1 over one row. All its filters' sums fit, so that its inputs
 * are loaded once; of those the number that leaves no compute unit waiting. */
static size_t pointwise_columns(const struct atrous__problem *p,
                                const struct atrous__device *device, const struct shape *s)
{
    const size_t out = p->axis[ATROUS__W].out, rows = p->batch * p->groups;
    const size_t filters = atrous__round_up(p->filters, filters_of_block(s));
    const size_t room = SUMS_BYTES / (filters * sizeof(float));
    const size_t most = atrous__max(atrous__min(room, TILE_PIXELS) / s->pixels, 6) * s->pixels;
    size_t best = most, least = SIZE_MAX;
    for (size_t columns = most; columns >= most / 3; columns -= s->pixels) {
        const size_t tiles = rows * atrous__ceil_div(out, columns);
        const size_t longest = atrous__ceil_div(tiles, device->compute_units) * columns;
        if (longest < least) {
            least = longest;
            best = columns;
        }
    }
    return best;
}

static struct shape shape_of(const struct atrous__problem *p, const struct atrous__device *device)
{
    struct shape s = {0};
    const struct atrous__axis *w = &p->axis[ATROUS__W];
    const bool is_row = p->axis[ATROUS__D].out == 1 && p->axis[ATROUS__H].out == 1;
    choose_registers(p, device, &s);
    if (is_row && p->taps == 1 && w->stride == 1) {
        const size_t columns = atrous__min(pointwise_columns(p, device, &s), w->out);
        s.lattice = atrous__lattice_make(p, 1, columns);
        s.lattice.columns = s.lattice.pitch = columns;
        s.lattice.column_tiles = atrous__ceil_div(w->out, columns);
    } else {
        const size_t most = p->axis[ATROUS__H].out == 1 ? TILE_PIXELS : MAX_COLUMNS;
        const size_t columns = atrous__ceil_div(w->out, atrous__ceil_div(w->out, most));
        s.lattice = atrous__lattice_make(p, atrous__max(TILE_PIXELS / columns, 1), columns);
    }
    choose_channels(p, &s);
    choose_slices(p, device, &s);
    measure_bytes(p, &s);
    return s;
}

/* The sum that residue `index` of a spread problem is, as a problem of its own. A part that meets
 * no tap has one that lies beyond the input, so that it is skipped. */
static struct atrous__problem part_of(const struct atrous__problem *p, size_t index,
                                      struct atrous__residue residue[ATROUS__AXES])
{
    struct atrous__problem part = *p;
    part.form = ATROUS__SUM;
    part.taps = part.out_plane = 1;
    atrous__residue_at(p, index, residue);
    for (int i = 0; i < ATROUS__AXES; ++i) {
        const struct atrous__residue *r = &residue[i];
        struct atrous__axis *axis = &part.axis[i];
        const bool is_empty = r->taps == 0;
        const ptrdiff_t from = is_empty ? (ptrdiff_t)axis->in : r->from;
        *axis = (struct atrous__axis){.in = axis->in,
                                      .out = r->count,
                                      .kernel = is_empty ? 1 : r->taps,
                                      .stride = 1,
                                      .dilation = r->dilation,
                                      .spread = 1,
                                      .pad = from < 0 ? (size_t)-from : 0,
                                      .crop = from > 0 ? (size_t)from : 0};
        part.taps *= axis->kernel;
        part.out_plane *= axis->out;
    }
    return part;
}

static bool fits(const struct atrous__problem *problem, const struct atrous__device *device)
{
    const struct shape s = shape_of(problem, device);
    return s.patch_bytes + s.sums_bytes + s.masks_bytes + s.offsets_bytes <= device->local_memory;
}

static const char *refuse(const struct atrous__problem *problem,
                          const struct atrous__device *device)
{
    const char *wide = atrous__refuse_cpu_class(problem, device);
    if (wide != NULL)
        return wide;
    const size_t parts = problem->form == ATROUS__SPREAD ? atrous__residue_count(problem) : 0;
    if (parts > ATROUS__MAX_OWN)
        return "the strides leave more than 16 residues, each of them a launch";
    struct atrous__residue residue[ATROUS__AXES];
    const struct atrous__problem live = atrous__live_part(problem, residue);
    bool is_room = parts > 0 || fits(&live, device);
    for (size_t i = 0; i < parts && is_room; ++i) {
        const struct atrous__problem part = part_of(problem, i, residue);
        is_room = fits(&part, device);
    }
    return is_room ? NULL : "the smallest tile's patch exceeds the local memory";
}

/* Moving a value in or out of a tile costs as much as some multiply-adds, and so does beginning
 * a tap's run over the channels. */
static const double move_macs = 7, tap_channels = 2;

/* What a product of pairs of int8 costs, of one in f32. */
static const double pair_macs = 0.6;

static double estimate(const struct atrous__problem *p, const struct atrous__device *device)
{
    struct atrous__residue residue[ATROUS__AXES];
    const struct atrous__problem live =
        p->form == ATROUS__SPREAD ? *p : atrous__live_part(p, residue);
    const struct shape s = shape_of(&live, device);
    const double channels = (double)atrous__min(s.channels, p->channels);
    const double rate = has_pairs(p) ? pair_macs : 1;
    /* Zeros alone are left out; what else pads is multiplied. */
    const double taps = p->conv.padding == ATROUS_PADDING_ZEROS ? p->valid_macs : p->macs;
    const double macs = rate * taps * s.waste * (1 + tap_channels / channels);
    const double halo = (double)s.lattice.patch_rows * (double)s.lattice.pitch /
                        ((double)s.lattice.rows * (double)s.lattice.columns);
    /* Sums pass through local memory for all lanes, filters or not. */
    const double moves =
        (double)p->in_count * (double)s.slices * halo + (double)p->out_count * s.waste;
    return 0.02 + (macs + moves * move_macs) / atrous__vector_macs_per_ms(device);
}

/* One launch: what is live of a problem, or one residue of a spread one. `whole` has the weights,
 * `full` the output's extents. */
static atrous_status build_part(const struct atrous__problem *p,
                                const struct atrous__problem *whole,
                                const struct atrous__axis *full,
                                const struct atrous__residue *residue, struct atrous__env *env,
                                struct atrous__job *job, atrous_error *error)
{
    const struct shape s = shape_of(p, &env->device);
    const struct atrous__pack_shape pack = {filters_of_block(&s), s.channels,
                                            atrous__gate_lanes(p, filters_of_block(&s)),
                                            has_pairs(p)};
    const size_t weights_at = job->packed_bytes / sizeof(cl_float);
    atrous_status status = atrous__pack_residue(whole, env, pack, residue, job, error);
    if (status != ATROUS_OK)
        return status;

    struct atrous__launch *launch = &job->launch[job->launch_count++];
    const size_t groups = s.slices * atrous__lattice_tiles(p, &s.lattice);
    *launch = (struct atrous__launch){.dims = 1, .global = {groups}, .local = {1}};
    atrous__launch_add_problem(launch, p);
    launch->args[1] = atrous__arg_tensor_from(ATROUS__WEIGHTS, weights_at);
    atrous__launch_add_lattice(launch, &s.lattice, s.slices);
    atrous__launch_add(launch,
                       atrous__arg_int4(s.lattice.rows, s.lattice.columns, s.channels, s.slice));
    const struct atrous__arg args[] = {
        atrous__arg_int4(full[0].out, full[1].out, full[2].out, whole->filters),
        atrous__arg_int4(residue[0].first, residue[1].first, residue[2].first, 0),
        atrous__arg_int4(full[0].spread, full[1].spread, full[2].spread, 0),
        atrous__arg_local(s.patch_bytes),
        atrous__arg_local(s.sums_bytes),
        atrous__arg_local(s.masks_bytes),
        atrous__arg_local(s.offsets_bytes),
    };
    for (size_t i = 0; i < sizeof args / sizeof *args; ++i)
        atrous__launch_add(launch, args[i]);
    char options[64];
    snprintf(options, sizeof options, "-DVEC=%zu -DFV=%zu -DPX=%zu %s", s.vector, s.vectors,
             s.pixels, atrous__type_option(whole));
    return atrous__launch_make(env, "simd.cl", "simd", options, launch, error);
}

static atrous_status build(const struct atrous__problem *p, struct atrous__env *env,
                           struct atrous__job *job, atrous_error *error)
{
    struct atrous__residue residue[ATROUS__AXES];
    if (p->form != ATROUS__SPREAD) {
        const struct atrous__problem live = atrous__live_part(p, residue);
        return build_part(&live, p, live.axis, residue, env, job, error);
    }
    atrous_status status = ATROUS_OK;
    for (size_t i = 0; i < atrous__residue_count(p) && status == ATROUS_OK; ++i) {
        const struct atrous__problem part = part_of(p, i, residue);
        status = build_part(&part, p, p->axis, residue, env, job, error);
    }
    return status;
}

static void probe(atrous_conv *conv)
{
    atrous__probe_square(conv, 5, 19);
}

const struct atrous__solver atrous__simd = {.name = "simd",
                                            .forms = 1u << ATROUS__SUM | 1u << ATROUS__SPREAD,
                                            .types = ATROUS__TYPES_ALL,
                                            .scales = true,
                                            .gated_groups = 1,
                                            .refuse = refuse,
                                            .estimate = estimate,
                                            .bound_terms = atrous__direct_terms,
                                            .workspace = atrous__no_workspace,
                                            .build = build,
                                            .probe = probe};
