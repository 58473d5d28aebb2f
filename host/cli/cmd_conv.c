/* atrous conv: convolves .npy arrays, in every direction. */
#include <stdlib.h>

#include "command.h"
#include "conv_job.h"
#include "file.h"
#include "report.h"

/* What each direction reads, writes and knows by a flag, in bits. */
enum {
    FORWARD = 1 << ATROUS_FORWARD,
    TRANSPOSED = 1 << ATROUS_TRANSPOSED,
    DATA = 1 << ATROUS_BACKWARD_DATA,
    WEIGHTS = 1 << ATROUS_BACKWARD_WEIGHTS
};

/* Flags that a direction needs, and flags that it has no use for. */
static int check_flags(const struct cli_options *options, struct cli_failure *failure)
{
    static const char *const names[] = {"the forward direction", "--transposed", "--backward-data",
                                        "--backward-weights"};
    const struct {
        const char *flag;
        bool given;
        unsigned needed, allowed;
        const char *rule;
    } rules[] = {
        {"--input", options->input != NULL, FORWARD | TRANSPOSED | WEIGHTS, 0, "name a .npy file"},
        {"--weights", options->weights != NULL, FORWARD | TRANSPOSED | DATA, 0, "name a .npy file"},
        {"--grad-output", options->grad_output != NULL, DATA | WEIGHTS, 0, "name a .npy file"},
        {"--input-shape", options->input_shape.count > 0, DATA, 0, "be N,C,[D,][H,]W"},
        {"--kernel", options->kernel != NULL, WEIGHTS, 0, "be R[,S...]"},
        {"--output", options->output != NULL, FORWARD | TRANSPOSED | DATA | WEIGHTS, 0,
         "name a .npy file"},
        {"--bias", options->bias != NULL, 0, FORWARD | TRANSPOSED, ""},
        {"--scale", options->scale != NULL, 0, FORWARD | TRANSPOSED, ""},
        {"--bias-output", options->bias_output != NULL, 0, WEIGHTS, ""},
    };
    const unsigned direction = 1u << options->base.direction;
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; ++i) {
        if (!rules[i].given && (rules[i].needed & direction) != 0)
            return cli_fail(failure, CLI_USAGE, "%s: is missing, must %s", rules[i].flag,
                            rules[i].rule);
        if (rules[i].given && ((rules[i].needed | rules[i].allowed) & direction) == 0)
            return cli_fail(failure, CLI_USAGE, "%s: has no meaning in %s", rules[i].flag,
                            names[options->base.direction]);
    }
    return cli_options_served(options, failure);
}

/* Room for what is written, unless it was read already. */
static int make_array(atrous_type type, const char *flag, struct cli_npy *array,
                      struct cli_failure *failure)
{
    if (array->data != NULL)
        return CLI_DONE;
    const size_t size = cli_type_size(type);
    array->data = calloc(array->count, size);
    return array->data != NULL ? CLI_DONE : cli_fail_memory(failure, flag, array->count * size);
}

static int compute(const struct cli_options *options, struct cli_session *session,
                   struct cli_conv_job *job, struct cli_result *result, struct cli_failure *failure)
{
    atrous_plan *plan = NULL;
    atrous_arrays arrays;
    int code = make_array(options->base.type, "--output", &job->output, failure);
    if (code == CLI_DONE && options->bias_output != NULL)
        code = make_array(ATROUS_TYPE_F32, "--bias-output", &job->bias_output, failure);
    if (code == CLI_DONE)
        code = cli_session_plan(session, options, &job->conv, &plan, failure);
    atrous_arrays_init(&arrays, sizeof arrays);
    /* The library calls dy the input of BACKWARD_DATA. */
    arrays.input = options->backward_data ? job->grad_output.data : job->input.data;
    arrays.weights = job->weights.data;
    arrays.bias = job->bias.data;
    arrays.scale = job->scale.data;
    arrays.residual = job->residual.data;
    arrays.grad_output = job->grad_output.data;
    arrays.output = job->output.data;
    arrays.bias_output = job->bias_output.data;
    arrays.previous = job->previous.data;
    arrays.previous_bias_output = job->previous_bias_output.data;
    if (code == CLI_DONE)
        code = cli_session_run(plan, options, &arrays, result, failure);
    atrous_plan_destroy(plan);
    return code;
}

static int report(const struct cli_options *options, const struct cli_session *session,
                  const struct cli_conv_job *job, const struct cli_result *result,
                  struct cli_failure *failure)
{
    const struct cli_npy *y = &job->output;
    char shape[CLI_NPY_RANK_MAX * 21];
    if (options->json) {
        cJSON *object = cJSON_CreateObject();
        cJSON_AddStringToObject(object, "output", options->output);
        cli_json_add_sizes(object, "shape", y->shape, y->rank);
        cli_json_add_result(object, session, result);
        return cli_json_print(object, failure);
    }
    cli_print_result(cli_shape_text(y->shape, y->rank, shape, sizeof shape), session, result);
    return CLI_DONE;
}

int cli_conv(const struct cli_options *options, struct cli_failure *failure)
{
    struct cli_conv_job job = {0};
    struct cli_session session = {0};
    struct cli_result result = {.passed = true};

    int code = check_flags(options, failure);
    if (code == CLI_DONE)
        code = cli_conv_job_load(options, &job, failure);
    if (code == CLI_DONE)
        code = cli_file_probe(options->output, failure);
    if (code == CLI_DONE && options->bias_output != NULL)
        code = cli_file_probe(options->bias_output, failure);
    if (code == CLI_DONE && options->bias_output != NULL &&
        cli_file_same(options->output, options->bias_output))
        code =
            cli_fail(failure, CLI_USAGE, "--bias-output: is %s, must not be the file of --output",
                     options->bias_output);
    if (code == CLI_DONE)
        code = cli_session_open(&session, options, failure);
    if (code == CLI_DONE)
        code = compute(options, &session, &job, &result, failure);
    if (code == CLI_DONE && result.passed)
        code = cli_npy_write(options->output, options->base.type, &job.output, failure);
    if (code == CLI_DONE && result.passed && options->bias_output != NULL)
        code = cli_npy_write(options->bias_output, ATROUS_TYPE_F32, &job.bias_output, failure);
    if (code == CLI_DONE && !options->quiet)
        code = report(options, &session, &job, &result, failure);
    if (code == CLI_DONE && !result.passed)
        code = cli_check_failed(&result, failure);
    cli_session_close(&session);
    cli_conv_job_free(&job);
    return code;
}
