/* atrous conv: convolves .npy arrays. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "file.h"
#include "npy.h"
#include "report.h"

struct job {
    atrous_conv conv;
    size_t extents[ATROUS_MAX_RANK]; /* of the output */
    struct cli_npy input, weights, bias, residual, output;
};

static void release(struct job *job)
{
    cli_npy_free(&job->input);
    cli_npy_free(&job->weights);
    cli_npy_free(&job->bias);
    cli_npy_free(&job->residual);
    cli_npy_free(&job->output);
}

/* Flags of directions that this version does not serve, and flags that are needed. */
static int check_flags(const struct cli_options *options, struct cli_failure *failure)
{
    const struct {
        const char *flag;
        bool given;
    } later[] =
        {
            {"--transposed", options->transposed},
            {"--backward-data", options->backward_data},
            {"--backward-weights", options->backward_weights},
        },
      backward[] = {
          {"--grad-output", options->grad_output != NULL},
          {"--input-shape", options->input_shape.count > 0},
          {"--kernel", options->kernel != NULL},
          {"--bias-output", options->bias_output != NULL},
      };
    const struct {
        const char *flag, *value;
    } needed[] = {{"--input", options->input},
                  {"--weights", options->weights},
                  {"--output", options->output}};
    for (size_t i = 0; i < sizeof later / sizeof later[0]; ++i)
        if (later[i].given)
            return cli_fail(failure, CLI_USAGE, "%s: is not served by version %s", later[i].flag,
                            atrous_version());
    for (size_t i = 0; i < sizeof backward / sizeof backward[0]; ++i)
        if (backward[i].given)
            return cli_fail(failure, CLI_USAGE, "%s: needs --backward-data or --backward-weights",
                            backward[i].flag);
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; ++i)
        if (needed[i].value == NULL)
            return cli_fail(failure, CLI_USAGE, "%s: is missing, must name a .npy file",
                            needed[i].flag);
    return cli_options_served(options, failure);
}

/* Batch, channels and extents of an array in a layout; spatial axes go to `extents`. */
static void split_shape(const struct cli_npy *array, atrous_layout layout, size_t *channels,
                        size_t *extents)
{
    const int rank = array->rank - 2, last = layout == ATROUS_LAYOUT_NHWC;
    *channels = array->shape[last ? rank + 1 : 1];
    memcpy(extents, &array->shape[last ? 1 : 2], (size_t)rank * sizeof *extents);
}

/* The reverse: sets an array's rank, shape and count. False when the count overflows. */
static int join_shape(struct cli_npy *array, atrous_layout layout, int rank, size_t batch,
                      size_t channels, const size_t *extents)
{
    const int last = layout == ATROUS_LAYOUT_NHWC;
    array->rank = rank + 2;
    array->shape[0] = batch;
    array->shape[last ? rank + 1 : 1] = channels;
    memcpy(&array->shape[last ? 1 : 2], extents, (size_t)rank * sizeof *extents);
    array->count = 1;
    for (int i = 0; i < array->rank; ++i)
        if (!cli_multiply(&array->count, array->shape[i]))
            return 0;
    return 1;
}

/* Derives the problem from the shapes of input and weights. */
static int make_problem(const struct cli_options *options, struct job *job,
                        struct cli_failure *failure)
{
    const struct cli_npy *x = &job->input, *w = &job->weights;
    atrous_conv *conv = &job->conv;
    atrous_error error;
    if (w->rank < 3 || w->rank > ATROUS_MAX_RANK + 2)
        return cli_fail(failure, CLI_USAGE, "%s: has %d axes, must have 3 to 5: K,C/G,spatial",
                        options->weights, w->rank);
    if (x->rank != w->rank)
        return cli_fail(failure, CLI_USAGE, "%s: has %d axes, must have %d as the weights do",
                        options->input, x->rank, w->rank);

    atrous_conv_init(conv, w->rank - 2, sizeof *conv);
    conv->batch = x->shape[0];
    conv->out_channels = w->shape[0];
    split_shape(x, options->base.input_layout, &conv->in_channels, conv->input);
    memcpy(conv->kernel, &w->shape[2], (size_t)conv->rank * sizeof *conv->kernel);
    const int code = cli_options_apply(options, conv, failure);
    if (code != CLI_DONE)
        return code;
    conv->has_bias = options->bias != NULL;
    const atrous_status status = atrous_conv_output(conv, job->extents, &error);
    if (status != ATROUS_OK)
        return cli_fail_status(failure, status, &error);
    if (w->shape[1] != conv->in_channels / conv->groups)
        return cli_fail(failure, CLI_USAGE, "%s: axis 1 is %zu, must be C/G = %zu/%zu",
                        options->weights, w->shape[1], conv->in_channels, conv->groups);
    if (!join_shape(&job->output, conv->output_layout, conv->rank, conv->batch,
                    cli_output_channels(conv), job->extents))
        return cli_fail(failure, CLI_USAGE, "--output: its size overflows");
    return CLI_DONE;
}

/* Reads an optional array that must have exactly `shape`. */
static int read_shaped(const char *path, atrous_type type, const size_t *shape, int rank,
                       struct cli_npy *array, struct cli_failure *failure)
{
    char is[CLI_NPY_RANK_MAX * 21], must[CLI_NPY_RANK_MAX * 21];
    if (path == NULL)
        return CLI_DONE;
    const int code = cli_npy_read(path, type, array, failure);
    if (code != CLI_DONE)
        return code;
    if (array->rank == rank && memcmp(array->shape, shape, (size_t)rank * sizeof *shape) == 0)
        return CLI_DONE;
    return cli_fail(failure, CLI_USAGE, "%s: shape is (%s), must be (%s)", path,
                    cli_shape_text(array->shape, array->rank, is, sizeof is),
                    cli_shape_text(shape, rank, must, sizeof must));
}

static int load(const struct cli_options *options, struct job *job, struct cli_failure *failure)
{
    const atrous_type type = options->base.type;
    int code = cli_npy_read(options->input, type, &job->input, failure);
    if (code == CLI_DONE)
        code = cli_npy_read(options->weights, type, &job->weights, failure);
    if (code == CLI_DONE)
        code = make_problem(options, job, failure);
    if (code == CLI_DONE)
        code = read_shaped(options->bias, ATROUS_TYPE_F32, &job->conv.out_channels, 1, &job->bias,
                           failure);
    if (code == CLI_DONE)
        code = read_shaped(options->residual, type, job->output.shape, job->output.rank,
                           &job->residual, failure);
    return code;
}

static int compute(const struct cli_options *options, struct cli_session *session, struct job *job,
                   struct cli_result *result, struct cli_failure *failure)
{
    atrous_plan *plan = NULL;
    atrous_arrays arrays;
    const size_t size = cli_type_size(options->base.type);
    job->output.data = calloc(job->output.count, size);
    if (job->output.data == NULL)
        return cli_fail_memory(failure, "--output", job->output.count * size);

    int code = cli_session_plan(session, options, &job->conv, &plan, failure);
    atrous_arrays_init(&arrays, sizeof arrays);
    arrays.input = job->input.data;
    arrays.weights = job->weights.data;
    arrays.bias = job->bias.data;
    arrays.residual = job->residual.data;
    arrays.output = job->output.data;
    if (code == CLI_DONE)
        code = cli_session_run(plan, options, &arrays, result, failure);
    atrous_plan_destroy(plan);
    return code;
}

static int report(const struct cli_options *options, const struct cli_session *session,
                  const struct job *job, const struct cli_result *result,
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
    struct job job = {0};
    struct cli_session session = {0};
    struct cli_result result = {.passed = true};

    int code = check_flags(options, failure);
    if (code == CLI_DONE)
        code = load(options, &job, failure);
    if (code == CLI_DONE)
        code = cli_file_probe(options->output, failure);
    if (code == CLI_DONE)
        code = cli_session_open(&session, options, failure);
    if (code == CLI_DONE)
        code = compute(options, &session, &job, &result, failure);
    if (code == CLI_DONE && result.passed)
        code = cli_npy_write(options->output, options->base.type, &job.output, failure);
    if (code == CLI_DONE && !options->quiet)
        code = report(options, &session, &job, &result, failure);
    if (code == CLI_DONE && !result.passed)
        code = cli_check_failed(&result, failure);
    cli_session_close(&session);
    release(&job);
    return code;
}
