/* Transposed convolution and gradients: against the truth, by the adjoint identities
 * <conv(x, w), dy> = <x, dx> = <w, dw>, and by central differences of the forward oracle. */
#include "testing.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "data.h"
#include "directed_draw.h"
#include "harness.h"
#include "oracle.h"
#include "shapes.h"

static double inner(const float *a, const float *b, size_t count)
{
    double sum = 0;

    for (size_t i = 0; a != NULL && i < count; ++i)
        sum += (double)a[i] * (double)b[i];
    return sum;
}

/* Every error of the four results, each at most terms * eps * the sum of all |w * x * dy|. */
static void identities(const char *solver, const struct drawn *d, const float *y, const float *dx,
                       const float *t, const float *dw)
{
    const double taps = shape_macs(&d->forward) / (double)d->counts.y;
    const double outputs = (double)d->counts.y / (double)d->forward.out_channels;
    const double spread = (double)d->counts.y * taps + 1.0;
    const double slack = (2.0 + 2.0 * taps * (double)d->forward.out_channels + outputs) *
                         (double)FLT_EPSILON * spread;
    const double forward = inner(y, d->y, d->counts.y);
    char text[256];

    if (y != NULL && dx != NULL && fabs(forward - inner(d->x, dx, d->counts.x)) > slack)
        fail_msg("%s: <y, dy> is not <x, dx>; %s", solver,
                 shape_text(&d->forward, text, sizeof text));
    if (y != NULL && dw != NULL && fabs(forward - inner(d->w, dw, d->counts.w)) > slack)
        fail_msg("%s: <y, dy> is not <w, dw>; %s", solver,
                 shape_text(&d->forward, text, sizeof text));
    if (dx != NULL && t != NULL &&
        fabs(inner(d->x, dx, d->counts.x) - inner(d->x, t, d->counts.x)) > slack)
        fail_msg("%s: transposed is not backward data; %s", solver,
                 shape_text(&d->forward, text, sizeof text));
}

static bool may_be_transposed(const atrous_conv *forward)
{
    atrous_conv conv;

    return directed_adjoint(forward, &conv) && atrous_conv_output(&conv, NULL, NULL) == ATROUS_OK;
}

static void sweep_one(const char *solver, const struct drawn *d, size_t *ran)
{
    float *y = drawn_verify(solver, d, ATROUS_FORWARD, false);
    float *dx = drawn_verify(solver, d, ATROUS_BACKWARD_DATA, false);
    float *t =
        may_be_transposed(&d->forward) ? drawn_verify(solver, d, ATROUS_TRANSPOSED, false) : NULL;
    float *dw = drawn_verify(solver, d, ATROUS_BACKWARD_WEIGHTS, true);

    identities(solver, d, y, dx, t, dw);
    ran[ATROUS_FORWARD] += y != NULL;
    ran[ATROUS_BACKWARD_DATA] += dx != NULL;
    ran[ATROUS_TRANSPOSED] += t != NULL;
    ran[ATROUS_BACKWARD_WEIGHTS] += dw != NULL;
    free(y);
    free(dx);
    free(t);
    free(dw);
}

static void adjoint_identities(void **state)
{
    const size_t count = harness.quick ? 150 : 2000;
    size_t ran[HARNESS_MAX_SOLVERS][4] = {{0}};
    struct random random = {directed_seed};

    (void)state;
    for (size_t i = 0; i < count; ++i) {
        struct drawn d = drawn_make(&random);
        for (size_t s = 0; s < harness.solver_count; ++s)
            if (harness_takes_everything(harness.solver[s]) || i % 4 == 0)
                sweep_one(harness.solver[s], &d, ran[s]);
        drawn_free(&d);
    }
    for (size_t s = 0; s < harness.solver_count; ++s)
        printf("%-10s forward %zu, transposed %zu, data %zu, weights %zu of %zu\n",
               harness.solver[s], ran[s][ATROUS_FORWARD], ran[s][ATROUS_TRANSPOSED],
               ran[s][ATROUS_BACKWARD_DATA], ran[s][ATROUS_BACKWARD_WEIGHTS], count);
}

/* alpha, beta, a constant padding, bias: what the identities leave out. */
static void scale_accumulate_and_constants(void **state)
{
    const size_t count = harness.quick ? 20 : 150;
    struct random random = {directed_seed + 1};

    (void)state;
    for (size_t i = 0; i < count; ++i) {
        struct drawn d = drawn_make(&random);
        d.forward.alpha = random_chance(&random, 50) ? -0.75 : 1.0;
        d.forward.beta = random_chance(&random, 60) ? 1.0 : 0.5;
        if (random_chance(&random, 40)) {
            d.forward.padding = ATROUS_PADDING_CONSTANT;
            d.forward.pad_value = 0.625;
        }
        for (size_t s = 0; s < harness.solver_count; ++s) {
            const char *solver = harness.solver[s];
            free(drawn_verify(solver, &d, ATROUS_BACKWARD_DATA, false));
            if (may_be_transposed(&d.forward))
                free(drawn_verify(solver, &d, ATROUS_TRANSPOSED, true));
            free(drawn_verify(solver, &d, ATROUS_BACKWARD_WEIGHTS, true));
        }
        drawn_free(&d);
    }
}

/* <conv(x, w), dy> by the forward oracle, with one element of x or w moved. */
static double objective(const atrous_conv *conv, const float *x, const float *w, const float *dy,
                        double *value, double *magnitude)
{
    double sum = 0;

    oracle_conv(conv, x, w, NULL, value, magnitude);
    for (size_t i = 0; i < oracle_output_count(conv); ++i)
        sum += value[i] * (double)dy[i];
    return sum;
}

/* Compares a gradient of integers, which is exact, with central differences in `moved`. */
static void differences(const struct drawn *d, float *moved, const float *gradient, size_t count)
{
    double *value = calloc(d->counts.y, sizeof *value);
    double *magnitude = calloc(d->counts.y, sizeof *magnitude);

    assert_true(value != NULL && magnitude != NULL);
    for (size_t i = 0; i < count; ++i) {
        const float kept = moved[i];
        moved[i] = kept + 1;
        const double above = objective(&d->forward, d->x, d->w, d->y, value, magnitude);
        moved[i] = kept - 1;
        const double below = objective(&d->forward, d->x, d->w, d->y, value, magnitude);
        moved[i] = kept;
        assert_true((double)gradient[i] == (above - below) / 2);
    }
    free(value);
    free(magnitude);
}

static void central_differences(void **state)
{
    struct random random = {directed_seed + 2};
    size_t done = 0, dropped = 0, repeated = 0;

    (void)state;
    while (done < (harness.quick ? 5 : 25)) {
        struct drawn d = drawn_make(&random);
        if (shape_macs(&d.forward) < 3000 && d.counts.x + d.counts.w < 900) {
            const atrous_conv *f = &d.forward;
            for (int axis = 0; axis < f->rank; ++axis)
                dropped += (f->pad_begin[axis] + f->input[axis] + f->pad_end[axis] - 1 -
                            (f->kernel[axis] - 1) * f->dilation[axis]) %
                               f->stride[axis] !=
                           0;
            repeated += f->padding > ATROUS_PADDING_CONSTANT;
            random_fill_integers(&random, d.x, d.counts.x);
            random_fill_integers(&random, d.w, d.counts.w);
            random_fill_integers(&random, d.y, d.counts.y);
            for (size_t s = 0; s < harness.solver_count; ++s) {
                float *dx = drawn_verify(harness.solver[s], &d, ATROUS_BACKWARD_DATA, false);
                float *dw = drawn_verify(harness.solver[s], &d, ATROUS_BACKWARD_WEIGHTS, false);
                if (dx != NULL)
                    differences(&d, d.x, dx, d.counts.x);
                if (dw != NULL)
                    differences(&d, d.w, dw, d.counts.w);
                free(dx);
                free(dw);
            }
            ++done;
        }
        drawn_free(&d);
    }
    /* Strides that leave rows over and paddings that repeat elements were among them. */
    assert_true(dropped > 0 && repeated > 0);
}

/* Transposed on its own: output paddings and paddings that no forward problem has. */
static void transposed_alone(void **state)
{
    struct random random = {directed_seed + 3};
    const size_t count = harness.quick ? 30 : 300;

    (void)state;
    for (size_t i = 0; i < count;) {
        atrous_conv conv;
        directed_draw(&random, &conv);
        conv.direction = ATROUS_TRANSPOSED;
        conv.padding = ATROUS_PADDING_ZEROS;
        conv.has_bias = random_chance(&random, 50);
        for (int axis = 0; axis < conv.rank; ++axis) {
            const size_t limit =
                conv.stride[axis] > conv.dilation[axis] ? conv.stride[axis] : conv.dilation[axis];
            conv.output_padding[axis] = random_between(&random, 0, limit - 1);
        }
        if (atrous_conv_output(&conv, NULL, NULL) != ATROUS_OK)
            continue;
        const struct directed_counts counts = directed_count(&conv);
        if ((double)counts.y * (double)counts.w > 3e6)
            continue;
        struct drawn d = drawn_of(&random, &conv);
        const struct directed problem = drawn_direct(&d, &conv);
        for (size_t s = 0; s < harness.solver_count; ++s)
            free(directed_verify(harness.solver[s], &problem));
        drawn_free(&d);
        ++i;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adjoint_identities),
        cmocka_unit_test(scale_accumulate_and_constants),
        cmocka_unit_test(central_differences),
        cmocka_unit_test(transposed_alone),
    };
    int failed = harness_open();

    directed_seed = harness_seed(directed_seed);
    if (failed == 0) {
        harness_add_gradients();
        failed = cmocka_run_group_tests_name("adjoint", tests, NULL, NULL);
    }
    harness_close();
    return failed;
}
