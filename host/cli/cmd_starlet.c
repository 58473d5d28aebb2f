/* atrous starlet: the wavelet planes of a picture, and the picture again as their sum. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <atrous/starlet.h>

#include "command.h"
#include "planes.h"
#include "progress.h"
#include "report.h"
#include "starlet_files.h"

/* The sum of the planes may be this far from the picture, of full scale. */
static const double most_error = 1e-6;

struct job {
    const struct cli_options *options;
    struct cli_session session;
    struct cli_picture picture;
    atrous_starlet *starlet;
    size_t count;                /* of one plane, all colours */
    float *image, *planes, *sum; /* planes: [scales + 1][count] */
    struct cli_result result;
    double error; /* of the sum */
};

static void release(struct job *job)
{
    atrous_starlet_destroy(job->starlet);
    free(job->image);
    free(job->planes);
    free(job->sum);
    cli_picture_free(&job->picture);
    cli_session_close(&job->session);
}

static int load(struct job *job, struct cli_failure *failure)
{
    const size_t scales = job->options->scales;
    if (scales > ATROUS_STARLET_MAX_SCALES)
        return cli_fail(failure, CLI_USAGE, "--scales: is %zu, must be 1 to %d", scales,
                        ATROUS_STARLET_MAX_SCALES);
    const int code = cli_picture_read(job->options->arguments[0], &job->picture, failure);
    if (code != CLI_DONE)
        return code;
    job->count = job->picture.channels - cli_picture_alpha(&job->picture);
    size_t all = scales + 1;
    if (!cli_multiply(&job->count, job->picture.height) ||
        !cli_multiply(&job->count, job->picture.width) || !cli_multiply(&all, job->count))
        return cli_fail_memory(failure, "--scales", SIZE_MAX);
    job->image = calloc(job->count, sizeof *job->image);
    job->sum = calloc(job->count, sizeof *job->sum);
    job->planes = calloc(all, sizeof *job->planes);
    if (job->image == NULL || job->sum == NULL || job->planes == NULL)
        return cli_fail_memory(failure, "--scales", all);
    cli_planes_from_picture(&job->picture, job->image);
    return CLI_DONE;
}

/* The solvers of all layers, each once, and why the CPU path serves one, if it does. */
static void describe(struct job *job)
{
    atrous_stack *stack = atrous_starlet_stack(job->starlet);
    struct cli_result *result = &job->result;
    atrous_stack_info whole = {.struct_size = sizeof whole};
    const atrous_plan *plan = NULL;
    atrous_stack_query(stack, &whole, NULL);
    for (size_t i = 0; (plan = atrous_stack_plan(stack, i)) != NULL; ++i) {
        atrous_plan_info info = {.struct_size = sizeof info};
        const size_t used = strlen(result->solver);
        atrous_plan_query(plan, &info, NULL);
        if (strstr(result->solver, info.solver) == NULL)
            snprintf(result->solver + used, sizeof result->solver - used, "%s%s",
                     used > 0 ? ", " : "", info.solver);
        if (info.fallback != NULL && result->fallback[0] == '\0')
            snprintf(result->fallback, sizeof result->fallback, "%s", info.fallback);
    }
    result->info.on_cpu_path = whole.on_cpu_path;
    result->info.macs = whole.macs;
    result->info.valid_macs = whole.valid_macs;
    result->info.workspace_bytes = whole.workspace_bytes;
    result->info.create_ms = whole.create_ms;
    result->passed = true;
}

static int create(struct job *job, struct cli_failure *failure)
{
    const struct cli_options *options = job->options;
    atrous_plan_options plan;
    atrous_shape shape;
    atrous_error error;

    atrous_plan_options_init(&plan, sizeof plan);
    plan.solver = options->solver;
    atrous_shape_init(&shape, 2, sizeof shape);
    shape.channels = job->picture.channels - cli_picture_alpha(&job->picture);
    shape.extents[0] = job->picture.height;
    shape.extents[1] = job->picture.width;
    const atrous_status status = atrous_starlet_create(
        job->session.context, &shape, options->scales, &plan, &job->starlet, &error);
    if (status != ATROUS_OK && job->session.fell_back && strstr(error.field, "solver") != NULL)
        return cli_fail(failure, CLI_DEVICE,
                        "--solver: is %s, which needs an OpenCL device, and there is none",
                        options->solver);
    if (status != ATROUS_OK)
        return cli_fail_status(failure, status, &error);
    describe(job);
    if (job->result.fallback[0] != '\0' && !job->session.told && !options->quiet)
        fprintf(stderr, "using the CPU path: %s\n", job->result.fallback);
    return CLI_DONE;
}

/* Runs once more `repeat` times, on the host's clock: copies to and from the device count. */
static int repeat_runs(struct job *job, struct cli_failure *failure)
{
    const size_t repeat = job->options->repeat;
    atrous_status status = ATROUS_OK;
    atrous_error error;
    double *ms = repeat > 0 ? malloc(repeat * sizeof *ms) : NULL;
    if (repeat == 0)
        return CLI_DONE;
    if (ms == NULL)
        return cli_fail_memory(failure, "--repeat", repeat * sizeof *ms);
    for (size_t i = 0; i < repeat && status == ATROUS_OK; ++i) {
        const double start = cli_now_ms();
        status = atrous_starlet_run(job->starlet, job->image, job->planes, &error);
        ms[i] = cli_now_ms() - start;
        cli_progress(job->options, "repeat", i + 1, repeat);
    }
    if (status == ATROUS_OK)
        cli_result_time(&job->result, ms, repeat);
    free(ms);
    return cli_fail_status(failure, status, &error);
}

static int check(struct job *job, struct cli_failure *failure)
{
    void *outputs[ATROUS_STARLET_MAX_SCALES + 1];
    atrous_stack_arrays arrays;
    atrous_error error;
    if (!job->options->check)
        return CLI_DONE;
    for (size_t i = 0; i <= job->options->scales; ++i)
        outputs[i] = job->planes + i * job->count;
    atrous_stack_arrays_init(&arrays, sizeof arrays);
    arrays.input = job->image;
    arrays.weights = atrous_starlet_weights(job->starlet);
    arrays.outputs = outputs;
    job->result.check.struct_size = sizeof job->result.check;
    const atrous_status status = atrous_stack_check(atrous_starlet_stack(job->starlet), &arrays,
                                                    &job->result.check, NULL, &error);
    job->result.checked = true;
    job->result.passed = job->result.check.worst <= 1; /* false for NaN */
    return cli_fail_status(failure, status, &error);
}

static int compute(struct job *job, struct cli_failure *failure)
{
    atrous_error error;
    const double start = cli_now_ms();
    atrous_status status = atrous_starlet_run(job->starlet, job->image, job->planes, &error);
    job->result.ms = cli_now_ms() - start;
    if (status == ATROUS_OK)
        status = atrous_starlet_sum(job->starlet, job->planes, job->sum, &error);
    if (status != ATROUS_OK)
        return cli_fail_status(failure, status, &error);
    for (size_t i = 0; i < job->count; ++i)
        job->error = fmax(job->error, fabs((double)job->sum[i] - (double)job->image[i]));
    const int code = check(job, failure);
    return code == CLI_DONE ? repeat_runs(job, failure) : code;
}

static int write_files(const struct job *job, struct cli_failure *failure)
{
    const struct cli_options *options = job->options;
    const struct cli_starlet_files files = {options->arguments[1], &job->picture, options->scales,
                                            job->planes, job->sum};
    const size_t count = options->scales + 2; /* the smooth plane and the sum */
    int code = CLI_DONE;
    for (size_t i = 0; i < count && code == CLI_DONE; ++i) {
        code = cli_starlet_write(&files, i, failure);
        cli_progress(options, "writing", i + 1, count);
    }
    return code;
}

static int print_json(const struct job *job, struct cli_failure *failure)
{
    const struct cli_options *options = job->options;
    char name[32];
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "output", options->arguments[1]);
    cli_json_add_size(object, "width", job->picture.width);
    cli_json_add_size(object, "height", job->picture.height);
    cli_json_add_size(object, "scales", options->scales);
    cJSON *list = cJSON_AddArrayToObject(object, "planes");
    for (size_t i = 0; i <= options->scales; ++i)
        cJSON_AddItemToArray(
            list, cJSON_CreateString(cli_starlet_name(i, options->scales, name, sizeof name)));
    cJSON_AddNumberToObject(object, "reconstruction_error", job->error);
    cli_json_add_result(object, &job->session, &job->result);
    return cli_json_print(object, failure);
}

static int tell(const struct job *job, struct cli_failure *failure)
{
    char subject[96];
    if (job->options->json)
        return print_json(job, failure);
    snprintf(subject, sizeof subject, "%zux%zu, %zu scale%s", job->picture.width,
             job->picture.height, job->options->scales, job->options->scales == 1 ? "" : "s");
    cli_print_result(subject, &job->session, &job->result);
    printf("reconstruction: worst error %.3g of full scale\n", job->error);
    return CLI_DONE;
}

static int run_job(struct job *job, struct cli_failure *failure)
{
    int code = load(job, failure);
    if (code == CLI_DONE)
        code = cli_session_open(&job->session, job->options, failure);
    if (code == CLI_DONE)
        code = create(job, failure);
    if (code == CLI_DONE)
        code = cli_starlet_prepare(job->options->arguments[1], failure);
    if (code == CLI_DONE)
        code = compute(job, failure);
    if (code == CLI_DONE && job->result.passed)
        code = write_files(job, failure);
    if (code == CLI_DONE && !job->options->quiet)
        code = tell(job, failure);
    if (code == CLI_DONE && !job->result.passed)
        return cli_check_failed(&job->result, failure);
    if (code == CLI_DONE && !(job->error <= most_error))
        return cli_fail(failure, CLI_CHECK_FAILED,
                        "reconstruction: worst error is %.3g of full scale, must be at most %.3g",
                        job->error, most_error);
    return code;
}

int cli_starlet(const struct cli_options *options, struct cli_failure *failure)
{
    struct job job = {.options = options};
    const int code = run_job(&job, failure);
    release(&job);
    return code;
}
