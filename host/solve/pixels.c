/* Depthwise convolution of contiguous channels read where they lie, by kernels/pixels.cl. */
#include "solve/pixels.h"
#include "solve/planes.h"

#include <stdio.h>

enum {
    MOST_ROWS = 4,     /* of a register block, as pixels.cl */
    MOST_TAPS = 9,     /* in registers */
    LEAST_COLUMNS = 8, /* of an item, so that a line's columns are not read often */
    ITEMS_PER_UNIT = 8
};

/* Vectors and items of a problem on a device. */
struct shape {
    size_t vector;                        /* VEC */
    bool is_line;                         /* rows lie along W */
    const struct atrous__axis *h, *w;     /* of rows and columns */
    size_t blocks, phases, runs, columns; /* the kernel's item */
    struct atrous__deal deal;
    size_t taps_bytes;
};

static struct shape shape_of(const struct atrous__problem *p, const struct atrous__device *device)
{
    const struct atrous__axis *h = &p->axis[ATROUS__H];
    struct shape s = {0};
    s.vector = atrous__max(device->vector, 4);
    s.is_line = h->in == 1 && h->out == 1 && h->kernel == 1;
    s.h = &p->axis[s.is_line ? ATROUS__W : ATROUS__H];
    s.w = &p->axis[s.is_line ? ATROUS__H : ATROUS__W];
    const size_t step = atrous__max(s.h->dilation / s.h->stride, 1);
    s.phases = atrous__min(step, s.h->out);
    s.blocks = atrous__ceil_div(atrous__ceil_div(s.h->out, s.phases), MOST_ROWS);
    const size_t planes = p->batch * p->axis[ATROUS__D].out;
    const size_t items = planes * s.blocks * s.phases,
                 wanted = ITEMS_PER_UNIT * device->compute_units;
    s.runs = atrous__min(atrous__ceil_div(wanted, items), atrous__max(s.w->out / LEAST_COLUMNS, 1));
    s.columns = atrous__ceil_div(s.w->out, s.runs);
    s.runs = atrous__ceil_div(s.w->out, s.columns);
    s.deal = atrous__deal_tiles(p, device, items * s.runs);
    s.taps_bytes = p->taps * p->groups * sizeof(float);
    return s;
}

bool atrous__pixels_serves(const struct atrous__problem *p, const struct atrous__device *device)
{
    const struct atrous__axis *d = &p->axis[ATROUS__D];
    const bool has_channels = p->filters == 1 && p->channels == 1 &&
                              p->conv.input_layout == ATROUS_LAYOUT_NHWC &&
                              p->conv.output_layout == ATROUS_LAYOUT_NHWC;
    const bool meets_depth =
        d->kernel == 1 && d->in == d->out && d->pad == d->crop && d->stride == 1;
    if (!has_channels || !meets_depth || p->taps > MOST_TAPS ||
        p->groups < atrous__max(device->vector, 4))
        return false;
    const struct shape s = shape_of(p, device);
    return s.h->dilation % s.h->stride == 0 && s.taps_bytes <= device->local_memory;
}

double atrous__pixels_estimate(const struct atrous__problem *p, const struct atrous__device *device)
{
    return 0.02 + 0.6 * atrous__memory_bound_ms(p, device);
}

atrous_status atrous__pixels_build(const struct atrous__problem *p, struct atrous__env *env,
                                   struct atrous__job *job, atrous_error *error)
{
    const struct shape s = shape_of(p, &env->device);
    const struct atrous__pack_shape pack = {1, 1, 0, false};
    const atrous_status status = atrous__pack_build(p, env, pack, job, error);
    if (status != ATROUS_OK)
        return status;
    struct atrous__launch *launch = &job->launch[job->launch_count++];
    *launch = (struct atrous__launch){.dims = 1, .global = {s.deal.groups}, .local = {1}};
    atrous__launch_add_problem(launch, p);
    atrous__launch_add(launch, atrous__arg_int4(s.blocks, s.phases, s.runs, s.columns));
    atrous__launch_add(launch, atrous__arg_int(s.is_line));
    atrous__launch_add(launch, atrous__arg_long(s.deal.tiles));
    atrous__launch_add(launch, atrous__arg_long(s.deal.each));
    atrous__launch_add(launch, atrous__arg_local(s.taps_bytes));
    char options[112];
    snprintf(options, sizeof options, "-DVEC=%zu -DKH=%zu -DKW=%zu -DPAD=%d -DPLAIN=%d %s",
             s.vector, s.h->kernel, s.w->kernel, atrous__pad_value(p) != 0, atrous__is_plain(p),
             atrous__type_option(p));
    return atrous__launch_make(env, "pixels.cl", "pixels", options, launch, error);
}
