/* The error bounds of minimal filtering, winograd's and that of whole phases: kept on hostile data,
 * and tight enough to catch a wrong output. */
#include "testing.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"
#include "harness.h"
#include "minimal.h"
#include "shapes.h"

static const uint64_t seed = 1509;

static bool is_close(double a, double b)
{
    return fabs(a - b) <= 1e-9 * fabs(b);
}

/* ------------------------------------------------------------------------- the data */

enum kind { REALS, LARGE_MEAN, ALTERNATING, HUGE_PIXEL, DENORMAL, WIDE_RANGE, KINDS };
static const char *const kind_name[KINDS] = {"reals",      "large mean", "alternating",
                                             "huge pixel", "denormal",   "wide range"};

/* Turns reals in [-1, 1) into data of a kind; `size` values make a channel or a kernel. */
static void shape_values(float *values, size_t count, size_t size, enum kind kind, bool is_input)
{
    for (size_t i = 0; i < count; ++i) {
        const float sign = i % 2 == 0 ? 1.0f : -1.0f;
        const int step = (int)(i / size % 13) - 6;
        if (kind == LARGE_MEAN)
            values[i] = is_input ? 1000.0f + values[i] : 1.0f + 0.01f * values[i];
        else if (kind == ALTERNATING)
            values[i] = sign * (1.0f + 0.001f * values[i]);
        else if (kind == HUGE_PIXEL && is_input)
            values[i] *= i % size == size * 2 / 5 ? 1e6f : 1e-4f;
        else if (kind == DENORMAL)
            values[i] *= is_input ? 4e-38f : (i % 3 == 0 ? 1e6f : 1e-2f);
        else if (kind == WIDE_RANGE)
            values[i] *= powf(10.0f, (float)(is_input ? step : -step));
    }
}

static struct data draw(const atrous_conv *conv, enum kind kind, struct random *random)
{
    struct data data = data_draw(conv, random, FILL_REALS);
    const size_t channels = conv->in_channels / conv->groups;

    shape_values(data.x, data.x_count, data.x_count / conv->batch / conv->in_channels, kind, true);
    shape_values(data.w, data.w_count, data.w_count / conv->out_channels / channels, kind, false);
    data_solve(&data);
    return data;
}

/* ------------------------------------------------------------------------- the tests */

/* NULL where the device is not one the solver is made for. */
static atrous_plan *plan_by(const char *solver, const atrous_conv *conv)
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

static atrous_arrays arrays_of(const struct data *data, float *y)
{
    atrous_arrays arrays;

    atrous_arrays_init(&arrays, sizeof arrays);
    arrays.input = data->x;
    arrays.weights = data->w;
    arrays.bias = data->bias;
    arrays.output = y;
    return arrays;
}

static void run(atrous_plan *plan, const struct data *data, float *y)
{
    const atrous_arrays arrays = arrays_of(data, y);
    atrous_error error;

    harness_expect_ok(atrous_plan_run(plan, &arrays, &error), &error, "run", &data->conv);
}

static atrous_check check_of(atrous_plan *plan, const struct data *data, float *y)
{
    const atrous_arrays arrays = arrays_of(data, y);
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
    const atrous_check check = check_of(plan, data, y);
    assert_int_equal(check.worst_at, at);
    assert_true(check.worst > 3.9 && check.worst < 4.1);
    y[at] = right;
}

/* Runs a kind of data; the worst share of the bound, or -1 where the solver does not serve. */
static double try_kind(const char *solver, const atrous_conv *conv, enum kind kind)
{
    struct random random = {seed};
    atrous_plan *plan = plan_by(solver, conv);
    char text[256];

    if (plan == NULL)
        return -1;
    struct data data = draw(conv, kind, &random);
    float *y = floats(data.y_count);
    run(plan, &data, y);
    const atrous_check check = check_of(plan, &data, y);
    const long m = stated_outputs(solver, &data, &check);
    const double worst =
        data.y_count * conv->in_channels <= 600000 ? worst_share(&data, y, m) : check.worst;
    printf("%s F(%ld,%zu) %-11s worst/bound %.5f; %s\n", solver, m, conv->kernel[conv->rank - 1],
           kind_name[kind], check.worst, shape_text(conv, text, sizeof text));
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

/* Problems with ragged tiles at the ends of phases. */
static atrous_conv ragged(int rank, size_t channels, size_t kernel, size_t dilation)
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

static void sweep(int rank, size_t kernel)
{
    const size_t channels[] = {16, 64, 256}, dilations[] = {1, 2, 4, 7};
    double most[KINDS] = {0};

    for (size_t c = 0; c < (harness.quick ? 1 : 3); ++c)
        for (size_t d = 0; d < (c == 2 ? 2 : 4); ++d)
            for (enum kind kind = REALS; kind < KINDS; ++kind) {
                const atrous_conv conv = ragged(rank, channels[c], kernel, dilations[d]);
                const double worst = try_kind("winograd", &conv, kind);
                if (worst < 0)
                    skip();
                most[kind] = fmax(most[kind], worst);
            }
    /* A bound that nothing comes near would not be worth stating. */
    for (enum kind kind = REALS; kind < KINDS; ++kind)
        assert_true(kind == DENORMAL || most[kind] > 1e-4);
}

static void winograd_bound_in_two_dimensions(void **state)
{
    (void)state;
    sweep(2, 3);
}

static void winograd_bound_of_three_taps(void **state)
{
    (void)state;
    sweep(1, 3);
}

static void winograd_bound_of_two_taps(void **state)
{
    (void)state;
    sweep(1, 2);
}

/* Groups, a batch, every padding, uneven pads and both orientations: tiles read what they say. */
static void winograd_bound_of_paddings(void **state)
{
    (void)state;
    for (int mode = ATROUS_PADDING_ZEROS; mode <= ATROUS_PADDING_CIRCULAR; ++mode)
        for (size_t kernel = 2; kernel <= 3; ++kernel) {
            atrous_conv conv = ragged(kernel == 3 ? 2 : 1, 32, kernel, 3);
            conv.groups = conv.batch = 2;
            conv.out_channels = 36;
            conv.padding = (atrous_padding)mode;
            conv.pad_value = mode == ATROUS_PADDING_CONSTANT ? 300.0 : 0.0;
            conv.pad_begin[0] = 5;
            conv.orientation = kernel == 3 ? ATROUS_TRUE_CONVOLUTION : ATROUS_CROSS_CORRELATION;
            if (try_kind("winograd", &conv, REALS) < 0 ||
                try_kind("winograd", &conv, HUGE_PIXEL) < 0)
                skip();
        }
}

/* The taps of a depth are summed like channels: ragged depths that padding reaches, odd ones and
 * dilated ones, channels that fill no vectors. */
static void winograd_bound_of_depth(void **state)
{
    const size_t depths[] = {3, 2, 5}, channels[] = {16, 21, 17};

    (void)state;
    for (size_t i = 0; i < 3; ++i)
        for (int mode = ATROUS_PADDING_ZEROS; mode <= ATROUS_PADDING_REFLECT;
             mode += 1 + (mode == 1)) {
            atrous_conv conv = shape_square(3, channels[i], 18, 7, 3, 1 + i);
            conv.kernel[0] = depths[i];
            conv.input[0] = 4;
            conv.input[2] = 10;
            conv.pad_begin[0] = (depths[i] - 1) * (1 + i) / 2 + 1;
            conv.pad_end[0] = (depths[i] - 1) * (1 + i) / 2;
            conv.has_bias = 1;
            conv.padding = (atrous_padding)mode;
            conv.pad_value = mode == ATROUS_PADDING_CONSTANT ? 3.0 : 0.0;
            conv.orientation = i == 1 ? ATROUS_TRUE_CONVOLUTION : ATROUS_CROSS_CORRELATION;
            if (try_kind("winograd", &conv, REALS) < 0 ||
                try_kind("winograd", &conv, HUGE_PIXEL) < 0)
                skip();
        }
}

/* A NaN and an infinity spoil their tiles, which promise nothing; all other outputs stay. */
static void winograd_bound_beside_nan(void **state)
{
    const atrous_conv conv = ragged(2, 16, 3, 2);
    struct random random = {seed};
    atrous_plan *plan = plan_by("winograd", &conv);

    (void)state;
    if (plan == NULL)
        skip();
    struct data data = data_draw(&conv, &random, FILL_REALS);
    float *y = floats(data.y_count);
    data.x[0] = NAN;
    data.x[3 * 18 + 11] = INFINITY;
    data.x[13 * 18 + 30] = 3e38f;
    data_solve(&data);
    run(plan, &data, y);
    assert_true(check_of(plan, &data, y).worst <= 1.0);
    y[data.y_count - 1] += 1.0f;
    assert_true(check_of(plan, &data, y).worst > 1.0);
    y[data.y_count - 1] = NAN;
    assert_true(isinf(check_of(plan, &data, y).worst));
    free(y);
    data_free(&data);
    atrous_plan_destroy(plan);
}

/* An output next to a huge pixel, which none of its own taps meets, breaks the direct bound. */
static void winograd_needs_a_bound_of_its_own(void **state)
{
    const atrous_conv conv = ragged(2, 16, 3, 1);
    struct random random = {seed};
    struct mismatch worst;
    atrous_plan *plan = plan_by("winograd", &conv);

    (void)state;
    if (plan == NULL)
        skip();
    struct data data = draw(&conv, HUGE_PIXEL, &random);
    float *y = floats(data.y_count);
    run(plan, &data, y);
    assert_true(check_of(plan, &data, y).worst <= 1.0);
    assert_false(compare_bound(&conv, y, data.value, data.magnitude, data.y_count, 0.0, &worst));
    free(y);
    data_free(&data);
    atrous_plan_destroy(plan);
}

static void expect_refusal(const char *solver, const atrous_conv *conv, const char *reason)
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

static void winograd_refuses_by_its_bound(void **state)
{
    atrous_conv conv = ragged(2, 512, 3, 1);
    atrous_plan *plan = plan_by("winograd", &conv);

    (void)state;
    if (plan == NULL)
        skip();
    conv.in_channels = 200000;
    expect_refusal("winograd", &conv, "error bound");
    conv.in_channels = 64;
    conv.math = ATROUS_MATH_STRICT;
    expect_refusal("winograd", &conv, "strict");
    atrous_plan_destroy(plan);
}

/* Rows at dilations that divide a vector, that are one, that are more and fill none; outputs that
 * end within a strip, a vector, a window. */
static void strips_bound_at_every_dilation(void **state)
{
    const size_t dilations[] = {1, 2, 4, 8, 16, 17, 33, 120};
    double most[KINDS] = {0};

    (void)state;
    for (size_t kernel = 2; kernel <= 3; ++kernel)
        for (size_t i = 0; i < 8; ++i)
            for (enum kind kind = REALS; kind < KINDS; kind += harness.quick ? 2 : 1) {
                atrous_conv conv = ragged(1, i % 2 == 0 ? 16 : 37, kernel, dilations[i]);
                conv.input[0] = 200 + 31 * i;
                const double worst = try_kind("strips", &conv, kind);
                if (worst < 0)
                    skip();
                most[kind] = fmax(most[kind], worst);
            }
    for (enum kind kind = REALS; kind < KINDS; ++kind)
        assert_true(kind == DENORMAL || most[kind] > 1e-4 || (harness.quick && kind % 2 == 1));
}

/* Every padding, groups, a batch, the rows of images, what is shorter than a vector. */
static void strips_bound_of_other_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < 20; ++i) {
        atrous_conv conv = ragged(1, 32, 2 + i % 2, i % 4 < 2 ? 4 : 19);
        conv.groups = conv.batch = 2;
        conv.out_channels = 36;
        conv.padding = (atrous_padding)(i / 4);
        conv.pad_value = conv.padding == ATROUS_PADDING_CONSTANT ? 3.0 : 0.0;
        conv.pad_begin[0] += 5;
        conv.orientation = i % 3 == 0 ? ATROUS_TRUE_CONVOLUTION : ATROUS_CROSS_CORRELATION;
        if (i % 5 == 0) {
            conv.rank = 2;
            conv.input[1] = 11 + i;
            conv.input[0] = 3;
            conv.kernel[1] = conv.kernel[0];
            conv.dilation[1] = conv.dilation[0];
            conv.pad_begin[1] = conv.pad_end[1] = conv.pad_begin[0];
            conv.kernel[0] = conv.dilation[0] = conv.stride[1] = 1;
            conv.pad_begin[0] = conv.pad_end[0] = 0;
        }
        if (try_kind("strips", &conv, REALS) < 0 || try_kind("strips", &conv, HUGE_PIXEL) < 0)
            skip();
    }
}

/* An image of which each axis has phases of up to `rows` and `columns` values. */
static atrous_conv short_phases(size_t channels, size_t rows, size_t columns, size_t longest)
{
    atrous_conv conv = shape_square(2, channels, 18, 13, 3, 1);

    conv.input[1] = 17;
    for (int i = 0; i < 2; ++i) {
        const size_t values = i == 0 ? rows : columns, in = conv.input[i];
        /* So that some phases, or (longest) all, are as long as that. */
        const size_t least = (in + values - 1) / values,
                     most = (in - 1) / (values - 1 + !(values - 1));
        conv.dilation[i] = values == 1 ? in + longest : longest ? least : most;
        conv.pad_begin[i] = conv.pad_end[i] = conv.dilation[i];
    }
    conv.has_bias = 1;
    return conv;
}

static void phases_bound_of_every_length(void **state)
{
    const size_t channels[] = {16, 37, 100};
    double most[KINDS] = {0};

    (void)state;
    for (size_t i = 0; i < (harness.quick ? 1 : 3) * 16; ++i)
        for (enum kind kind = REALS; kind < KINDS; kind += 1 + (enum kind)(i / 16)) {
            const atrous_conv conv =
                short_phases(channels[i / 16], 1 + i % 4, 1 + i / 4 % 4, i / 2 % 2);
            if (i % 4 == 3 || i / 4 % 4 == 3 || (i % 4 == 0 && i / 4 % 4 == 0))
                continue; /* too long, or a middle tap alone */
            const double worst = try_kind("phases", &conv, kind);
            if (worst < 0)
                skip();
            most[kind] = fmax(most[kind], worst);
        }
    for (enum kind kind = REALS; kind < KINDS; ++kind)
        assert_true(kind == DENORMAL || most[kind] > 1e-4);
}

/* Lines and columns of taps, groups, a batch, planes of a volume, the true convolution. */
static void phases_bound_of_other_shapes(void **state)
{
    (void)state;
    for (size_t i = 0; i < 12; ++i) {
        atrous_conv conv = short_phases(40, 2 + i % 2, 3 - i / 2 % 2, i % 2);
        conv.groups = conv.batch = 1 + i % 2;
        conv.out_channels = 36;
        conv.orientation = i % 3 == 1 ? ATROUS_TRUE_CONVOLUTION : ATROUS_CROSS_CORRELATION;
        if (i >= 4 && i < 8) {
            conv.kernel[i % 2] = 1;
            conv.pad_begin[i % 2] = conv.pad_end[i % 2] = 0;
        } else if (i >= 8) {
            conv.rank = 3;
            for (int axis = 2; axis > 0; --axis) {
                conv.input[axis] = conv.input[axis - 1];
                conv.kernel[axis] = 3;
                conv.dilation[axis] = conv.pad_begin[axis] = conv.pad_end[axis] =
                    conv.dilation[axis - 1];
            }
            conv.input[0] = 3;
            conv.kernel[0] = conv.dilation[0] = conv.stride[2] = 1;
            conv.pad_begin[0] = conv.pad_end[0] = 0;
        }
        if (try_kind("phases", &conv, REALS) < 0 || try_kind("phases", &conv, HUGE_PIXEL) < 0)
            skip();
    }
}

/* Either layout on either side, what follows the sum, a batch: the plan's own check. */
static void phases_serve_layouts_and_epilogues(void **state)
{
    struct random random = {seed};
    atrous_error error;

    (void)state;
    for (size_t i = 0; i < (harness.quick ? 8 : 28); ++i) {
        atrous_conv conv = short_phases(21, 2 + i % 2, 1 + i / 2 % 3, i / 3 % 2);
        conv.batch = 3;
        conv.out_channels = 46;
        conv.input_layout = (atrous_layout)(i / 2 % 2);
        conv.output_layout = (atrous_layout)(i % 2);
        conv.activation = (atrous_activation)(i % 7);
        conv.activation_low = -0.25;
        conv.activation_high = 0.5;
        conv.residual = conv.activation == ATROUS_ACTIVATION_GATED ? ATROUS_RESIDUAL_AFTER
                                                                   : (atrous_residual)(i % 3);
        conv.alpha = 0.75;
        atrous_plan *plan = plan_by("phases", &conv);
        if (plan == NULL)
            skip();
        struct data data = data_draw(&conv, &random, FILL_REALS);
        float *y = floats(data.y_count), *residual = floats(data.y_count);
        random_fill(&random, residual, data.y_count);
        atrous_arrays arrays = arrays_of(&data, y);
        atrous_check check = {.struct_size = sizeof check};
        arrays.residual = residual;
        harness_expect_ok(atrous_plan_run(plan, &arrays, &error), &error, "run", &conv);
        harness_expect_ok(atrous_plan_check(plan, &arrays, &check, &error), &error, "check", &conv);
        assert_true(check.checked > 0 && check.worst <= 1.0);
        y[check.worst_at] += 1.0f;
        harness_expect_ok(atrous_plan_check(plan, &arrays, &check, &error), &error, "check", &conv);
        assert_true(check.worst > 1.0);
        free(residual);
        free(y);
        data_free(&data);
        atrous_plan_destroy(plan);
    }
}

/* Strips that fill no vectors overlap: beta reads each output once, as it was. */
static void strips_read_what_beta_scales_once(void **state)
{
    struct random random = {seed};
    atrous_conv conv = ragged(1, 16, 2, 21);
    atrous_error error;

    (void)state;
    conv.input[0] = 333;
    atrous_plan *plain = plan_by("strips", &conv);
    conv.beta = -0.75;
    atrous_plan *plan = plan_by("strips", &conv);
    if (plan == NULL)
        skip();
    struct data data = data_draw(&conv, &random, FILL_REALS);
    float *sums = floats(data.y_count), *y = floats(data.y_count), *before = floats(data.y_count);
    random_fill(&random, before, data.y_count);
    memcpy(y, before, data.y_count * sizeof *y);
    run(plain, &data, sums);
    const atrous_arrays arrays = arrays_of(&data, y);
    harness_expect_ok(atrous_plan_run(plan, &arrays, &error), &error, "run", &conv);
    for (size_t i = 0; i < data.y_count; ++i) {
        const double want = (double)sums[i] - 0.75 * (double)before[i];
        const double room = fabs((double)sums[i]) + fabs((double)before[i]);
        assert_true(fabs((double)y[i] - want) <= (double)FLT_EPSILON * room);
    }
    free(before);
    free(sums);
    free(y);
    data_free(&data);
    atrous_plan_destroy(plain);
    atrous_plan_destroy(plan);
}

static void strips_refuses_what_is_not_its_own(void **state)
{
    atrous_conv conv = ragged(1, 16, 3, 4);
    atrous_plan *plan = plan_by("strips", &conv);

    (void)state;
    if (plan == NULL)
        skip();
    conv.dilation[0] = 3;
    expect_refusal("strips", &conv, "divides none");
    conv.dilation[0] = 4;
    conv.input_layout = ATROUS_LAYOUT_NHWC;
    expect_refusal("strips", &conv, "not neighbours in memory");
    conv.input_layout = ATROUS_LAYOUT_NCHW;
    conv.math = ATROUS_MATH_STRICT;
    expect_refusal("strips", &conv, "strict");
    conv = ragged(2, 16, 3, 4);
    expect_refusal("strips", &conv, "more than a row");
    atrous_plan_destroy(plan);
}

static void phases_refuses_what_is_not_its_own(void **state)
{
    atrous_conv conv = short_phases(16, 3, 2, 1);
    atrous_plan *plan = plan_by("phases", &conv);

    (void)state;
    if (plan == NULL)
        skip();
    conv.dilation[0] = conv.pad_begin[0] = conv.pad_end[0] = 4;
    expect_refusal("phases", &conv, "more than 3 values");
    conv = short_phases(16, 1, 1, 1);
    expect_refusal("phases", &conv, "one tap");
    conv = short_phases(16, 3, 3, 1);
    conv.pad_end[1] += 1;
    expect_refusal("phases", &conv, "as wide as the dilation");
    conv.pad_end[1] -= 1;
    conv.padding = ATROUS_PADDING_REPLICATE;
    expect_refusal("phases", &conv, "not zeros");
    conv.padding = ATROUS_PADDING_ZEROS;
    conv.math = ATROUS_MATH_STRICT;
    expect_refusal("phases", &conv, "strict");
    atrous_plan_destroy(plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(winograd_bound_in_two_dimensions),
        cmocka_unit_test(winograd_bound_of_three_taps),
        cmocka_unit_test(winograd_bound_of_two_taps),
        cmocka_unit_test(winograd_bound_of_paddings),
        cmocka_unit_test(winograd_bound_of_depth),
        cmocka_unit_test(winograd_bound_beside_nan),
        cmocka_unit_test(winograd_needs_a_bound_of_its_own),
        cmocka_unit_test(winograd_refuses_by_its_bound),
        cmocka_unit_test(strips_bound_at_every_dilation),
        cmocka_unit_test(strips_bound_of_other_rows),
        cmocka_unit_test(phases_bound_of_every_length),
        cmocka_unit_test(phases_bound_of_other_shapes),
        cmocka_unit_test(phases_serve_layouts_and_epilogues),
        cmocka_unit_test(strips_read_what_beta_scales_once),
        cmocka_unit_test(strips_refuses_what_is_not_its_own),
        cmocka_unit_test(phases_refuses_what_is_not_its_own),
    };
    int failed = harness_open();

    if (failed == 0)
        failed = cmocka_run_group_tests_name("minimal", tests, NULL, NULL);
    harness_close();
    return failed;
}
