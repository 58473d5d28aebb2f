/* Gradients of the weights beyond small problems: by every solver, in parts and slices, the same
 * bits every time; and minimal filtering within the bound that it states. */
#include "testing.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data.h"
#include "directed_draw.h"
#include "harness.h"
#include "minimal.h"
#include "shapes.h"

static const uint64_t seed = 4211;

static struct drawn draw(const atrous_conv *conv, struct random *random)
{
    struct drawn d = {.forward = *conv, .counts = directed_count(conv)};
    const size_t room = d.counts.w + d.counts.filters;

    d.x = floats(d.counts.x);
    d.y = floats(d.counts.y);
    d.previous = floats(room);
    random_fill(random, d.x, d.counts.x);
    random_fill(random, d.y, d.counts.y);
    random_fill(random, d.previous, room);
    return d;
}

static atrous_conv gradient(int rank, size_t channels, size_t filters, size_t extent, size_t kernel,
                            size_t dilation)
{
    atrous_conv conv = shape_square(rank, channels, filters, extent, kernel, dilation);

    conv.direction = ATROUS_BACKWARD_WEIGHTS;
    conv.has_bias = 1;
    return conv;
}

/* ------------------------------------------------------------------ every solver, larger */

/* More tiles than one, parts, slices, groups of few channels, long rows, strides. */
static size_t larger_problems(atrous_conv conv[])
{
    size_t n = 0;

    conv[n++] = gradient(2, 5, 7, 70, 3, 2);
    conv[n] = gradient(2, 19, 70, 21, 3, 4);
    conv[n++].batch = 3;
    conv[n] = gradient(2, 70, 9, 19, 3, 1);
    conv[n++].batch = 2;
    conv[n++] = gradient(1, 20, 24, 1500, 2, 64);
    conv[n] = gradient(1, 24, 40, 300, 3, 8);
    conv[n].groups = 2;
    conv[n++].batch = 3;
    conv[n] = gradient(2, 20, 20, 41, 3, 2); /* depthwise */
    conv[n].groups = 20;
    conv[n++].batch = 2;
    conv[n] = gradient(2, 6, 12, 50, 3, 1); /* two filters a channel */
    conv[n++].groups = 6;
    conv[n] = gradient(1, 18, 18, 900, 3, 16);
    conv[n++].groups = 18;
    conv[n++] = gradient(2, 1, 1, 190, 5, 4);
    conv[n++] = gradient(2, 1, 3, 65, 7, 1);
    conv[n] = gradient(2, 3, 20, 60, 4, 1); /* patches */
    conv[n].pad_begin[0] = conv[n].pad_begin[1] = conv[n].pad_end[0] = conv[n].pad_end[1] = 0;
    conv[n].stride[0] = conv[n].stride[1] = 4;
    ++n;
    conv[n++] = gradient(2, 2, 40, 37, 3, 2); /* few channels, taps in the padding */
    conv[n] = gradient(1, 3, 70, 401, 5, 3);
    conv[n].stride[0] = 2;
    conv[n++].batch = 2;
    conv[n] = gradient(3, 4, 24, 9, 3, 1);
    conv[n++].groups = 2;
    conv[n] = gradient(2, 12, 12, 49, 3, 3);
    conv[n].groups = 12;
    conv[n].stride[0] = conv[n].stride[1] = 2;
    ++n;
    conv[n] = gradient(2, 17, 18, 40, 3, 2);
    conv[n].stride[0] = conv[n].stride[1] = 2;
    ++n;
    conv[n++] = gradient(3, 3, 5, 17, 3, 2);
    conv[n] = gradient(3, 4, 4, 15, 3, 1);
    conv[n++].groups = 4;
    conv[n++] = gradient(2, 18, 70, 12, 3, 13); /* the middle tap alone reads input */
    conv[n] = gradient(2, 9, 40, 14, 5, 8);     /* of 5x5 the middle 3x3 */
    conv[n++].batch = 2;
    conv[n] = gradient(3, 10, 17, 6, 3, 6); /* the first and the middle of the last axis */
    conv[n].input[2] = 9;
    conv[n].pad_end[2] = 0;
    conv[n++].pad_begin[2] = 8;
    return n;
}

/* Compares with the truth, and a second run with the first bit by bit. */
static void verify_twice(const char *solver, const struct directed *problem, const double *value,
                         const double *bound, size_t *ran)
{
    const size_t count = directed_outputs_count(&problem->conv);
    float *first = floats(count), *again = floats(count);

    if (directed_run(solver, problem, first)) {
        directed_compare(solver, problem, first, value, bound);
        assert_true(directed_run(solver, problem, again));
        assert_memory_equal(first, again, count * sizeof *first);
        if (directed_run_buffers(solver, problem, again))
            assert_memory_equal(first, again, count * sizeof *first);
        ++*ran;
    }
    free(first);
    free(again);
}

static void every_solver(const struct drawn *d, const atrous_conv *conv, size_t *ran)
{
    const struct directed problem = drawn_direct(d, conv);
    const size_t count = directed_outputs_count(conv);
    double *value = calloc(count, sizeof *value), *bound = calloc(count, sizeof *bound);

    assert_true(value != NULL && bound != NULL);
    directed_solve(&problem, value, bound);
    for (size_t s = 0; s < harness.solver_count; ++s)
        verify_twice(harness.solver[s], &problem, value, bound, &ran[s]);
    free(value);
    free(bound);
}

static void larger_than_a_tile(void **state)
{
    const atrous_padding paddings[] = {ATROUS_PADDING_ZEROS,    ATROUS_PADDING_ZEROS,
                                       ATROUS_PADDING_REFLECT,  ATROUS_PADDING_CONSTANT,
                                       ATROUS_PADDING_CIRCULAR, ATROUS_PADDING_REPLICATE};
    atrous_conv problems[28];
    const size_t count = larger_problems(problems);
    size_t ran[HARNESS_MAX_SOLVERS] = {0}, tried = 0;
    struct random random = {seed};

    (void)state;
    printf("seed %llu\n", (unsigned long long)seed);
    for (size_t i = 0; i < count; ++i)
        for (size_t turn = 0; turn < (harness.quick ? 2 : 6); ++turn, ++tried) {
            atrous_conv conv = problems[i];
            conv.math = ATROUS_MATH_STRICT;
            conv.input_layout = (atrous_layout)(turn % 2);
            conv.output_layout = (atrous_layout)(turn / 2 % 2 != turn % 2);
            conv.padding = paddings[turn];
            conv.pad_value = 0.75;
            conv.beta = turn % 3 == 1 ? 1.0 : 0.0;
            conv.alpha = turn == 4 ? -0.5 : 1.0;
            conv.orientation = (atrous_orientation)(turn % 2);
            struct drawn d = draw(&conv, &random);
            every_solver(&d, &conv, ran);
            drawn_free(&d);
        }
    for (size_t s = 0; s < harness.solver_count; ++s)
        printf("%-16s ran %zu of %zu\n", harness.solver[s], ran[s], tried);
}

/* ------------------------------------------------------------------ minimal filtering */

enum kind { REALS, LARGE_MEAN, ALTERNATING, HUGE_PIXEL, DENORMAL, KINDS };
static const char *const kind_name[KINDS] = {"reals", "large mean", "alternating", "huge pixel",
                                             "denormal"};

static void shape_values(struct drawn *d, enum kind kind)
{
    for (size_t i = 0; i < d->counts.x; ++i)
        if (kind == LARGE_MEAN)
            d->x[i] = 1000.0f + d->x[i];
        else if (kind == ALTERNATING)
            d->x[i] = (i % 2 == 0 ? 1.0f : -1.0f) * (1.0f + 0.001f * d->x[i]);
        else if (kind == HUGE_PIXEL)
            d->x[i] *= i % 150 == 60 ? 1e6f : 1e-4f;
        else if (kind == DENORMAL)
            d->x[i] *= 4e-38f;
    for (size_t i = 0; i < d->counts.y; ++i)
        if (kind == LARGE_MEAN)
            d->y[i] = 1.0f + 0.01f * d->y[i];
        else if (kind == ALTERNATING)
            d->y[i] = (i % 2 == 0 ? 1.0f : -1.0f) * (1.0f + 0.001f * d->y[i]);
        else if (kind == DENORMAL)
            d->y[i] *= i % 3 == 0 ? 1e6f : 1e-2f;
}

struct trial {
    const struct drawn *d;
    atrous_plan *plan;
    atrous_arrays arrays;
    float *dw, *db;
    double *value, *bound; /* exact, and of direct sums */
    long m;                /* tiles of so many outputs */
    double terms;          /* the library's */
};

static atrous_check check_of(const struct trial *t)
{
    atrous_check check = {.struct_size = sizeof check};
    atrous_error error;

    harness_expect_ok(atrous_plan_check(t->plan, &t->arrays, &check, &error), &error, "check",
                      &t->d->forward);
    return check;
}

static double bound_at(const struct trial *t, size_t at)
{
    const double magnitude = minimal_gradient_magnitude(&t->d->forward, t->d->x, t->d->y, t->m, at);
    return t->terms * ((double)FLT_EPSILON * magnitude + (double)FLT_MIN);
}

/* Tiles of m outputs of all images, and the roundings of all transforms of an axis of them. */
static double tiles_of(const atrous_conv *conv, long m)
{
    size_t output[ATROUS_MAX_RANK];
    double tiles = (double)conv->batch;

    assert_true(directed_outputs(conv, output));
    for (int axis = 0; axis < conv->rank; ++axis) {
        size_t starts = 0;
        for (size_t p = 0; p < output[axis]; ++p)
            starts += p / conv->dilation[axis] % (size_t)m == 0;
        tiles *= (double)starts;
    }
    return tiles;
}

static double roundings_of(const atrous_conv *conv, long m)
{
    return conv->rank * (m == 4 ? 8.0 : m == 3 ? 5.0 : 4.0);
}

/* Finds which tiles the stated bound is of, and the terms it counts: those of the transforms, and
 * of a sum over all tiles in two steps, whose longest way is at least twice a root of them. */
static void read_bound(struct trial *t, const atrous_check *check)
{
    const atrous_conv *conv = &t->d->forward;
    const bool is_pair = conv->kernel[conv->rank - 1] == 2;

    for (t->m = is_pair ? 3 : 4; t->m >= 2; t->m -= 2) {
        t->terms = 1.0;
        t->terms = check->worst_bound / bound_at(t, check->worst_at);
        const double products = t->terms - roundings_of(conv, t->m), tiles = tiles_of(conv, t->m);
        if (fabs(t->terms - round(t->terms)) < 1e-6 * t->terms && products > 2 * sqrt(tiles) - 1 &&
            products < 2 * tiles + 64)
            return;
    }
    fail_msg("the bound %.9g at dw[%zu] is of no tiles", check->worst_bound, check->worst_at);
}

static double worst_share(const struct trial *t)
{
    double worst = 0;

    for (size_t i = 0; i < t->d->counts.w; ++i) {
        const double share = fabs((double)t->dw[i] - t->value[i]) / bound_at(t, i);
        if (!(share <= worst))
            worst = share;
    }
    return worst;
}

static void expect_caught(struct trial *t, size_t at)
{
    const float right = t->dw[at];

    t->dw[at] = (float)(t->value[at] + 4 * bound_at(t, at));
    const atrous_check check = check_of(t);
    assert_int_equal(check.worst_at, at);
    assert_true(check.worst > 3.9 && check.worst < 4.1);
    t->dw[at] = right;
}

static void examine(struct trial *t, enum kind kind, struct random *random)
{
    const struct directed_counts *n = &t->d->counts;
    const size_t biases = t->d->forward.has_bias ? n->filters : 0;
    char text[256];

    assert_int_equal(atrous_plan_run(t->plan, &t->arrays, NULL), ATROUS_OK);
    const atrous_check check = check_of(t);
    assert_int_equal(check.checked, n->w + biases);
    assert_true(check.worst <= 1.0);
    for (size_t k = 0; k < biases; ++k)
        assert_true(fabs((double)t->db[k] - t->value[n->w + k]) <= t->bound[n->w + k]);
    if (check.worst_at >= n->w)
        return; /* db, which is summed directly, came nearest to its bound */
    read_bound(t, &check);
    const double worst = worst_share(t);
    printf("tiles of %ld, %-11s worst/bound %.5f; %s\n", t->m, kind_name[kind], check.worst,
           shape_text(&t->d->forward, text, sizeof text));
    assert_true(fabs(worst - check.worst) <= 1e-6 * worst);
    expect_caught(t, check.worst_at);
    expect_caught(t, random_between(random, 0, n->w - 1));
}

/* False where the device is not one the solver is made for. */
static bool try_kind(const atrous_conv *conv, enum kind kind)
{
    struct random random = {seed};
    struct drawn d = draw(conv, &random);
    const size_t count = directed_outputs_count(conv);
    struct trial t = {.d = &d,
                      .dw = floats(d.counts.w + d.counts.filters),
                      .value = calloc(count, sizeof *t.value)};
    const struct directed problem = drawn_direct(&d, conv);
    atrous_plan_options options;
    atrous_error error;

    t.bound = calloc(count, sizeof *t.bound);
    assert_true(t.value != NULL && t.bound != NULL);
    shape_values(&d, kind);
    directed_solve(&problem, t.value, t.bound);
    t.db = t.dw + d.counts.w;
    atrous_arrays_init(&t.arrays, sizeof t.arrays);
    t.arrays.input = d.x;
    t.arrays.grad_output = d.y;
    t.arrays.output = t.dw;
    t.arrays.bias_output = conv->has_bias ? t.db : NULL;
    atrous_plan_options_init(&options, sizeof options);
    options.solver = "gradient_minimal";
    const atrous_status status =
        atrous_plan_create(harness.context, conv, &options, &t.plan, &error);
    const bool is_served =
        status != ATROUS_UNSUPPORTED || strstr(error.message, "local memory of its own") == NULL;
    if (is_served) {
        harness_expect_ok(status, &error, "gradient_minimal", conv);
        examine(&t, kind, &random);
    }
    atrous_plan_destroy(t.plan);
    free(t.dw);
    free(t.value);
    free(t.bound);
    drawn_free(&d);
    return is_served;
}

static size_t minimal_problems(atrous_conv conv[])
{
    size_t n = 0;

    for (size_t dilation = 1; dilation <= 7; dilation += dilation < 3 ? 1 : 4) {
        conv[n] = gradient(2, 17, 18, 13, 3, dilation);
        conv[n].input[1] = 22;
        conv[n++].batch = 2;
    }
    conv[n] = gradient(2, 34, 36, 18, 3, 2);
    conv[n++].groups = 2;
    conv[n] = gradient(2, 16, 16, 12, 3, 30); /* most taps meet padding alone */
    conv[n++].padding = ATROUS_PADDING_CONSTANT;
    conv[n - 1].pad_value = 0.5;
    conv[n] = gradient(2, 16, 33, 9, 3, 2);
    conv[n++].padding = ATROUS_PADDING_REFLECT;
    conv[n] = gradient(1, 18, 66, 301, 3, 5);
    conv[n++].orientation = ATROUS_TRUE_CONVOLUTION;
    conv[n++] = gradient(1, 67, 18, 400, 2, 8);
    conv[n++] = gradient(1, 16, 16, 1000, 3, 130); /* strips of columns */
    return n;
}

static void minimal_within_its_bound(void **state)
{
    atrous_conv problems[16];
    const size_t count = minimal_problems(problems);

    (void)state;
    if (harness.cpu_path)
        skip();
    for (size_t i = 0; i < count; ++i)
        for (enum kind kind = REALS; kind < KINDS; ++kind) {
            problems[i].has_bias = kind == REALS;
            if (!try_kind(&problems[i], kind))
                skip();
        }
}

/* Layouts, beta and parts: what the plan's own check covers once the above stands. */
static void minimal_in_other_layouts(void **state)
{
    atrous_conv problems[16];
    const size_t count = minimal_problems(problems);
    struct random random = {seed + 1};
    size_t ran = 0;

    (void)state;
    for (size_t i = 0; i < count; ++i)
        for (size_t turn = 0; turn < 4; ++turn) {
            atrous_conv conv = problems[i];
            conv.input_layout = (atrous_layout)(turn % 2);
            conv.output_layout = (atrous_layout)(turn / 2);
            conv.beta = turn == 2 ? 0.5 : 0.0;
            struct drawn d = draw(&conv, &random);
            const struct directed problem = drawn_direct(&d, &conv);
            const size_t outputs = directed_outputs_count(&conv);
            float *got = floats(outputs), *again = floats(outputs);
            if (!harness.cpu_path && directed_run("gradient_minimal", &problem, got)) {
                assert_true(directed_run_buffers("gradient_minimal", &problem, again));
                assert_memory_equal(got, again, outputs * sizeof *got);
                ++ran;
            }
            free(got);
            free(again);
            drawn_free(&d);
        }
    printf("ran %zu of %zu\n", ran, 4 * count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(larger_than_a_tile),
        cmocka_unit_test(minimal_within_its_bound),
        cmocka_unit_test(minimal_in_other_layouts),
    };
    int failed = harness_open();

    if (failed == 0) {
        harness_add_gradients();
        failed = cmocka_run_group_tests_name("gradient", tests, NULL, NULL);
    }
    harness_close();
    return failed;
}
