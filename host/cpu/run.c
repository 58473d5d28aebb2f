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

atrous_status atrous__tiles_run(const struct atrous__problem *problem,
                                const struct atrous__work *work, const float *weights,
                                unsigned threads, bool *finite, atrous_error *error)
{
    struct atrous__blocking blocking = {.row_tiles = NULL};
    threads = atrous__threads_for(problem->macs, threads);
    atrous_status status = atrous__blocking_make(
        &blocking, problem, problem->conv.type == ATROUS_TYPE_I8, threads, error);
    if (status != ATROUS_OK)
        return status;
    float *packed = malloc(problem->weights_count * sizeof *packed);
    if (packed == NULL) {
        status = atrous__fail(error, ATROUS_OUT_OF_HOST_MEMORY, "weights",
                              "no memory for a reordered copy of %zu", problem->weights_count);
    } else {
        struct job job = {.blocking = &blocking, .work = *work};
        job.work.packed = packed;
        *finite =
            atrous__pack_weights(&blocking.view, blocking.micro->filters, weights, packed, threads);
        if (*finite)
            status = run_units(&job, threads, error);
    }
    free(packed);
    atrous__blocking_free(&blocking);
    return status;
}

struct atrous__landing atrous__landing_make(const struct atrous__view *view,
                                            const struct atrous__problem *whole, size_t pixel)
{
    struct atrous__landing landing = {.first = 0};
    for (int i = 0; i < ATROUS__AXES; ++i) {
        const int axis = (i + ATROUS__AXES - view->turns) % ATROUS__AXES;
        landing.axis[i].count = view->axis[i].out;
        landing.axis[i].pitch = pixel;
        for (int inner = axis + 1; inner < ATROUS__AXES; ++inner)
            landing.axis[i].pitch *= whole->axis[inner].out;
    }
    return landing;
}

/* A problem of the forms SUM and SPREAD on tensors of `type`, with what follows the sums, or NULL
 * (never a gate, whose partners lie in other tiles). *finite: all weights are; else nothing is
 * computed. */
static atrous_status run_tiled(const struct atrous__problem *problem, atrous_type type,
                               const struct atrous__problem *epilogue, const atrous_arrays *arrays,
                               unsigned threads, bool *finite, atrous_error *error)
{
    const struct atrous__view view = atrous__view_make(problem);
    const struct atrous__landing landing = atrous__landing_make(&view, problem, view.out.pixel);
    const struct atrous__work work = {.arrays = arrays,
                                      .type = type,
                                      .epilogue = epilogue,
                                      .landings = &landing,
                                      .filters = problem->filters,
                                      .out = view.out};
    const float *weights = arrays->weights;
    float *wide = NULL;
    if (type != ATROUS_TYPE_F32) {
        weights = wide = malloc(problem->weights_count * sizeof *wide);
        if (wide == NULL)
            return atrous__fail(error, ATROUS_OUT_OF_HOST_MEMORY, "weights",
                                "no memory for %zu floats", problem->weights_count);
        atrous__widen(type, arrays->weights, wide, problem->weights_count,
                      atrous__threads_for(problem->macs, threads));
    }
    const atrous_status status =
        problem->form == ATROUS__SPREAD
            ? atrous__spread_run(problem, &work, weights, threads, finite, error)
            : atrous__tiles_run(problem, &work, weights, threads, finite, error);
    free(wide);
    return status;
}

/* The sums, bias included, of a problem without an epilogue, on arrays of floats. */
static atrous_status run_sums(const struct atrous__problem *problem, const atrous_arrays *arrays,
                              unsigned threads, atrous_error *error)
{
    bool finite = true;
    if (problem->form == ATROUS__GRADIENT)
        return atrous__gradient_run(problem, arrays, threads, error);
    const atrous_status status =
        run_tiled(problem, ATROUS_TYPE_F32, NULL, arrays, threads, &finite, error);
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
        return run_sums(problem, arrays, threads, error);

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
    const atrous_status status = exceeds_float(problem) ? run_exact(&sums, &inner, threads, error)
                                                        : run_sums(&sums, &inner, threads, error);
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
    if (problem->form != ATROUS__GRADIENT && !problem->fold.is_there &&
        problem->conv.activation != ATROUS_ACTIVATION_GATED) {
        const bool is_plain = atrous__epilogue_is_plain(problem);
        bool finite = true;
        status = run_tiled(problem, problem->conv.type, is_plain ? NULL : problem, arrays, threads,
                           &finite, error);
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
