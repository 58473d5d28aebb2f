/* atrous plan: which solver serves a problem, what it costs, why not each other one. */
#include <stdio.h>

#include "command.h"
#include "exercise.h"
#include "npy.h"
#include "report.h"

/* From --shape N,C,spatial, --filters and --kernel to a whole problem. */
static int make_problem(const struct cli_options *options, atrous_conv *conv,
                        struct cli_failure *failure)
{
    struct cli_list kernel = {0};
    if (options->shape.count == 0)
        return cli_fail(failure, CLI_USAGE, "--shape: is missing, must be N,C,[D,][H,]W");
    if (options->shape.count < 3)
        return cli_fail(failure, CLI_USAGE, "--shape: has %zu numbers, must have 3 to 5",
                        options->shape.count);
    if (options->filters == 0)
        return cli_fail(failure, CLI_USAGE, "--filters: is missing, must be a number of filters");
    if (options->kernel == NULL)
        return cli_fail(failure, CLI_USAGE, "--kernel: is missing, must be R[,S...]");
    if (options->bias != NULL && (options->backward_data || options->backward_weights))
        return cli_fail(failure, CLI_USAGE, "--bias: has no meaning in a backward direction");
    if (options->bias_output != NULL && !options->backward_weights)
        return cli_fail(failure, CLI_USAGE,
                        "--bias-output: has no meaning without --backward-weights");

    const int rank = (int)options->shape.count - 2;
    atrous_conv_init(conv, rank, sizeof *conv);
    conv->batch = options->shape.value[0];
    conv->in_channels = options->shape.value[1];
    conv->out_channels = options->filters;
    for (int axis = 0; axis < rank; ++axis)
        conv->input[axis] = options->shape.value[axis + 2];

    int code = cli_parse_list("--kernel", options->kernel, &kernel, failure);
    if (code == CLI_DONE)
        code = cli_spread("--kernel", &kernel, rank, conv->kernel, failure);
    if (code == CLI_DONE)
        code = cli_options_apply(options, conv, failure);
    conv->has_bias = options->bias != NULL || options->bias_output != NULL;
    conv->channel_scale = options->scale != NULL;
    if (code == CLI_DONE) {
        atrous_error error;
        code = cli_fail_status(failure, atrous_conv_output(conv, NULL, &error), &error);
    }
    return code;
}

/* How the solver was chosen. */
static const char *choice_text(const struct cli_options *options, const atrous_plan_info *info)
{
    if (options->solver != NULL)
        return "--solver";
    if (info->on_cpu_path)
        return "the only one";
    return info->remembered ? "remembered winner of a tuning" : "least estimate";
}

/* "1.2 ms", "1.2 ms, measured 1.1 ms" */
static void print_times(double estimate_ms, double measured_ms)
{
    printf("%.3g ms", estimate_ms);
    if (measured_ms > 0)
        printf(", measured %.3g ms", measured_ms);
}

static void print_others(const atrous_plan *plan)
{
    atrous_candidate other;
    for (size_t i = 0; cli_candidate_at(plan, i, &other); ++i) {
        if (other.chosen)
            continue;
        printf("not %-12s ", other.solver);
        if (other.refusal != NULL) {
            printf("%s\n", other.refusal);
            continue;
        }
        printf("estimate ");
        print_times(other.estimate_ms, other.measured_ms);
        printf(", workspace %zu bytes\n", other.workspace_bytes);
    }
}

static double measured_ms(const atrous_plan *plan)
{
    atrous_candidate candidate;
    for (size_t i = 0; cli_candidate_at(plan, i, &candidate); ++i)
        if (candidate.chosen)
            return candidate.measured_ms;
    return 0;
}

static void print_plan(const struct cli_session *session, const struct cli_options *options,
                       const atrous_plan *plan, const atrous_conv *conv,
                       const struct cli_result *result)
{
    const atrous_plan_info *info = &result->info;
    size_t shape[ATROUS_MAX_RANK + 2];
    char text[CLI_NPY_RANK_MAX * 21];
    cli_output_shape(conv, info->output, shape);
    printf("device     %s\n", cli_device_text(session, result));
    printf("output     %s\n", cli_shape_text(shape, conv->rank + 2, text, sizeof text));
    printf("solver     %s\n", result->solver);
    printf("chosen as  %s\n", choice_text(options, info));
    printf("estimate   ");
    print_times(info->estimate_ms, measured_ms(plan));
    printf("\n");
    printf("workspace  %zu bytes\n", info->workspace_bytes);
    printf("packed     %zu bytes\n", info->packed_bytes);
    if (info->parts > 1)
        printf("parts      %zu: a tensor or an axis exceeds what the device takes at once\n",
               info->parts);
    printf("MACs       %.0f\n", info->macs);
    printf("valid MACs %.0f (%.1f %% read input, not padding)\n", info->valid_macs,
           info->macs > 0 ? 100 * info->valid_macs / info->macs : 0.0);
    print_others(plan);
}

static int json_plan(const struct cli_session *session, const atrous_plan *plan,
                     const atrous_conv *conv, const struct cli_result *result,
                     struct cli_failure *failure)
{
    const atrous_plan_info *info = &result->info;
    size_t shape[ATROUS_MAX_RANK + 2];
    cli_output_shape(conv, info->output, shape);

    cJSON *object = cJSON_CreateObject();
    cli_json_add_sizes(object, "output", shape, conv->rank + 2);
    cJSON_AddNumberToObject(object, "estimate_ms", info->estimate_ms);
    cJSON_AddBoolToObject(object, "remembered", info->remembered);
    cli_json_add_size(object, "workspace_bytes", info->workspace_bytes);
    cli_json_add_size(object, "packed_bytes", info->packed_bytes);
    cli_json_add_size(object, "parts", info->parts);
    cJSON_AddNumberToObject(object, "macs", info->macs);
    cJSON_AddNumberToObject(object, "valid_macs", info->valid_macs);
    cli_json_add_result(object, session, result);

    cJSON *list = cJSON_AddArrayToObject(object, "solvers");
    atrous_candidate candidate;
    for (size_t i = 0; cli_candidate_at(plan, i, &candidate); ++i) {
        cJSON *row = cJSON_CreateObject();
        cJSON_AddStringToObject(row, "solver", candidate.solver);
        cJSON_AddBoolToObject(row, "chosen", candidate.chosen);
        if (candidate.refusal != NULL)
            cJSON_AddStringToObject(row, "refusal", candidate.refusal);
        else {
            cJSON_AddNullToObject(row, "refusal");
            cJSON_AddNumberToObject(row, "estimate_ms", candidate.estimate_ms);
            cli_json_add_ms(row, "measured_ms", candidate.measured_ms);
            cli_json_add_size(row, "workspace_bytes", candidate.workspace_bytes);
        }
        cJSON_AddItemToArray(list, row);
    }
    return cli_json_print(object, failure);
}

int cli_plan(const struct cli_options *options, struct cli_failure *failure)
{
    struct cli_session session = {0};
    struct cli_result result = {.passed = true};
    atrous_plan *plan = NULL;
    atrous_conv conv;
    const bool run = options->check || options->repeat > 0;

    int code = make_problem(options, &conv, failure);
    if (code == CLI_DONE)
        code = cli_session_open(&session, options, failure);
    if (code == CLI_DONE)
        code = cli_session_plan(&session, options, &conv, &plan, failure);
    if (code == CLI_DONE)
        code = cli_result_describe(&result, plan, failure);
    if (code == CLI_DONE && run)
        code = cli_exercise(plan, &conv, options, &result, failure);
    if (code == CLI_DONE && !options->quiet) {
        if (options->json)
            code = json_plan(&session, plan, &conv, &result, failure);
        else
            print_plan(&session, options, plan, &conv, &result);
        if (!options->json && run)
            cli_print_result("random data", &session, &result);
    }
    if (code == CLI_DONE && !result.passed)
        code = cli_check_failed(&result, failure);
    atrous_plan_destroy(plan);
    cli_session_close(&session);
    return code;
}
