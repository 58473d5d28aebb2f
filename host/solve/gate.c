/* The gated activation behind a solver whose filters lie out of their partners' reach: partners
 * are K/2 apart, with groups in different groups. */
#include "solve/behind.h"

#include <stdio.h>

enum { ITEMS = 16, MAX_VECTOR = 16 };

struct atrous__problem atrous__gate_sums(const struct atrous__problem *problem)
{
    struct atrous__problem sums = *problem;
    sums.conv.activation = ATROUS_ACTIVATION_NONE;
    sums.conv.residual = ATROUS_RESIDUAL_NONE;
    sums.conv.alpha = 1.0;
    sums.conv.beta = 0.0;
    sums.conv.has_bias = 0;
    sums.conv.channel_scale = 0;
    sums.out_channels = 2 * problem->out_channels;
    sums.out_count = 2 * problem->out_count;
    sums.has_float_sums = true;
    return sums;
}

double atrous__gate_estimate(const struct atrous__problem *p, const struct atrous__device *device)
{
    /* Sums written and read, the output written. */
    const double units = (double)device->compute_units, bytes_per_ms = 8e6;
    const double bytes =
        (double)p->out_count * 4 * sizeof(float) + (double)atrous__stored(p, p->out_count);
    return 0.02 + bytes / (bytes_per_ms * units);
}

atrous_status atrous__gate_build(const struct atrous__problem *p, size_t first,
                                 struct atrous__env *env, struct atrous__job *job,
                                 atrous_error *error)
{
    const size_t items = env->device.max_work_group < ITEMS ? 1 : ITEMS;
    const size_t vector = atrous__min(atrous__max(env->device.vector, 4), MAX_VECTOR);
    const size_t groups = atrous__ceil_div(p->out_count, vector);
    struct atrous__launch *launch = &job->launch[job->launch_count++];
    *launch = (struct atrous__launch){.dims = 1,
                                      .global = {atrous__round_up(groups, items)},
                                      .local = {items},
                                      .any_local = true};
    const struct atrous__arg args[] = {
        atrous__arg_tensor_from(ATROUS__WORKSPACE, first),
        atrous__arg_tensor(ATROUS__BIAS),
        atrous__arg_tensor(ATROUS__SCALE),
        atrous__arg_tensor(ATROUS__RESIDUAL),
        atrous__arg_tensor(ATROUS__OUTPUT),
        atrous__arg_int4(p->out_channels, atrous__layout_flags(p), 0, 0),
        atrous__arg_long(p->out_plane),
        /* Gated already. */
        atrous__arg_int4((size_t)ATROUS_ACTIVATION_NONE, (size_t)p->conv.residual, 0, 0),
        atrous__arg_float4(0.0, 0.0, p->conv.alpha, p->conv.beta),
        atrous__arg_long(p->out_count),
    };
    for (size_t i = 0; i < sizeof args / sizeof *args; ++i)
        atrous__launch_add(launch, args[i]);
    launch->stored = atrous__type_bytes(p->conv.type);
    char options[32];
    snprintf(options, sizeof options, "-DVEC=%zu %s", vector, atrous__type_option(p));
    return atrous__launch_make(env, "gate.cl", "gate", options, launch, error);
}
