/* Solvers behind a fold (problem/fold.h): they compute the padded gradient into the workspace, and
 * kernels/fold.cl adds it up. What the plan room asks of a solver goes through here. */
#include "problem/fold.h"
#include "solve/solver.h"

enum { ITEMS = 64, ALIGNMENT = 256 }; /* bytes the padded gradient begins at a multiple of */

const char *atrous__solver_refuse(const struct atrous__solver *solver,
                                  const struct atrous__problem *problem,
                                  const struct atrous__device *device)
{
    const struct atrous__problem p = atrous__fold_sums(problem);
    const unsigned forms = solver->forms != 0 ? solver->forms : 1u << ATROUS__SUM;
    const unsigned types = solver->types != 0 ? solver->types : 1u << ATROUS_TYPE_F32;
    if ((types >> p.conv.type & 1u) == 0)
        return p.conv.type == ATROUS_TYPE_I8 ? "it computes no sums of integers"
                                             : "it reads and writes f32 alone";
    if (p.conv.channel_scale && !solver->scales)
        return "it takes no scale per channel";
    if (problem->fold.is_there && p.conv.type != ATROUS_TYPE_F32)
        return "what the padding repeats is folded in f32 alone";
    if ((forms >> p.form & 1u) != 0)
        return solver->refuse(&p, device);
    switch (p.form) {
    case ATROUS__GRADIENT:
        return "it computes no gradient of weights";
    case ATROUS__SPREAD:
        return "in this direction the stride spreads the input, or padding exceeds the kernel";
    case ATROUS__SUM:
        break;
    }
    return "it computes nothing but gradients of weights";
}

double atrous__solver_estimate(const struct atrous__solver *solver,
                               const struct atrous__problem *problem,
                               const struct atrous__device *device)
{
    /* The fold reads and writes element by element. */
    const double each_ms = 2e-6 / (double)device->compute_units;
    const struct atrous__problem p = atrous__fold_sums(problem);
    const double folded = problem->fold.is_there ? (double)p.out_count : 0.0;
    return solver->estimate(&p, device) + folded * each_ms;
}

struct atrous__bound atrous__solver_bound(const struct atrous__solver *solver,
                                          const struct atrous__problem *problem)
{
    const struct atrous__problem p = atrous__fold_sums(problem);
    struct atrous__bound bound = {.terms = 0};
    if (solver->bound != NULL)
        bound = solver->bound(&p);
    else
        bound.terms = solver->bound_terms(&p);
    bound.terms += atrous__fold_roundings(problem);
    return bound;
}

/* Where in the workspace the padded gradient begins. */
static size_t padded_at(size_t own_bytes)
{
    return atrous__round_up(own_bytes, ALIGNMENT);
}

size_t atrous__solver_workspace(const struct atrous__solver *solver,
                                const struct atrous__problem *problem,
                                const struct atrous__device *device)
{
    const struct atrous__problem p = atrous__fold_sums(problem);
    const size_t own = solver->workspace(&p, device);
    return problem->fold.is_there ? padded_at(own) + p.out_count * sizeof(float) : own;
}

/* Behind a job that computes `sums` into the workspace from element `first` on. */
static atrous_status add_fold(const struct atrous__problem *p, const struct atrous__problem *sums,
                              size_t first, struct atrous__env *env, struct atrous__job *job,
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
    launch->stored = sizeof(float);
    return atrous__launch_make(env, "fold.cl", "fold", "", launch, error);
}

/* Every launch's output: the workspace from element `first` on. */
static void redirect(struct atrous__job *job, size_t first)
{
    for (unsigned l = 0; l < job->launch_count; ++l)
        for (unsigned i = 0; i < job->launch[l].arg_count; ++i) {
            struct atrous__arg *arg = &job->launch[l].args[i];
            if (arg->slot != ATROUS__OUTPUT)
                continue;
            arg->slot = ATROUS__WORKSPACE;
            arg->size += first;
        }
}

atrous_status atrous__solver_build(const struct atrous__solver *solver,
                                   const struct atrous__problem *problem, struct atrous__env *env,
                                   struct atrous__job *job, atrous_error *error)
{
    const struct atrous__problem sums = atrous__fold_sums(problem);
    const atrous_status status = solver->build(&sums, env, job, error);
    if (status != ATROUS_OK || !problem->fold.is_there)
        return status;
    const size_t begin = padded_at(job->workspace_bytes);
    job->workspace_bytes = begin + sums.out_count * sizeof(float);
    redirect(job, begin / sizeof(float));
    return add_fold(problem, &sums, begin / sizeof(float), env, job, error);
}
