/* What solvers share on the host: argument lists and limits. */
#include "solve/solver.h"

#include <limits.h>

void atrous__launch_add(struct atrous__launch *launch, struct atrous__arg arg)
{
    if (launch->arg_count < ATROUS__MAX_ARGS)
        launch->args[launch->arg_count++] = arg;
}

static struct atrous__arg axes(const struct atrous__problem *p, size_t field, size_t more)
{
    size_t value[ATROUS__AXES];
    for (int i = 0; i < ATROUS__AXES; ++i)
        value[i] = *(const size_t *)((const char *)&p->axis[i] + field);
    return atrous__arg_int4(value[0], value[1], value[2], more);
}

void atrous__launch_add_problem(struct atrous__launch *launch, const struct atrous__problem *p)
{
    const size_t bias = (size_t)p->conv.has_bias, mode = (size_t)p->conv.padding;
    const struct atrous__arg args[] = {
        atrous__arg_tensor(ATROUS__INPUT),
        atrous__arg_tensor(ATROUS__WEIGHTS),
        atrous__arg_tensor(ATROUS__BIAS),
        atrous__arg_tensor(ATROUS__OUTPUT),
        axes(p, offsetof(struct atrous__axis, in), p->channels),
        axes(p, offsetof(struct atrous__axis, out), p->filters),
        axes(p, offsetof(struct atrous__axis, kernel), p->groups),
        axes(p, offsetof(struct atrous__axis, stride), p->batch),
        axes(p, offsetof(struct atrous__axis, dilation), mode),
        axes(p, offsetof(struct atrous__axis, pad), bias),
        atrous__arg_float(atrous__pad_value(p)),
    };
    for (size_t i = 0; i < sizeof args / sizeof *args; ++i)
        atrous__launch_add(launch, args[i]);
}

const char *atrous__refuse_wide(const struct atrous__problem *p)
{
    const size_t widest = INT_MAX / 4;
    for (int i = 0; i < ATROUS__AXES; ++i) {
        const struct atrous__axis *a = &p->axis[i];
        if (a->in + a->pad + a->pad_end > widest || a->dilation > widest || a->stride > widest)
            return "an axis, with its padding, or a step along it exceeds 2^29";
    }
    if (p->taps > widest || p->conv.in_channels > widest || p->conv.out_channels > widest ||
        p->batch > widest)
        return "the taps, the channels or the batch exceed 2^29";
    return NULL;
}

size_t atrous__no_workspace(const struct atrous__problem *problem,
                            const struct atrous__device *device)
{
    (void)problem;
    (void)device;
    return 0;
}
