/* atrous filter: applies a small kernel to every colour channel of a PNG picture, once or at
 * doubling dilations. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cascade.h"
#include "command.h"
#include "file.h"
#include "planes.h"
#include "progress.h"
#include "report.h"

struct job {
    struct cli_options options; /* with the filter's own defaults; its dilation doubles */
    struct cli_session session;
    struct cli_picture picture, output;
    struct cli_filter filter;
    struct cli_cascade cascade;
    struct cli_pass *passes; /* options.scales of them */
    size_t done;             /* passes that ran */
    bool passed;             /* every check so far */
};

static void release(struct job *job)
{
    free(job->passes);
    cli_cascade_free(&job->cascade);
    cli_filter_free(&job->filter);
    cli_picture_free(&job->output);
    cli_picture_free(&job->picture);
    cli_session_close(&job->session);
}

/* Refuses what makes no sense for pictures; sets the defaults that differ from conv's. */
static int adapt(struct cli_options *options, struct cli_failure *failure)
{
    if (options->kernel == NULL)
        return cli_fail(failure, CLI_USAGE, "--kernel: is missing, must be a name or a .npy file");
    if (options->base.type != ATROUS_TYPE_F32)
        return cli_fail(failure, CLI_USAGE, "--type: must be f32 for pictures");
    if (options->base.residual != ATROUS_RESIDUAL_NONE)
        return cli_fail(failure, CLI_USAGE, "--add, --add-after: not served for pictures");
    if (options->base.activation == ATROUS_ACTIVATION_GATED)
        return cli_fail(failure, CLI_USAGE, "--activation: is gated, which needs two filters");
    if (options->base.beta != 0)
        return cli_fail(failure, CLI_USAGE,
                        "--beta: is %g, must be 0 for pictures, which are written anew",
                        options->base.beta);
    const int code = cli_options_served(options, failure);
    if (code != CLI_DONE)
        return code;
    if (!options->pad_given) {
        options->pad_by_rule = true;
        options->pad_rule = ATROUS_PAD_SAME;
    }
    if (!options->pad_mode_given)
        options->base.padding = ATROUS_PADDING_REPLICATE;
    if (options->dilation.count == 0) {
        options->dilation.count = 1;
        options->dilation.value[0] = 1;
    }
    return CLI_DONE;
}

/* Everything that can be wrong with the input, before a device is opened. */
static int load(struct job *job, struct cli_failure *failure)
{
    const struct cli_options *options = &job->options;
    atrous_conv conv;
    size_t out[ATROUS_MAX_RANK];
    int code = cli_filter_load(options->kernel, &job->filter, failure);
    if (code == CLI_DONE)
        code = cli_picture_read(options->arguments[0], &job->picture, failure);
    if (code == CLI_DONE)
        code = cli_cascade_start(&job->cascade, &job->picture, failure);
    if (code == CLI_DONE)
        code = cli_cascade_problem(&job->cascade, options, &job->filter, &conv, out, failure);
    if (code != CLI_DONE)
        return code;
    job->passes = calloc(options->scales, sizeof *job->passes);
    if (job->passes == NULL)
        return cli_fail_memory(failure, "--scales", options->scales * sizeof *job->passes);
    return CLI_DONE;
}

static int run_passes(struct job *job, struct cli_failure *failure)
{
    struct cli_list *dilation = &job->options.dilation;
    job->passed = true;
    while (job->done < job->options.scales && job->passed) {
        struct cli_pass *pass = &job->passes[job->done];
        const int code = cli_cascade_run(&job->cascade, &job->session, &job->options, &job->filter,
                                         pass, failure);
        if (code != CLI_DONE)
            return code;
        job->passed = pass->result.passed;
        ++job->done;
        cli_progress(&job->options, "pass", job->done, job->options.scales);
        for (size_t i = 0; i < dilation->count; ++i)
            if (!cli_multiply(&dilation->value[i], 2) && job->done < job->options.scales)
                return cli_fail(failure, CLI_USAGE, "--scales: the dilation of pass %zu overflows",
                                job->done + 1);
    }
    return CLI_DONE;
}

/* Builds and writes the picture of the last pass. */
static int write_picture(struct job *job, struct cli_failure *failure)
{
    struct cli_picture *output = &job->output;
    const char *path = job->options.arguments[1];
    *output = job->picture;
    output->height = job->cascade.extents[0];
    output->width = job->cascade.extents[1];
    const size_t bytes = cli_picture_bytes(output);
    output->samples = bytes == 0 ? NULL : malloc(bytes);
    if (output->samples == NULL)
        return cli_fail_memory(failure, path, bytes);
    cli_planes_to_picture(job->cascade.planes, output);
    cli_planes_copy_alpha(&job->picture, output, job->cascade.sites[0], job->cascade.sites[1]);
    return cli_picture_write(path, output, failure);
}

static void print_passes(const struct job *job)
{
    char subject[96];
    for (size_t i = 0; i < job->done; ++i) {
        const struct cli_pass *pass = &job->passes[i];
        snprintf(subject, sizeof subject, "%zux%zu, dilation %zu,%zu", pass->result.info.output[1],
                 pass->result.info.output[0], pass->dilation[0], pass->dilation[1]);
        cli_print_result(subject, &job->session, &pass->result);
    }
}

static int print_json(const struct job *job, struct cli_failure *failure)
{
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "output", job->options.arguments[1]);
    cli_json_add_size(object, "width", job->cascade.extents[1]);
    cli_json_add_size(object, "height", job->cascade.extents[0]);
    cJSON *list = cJSON_AddArrayToObject(object, "passes");
    for (size_t i = 0; i < job->done; ++i) {
        cJSON *row = cJSON_CreateObject();
        cli_json_add_sizes(row, "dilation", job->passes[i].dilation, 2);
        cli_json_add_result(row, &job->session, &job->passes[i].result);
        cJSON_AddItemToArray(list, row);
    }
    return cli_json_print(object, failure);
}

static int run_job(struct job *job, struct cli_failure *failure)
{
    int code = adapt(&job->options, failure);
    if (code == CLI_DONE)
        code = load(job, failure);
    if (code == CLI_DONE)
        code = cli_file_probe(job->options.arguments[1], failure);
    if (code == CLI_DONE)
        code = cli_session_open(&job->session, &job->options, failure);
    if (code == CLI_DONE)
        code = run_passes(job, failure);
    if (code == CLI_DONE && job->passed)
        code = write_picture(job, failure);
    if (code != CLI_DONE)
        return code;
    if (job->options.json && !job->options.quiet)
        code = print_json(job, failure);
    else if (!job->options.quiet)
        print_passes(job);
    if (code == CLI_DONE && !job->passed)
        code = cli_check_failed(&job->passes[job->done - 1].result, failure);
    return code;
}

int cli_filter(const struct cli_options *options, struct cli_failure *failure)
{
    struct job job = {.options = *options};
    const int code = run_job(&job, failure);
    release(&job);
    return code;
}
