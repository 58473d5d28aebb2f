/* Packs weights for the solvers: builds the launch of kernels/pack.cl. */
#include "solve/solver.h"

/* Any local size serves; one fixed size means that a driver generates code once. */
enum { ITEMS = 64 };

static uint64_t format_of(const struct atrous__problem *p, struct atrous__pack_shape shape)
{
    const uint64_t what[] = {(uint64_t)p->conv.orientation,
                             (uint64_t)p->conv.type,
                             p->groups,
                             p->channels,
                             p->filters,
                             p->axis[ATROUS__D].kernel,
                             p->axis[ATROUS__H].kernel,
                             p->axis[ATROUS__W].kernel,
                             shape.filters,
                             shape.channels,
                             shape.gate};
    return atrous__hash(ATROUS__HASH_SEED, what, sizeof what);
}

atrous_status atrous__pack_build(const struct atrous__problem *p, struct atrous__env *env,
                                 struct atrous__pack_shape shape, struct atrous__job *job,
                                 atrous_error *error)
{
    const size_t filter_blocks = atrous__ceil_div(p->filters, shape.filters);
    const size_t channel_blocks = atrous__ceil_div(p->channels, shape.channels);
    size_t count = p->groups * p->taps;
    if (!atrous__mul(count, filter_blocks * shape.filters, &count) ||
        !atrous__mul(count, channel_blocks * shape.channels, &count) ||
        count > SIZE_MAX / sizeof(cl_float))
        return atrous__fail(error, ATROUS_UNSUPPORTED, "weights", "packed, they overflow");
    job->packed_bytes = count * sizeof(cl_float);
    job->format = format_of(p, shape);

    const size_t items = env->device.max_work_group < ITEMS ? 1 : ITEMS;
    struct atrous__launch *launch = &job->pack[job->pack_count++];
    *launch = (struct atrous__launch){
        .dims = 1, .global = {atrous__round_up(count, items)}, .local = {items}, .any_local = true};
    const bool is_flipped = p->conv.orientation == ATROUS_TRUE_CONVOLUTION;
    const struct atrous__arg args[] = {
        atrous__arg_tensor(ATROUS__PLAIN),
        atrous__arg_tensor(ATROUS__WEIGHTS),
        atrous__arg_int4(p->filters, p->channels, p->taps, is_flipped),
        atrous__arg_int4(filter_blocks, shape.filters, channel_blocks, shape.channels),
        atrous__arg_int(shape.gate),
        atrous__arg_long(count),
    };
    for (size_t i = 0; i < sizeof args / sizeof *args; ++i)
        atrous__launch_add(launch, args[i]);
    return atrous__launch_make(env, "pack.cl", "pack", "", launch, error);
}
