/* A seeded sweep against the oracle: the whole geometry, and, for the solvers that are compiled
 * per family of kernels, many sizes of a few families. */
#include "testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "oracle.h"
#include "shapes.h"

static uint64_t seed = 42;

enum scope { SCOPE_WHOLE, SCOPE_FAMILIES };

static void draw_axis(struct random *random, atrous_conv *conv, int axis, enum scope scope)
{
    const size_t dilations[] = {1, 1, 2, 3, 4, 5, 7, 16, 40};
    const size_t strides[] = {1, 1, 1, 2, 3, 5};
    const size_t most = conv->rank == 1 ? 90 : conv->rank == 2 ? 24 : 9;

    conv->input[axis] = random_between(random, 1, random_chance(random, 5) ? 6 * most : most);
    conv->dilation[axis] = random_pick(random, dilations, sizeof dilations / sizeof *dilations);
    if (scope == SCOPE_WHOLE) {
        conv->kernel[axis] = random_between(random, 1, conv->rank == 3 ? 3 : 5);
        conv->stride[axis] = random_pick(random, strides, sizeof strides / sizeof *strides);
    }
    const size_t reach = (conv->kernel[axis] - 1) * conv->dilation[axis];
    if (random_chance(random, 40)) {
        conv->pad_begin[axis] = reach / 2;
        conv->pad_end[axis] = reach - reach / 2;
    } else {
        conv->pad_begin[axis] = random_between(random, 0, reach + 2);
        conv->pad_end[axis] = random_between(random, 0, reach + 2);
    }
    /* The smallest padding under which the kernel fits. */
    const size_t padded = conv->pad_begin[axis] + conv->input[axis] + conv->pad_end[axis];
    if (padded < reach + 1)
        conv->pad_end[axis] += reach + 1 - padded;
}

static void draw_family(struct random *random, atrous_conv *conv)
{
    const size_t taps[] = {1, 2, 3, 3, 5, 7};
    const size_t kernel = random_pick(random, taps, sizeof taps / sizeof *taps);

    for (int axis = 0; axis < conv->rank; ++axis)
        conv->kernel[axis] = kernel;
    conv->padding = random_chance(random, 60) ? ATROUS_PADDING_ZEROS : ATROUS_PADDING_REPLICATE;
}

static void draw_whole(struct random *random, atrous_conv *conv)
{
    const size_t groups[] = {1, 1, 1, 2, 3, 4};

    conv->groups = random_pick(random, groups, sizeof groups / sizeof *groups);
    conv->padding = (atrous_padding)random_between(random, 0, ATROUS_PADDING_CIRCULAR);
    if (conv->padding == ATROUS_PADDING_CONSTANT)
        conv->pad_value = (double)random_between(random, 0, 8) / 4.0 - 1.0;
}

/* Dilations of a third of the image and more, its edge padded as widely, as in pooling heads. */
static void draw_wide_dilation(struct random *random, atrous_conv *conv)
{
    for (int axis = 0; axis < conv->rank; ++axis) {
        const size_t dilation = random_between(random, 1, 9);
        conv->dilation[axis] = conv->pad_begin[axis] = conv->pad_end[axis] = dilation;
        conv->input[axis] = random_between(random, 1, 3 * dilation + 1);
    }
    conv->in_channels += 15;
    conv->out_channels += 15;
    conv->padding = ATROUS_PADDING_ZEROS;
}

static void draw_problem(struct random *random, enum scope scope, atrous_conv *conv)
{
    const size_t ranks[] = {1, 2, 2, 3};
    const size_t families[] = {1, 2, 2};
    const int rank = (int)(scope == SCOPE_WHOLE ? random_pick(random, ranks, 4)
                                                : random_pick(random, families, 3));

    atrous_conv_init(conv, rank, sizeof *conv);
    if (scope == SCOPE_WHOLE)
        draw_whole(random, conv);
    else
        draw_family(random, conv);
    for (int axis = 0; axis < rank; ++axis)
        draw_axis(random, conv, axis, scope);
    conv->batch = random_between(random, 1, 3);
    conv->in_channels = conv->groups * random_between(random, 1, scope == SCOPE_WHOLE ? 5 : 20);
    conv->out_channels = conv->groups * random_between(random, 1, scope == SCOPE_WHOLE ? 5 : 40);
    if (scope == SCOPE_FAMILIES && conv->kernel[0] == 3 && random_chance(random, 30))
        draw_wide_dilation(random, conv);
    conv->has_bias = random_chance(random, 50);
    conv->orientation =
        random_chance(random, 30) ? ATROUS_TRUE_CONVOLUTION : ATROUS_CROSS_CORRELATION;
}

/* Whether the solver meets the problems of this scope: families are not for the slow kernel. */
static bool takes_part(const char *solver, enum scope scope)
{
    return scope == SCOPE_WHOLE || strcmp(solver, "reference") != 0;
}

/* Runs `count` drawn problems of one scope. */
static void sweep(enum scope scope, size_t count)
{
    struct random random = {seed};
    size_t ran[HARNESS_MAX_SOLVERS] = {0}, drawn = 0;

    while (drawn < count) {
        atrous_conv conv;
        draw_problem(&random, scope, &conv);
        if (shape_macs(&conv) > 3e6)
            continue;
        struct data data = data_draw(&conv, &random, FILL_REALS);
        data_solve(&data);
        for (size_t s = 0; s < harness.solver_count; ++s)
            if (takes_part(harness.solver[s], scope))
                ran[s] += harness_check(harness.solver[s], &data, seed);
        data_free(&data);
        ++drawn;
    }
    for (size_t s = 0; s < harness.solver_count; ++s)
        if (takes_part(harness.solver[s], scope)) {
            printf("%-10s ran %zu of %zu problems\n", harness.solver[s], ran[s], drawn);
            assert_true(ran[s] == drawn || !harness_takes_everything(harness.solver[s]));
            assert_true(!harness_takes_forward(harness.solver[s]) || ran[s] > 0 ||
                        scope == SCOPE_WHOLE);
        }
}

static void random_whole_geometry(void **state)
{
    (void)state;
    sweep(SCOPE_WHOLE, harness.quick ? 200 : 1500);
}

static void random_kernel_families(void **state)
{
    (void)state;
    sweep(SCOPE_FAMILIES, harness.quick ? 40 : 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_whole_geometry),
        cmocka_unit_test(random_kernel_families),
    };
    int failed = harness_open();

    seed = harness_seed(seed);
    if (failed == 0)
        failed = cmocka_run_group_tests_name("random", tests, NULL, NULL);
    harness_close();
    return failed;
}
