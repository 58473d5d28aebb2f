/* gradient_depthwise: the gradient of the weights of depthwise layers, summed where the tensors
 * lie; bound by memory. Planes by gradient_depthwise.cl, contiguous channels by
 * gradient_channels.cl. */
#include "solve/reduce.h"
#include "solve/solver.h"

#include <stdio.h>

enum {
    FEW_TAPS = 9,   /* that leave room for 4 rows of dy in 16 registers */
    MOST_TAPS = 25, /* and for 2 in 32 */
    MOST_LINE_TAPS = 6,
    BLOCK = 64,          /* channels of a group, a run long enough to stream */
    GROUPS_PER_UNIT = 8, /* so that none waits long for the last */
    MOST_PARTS = 32,
    AHEAD_BYTES = 64 << 10 /* at most */
};

struct shape {
    bool has_channels;      /* contiguous on both sides; else planes */
    size_t vector;          /* VEC */
    size_t rows, bands;     /* of a register block; of a plane */
    size_t run_rows, ahead; /* rows that a run of vectors may span; elements */
    size_t vectors, taps;   /* FV, TAP_COLUMNS */
    size_t groups, parts;
    size_t sums_bytes;
};

/* Lanes of vectors along `count` neighbours. */
static size_t choose_vector(const struct atrous__device *device, size_t count)
{
    size_t vector = atrous__max(device->vector, 4);
    while (vector > count && vector > 4)
        vector /= 2;
    return vector;
}

/* The columns of a row begin anew once at most in a vector. */
static void lay_planes(const struct atrous__problem *p, const struct atrous__device *device,
                       struct shape *s)
{
    const struct atrous__axis *h = &p->axis[ATROUS__H], *w = &p->axis[ATROUS__W];
    s->vector = choose_vector(device, atrous__min(w->in, w->out));
    s->rows = h->kernel == 1 ? 1 : p->taps <= FEW_TAPS ? 4 : 2;
    s->bands = atrous__ceil_div(h->out, s->rows * h->dilation);
    s->run_rows = w->in == w->out ? atrous__min(h->dilation, h->out) : 1;
    s->ahead = atrous__min(h->out * w->out, AHEAD_BYTES / sizeof(float));
    s->groups = p->groups * p->filters;
}

static void lay_channels(const struct atrous__problem *p, const struct atrous__device *device,
                         struct shape *s)
{
    const size_t taps = p->axis[ATROUS__W].kernel;
    s->vector = choose_vector(device, p->groups);
    s->vectors = p->groups > s->vector ? 2 : 1;
    s->taps = atrous__min(taps, s->vector == 16 ? MOST_LINE_TAPS : MOST_LINE_TAPS / 2);
    while (taps % s->taps != 0)
        --s->taps;
    s->bands = p->axis[ATROUS__H].out;
    s->groups = atrous__ceil_div(p->groups, BLOCK);
    s->sums_bytes = p->taps * BLOCK * sizeof(float);
}

/* Whether the columns of a channel are neighbours on both sides. */
static bool has_planes(const struct atrous__problem *p)
{
    return (p->conv.input_layout == ATROUS_LAYOUT_NCHW || p->conv.in_channels == 1) &&
           (p->conv.output_layout == ATROUS_LAYOUT_NCHW || p->conv.out_channels == 1);
}

static struct shape shape_of(const struct atrous__problem *p, const struct atrous__device *device)
{
    struct shape s = {.has_channels = !has_planes(p)};
    if (s.has_channels)
        lay_channels(p, device, &s);
    else
        lay_planes(p, device, &s);
    const size_t wanted = atrous__ceil_div(GROUPS_PER_UNIT * device->compute_units, s.groups);
    const size_t pieces = s.bands * p->axis[ATROUS__D].out * p->batch;
    s.parts = atrous__min(atrous__min(wanted, MOST_PARTS), pieces);
    return s;
}

static const char *refuse_planes(const struct atrous__problem *p,
                                 const struct atrous__device *device)
{
    const struct atrous__axis *d = &p->axis[ATROUS__D], *h = &p->axis[ATROUS__H];
    const struct atrous__axis *w = &p->axis[ATROUS__W];
    if (h->stride != 1 || w->stride != 1 || d->stride != 1)
        return "a stride is not 1 in planes";
    if (d->kernel != 1 || d->in != d->out || d->pad != 0)
        return "the kernel has a depth in planes";
    if (h->kernel * w->kernel > (device->vector >= 16 ? MOST_TAPS : FEW_TAPS))
        return "the sums of all taps exceed the registers";
    if (p->conv.padding > ATROUS_PADDING_CONSTANT)
        return "the padding repeats elements of planes, which are read where they lie";
    return atrous__min(w->in, w->out) < 4 ? "a row holds no vector" : NULL;
}

static const char *refuse(const struct atrous__problem *p, const struct atrous__device *device)
{
    const char *wide = atrous__refuse_cpu_class(p, device);
    if (wide != NULL)
        return wide;
    if (p->channels != 1)
        return "made for one channel a group";
    if (has_planes(p))
        return refuse_planes(p, device);
    if (p->conv.input_layout != p->conv.output_layout)
        return "input and output lie in different layouts";
    if (p->filters != 1 || p->groups < 4)
        return "contiguous channels: made for one filter a group and a vector of channels";
    return shape_of(p, device).sums_bytes > device->local_memory
               ? "the sums of all taps exceed the local memory"
               : NULL;
}

static size_t workspace(const struct atrous__problem *p, const struct atrous__device *device)
{
    return atrous__reduce_workspace(p, device, 0, shape_of(p, device).parts);
}

static double estimate(const struct atrous__problem *p, const struct atrous__device *device)
{
    const struct shape s = shape_of(p, device);
    const double busy = (double)atrous__min(s.groups * s.parts, device->compute_units);
    const double macs_per_ms = 2.2e6 * (double)s.vector * busy, bytes_per_ms = 1.6e7 * busy;
    const double bytes = (double)atrous__stored(p, p->in_count * p->filters + p->grad_count);
    const double move = bytes / bytes_per_ms, compute = p->macs / macs_per_ms;
    return 0.02 + (move > compute ? move : compute);
}

/* The taps, a bit each, that meet columns outside the input. */
static unsigned masked_taps(const struct atrous__problem *p)
{
    const struct atrous__axis *w = &p->axis[ATROUS__W];
    unsigned masked = 0;
    for (size_t s = 0; s < w->kernel; ++s) {
        const size_t first = s * w->dilation;
        if (first < w->pad || first + w->out > w->in + w->pad)
            masked |= 1u << s;
    }
    return masked;
}

static atrous_status build_sums(const struct atrous__problem *p, struct atrous__env *env,
                                const struct shape *s, struct atrous__job *job, atrous_error *error)
{
    struct atrous__launch *launch = &job->launch[job->launch_count++];
    *launch = (struct atrous__launch){.dims = 1, .global = {s->groups * s->parts}, .local = {1}};
    atrous__reduce_begin(launch, p, s->parts);
    atrous__launch_add(launch, s->has_channels
                                   ? atrous__arg_int(s->parts)
                                   : atrous__arg_int4(s->bands, s->run_rows, s->ahead, s->parts));
    atrous__launch_add(launch,
                       atrous__arg_int(p->conv.orientation == ATROUS_TRUE_CONVOLUTION ? 1 : 0));
    char options[96];
    if (s->has_channels) {
        atrous__launch_add(launch, atrous__arg_local(s->sums_bytes));
        snprintf(options, sizeof options, "-DVEC=%zu -DFV=%zu -DTAP_COLUMNS=%zu -DBLOCK=%d %s",
                 s->vector, s->vectors, s->taps, BLOCK, atrous__type_option(p));
        return atrous__launch_make(env, "gradient_channels.cl", "gradient_channels", options,
                                   launch, error);
    }
    snprintf(options, sizeof options,
             "-DVEC=%zu -DROWS=%zu -DKH=%zu -DKW=%zu -DMASKED=%u -DPAD=%d %s", s->vector, s->rows,
             p->axis[ATROUS__H].kernel, p->axis[ATROUS__W].kernel, masked_taps(p),
             atrous__pad_value(p) != 0, atrous__type_option(p));
    return atrous__launch_make(env, "gradient_depthwise.cl", "gradient_depthwise", options, launch,
                               error);
}

static atrous_status build(const struct atrous__problem *p, struct atrous__env *env,
                           struct atrous__job *job, atrous_error *error)
{
    const struct shape s = shape_of(p, &env->device);
    const atrous_status status = build_sums(p, env, &s, job, error);
    return status != ATROUS_OK ? status : atrous__reduce_build(p, env, 0, s.parts, job, error);
}

static void probe(atrous_conv *conv)
{
    atrous__probe_square(conv, 20, 20);
    conv->direction = ATROUS_BACKWARD_WEIGHTS;
    conv->groups = 20;
    conv->input[1] = 41;
}

/* Through gradient_channels.cl. */
static void probe_channels(atrous_conv *conv)
{
    probe(conv);
    conv->input_layout = conv->output_layout = ATROUS_LAYOUT_NHWC;
}

const struct atrous__solver atrous__gradient_depthwise = {.name = "gradient_depthwise",
                                                          .forms = 1u << ATROUS__GRADIENT,
                                                          .types = ATROUS__TYPES_FLOAT,
                                                          .refuse = refuse,
                                                          .estimate = estimate,
                                                          .bound_terms = atrous__direct_terms,
                                                          .workspace = workspace,
                                                          .build = build,
                                                          .probe = probe,
                                                          .other_probes = {probe_channels}};
