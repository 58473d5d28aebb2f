/* What the plan room asks of a solver, of any problem: where the output is a fold or a gate of
 * plain sums, the solver computes those into the workspace and a kernel behind does the rest. */
#include "solve/behind.h"

enum { ALIGNMENT = 256 }; /* bytes the sums begin at a multiple of */

bool atrous__gates_behind(const struct atrous__solver *solver,
                          const struct atrous__problem *problem)
{
    return problem->conv.activation == ATROUS_ACTIVATION_GATED &&
           problem->groups > solver->gated_groups;
}

static bool has_behind(const struct atrous__solver *solver, const struct atrous__problem *problem)
{
    return problem->fold.is_there || atrous__gates_behind(solver, problem);
}

/* What the solver computes itself. */
static struct atrous__problem own_part(const struct atrous__solver *solver,
                                       const struct atrous__problem *problem)
{
    return atrous__gates_behind(solver, problem) ? atrous__gate_sums(problem)
                                                 : atrous__fold_sums(problem);
}

const char *atrous__solver_refuse(const struct atrous__solver *solver,
                                  const struct atrous__problem *problem,
                                  const struct atrous__device *device)
{
    const struct atrous__problem p = own_part(solver, problem);
    const unsigned forms = solver->forms != 0 ? solver->forms : 1u << ATROUS__SUM;
    const unsigned types = solver->types != 0 ? solver->types : 1u << ATROUS_TYPE_F32;
    if ((types >> p.conv.type & 1u) == 0)
        return p.conv.type == ATROUS_TYPE_I8 ? "it computes no sums of integers"
                                             : "it reads and writes f32 alone";
    if (p.conv.channel_scale && !solver->scales)
        return "it takes no scale per channel";
    if (p.has_whole_sums && !solver->whole_sums)
        return "what the padding repeats is not folded in integers";
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
    return (forms >> ATROUS__SPREAD & 1u) != 0
               ? "made for inputs that a stride spreads, transposed or backward"
               : "it computes nothing but gradients of weights";
}

double atrous__solver_estimate(const struct atrous__solver *solver,
                               const struct atrous__problem *problem,
                               const struct atrous__device *device)
{
    /* The fold reads and writes element by element. */
    const double each_ms = 2e-6 / (double)device->compute_units;
    const struct atrous__problem p = own_part(solver, problem);
    const double folded = problem->fold.is_there ? (double)p.out_count : 0.0;
    const double gate_ms =
        atrous__gates_behind(solver, problem) ? atrous__gate_estimate(problem, device) : 0.0;
    return solver->estimate(&p, device) + folded * each_ms + gate_ms;
}

struct atrous__bound atrous__solver_bound(const struct atrous__solver *solver,
                                          const struct atrous__problem *problem)
{
    const struct atrous__problem p = own_part(solver, problem);
    struct atrous__bound bound =
        solver->bound != NULL ? solver->bound(&p) : atrous__bound_of_terms(solver->bound_terms(&p));
    if (solver->native_half && p.sums_in_half)
        atrous__bound_in_half(&bound);
    bound.terms += atrous__fold_roundings(problem);
    return bound;
}

/* Where in the workspace the sums begin. */
static size_t sums_at(size_t own_bytes)
{
    return atrous__round_up(own_bytes, ALIGNMENT);
}

size_t atrous__solver_workspace(const struct atrous__solver *solver,
                                const struct atrous__problem *problem,
                                const struct atrous__device *device)
{
    const struct atrous__problem p = own_part(solver, problem);
    const size_t own = solver->workspace(&p, device);
    return has_behind(solver, problem) ? sums_at(own) + p.out_count * sizeof(float) : own;
}

/* Every launch's output: the workspace from float `first` on. */
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
    const struct atrous__problem sums = own_part(solver, problem);
    const atrous_status status = solver->build(&sums, env, job, error);
    if (status != ATROUS_OK || !has_behind(solver, problem))
        return status;
    const size_t begin = sums_at(job->workspace_bytes), first = begin / sizeof(float);
    job->workspace_bytes = begin + sums.out_count * sizeof(float);
    redirect(job, first);
    return problem->fold.is_there ? atrous__fold_build(problem, &sums, first, env, job, error)
                                  : atrous__gate_build(problem, first, env, job, error);
}
