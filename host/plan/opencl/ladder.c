/* The ladder: the solvers a problem may use, best first, and the first that stands. */
#include "plan/opencl/parts.h"
#include "plan/store.h"
#include "problem/fold.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void atrous__row_refuse(struct atrous__row *row, const char *reason)
{
    row->is_refused = true;
    snprintf(row->reason, sizeof row->reason, "%s", reason);
}

/* The parts' output is of the problem's type, what is folded of floats: NULL, or that reason. */
static const char *refuse_cut_fold(const struct atrous__problem *problem)
{
    return problem->fold.is_there && problem->conv.type != ATROUS_TYPE_F32
               ? "in parts, what the padding repeats is folded in f32 alone"
               : NULL;
}

/* The row of a solver that computes the problem in parts, or refuses that too. What is folded is
 * folded by the host, when all parts are there. */
static void fill_cut_row(const struct atrous__env *env, const struct atrous__problem *problem,
                         const struct atrous__solver *solver, struct atrous__row *row)
{
    const struct atrous__problem sums = atrous__fold_sums(problem);
    row->cut = atrous__cut_whole(&sums);
    row->is_cut = true;
    if (refuse_cut_fold(problem) != NULL) {
        atrous__row_refuse(row, refuse_cut_fold(problem));
        return;
    }
    row->is_refused =
        !atrous__cut_choose(env, &sums, solver, &row->cut, row->reason, sizeof row->reason);
    if (row->is_refused)
        return;
    const struct atrous__problem largest = atrous__cut_largest(&sums, &row->cut);
    row->estimate_ms = atrous__solver_estimate(solver, &largest, &env->device) *
                       (double)atrous__cut_count(&sums, &row->cut);
    row->workspace = atrous__solver_workspace(solver, &largest, &env->device);
}

static void fill_row(const struct atrous__env *env, const struct atrous__problem *problem,
                     const struct atrous__solver *solver, struct atrous__row *row)
{
    row->solver = solver->name;
    if (atrous__exceeds(env, problem, 0)) {
        fill_cut_row(env, problem, solver, row);
        return;
    }
    const char *refusal = atrous__solver_refuse(solver, problem, &env->device);
    if (refusal != NULL) {
        atrous__row_refuse(row, refusal);
        return;
    }
    row->estimate_ms = atrous__solver_estimate(solver, problem, &env->device);
    row->workspace = atrous__solver_workspace(solver, problem, &env->device);
    if (atrous__exceeds(env, problem, row->workspace))
        fill_cut_row(env, problem, solver, row);
}

static void fill_rows(atrous_plan *plan)
{
    plan->row_count = atrous__min(atrous__solver_count, ATROUS__MAX_ROWS);
    for (size_t i = 0; i < plan->row_count; ++i)
        fill_row(plan->context->env, &plan->problem, atrous__solvers[i], &plan->rows[i]);
}

typedef atrous_status (*test)(struct atrous__env *env, const struct atrous__solver *solver,
                              atrous_type type, atrous_error *error);

/* Runs a test of a solver, unless this context knows its outcome. */
static atrous_status prove_one(atrous_context *context, test run,
                               const struct atrous__solver *solver, atrous_type type,
                               struct atrous__verdict *verdict, atrous_error *error)
{
    atrous_error outcome;

    pthread_mutex_lock(&context->lock);
    if (verdict->is_tested) {
        outcome = verdict->outcome;
    } else {
        atrous__clear(&outcome);
        outcome.status = run(context->env, solver, type, &outcome);
        /* A host out of memory says nothing of the solver: the next plan tries again. */
        verdict->is_tested = outcome.status != ATROUS_OUT_OF_HOST_MEMORY;
        verdict->outcome = outcome;
    }
    pthread_mutex_unlock(&context->lock);
    if (outcome.status != ATROUS_OK && error != NULL)
        *error = outcome;
    return outcome.status;
}

/* The solver of a row, and the fold or the gate where the plan has one. */
static atrous_status prove(const atrous_plan *plan, size_t index, atrous_error *error)
{
    atrous_context *context = plan->context;
    const struct atrous__solver *solver = atrous__solvers[index];
    const atrous_type type = plan->problem.conv.type;
    atrous_status status =
        prove_one(context, atrous__self_test, solver, type, &context->verdicts[index][type], error);
    if (status == ATROUS_OK && solver->native_half && plan->problem.sums_in_half)
        status = prove_one(context, atrous__half_test, solver, type, &context->half_verdicts[index],
                           error);
    if (status == ATROUS_OK && plan->problem.fold.is_there)
        status = prove_one(context, atrous__fold_test, solver, type, &context->fold_verdict, error);
    if (status == ATROUS_OK && atrous__gates_behind(solver, &plan->problem))
        status = prove_one(context, atrous__gate_test, solver, type,
                           &context->gate_verdicts[index][type], error);
    return status;
}

atrous_status atrous__row_build(const atrous_plan *plan, size_t index, struct atrous__job *job,
                                atrous_error *error)
{
    struct atrous__env *env = plan->context->env;
    memset(job, 0, sizeof *job);
    atrous_status status = prove(plan, index, error);
    if (status == ATROUS_OK)
        status = atrous__solver_build(atrous__solvers[index], &plan->problem, env, job, error);
    if (status == ATROUS_OK)
        status = atrous__job_warm(env, job, error);
    if (status != ATROUS_OK)
        atrous__job_release(job);
    return status;
}

atrous_status atrous__row_take(atrous_plan *plan, size_t index, struct atrous__job *job,
                               atrous_error *error)
{
    const struct atrous__solver *solver = atrous__solvers[index];
    plan->job = malloc(sizeof *plan->job);
    if (plan->job == NULL)
        return atrous__fail(error, ATROUS_OUT_OF_HOST_MEMORY, "", "a job");
    *plan->job = *job;
    memset(job, 0, sizeof *job);
    plan->solver = solver->name;
    plan->bound = atrous__solver_bound(solver, &plan->problem);
    plan->estimate_ms = plan->rows[index].estimate_ms;
    plan->packed_bytes = plan->job->packed_bytes;
    plan->workspace_bytes = plan->job->workspace_bytes;
    plan->format = plan->job->format;
    plan->rows[index].is_chosen = true;
    return ATROUS_OK;
}

/* As try_row(), in parts. */
static atrous_status try_parts(atrous_plan *plan, size_t index, atrous_error *error)
{
    const struct atrous__solver *solver = atrous__solvers[index];
    struct atrous__row *row = &plan->rows[index];
    if (refuse_cut_fold(&plan->problem) != NULL)
        return atrous__fail(error, ATROUS_UNSUPPORTED, "type", "%s",
                            refuse_cut_fold(&plan->problem));
    atrous_status status = prove(plan, index, error);
    const struct atrous__problem sums = atrous__fold_sums(&plan->problem);
    if (status == ATROUS_OK)
        status =
            atrous__parts_build(plan->context->env, &sums, solver, row->cut, &plan->parts, error);
    if (status != ATROUS_OK)
        return status;
    plan->solver = solver->name;
    plan->bound = atrous__solver_bound(solver, &plan->problem);
    plan->estimate_ms = row->estimate_ms;
    row->cut = plan->parts->cut;
    plan->part_count = plan->parts->count;
    for (size_t i = 0; i < plan->parts->kept; ++i) {
        const struct atrous__job *job = &plan->parts->jobs[i];
        plan->packed_bytes = atrous__max(plan->packed_bytes, job->packed_bytes);
        plan->workspace_bytes = atrous__max(plan->workspace_bytes, job->workspace_bytes);
    }
    row->is_chosen = true;
    return ATROUS_OK;
}

/* On failure nothing is left in the plan. */
static atrous_status try_row(atrous_plan *plan, size_t index, atrous_error *error)
{
    struct atrous__row *row = &plan->rows[index];
    struct atrous__job job;
    if (row->is_cut)
        return try_parts(plan, index, error);
    atrous_status status = atrous__row_build(plan, index, &job, error);
    if (status == ATROUS_OK && job.packed_bytes > plan->context->env->buffer_limit) {
        /* Only now it is known how large they are. */
        atrous__job_release(&job);
        row->is_cut = true;
        const struct atrous__problem sums = atrous__fold_sums(&plan->problem);
        row->cut = atrous__cut_whole(&sums);
        return try_parts(plan, index, error);
    }
    if (status == ATROUS_OK)
        status = atrous__row_take(plan, index, &job, error);
    atrous__job_release(&job);
    return status;
}

static bool is_better(const struct atrous__row *row, const struct atrous__row *best)
{
    const bool is_measured = row->measured_ms > 0.0, best_is_measured = best->measured_ms > 0.0;
    if (row->is_cut != best->is_cut)
        return !row->is_cut; /* which serves buffers too */
    if (is_measured != best_is_measured)
        return is_measured;
    return is_measured ? row->measured_ms < best->measured_ms
                       : row->estimate_ms < best->estimate_ms;
}

size_t atrous__row_best(const atrous_plan *plan)
{
    size_t best = plan->row_count;
    for (size_t i = 0; i < plan->row_count; ++i)
        if (!plan->rows[i].is_refused &&
            (best == plan->row_count || is_better(&plan->rows[i], &plan->rows[best])))
            best = i;
    return best;
}

/* Notes the remembered winner's time in its row, which makes it the best until it is refused. */
static void recall(atrous_plan *plan)
{
    struct atrous__winner winner;
    if (!atrous__store_recall(&plan->context->env->device.info, &plan->problem.given, &winner))
        return;
    for (size_t i = 0; i < plan->row_count; ++i)
        if (strcmp(plan->rows[i].solver, winner.solver) == 0)
            plan->rows[i].measured_ms = winner.ms;
}

static atrous_status plan_named(atrous_plan *plan, const char *name, atrous_error *error)
{
    char names[320] = "";
    for (size_t i = 0; i < plan->row_count; ++i) {
        const struct atrous__row *row = &plan->rows[i];
        const size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, " %s", row->solver);
        if (strcmp(row->solver, name) != 0)
            continue;
        if (row->is_refused)
            return atrous__fail(error, ATROUS_UNSUPPORTED, "solver", "%s refuses the problem: %s",
                                name, row->reason);
        return try_row(plan, i, error);
    }
    return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "solver",
                        "is \"%.40s\", must be auto or one of%s", name, names);
}

/* Every rung broke: the CPU path, where the context allows it. `last` is the last reason. */
static atrous_status fall_back(atrous_plan *plan, const atrous_error *last, atrous_error *error)
{
    if (!plan->context->may_fall_back) {
        if (error != NULL)
            *error = *last;
        return last->status;
    }
    plan->on_cpu = true;
    plan->solver = "cpu";
    plan->bound = atrous__direct_bound(&plan->problem);
    snprintf(plan->fallback, sizeof plan->fallback, "no solver of the device serves: %.270s",
             last->message);
    return ATROUS_OK;
}

/* Down the ladder by what is remembered or estimated. Rows that fail are refused; where none
 * is left, nothing is taken, *last tells why and the call succeeds. */
static atrous_status descend(atrous_plan *plan, atrous_error *last)
{
    for (size_t i = atrous__row_best(plan); i < plan->row_count; i = atrous__row_best(plan)) {
        const atrous_status status = try_row(plan, i, last);
        plan->is_remembered = status == ATROUS_OK && plan->rows[i].measured_ms > 0.0;
        if (status == ATROUS_OK || status == ATROUS_OUT_OF_HOST_MEMORY)
            return status;
        atrous__row_refuse(&plan->rows[i], last->message);
    }
    return ATROUS_OK;
}

atrous_status atrous__backend_plan(atrous_plan *plan, const char *name, bool tune,
                                   atrous_error *error)
{
    atrous_error last;
    plan->problem.sums_in_half = atrous__sums_in_half(&plan->problem, &plan->context->env->device);
    fill_rows(plan);
    if (name != NULL)
        return plan_named(plan, name, error);

    atrous__fail(&last, ATROUS_UNSUPPORTED, "", "%s refuses it: %s",
                 plan->rows[plan->row_count - 1].solver, plan->rows[plan->row_count - 1].reason);
    /* Parts are not measured. */
    for (size_t i = 0; i < plan->row_count; ++i)
        tune = tune && (plan->rows[i].is_refused || !plan->rows[i].is_cut);
    if (!tune)
        recall(plan);
    const atrous_status status = tune ? atrous__tune(plan, &last) : descend(plan, &last);
    if (status != ATROUS_OK && error != NULL)
        *error = last;
    if (status != ATROUS_OK || plan->job != NULL || plan->parts != NULL)
        return status;
    return fall_back(plan, &last, error);
}

void atrous__backend_release(atrous_plan *plan)
{
    atrous__parts_free(plan->parts);
    plan->parts = NULL;
    if (plan->job == NULL)
        return;
    atrous__job_release(plan->job);
    free(plan->job);
    plan->job = NULL;
}
