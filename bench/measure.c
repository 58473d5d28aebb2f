/* Times one row: same data on both sides, one sample of ours, one of the peer, and again. */
#include "measure.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "contender.h"
#include "data.h"
#include "failure.h"
#include "statistics.h"

static const double sample_goal_ms = 2; /* a sample lasts at least about this long */
static const double long_run_ms = 1000; /* from here on fewer repetitions do */
static const size_t default_repeat = 7, long_repeat = 3;
/* More than rounding makes of any method here, less than one misplaced tap makes. */
static const double agreement = 1e-3;

/* What a plan reads and writes. */
struct tensors {
    atrous_arrays arrays;
    void *input, *weights, *grad; /* NULL where the direction reads none */
};

/* All that is alive while a row is measured. */
struct trial {
    const struct bench *bench;
    struct figures *figures;
    atrous_conv conv;
    atrous_plan *plan, *other; /* other: of the peers zeros and f32, or NULL */
    atrous_plan_info info;
    struct tensors data, theirs; /* theirs: of `other` */
    struct contender ours, peer; /* state NULL: not open */
};

static bool make_plan(struct trial *trial, atrous_error *error)
{
    const double start = now_ms();
    atrous_plan_options options;
    atrous_plan_options_init(&options, sizeof options);
    options.solver = trial->bench->options->solver;
    if (atrous_plan_create(trial->bench->context, &trial->conv, &options, &trial->plan, error) !=
        ATROUS_OK)
        return false;
    trial->figures->plan_ms = now_ms() - start;
    trial->info.struct_size = sizeof trial->info;
    if (atrous_plan_query(trial->plan, &trial->info, error) != ATROUS_OK)
        return false;
    snprintf(trial->figures->solver, sizeof trial->figures->solver, "%s", trial->info.solver);
    trial->figures->macs = trial->info.macs;
    trial->figures->bytes = (double)trial->info.input_bytes + (double)trial->info.weights_bytes +
                            (double)trial->info.grad_output_bytes +
                            (double)trial->info.output_bytes;
    return true;
}

/* A tensor that the direction reads, or NULL where it is of no bytes. */
static bool make_tensor(atrous_type type, size_t bytes, uint64_t seed, void **out,
                        atrous_error *error)
{
    if (bytes == 0)
        return true;
    *out = data_alloc(bytes);
    if (*out == NULL)
        return bench_fail(error, ATROUS_OUT_OF_HOST_MEMORY, "out of memory");
    data_fill(*out, bytes, type, seed);
    return true;
}

/* The tensors of a plan of a type; free_data() frees them. */
static bool make_data(const atrous_plan_info *info, atrous_type type, struct tensors *tensors,
                      atrous_error *error)
{
    atrous_arrays *arrays = &tensors->arrays;
    atrous_arrays_init(arrays, sizeof *arrays);
    if (!make_tensor(type, info->input_bytes, 1, &tensors->input, error) ||
        !make_tensor(type, info->weights_bytes, 2, &tensors->weights, error) ||
        !make_tensor(type, info->grad_output_bytes, 3, &tensors->grad, error))
        return false;
    arrays->output = data_alloc(info->output_bytes);
    if (arrays->output == NULL)
        return bench_fail(error, ATROUS_OUT_OF_HOST_MEMORY, "out of memory");
    arrays->input = tensors->input;
    arrays->weights = tensors->weights;
    arrays->grad_output = tensors->grad;
    return true;
}

static void free_data(struct tensors *tensors)
{
    free(tensors->input);
    free(tensors->weights);
    free(tensors->grad);
    free(tensors->arrays.output);
}

static bool open_ours(struct trial *trial, atrous_error *error)
{
    if (trial->info.on_cpu_path)
        return contender_cpu(trial->plan, &trial->info, &trial->data.arrays, &trial->ours, error);
    return contender_opencl(trial->bench->device, trial->plan, &trial->info, &trial->data.arrays,
                            &trial->ours, error);
}

/* The same row through the same solver, padded with zeros; or in f32, by the solver of its own
 * choice. */
static bool open_other(struct trial *trial, bool in_f32, atrous_error *error)
{
    atrous_conv conv = trial->conv;
    atrous_plan_info info = {.struct_size = sizeof info};
    atrous_plan_options options;
    atrous_plan_options_init(&options, sizeof options);
    if (in_f32)
        conv.type = ATROUS_TYPE_F32;
    else {
        conv.padding = ATROUS_PADDING_ZEROS;
        options.solver = trial->info.solver;
    }
    if (atrous_plan_create(trial->bench->context, &conv, &options, &trial->other, error) !=
            ATROUS_OK ||
        atrous_plan_query(trial->other, &info, error) != ATROUS_OK ||
        !make_data(&info, conv.type, &trial->theirs, error))
        return false;
    if (info.on_cpu_path)
        return contender_cpu(trial->other, &info, &trial->theirs.arrays, &trial->peer, error);
    return contender_opencl(trial->bench->device, trial->other, &info, &trial->theirs.arrays,
                            &trial->peer, error);
}

static bool open_peer(struct trial *trial, atrous_error *error)
{
    const enum bench_peer peer = trial->bench->options->peer;
    if (peer == PEER_CPU)
        return contender_cpu_peer(trial->bench->peer_context, &trial->conv, &trial->data.arrays,
                                  &trial->peer, error);
    if (peer == PEER_ZEROS || peer == PEER_F32)
        return open_other(trial, peer == PEER_F32, error);
    return contender_onednn(&trial->conv, peer == PEER_ONEDNN_PLAIN, &trial->data.arrays,
                            &trial->peer, error);
}

/* Milliseconds of one computation, from `count` in a row. */
static bool sample(const struct contender *contender, size_t count, bool by_device, double *ms,
                   atrous_error *error)
{
    double device_ms = -1;
    const double start = now_ms();
    if (!contender->run(contender->state, count, &device_ms, error))
        return false;
    const double wall_ms = now_ms() - start;
    *ms = (by_device && device_ms > 0 ? device_ms : wall_ms) / (double)count;
    return true;
}

/* Warms up; *count becomes how many computations make a sample. */
static bool calibrate(const struct contender *contender, size_t *count, double *ms,
                      atrous_error *error)
{
    *count = 1;
    if (!sample(contender, 1, false, ms, error))
        return false;
    if (*ms > 100 * sample_goal_ms)
        return true;
    for (;;) {
        if (!sample(contender, *count, false, ms, error))
            return false;
        if (*ms * (double)*count >= sample_goal_ms || *count >= 1000000)
            return true;
        const size_t wanted = (size_t)(1.1 * sample_goal_ms / fmax(*ms, 1e-6)) + 1;
        *count = wanted > *count ? wanted : *count + 1;
    }
}

/* Takes the samples, in turn where there is a peer. Both sides are then timed by the wall clock
 * around a blocking wait, because only that means the same on both. */
static bool take_samples(const struct trial *trial, size_t repeat, const size_t count[2],
                         double *samples, atrous_error *error)
{
    const bool pairs = trial->peer.state != NULL;
    double *ours = samples, *peer = samples + repeat, *ratio = samples + 2 * repeat;
    for (size_t i = 0; i < repeat; ++i) {
        if (!sample(&trial->ours, count[0], !pairs, &ours[i], error))
            return false;
        if (!pairs)
            continue;
        if (!sample(&trial->peer, count[1], false, &peer[i], error))
            return false;
        ratio[i] = peer[i] / ours[i];
    }
    trial->figures->ms = median(ours, repeat);
    if (pairs) {
        trial->figures->peer_ms = median(peer, repeat);
        trial->figures->ratio = median(ratio, repeat);
    }
    return true;
}

static bool time_pairs(const struct trial *trial, atrous_error *error)
{
    size_t count[2] = {1, 1};
    double ms[2] = {0, 0};
    if (!calibrate(&trial->ours, &count[0], &ms[0], error) ||
        (trial->peer.state != NULL && !calibrate(&trial->peer, &count[1], &ms[1], error)))
        return false;
    size_t repeat = trial->bench->options->repeat;
    if (repeat == 0)
        repeat = ms[0] + ms[1] > long_run_ms ? long_repeat : default_repeat;
    double *samples = calloc(3 * repeat, sizeof *samples);
    if (samples == NULL)
        return bench_fail(error, ATROUS_OUT_OF_HOST_MEMORY, "out of memory");
    const bool good = take_samples(trial, repeat, count, samples, error);
    free(samples);
    return good;
}

static bool compare_with_peer(struct trial *trial, atrous_error *error)
{
    const size_t bytes = trial->info.output_bytes;
    if (trial->conv.type != ATROUS_TYPE_F32 || trial->other != NULL)
        return true; /* of another type, or of another answer */
    float *theirs = data_alloc(bytes);
    if (theirs == NULL)
        return bench_fail(error, ATROUS_OUT_OF_HOST_MEMORY, "out of memory");
    const bool good = trial->peer.read(trial->peer.state, theirs, bytes, error);
    if (good)
        trial->figures->difference =
            data_difference(trial->data.arrays.output, theirs, bytes / sizeof *theirs);
    free(theirs);
    return good;
}

/* What was timed must also be right: against the bound, and against the peer. */
static bool check(struct trial *trial, atrous_error *error)
{
    struct figures *figures = trial->figures;
    atrous_check result = {.struct_size = sizeof result};
    if (!trial->ours.read(trial->ours.state, trial->data.arrays.output, trial->info.output_bytes,
                          error) ||
        atrous_plan_check(trial->plan, &trial->data.arrays, &result, error) != ATROUS_OK)
        return false;
    figures->error_over_bound = result.worst;
    if (trial->peer.state != NULL && !compare_with_peer(trial, error))
        return false;
    figures->wrong = !(result.worst <= 1) || figures->difference > agreement;
    return true;
}

static void close_trial(struct trial *trial)
{
    if (trial->ours.state != NULL)
        trial->ours.close(trial->ours.state);
    if (trial->peer.state != NULL)
        trial->peer.close(trial->peer.state);
    atrous_plan_destroy(trial->plan);
    atrous_plan_destroy(trial->other);
    free_data(&trial->data);
    free_data(&trial->theirs);
}

static bool run_trial(struct trial *trial, atrous_error *error)
{
    const bool with_peer = trial->bench->options->peer != PEER_NONE;
    atrous_error no_peer = {0};
    if (!make_plan(trial, error) ||
        !make_data(&trial->info, trial->conv.type, &trial->data, error) || !open_ours(trial, error))
        return false;
    if (with_peer && !open_peer(trial, &no_peer))
        snprintf(trial->figures->reason, sizeof trial->figures->reason, "%.340s", no_peer.message);
    return time_pairs(trial, error) && (!with_peer || check(trial, error));
}

bool measure_row(const struct bench *bench, const struct row *row, struct figures *figures,
                 atrous_error *error)
{
    struct trial trial = {.bench = bench, .figures = figures, .conv = row->conv};
    *figures = (struct figures){.name = row->name,
                                .ms = NAN,
                                .macs = NAN,
                                .bytes = NAN,
                                .plan_ms = NAN,
                                .peer_ms = NAN,
                                .ratio = NAN,
                                .error_over_bound = NAN,
                                .difference = NAN};
    trial.conv.math = bench->options->math;
    if (bench->options->layout_given)
        trial.conv.input_layout = trial.conv.output_layout = bench->options->layout;
    if (row->refusal[0] != '\0')
        bench_fail(error, ATROUS_INVALID_ARGUMENT, "%s", row->refusal);
    else
        figures->served = run_trial(&trial, error);
    if (!figures->served)
        snprintf(figures->reason, sizeof figures->reason, "%.340s", error->message);
    close_trial(&trial);
    return figures->served;
}

double figures_gflops(const struct figures *figures)
{
    return 2 * figures->macs / figures->ms * 1e-6;
}

double figures_peak_share(const struct figures *figures, const struct limits *limits)
{
    return figures_gflops(figures) / limits->peak_gflops;
}

double figures_copy_share(const struct figures *figures, const struct limits *limits)
{
    return figures->bytes / figures->ms * 1e-6 / limits->copy_gbps;
}
