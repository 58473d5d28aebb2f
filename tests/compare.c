/* Compares float results with the truth. */
#include "compare.h"

#include <float.h>
#include <math.h>

static double terms_of(const atrous_conv *conv)
{
    double terms = (double)(conv->in_channels / conv->groups);

    for (int axis = 0; axis < conv->rank; ++axis)
        terms *= (double)conv->kernel[axis];
    return 1.0 + terms;
}

/* Keeps the worst; written so that a NaN, which compares false with everything, is the worst. */
static void keep_worst(struct mismatch *worst, size_t at, double got, double want, double bound)
{
    const double error = fabs(got - want);
    const double share = error <= DBL_MAX ? (error > 0 ? error / bound : 0.0) : INFINITY;

    if (at == 0 || share > worst->share)
        *worst = (struct mismatch){at, got, want, bound, share};
}

bool compare_bound(const atrous_conv *conv, const float *got, const double *want,
                   const double *magnitude, size_t count, double roundings, struct mismatch *worst)
{
    const double terms = terms_of(conv);

    *worst = (struct mismatch){0};
    for (size_t i = 0; i < count; ++i) {
        const double bound = terms * (double)FLT_EPSILON * magnitude[i] + terms * (double)FLT_MIN +
                             roundings * (double)FLT_EPSILON * fabs(want[i]);
        keep_worst(worst, i, (double)got[i], want[i], bound);
    }
    return worst->share <= 1.0;
}

bool compare_exact(const float *got, const double *want, size_t count, struct mismatch *worst)
{
    *worst = (struct mismatch){0};
    for (size_t i = 0; i < count; ++i)
        keep_worst(worst, i, (double)got[i], want[i], (double)FLT_MIN);
    return worst->share <= 0.0;
}
