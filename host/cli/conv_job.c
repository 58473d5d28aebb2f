/* From .npy files and flags to a problem of any direction. */
#include "conv_job.h"

#include <stdlib.h>
#include <string.h>

#include "session.h"

void cli_conv_job_free(struct cli_conv_job *job)
{
    cli_npy_free(&job->input);
    cli_npy_free(&job->weights);
    cli_npy_free(&job->bias);
    cli_npy_free(&job->scale);
    cli_npy_free(&job->residual);
    cli_npy_free(&job->grad_output);
    cli_npy_free(&job->output);
    cli_npy_free(&job->bias_output);
    cli_npy_free(&job->previous);
    cli_npy_free(&job->previous_bias_output);
}

/* Channels of an array in a layout; its spatial axes go to `extents`, where given. */
static size_t split_shape(const struct cli_npy *array, atrous_layout layout, size_t *extents)
{
    const int rank = array->rank - 2, last = layout == ATROUS_LAYOUT_NHWC;
    if (extents != NULL)
        memcpy(extents, &array->shape[last ? 1 : 2], (size_t)rank * sizeof *extents);
    return array->shape[last ? rank + 1 : 1];
}

/* The reverse: sets an array's rank, shape and count. */
static int join_shape(struct cli_npy *array, const char *flag, atrous_layout layout, int rank,
                      size_t batch, size_t channels, const size_t *extents,
                      struct cli_failure *failure)
{
    const int last = layout == ATROUS_LAYOUT_NHWC;
    array->rank = rank + 2;
    array->shape[0] = batch;
    array->shape[last ? rank + 1 : 1] = channels;
    memcpy(&array->shape[last ? 1 : 2], extents, (size_t)rank * sizeof *extents);
    array->count = 1;
    for (int i = 0; i < array->rank; ++i)
        if (!cli_multiply(&array->count, array->shape[i]))
            return cli_fail(failure, CLI_USAGE, "%s: its size overflows", flag);
    return CLI_DONE;
}

static int expect_shape(const char *path, const struct cli_npy *array, const size_t *shape,
                        int rank, struct cli_failure *failure)
{
    char is[CLI_NPY_RANK_MAX * 21], must[CLI_NPY_RANK_MAX * 21];
    if (array->rank == rank && memcmp(array->shape, shape, (size_t)rank * sizeof *shape) == 0)
        return CLI_DONE;
    return cli_fail(failure, CLI_USAGE, "%s: shape is (%s), must be (%s)", path,
                    cli_shape_text(array->shape, array->rank, is, sizeof is),
                    cli_shape_text(shape, rank, must, sizeof must));
}

/* Reads an optional array that must have exactly `shape`. */
static int read_shaped(const char *path, atrous_type type, const size_t *shape, int rank,
                       struct cli_npy *array, struct cli_failure *failure)
{
    if (path == NULL)
        return CLI_DONE;
    const int code = cli_npy_read(path, type, array, failure);
    return code == CLI_DONE ? expect_shape(path, array, shape, rank, failure) : code;
}

/* The rank that all files and lists agree on. */
static int check_ranks(const struct cli_options *options, const struct cli_conv_job *job, int *rank,
                       struct cli_failure *failure)
{
    const struct {
        const char *path;
        const struct cli_npy *array;
    } files[] = {{options->weights, &job->weights},
                 {options->input, &job->input},
                 {options->grad_output, &job->grad_output}};
    int axes = 0;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; ++i) {
        if (files[i].path == NULL)
            continue;
        const int has = files[i].array->rank;
        if (has < 3 || has > ATROUS_MAX_RANK + 2)
            return cli_fail(failure, CLI_USAGE,
                            "%s: has %d axes, must have 3 to 5: two and the spatial ones",
                            files[i].path, has);
        if (axes != 0 && has != axes)
            return cli_fail(failure, CLI_USAGE, "%s: has %d axes, must have %d as %s does",
                            files[i].path, has, axes,
                            files[i - 1].path != NULL ? files[i - 1].path : files[0].path);
        axes = has;
    }
    if (options->input_shape.count > 0 && options->input_shape.count != (size_t)axes)
        return cli_fail(failure, CLI_USAGE, "--input-shape: has %zu numbers, must have %d",
                        options->input_shape.count, axes);
    *rank = axes - 2;
    return CLI_DONE;
}

/* Batch, channels, extents and kernel, each from where the direction has it. */
static int measure(const struct cli_options *options, const struct cli_conv_job *job,
                   atrous_conv *conv, struct cli_failure *failure)
{
    const struct cli_npy *x = &job->input, *w = &job->weights, *dy = &job->grad_output;
    const size_t *asked = options->input_shape.value;
    const size_t extents = (size_t)conv->rank * sizeof *conv->input;
    struct cli_list kernel = {0};
    if (options->input != NULL) {
        conv->batch = x->shape[0];
        conv->in_channels = split_shape(x, options->base.input_layout, conv->input);
    } else {
        conv->batch = asked[0];
        conv->in_channels = asked[1];
        memcpy(conv->input, asked + 2, extents);
    }
    if (options->weights != NULL) {
        memcpy(conv->kernel, &w->shape[2], extents);
        conv->out_channels = w->shape[0];
    } else {
        int code = cli_parse_list("--kernel", options->kernel, &kernel, failure);
        if (code == CLI_DONE)
            code = cli_spread("--kernel", &kernel, conv->rank, conv->kernel, failure);
        if (code != CLI_DONE)
            return code;
        conv->out_channels = split_shape(dy, options->base.output_layout, NULL);
    }
    if (options->transposed) {
        conv->out_channels = w->shape[1];
        if (!cli_multiply(&conv->out_channels, options->base.groups))
            return cli_fail(failure, CLI_USAGE, "%s: its channels overflow", options->weights);
    }
    return CLI_DONE;
}

/* Axes 0 and 1 of the weights: K,C/G or, transposed, C,K/G. */
static int check_weights(const struct cli_options *options, const struct cli_conv_job *job,
                         struct cli_failure *failure)
{
    const atrous_conv *conv = &job->conv;
    const size_t *shape = job->weights.shape;
    if (options->weights == NULL)
        return CLI_DONE;
    if (options->transposed && shape[0] != conv->in_channels)
        return cli_fail(failure, CLI_USAGE, "%s: axis 0 is %zu, must be C = %zu", options->weights,
                        shape[0], conv->in_channels);
    if (!options->transposed && shape[1] != conv->in_channels / conv->groups)
        return cli_fail(failure, CLI_USAGE, "%s: axis 1 is %zu, must be C/G = %zu/%zu",
                        options->weights, shape[1], conv->in_channels, conv->groups);
    return CLI_DONE;
}

/* dy has the shape that the forward output would have. */
static int check_grad(const struct cli_options *options, const struct cli_conv_job *job,
                      struct cli_failure *failure)
{
    atrous_conv forward = job->conv;
    struct cli_npy must = {.rank = 0};
    size_t extents[ATROUS_MAX_RANK];
    atrous_error error;
    if (options->grad_output == NULL)
        return CLI_DONE;
    forward.direction = ATROUS_FORWARD;
    const atrous_status status = atrous_conv_output(&forward, extents, &error);
    if (status != ATROUS_OK)
        return cli_fail_status(failure, status, &error);
    const int code = join_shape(&must, "--grad-output", forward.output_layout, forward.rank,
                                forward.batch, forward.out_channels, extents, failure);
    if (code != CLI_DONE)
        return code;
    return expect_shape(options->grad_output, &job->grad_output, must.shape, must.rank, failure);
}

/* Shapes of what is written. */
static int shape_outputs(struct cli_conv_job *job, const size_t *extents,
                         struct cli_failure *failure)
{
    const atrous_conv *conv = &job->conv;
    job->bias_output.rank = 1;
    job->bias_output.shape[0] = job->bias_output.count = conv->out_channels;
    if (conv->direction == ATROUS_BACKWARD_WEIGHTS)
        return join_shape(&job->output, "--output", ATROUS_LAYOUT_NCHW, conv->rank,
                          conv->out_channels, conv->in_channels / conv->groups, extents, failure);
    if (conv->direction == ATROUS_BACKWARD_DATA)
        return join_shape(&job->output, "--output", conv->input_layout, conv->rank, conv->batch,
                          conv->in_channels, extents, failure);
    return join_shape(&job->output, "--output", conv->output_layout, conv->rank, conv->batch,
                      cli_output_channels(conv), extents, failure);
}

/* Derives the problem from the shapes of the arrays that were read. */
static int make_problem(const struct cli_options *options, struct cli_conv_job *job,
                        struct cli_failure *failure)
{
    atrous_conv *conv = &job->conv;
    size_t extents[ATROUS_MAX_RANK] = {0};
    atrous_error error;
    int rank = 0;
    int code = check_ranks(options, job, &rank, failure);
    if (code != CLI_DONE)
        return code;
    atrous_conv_init(conv, rank, sizeof *conv);
    code = measure(options, job, conv, failure);
    if (code == CLI_DONE)
        code = cli_options_apply(options, conv, failure);
    if (code != CLI_DONE)
        return code;
    conv->has_bias = options->bias != NULL || options->bias_output != NULL;
    conv->channel_scale = options->scale != NULL;
    const atrous_status status = atrous_conv_output(conv, extents, &error);
    if (status != ATROUS_OK)
        return cli_fail_status(failure, status, &error);
    code = check_weights(options, job, failure);
    if (code == CLI_DONE)
        code = check_grad(options, job, failure);
    return code == CLI_DONE ? shape_outputs(job, extents, failure) : code;
}

/* What a file that is about to be written holds: y of beta * y, once to start from and once to
 * check against. */
static int read_held(const char *path, const char *flag, atrous_type type, double beta,
                     struct cli_npy *array, struct cli_npy *previous, struct cli_failure *failure)
{
    const int code = read_shaped(path, type, array->shape, array->rank, previous, failure);
    if (code != CLI_DONE) {
        const struct cli_failure why = *failure;
        return cli_fail(failure, CLI_USAGE, "--beta: is %g, needs what %s holds: %s", beta, flag,
                        why.text);
    }
    const size_t bytes = previous->count * cli_type_size(type);
    array->data = malloc(bytes);
    if (array->data == NULL)
        return cli_fail_memory(failure, flag, bytes);
    memcpy(array->data, previous->data, bytes);
    return CLI_DONE;
}

static int read_previous(const struct cli_options *options, struct cli_conv_job *job,
                         struct cli_failure *failure)
{
    const double beta = job->conv.beta;
    if (beta == 0)
        return CLI_DONE;
    const int code = read_held(options->output, "--output", options->base.type, beta, &job->output,
                               &job->previous, failure);
    if (code != CLI_DONE || options->bias_output == NULL)
        return code;
    return read_held(options->bias_output, "--bias-output", ATROUS_TYPE_F32, beta,
                     &job->bias_output, &job->previous_bias_output, failure);
}

int cli_conv_job_load(const struct cli_options *options, struct cli_conv_job *job,
                      struct cli_failure *failure)
{
    const atrous_type type = options->base.type;
    int code = CLI_DONE;
    if (options->input != NULL)
        code = cli_npy_read(options->input, type, &job->input, failure);
    if (code == CLI_DONE && options->weights != NULL)
        code = cli_npy_read(options->weights, type, &job->weights, failure);
    if (code == CLI_DONE && options->grad_output != NULL)
        code = cli_npy_read(options->grad_output, type, &job->grad_output, failure);
    if (code == CLI_DONE)
        code = make_problem(options, job, failure);
    if (code == CLI_DONE)
        code = read_shaped(options->bias, ATROUS_TYPE_F32, &job->conv.out_channels, 1, &job->bias,
                           failure);
    if (code == CLI_DONE)
        code = read_shaped(options->scale, ATROUS_TYPE_F32, &job->conv.out_channels, 1, &job->scale,
                           failure);
    if (code == CLI_DONE)
        code = read_shaped(options->residual, type, job->output.shape, job->output.rank,
                           &job->residual, failure);
    return code == CLI_DONE ? read_previous(options, job, failure) : code;
}
