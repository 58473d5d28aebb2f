/* Parts of a problem: how it is cut for a solver, and their jobs. */
#include "plan/opencl/parts.h"

#include <stdio.h>
#include <stdlib.h>

/* More parts than this would take longer than anybody waits; kinds beyond are not told apart. */
enum { MOST_PARTS = 1 << 20, KINDS = 64 };

/* Tiles of minimal filtering begin with the first output of a phase, so that parts may begin
 * nowhere but where a tile does: 12 is a multiple of the outputs of every kind. */
enum { TILE_UNIT = 12 };

/* What is too large, and what makes it smaller. */
struct excess {
    enum { NOTHING, POSITIONS, FILTERS, AXIS } remedy;
    int axis;
    const char *what;
    size_t is, limit;
};

static const char too_large[] =
    "the smallest part has %s %zu, the device takes at most %zu at once (no sum is cut by its "
    "channels)";

static struct excess excess_of_buffers(const struct atrous__env *env,
                                       const struct atrous__problem *p, size_t workspace)
{
    const bool is_gradient = p->form == ATROUS__GRADIENT;
    const size_t output = atrous__stored(p, p->out_count);
    const size_t residual = p->conv.residual != ATROUS_RESIDUAL_NONE ? output : 0;
    const struct {
        const char *what;
        size_t bytes;
        int remedy;
    } buffers[] = {
        {"bytes of weights:", atrous__stored(p, p->weights_count), FILTERS},
        {"bytes of output:", output, is_gradient ? FILTERS : POSITIONS},
        {"bytes of input:", atrous__stored(p, p->in_count), POSITIONS},
        {"bytes of grad_output:", atrous__stored(p, p->grad_count), POSITIONS},
        {"bytes of workspace:", workspace, POSITIONS},
        {"bytes of residual:", residual, POSITIONS},
    };
    size_t total = 0;
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; ++i) {
        if (buffers[i].bytes > env->buffer_limit)
            return (struct excess){buffers[i].remedy, 0, buffers[i].what, buffers[i].bytes,
                                   env->buffer_limit};
        total += buffers[i].bytes;
    }
    if (total > env->total_limit)
        return (struct excess){POSITIONS, 0, "bytes of all tensors together:", total,
                               env->total_limit};
    return (struct excess){NOTHING, 0, NULL, 0, 0};
}

/* As atrous__refuse_wide(), with what helps. */
static struct excess excess_of_extents(const struct atrous__problem *p)
{
    double positions = 1;
    int largest = 0;
    for (int i = 0; i < ATROUS__AXES; ++i) {
        const struct atrous__axis *a = &p->axis[i];
        const size_t all = a->in + a->pad + a->pad_end;
        const size_t widest =
            atrous__max(atrous__max(all, a->out), atrous__max(a->dilation, a->stride));
        if (widest > ATROUS__WIDEST)
            return (struct excess){AXIS, i, "positions along an axis:", widest, ATROUS__WIDEST};
        positions *= (double)all;
        if (all > p->axis[largest].in + p->axis[largest].pad + p->axis[largest].pad_end)
            largest = i;
    }
    if (positions > 0x1p44)
        return (struct excess){AXIS, largest, "positions of a channel:", (size_t)positions,
                               (size_t)1 << 44};
    if (p->batch > ATROUS__WIDEST)
        return (struct excess){POSITIONS, 0, "images:", p->batch, ATROUS__WIDEST};
    const size_t channels = atrous__max(p->conv.in_channels, p->conv.out_channels);
    if (channels > ATROUS__WIDEST)
        return (struct excess){FILTERS, 0, "channels:", channels, ATROUS__WIDEST};
    return (struct excess){NOTHING, 0, NULL, 0, 0};
}

static struct excess excess_of(const struct atrous__env *env, const struct atrous__problem *p,
                               size_t workspace)
{
    const struct excess excess = excess_of_buffers(env, p, workspace);
    return excess.remedy != NOTHING ? excess : excess_of_extents(p);
}

bool atrous__exceeds(const struct atrous__env *env, const struct atrous__problem *problem,
                     size_t workspace)
{
    /* One that the device may hold buffer by buffer is not cut for their sum. */
    struct atrous__env single = {.buffer_limit = env->buffer_limit, .total_limit = SIZE_MAX};
    return excess_of(&single, problem, workspace).remedy != NOTHING;
}

static bool cut_more(const struct atrous__problem *p, const struct atrous__solver *solver,
                     const struct excess *excess, struct atrous__cut *cut)
{
    const size_t least = solver->bound != NULL ? TILE_UNIT : 1;
    const size_t unit[ATROUS__AXES] = {1, least, least};
    switch (excess->remedy) {
    case AXIS:
        return atrous__cut_axis(p, excess->axis, unit[excess->axis], cut);
    case FILTERS:
        return atrous__cut_filters(p, cut);
    case POSITIONS:
        return atrous__cut_positions(p, unit, cut);
    case NOTHING:
        break;
    }
    return false;
}

/* NULL where the solver takes every part and its bound is the whole's, else why not. */
static const char *refuse_parts(const struct atrous__env *env, const struct atrous__problem *p,
                                const struct atrous__solver *solver, const struct atrous__cut *cut)
{
    struct atrous__problem *known = calloc(KINDS, sizeof *known);
    const size_t count = atrous__cut_count(p, cut);
    const char *why = NULL;
    size_t kinds = 0;
    struct atrous__part part;
    for (size_t i = 0; i < count && why == NULL && known != NULL; ++i) {
        bool is_known = !atrous__part_at(p, cut, i, &part);
        for (size_t k = 0; k < kinds && !is_known; ++k)
            is_known = atrous__part_is_like(&part.problem, &known[k]);
        if (is_known)
            continue;
        why = atrous__solver_refuse(solver, &part.problem, &env->device);
        if (why == NULL && solver->bound != NULL &&
            solver->bound(&part.problem).columns != solver->bound(p).columns)
            why = "its parts would be filtered by other tiles than the whole";
        if (kinds < KINDS)
            known[kinds++] = part.problem;
    }
    free(known);
    return known == NULL ? "no host memory to look at its parts" : why;
}

bool atrous__cut_choose(const struct atrous__env *env, const struct atrous__problem *p,
                        const struct atrous__solver *solver, struct atrous__cut *cut, char *reason,
                        size_t size)
{
    const char *why = NULL;
    if (p->form == ATROUS__GRADIENT && p->conv.type != ATROUS_TYPE_F32) {
        /* Each part's share of a sum would be rounded to the type. */
        snprintf(reason, size, "gradients of weights other than f32 are not computed in parts");
        return false;
    }
    for (;;) {
        const struct atrous__problem largest = atrous__cut_largest(p, cut);
        struct excess excess = excess_of(env, &largest, 0);
        if (excess.remedy == NOTHING) {
            why = atrous__solver_refuse(solver, &largest, &env->device);
            if (why != NULL)
                break;
            excess =
                excess_of(env, &largest, atrous__solver_workspace(solver, &largest, &env->device));
        }
        if (excess.remedy == NOTHING) {
            why = atrous__cut_count(p, cut) > MOST_PARTS
                      ? "what the device holds at once makes more than 2^20 parts"
                      : refuse_parts(env, p, solver, cut);
            break;
        }
        if (!cut_more(p, solver, &excess, cut)) {
            snprintf(reason, size, too_large, excess.what, excess.is, excess.limit);
            return false;
        }
    }
    if (why != NULL)
        snprintf(reason, size, "%s", why);
    return why == NULL;
}

static atrous_status fail_excess(const struct atrous__solver *solver, const struct excess *excess,
                                 atrous_error *error)
{
    char reason[ATROUS__REASON];
    snprintf(reason, sizeof reason, too_large, excess->what, excess->is, excess->limit);
    return atrous__fail(error, ATROUS_UNSUPPORTED, solver->name, "%s", reason);
}

/* The jobs of the first kinds of part. A job that the device does not hold tells by *excess. */
static atrous_status build_kinds(struct atrous__env *env, const struct atrous__problem *p,
                                 struct atrous__parts *parts, struct excess *excess,
                                 atrous_error *error)
{
    struct atrous__part part;
    for (size_t i = 0; i < parts->count && parts->kept < ATROUS__KEPT_JOBS; ++i) {
        bool is_known = !atrous__part_at(p, &parts->cut, i, &part);
        for (size_t k = 0; k < parts->kept && !is_known; ++k)
            is_known = atrous__part_is_like(&part.problem, &parts->problems[k]);
        if (is_known)
            continue;
        struct atrous__job *job = &parts->jobs[parts->kept];
        parts->problems[parts->kept++] = part.problem;
        atrous_status status = atrous__solver_build(parts->solver, &part.problem, env, job, error);
        if (status == ATROUS_OK)
            status = atrous__job_warm(env, job, error);
        if (status != ATROUS_OK)
            return status;
        if (job->packed_bytes > env->buffer_limit)
            *excess = (struct excess){FILTERS, 0, "bytes of packed weights:", job->packed_bytes,
                                      env->buffer_limit};
        if (job->workspace_bytes > env->buffer_limit)
            *excess = (struct excess){POSITIONS, 0, "bytes of workspace:", job->workspace_bytes,
                                      env->buffer_limit};
        if (excess->remedy != NOTHING)
            return ATROUS_OK;
    }
    return ATROUS_OK;
}

static void release_jobs(struct atrous__parts *parts)
{
    for (size_t i = 0; i < parts->kept; ++i)
        atrous__job_release(&parts->jobs[i]);
    parts->kept = 0;
}

atrous_status atrous__parts_build(struct atrous__env *env, const struct atrous__problem *p,
                                  const struct atrous__solver *solver, struct atrous__cut cut,
                                  struct atrous__parts **out, atrous_error *error)
{
    atrous_status status = ATROUS_OK;
    char reason[ATROUS__REASON] = "";
    struct excess excess = {NOTHING, 0, NULL, 0, 0};
    struct atrous__parts *parts = calloc(1, sizeof *parts);
    *out = NULL;
    if (parts == NULL)
        return atrous__fail(error, ATROUS_OUT_OF_HOST_MEMORY, "", "a problem's parts");
    parts->solver = solver;
    parts->cut = cut;
    do {
        release_jobs(parts);
        if (excess.remedy != NOTHING && !cut_more(p, solver, &excess, &parts->cut))
            status = fail_excess(solver, &excess, error);
        else if (!atrous__cut_choose(env, p, solver, &parts->cut, reason, sizeof reason))
            status = atrous__fail(error, ATROUS_UNSUPPORTED, solver->name, "%s", reason);
        excess.remedy = NOTHING;
        parts->count = atrous__cut_count(p, &parts->cut);
        if (status == ATROUS_OK)
            status = build_kinds(env, p, parts, &excess, error);
    } while (status == ATROUS_OK && excess.remedy != NOTHING);
    if (status != ATROUS_OK) {
        atrous__parts_free(parts);
        return status;
    }
    *out = parts;
    return ATROUS_OK;
}

void atrous__parts_free(struct atrous__parts *parts)
{
    if (parts != NULL)
        release_jobs(parts);
    free(parts);
}
