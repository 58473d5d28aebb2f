/* A tensor of more than 2^31 elements: an input nearly all of whose elements are zeros that were
 * never touched, so that only what is read and set lies in memory, or an output of bytes. On a
 * device it exceeds what one buffer holds. */
#define _GNU_SOURCE
#include "testing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "data.h"
#include "harness.h"
#include "random.h"
#include "shapes.h"

enum {
    EXTENT = 46400, /* squared: 2^31 and 5,476,352 more */
    POINTS = 4000,  /* that are not zero, on taps of some output */
    SEED = 31,
    NEEDED_GIB = 8 /* an array of outputs, a device's buffers, room for others */
};

static float *input; /* EXTENT x EXTENT */

/* Gigabytes that are free to use, by what the system says; 0 where it does not. */
static double available_gib(void)
{
    char line[128];
    double kib = 0;
    FILE *file = fopen("/proc/meminfo", "r");

    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, "MemAvailable:", 13) == 0)
            kib = strtod(line + 13, NULL);
    if (file != NULL)
        fclose(file);
    return kib / 1024 / 1024;
}

static atrous_conv problem(void)
{
    atrous_conv conv;

    atrous_conv_init(&conv, 2, sizeof conv);
    for (int axis = 0; axis < 2; ++axis) {
        conv.input[axis] = EXTENT;
        conv.kernel[axis] = 3;
        conv.stride[axis] = 97;
        conv.dilation[axis] = 1000;
        conv.pad_begin[axis] = conv.pad_end[axis] = 500;
    }
    return conv;
}

/* Where output p meets tap t of an axis; may lie in the padding. */
static long meets(const atrous_conv *conv, size_t p, size_t t)
{
    return (long)(p * conv->stride[0] + t * conv->dilation[0]) - (long)conv->pad_begin[0];
}

static size_t outputs(const atrous_conv *conv)
{
    return (EXTENT + 1000 - 2 * conv->dilation[0] - 1) / conv->stride[0] + 1;
}

/* Small whole numbers where taps fall, an eighth of them behind the first 2^31 elements. */
static void set_points(const atrous_conv *conv)
{
    struct random random = {SEED};
    const size_t n = outputs(conv), far = ((size_t)1 << 31) / EXTENT + 1;

    for (size_t i = 0; i < POINTS;) {
        const long y =
            meets(conv, random_between(&random, 0, n - 1), random_between(&random, 0, 2));
        const long x =
            meets(conv, random_between(&random, 0, n - 1), random_between(&random, 0, 2));
        if (y < 0 || x < 0 || y >= EXTENT || x >= EXTENT || (i % 8 == 0 && (size_t)y < far))
            continue;
        input[(size_t)y * EXTENT + (size_t)x] = (float)random_between(&random, 1, 9);
        ++i;
    }
}

static double read_input(long y, long x)
{
    const bool inside = y >= 0 && x >= 0 && y < EXTENT && x < EXTENT;

    return inside ? (double)input[(size_t)y * EXTENT + (size_t)x] : 0.0;
}

static const float weights[9] = {1, -2, 3, 5, -7, 11, -13, 17, 19};

/* y of whole numbers, exact in any order of summation. */
static double *truth(const atrous_conv *conv, size_t *beyond)
{
    const size_t n = outputs(conv);
    double *y = calloc(n * n, sizeof *y);

    assert_non_null(y);
    *beyond = 0;
    for (size_t oy = 0; oy < n; ++oy)
        for (size_t ox = 0; ox < n; ++ox)
            for (size_t t = 0; t < 9; ++t) {
                const long iy = meets(conv, oy, t / 3), ix = meets(conv, ox, t % 3);
                const double x = read_input(iy, ix);
                y[oy * n + ox] += (double)weights[t] * x;
                *beyond += x > 0.0 && (size_t)iy * EXTENT + (size_t)ix >= (size_t)1 << 31;
            }
    return y;
}

/* On a device of main()'s memory in more than `parts`. */
static atrous_plan *plan_of(const atrous_conv *conv, size_t parts)
{
    atrous_plan_info info = {.struct_size = sizeof info};
    atrous_plan *plan = harness_plan(NULL, conv);

    assert_int_equal(atrous_plan_query(plan, &info, NULL), ATROUS_OK);
    printf("%s in %zu parts\n", info.solver, info.parts);
    assert_true(harness.cpu_path ? info.parts == 1 : info.parts > parts);
    return plan;
}

static void more_than_2_to_31_elements(void **state)
{
    const atrous_conv conv = problem();
    const size_t n = outputs(&conv);
    atrous_check check = {.struct_size = sizeof check};
    atrous_arrays arrays;
    atrous_error error;
    size_t beyond;

    (void)state;
    double *want = truth(&conv, &beyond);
    float *got = floats(n * n);
    printf("%zu products of inputs behind the first 2^31\n", beyond);
    assert_true(beyond > 100);
    atrous_arrays_init(&arrays, sizeof arrays);
    arrays.input = input;
    arrays.weights = weights;
    arrays.output = got;
    atrous_plan *plan = plan_of(&conv, 4);
    harness_expect_ok(atrous_plan_run(plan, &arrays, &error), &error, "auto", &conv);
    for (size_t i = 0; i < n * n; ++i)
        if ((double)got[i] != want[i])
            fail_msg("y[%zu] is %.9g, not %.9g", i, (double)got[i], want[i]);
    harness_expect_ok(atrous_plan_check(plan, &arrays, &check, &error), &error, "check", &conv);
    assert_true(check.worst <= 1.0);
    atrous_plan_destroy(plan);
    free(want);
    free(got);
}

/* The gradient of the weights sums over all of them. */
static void gradient_of_more_than_2_to_31_elements(void **state)
{
    atrous_conv conv = problem();
    const size_t n = outputs(&conv);
    struct random random = {SEED + 1};
    double want[9] = {0};
    atrous_arrays arrays;
    atrous_error error;
    float got[9];

    (void)state;
    conv.direction = ATROUS_BACKWARD_WEIGHTS;
    float *dy = floats(n * n);
    for (size_t i = 0; i < n * n; ++i) {
        dy[i] = (float)random_between(&random, 0, 3);
        for (size_t t = 0; t < 9; ++t)
            want[t] +=
                (double)dy[i] * read_input(meets(&conv, i / n, t / 3), meets(&conv, i % n, t % 3));
    }
    atrous_arrays_init(&arrays, sizeof arrays);
    arrays.input = input;
    arrays.grad_output = dy;
    arrays.output = got;
    atrous_plan *plan = plan_of(&conv, 4);
    harness_expect_ok(atrous_plan_run(plan, &arrays, &error), &error, "auto", &conv);
    for (size_t t = 0; t < 9; ++t)
        if ((double)got[t] != want[t] || want[t] == 0.0)
            fail_msg("dw[%zu] is %.9g, not %.9g", t, (double)got[t], want[t]);
    atrous_plan_destroy(plan);
    free(dy);
}

/* The same of the outputs, bytes: each filter is one weight. */
static void more_than_2_to_31_outputs(void **state)
{
    enum { FILTERS = 132, LINE = 4096, PLANE = LINE * LINE };
    const size_t count = (size_t)FILTERS * PLANE;
    struct random random = {SEED + 2};
    atrous_arrays arrays;
    atrous_conv conv;
    atrous_error error;
    signed char taps[FILTERS];

    (void)state;
    assert_true(count > (size_t)1 << 31);
    atrous_conv_init(&conv, 2, sizeof conv);
    conv.type = ATROUS_TYPE_I8;
    conv.out_channels = FILTERS;
    conv.input[0] = conv.input[1] = LINE;
    for (int k = 0; k < FILTERS; ++k)
        taps[k] = (signed char)(k % 61 - 30); /* some products exceed a byte */
    signed char *x = malloc(PLANE), *got = malloc(count);
    assert_non_null(x);
    assert_non_null(got);
    for (size_t i = 0; i < PLANE; ++i)
        x[i] = (signed char)random_between(&random, 0, 10);
    memset(got, 99, count);
    atrous_arrays_init(&arrays, sizeof arrays);
    arrays.input = x;
    arrays.weights = taps;
    arrays.output = got;
    atrous_plan *plan = plan_of(&conv, 1);
    harness_expect_ok(atrous_plan_run(plan, &arrays, &error), &error, "auto", &conv);
    atrous_plan_destroy(plan);
    for (size_t k = 0; k < FILTERS; ++k)
        for (size_t i = 0; i < PLANE; ++i) {
            const int sum = taps[k] * x[i], want = sum < -128 ? -128 : sum > 127 ? 127 : sum;
            if (got[k * PLANE + i] != want)
                fail_msg("y[%zu][%zu] is %d, not %d", k, i, got[k * PLANE + i], want);
        }
    free(x);
    free(got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(more_than_2_to_31_elements),
        cmocka_unit_test(gradient_of_more_than_2_to_31_elements),
        cmocka_unit_test(more_than_2_to_31_outputs),
    };
    const size_t bytes = (size_t)EXTENT * EXTENT * sizeof(float);
    const double free_gib = available_gib();

    if (sizeof(size_t) < 8 || free_gib < NEEDED_GIB) {
        printf("skipped: huge needs 64-bit sizes and %d GiB of free memory, there are %.1f\n",
               NEEDED_GIB, free_gib);
        return HARNESS_SKIPPED;
    }
    input = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                 -1, 0);
    if (input == MAP_FAILED) {
        printf("skipped: huge needs %zu bytes of address space\n", bytes);
        return HARNESS_SKIPPED;
    }
    const atrous_conv conv = problem();
    set_points(&conv);
    /* PoCL's buffers grow with the machine's memory: these are 2 GiB at most anywhere. */
    setenv("POCL_MEMORY_LIMIT", "8", 0);
    int failed = harness_open();
    if (failed == 0)
        failed = cmocka_run_group_tests_name("huge", tests, NULL, NULL);
    harness_close();
    munmap(input, bytes);
    return failed;
}
