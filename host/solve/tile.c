/* tile: many work-items share a patch in local memory; for GPU-class devices. */
#include "solve/lattice.h"

#include <stdio.h>

/* A register block and the group around it. */
struct block {
    size_t items, filters;            /* ITEMS, FB */
    size_t item_filters, item_pixels; /* RF, RP */
};

/* Large groups reuse more; the smaller serve devices that allow no larger ones. */
static const struct block blocks[] = {{256, 64, 8, 8}, {64, 32, 4, 4}, {32, 16, 4, 4}};

/* Local memory to plan for: what leaves room for several groups on a compute unit. */
enum { LOCAL_BYTES = 24 << 10 };

struct shape {
    const struct block *block; /* NULL: no group fits the device */
    struct atrous__lattice lattice;
    size_t channels; /* of a block; 0: not even one fits */
    size_t patch_bytes, weights_bytes;
};

static void choose_block(const struct atrous__device *device, size_t first, struct shape *s)
{
    for (size_t i = first; i < sizeof blocks / sizeof *blocks && s->block == NULL; ++i)
        if (blocks[i].items <= device->max_work_group && blocks[i].items <= device->max_items[0])
            s->block = &blocks[i];
}

/* A tile is as many pixel blocks as the group has items for; flat where the output is. */
static void choose_tile(const struct atrous__problem *p, struct shape *s)
{
    const struct block *b = s->block;
    const size_t pixel_items = b->items / (b->filters / b->item_filters);
    const size_t widest = p->axis[ATROUS__H].out == 1 ? pixel_items : pixel_items / 8;
    const size_t needed = atrous__ceil_div(p->axis[ATROUS__W].out, b->item_pixels);
    size_t across = 1;
    while (across < widest && across < needed)
        across *= 2;
    s->lattice = atrous__lattice_make(p, pixel_items / across, across * b->item_pixels);
}

static void choose_channels(const struct atrous__problem *p, const struct atrous__device *device,
                            struct shape *s)
{
    const struct atrous__lattice *l = &s->lattice;
    const size_t plane_taps = p->axis[ATROUS__H].kernel * p->axis[ATROUS__W].kernel;
    /* An item reads whole pixel blocks, past the ragged end of the last row by less than one. */
    const size_t slack = s->block->item_pixels * sizeof(float);
    const size_t patch = l->patch_rows * l->pitch * sizeof(float);
    const size_t weights = plane_taps * s->block->filters * sizeof(float);
    const size_t room = atrous__min(device->local_memory, LOCAL_BYTES);
    if (patch + weights + slack > device->local_memory)
        return;
    const size_t most = atrous__max((room - atrous__min(room, slack)) / (patch + weights), 1);
    const size_t cell = p->conv.type == ATROUS_TYPE_I8 ? 4 : 1; /* channels in a float's place */
    const size_t cells = atrous__min(atrous__min(most, 8), atrous__ceil_div(p->channels, cell));
    s->channels = cells * cell;
    s->patch_bytes = cells * patch + slack;
    s->weights_bytes = cells * weights;
}

/* The shape with blocks[first] or the next smaller one that fits. */
static struct shape shape_of(const struct atrous__problem *p, const struct atrous__device *device,
                             size_t first)
{
    struct shape s = {0};
    choose_block(device, first, &s);
    if (s.block != NULL) {
        choose_tile(p, &s);
        choose_channels(p, device, &s);
    }
    return s;
}

static const char *refuse(const struct atrous__problem *problem,
                          const struct atrous__device *device)
{
    const char *wide = atrous__refuse_wide(problem);
    if (wide != NULL)
        return wide;
    const struct shape s = shape_of(problem, device, 0);
    if (s.block == NULL)
        return "the device allows fewer than 32 work-items a group";
    return s.channels == 0 ? "the patch of one channel exceeds the local memory" : NULL;
}

static double estimate(const struct atrous__problem *problem, const struct atrous__device *device)
{
    const struct shape s = shape_of(problem, device, 0);
    const double waste =
        (double)atrous__round_up(problem->filters, s.block->filters) / (double)problem->filters;
    /* Where work-items are emulated on a processor each barrier spills them all. */
    const double macs_per_ms = (device->is_cpu_class ? 2e6 : 5e7) * (double)device->compute_units;
    return 0.02 + problem->macs * waste / macs_per_ms;
}

static atrous_status build_shape(const struct atrous__problem *p, struct atrous__env *env,
                                 const struct shape *s, struct atrous__job *job,
                                 atrous_error *error)
{
    const struct block *b = s->block;
    const struct atrous__pack_shape pack = {b->filters, s->channels,
                                            atrous__gate_lanes(p, b->item_filters), false};
    atrous_status status = atrous__pack_build(p, env, pack, job, error);
    if (status != ATROUS_OK)
        return status;

    struct atrous__launch *launch = &job->launch[job->launch_count++];
    const size_t slices = atrous__ceil_div(p->filters, b->filters);
    const size_t groups = slices * atrous__lattice_tiles(p, &s->lattice);
    *launch =
        (struct atrous__launch){.dims = 1, .global = {groups * b->items}, .local = {b->items}};
    atrous__launch_add_problem(launch, p);
    atrous__launch_add_lattice(launch, &s->lattice, slices);
    atrous__launch_add(launch,
                       atrous__arg_int4(s->lattice.rows, s->lattice.columns, s->channels, 0));
    atrous__launch_add(launch, atrous__arg_local(s->patch_bytes));
    atrous__launch_add(launch, atrous__arg_local(s->weights_bytes));
    char options[96];
    snprintf(options, sizeof options, "-DITEMS=%zu -DFB=%zu -DRF=%zu -DRP=%zu -DDOT=%d %s",
             b->items, b->filters, b->item_filters, b->item_pixels,
             p->conv.type == ATROUS_TYPE_I8 && env->device.has_dot_product, atrous__sums_option(p));
    return atrous__launch_make(env, "tile.cl", "tile", options, launch, error);
}

/* A device may allow a kernel fewer items than it allows at best, and says so only once the
 * kernel is there: then the next smaller group is tried. */
static atrous_status build(const struct atrous__problem *p, struct atrous__env *env,
                           struct atrous__job *job, atrous_error *error)
{
    atrous_status status = ATROUS_UNSUPPORTED;
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks && status == ATROUS_UNSUPPORTED; ++i) {
        const struct shape s = shape_of(p, &env->device, i);
        if (s.block == NULL || s.channels == 0)
            break;
        atrous__job_release(job);
        status = build_shape(p, env, &s, job, error);
        i = (size_t)(s.block - blocks);
    }
    return status;
}

static void probe(atrous_conv *conv)
{
    atrous__probe_square(conv, 9, 19);
}

const struct atrous__solver atrous__tile = {.name = "tile",
                                            .types = ATROUS__TYPES_ALL,
                                            .scales = true,
                                            .native_half = true,
                                            .gated_groups = 1,
                                            .refuse = refuse,
                                            .estimate = estimate,
                                            .bound_terms = atrous__direct_terms,
                                            .workspace = atrous__no_workspace,
                                            .build = build,
                                            .probe = probe};
