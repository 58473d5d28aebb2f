/* The magnitude that winograd's error bound rests on, and where the bound stops promising. */
#include "testing.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "cpu/cpu.h"
#include "minimal.h"
#include "shapes.h"
#include "stored.h"

static const uint64_t seed = 1803;

static bool is_close(double a, double b)
{
    return fabs(a - b) <= 1e-9 * fabs(b);
}

/* x[channel][pixel] of each of `images` as x[pixel][channel]. */
static float *channels_last(const float *x, size_t images, size_t channels, size_t pixels)
{
    float *y = floats(images * channels * pixels);

    for (size_t n = 0; n < images; ++n)
        for (size_t c = 0; c < channels; ++c)
            for (size_t p = 0; p < pixels; ++p)
                y[(n * pixels + p) * channels + c] = x[(n * channels + c) * pixels + p];
    return y;
}

/* Outputs alone and in runs, against `whole` and the test's own. */
static void expect_same_in_pieces(const struct data *data, const struct atrous__problem *problem,
                                  const struct atrous__bound *bound, const double *whole)
{
    const atrous_arrays arrays = data_arrays(data, NULL);
    struct random random = {seed};
    double *part = calloc(data->y_count, sizeof *part);

    assert_non_null(part);
    for (size_t i = 0; i < 200; ++i) {
        const size_t at = random_between(&random, 0, data->y_count - 1);
        const size_t length = random_between(&random, 1, data->y_count - at);
        atrous__cpu_minimal(problem, bound, &arrays, &at, 0, 1, 1, part, NULL);
        assert_true(is_close(part[0], whole[at]));
        assert_true(is_close(bound->terms * ((double)FLT_EPSILON * part[0] + (double)FLT_MIN),
                             minimal_bound(data, (long)bound->columns->outputs, at)));
        atrous__cpu_minimal(problem, bound, &arrays, NULL, at, length, 1, part, NULL);
        assert_memory_equal(part, whole + at, length * sizeof *part);
    }
    free(part);
}

/* The same with channels last on both sides. */
static void expect_same_channels_last(const struct data *data, struct atrous__problem problem,
                                      const struct atrous__bound *bound, const double *whole)
{
    const size_t filters = problem.conv.out_channels, pixels = problem.out_plane;
    float *x = channels_last(data->x, problem.batch, problem.conv.in_channels, problem.in_plane);
    double *other = calloc(data->y_count, sizeof *other), alone = 0;
    atrous_arrays arrays = data_arrays(data, NULL);

    assert_non_null(other);
    arrays.input = x;
    problem.conv.input_layout = problem.conv.output_layout = ATROUS_LAYOUT_NHWC;
    atrous__cpu_minimal(&problem, bound, &arrays, NULL, 7, data->y_count - 7, 2, other + 7, NULL);
    for (size_t at = 0; at < data->y_count; ++at) {
        const size_t n = at / pixels / filters, k = at / pixels % filters;
        const size_t to = (n * pixels + at % pixels) * filters + k;
        assert_true(to < 7 || is_close(other[to], whole[at]));
        if (at % 97 != 0)
            continue;
        atrous__cpu_minimal(&problem, bound, &arrays, &to, 0, 1, 1, &alone, NULL);
        assert_true(is_close(alone, whole[at]));
    }
    free(other);
    free(x);
}

/* In pieces, alone, in either layout: an output's magnitude is the same. */
static void expect_same_however_asked(const atrous_conv *conv)
{
    struct random random = {seed};
    struct atrous__problem problem;

    struct data data = data_draw(conv, &random, FILL_REALS);
    const atrous_arrays arrays = data_arrays(&data, NULL);
    double *whole = calloc(data.y_count, sizeof *whole);
    assert_non_null(whole);
    assert_int_equal(atrous__problem_init(&problem, conv, NULL), ATROUS_OK);
    for (size_t outputs = 2; outputs <= 4; outputs += 2) {
        const struct atrous__bound bound = atrous__minimal_bound(&problem, outputs);
        assert_int_equal(
            atrous__cpu_minimal(&problem, &bound, &arrays, NULL, 0, data.y_count, 2, whole, NULL),
            ATROUS_OK);
        expect_same_in_pieces(&data, &problem, &bound, whole);
        expect_same_channels_last(&data, problem, &bound, whole);
    }
    free(whole);
    data_free(&data);
}

static void bound_magnitude_however_asked(void **state)
{
    atrous_conv conv = shape_square(2, 32, 36, 13, 3, 3);

    (void)state;
    conv.groups = conv.batch = 2;
    conv.input[1] = 18;
    conv.has_bias = 1;
    conv.padding = ATROUS_PADDING_REFLECT;
    expect_same_however_asked(&conv);
}

static void bound_magnitude_of_depth(void **state)
{
    atrous_conv conv = shape_square(3, 6, 10, 7, 3, 2);

    (void)state;
    conv.groups = 2;
    conv.input[0] = 5;
    conv.kernel[0] = 2;
    conv.orientation = ATROUS_TRUE_CONVOLUTION;
    expect_same_however_asked(&conv);
}

/* Whether F(outputs, kernel) still promises three bits at so many channels. */
static bool is_useful(int rank, size_t kernel, size_t outputs, size_t channels)
{
    const atrous_conv conv = shape_square(rank, channels, 16, 32, kernel, 1);
    struct atrous__problem problem;

    assert_int_equal(atrous__problem_init(&problem, &conv, NULL), ATROUS_OK);
    const struct atrous__bound bound = atrous__minimal_bound(&problem, outputs);
    return atrous__bound_is_useful(&bound);
}

static void bound_promises_up_to_its_channels(void **state)
{
    (void)state;
    assert_true(is_useful(2, 3, 4, 4077) && !is_useful(2, 3, 4, 4078));
    assert_true(is_useful(2, 3, 2, 147445) && !is_useful(2, 3, 2, 147446));
    assert_true(is_useful(1, 3, 4, 65526) && !is_useful(1, 3, 4, 65527));
    assert_true(is_useful(1, 2, 3, 349520) && !is_useful(1, 2, 3, 349521));
}

/* Roundings count the same in half, with its spacing and its least normal number; from where a sum
 * may overflow nothing is promised. */
static void bound_of_half_sums(void **state)
{
    const atrous_conv conv = shape_square(2, 5, 16, 8, 3, 1);
    struct atrous__problem problem;

    (void)state;
    assert_int_equal(atrous__problem_init(&problem, &conv, NULL), ATROUS_OK);
    struct atrous__bound bound = atrous__direct_bound(&problem);
    assert_true(is_close(atrous__bound_at(&bound, 3.0), 46 * (ldexp(3.0, -23) + ldexp(1.0, -126))));
    assert_true(isfinite(atrous__bound_at(&bound, 1e9)));
    atrous__bound_in_half(&bound);
    assert_true(is_close(atrous__bound_at(&bound, 3.0), 46 * (3.0 / 1024 + 1.0 / 16384)));
    /* magnitude * (1 + 46/1024) + 46/16384 = 65504 lies at 62687.997 */
    assert_true(isfinite(atrous__bound_at(&bound, 62687.9)));
    assert_true(isinf(atrous__bound_at(&bound, 62688.1)));
}

/* As a device sums in half: each product added at once, rounded to nearest. */
static double half_sum(const float *x, const float *w, size_t count)
{
    uint16_t sum = 0;

    for (size_t i = 0; i < count; ++i)
        stored_put(ATROUS_TYPE_F16, &sum, 0,
                   stored_get(ATROUS_TYPE_F16, &sum, 0) + (double)x[i] * (double)w[i]);
    return stored_get(ATROUS_TYPE_F16, &sum, 0);
}

/* Values of one tensor: mean + spread * [-1, 1), as halves. */
static void fill_halves(struct random *random, float mean, float spread, float *values,
                        size_t count)
{
    random_fill(random, values, count);
    for (size_t i = 0; i < count; ++i)
        values[i] = mean + spread * values[i];
    stored_round(ATROUS_TYPE_F16, values, count);
}

/* Draws pairs of tensors by these means and spreads, sums them in half and returns the largest
 * share of the bound. */
static double worst_half_share(const float law[4], size_t count, int draws)
{
    struct random random = {seed};
    float *x = floats(count), *w = floats(count);
    struct atrous__bound bound = atrous__bound_of_terms((double)count + 1);
    double worst = 0;

    atrous__bound_in_half(&bound);
    for (int draw = 0; draw < draws; ++draw) {
        double exact = 0, magnitude = 0;
        fill_halves(&random, law[0], law[1], x, count);
        fill_halves(&random, law[2], law[3], w, count);
        for (size_t i = 0; i < count; ++i) {
            exact += (double)x[i] * (double)w[i];
            magnitude += fabs((double)x[i] * (double)w[i]);
        }
        const double most = atrous__bound_at(&bound, magnitude);
        assert_true(isfinite(most));
        worst = fmax(worst, fabs(half_sum(x, w, count) - exact) / most);
    }
    free(x);
    free(w);
    return worst;
}

/* Random and large-mean data, sums that stand still (ones: beyond 2048 half adds no more of them),
 * more roundings than 2^10, and denormals. */
static void bound_of_half_sums_holds(void **state)
{
    static const float laws[][4] = {{0, 1, 0, 1},
                                    {5, 1, 0, 1},
                                    {5, 1, 1, 0.5f},
                                    {1, 0, 1, 0},
                                    {0, 1.0f / 4096, 0, 1.0f / 4096}};
    static const size_t counts[] = {1, 9, 144, 1152, 4000};
    double most = 0;

    (void)state;
    for (size_t l = 0; l < sizeof laws / sizeof *laws; ++l)
        for (size_t c = 0; c < sizeof counts / sizeof *counts; ++c) {
            if (l == 2 && counts[c] > 1152)
                continue; /* beyond the range of half: nothing is promised */
            const double share = worst_half_share(laws[l], counts[c], 40);
            printf("law %zu, %zu products: %.3g of the bound\n", l, counts[c], share);
            assert_true(share <= 1.0);
            most = fmax(most, share);
        }
    assert_true(most > 0.05); /* the sums were in half, and the bound is no idle one */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bound_magnitude_however_asked),
        cmocka_unit_test(bound_magnitude_of_depth),
        cmocka_unit_test(bound_promises_up_to_its_channels),
        cmocka_unit_test(bound_of_half_sums),
        cmocka_unit_test(bound_of_half_sums_holds),
    };

    return cmocka_run_group_tests_name("bound", tests, NULL, NULL);
}
