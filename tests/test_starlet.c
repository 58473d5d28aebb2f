/* The starlet: planes against the definition in double precision, and their sum. */
#include "testing.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <atrous/starlet.h>

#include "data.h"
#include "files.h"
#include "harness.h"
#include "oracle.h"
#include "random.h"

enum { SEED = 47 };

/* One image of one to three axes; axes it lacks are 1 long. */
struct cube {
    int rank;
    size_t extents[ATROUS_MAX_RANK], count;
};

static struct cube cube_make(int rank, size_t d, size_t h, size_t w)
{
    const size_t all[] = {d, h, w};
    struct cube cube = {.rank = rank, .count = 1};

    for (int axis = 0; axis < rank; ++axis) {
        cube.extents[axis] = all[3 - rank + axis];
        cube.count *= cube.extents[axis];
    }
    return cube;
}

/* h * c along one axis at dilation `step`, mirrored. */
static void smooth_axis(const struct cube *cube, int axis, long step, const double *from,
                        double *to)
{
    static const double taps[] = {0.0625, 0.25, 0.375, 0.25, 0.0625};
    const long extent = (long)cube->extents[axis];
    size_t stride = 1;

    for (int i = axis + 1; i < cube->rank; ++i)
        stride *= cube->extents[i];
    for (size_t i = 0; i < cube->count; ++i) {
        const long at = (long)(i / stride) % extent;
        to[i] = 0.0;
        for (long t = 0; t < 5; ++t) {
            const long read = oracle_index(at + (t - 2) * step, extent, ATROUS_PADDING_REFLECT);
            to[i] += taps[t] * from[(long)i + (read - at) * (long)stride];
        }
    }
}

static double *doubles(size_t count)
{
    double *values = calloc(count, sizeof *values);

    assert_non_null(values);
    return values;
}

/* planes[scales + 1][count]. */
static double *oracle_starlet(const struct cube *cube, const float *image, size_t scales)
{
    double *planes = doubles((scales + 1) * cube->count);
    double *c = doubles(cube->count), *next = doubles(cube->count), *spare = doubles(cube->count);

    for (size_t i = 0; i < cube->count; ++i)
        c[i] = (double)image[i];
    for (size_t j = 0; j < scales; ++j) {
        memcpy(next, c, cube->count * sizeof *c);
        for (int axis = 0; axis < cube->rank; ++axis) {
            smooth_axis(cube, axis, 1L << j, next, spare);
            memcpy(next, spare, cube->count * sizeof *c);
        }
        for (size_t i = 0; i < cube->count; ++i)
            planes[j * cube->count + i] = c[i] - next[i];
        memcpy(c, next, cube->count * sizeof *c);
    }
    memcpy(planes + scales * cube->count, c, cube->count * sizeof *c);
    free(c);
    free(next);
    free(spare);
    return planes;
}

static atrous_starlet *open_starlet(const struct cube *cube, size_t batch, size_t channels,
                                    size_t scales)
{
    atrous_shape shape;
    atrous_starlet *starlet = NULL;
    atrous_error error;

    atrous_shape_init(&shape, cube->rank, sizeof shape);
    shape.batch = batch;
    shape.channels = channels;
    memcpy(shape.extents, cube->extents, sizeof shape.extents);
    if (atrous_starlet_create(harness.context, &shape, scales, NULL, &starlet, &error) != ATROUS_OK)
        fail_msg("starlet: %s", error.message);
    return starlet;
}

/* Each of the `images` has its planes at planes[j][image]. */
static void expect_planes(const struct cube *cube, const float *image, size_t images, size_t scales,
                          const float *planes)
{
    for (size_t n = 0; n < images; ++n) {
        double *want = oracle_starlet(cube, image + n * cube->count, scales);
        for (size_t j = 0; j <= scales; ++j)
            for (size_t i = 0; i < cube->count; ++i) {
                const double got = (double)planes[(j * images + n) * cube->count + i];
                const double right = want[j * cube->count + i];
                /* Every pass averages values within 1 and adds six roundings of them; the
                 * difference adds one more. */
                const double bound = 6.0 * (double)(cube->rank * (int)(j + 1) + 1) * FLT_EPSILON;
                if (!(fabs(got - right) <= bound))
                    fail_msg("plane %zu of image %zu, [%zu]: %.9g, not %.9g", j, n, i, got, right);
            }
        free(want);
    }
}

static void through(struct cube cube, size_t batch, size_t channels, size_t scales)
{
    struct random random = {SEED};
    const size_t images = batch * channels, count = images * cube.count;
    float *image = floats(count), *planes = floats((scales + 1) * count), *sum = floats(count);
    atrous_starlet *starlet = open_starlet(&cube, batch, channels, scales);
    atrous_error error;

    random_fill(&random, image, count);
    if (atrous_starlet_run(starlet, image, planes, &error) != ATROUS_OK ||
        atrous_starlet_sum(starlet, planes, sum, &error) != ATROUS_OK)
        fail_msg("starlet: %s", error.message);
    expect_planes(&cube, image, images, scales, planes);
    for (size_t i = 0; i < count; ++i)
        assert_true(fabs((double)sum[i] - (double)image[i]) <= 1e-6);
    atrous_starlet_destroy(starlet);
    free(image);
    free(planes);
    free(sum);
}

static void starlet_planes_of_pictures(void **state)
{
    (void)state;
    through(cube_make(2, 1, 40, 50), 1, 1, 4);
    through(cube_make(2, 1, 33, 64), 1, 3, 3);
    through(cube_make(2, 1, 17, 19), 2, 2, 2);
}

/* Dilation 32 reaches 64 beyond the border of a picture a few pixels wide. */
static void starlet_mirrors_as_often_as_it_takes(void **state)
{
    (void)state;
    through(cube_make(2, 1, 5, 7), 1, 1, 6);
    through(cube_make(2, 1, 1, 6), 1, 1, 6);
    through(cube_make(2, 1, 2, 3), 1, 2, 6);
    through(cube_make(2, 1, 1, 1), 1, 1, 6);
}

static void starlet_of_signals_and_volumes(void **state)
{
    (void)state;
    through(cube_make(1, 1, 1, 300), 1, 2, 5);
    through(cube_make(3, 9, 10, 11), 1, 1, 3);
}

/* A flat picture has no detail, and a bright pixel spreads as the spline does. */
static void starlet_of_plain_pictures(void **state)
{
    struct cube cube = cube_make(2, 1, 9, 9);
    atrous_starlet *starlet = open_starlet(&cube, 1, 1, 2);
    float image[81], planes[3 * 81];

    (void)state;
    for (int i = 0; i < 81; ++i)
        image[i] = 0.5f;
    assert_int_equal(atrous_starlet_run(starlet, image, planes, NULL), ATROUS_OK);
    for (int i = 0; i < 81; ++i) {
        assert_true(planes[i] == 0.0f && planes[81 + i] == 0.0f);
        assert_true(planes[162 + i] == 0.5f);
    }
    memset(image, 0, sizeof image);
    image[40] = 1.0f;
    assert_int_equal(atrous_starlet_run(starlet, image, planes, NULL), ATROUS_OK);
    assert_true(planes[40] == 1.0f - 36.0f / 256);
    assert_true(planes[41] == -24.0f / 256);
    assert_true(planes[40 + 2 * 9 + 2] == -1.0f / 256);
    atrous_starlet_destroy(starlet);
}

static void starlet_keeps_two_planes_at_once(void **state)
{
    struct cube cube = cube_make(2, 1, 64, 64);
    atrous_starlet *starlet = open_starlet(&cube, 1, 1, 6);
    atrous_stack_info info = {.struct_size = sizeof info};

    (void)state;
    assert_int_equal(atrous_stack_query(atrous_starlet_stack(starlet), &info, NULL), ATROUS_OK);
    assert_int_equal(info.output_count, 7);
    /* The scale before, a pass along rows, and the new scale. */
    assert_true(info.activation_bytes <= 3 * info.input_bytes);
    atrous_starlet_destroy(starlet);
}

static void starlet_refuses(void **state)
{
    struct cube cube = cube_make(2, 1, 8, 8);
    atrous_starlet *starlet = (atrous_starlet *)&cube; /* must become NULL */
    atrous_shape shape;
    atrous_error error;
    float image[64] = {0};

    (void)state;
    atrous_shape_init(&shape, 2, sizeof shape);
    assert_int_equal(atrous_starlet_create(harness.context, &shape, 2, NULL, &starlet, &error),
                     ATROUS_INVALID_ARGUMENT); /* no extents */
    assert_null(starlet);
    shape.extents[0] = shape.extents[1] = 8;
    for (size_t scales = 0; scales <= 31; scales += 31) {
        assert_int_equal(
            atrous_starlet_create(harness.context, &shape, scales, NULL, &starlet, &error),
            ATROUS_INVALID_ARGUMENT);
        assert_string_equal(error.field, "scales");
    }
    shape.layout = ATROUS_LAYOUT_NHWC;
    assert_int_equal(atrous_starlet_create(harness.context, &shape, 2, NULL, &starlet, &error),
                     ATROUS_INVALID_ARGUMENT);
    assert_string_equal(error.field, "image.layout");
    starlet = open_starlet(&cube, 1, 1, 2);
    assert_int_equal(atrous_starlet_run(starlet, NULL, image, NULL), ATROUS_INVALID_ARGUMENT);
    assert_int_equal(atrous_starlet_run(starlet, image, NULL, NULL), ATROUS_INVALID_ARGUMENT);
    assert_int_equal(atrous_starlet_run(starlet, image, image, NULL), ATROUS_INVALID_ARGUMENT);
    assert_int_equal(atrous_starlet_sum(starlet, NULL, image, NULL), ATROUS_INVALID_ARGUMENT);
    atrous_starlet_destroy(starlet);
    atrous_starlet_destroy(NULL);
}

/* The planes that `atrous starlet` wrote for a picture of H x W or C x H x W, against those of
 * the reconstruction, which is the picture to 1e-6. */
static int check_files(const char *folder, size_t scales)
{
    struct npy image = {0};
    char path[512];
    double worst = 0.0;

    snprintf(path, sizeof path, "%s/reconstruction.npy", folder);
    if (!npy_read(path, &image) || image.rank < 2 || image.rank > 3)
        return printf("%s: no picture\n", path), 1;
    const size_t *extents = image.shape + image.rank - 2;
    const struct cube cube = cube_make(2, 1, extents[0], extents[1]);
    for (size_t n = 0; n < image.count / cube.count; ++n) {
        double *want = oracle_starlet(&cube, image.values + n * cube.count, scales);
        for (size_t j = 0; j <= scales; ++j) {
            struct npy plane = {0};
            if (j < scales)
                snprintf(path, sizeof path, "%s/plane_%zu.npy", folder, j + 1);
            else
                snprintf(path, sizeof path, "%s/smooth.npy", folder);
            if (!npy_read(path, &plane) || plane.count != image.count)
                return printf("%s: no such plane\n", path), 1;
            for (size_t i = 0; i < cube.count; ++i)
                worst = fmax(worst, fabs((double)plane.values[n * cube.count + i] -
                                         want[j * cube.count + i]));
            npy_free(&plane);
        }
        free(want);
    }
    npy_free(&image);
    printf("worst error %g\n", worst);
    return worst <= 4e-6 ? 0 : 1;
}

/* test_starlet [FOLDER SCALES]: with arguments, looks at the program's files only. */
int main(int argc, char **argv)
{
    if (argc == 3)
        return check_files(argv[1], (size_t)atoi(argv[2]));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starlet_planes_of_pictures),
        cmocka_unit_test(starlet_mirrors_as_often_as_it_takes),
        cmocka_unit_test(starlet_of_signals_and_volumes),
        cmocka_unit_test(starlet_of_plain_pictures),
        cmocka_unit_test(starlet_keeps_two_planes_at_once),
        cmocka_unit_test(starlet_refuses),
    };
    int failed = harness_open();

    if (failed == 0)
        failed = cmocka_run_group_tests_name("starlet", tests, NULL, NULL);
    harness_close();
    return failed;
}
