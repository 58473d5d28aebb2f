/* Packs weights for the solvers: builds the launch of kernels/pack.cl. */
#include "solve/solver.h"

#include <stdio.h>

/* Any local size serves; one fixed size means that a driver generates code once. */
enum { ITEMS = 64 };

/* The taps that are packed. */
struct taken {
    size_t count[ATROUS__AXES], first[ATROUS__AXES], step[ATROUS__AXES], all;
};

static struct taken taken_of(const struct atrous__problem *p, const struct atrous__residue *residue)
{
    struct taken t = {.all = 1};
    for (int i = 0; i < ATROUS__AXES; ++i) {
        const bool is_empty = residue != NULL && residue[i].taps == 0;
        t.count[i] = residue == NULL ? p->axis[i].kernel : is_empty ? 1 : residue[i].taps;
        t.first[i] = residue == NULL || is_empty ? 0 : residue[i].tap;
        t.step[i] = residue == NULL || is_empty ? 1 : residue[i].tap_step;
        t.all *= t.count[i];
    }
    return t;
}

/* Continues the format of what was packed before. */
static uint64_t format_of(const struct atrous__problem *p, struct atrous__pack_shape shape,
                          const struct taken *taken, uint64_t before)
{
    const uint64_t what[] = {(uint64_t)p->conv.orientation,
                             (uint64_t)p->conv.type,
                             p->groups,
                             p->channels,
                             p->filters,
                             p->filter_step,
                             p->channel_step,
                             p->axis[ATROUS__D].kernel,
                             p->axis[ATROUS__H].kernel,
                             p->axis[ATROUS__W].kernel,
                             shape.filters,
                             shape.channels,
                             shape.gate,
                             shape.pairs};
    return atrous__hash(atrous__hash(before, what, sizeof what), taken, sizeof *taken);
}

static struct atrous__arg three(const size_t values[ATROUS__AXES], size_t more)
{
    return atrous__arg_int4(values[0], values[1], values[2], more);
}

atrous_status atrous__pack_residue(const struct atrous__problem *p, struct atrous__env *env,
                                   struct atrous__pack_shape shape,
                                   const struct atrous__residue residue[ATROUS__AXES],
                                   struct atrous__job *job, atrous_error *error)
{
    const struct taken taken = taken_of(p, residue);
    const size_t filter_blocks = atrous__ceil_div(p->filters, shape.filters);
    const size_t channel_blocks = atrous__ceil_div(p->channels, shape.channels);
    const size_t before = job->packed_bytes;
    size_t count = p->groups * taken.all;
    if (!atrous__mul(count, filter_blocks * shape.filters, &count) ||
        !atrous__mul(count, channel_blocks * shape.channels / (shape.pairs ? 2 : 1), &count) ||
        count > (SIZE_MAX - before) / sizeof(cl_float))
        return atrous__fail(error, ATROUS_UNSUPPORTED, "weights", "packed, they overflow");
    job->format = format_of(p, shape, &taken, before > 0 ? job->format : ATROUS__HASH_SEED);
    job->packed_bytes = before + count * sizeof(cl_float);

    const size_t items = env->device.max_work_group < ITEMS ? 1 : ITEMS;
    struct atrous__launch *launch = &job->pack[job->pack_count++];
    *launch = (struct atrous__launch){
        .dims = 1, .global = {atrous__round_up(count, items)}, .local = {items}, .any_local = true};
    const bool is_flipped = p->conv.orientation == ATROUS_TRUE_CONVOLUTION;
    const size_t kernel[] = {p->axis[0].kernel, p->axis[1].kernel, p->axis[2].kernel};
    const struct atrous__arg args[] = {
        atrous__arg_tensor(ATROUS__PLAIN),
        atrous__arg_tensor_from(ATROUS__WEIGHTS, before / sizeof(cl_float)),
        atrous__arg_int4(p->filters, p->channels, taken.all, is_flipped),
        atrous__arg_int4(filter_blocks, shape.filters, channel_blocks, shape.channels),
        atrous__arg_int(shape.gate),
        atrous__arg_long(p->filter_step),
        atrous__arg_long(p->channel_step),
        three(kernel, p->taps),
        three(taken.count, 0),
        three(taken.first, 0),
        three(taken.step, 0),
        atrous__arg_long(count),
    };
    for (size_t i = 0; i < sizeof args / sizeof *args; ++i)
        atrous__launch_add(launch, args[i]);
    launch->stored = atrous__type_bytes(p->conv.type);
    char options[32];
    snprintf(options, sizeof options, "%s%s", atrous__type_option(p),
             shape.pairs ? " -DPAIRS" : "");
    return atrous__launch_make(env, "pack.cl", "pack", options, launch, error);
}

atrous_status atrous__pack_build(const struct atrous__problem *p, struct atrous__env *env,
                                 struct atrous__pack_shape shape, struct atrous__job *job,
                                 atrous_error *error)
{
    return atrous__pack_residue(p, env, shape, NULL, job, error);
}

static uint64_t format_of_points(const struct atrous__problem *p,
                                 const struct atrous__points_shape *shape)
{
    const uint64_t what[] = {(uint64_t)p->conv.orientation,
                             (uint64_t)p->conv.type,
                             p->groups,
                             p->channels,
                             p->axis[ATROUS__D].kernel,
                             p->axis[ATROUS__H].kernel,
                             p->axis[ATROUS__W].kernel,
                             p->filters,
                             p->filter_step,
                             p->channel_step,
                             shape->filters,
                             shape->points,
                             atrous__gate_lanes(p, shape->filters),
                             shape->mark};
    return atrous__hash(ATROUS__HASH_SEED, what, sizeof what);
}

atrous_status atrous__points_pack(const struct atrous__problem *p, struct atrous__env *env,
                                  const struct atrous__points_shape *shape, struct atrous__job *job,
                                  atrous_error *error)
{
    const size_t blocks = atrous__ceil_div(p->filters, shape->filters);
    const size_t depth = p->axis[ATROUS__D].kernel;
    size_t pairs = p->groups * p->channels * depth, points;
    if (!atrous__mul(pairs, blocks * shape->filters, &pairs) ||
        !atrous__mul(pairs, shape->points, &points) || points > SIZE_MAX / sizeof(cl_float))
        return atrous__fail(error, ATROUS_UNSUPPORTED, "weights", "packed, they overflow");
    job->packed_bytes = points * sizeof(cl_float);
    job->format = format_of_points(p, shape);

    struct atrous__launch *launch = &job->pack[job->pack_count++];
    *launch = (struct atrous__launch){
        .dims = 1, .global = {atrous__round_up(pairs, ITEMS)}, .local = {ITEMS}, .any_local = true};
    const bool is_flipped = p->conv.orientation == ATROUS_TRUE_CONVOLUTION;
    const struct atrous__arg args[] = {
        atrous__arg_tensor(ATROUS__PLAIN),
        atrous__arg_tensor(ATROUS__WEIGHTS),
        atrous__arg_int4(p->filters, p->channels, blocks, is_flipped),
        atrous__arg_int(depth),
        atrous__arg_int(atrous__gate_lanes(p, shape->filters)),
        atrous__arg_long(p->filter_step),
        atrous__arg_long(p->channel_step),
        atrous__arg_long(pairs),
    };
    for (size_t i = 0; i < sizeof args / sizeof *args; ++i)
        atrous__launch_add(launch, args[i]);
    launch->stored = atrous__type_bytes(p->conv.type);
    return atrous__launch_make(env, shape->name, shape->entry, shape->options, launch, error);
}
