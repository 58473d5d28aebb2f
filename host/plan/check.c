/* The cross-check: an output against the CPU path with double accumulators. */
#include "cpu/epilogue.h"
#include "cpu/types.h"
#include "plan/plan.h"
#include "problem/fold.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

/* Outputs recomputed at a time, and the work from which only a sample is. */
enum { BLOCK = 1 << 20 };
static const double whole_flop = 20e9, sample_flop = 4e9;
/* What one output of a sample costs where its tile must be transformed for it alone. */
static const double minimal_cost = 20;
static const uint64_t sample_seed = UINT64_C(0x61747264756f7321);

/* splitmix64 (Steele, Lea, Flood 2014): one step of a well-mixed sequence. */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* What an output must be: within `bound` of `value`; where may_overflow also infinite. */
struct want {
    double value, bound;
    bool may_overflow;
};

/* |got - want| over its bound. Values that are not finite compare by class: NaN matches NaN,
 * an infinity its like, and infinity also a result beyond the range of the type. */
static double share_of_bound(float got, const struct want *w)
{
    const double want = w->value, bound = w->bound;
    if (isnan(want))
        return isnan(got) ? 0.0 : INFINITY;
    if (isinf(got))
        return signbit(got) == signbit(want) && w->may_overflow ? 0.0 : INFINITY;
    if (isnan(got) || isinf(want))
        return INFINITY;
    const double error = fabs((double)got - want);
    return error <= 0.0 ? 0.0 : error / bound;
}

/* Sums to recompute: of `at`, and behind a gated activation of their partners. */
struct block {
    size_t *at, *source, *partner;
    double *value, *magnitude;
    double *partner_value, *partner_magnitude;
};

/* The same where sums are of transforms, which spread what is not finite over their tile and
 * overflow before the result does, or of halves, which do so too. An infinite bound tells, and
 * promises nothing. */
static double share_if_bounded(float got, const struct want *want)
{
    return isfinite(want->bound) ? share_of_bound(got, want) : 0.0;
}

/* Of a sum. A sum of int8 products is exact and rounded once, to a float. */
static double bound_of(const struct atrous__problem *p, const struct atrous__bound *bound,
                       double sum, double magnitude)
{
    if (p->conv.type == ATROUS_TYPE_I8)
        return FLT_EPSILON * fabs(sum);
    return atrous__bound_at(bound, magnitude);
}

/* The value as its type stores it, rounded to nearest: half a step more. */
static struct want stored(atrous_type type, double value, double bound)
{
    struct want want = {.value = value, .bound = bound};
    want.may_overflow = fabs(value) + bound > atrous__type_overflow(type);
    if (type == ATROUS_TYPE_I8)
        want.value = isnan(value) ? 0.0 : fmin(fmax(value, -128.0), 127.0);
    if (isfinite(value) && isfinite(bound))
        want.bound += atrous__type_half_step(type, fabs(value) + bound);
    return want;
}

/* Element `at` of an output or, behind its end, of the gradient of the bias. */
static const float *element(const struct atrous__problem *p, const void *output,
                            const void *bias_output, size_t at)
{
    return at < p->out_count ? (const float *)output + at
                             : (const float *)bias_output + (at - p->out_count);
}

static size_t all_outputs(const struct atrous__problem *p)
{
    return p->out_count + p->bias_out_count;
}

/* Output `at`, element i of the block: its exact value, and the bound behind the epilogue. */
static struct want want_of(const struct atrous__problem *p, const struct atrous__bound *bound,
                           const atrous_arrays *arrays, const struct block *block, size_t i,
                           size_t at)
{
    const float *residual = arrays->residual;
    const bool is_gated = p->conv.activation == ATROUS_ACTIVATION_GATED;
    const atrous_type type = at < p->out_count ? p->conv.type : ATROUS_TYPE_F32;
    double sum = block->value[i], partner = 0.0, partner_bound = 0.0;
    double sum_bound = bound_of(p, bound, sum, block->magnitude[i]);
    if (is_gated) {
        partner = block->partner_value[i];
        partner_bound = bound_of(p, bound, partner, block->partner_magnitude[i]);
    }
    if (atrous__is_scaled(p) && p->form != ATROUS__GRADIENT) {
        sum = atrous__epilogue_scale_exact(p, arrays, block->source[i], sum, &sum_bound);
        if (is_gated)
            partner =
                atrous__epilogue_scale_exact(p, arrays, block->partner[i], partner, &partner_bound);
    }
    if (!atrous__epilogue_is_plain(p))
        sum = atrous__epilogue_exact(
            p, sum, partner, sum_bound, partner_bound,
            p->conv.residual != ATROUS_RESIDUAL_NONE ? (double)residual[at] : 0.0,
            p->conv.beta != 0.0
                ? (double)*element(p, arrays->previous, arrays->previous_bias_output, at)
                : 0.0,
            &sum_bound);
    return stored(type, sum, sum_bound);
}

static void compare(const struct atrous__problem *p, const struct atrous__bound *bounds,
                    const atrous_arrays *arrays, const struct block *block, size_t count,
                    atrous_check *check)
{
    for (size_t i = 0; i < count; ++i) {
        const size_t at = block->at[i];
        const float got = *element(p, arrays->output, arrays->bias_output, at);
        const struct want want = want_of(p, bounds, arrays, block, i, at);
        const bool may_promise_nothing = bounds->columns != NULL || isfinite(bounds->largest);
        const double share =
            may_promise_nothing ? share_if_bounded(got, &want) : share_of_bound(got, &want);
        if (share > check->worst || (check->checked == 0 && i == 0)) {
            check->worst = share;
            check->worst_error = fabs((double)got - want.value);
            check->worst_bound = want.bound;
            check->worst_at = at;
        }
    }
    check->checked += count;
}

static size_t outputs_to_check(const struct atrous__problem *p, const struct atrous__bound *bound)
{
    const double flop = 2.0 * p->macs;
    if (flop <= whole_flop)
        return all_outputs(p);
    const double fraction = sample_flop / flop / (bound->columns != NULL ? minimal_cost : 1);
    const size_t sample = (size_t)((double)all_outputs(p) * fraction);
    return atrous__min(all_outputs(p), atrous__max(sample, 1024));
}

/* Values and magnitudes of the sums at[0 .. count-1] (NULL: first ...). */
static atrous_status recompute(const struct atrous__problem *sums,
                               const struct atrous__bound *bound, const atrous_arrays *arrays,
                               const size_t *at, size_t first, size_t count, unsigned threads,
                               double *value, double *magnitude, atrous_error *error)
{
    atrous_status status =
        atrous__cpu_exact(sums, arrays, at, first, count, threads, value, magnitude, error);
    if (status == ATROUS_OK && bound->columns != NULL)
        status =
            atrous__cpu_minimal(sums, bound, arrays, at, first, count, threads, magnitude, error);
    return status;
}

/* The same behind a fold: of each output the values of all that is folded onto it. Where sums are
 * added whose bounds hold a `tiny` each, the magnitude takes those of the others. */
static atrous_status recompute_folded(const struct atrous__problem *p,
                                      const struct atrous__bound *bound,
                                      const atrous_arrays *arrays, const size_t *at, size_t first,
                                      size_t count, unsigned threads, double *value,
                                      double *magnitude, atrous_error *error)
{
    const struct atrous__problem sums = atrous__fold_sums(p);
    atrous_status status = ATROUS_OK;
    size_t filled = 0, most = 0, done = 0;
    for (size_t i = 0; i < count; ++i)
        most += atrous__folded_of(p, at != NULL ? at[i] : first + i).count;
    size_t *sources = malloc((most + 1) * sizeof *sources);
    double *parts = malloc((2 * most + 1) * sizeof *parts);
    if (sources == NULL || parts == NULL)
        status = atrous__fail(error, ATROUS_OUT_OF_HOST_MEMORY, "", "checking %zu sums", most);
    for (size_t i = 0; i < count && status == ATROUS_OK; ++i) {
        const struct atrous__folded folded = atrous__folded_of(p, at != NULL ? at[i] : first + i);
        for (size_t k = 0; k < folded.count; ++k)
            sources[filled++] = atrous__folded_at(&folded, k);
        value[i] = 0.0;
        magnitude[i] = (double)(folded.count - 1) * (bound->tiny / bound->epsilon);
    }
    if (status == ATROUS_OK)
        status =
            recompute(&sums, bound, arrays, sources, 0, most, threads, parts, parts + most, error);
    for (size_t i = 0; i < count && status == ATROUS_OK; ++i) {
        const size_t each = atrous__folded_of(p, at != NULL ? at[i] : first + i).count;
        for (size_t k = 0; k < each; ++k, ++done) {
            value[i] += parts[done];
            magnitude[i] += parts[most + done];
        }
    }
    free(sources);
    free(parts);
    return status;
}

/* Outputs block->at, which are first, first+1, ... unless is_sample. */
static atrous_status check_block(const struct atrous__problem *p, const struct atrous__bound *bound,
                                 const atrous_arrays *arrays, const struct block *block,
                                 size_t first, size_t count, bool is_sample, unsigned threads,
                                 atrous_check *check, atrous_error *error)
{
    const struct atrous__problem sums = atrous__epilogue_sums(p);
    const bool is_gated = p->conv.activation == ATROUS_ACTIVATION_GATED;
    for (size_t i = 0; i < count; ++i)
        block->source[i] = atrous__epilogue_source(p, block->at[i], &block->partner[i]);
    atrous_status status = (p->fold.is_there ? recompute_folded : recompute)(
        &sums, bound, arrays, is_sample || is_gated ? block->source : NULL, first, count, threads,
        block->value, block->magnitude, error);
    if (status == ATROUS_OK && is_gated)
        status = recompute(&sums, bound, arrays, block->partner, first, count, threads,
                           block->partner_value, block->partner_magnitude, error);
    if (status == ATROUS_OK)
        compare(p, bound, arrays, block, count, check);
    return status;
}

/* All arrays of a block lie in one allocation, *whole; false when that fails. */
static bool block_make(struct block *block, size_t size, void **whole)
{
    const size_t indices = 3 * size * sizeof(size_t), doubles = 4 * size * sizeof(double);
    char *memory = malloc(indices + doubles);
    *whole = memory;
    if (memory == NULL)
        return false;
    block->at = (size_t *)(void *)memory;
    block->source = block->at + size;
    block->partner = block->source + size;
    block->value = (double *)(void *)(memory + indices);
    block->magnitude = block->value + size;
    block->partner_value = block->magnitude + size;
    block->partner_magnitude = block->partner_value + size;
    return true;
}

static int by_index(const void *left, const void *right)
{
    const size_t a = *(const size_t *)left, b = *(const size_t *)right;
    return (a > b) - (a < b);
}

/* The next `count` indices, of a sample in the order of memory: neighbours share what they read. */
static void draw(const struct atrous__problem *p, bool is_sample, size_t first, size_t count,
                 uint64_t *state, size_t *at)
{
    for (size_t i = 0; i < count; ++i)
        at[i] = is_sample ? (size_t)(next_random(state) % all_outputs(p)) : first + i;
    if (is_sample)
        qsort(at, count, sizeof *at, by_index);
}

/* The check on arrays of floats. */
static atrous_status check_floats(const struct atrous__problem *p,
                                  const struct atrous__bound *bound, const atrous_arrays *arrays,
                                  unsigned threads, atrous_check *check, atrous_error *error)
{
    atrous_status status = ATROUS_OK;
    const size_t total = outputs_to_check(p, bound), size = atrous__min(total, BLOCK);
    const bool is_sample = total < all_outputs(p);
    uint64_t state = sample_seed;
    struct block block;
    void *memory;

    *check =
        (atrous_check){.struct_size = sizeof *check, .total = all_outputs(p), .seed = sample_seed};
    if (p->conv.beta != 0.0 && arrays->previous == NULL)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "previous",
                            "is NULL, a check needs what output held where beta is not 0");
    if (p->conv.beta != 0.0 && p->bias_out_count > 0 && arrays->previous_bias_output == NULL)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "previous_bias_output",
                            "is NULL, a check needs what bias_output held where beta is not 0");
    if (!block_make(&block, size, &memory))
        return atrous__fail(error, ATROUS_OUT_OF_HOST_MEMORY, "", "checking %zu outputs", size);
    for (size_t first = 0; first < total && status == ATROUS_OK; first += size) {
        const size_t count = atrous__min(size, total - first);
        draw(p, is_sample, first, count, &state, block.at);
        status =
            check_block(p, bound, arrays, &block, first, count, is_sample, threads, check, error);
    }
    free(memory);
    return status;
}

atrous_status atrous__check(const struct atrous__problem *p, const struct atrous__bound *bound,
                            const atrous_arrays *arrays, unsigned threads, atrous_check *check,
                            atrous_error *error)
{
    atrous_arrays wide;
    float *memory = NULL;
    atrous_status status =
        atrous__widen_arrays(p, arrays, true, atrous__cpu_threads(threads), &wide, &memory, error);
    if (status == ATROUS_OK)
        status = check_floats(p, bound, &wide, threads, check, error);
    free(memory);
    return status;
}

atrous_status atrous_plan_check(atrous_plan *plan, const atrous_arrays *arrays, atrous_check *check,
                                atrous_error *error)
{
    atrous__clear(error);
    if (plan == NULL || check == NULL)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, plan == NULL ? "plan" : "check",
                            "is NULL");
    if (check->struct_size != sizeof *check)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "check.struct_size",
                            "is %zu, must be %zu", check->struct_size, sizeof *check);
    const atrous_status status = atrous__arrays_check(&plan->problem, arrays, error);
    if (status != ATROUS_OK)
        return status;
    return atrous__check(&plan->problem, &plan->bound, arrays, plan->context->threads, check,
                         error);
}
