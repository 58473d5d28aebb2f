/* From flags to a device, a plan and its measured run. */
#define _POSIX_C_SOURCE 200809L
#include "session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "progress.h"

static bool solver_is_cpu(const struct cli_options *options)
{
    return options->solver != NULL && strcmp(options->solver, "cpu") == 0;
}

int cli_session_open(struct cli_session *session, const struct cli_options *options,
                     struct cli_failure *failure)
{
    atrous_context_options asked;
    atrous_error error;
    memset(session, 0, sizeof *session);
    session->device.struct_size = sizeof session->device;

    atrous_context_options_init(&asked, sizeof asked);
    asked.device = options->device;
    if (asked.device == ATROUS_DEVICE_AUTO && solver_is_cpu(options))
        asked.device = ATROUS_DEVICE_CPU_PATH;
    asked.index = options->device_index;
    asked.threads = (unsigned)options->threads;
    /* Who names a device or a solver wants that one or an error. */
    asked.cpu_fallback = options->device == ATROUS_DEVICE_AUTO && options->solver == NULL;

    atrous_status status = atrous_context_create(&asked, &session->context, &error);
    if (status == ATROUS_OK)
        status = atrous_context_describe(session->context, &session->device, &error);
    if (status != ATROUS_OK) {
        cli_session_close(session);
        return cli_fail_status(failure, status, &error);
    }
    session->fell_back =
        asked.device == ATROUS_DEVICE_AUTO && atrous_context_is_cpu_path(session->context);
    session->told = session->fell_back;
    if (session->fell_back && !options->quiet)
        fprintf(stderr, "no OpenCL device: using the CPU path\n");
    return CLI_DONE;
}

void cli_session_close(struct cli_session *session)
{
    atrous_context_destroy(session->context);
    session->context = NULL;
}

int cli_session_plan(struct cli_session *session, const struct cli_options *options,
                     const atrous_conv *conv, atrous_plan **plan, struct cli_failure *failure)
{
    atrous_plan_options asked;
    atrous_error error;
    atrous_plan_options_init(&asked, sizeof asked);
    asked.solver = options->solver;
    asked.tune = options->tune;

    const atrous_status status = atrous_plan_create(session->context, conv, &asked, plan, &error);
    if (status != ATROUS_OK && session->fell_back && strcmp(error.field, "solver") == 0)
        return cli_fail(failure, CLI_DEVICE,
                        "--solver: is %s, which needs an OpenCL device, and there is none",
                        options->solver);
    if (status != ATROUS_OK)
        return cli_fail_status(failure, status, &error);

    struct cli_result result;
    const int code = cli_result_describe(&result, *plan, failure);
    if (code == CLI_DONE && result.fallback[0] != '\0' && !session->told && !options->quiet) {
        fprintf(stderr, "using the CPU path: %s\n", result.fallback);
        session->told = true;
    }
    return code;
}

int cli_result_describe(struct cli_result *result, const atrous_plan *plan,
                        struct cli_failure *failure)
{
    atrous_error error;
    memset(result, 0, sizeof *result);
    result->passed = true;
    result->info.struct_size = sizeof result->info;
    const atrous_status status = atrous_plan_query(plan, &result->info, &error);
    if (status != ATROUS_OK)
        return cli_fail_status(failure, status, &error);
    snprintf(result->solver, sizeof result->solver, "%s", result->info.solver);
    if (result->info.fallback != NULL)
        snprintf(result->fallback, sizeof result->fallback, "%s", result->info.fallback);
    result->info.solver = result->info.fallback = NULL;
    return CLI_DONE;
}

bool cli_candidate_at(const atrous_plan *plan, size_t index, atrous_candidate *candidate)
{
    memset(candidate, 0, sizeof *candidate);
    candidate->struct_size = sizeof *candidate;
    return atrous_plan_candidate(plan, index, candidate, NULL) == ATROUS_OK;
}

double cli_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec * 1e-6;
}

static int compare_doubles(const void *left, const void *right)
{
    const double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

void cli_result_time(struct cli_result *result, double *ms, size_t repeat)
{
    qsort(ms, repeat, sizeof *ms, compare_doubles);
    result->repeat = repeat;
    result->least_ms = ms[0];
    result->median_ms = (ms[(repeat - 1) / 2] + ms[repeat / 2]) / 2;
}

/* All at once, or in twenty parts, each with its untimed run, where somebody watches. */
static atrous_status time_runs(atrous_plan *plan, const struct cli_options *options,
                               const atrous_arrays *arrays, double *ms, atrous_error *error)
{
    const size_t repeat = options->repeat;
    const size_t part = cli_progress_wanted(options) ? (repeat + 19) / 20 : repeat;
    atrous_status status = ATROUS_OK;
    for (size_t done = 0; done < repeat && status == ATROUS_OK;) {
        const size_t count = repeat - done < part ? repeat - done : part;
        status = atrous_plan_time(plan, arrays, count, ms + done, error);
        done += count;
        cli_progress(options, "repeat", done, repeat);
    }
    return status;
}

static int time_plan(atrous_plan *plan, const struct cli_options *options,
                     const atrous_arrays *arrays, struct cli_result *result,
                     struct cli_failure *failure)
{
    const size_t repeat = options->repeat;
    atrous_error error;
    double *ms = malloc(repeat * sizeof *ms);
    if (ms == NULL)
        return cli_fail_memory(failure, "--repeat", repeat * sizeof *ms);
    const atrous_status status = time_runs(plan, options, arrays, ms, &error);
    if (status == ATROUS_OK)
        cli_result_time(result, ms, repeat);
    free(ms);
    return cli_fail_status(failure, status, &error);
}

/* With beta each further run adds to the output: what the one that counts left is put back. */
static int time_aside(atrous_plan *plan, const struct cli_options *options,
                      const atrous_arrays *arrays, struct cli_result *result,
                      struct cli_failure *failure)
{
    const size_t bytes = result->info.output_bytes, bias_bytes = result->info.bias_output_bytes;
    if (arrays->previous == NULL)
        return time_plan(plan, options, arrays, result, failure);
    char *kept = malloc(bytes + bias_bytes);
    if (kept == NULL)
        return cli_fail_memory(failure, "--repeat", bytes + bias_bytes);
    memcpy(kept, arrays->output, bytes);
    if (bias_bytes > 0)
        memcpy(kept + bytes, arrays->bias_output, bias_bytes);
    const int code = time_plan(plan, options, arrays, result, failure);
    memcpy(arrays->output, kept, bytes);
    if (bias_bytes > 0)
        memcpy(arrays->bias_output, kept + bytes, bias_bytes);
    free(kept);
    return code;
}

int cli_session_run(atrous_plan *plan, const struct cli_options *options,
                    const atrous_arrays *arrays, struct cli_result *result,
                    struct cli_failure *failure)
{
    atrous_error error;
    int code = cli_result_describe(result, plan, failure);
    if (code != CLI_DONE)
        return code;

    const double start = cli_now_ms();
    atrous_status status = atrous_plan_run(plan, arrays, &error);
    result->ms = cli_now_ms() - start;
    if (status == ATROUS_OK && options->check) {
        result->check.struct_size = sizeof result->check;
        status = atrous_plan_check(plan, arrays, &result->check, &error);
        result->checked = true;
        result->passed = result->check.worst <= 1; /* false for NaN */
    }
    code = cli_fail_status(failure, status, &error);
    if (code == CLI_DONE && options->repeat > 0)
        code = time_aside(plan, options, arrays, result, failure);
    return code;
}

void cli_output_shape(const atrous_conv *conv, const size_t *extents,
                      size_t shape[ATROUS_MAX_RANK + 2])
{
    const bool is_data = conv->direction == ATROUS_BACKWARD_DATA;
    shape[0] = conv->batch;
    shape[1] = is_data ? conv->in_channels : cli_output_channels(conv);
    if (conv->direction == ATROUS_BACKWARD_WEIGHTS) {
        shape[0] = conv->out_channels;
        shape[1] = conv->in_channels / conv->groups;
    }
    memcpy(shape + 2, extents, ATROUS_MAX_RANK * sizeof *extents);
}

size_t cli_output_channels(const atrous_conv *conv)
{
    return conv->activation == ATROUS_ACTIVATION_GATED ? conv->out_channels / 2
                                                       : conv->out_channels;
}

int cli_check_failed(const struct cli_result *result, struct cli_failure *failure)
{
    const atrous_check *check = &result->check;
    return cli_fail(failure, CLI_CHECK_FAILED,
                    "--check: worst error is %.3g of the bound at output %zu (error %.3g, bound "
                    "%.3g), must be at most 1",
                    check->worst, check->worst_at, check->worst_error, check->worst_bound);
}
