/* Adds the parts of a gradient. */
#include "solve/reduce.h"

enum { ITEMS = 64 };

atrous_status atrous__reduce_build(const struct atrous__problem *p, struct atrous__env *env,
                                   size_t parts, struct atrous__job *job, atrous_error *error)
{
    struct atrous__launch *launch = &job->launch[job->launch_count++];
    *launch = (struct atrous__launch){.dims = 1,
                                      .global = {atrous__round_up(p->out_count, ITEMS)},
                                      .local = {ITEMS},
                                      .any_local = true};
    const struct atrous__arg args[] = {
        atrous__arg_tensor(ATROUS__WORKSPACE),
        atrous__arg_tensor(ATROUS__OUTPUT),
        atrous__arg_int4((size_t)p->conv.activation, (size_t)p->conv.residual, 0, 0),
        atrous__arg_float4(0.0, 0.0, p->conv.alpha, p->conv.beta),
        atrous__arg_int(parts),
        atrous__arg_long(p->out_count),
    };
    for (size_t i = 0; i < sizeof args / sizeof *args; ++i)
        atrous__launch_add(launch, args[i]);
    launch->stored = atrous__type_bytes(p->conv.type);
    return atrous__launch_make(env, "gradient_reduce.cl", "gradient_reduce", atrous__type_option(p),
                               launch, error);
}
