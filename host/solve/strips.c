/* strips: minimal filtering F(3,2), F(2,3), F(4,3) of rows with vectors along the row, where
 * nothing needs turning: NCHW, dilations of a vector and more or that divide one. */
#include "solve/windows.h"

#include <stdio.h>

enum {
    POINTS_BYTES = 128 << 10, /* of one batch, at most: a share of an L2 */
    MOST_BATCHES = 8          /* of a group */
};

struct shape {
    size_t vector, filters;    /* VEC, KB */
    size_t outputs, taps;      /* M, R */
    size_t step;               /* STEP: the dilation, or 0 where it is no less than a vector */
    size_t batches, run, runs; /* of a row; of a group; groups of a row */
    size_t filter_blocks;
    size_t points_bytes;
};

static size_t batches_of(const struct atrous__axis *w, const struct shape *s)
{
    if (s->step != 0)
        return atrous__ceil_div(w->out, s->outputs * s->vector);
    return atrous__ceil_div(w->out, s->outputs * w->dilation) *
           atrous__ceil_div(w->dilation, s->vector);
}

static struct shape shape_of(const struct atrous__problem *p, const struct atrous__device *device)
{
    const struct atrous__axis *w = &p->axis[ATROUS__W];
    struct shape s = {.vector = atrous__max(device->vector, 4), .taps = w->kernel};
    /* Points x filters fill 16 or 24 of 32 registers, half of that of 16. */
    s.filters = s.vector == 16 ? 4 : 2;
    s.outputs = atrous__windows_outputs(p, atrous__minimal_bound);
    s.step = w->dilation < s.vector ? w->dilation : 0;
    s.batches = batches_of(w, &s);
    const size_t rows = p->batch * p->groups * (p->out_plane / w->out);
    s.run =
        atrous__min(atrous__max(s.batches * rows / (16 * device->compute_units), 1), MOST_BATCHES);
    s.runs = atrous__ceil_div(s.batches, s.run);
    s.filter_blocks = atrous__ceil_div(p->filters, s.filters);
    s.points_bytes = p->channels * (s.outputs + s.taps - 1) * s.vector * sizeof(float);
    return s;
}

/* Whether each position of the output reads the input's of the same place. */
static bool has_own_input(const struct atrous__axis *axis)
{
    return axis->out == axis->in && axis->pad == axis->crop;
}

static const char *refuse(const struct atrous__problem *p, const struct atrous__device *device)
{
    const char *general = atrous__windows_refuse(p, device);
    if (general != NULL)
        return general;
    if (p->axis[ATROUS__D].kernel != 1 || p->axis[ATROUS__H].kernel != 1)
        return "the kernel has more than a row";
    if (!has_own_input(&p->axis[ATROUS__D]) || !has_own_input(&p->axis[ATROUS__H]))
        return "rows of the output lie wholly in the padding";
    if (p->conv.input_layout != ATROUS_LAYOUT_NCHW || p->conv.output_layout != ATROUS_LAYOUT_NCHW)
        return "neighbours in a row are not neighbours in memory";
    const size_t vector = atrous__max(device->vector, 4), dilation = p->axis[ATROUS__W].dilation;
    if (dilation < vector && vector % dilation != 0)
        return "the dilation is less than a vector and divides none";
    if (atrous__windows_outputs(p, atrous__minimal_bound) == 0)
        return "its error bound grows with the channels and would promise too little";
    const struct shape s = shape_of(p, device);
    return s.points_bytes > atrous__min(POINTS_BYTES, device->local_memory)
               ? "the transformed inputs of a vector of tiles exceed their share of a cache"
               : NULL;
}

static struct atrous__bound bound(const struct atrous__problem *p)
{
    return atrous__minimal_bound(p, atrous__windows_outputs(p, atrous__minimal_bound));
}

static double estimate(const struct atrous__problem *p, const struct atrous__device *device)
{
    const struct shape s = shape_of(p, device);
    const double tiles = (double)(s.batches * s.vector * p->batch * p->groups) *
                         (double)p->out_plane / (double)p->axis[ATROUS__W].out;
    const double points = tiles * (double)(s.outputs + s.taps - 1);
    const double products = points * (double)p->channels * (double)(s.filter_blocks * s.filters);
    const double moves = points * (double)(p->channels + p->filters);
    return 0.02 + (products * 1.05 + moves * 2) / atrous__vector_macs_per_ms(device);
}

static atrous_status build(const struct atrous__problem *p, struct atrous__env *env,
                           struct atrous__job *job, atrous_error *error)
{
    const struct shape s = shape_of(p, &env->device);
    char options[128];
    snprintf(options, sizeof options, "-DVEC=%zu -DKB=%zu -DM=%zu -DR=%zu -DSTEP=%zu %s", s.vector,
             s.filters, s.outputs, s.taps, s.step, atrous__type_option(p));
    const struct atrous__points_shape pack = {
        s.filters,   s.outputs + s.taps - 1, UINT64_C(0x737472697073),
        "strips.cl", "strips_pack",          options};
    const atrous_status status = atrous__points_pack(p, env, &pack, job, error);
    if (status != ATROUS_OK)
        return status;
    const size_t lines = p->out_plane / p->axis[ATROUS__W].out;
    struct atrous__launch *launch = atrous__job_add(job, s.runs * lines * p->groups * p->batch);
    atrous__launch_add_problem(launch, p);
    atrous__launch_add(launch, atrous__arg_int4(s.batches, s.run, s.filter_blocks, 0));
    atrous__launch_add(launch, atrous__arg_local(s.points_bytes));
    return atrous__launch_make(env, "strips.cl", "strips", options, launch, error);
}

static void probe_at(atrous_conv *conv, size_t taps, size_t dilation)
{
    atrous_conv_init(conv, 1, sizeof *conv);
    conv->in_channels = 17;
    conv->out_channels = 19;
    conv->has_bias = 1;
    conv->input[0] = 211;
    conv->kernel[0] = taps;
    conv->dilation[0] = dilation;
    conv->pad_begin[0] = (taps - 1) * dilation;
}

static void probe(atrous_conv *conv)
{
    probe_at(conv, 3, 2);
}

static void other_probe(atrous_conv *conv)
{
    probe_at(conv, 2, 18);
}

const struct atrous__solver atrous__strips = {.name = "strips",
                                              .types = ATROUS__TYPES_FLOAT,
                                              .scales = true,
                                              .refuse = refuse,
                                              .estimate = estimate,
                                              .bound = bound,
                                              .workspace = atrous__no_workspace,
                                              .build = build,
                                              .probe = probe,
                                              .other_probes = {other_probe}};
