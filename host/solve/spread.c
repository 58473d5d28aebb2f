/* spread: sums over an input that a stride spreads apart (transposed, backward data): all residues
 * of the stride in one launch, one work-item per group, for CPU-class devices. */
#include "solve/lattice.h"
#include "solve/residues.h"

#include <stdio.h>

/* Cache sizes to plan for, as simd.c. */
enum {
    WEIGHTS_BYTES = 40 << 10,
    PATCH_BYTES = 160 << 10,
    SUMS_BYTES = 160 << 10,
    TILE_PIXELS = 384,
    LEAST_PIXELS = 96, /* of a tile, for which filters are cut into slices */
    MAX_COLUMNS = 256,
    GROUPS_PER_UNIT = 2, /* so that none waits long for the last */
    LEAST_FILTERS = 8,   /* whose lanes lie residue by residue */
    ITEMS = 64           /* that pack */
};

struct shape {
    size_t vector, vectors, pixels; /* VEC, FV, PX */
    struct atrous__residues residues;
    size_t filters, slices; /* of a slice, how many */
    bool is_by_residue;     /* the lanes' order */
    size_t room;            /* lanes of a residue of a slice's filters */
    size_t lanes;           /* of a slice's classes, in whole blocks */
    struct atrous__lattice lattice;
    size_t channels; /* of a block */
    size_t patch_bytes, sums_bytes;
};

static size_t filters_of_block(const struct shape *s)
{
    return s->vector * s->vectors;
}

static size_t blocks_of(const struct shape *s, const struct atrous__class *c)
{
    return c->taps > 0 ? atrous__ceil_div(s->room * c->residues, filters_of_block(s)) : 0;
}

/* Lanes of all classes in whole blocks, and one of zeros for those without taps. */
static size_t count_lanes(const struct shape *s)
{
    size_t lanes = s->residues.has_zeros ? filters_of_block(s) : 0;
    for (size_t i = 0; i < s->residues.classes; ++i) {
        const struct atrous__class c = atrous__class_at(&s->residues, i);
        lanes += blocks_of(s, &c) * filters_of_block(s);
    }
    return lanes;
}

static void set_filters(struct shape *s, size_t filters)
{
    s->filters = filters;
    s->room = s->is_by_residue ? filters : atrous__round_up(filters, 4);
}

/* The register block whose lanes cost least over all classes. */
static void choose_registers(const struct atrous__problem *p, const struct atrous__device *device,
                             struct shape *s)
{
    static const struct atrous__registers with_32[] = {{8, 2, 1.0}, {12, 1, 1.15}, {6, 3, 1.05}};
    static const struct atrous__registers with_16[] = {{6, 2, 1.0}, {12, 1, 1.15}, {4, 3, 1.05}};
    double least = 0;
    s->is_by_residue = p->filters < LEAST_FILTERS &&
                       (p->conv.output_layout == ATROUS_LAYOUT_NCHW || p->conv.out_channels == 1);
    set_filters(s, p->filters);
    s->vector = atrous__max(device->vector, 4);
    const struct atrous__registers *kinds = s->vector == 16 ? with_32 : with_16;
    for (size_t i = 0; i < sizeof with_32 / sizeof *with_32; ++i) {
        struct shape trial = *s;
        trial.vectors = kinds[i].vectors;
        const double cost = (double)count_lanes(&trial) * kinds[i].cost;
        if (i > 0 && cost >= least)
            continue;
        least = cost;
        s->vectors = kinds[i].vectors;
        s->pixels = kinds[i].pixels;
    }
}

/* As many filters a slice as leave a tile enough pixels. */
static void choose_slices(const struct atrous__problem *p, struct shape *s)
{
    const size_t block = filters_of_block(s), room = SUMS_BYTES / sizeof(float) / LEAST_PIXELS;
    for (s->slices = 1;; ++s->slices) {
        const size_t each = atrous__ceil_div(p->filters, s->slices);
        set_filters(s, s->slices == 1 ? each : atrous__round_up(each, block));
        s->lanes = count_lanes(s);
        if (s->lanes <= room || s->filters <= block)
            break;
    }
    s->slices = atrous__ceil_div(p->filters, s->filters);
}

static struct shape shape_of(const struct atrous__problem *p, const struct atrous__device *device)
{
    struct shape s = {.residues = atrous__residues_make(p)};
    choose_registers(p, device, &s);
    choose_slices(p, &s);
    const struct atrous__axis *h = &s.residues.dense.axis[ATROUS__H],
                              *w = &s.residues.dense.axis[ATROUS__W];
    const size_t wanted = GROUPS_PER_UNIT * device->compute_units;
    const size_t others = s.slices * s.residues.dense.axis[ATROUS__D].out * p->groups * p->batch;
    const size_t for_units = h->out * w->out / atrous__max(wanted / others, 1);
    const size_t for_sums = SUMS_BYTES / sizeof(float) / atrous__max(s.lanes, 1);
    const size_t most = atrous__min(atrous__min(for_sums, TILE_PIXELS), for_units);
    const size_t pixels = atrous__max(most, s.pixels);
    const size_t most_columns = h->out == 1 ? pixels : atrous__min(pixels, MAX_COLUMNS);
    const size_t columns = atrous__ceil_div(w->out, atrous__ceil_div(w->out, most_columns));
    s.lattice = atrous__lattice_make(&s.residues.dense, atrous__max(pixels / columns, 1), columns);

    const struct atrous__lattice *l = &s.lattice;
    const size_t weights_bytes = s.residues.most_taps * filters_of_block(&s) * sizeof(float);
    const size_t row_bytes =
        s.residues.dense.axis[ATROUS__D].kernel * l->patch_rows * l->pitch * sizeof(float);
    const size_t channels = atrous__min(WEIGHTS_BYTES / weights_bytes, PATCH_BYTES / row_bytes);
    const size_t blocks = atrous__ceil_div(p->channels, atrous__max(channels / 4 * 4, 4));
    s.channels = atrous__round_up(atrous__ceil_div(p->channels, blocks), 4);
    s.patch_bytes = row_bytes * s.channels;
    s.sums_bytes = s.lanes * (l->rows * l->columns + s.pixels) * sizeof(float);
    return s;
}

static const char *refuse(const struct atrous__problem *p, const struct atrous__device *device)
{
    const char *wide = atrous__refuse_cpu_class(p, device);
    if (wide != NULL)
        return wide;
    if (atrous__residue_count(p) > ATROUS__MOST_RUNS)
        return "the strides leave more than 16 residues";
    for (int i = 0; i < ATROUS__AXES; ++i)
        if (p->axis[i].kernel > 1 && p->axis[i].spread % p->axis[i].dilation != 0)
            return "a dilation that does not divide the stride keeps residues apart";
    const struct shape s = shape_of(p, device);
    const size_t tables =
        ATROUS__AXES * ATROUS__MOST_RUNS * sizeof(cl_int4) + s.residues.most_taps * sizeof(cl_int);
    return s.patch_bytes + s.sums_bytes + tables > device->local_memory
               ? "the smallest tile's patch exceeds the local memory"
               : NULL;
}

/* What moving a value in and out of a tile, or beginning a tap's run, costs in multiply-adds. */
static const double in_macs = 7, out_macs = 4, tap_channels = 2;

static double estimate(const struct atrous__problem *p, const struct atrous__device *device)
{
    const struct shape s = shape_of(p, device);
    double lanes = 0, computed = 0; /* a position's multiply-adds of a channel */
    for (size_t i = 0; i < s.residues.classes; ++i) {
        const struct atrous__class c = atrous__class_at(&s.residues, i);
        lanes += (double)(p->filters * c.residues * c.taps);
        computed += (double)(s.slices * blocks_of(&s, &c) * filters_of_block(&s) * c.taps);
    }
    const double waste = lanes > 0 ? computed / lanes : 1;
    const double channels = (double)atrous__min(s.channels, p->channels);
    const double halo = (double)s.lattice.patch_rows * (double)s.lattice.pitch /
                        ((double)s.lattice.rows * (double)s.lattice.columns);
    const double moves =
        (double)p->in_count * (double)s.slices * halo * in_macs + (double)p->out_count * out_macs;
    return 0.02 + (p->valid_macs * waste * (1 + tap_channels / channels) + moves) /
                      atrous__vector_macs_per_ms(device);
}

static struct atrous__arg three(const size_t values[ATROUS__AXES], size_t more)
{
    return atrous__arg_int4(values[0], values[1], values[2], more);
}

/* The given problem's spread, dilation, pad less crop and kernel. */
static void add_given(struct atrous__launch *launch, const struct atrous__problem *p)
{
    size_t spread[ATROUS__AXES], apart[ATROUS__AXES], before[ATROUS__AXES], taps[ATROUS__AXES];
    for (int i = 0; i < ATROUS__AXES; ++i) {
        spread[i] = p->axis[i].spread;
        apart[i] = p->axis[i].dilation;
        before[i] = p->axis[i].pad - p->axis[i].crop; /* less than 0 where there is a crop */
        taps[i] = p->axis[i].kernel;
    }
    atrous__launch_add(launch, three(spread, 0));
    atrous__launch_add(launch, three(apart, 0));
    atrous__launch_add(launch, three(before, 0));
    atrous__launch_add(launch, three(taps, 0));
}

static void format_kernel(const struct shape *s, const struct atrous__problem *p, char *options,
                          size_t size)
{
    snprintf(options, size, "-DVEC=%zu -DFV=%zu -DPX=%zu %s", s->vector, s->vectors, s->pixels,
             atrous__type_option(p));
}

/* Packs the weights of one class behind those of the classes before it. */
static atrous_status pack_class(const struct atrous__problem *p, struct atrous__env *env,
                                const struct shape *s, const struct atrous__class *c,
                                struct atrous__job *job, atrous_error *error)
{
    const size_t channel_blocks = atrous__ceil_div(p->channels, s->channels);
    const size_t lanes = blocks_of(s, c) * filters_of_block(s), before = job->packed_bytes;
    size_t count = p->groups * s->slices * c->taps, first[ATROUS__AXES], residues[ATROUS__AXES],
           taken[ATROUS__AXES];
    if (count == 0)
        return ATROUS_OK;
    if (!atrous__mul(count, lanes, &count) ||
        !atrous__mul(count, channel_blocks * s->channels, &count) ||
        count > (SIZE_MAX - before) / sizeof(cl_float))
        return atrous__fail(error, ATROUS_UNSUPPORTED, "weights", "packed, they overflow");
    for (int i = 0; i < ATROUS__AXES; ++i) {
        first[i] = c->run[i]->first;
        residues[i] = c->run[i]->count;
        taken[i] = c->run[i]->taps;
    }
    const size_t items = env->device.max_work_group < ITEMS ? 1 : ITEMS;
    struct atrous__launch *launch = &job->pack[job->pack_count++];
    *launch = (struct atrous__launch){
        .dims = 1, .global = {atrous__round_up(count, items)}, .local = {items}, .any_local = true};
    const struct atrous__arg args[] = {
        atrous__arg_tensor(ATROUS__PLAIN),
        atrous__arg_tensor_from(ATROUS__WEIGHTS, before / sizeof(cl_float)),
        atrous__arg_int4(p->filters, p->channels, p->taps,
                         p->conv.orientation == ATROUS_TRUE_CONVOLUTION),
        atrous__arg_int4(s->slices, s->filters, blocks_of(s, c), s->is_by_residue ? 0 : s->room),
        atrous__arg_int4(channel_blocks, s->channels, c->run[1]->tap_step, c->run[2]->tap_step),
        atrous__arg_long(p->filter_step),
        atrous__arg_long(p->channel_step),
        three(first, 0),
        three(residues, c->run[0]->tap_step),
        three(taken, 0),
    };
    for (size_t i = 0; i < sizeof args / sizeof *args; ++i)
        atrous__launch_add(launch, args[i]);
    add_given(launch, p);
    atrous__launch_add(launch, atrous__arg_long(count));
    launch->stored = atrous__type_bytes(p->conv.type);
    job->packed_bytes = before + count * sizeof(cl_float);
    char options[64];
    format_kernel(s, p, options, sizeof options);
    return atrous__launch_make(env, "spread.cl", "spread_pack", options, launch, error);
}

/* Equal where the packed weights are: of the same plain weights, blocks and classes. */
static uint64_t format_of(const struct atrous__problem *p, const struct shape *s)
{
    const uint64_t what[] = {(uint64_t)p->conv.orientation,
                             (uint64_t)p->conv.type,
                             s->is_by_residue,
                             p->groups,
                             p->channels,
                             p->filters,
                             p->filter_step,
                             p->channel_step,
                             s->filters,
                             s->channels,
                             filters_of_block(s)};
    uint64_t hash = atrous__hash(ATROUS__HASH_SEED, what, sizeof what);
    for (int i = 0; i < ATROUS__AXES; ++i) {
        const struct atrous__axis *a = &p->axis[i];
        const uint64_t axis[] = {a->kernel, a->dilation, a->spread, a->pad, a->crop};
        hash = atrous__hash(hash, axis, sizeof axis);
        for (size_t r = 0; r < s->residues.run_count[i]; ++r)
            hash = atrous__hash(hash, &s->residues.runs[i][r].taps,
                                sizeof s->residues.runs[i][r].taps);
    }
    return hash;
}

static atrous_status build(const struct atrous__problem *p, struct atrous__env *env,
                           struct atrous__job *job, atrous_error *error)
{
    const struct shape s = shape_of(p, &env->device);
    job->format = format_of(p, &s);
    for (size_t i = 0; i < s.residues.classes; ++i) {
        const struct atrous__class c = atrous__class_at(&s.residues, i);
        const atrous_status status = pack_class(p, env, &s, &c, job, error);
        if (status != ATROUS_OK)
            return status;
    }
    struct atrous__launch *launch = &job->launch[job->launch_count++];
    const size_t groups = s.slices * atrous__lattice_tiles(&s.residues.dense, &s.lattice);
    *launch = (struct atrous__launch){.dims = 1, .global = {groups}, .local = {1}};
    atrous__launch_add_problem(launch, &s.residues.dense);
    atrous__launch_add_lattice(launch, &s.lattice, s.slices);
    atrous__launch_add(launch, atrous__arg_int4(s.lattice.rows, s.lattice.columns, s.channels, 0));
    atrous__launch_add(launch,
                       atrous__arg_int4(s.room, s.filters, s.is_by_residue, s.residues.has_zeros));
    atrous__launch_add(launch, atrous__arg_int4(p->axis[0].out, p->axis[1].out, p->axis[2].out, 0));
    add_given(launch, p);
    atrous__launch_add(launch, atrous__arg_local(s.patch_bytes));
    atrous__launch_add(launch, atrous__arg_local(s.sums_bytes));
    atrous__launch_add(launch,
                       atrous__arg_local(ATROUS__AXES * ATROUS__MOST_RUNS * sizeof(cl_int4)));
    atrous__launch_add(launch, atrous__arg_local(s.residues.most_taps * sizeof(cl_int)));
    char options[64];
    format_kernel(&s, p, options, sizeof options);
    return atrous__launch_make(env, "spread.cl", "spread", options, launch, error);
}

static void probe(atrous_conv *conv)
{
    atrous__probe_square(conv, 5, 19);
    conv->direction = ATROUS_TRANSPOSED;
    for (int i = 0; i < 2; ++i) {
        conv->kernel[i] = 5;
        conv->stride[i] = 3;
        conv->dilation[i] = 1;
    }
}

const struct atrous__solver atrous__spread = {.name = "spread",
                                              .forms = 1u << ATROUS__SPREAD,
                                              .types = ATROUS__TYPES_FLOAT,
                                              .scales = true,
                                              .refuse = refuse,
                                              .estimate = estimate,
                                              .bound_terms = atrous__direct_terms,
                                              .workspace = atrous__no_workspace,
                                              .build = build,
                                              .probe = probe};
