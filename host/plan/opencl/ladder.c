/* The ladder: the solvers a problem may use, best first, and the first that stands. */
#include "plan/opencl/backend.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void refuse_row(struct atrous__row *row, const char *reason)
{
    row->is_refused = true;
    snprintf(row->reason, sizeof row->reason, "%s", reason);
}

static void fill_rows(atrous_plan *plan)
{
    const struct atrous__device *device = &plan->context->env->device;
    plan->row_count = atrous__min(atrous__solver_count, ATROUS__MAX_ROWS);
    for (size_t i = 0; i < plan->row_count; ++i) {
        const struct atrous__solver *solver = atrous__solvers[i];
        struct atrous__row *row = &plan->rows[i];
        row->solver = solver->name;
        const char *refusal = solver->refuse(&plan->problem, device);
        if (refusal != NULL) {
            refuse_row(row, refusal);
            continue;
        }
        row->estimate_ms = solver->estimate(&plan->problem, device);
        row->workspace = solver->workspace(&plan->problem, device);
    }
}

/* Runs the solver's self-test unless this context knows its outcome. */
static atrous_status prove(atrous_context *context, size_t index, atrous_error *error)
{
    struct atrous__verdict *verdict = &context->verdicts[index];
    atrous_error outcome;

    pthread_mutex_lock(&context->lock);
    if (verdict->is_tested) {
        outcome = verdict->outcome;
    } else {
        atrous__clear(&outcome);
        outcome.status = atrous__self_test(context->env, atrous__solvers[index], &outcome);
        /* A host out of memory says nothing of the solver: the next plan tries again. */
        verdict->is_tested = outcome.status != ATROUS_OUT_OF_HOST_MEMORY;
        verdict->outcome = outcome;
    }
    pthread_mutex_unlock(&context->lock);
    if (outcome.status != ATROUS_OK && error != NULL)
        *error = outcome;
    return outcome.status;
}

/* Self-test, build, first launch. On failure nothing is left in the plan. */
static atrous_status try_row(atrous_plan *plan, size_t index, atrous_error *error)
{
    const struct atrous__solver *solver = atrous__solvers[index];
    struct atrous__env *env = plan->context->env;

    atrous_status status = prove(plan->context, index, error);
    if (status != ATROUS_OK)
        return status;
    struct atrous__job *job = calloc(1, sizeof *job);
    if (job == NULL)
        return atrous__fail(error, ATROUS_OUT_OF_HOST_MEMORY, "", "a job");
    status = solver->build(&plan->problem, env, job, error);
    if (status == ATROUS_OK)
        status = atrous__job_warm(env, job, error);
    if (status != ATROUS_OK) {
        atrous__job_release(job);
        free(job);
        return status;
    }
    plan->job = job;
    plan->solver = solver->name;
    plan->bound_terms = solver->bound_terms(&plan->problem);
    plan->estimate_ms = plan->rows[index].estimate_ms;
    plan->packed_bytes = job->packed_bytes;
    plan->workspace_bytes = job->workspace_bytes;
    plan->format = job->format;
    plan->rows[index].is_chosen = true;
    return ATROUS_OK;
}

/* The row with the least estimate that is not refused, or row_count. */
static size_t next_best(const atrous_plan *plan)
{
    size_t best = plan->row_count;
    for (size_t i = 0; i < plan->row_count; ++i)
        if (!plan->rows[i].is_refused &&
            (best == plan->row_count || plan->rows[i].estimate_ms < plan->rows[best].estimate_ms))
            best = i;
    return best;
}

static atrous_status plan_named(atrous_plan *plan, const char *name, atrous_error *error)
{
    char names[128] = "";
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
    plan->bound_terms = atrous__direct_terms(&plan->problem);
    snprintf(plan->fallback, sizeof plan->fallback, "no solver of the device serves: %.270s",
             last->message);
    return ATROUS_OK;
}

atrous_status atrous__backend_plan(atrous_plan *plan, const char *name, atrous_error *error)
{
    atrous_error last;
    fill_rows(plan);
    if (name != NULL)
        return plan_named(plan, name, error);

    atrous__fail(&last, ATROUS_UNSUPPORTED, "", "%s refuses it: %s",
                 plan->rows[plan->row_count - 1].solver, plan->rows[plan->row_count - 1].reason);
    for (size_t i = next_best(plan); i < plan->row_count; i = next_best(plan)) {
        const atrous_status status = try_row(plan, i, &last);
        if (status == ATROUS_OK)
            return status;
        if (status == ATROUS_OUT_OF_HOST_MEMORY) {
            if (error != NULL)
                *error = last;
            return status;
        }
        refuse_row(&plan->rows[i], last.message);
    }
    return fall_back(plan, &last, error);
}

void atrous__backend_release(atrous_plan *plan)
{
    if (plan->job == NULL)
        return;
    atrous__job_release(plan->job);
    free(plan->job);
    plan->job = NULL;
}
