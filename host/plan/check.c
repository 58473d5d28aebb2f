/* The cross-check: an output against the CPU path with double accumulators. */
#include "plan/plan.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

/* Outputs recomputed at a time, and the work from which only a sample is. */
enum { BLOCK = 1 << 18 };
static const double whole_flop = 20e9, sample_flop = 4e9;
static const uint64_t sample_seed = UINT64_C(0x61747264756f7321);

/* splitmix64 (Steele, Lea, Flood 2014): one step of a well-mixed sequence. */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* |got - want| over its bound. Values that are not finite compare by class: NaN matches NaN,
 * an infinity its like, and infinity also a result beyond the range of float. */
static double share_of_bound(float got, double want, double bound)
{
    if (isnan(want))
        return isnan(got) ? 0.0 : INFINITY;
    if (isinf(got))
        return signbit(got) == signbit(want) && fabs(want) + bound > FLT_MAX ? 0.0 : INFINITY;
    if (isnan(got) || isinf(want))
        return INFINITY;
    const double error = fabs((double)got - want);
    return error <= 0.0 ? 0.0 : error / bound;
}

struct block {
    size_t *at;
    double *value, *magnitude;
};

static void compare(const float *output, const struct block *block, size_t first, size_t count,
                    bool is_sample, double terms, atrous_check *check)
{
    for (size_t i = 0; i < count; ++i) {
        const size_t at = is_sample ? block->at[i] : first + i;
        const double bound = terms * (FLT_EPSILON * block->magnitude[i] + FLT_MIN);
        const double share = share_of_bound(output[at], block->value[i], bound);
        if (share > check->worst || (check->checked == 0 && i == 0)) {
            check->worst = share;
            check->worst_error = fabs((double)output[at] - block->value[i]);
            check->worst_bound = bound;
            check->worst_at = at;
        }
    }
    check->checked += count;
}

static size_t outputs_to_check(const struct atrous__problem *p)
{
    const double flop = 2.0 * p->macs;
    if (flop <= whole_flop)
        return p->out_count;
    const double fraction = sample_flop / flop;
    const size_t sample = (size_t)((double)p->out_count * fraction);
    return atrous__min(p->out_count, atrous__max(sample, 1024));
}

atrous_status atrous__check(const struct atrous__problem *p, double terms,
                            const atrous_arrays *arrays, unsigned threads, atrous_check *check,
                            atrous_error *error)
{
    atrous_status status = ATROUS_OK;
    const size_t total = outputs_to_check(p), size = atrous__min(total, BLOCK);
    const bool is_sample = total < p->out_count;
    uint64_t state = sample_seed;
    struct block block = {malloc(size * sizeof(size_t)), malloc(size * sizeof(double)),
                          malloc(size * sizeof(double))};

    *check =
        (atrous_check){.struct_size = sizeof *check, .total = p->out_count, .seed = sample_seed};
    if (block.at == NULL || block.value == NULL || block.magnitude == NULL)
        status = atrous__fail(error, ATROUS_OUT_OF_HOST_MEMORY, "", "checking %zu outputs", size);
    for (size_t first = 0; first < total && status == ATROUS_OK; first += size) {
        const size_t count = atrous__min(size, total - first);
        for (size_t i = 0; is_sample && i < count; ++i)
            block.at[i] = (size_t)(next_random(&state) % p->out_count);
        status = atrous__cpu_exact(p, arrays, is_sample ? block.at : NULL, first, count, threads,
                                   block.value, block.magnitude, error);
        if (status == ATROUS_OK)
            compare(arrays->output, &block, first, count, is_sample, terms, check);
    }
    free(block.at);
    free(block.value);
    free(block.magnitude);
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
    return atrous__check(&plan->problem, plan->bound_terms, arrays, plan->context->threads, check,
                         error);
}
