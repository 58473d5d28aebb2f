/* What an epilogue makes of a problem's sums, in double precision and within a bound. */
#include "testing.h"

#include "epilogue.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data.h"
#include "directed_draw.h"
#include "harness.h"
#include "shapes.h"
#include "stored.h"

void epilogue_sums(const struct directed *p, double *sums, double *bounds)
{
    struct directed plain = *p;
    const bool is_integer = p->conv.type == ATROUS_TYPE_I8;

    plain.conv.type = ATROUS_TYPE_F32;
    plain.conv.activation = ATROUS_ACTIVATION_NONE;
    plain.conv.residual = ATROUS_RESIDUAL_NONE;
    plain.conv.alpha = 1.0;
    plain.conv.beta = 0.0;
    plain.residual = plain.scale = NULL;
    plain.bias = p->conv.channel_scale || is_integer ? NULL : p->bias;
    directed_solve(&plain, sums, bounds);
    /* Exact, and rounded to a float once. */
    for (size_t i = 0; i < directed_outputs_count(&p->conv) && is_integer; ++i)
        bounds[i] = (double)FLT_EPSILON * fabs(sums[i]);
}

struct loose epilogue_of(const struct directed *p, const double *sums, const double *bounds,
                         size_t at)
{
    const atrous_conv *conv = &p->conv;
    const bool is_gated = conv->activation == ATROUS_ACTIVATION_GATED,
               is_late = conv->channel_scale || conv->type == ATROUS_TYPE_I8;
    const size_t channels = conv->out_channels / (is_gated ? 2 : 1);
    const size_t plane = directed_outputs_count(conv) / conv->batch / conv->out_channels;
    const size_t n = at / plane / channels, o = at / plane % channels;
    struct loose v[2];

    for (size_t half = 0; half < (is_gated ? 2 : 1); ++half) {
        const size_t k = o + half * channels;
        const size_t from = (n * conv->out_channels + k) * plane + at % plane;
        v[half] = (struct loose){sums[from], bounds[from]};
        if (is_late && p->scale != NULL)
            v[half] = loose_times((double)p->scale[k], v[half]);
        if (is_late && p->bias != NULL)
            v[half] = loose_sum(v[half], (struct loose){(double)p->bias[k], 0});
    }
    const struct loose residual = {p->residual != NULL ? (double)p->residual[at] : 0, 0};
    struct loose to = v[0];
    if (conv->residual == ATROUS_RESIDUAL_BEFORE)
        to = loose_sum(to, residual);
    to = is_gated ? loose_gate(v[0], v[1]) : loose_activate(conv, to);
    if (conv->residual == ATROUS_RESIDUAL_AFTER)
        to = loose_sum(to, residual);
    if (conv->alpha != 1.0)
        to = loose_times(conv->alpha, to);
    if (conv->beta != 0.0)
        to = loose_sum(to, loose_times(conv->beta, (struct loose){(double)p->previous[at], 0}));
    to.error += stored_half_step(conv->type, fabs(to.value) + to.error);
    if (conv->type == ATROUS_TYPE_I8)
        to.value = fmin(fmax(to.value, -128.0), 127.0);
    return to;
}

/* Minimal filtering may be some bounds of direct summation off: how far exactly the plan's own
 * check knows, which directed_run() makes. */
static double slack_of(const char *solver)
{
    return harness_is_minimal(solver) ? 8 : 1;
}

bool epilogue_verify(const char *solver, const struct directed *p, const double *sums,
                     const double *bounds)
{
    const size_t all = directed_outputs_count(&p->conv);
    const size_t count = p->conv.activation == ATROUS_ACTIVATION_GATED ? all / 2 : all;
    float *got = floats(count);
    double *loose = calloc(all, sizeof *loose);
    const bool ran = directed_run(solver, p, got);

    assert_non_null(loose);
    for (size_t i = 0; i < all; ++i)
        loose[i] = bounds[i] * slack_of(solver);
    for (int buffers = 0; ran && buffers < 2; ++buffers) {
        if (buffers == 1 && !directed_run_buffers(solver, p, got))
            break;
        for (size_t i = 0; i < count; ++i) {
            const struct loose want = epilogue_of(p, sums, loose, i);
            char text[256];
            if (!(fabs((double)got[i] - want.value) <= want.error))
                fail_msg(
                    "%s, %s: activation %d, y[%zu] = %.9g, not %.9g, bound %.3g; seed %llu; %s",
                    solver, stored_names[p->conv.type], (int)p->conv.activation, i, (double)got[i],
                    want.value, want.error, (unsigned long long)directed_seed,
                    shape_text(&p->conv, text, sizeof text));
        }
    }
    free(loose);
    free(got);
    return ran;
}
