/* A kernel applied to the colour planes of a picture, pass after pass. */
#include "cascade.h"

#include <stdlib.h>
#include <string.h>

#include "planes.h"

void cli_cascade_free(struct cli_cascade *cascade)
{
    free(cascade->planes);
    free(cascade->sites[0]);
    free(cascade->sites[1]);
    memset(cascade, 0, sizeof *cascade);
}

/* Zeroed room for the planes; NULL when their size overflows or there is no memory. */
static float *allocate(size_t count, size_t height, size_t width)
{
    size_t elements = count;
    if (!cli_multiply(&elements, height) || !cli_multiply(&elements, width))
        return NULL;
    return calloc(elements, sizeof(float));
}

static int fail_size(struct cli_failure *failure, const char *what, size_t height, size_t width)
{
    return cli_fail(failure, CLI_USAGE, "%s: its %zu x %zu pixels are more than memory holds", what,
                    width, height);
}

int cli_cascade_start(struct cli_cascade *cascade, const struct cli_picture *picture,
                      struct cli_failure *failure)
{
    cascade->planes_count = picture->channels - cli_picture_alpha(picture);
    cascade->extents[0] = picture->height;
    cascade->extents[1] = picture->width;
    cascade->planes = allocate(cascade->planes_count, picture->height, picture->width);
    if (cascade->planes == NULL)
        return fail_size(failure, "input", picture->height, picture->width);
    for (int axis = 0; axis < 2; ++axis) {
        size_t *sites = malloc(cascade->extents[axis] * sizeof *sites);
        cascade->sites[axis] = sites;
        if (sites == NULL)
            return fail_size(failure, "input", picture->height, picture->width);
        for (size_t i = 0; i < cascade->extents[axis]; ++i)
            sites[i] = i;
    }
    cli_planes_from_picture(picture, cascade->planes);
    return CLI_DONE;
}

int cli_cascade_problem(const struct cli_cascade *cascade, const struct cli_options *options,
                        const struct cli_filter *filter, atrous_conv *conv, size_t *out,
                        struct cli_failure *failure)
{
    atrous_error error;
    atrous_conv_init(conv, 2, sizeof *conv);
    /* Colours are a batch of images with one channel: nothing mixes them. */
    conv->batch = cascade->planes_count;
    memcpy(conv->input, cascade->extents, sizeof cascade->extents);
    conv->kernel[0] = filter->height;
    conv->kernel[1] = filter->width;
    const int code = cli_options_apply(options, conv, failure);
    if (code != CLI_DONE)
        return code;
    return cli_fail_status(failure, atrous_conv_output(conv, out, &error), &error);
}

/* An output sits on the input under its kernel's middle, or the nearest one inside; where the
 * extent stays, on its own place. */
static int carry_sites(size_t **sites, const atrous_conv *conv, int axis, size_t out)
{
    const size_t in = conv->input[axis], pad = conv->pad_begin[axis];
    const size_t middle = (conv->kernel[axis] - 1) * conv->dilation[axis] / 2;
    if (in == out)
        return 1;
    size_t *carried = malloc(out * sizeof *carried);
    if (carried == NULL)
        return 0;
    for (size_t p = 0; p < out; ++p) {
        const size_t at = p * conv->stride[axis] + middle;
        const size_t inside = at > pad ? at - pad : 0;
        carried[p] = (*sites)[inside < in ? inside : in - 1];
    }
    free(*sites);
    *sites = carried;
    return 1;
}

static int run_plan(struct cli_session *session, const struct cli_options *options,
                    const atrous_conv *conv, const atrous_arrays *arrays, struct cli_result *result,
                    struct cli_failure *failure)
{
    atrous_plan *plan = NULL;
    int code = cli_session_plan(session, options, conv, &plan, failure);
    if (code == CLI_DONE)
        code = cli_session_run(plan, options, arrays, result, failure);
    atrous_plan_destroy(plan);
    return code;
}

int cli_cascade_run(struct cli_cascade *cascade, struct cli_session *session,
                    const struct cli_options *options, const struct cli_filter *filter,
                    struct cli_pass *pass, struct cli_failure *failure)
{
    atrous_conv conv;
    atrous_arrays arrays;
    size_t out[ATROUS_MAX_RANK];
    int code = cli_cascade_problem(cascade, options, filter, &conv, out, failure);
    if (code != CLI_DONE)
        return code;
    float *planes = allocate(conv.batch, out[0], out[1]);
    if (planes == NULL)
        return fail_size(failure, "output", out[0], out[1]);

    atrous_arrays_init(&arrays, sizeof arrays);
    arrays.input = cascade->planes;
    arrays.weights = filter->taps;
    arrays.output = planes;
    code = run_plan(session, options, &conv, &arrays, &pass->result, failure);
    if (code != CLI_DONE) {
        free(planes);
        return code;
    }
    free(cascade->planes);
    cascade->planes = planes; /* moved */
    memcpy(pass->dilation, conv.dilation, sizeof pass->dilation);
    for (int axis = 0; axis < 2; ++axis) {
        if (!carry_sites(&cascade->sites[axis], &conv, axis, out[axis]))
            return fail_size(failure, "output", out[0], out[1]);
        cascade->extents[axis] = out[axis];
    }
    return CLI_DONE;
}
