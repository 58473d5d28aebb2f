/* Transposed convolution and backward data where a stride spreads the input: all residues of the
 * stride, with many taps, none, and others' filters beside theirs. */
#include "testing.h"

#include <stdio.h>
#include <stdlib.h>

#include "data.h"
#include "directed_draw.h"
#include "harness.h"
#include "shapes.h"

static uint64_t seed = 5150;

static void draw_axis(struct random *random, atrous_conv *conv, int axis, size_t most_stride)
{
    const size_t most = conv->rank == 1 ? 400 : conv->rank == 2 ? 40 : 9;
    const size_t stride = random_between(random, 1, most_stride);
    size_t dilation = random_between(random, 1, stride);

    while (stride % dilation != 0)
        --dilation;
    conv->stride[axis] = stride;
    conv->dilation[axis] = dilation;
    conv->kernel[axis] = random_chance(random, 30) ? stride : random_between(random, 1, 9);
    conv->input[axis] = random_between(random, 1, random_chance(random, 30) ? 8 : most);
    const size_t reach = (conv->kernel[axis] - 1) * dilation;
    if (random_chance(random, 60)) {
        conv->pad_begin[axis] = random_between(random, 0, reach + 2);
        conv->pad_end[axis] = random_between(random, 0, reach + 2);
    }
    const size_t padded = conv->pad_begin[axis] + conv->input[axis] + conv->pad_end[axis];
    if (padded < reach + 1)
        conv->pad_end[axis] += reach + 1 - padded;
}

/* The forward problem. */
static void draw_problem(struct random *random, atrous_conv *conv)
{
    const size_t groups[] = {1, 1, 1, 2, 3}, most_strides[] = {16, 4, 2};

    atrous_conv_init(conv, (int)random_between(random, 1, 3), sizeof *conv);
    conv->math = ATROUS_MATH_STRICT;
    conv->batch = random_between(random, 1, 2);
    conv->groups = random_pick(random, groups, sizeof groups / sizeof *groups);
    conv->in_channels =
        conv->groups * random_between(random, 1, random_chance(random, 50) ? 9 : 70);
    conv->out_channels =
        conv->groups * random_between(random, 1, random_chance(random, 50) ? 9 : 40);
    for (int axis = 0; axis < conv->rank; ++axis)
        draw_axis(random, conv, axis, most_strides[conv->rank - 1]);
    conv->input_layout = (atrous_layout)random_between(random, 0, 1);
    conv->output_layout = (atrous_layout)random_between(random, 0, 1);
    conv->orientation = (atrous_orientation)random_chance(random, 30);
    conv->type =
        (atrous_type)(random_chance(random, 60) ? ATROUS_TYPE_F32 : random_between(random, 0, 2));
    conv->alpha = random_chance(random, 20) ? -0.5 : 1.0;
    conv->beta = random_chance(random, 20) ? 0.5 : 0.0;
}

static void residues_agree(void **state)
{
    const char *const solvers[] = {"spread", "simd"};
    const size_t count = harness.quick ? 60 : 600;
    size_t ran[2][2] = {{0}};
    struct random random = {seed};

    (void)state;
    for (size_t drawn = 0; drawn < count;) {
        atrous_conv conv, adjoint;
        draw_problem(&random, &conv);
        if (!directed_is_small(&conv))
            continue;
        struct drawn d = drawn_of(&random, &conv);
        const bool has_adjoint = directed_adjoint(&conv, &adjoint) &&
                                 atrous_conv_output(&adjoint, NULL, NULL) == ATROUS_OK;
        for (size_t s = 0; s < 2; ++s) {
            float *dx = drawn_verify(solvers[s], &d, ATROUS_BACKWARD_DATA, false);
            float *t = has_adjoint ? drawn_verify(solvers[s], &d, ATROUS_TRANSPOSED, drawn % 2 == 0)
                                   : NULL;
            ran[s][0] += dx != NULL;
            ran[s][1] += t != NULL;
            free(dx);
            free(t);
        }
        drawn_free(&d);
        ++drawn;
    }
    for (size_t s = 0; s < 2; ++s)
        printf("seed %llu: %s ran %zu backward and %zu transposed of %zu problems\n",
               (unsigned long long)seed, solvers[s], ran[s][0], ran[s][1], count);
    assert_true(ran[0][0] > count / 2 && ran[0][1] > count / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(residues_agree)};
    int failed = harness_open();

    seed = directed_seed = harness_seed(seed);
    if (failed == 0)
        failed = cmocka_run_group_tests_name("spread", tests, NULL, NULL);
    harness_close();
    return failed;
}
