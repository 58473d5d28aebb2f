/* Gradients of the weights by minimal filtering: within the bound that it states on hostile data,
 * which is tight enough to catch a wrong gradient. */
#include "gradient_trial.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "testing.h"

#include "data.h"
#include "directed_draw.h"
#include "harness.h"
#include "hostile.h"
#include "minimal.h"
#include "shapes.h"
#include "trial.h"

const uint64_t gradient_trial_seed = 4211;

/* Data of a kind, of which a channel has some hundred elements. */
static void shape(struct drawn *d, enum hostile kind)
{
    hostile_shape(d->x, d->counts.x, 150, kind, true);
    hostile_shape(d->y, d->counts.y, 150, kind, false);
}

struct attempt {
    const char *solver;
    const struct drawn *d;
    atrous_plan *plan;
    atrous_arrays arrays;
    float *dw, *db;
    double *value, *bound; /* exact, and of direct sums */
    long m;                /* tiles of so many outputs, 0: whole phases */
    double terms;          /* the library's */
};

static atrous_check check_of(const struct attempt *t)
{
    atrous_check check = {.struct_size = sizeof check};
    atrous_error error;

    harness_expect_ok(atrous_plan_check(t->plan, &t->arrays, &check, &error), &error, "check",
                      &t->d->forward);
    return check;
}

static double bound_at(const struct attempt *t, size_t at)
{
    const double magnitude = minimal_gradient_magnitude(&t->d->forward, t->d->x, t->d->y, t->m, at);
    return t->terms * ((double)FLT_EPSILON * magnitude + (double)FLT_MIN);
}

/* Finds which tiles the stated bound is of, and the terms it counts: those of the transforms, and
 * of a sum over all tiles in two steps, whose longest way is at least twice a root of them. */
static void read_bound(struct attempt *t, const atrous_check *check)
{
    const atrous_conv *conv = &t->d->forward;
    const bool is_pair = conv->kernel[conv->rank - 1] == 2;
    const bool has_windows = strcmp(t->solver, "gradient_phases") != 0;

    for (t->m = !has_windows ? 0 : is_pair ? 3 : 4; t->m >= (has_windows ? 2 : 0); t->m -= 2) {
        t->terms = 1.0;
        t->terms = check->worst_bound / bound_at(t, check->worst_at);
        const double products = t->terms - minimal_gradient_roundings(conv, t->m);
        const double tiles = minimal_gradient_tiles(conv, t->m);
        if (fabs(t->terms - round(t->terms)) < 1e-6 * t->terms && products > 2 * sqrt(tiles) - 1 &&
            products < 2 * tiles + 64)
            return;
    }
    fail_msg("the bound %.9g at dw[%zu] is of no tiles", check->worst_bound, check->worst_at);
}

static double worst_share(const struct attempt *t)
{
    double worst = 0;

    for (size_t i = 0; i < t->d->counts.w; ++i) {
        const double share = fabs((double)t->dw[i] - t->value[i]) / bound_at(t, i);
        if (!(share <= worst))
            worst = share;
    }
    return worst;
}

static void expect_caught(struct attempt *t, size_t at)
{
    const float right = t->dw[at];

    t->dw[at] = (float)(t->value[at] + 4 * bound_at(t, at));
    const atrous_check check = check_of(t);
    assert_int_equal(check.worst_at, at);
    assert_true(check.worst > 3.9 && check.worst < 4.1);
    t->dw[at] = right;
}

static void examine(struct attempt *t, enum hostile kind, struct random *random)
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
    printf("tiles of %ld, %-11s worst/bound %.5f; %s\n", t->m, hostile_names[kind], check.worst,
           shape_text(&t->d->forward, text, sizeof text));
    assert_true(fabs(worst - check.worst) <= 1e-6 * worst);
    expect_caught(t, check.worst_at);
    expect_caught(t, random_between(random, 0, n->w - 1));
}

/* False where the device is not one the solver is made for. */
static bool try_kind(const char *solver, const atrous_conv *conv, enum hostile kind)
{
    struct random random = {gradient_trial_seed};
    struct drawn d = drawn_of(&random, conv);
    const size_t count = directed_outputs_count(conv);
    struct attempt t = {.solver = solver,
                        .d = &d,
                        .dw = floats(d.counts.w + d.counts.filters),
                        .value = calloc(count, sizeof *t.value)};
    const struct directed problem = drawn_direct(&d, conv);

    t.bound = calloc(count, sizeof *t.bound);
    assert_true(t.value != NULL && t.bound != NULL);
    shape(&d, kind);
    directed_solve(&problem, t.value, t.bound);
    t.db = t.dw + d.counts.w;
    atrous_arrays_init(&t.arrays, sizeof t.arrays);
    t.arrays.input = d.x;
    t.arrays.grad_output = d.y;
    t.arrays.output = t.dw;
    t.arrays.bias_output = conv->has_bias ? t.db : NULL;
    t.plan = trial_plan(solver, conv);
    const bool is_served = t.plan != NULL;
    if (is_served)
        examine(&t, kind, &random);
    atrous_plan_destroy(t.plan);
    free(t.dw);
    free(t.value);
    free(t.bound);
    drawn_free(&d);
    return is_served;
}

void gradient_trial(const char *solver, atrous_conv problems[], size_t count)
{
    for (size_t i = 0; i < count; ++i)
        for (enum hostile kind = HOSTILE_REALS; kind < HOSTILE_WIDE_RANGE; ++kind) {
            problems[i].has_bias = kind == HOSTILE_REALS;
            if (!try_kind(solver, &problems[i], kind))
                skip();
        }
}
