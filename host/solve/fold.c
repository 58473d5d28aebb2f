/* The launch that folds a padded gradient (problem/fold.h), behind the solver of its sums. */
#include "solve/behind.h"

enum { ITEMS = 64 };

atrous_status atrous__fold_build(const struct atrous__problem *p,
                                 const struct atrous__problem *sums, size_t first,
                                 struct atrous__env *env, struct atrous__job *job,
                                 atrous_error *error)
{
    const size_t items = env->device.max_work_group < ITEMS ? 1 : ITEMS;
    const size_t *in = p->fold.in, *pad = p->fold.pad;
    const struct atrous__axis *axis = sums->axis;
    struct atrous__launch *launch = &job->launch[job->launch_count++];
    *launch = (struct atrous__launch){.dims = 1,
                                      .global = {atrous__round_up(p->out_count, items)},
                                      .local = {items},
                                      .any_local = true};
    const struct atrous__arg args[] = {
        atrous__arg_tensor_from(ATROUS__WORKSPACE, first),
        atrous__arg_tensor(ATROUS__OUTPUT),
        atrous__arg_int4(in[0], in[1], in[2], (size_t)p->fold.mode),
        atrous__arg_int4(axis[0].out, axis[1].out, axis[2].out, p->out_channels),
        atrous__arg_int4(pad[0], pad[1], pad[2], atrous__layout_flags(p)),
        atrous__arg_int4(0, 0, 0, 0),
        atrous__arg_float4(0.0, 0.0, p->conv.alpha, p->conv.beta),
        atrous__arg_long(p->out_count),
    };
    for (size_t i = 0; i < sizeof args / sizeof *args; ++i)
        atrous__launch_add(launch, args[i]);
    launch->stored = atrous__type_bytes(p->conv.type);
    return atrous__launch_make(env, "fold.cl", "fold", atrous__type_option(p), launch, error);
}
