/* gradient_planes: the gradient of the weights of groups of few channels and filters; bound by
 * memory. */
#include "solve/lattice.h"
#include "solve/reduce.h"

#include <stdio.h>

enum {
    MOST_CHANNELS = 4, /* of a group */
    MOST_FILTERS = 4,
    TILE_BYTES = 48 << 10, /* of dy, and about as much of x: a share of an L2 */
    MAX_COLUMNS = 2048,
    GROUPS_PER_UNIT = 8, /* so that none waits long for the last */
    MOST_PARTS = 32
};

struct shape {
    size_t vector, tap_rows, tap_columns; /* the macros of gradient_planes.cl */
    struct atrous__lattice lattice;
    size_t dy_pitch, parts;
    size_t patch_bytes, dy_bytes, sums_bytes;
};

/* The largest divisor of `count` that is at most `most`. */
static size_t divisor(size_t count, size_t most)
{
    size_t best = atrous__max(atrous__min(count, most), 1);
    while (count % best != 0)
        --best;
    return best;
}

static struct shape shape_of(const struct atrous__problem *p, const struct atrous__device *device)
{
    struct shape s = {.vector = atrous__max(device->vector, 4)};
    const struct atrous__axis *h = &p->axis[ATROUS__H], *w = &p->axis[ATROUS__W];
    const size_t sums = s.vector == 16 ? 25 : 10; /* that leave room in 32 and 16 registers */
    s.tap_columns = divisor(w->kernel, sums);
    s.tap_rows = divisor(h->kernel, sums / s.tap_columns);

    const size_t columns = atrous__ceil_div(w->out, atrous__ceil_div(w->out, MAX_COLUMNS));
    const size_t row_bytes = atrous__round_up(columns, s.vector) * p->filters * sizeof(float);
    struct atrous__lattice *l = &s.lattice;
    *l = atrous__lattice_make(p, atrous__max(TILE_BYTES / row_bytes, 1), columns);
    s.dy_pitch = atrous__round_up(l->columns, s.vector);
    l->pitch += s.vector; /* of slack: a row's last vector ends there */
    s.patch_bytes = l->patch_rows * l->pitch * sizeof(float);
    s.dy_bytes = (p->filters * l->rows * s.dy_pitch + s.vector) * sizeof(float);
    s.sums_bytes = p->filters * p->channels * p->taps * s.vector * sizeof(float);

    const size_t tiles = atrous__lattice_tiles(p, l) / p->groups;
    const size_t wanted = atrous__ceil_div(GROUPS_PER_UNIT * device->compute_units, p->groups);
    s.parts = atrous__min(atrous__min(wanted, MOST_PARTS), tiles);
    return s;
}

static const char *refuse(const struct atrous__problem *p, const struct atrous__device *device)
{
    const char *wide = atrous__refuse_cpu_class(p, device);
    if (wide != NULL)
        return wide;
    if (p->channels > MOST_CHANNELS || p->filters > MOST_FILTERS)
        return "made for up to 4 channels and 4 filters a group";
    const struct shape s = shape_of(p, device);
    return s.patch_bytes + s.dy_bytes + s.sums_bytes > device->local_memory
               ? "the smallest tile's patch exceeds the local memory"
               : NULL;
}

static size_t workspace(const struct atrous__problem *p, const struct atrous__device *device)
{
    return atrous__reduce_workspace(p, device, 0, shape_of(p, device).parts);
}

static double estimate(const struct atrous__problem *p, const struct atrous__device *device)
{
    const double units = (double)device->compute_units;
    const double macs_per_ms = 2.2e6 * (double)device->vector * units;
    const double bytes = (double)atrous__stored(p, p->in_count + p->grad_count);
    const double move = bytes / (8e6 * units), compute = p->macs / macs_per_ms;
    /* Where a channel's columns are not contiguous, elements are moved one by one. */
    const double each_ms = 2e-6 / units;
    double moved = 0;
    if (p->conv.input_layout == ATROUS_LAYOUT_NHWC && p->conv.in_channels > 1)
        moved += (double)p->in_count;
    if (p->conv.output_layout == ATROUS_LAYOUT_NHWC && p->conv.out_channels > 1)
        moved += (double)p->grad_count;
    return 0.02 + (move > compute ? move : compute) + moved * each_ms;
}

static atrous_status build(const struct atrous__problem *p, struct atrous__env *env,
                           struct atrous__job *job, atrous_error *error)
{
    const struct shape s = shape_of(p, &env->device);
    struct atrous__launch *launch = &job->launch[job->launch_count++];
    *launch = (struct atrous__launch){.dims = 1, .global = {p->groups * s.parts}, .local = {1}};
    atrous__reduce_begin(launch, p, s.parts);
    atrous__launch_add_lattice(launch, &s.lattice, 1);
    const struct atrous__arg args[] = {
        atrous__arg_int4(s.lattice.rows, s.lattice.columns, s.dy_pitch, s.parts),
        atrous__arg_int(p->conv.orientation == ATROUS_TRUE_CONVOLUTION ? 1 : 0),
        atrous__arg_local(s.patch_bytes),
        atrous__arg_local(s.dy_bytes),
        atrous__arg_local(s.sums_bytes),
    };
    for (size_t i = 0; i < sizeof args / sizeof *args; ++i)
        atrous__launch_add(launch, args[i]);
    char options[64];
    snprintf(options, sizeof options, "-DVEC=%zu -DTAP_ROWS=%zu -DTAP_COLUMNS=%zu %s", s.vector,
             s.tap_rows, s.tap_columns, atrous__type_option(p));
    const atrous_status status =
        atrous__launch_make(env, "gradient_planes.cl", "gradient_planes", options, launch, error);
    return status != ATROUS_OK ? status : atrous__reduce_build(p, env, 0, s.parts, job, error);
}

static void probe(atrous_conv *conv)
{
    atrous__probe_square(conv, 4, 4);
    conv->direction = ATROUS_BACKWARD_WEIGHTS;
    conv->groups = 2;
    conv->input[1] = 41;
}

const struct atrous__solver atrous__gradient_planes = {.name = "gradient_planes",
                                                       .forms = 1u << ATROUS__GRADIENT,
                                                       .types = ATROUS__TYPES_FLOAT,
                                                       .refuse = refuse,
                                                       .estimate = estimate,
                                                       .bound_terms = atrous__direct_terms,
                                                       .workspace = workspace,
                                                       .build = build,
                                                       .probe = probe};
