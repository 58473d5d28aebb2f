/* The CPU path with float accumulators: packs weights and shares tiles among threads. */
#include "cpu/cpu.h"
#include "cpu/epilogue.h"
#include "cpu/forms.h"
#include "cpu/pack.h"
#include "cpu/threads.h"
#include "cpu/tile.h"
#include "cpu/types.h"

#include <omp.h>
#include <stdlib.h>

/* The call's data, shared by its threads. */
struct job {
    const struct atrous__blocking *blocking;
    struct atrous__work work;
    size_t filter_parts; /* units of work per (place, batch, group) */
};

/* Unit of work `unit`. Units of one place come one after the other. */
static void run_unit(const struct job *job, struct atrous__tile *tile, size_t unit)
{
    const struct atrous__blocking *b = job->blocking;
    const struct atrous__problem *problem = b->view.problem;
    const size_t first = unit % job->filter_parts * b->filters;
    unit /= job->filter_parts;
    const size_t group = unit % problem->groups;
    unit /= problem->groups;
    atrous__tile_place(tile, unit / problem->batch);
    atrous__tile_run(tile, &job->work, unit % problem->batch, group, first,
                     atrous__min(b->filters, problem->filters - first));
}

/* Units handed to a thread at a time: few enough hand-outs to cost nothing, enough to even out
 * the ends. */
static int portion(size_t units, unsigned threads)
{
    return (int)atrous__min(atrous__max(units / threads / 16, 1), 64);
}

static atrous_status run_units(struct job *job, unsigned threads, atrous_error *error)
{
    const struct atrous__blocking *b = job->blocking;
    const struct atrous__problem *problem = b->view.problem;
    atrous_status status = ATROUS_OK;
    job->filter_parts = atrous__ceil_div(problem->filters, b->filters);
    const size_t units =
        atrous__tile_places(b) * problem->batch * problem->groups * job->filter_parts;
    threads = (unsigned)atrous__min(threads, units);

    struct atrous__tile *tiles = calloc(threads, sizeof *tiles);
    if (tiles == NULL)
        return atrous__fail(error, ATROUS_OUT_OF_HOST_MEMORY, "threads",
                            "is %u: no memory for their state", threads);
    for (unsigned i = 0; i < threads && status == ATROUS_OK; ++i)
        status = atrous__tile_make(&tiles[i], b, error);
    if (status == ATROUS_OK) {
        const ptrdiff_t end = (ptrdiff_t)units;
#pragma omp parallel for schedule(dynamic, portion(units, threads)) num_threads((int)threads)
        for (ptrdiff_t unit = 0; unit < end; ++unit)
            run_unit(job, &tiles[omp_get_thread_num()], (size_t)unit);
    }
    for (unsigned i = 0; i < threads; ++i)
        atrous__tile_free(&tiles[i]);
    free(tiles);
    return status;
}

/* For weights that are not finite: a tile multiplies the zeros of the padding by weights, and
 * infinity times 0 is NaN, where leaving the padding out is not. The exact sums leave it out. And
 * for sums of integers beyond what a float counts. */
static atrous_status run_exact(const struct atrous__problem *problem, const atrous_arrays *arrays,
                               unsigned threads, atrous_error *error)
{
    const size_t all = problem->out_count + problem->bias_out_count;
    const size_t part = atrous__min(all, (size_t)1 << 20);
    double *value = calloc(part, sizeof *value);
    double *magnitude = calloc(part, sizeof *magnitude);
    float *output = arrays->output, *bias_output = arrays->bias_output;
    atrous_status status = ATROUS_OK;
    if (value == NULL || magnitude == NULL)
        status = atrous__fail(error, ATROUS_OUT_OF_HOST_MEMORY, "output",
                              "no memory for %zu sums in double precision", part);
    for (size_t first = 0; first < all && status == ATROUS_OK; first += part) {
        const size_t count = atrous__min(part, all - first);
        status = atrous__cpu_exact(problem, arrays, NULL, first, count, threads, value, magnitude,
                                   error);
        for (size_t i = 0; i < count && status == ATROUS_OK; ++i) {
            const size_t at = first + i;
            *(at < problem->out_count ? output + at : bias_output + (at - problem->out_count)) =
                (float)value[i];
        }
    }
    free(value);
    free(magnitude);
    return status;
}

/* Weights as floats, in the order of the inner loops; *finite: all of them are. */
static float *pack(const struct atrous__blocking *b, const void *weights, atrous_type type,
                   unsigned threads, bool *finite)
{
    const size_t count = b->view.problem->weights_count;
    float *packed = malloc(count * sizeof *packed);
    float *wide = type != ATROUS_TYPE_F32 ? malloc(count * sizeof *wide) : NULL;
    if (packed == NULL || (wide == NULL && type != ATROUS_TYPE_F32)) {
        free(packed);
        free(wide);
        return NULL;
    }
    if (wide != NULL)
        atrous__widen(type, weights, wide, count, threads);
    *finite = atrous__pack_weights(&b->view, b->micro->filters, wide != NULL ? wide : weights,
                                   packed, threads);
    free(wide);
    return packed;
}

atrous_status atrous__tiles_run(const struct atrous__problem *problem, atrous_type type,
                                const struct atrous__problem *epilogue, const atrous_arrays *arrays,
                                unsigned threads, bool *finite, atrous_error *error)
{
    struct atrous__blocking blocking = {.row_tiles = NULL};
    threads = atrous__threads_for(problem->macs, threads);
    atrous_status status = atrous__blocking_make(
        &blocking, problem, problem->conv.type == ATROUS_TYPE_I8, threads, error);
    if (status != ATROUS_OK)
        return status;
    float *packed = pack(&blocking, arrays->weights, type, threads, finite);
    if (packed == NULL) {
        status = atrous__fail(error, ATROUS_OUT_OF_HOST_MEMORY, "weights",
                              "no memory for a reordered copy of %zu", problem->weights_count);
    } else if (*finite) {
        struct job job = {
            .blocking = &blocking,
            .work = {.arrays = arrays, .type = type, .packed = packed, .epilogue = epilogue}};
        status = run_units(&job, threads, error);
    }
    free(packed);
    atrous__blocking_free(&blocking);
    return status;
}

atrous_status atrous__sums_run(const struct atrous__problem *problem, const atrous_arrays *arrays,
                               unsigned threads, atrous_error *error)
{
    bool finite = true;
    if (problem->form == ATROUS__GRADIENT)
        return atrous__gradient_run(problem, arrays, threads, error);
    if (problem->form == ATROUS__SPREAD)
        return atrous__spread_run(problem, arrays, threads, error);
    const atrous_status status =
        atrous__tiles_run(problem, ATROUS_TYPE_F32, NULL, arrays, threads, &finite, error);
    return finite ? status : run_exact(problem, arrays, threads, error);
}

/* Sums of int8 beyond what a float counts, where no tiles take care of it. */
static bool exceeds_float(const struct atrous__problem *problem)
{
    return problem->form == ATROUS__GRADIENT && problem->conv.type == ATROUS_TYPE_I8 &&
           atrous__direct_terms(problem) > ATROUS__WHOLE_PRODUCTS + 1.0;
}

atrous_status atrous__floats_run(const struct atrous__problem *problem, const atrous_arrays *arrays,
                                 unsigned threads, atrous_error *error)
{
    if (problem->fold.is_there)
        return atrous__fold_run(problem, arrays, threads, error);
    if (atrous__epilogue_is_plain(problem))
        return atrous__sums_run(problem, arrays, threads, error);

    struct atrous__problem sums = atrous__epilogue_sums(problem);
    sums.conv.type = problem->conv.type; /* whole sums stay exact */
    const bool is_apart = sums.out_count != problem->out_count || problem->conv.beta != 0.0;
    const size_t bias_out = problem->bias_out_count;
    atrous_arrays inner = *arrays;
    float *apart = NULL;
    if (is_apart) {
        apart = malloc((sums.out_count + bias_out) * sizeof *apart);
        if (apart == NULL)
            return atrous__fail(error, ATROUS_OUT_OF_HOST_MEMORY, "output",
                                "no memory for %zu sums before the epilogue", sums.out_count);
        inner.output = apart;
        inner.bias_output = apart + sums.out_count;
    }
    const atrous_status status = exceeds_float(problem)
                                     ? run_exact(&sums, &inner, threads, error)
                                     : atrous__sums_run(&sums, &inner, threads, error);
    if (status == ATROUS_OK) {
        threads = atrous__threads_for(problem->macs, threads);
        atrous__epilogue_run(problem, inner.output, arrays, arrays->output, problem->out_count,
                             threads);
        atrous__epilogue_run(problem, inner.bias_output, arrays, arrays->bias_output, bias_out,
                             threads);
    }
    free(apart);
    return status;
}

atrous_status atrous__cpu_run(const struct atrous__problem *problem, const atrous_arrays *arrays,
                              unsigned threads, atrous_error *error)
{
    const unsigned workers = atrous__cpu_threads(threads);
    atrous_status status = ATROUS_OK;
    atrous_arrays wide;
    float *memory = NULL;
    /* A gate's partners lie in other tiles. */
    if (problem->form == ATROUS__SUM && !problem->fold.is_there &&
        problem->conv.activation != ATROUS_ACTIVATION_GATED) {
        const struct atrous__problem *epilogue =
            atrous__epilogue_is_plain(problem) ? NULL : problem;
        bool finite = true;
        status = atrous__tiles_run(problem, problem->conv.type, epilogue, arrays, threads, &finite,
                                   error);
        if (status != ATROUS_OK || finite)
            return status;
    }
    if (problem->conv.type == ATROUS_TYPE_F32)
        return atrous__floats_run(problem, arrays, threads, error);
    status = atrous__widen_arrays(problem, arrays, problem->conv.beta != 0.0, workers, &wide,
                                  &memory, error);
    if (status == ATROUS_OK)
        status = atrous__floats_run(problem, &wide, threads, error);
    if (status == ATROUS_OK)
        atrous__narrow(problem->conv.type, wide.output, arrays->output, problem->out_count,
                       workers);
    free(memory);
    return status;
}
