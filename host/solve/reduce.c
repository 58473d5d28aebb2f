/* Adds the parts of a gradient of the weights, and computes that of the bias. */
#include "solve/reduce.h"

#include <stdio.h>

enum {
    ITEMS = 64,
    GROUPS_PER_UNIT = 8,   /* so that none waits long for the last */
    MOST_PARTS = 64,       /* of the bias */
    LEAST_POSITIONS = 4096 /* of one such part */
};

static bool is_reduced(const struct atrous__problem *p, size_t parts)
{
    return parts > 1 || (parts == 1 && p->conv.type != ATROUS_TYPE_F32);
}

/* Floats of the parts of dw. */
static size_t sums_of(const struct atrous__problem *p, size_t parts)
{
    return is_reduced(p, parts) ? parts * p->out_count : 0;
}

/* How the gradient of the bias is cut: filters, or vectors of them, by parts of the positions. */
struct bias {
    bool is_contiguous;
    size_t vector, units, parts;
};

static struct bias bias_of(const struct atrous__problem *p, const struct atrous__device *device)
{
    const size_t filters = p->conv.out_channels;
    struct bias b = {.is_contiguous = p->conv.output_layout == ATROUS_LAYOUT_NHWC && filters > 1,
                     .vector = atrous__max(device->vector, 4)};
    b.units =
        b.is_contiguous && filters >= b.vector ? atrous__ceil_div(filters, b.vector) : filters;
    const size_t wanted = atrous__ceil_div(GROUPS_PER_UNIT * device->compute_units, b.units);
    const size_t most = p->batch * p->out_plane / LEAST_POSITIONS;
    b.parts = atrous__max(atrous__min(atrous__min(wanted, most), MOST_PARTS), 1);
    return b;
}

size_t atrous__reduce_workspace(const struct atrous__problem *p,
                                const struct atrous__device *device, size_t before, size_t parts)
{
    const size_t bias = p->bias_out_count > 0 ? bias_of(p, device).parts * p->bias_out_count : 0;
    return (before + sums_of(p, parts) + bias) * sizeof(float);
}

void atrous__reduce_begin(struct atrous__launch *launch, const struct atrous__problem *p,
                          size_t parts)
{
    atrous__launch_add(launch, atrous__arg_tensor(ATROUS__INPUT));
    atrous__launch_add(launch, atrous__arg_tensor(ATROUS__GRAD_OUTPUT));
    atrous__launch_add(
        launch, atrous__arg_tensor(is_reduced(p, parts) ? ATROUS__WORKSPACE : ATROUS__OUTPUT));
    atrous__launch_add_geometry(launch, p);
}

/* Adds `parts` sums of `count` elements each, from float `first` of the workspace on, into a
 * tensor of a type. */
static atrous_status add_parts(const struct atrous__problem *p, struct atrous__env *env,
                               size_t first, size_t parts, size_t count, enum atrous__slot to,
                               struct atrous__job *job, atrous_error *error)
{
    const bool is_stored = to == ATROUS__OUTPUT; /* in the problem's type; db is of floats */
    struct atrous__launch *launch = &job->launch[job->launch_count++];
    *launch = (struct atrous__launch){
        .dims = 1, .global = {atrous__round_up(count, ITEMS)}, .local = {ITEMS}, .any_local = true};
    const struct atrous__arg args[] = {
        atrous__arg_tensor_from(ATROUS__WORKSPACE, first),
        atrous__arg_tensor(to),
        atrous__arg_int4((size_t)p->conv.activation, (size_t)p->conv.residual, 0, 0),
        atrous__arg_float4(0.0, 0.0, p->conv.alpha, p->conv.beta),
        atrous__arg_int(parts),
        atrous__arg_long(count),
    };
    for (size_t i = 0; i < sizeof args / sizeof *args; ++i)
        atrous__launch_add(launch, args[i]);
    launch->stored = is_stored ? atrous__type_bytes(p->conv.type) : 0;
    return atrous__launch_make(env, "gradient_reduce.cl", "gradient_reduce",
                               is_stored ? atrous__type_option(p) : "-DTYPE=0", launch, error);
}

/* db through sums in the workspace from float `first` on. */
static atrous_status build_bias(const struct atrous__problem *p, struct atrous__env *env,
                                size_t first, struct atrous__job *job, atrous_error *error)
{
    const struct bias b = bias_of(p, &env->device);
    struct atrous__launch *launch = &job->launch[job->launch_count++];
    *launch = (struct atrous__launch){.dims = 1, .global = {b.units * b.parts}, .local = {1}};
    const struct atrous__arg args[] = {
        atrous__arg_tensor(ATROUS__GRAD_OUTPUT),
        atrous__arg_tensor_from(ATROUS__WORKSPACE, first),
        atrous__arg_int4(p->batch, p->conv.out_channels, b.is_contiguous, b.parts),
        atrous__arg_long(p->out_plane),
    };
    for (size_t i = 0; i < sizeof args / sizeof *args; ++i)
        atrous__launch_add(launch, args[i]);
    launch->stored = atrous__type_bytes(p->conv.type);
    char options[48];
    snprintf(options, sizeof options, "-DVEC=%zu %s", b.vector, atrous__type_option(p));
    const atrous_status status =
        atrous__launch_make(env, "gradient_bias.cl", "gradient_bias", options, launch, error);
    return status != ATROUS_OK ? status
                               : add_parts(p, env, first, b.parts, p->bias_out_count,
                                           ATROUS__BIAS_OUTPUT, job, error);
}

atrous_status atrous__reduce_build(const struct atrous__problem *p, struct atrous__env *env,
                                   size_t before, size_t parts, struct atrous__job *job,
                                   atrous_error *error)
{
    atrous_status status = ATROUS_OK;
    job->workspace_bytes = atrous__reduce_workspace(p, &env->device, before, parts);
    if (is_reduced(p, parts))
        status = add_parts(p, env, before, parts, p->out_count, ATROUS__OUTPUT, job, error);
    if (status == ATROUS_OK && p->bias_out_count > 0)
        status = build_bias(p, env, before + sums_of(p, parts), job, error);
    return status;
}
