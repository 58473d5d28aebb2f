/* atrous tune: measures every solver on each problem of a file and remembers the winners; tells
 * how good the cost model's own choice was. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "exercise.h"
#include "progress.h"
#include "report.h"
#include "suite.h"

/* The model's choice is as good as the best when it takes at most this many times as long. */
static const double good_enough = 1.15;

struct job {
    struct cli_options options;
    struct cli_suite suite;
    struct cli_session session;
    cJSON *rows; /* with --json */
    size_t tuned, within, kept;
    struct cli_failure check; /* of the first --check that did not pass */
};

/* One tuned problem: the fastest solver and the one that the estimates would have taken. */
struct verdict {
    atrous_candidate best, model;
    bool is_remembered;
};

/* False, with the reason, where nothing was measured. */
static bool judge(const atrous_plan *plan, const struct cli_result *result, struct verdict *verdict,
                  char *reason, size_t size)
{
    atrous_candidate candidate;
    memset(verdict, 0, sizeof *verdict);
    for (size_t i = 0; cli_candidate_at(plan, i, &candidate); ++i) {
        if (candidate.chosen)
            verdict->best = candidate;
        if (candidate.refusal == NULL &&
            (verdict->model.solver == NULL || candidate.estimate_ms < verdict->model.estimate_ms))
            verdict->model = candidate;
    }
    verdict->is_remembered = result->info.remembered;
    if (result->fallback[0] != '\0')
        snprintf(reason, size, "%s", result->fallback);
    else if (verdict->best.measured_ms <= 0)
        snprintf(reason, size, "its tensors do not fit on the device, nothing could be measured");
    else
        return true;
    return false;
}

static double ratio_of(const struct verdict *verdict)
{
    return verdict->model.measured_ms / verdict->best.measured_ms;
}

static void print_row(const char *name, const struct verdict *verdict, const atrous_plan *plan)
{
    atrous_candidate candidate;
    const char *comma = "";
    printf("%-28s %-10s %-10s %5.2f  ", name, verdict->best.solver, verdict->model.solver,
           ratio_of(verdict));
    for (size_t i = 0; cli_candidate_at(plan, i, &candidate); ++i)
        if (candidate.measured_ms > 0) {
            printf("%s%s %.3g", comma, candidate.solver, candidate.measured_ms);
            comma = ", ";
        }
    printf("\n");
    fflush(stdout);
}

static void add_row(cJSON *row, const struct verdict *verdict, const atrous_plan *plan)
{
    atrous_candidate candidate;
    cJSON_AddStringToObject(row, "solver", verdict->best.solver);
    cJSON_AddNumberToObject(row, "ms", verdict->best.measured_ms);
    cJSON_AddStringToObject(row, "model", verdict->model.solver);
    cJSON_AddNumberToObject(row, "model_ratio", ratio_of(verdict));
    cJSON_AddBoolToObject(row, "remembered", verdict->is_remembered);
    cJSON *list = cJSON_AddArrayToObject(row, "solvers");
    for (size_t i = 0; cli_candidate_at(plan, i, &candidate); ++i) {
        cJSON *item = cJSON_CreateObject();
        cJSON_AddStringToObject(item, "solver", candidate.solver);
        cli_json_add_ms(item, "ms", candidate.measured_ms);
        if (candidate.refusal != NULL)
            cJSON_AddStringToObject(item, "refusal", candidate.refusal);
        cJSON_AddItemToArray(list, item);
    }
}

/* A row that was not tuned is named, with its reason. */
static void report_refusal(struct job *job, const char *name, const char *reason)
{
    if (job->rows != NULL) {
        cJSON *row = cJSON_CreateObject();
        cJSON_AddStringToObject(row, "name", name);
        cJSON_AddStringToObject(row, "refusal", reason);
        cJSON_AddItemToArray(job->rows, row);
    } else if (!job->options.quiet)
        printf("%-28s not tuned: %s\n", name, reason);
}

static int report_row(struct job *job, const struct cli_problem *problem, atrous_plan *plan,
                      struct cli_failure *failure)
{
    struct cli_result result = {.passed = true};
    struct verdict verdict;
    char reason[256];
    int code = cli_result_describe(&result, plan, failure);
    if (code != CLI_DONE)
        return code;
    if (!judge(plan, &result, &verdict, reason, sizeof reason)) {
        report_refusal(job, problem->name, reason);
        return CLI_DONE;
    }
    ++job->tuned;
    job->within += ratio_of(&verdict) <= good_enough;
    job->kept += verdict.is_remembered;
    const bool run = job->options.check || job->options.repeat > 0;
    if (run)
        code = cli_exercise(plan, &problem->conv, &job->options, &result, failure);
    if (code != CLI_DONE)
        return code;
    if (!result.passed && job->check.code == CLI_DONE)
        cli_check_failed(&result, &job->check);
    if (job->rows != NULL) {
        cJSON *row = cJSON_CreateObject();
        cJSON_AddStringToObject(row, "name", problem->name);
        add_row(row, &verdict, plan);
        if (run)
            cli_json_add_result(row, &job->session, &result);
        cJSON_AddItemToArray(job->rows, row);
    } else if (!job->options.quiet) {
        print_row(problem->name, &verdict, plan);
        if (run)
            cli_print_result(problem->name, &job->session, &result);
    }
    return CLI_DONE;
}

/* Tunes one problem. One that no solver accepts is reported and no failure. */
static int tune_row(struct job *job, const struct cli_problem *problem, struct cli_failure *failure)
{
    atrous_plan *plan = NULL;
    atrous_error error;
    const char *refusal = problem->refusal;
    if (refusal[0] == '\0' && atrous_conv_output(&problem->conv, NULL, &error) != ATROUS_OK)
        refusal = error.message; /* by the field's name: no flag is at fault */
    if (refusal[0] != '\0') {
        report_refusal(job, problem->name, refusal);
        return CLI_DONE;
    }
    int code = cli_session_plan(&job->session, &job->options, &problem->conv, &plan, failure);
    if (code == CLI_USAGE) {
        report_refusal(job, problem->name, failure->text);
        *failure = (struct cli_failure){0};
        return CLI_DONE;
    }
    if (code == CLI_DONE)
        code = report_row(job, problem, plan, failure);
    atrous_plan_destroy(plan);
    return code;
}

/* Rows that the terminal lists as they come need no bar. */
static void show_progress(const struct job *job, size_t done)
{
    if (job->rows != NULL || !isatty(STDOUT_FILENO))
        cli_progress(&job->options, "row", done, job->suite.count);
}

static int report_all(struct job *job, struct cli_failure *failure)
{
    const size_t refused = job->suite.count - job->tuned;
    const double share = job->tuned > 0 ? (double)job->within / (double)job->tuned : 0.0;
    if (job->rows != NULL) {
        cJSON *object = cJSON_CreateObject();
        cJSON_AddStringToObject(object, "device", job->session.device.name);
        cJSON_AddItemToObject(object, "rows", job->rows);
        job->rows = NULL;
        cli_json_add_size(object, "tuned", job->tuned);
        cli_json_add_size(object, "not_tuned", refused);
        cli_json_add_size(object, "remembered", job->kept);
        cli_json_add_size(object, "model_within", job->within);
        cJSON_AddNumberToObject(object, "model_within_share", share);
        return cli_json_print(object, failure);
    }
    printf("%zu rows tuned, %zu not, on %s\n", job->tuned, refused, job->session.device.name);
    printf("the model's choice is within %.2f of the best in %zu of %zu rows (%.1f %%)\n",
           good_enough, job->within, job->tuned, 100 * share);
    if (job->kept < job->tuned)
        printf("%zu winners could not be remembered (see ATROUS_CACHE)\n", job->tuned - job->kept);
    return CLI_DONE;
}

static int start(struct job *job, struct cli_failure *failure)
{
    const struct cli_options *options = &job->options;
    if (options->solver != NULL)
        return cli_fail(failure, CLI_USAGE,
                        "--solver: is %s, must be auto: tuning compares the solvers",
                        options->solver);
    if (options->device == ATROUS_DEVICE_CPU_PATH)
        return cli_fail(failure, CLI_USAGE,
                        "--device: is cpu, must be an OpenCL device: the CPU path has one solver");
    struct cli_options silent = *options; /* of the CPU path, which would not serve */
    silent.quiet = true;
    int code = cli_suite_read(&job->suite, options->arguments[0], failure);
    if (code == CLI_DONE)
        code = cli_session_open(&job->session, &silent, failure);
    if (code == CLI_DONE && atrous_context_is_cpu_path(job->session.context))
        code = cli_fail(failure, CLI_DEVICE,
                        "--device: is auto, but there is no OpenCL device to tune for");
    if (code == CLI_DONE && options->json)
        job->rows = cJSON_CreateArray();
    return code;
}

int cli_tune(const struct cli_options *options, struct cli_failure *failure)
{
    struct job job = {.options = *options};
    job.options.tune = true;
    int code = start(&job, failure);
    if (code == CLI_DONE && job.rows == NULL && !options->quiet)
        printf("%-28s %-10s %-10s %5s  ms of each solver\n", "name", "winner", "model", "ratio");
    for (size_t i = 0; code == CLI_DONE && i < job.suite.count; ++i) {
        show_progress(&job, i);
        code = tune_row(&job, &job.suite.problems[i], failure);
    }
    if (code == CLI_DONE)
        show_progress(&job, job.suite.count);
    if (code == CLI_DONE && !options->quiet)
        code = report_all(&job, failure);
    if (code == CLI_DONE && job.check.code != CLI_DONE) {
        *failure = job.check;
        code = failure->code;
    }
    cJSON_Delete(job.rows);
    cli_session_close(&job.session);
    cli_suite_free(&job.suite);
    return code;
}
