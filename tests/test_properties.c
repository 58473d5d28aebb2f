/* What must hold of any dilated convolution, without a reference, for every solver. Small-integer
 * data makes every sum exact, so equal means equal to the last bit. */
#include "testing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "shapes.h"

enum { SEED = 31337, MOST_TESTS = 256 };

/* Integer data for a problem that every solver must sum directly. */
static struct data draw(atrous_conv conv)
{
    struct random random = {SEED};

    conv.math = ATROUS_MATH_STRICT;
    return data_draw(&conv, &random, FILL_INTEGERS);
}

/* The solver's output, or NULL when it refuses; the caller frees. */
static float *run(const char *solver, const struct data *data)
{
    float *y = floats(data->y_count);

    if (harness_run(solver, data, y))
        return y;
    free(y);
    return NULL;
}

/* The output again, where the solver has already taken the problem's like. */
static float *run_again(const char *solver, const struct data *data)
{
    float *y = run(solver, data);

    assert_non_null(y);
    return y;
}

static void expect_equal(const float *a, const float *b, size_t count)
{
    for (size_t i = 0; i < count; ++i)
        if (!(a[i] == b[i]))
            fail_msg("[%zu]: %.9g is not %.9g", i, (double)a[i], (double)b[i]);
}

static void linearity(const char *solver)
{
    struct data a = draw(shape_square(2, 5, 6, 17, 3, 2));
    struct data b = draw(shape_square(2, 5, 6, 17, 3, 2));
    struct random random = {SEED + 1};
    float *ya = run(solver, &a), *yb = NULL, *sum = NULL;

    if (ya != NULL) {
        random_fill_integers(&random, b.x, b.x_count);
        yb = run_again(solver, &b);
        for (size_t i = 0; i < a.x_count; ++i)
            a.x[i] = 2 * a.x[i] - 3 * b.x[i];
        sum = run_again(solver, &a);
        for (size_t i = 0; i < a.y_count; ++i)
            ya[i] = 2 * ya[i] - 3 * yb[i];
        expect_equal(sum, ya, a.y_count);
    }
    free(ya);
    free(yb);
    free(sum);
    data_free(&a);
    data_free(&b);
}

/* A single 1 at (8, 9): tap (r, s) of every filter shows at (8 + P - rD, 9 + P - sD). */
static void impulse(const char *solver)
{
    const size_t size = 19, taps = 3, dilation = 3, row = 8, column = 9;
    struct data data = draw(shape_square(2, 1, 4, size, taps, dilation));
    float *want = floats(data.y_count), *y = NULL;

    memset(data.x, 0, data.x_count * sizeof *data.x);
    data.x[row * size + column] = 1;
    for (size_t k = 0; k < 4; ++k)
        for (size_t r = 0; r < taps; ++r)
            for (size_t s = 0; s < taps; ++s)
                want[(k * size + row + dilation - r * dilation) * size + column + dilation -
                     s * dilation] = data.w[(k * taps + r) * taps + s];
    y = run(solver, &data);
    if (y != NULL)
        expect_equal(y, want, data.y_count);
    free(y);
    free(want);
    data_free(&data);
}

/* A blob far from the borders, moved by (2, 5), moves the output by (2, 5). */
static void shift(const char *solver)
{
    const size_t size = 23, down = 2, right = 5;
    struct data data = draw(shape_square(2, 1, 3, size, 3, 2));
    float *moved = floats(data.x_count), *y = NULL, *z = NULL;

    for (size_t i = 0; i < size * size; ++i) {
        const size_t row = i / size, column = i % size;
        if (row < 6 || row > 12 || column < 6 || column > 11)
            data.x[i] = 0;
    }
    y = run(solver, &data);
    if (y != NULL) {
        for (size_t i = 0; i < size * size - down * size - right; ++i)
            moved[i + down * size + right] = data.x[i];
        memcpy(data.x, moved, data.x_count * sizeof *moved);
        z = run_again(solver, &data);
        for (size_t k = 0; k < 3; ++k)
            expect_equal(z + k * size * size + down * size + right, y + k * size * size,
                         size * size - down * size - right);
    }
    free(y);
    free(z);
    free(moved);
    data_free(&data);
}

/* Dilation 2 of a 3x3 kernel is the 5x5 kernel with zeros between its taps. */
static void inserted_zeros(const char *solver)
{
    struct data sparse = draw(shape_square(2, 3, 4, 14, 3, 2));
    struct data dense = draw(shape_square(2, 3, 4, 14, 5, 1));
    float *y = run(solver, &sparse), *z = NULL;

    memset(dense.w, 0, dense.w_count * sizeof *dense.w);
    for (size_t i = 0; i < sparse.w_count; ++i) {
        const size_t kernel = i / 9, r = i % 9 / 3, s = i % 3;
        dense.w[kernel * 25 + 2 * r * 5 + 2 * s] = sparse.w[i];
    }
    memcpy(dense.x, sparse.x, sparse.x_count * sizeof *sparse.x);
    z = run(solver, &dense);
    if (y != NULL && z != NULL)
        expect_equal(y, z, sparse.y_count);
    free(y);
    free(z);
    data_free(&sparse);
    data_free(&dense);
}

/* Dilation d is d*d dense convolutions, one on each lattice of the image. */
static void phases(const char *solver)
{
    enum { D = 3, SIZE = 21, PART = SIZE / D };
    struct data whole = draw(shape_square(2, 2, 3, SIZE, 3, D));
    struct data part = draw(shape_square(2, 2, 3, PART, 3, 1));
    float *y = run(solver, &whole), *z = NULL;

    memcpy(part.w, whole.w, part.w_count * sizeof *part.w);
    for (size_t phase = 0; y != NULL && phase < D * D; ++phase) {
        const size_t a = phase / D, b = phase % D;
        for (size_t i = 0; i < part.x_count; ++i) {
            const size_t c = i / (PART * PART), r = i / PART % PART, s = i % PART;
            part.x[i] = whole.x[(c * SIZE + r * D + a) * SIZE + s * D + b];
        }
        z = run_again(solver, &part);
        for (size_t i = 0; i < part.y_count; ++i) {
            const size_t k = i / (PART * PART), r = i / PART % PART, s = i % PART;
            assert_true(z[i] == y[(k * SIZE + r * D + a) * SIZE + s * D + b]);
        }
        free(z);
    }
    free(y);
    data_free(&whole);
    data_free(&part);
}

static void true_convolution_reverses_kernel(const char *solver)
{
    for (int rank = 1; rank <= ATROUS_MAX_RANK; ++rank) {
        struct data data = draw(shape_square(rank, 2, 2, 9, 3, 2));
        const size_t taps = rank == 1 ? 3 : rank == 2 ? 9 : 27;
        float *y = NULL, *z = NULL;

        data.conv.pad_end[0] += 1; /* not symmetric, so that a shift would show */
        data.y_count = data.y_count / 9 * 10;
        y = run(solver, &data);
        data.conv.orientation = ATROUS_TRUE_CONVOLUTION;
        for (size_t k = 0; k < data.w_count; k += taps)
            for (size_t t = 0; t < taps / 2; ++t) {
                const float kept = data.w[k + t];
                data.w[k + t] = data.w[k + taps - 1 - t];
                data.w[k + taps - 1 - t] = kept;
            }
        z = run(solver, &data);
        assert_true((y == NULL) == (z == NULL));
        if (y != NULL)
            expect_equal(y, z, data.y_count);
        free(y);
        free(z);
        data_free(&data);
    }
}

static void single_tap_ignores_dilation(const char *solver)
{
    struct data data = draw(shape_square(2, 6, 5, 10, 1, 1));
    float *y = run(solver, &data), *z = NULL;

    data.conv.dilation[0] = data.conv.dilation[1] = 1000;
    z = run(solver, &data);
    if (y != NULL && z != NULL)
        expect_equal(y, z, data.y_count);
    free(y);
    free(z);
    data_free(&data);
}

/* One pixel under a 3x3 kernel with dilation 5: only the centre tap touches it: 1 + 3*2. */
static void dilation_wider_than_image(const char *solver)
{
    const float w[] = {9, 9, 9, 9, 3, 9, 9, 9, 9};
    atrous_conv conv = shape_square(2, 1, 1, 1, 3, 5);
    struct data data = {0};
    float *y = NULL;

    conv.has_bias = 1;
    data = draw(conv);
    memcpy(data.w, w, sizeof w);
    data.x[0] = 2;
    data.bias[0] = 1;
    y = run(solver, &data);
    assert_true(y == NULL || y[0] == 7.0f);
    free(y);
    data_free(&data);
}

/* Real data, where another order of summation would show. */
static void determinism(const char *solver)
{
    atrous_conv conv = shape_square(2, 33, 19, 29, 3, 4);
    struct random random = {SEED};
    struct data data = data_draw(&conv, &random, FILL_REALS);
    float *y = run(solver, &data), *z = NULL;

    for (int again = 0; y != NULL && again < 3; ++again) {
        z = run_again(solver, &data);
        assert_memory_equal(y, z, data.y_count * sizeof *y);
        free(z);
    }
    free(y);
    data_free(&data);
}

static void batch_is_its_images(const char *solver)
{
    atrous_conv conv = shape_square(2, 3, 5, 12, 3, 2);
    struct data all = {0}, one = draw(conv);
    float *y = NULL, *z = NULL;

    conv.batch = 3;
    all = draw(conv);
    memcpy(one.w, all.w, one.w_count * sizeof *one.w);
    y = run(solver, &all);
    for (size_t n = 0; y != NULL && n < conv.batch; ++n) {
        memcpy(one.x, all.x + n * one.x_count, one.x_count * sizeof *one.x);
        z = run_again(solver, &one);
        expect_equal(z, y + n * one.y_count, one.y_count);
        free(z);
    }
    free(y);
    data_free(&all);
    data_free(&one);
}

static void groups_are_separate_problems(const char *solver)
{
    atrous_conv conv = shape_square(2, 2, 3, 11, 3, 2);
    struct data all = {0}, one = draw(conv);
    float *y = NULL, *z = NULL;

    conv.in_channels = 6;
    conv.out_channels = 9;
    conv.groups = 3;
    all = draw(conv);
    y = run(solver, &all);
    for (size_t g = 0; y != NULL && g < conv.groups; ++g) {
        memcpy(one.x, all.x + g * one.x_count, one.x_count * sizeof *one.x);
        memcpy(one.w, all.w + g * one.w_count, one.w_count * sizeof *one.w);
        z = run_again(solver, &one);
        expect_equal(z, y + g * one.y_count, one.y_count);
        free(z);
    }
    free(y);
    data_free(&all);
    data_free(&one);
}

/* A NaN or an infinity reaches exactly the outputs whose taps meet it. */
static void non_finite_input_stays_local(const char *solver)
{
    const size_t size = 20, dilation = 3, row = 7, column = 11;
    struct data data = draw(shape_square(2, 2, 3, size, 3, dilation));
    float *y = NULL;

    for (size_t i = 0; i < data.w_count; ++i)
        data.w[i] = 1;
    data.x[row * size + column] = NAN;
    y = run(solver, &data);
    for (size_t i = 0; y != NULL && i < data.y_count; ++i) {
        const size_t r = i / size % size + dilation, s = i % size + dilation;
        const bool meets = (r - row) % dilation == 0 && (s - column) % dilation == 0 &&
                           r - row <= 2 * dilation && s - column <= 2 * dilation;
        if ((isnan(y[i]) != 0) != meets)
            fail_msg("y[%zu] = %g, %s the NaN", i, (double)y[i], meets ? "on" : "off");
    }
    free(y);
    data_free(&data);
}

static const struct {
    const char *name;
    void (*holds)(const char *solver);
} properties[] = {
    {"linearity", linearity},
    {"impulse", impulse},
    {"shift", shift},
    {"inserted_zeros", inserted_zeros},
    {"phases", phases},
    {"true_convolution_reverses_kernel", true_convolution_reverses_kernel},
    {"single_tap_ignores_dilation", single_tap_ignores_dilation},
    {"dilation_wider_than_image", dilation_wider_than_image},
    {"determinism", determinism},
    {"batch_is_its_images", batch_is_its_images},
    {"groups_are_separate_problems", groups_are_separate_problems},
    {"non_finite_input_stays_local", non_finite_input_stays_local},
};

struct subject {
    const char *solver;
    void (*holds)(const char *solver);
};

static void property(void **state)
{
    const struct subject *subject = *state;

    subject->holds(subject->solver);
}

int main(void)
{
    static struct CMUnitTest tests[MOST_TESTS];
    static struct subject subjects[MOST_TESTS];
    size_t count = 0;
    int failed = harness_open();

    for (size_t s = 0; failed == 0 && s < harness.solver_count; ++s)
        for (size_t p = 0; p < sizeof properties / sizeof *properties; ++p, ++count) {
            subjects[count] = (struct subject){harness.solver[s], properties[p].holds};
            tests[count].name = harness_name(harness.solver[s], properties[p].name);
            tests[count].test_func = property;
            tests[count].initial_state = &subjects[count];
        }
    printf("seed %d\n", SEED);
    if (failed == 0)
        failed = _cmocka_run_group_tests("properties", tests, count, NULL, NULL);
    harness_close();
    return failed;
}
