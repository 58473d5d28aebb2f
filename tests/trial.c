/* Runs solvers of minimal filtering on hostile data. */
#include "testing.h"

#include "trial.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "minimal.h"
#include "shapes.h"

const uint64_t trial_seed = 1509;

static bool is_close(double a, double b)
{
    return fabs(a - b) <= 1e-9 * fabs(b);
}

atrous_conv trial_ragged(int rank, size_t channels, size_t kernel, size_t dilation)
{
    atrous_conv conv = shape_square(rank, channels, 18, 13, kernel, dilation);

    conv.input[rank - 1] = rank == 2 ? 18 : 101;
    if (rank == 2 && dilation >= 4) {
        conv.input[0] = 29;
        conv.input[1] = 34;
    }
    conv.has_bias = 1;
    return conv;
}

struct data trial_draw(const atrous_conv *conv, enum hostile kind, struct random *random)
{
    struct data data = data_draw(conv, random, FILL_REALS);
    const size_t channels = conv->in_channels / conv->groups;

    hostile_shape(data.x, data.x_count, data.x_count / conv->batch / conv->in_channels, kind, true);
    hostile_shape(data.w, data.w_count, data.w_count / conv->out_channels / channels, kind, false);
    data_solve(&data);
    return data;
}

atrous_plan *trial_plan(const char *solver, const atrous_conv *conv)
{
    atrous_plan_options options;
    atrous_plan *plan = NULL;
    atrous_error error;

    atrous_plan_options_init(&options, sizeof options);
    options.solver = solver;
    const atrous_status status = atrous_plan_create(harness.context, conv, &options, &plan, &error);
    if (status == ATROUS_UNSUPPORTED && strstr(error.message, "local memory of its own") != NULL)
        return NULL;
    harness_expect_ok(status, &error, solver, conv);
    return plan;
}

void trial_run(atrous_plan *plan, const struct data *data, float *y)
{
    const atrous_arrays arrays = data_arrays(data, y);
    atrous_error error;

    harness_expect_ok(atrous_plan_run(plan, &arrays, &error), &error, "run", &data->conv);
}

atrous_check trial_check(atrous_plan *plan, const struct data *data, float *y)
{
    const atrous_arrays arrays = data_arrays(data, y);
    atrous_check check = {.struct_size = sizeof check};
    atrous_error error;

    harness_expect_ok(atrous_plan_check(plan, &arrays, &check, &error), &error, "check",
                      &data->conv);
    return check;
}

/* M of the F(M,R) whose bound the library states, 0 for that of whole phases; none fails the
 * test. */
static long stated_outputs(const char *solver, const struct data *data, const atrous_check *check)
{
    const bool has_windows = strcmp(solver, "phases") != 0;
    const bool is_pair = data->conv.kernel[data->conv.rank - 1] == 2;
    char text[256];

    for (long m = !has_windows ? 0 : is_pair ? 3 : 4; m >= (has_windows ? 2 : 0); m -= 2)
        if (is_close(check->worst_bound, minimal_bound(data, m, check->worst_at)))
            return m;
    fail_msg("the bound %.9g at y[%zu] is no F(M,R)'s; %s", check->worst_bound, check->worst_at,
             shape_text(&data->conv, text, sizeof text));
    return 0;
}

/* Every output within the test's own bound; the worst share. */
static double worst_share(const struct data *data, const float *y, long m)
{
    double worst = 0;

    for (size_t i = 0; i < data->y_count; ++i) {
        const double share = fabs((double)y[i] - data->value[i]) / minimal_bound(data, m, i);
        if (!(share <= worst))
            worst = share;
    }
    return worst;
}

/* Outputs off by four times their bound, one at a time. */
static void expect_caught(atrous_plan *plan, const struct data *data, float *y, long m, size_t at)
{
    const float right = y[at];

    y[at] = (float)(data->value[at] + 4 * minimal_bound(data, m, at));
    const atrous_check check = trial_check(plan, data, y);
    assert_int_equal(check.worst_at, at);
    assert_true(check.worst > 3.9 && check.worst < 4.1);
    y[at] = right;
}

double trial_try(const char *solver, const atrous_conv *conv, enum hostile kind)
{
    struct random random = {trial_seed};
    atrous_plan *plan = trial_plan(solver, conv);
    char text[256];

    if (plan == NULL)
        return -1;
    struct data data = trial_draw(conv, kind, &random);
    float *y = floats(data.y_count);
    trial_run(plan, &data, y);
    const atrous_check check = trial_check(plan, &data, y);
    const long m = stated_outputs(solver, &data, &check);
    const double worst =
        data.y_count * conv->in_channels <= 600000 ? worst_share(&data, y, m) : check.worst;
    printf("%s F(%ld,%zu) %-11s worst/bound %.5f; %s\n", solver, m, conv->kernel[conv->rank - 1],
           hostile_names[kind], check.worst, shape_text(conv, text, sizeof text));
    assert_int_equal(check.checked, data.y_count);
    assert_true(check.worst <= 1.0);
    assert_true(fabs(worst - check.worst) <= 1e-6 * worst);
    expect_caught(plan, &data, y, m, check.worst_at);
    expect_caught(plan, &data, y, m, random_between(&random, 0, data.y_count - 1));
    free(y);
    data_free(&data);
    atrous_plan_destroy(plan);
    return check.worst;
}

void trial_expect_tight(const double worst[HOSTILE_KINDS], unsigned step)
{
    for (unsigned kind = HOSTILE_REALS; kind < HOSTILE_KINDS; kind += step)
        assert_true(kind == HOSTILE_DENORMAL || worst[kind] > 1e-4);
}

void trial_expect_refusal(const char *solver, const atrous_conv *conv, const char *reason)
{
    atrous_plan_options options;
    atrous_plan *plan = NULL;
    atrous_error error;

    atrous_plan_options_init(&options, sizeof options);
    options.solver = solver;
    assert_int_equal(atrous_plan_create(harness.context, conv, &options, &plan, &error),
                     ATROUS_UNSUPPORTED);
    assert_non_null(strstr(error.message, reason));
}
