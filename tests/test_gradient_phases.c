/* gradient_phases: within the bound that it states on hostile data; every geometry it accepts
 * against the truth; what it refuses. */
#include "testing.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "data.h"
#include "directed_draw.h"
#include "gradient_trial.h"
#include "harness.h"
#include "minimal.h"
#include "shapes.h"
#include "stored.h"
#include "trial.h"

/* Phases of every length that zeros stand between, some shorter than others; more phases than a
 * group sums at a time. */
static size_t phases_problems(atrous_conv conv[])
{
    size_t n = 0;

    for (size_t i = 0; i < 9; ++i) {
        const size_t dilations[] = {16, 8, 5};
        conv[n] = shape_gradient(2, 17, 18, 13, 3, dilations[i % 3]);
        conv[n].dilation[0] = conv[n].pad_begin[0] = conv[n].pad_end[0] = dilations[i / 3];
        conv[n++].batch = 1 + i % 2;
    }
    conv[n] = shape_gradient(2, 34, 68, 12, 3, 4); /* no phase shorter than the others */
    conv[n++].groups = 2;
    conv[n] = shape_gradient(2, 40, 70, 12, 3, 6);
    conv[n++].orientation = ATROUS_TRUE_CONVOLUTION;
    conv[n++] = shape_gradient(1, 18, 66, 1500, 3, 600);
    conv[n] = shape_gradient(1, 67, 18, 301, 3, 290);
    conv[n++].batch = 3;
    conv[n] = shape_gradient(3, 16, 16, 7, 3, 3); /* planes of a volume */
    conv[n].kernel[0] = 1;
    conv[n].pad_begin[0] = conv[n].pad_end[0] = 0;
    ++n;
    return n;
}

static void phases_within_their_bound(void **state)
{
    atrous_conv problems[16];

    (void)state;
    gradient_trial("gradient_phases", problems, phases_problems(problems));
}

/* One that gradient_phases accepts. */
static atrous_conv draw_phases(struct random *random)
{
    const int rank = (int)random_between(random, 1, 3);
    const size_t groups = random_between(random, 1, 2);
    atrous_conv conv = shape_gradient(rank, groups * random_between(random, 16, 34),
                                      groups * random_between(random, 16, 40), 1, 3, 1);

    conv.groups = groups;
    conv.batch = random_between(random, 1, 3);
    for (int axis = 0; axis < rank; ++axis) {
        const bool is_depth = rank - axis > 2;
        const size_t in = random_between(random, 1, is_depth ? 3 : rank == 1 ? 400 : 13);
        const bool is_one = is_depth || (axis + 1 < rank && random_chance(random, 20));
        conv.input[axis] = in;
        conv.kernel[axis] = is_one ? 1 : 3;
        conv.dilation[axis] = random_between(random, is_one ? 1 : (in + 2) / 3, in + 2);
        conv.pad_begin[axis] = conv.pad_end[axis] = is_one ? 0 : conv.dilation[axis];
    }
    conv.input_layout = (atrous_layout)random_between(random, 0, 1);
    conv.output_layout = (atrous_layout)random_between(random, 0, 1);
    conv.orientation = (atrous_orientation)random_between(random, 0, 1);
    conv.alpha = random_chance(random, 30) ? -0.75 : 1.0;
    conv.beta = random_chance(random, 30) ? 0.5 : 0.0;
    conv.has_bias = random_chance(random, 50);
    return conv;
}

/* No order of a sum rounds more often than it has products; a few sums begin at zero. */
static void compare_phases(const struct drawn *d, const atrous_conv *conv, const float *got,
                           const double *value, const double *bound)
{
    const double terms = minimal_gradient_roundings(conv, 0) + minimal_gradient_tiles(conv, 0) + 4;
    char text[256];

    for (size_t i = 0; i < directed_outputs_count(conv); ++i) {
        double most = bound[i];
        /* Most keep the bound of direct sums too, which costs less to know. */
        if (i < d->counts.w && !(fabs((double)got[i] - value[i]) <= most)) {
            const double magnitude = minimal_gradient_magnitude(conv, d->x, d->y, 0, i);
            const double added = conv->beta != 0.0 ? fabs(conv->beta * (double)d->previous[i]) : 0;
            most = fabs(conv->alpha) * terms * ((double)FLT_EPSILON * magnitude + (double)FLT_MIN);
            most += (double)FLT_EPSILON * (fabs(value[i]) + most + 2 * added);
            most += stored_half_step(conv->type, fabs(value[i]) + most);
        }
        if (!(fabs((double)got[i] - value[i]) <= most))
            fail_msg("dw[%zu] = %.9g, not %.9g, bound %.3g; %s", i, (double)got[i], value[i], most,
                     shape_text(conv, text, sizeof text));
    }
}

/* Every geometry it accepts, types, layouts, what follows the sum, against the truth. */
static void phases_drawn(void **state)
{
    const atrous_type types[] = {ATROUS_TYPE_F32, ATROUS_TYPE_F16, ATROUS_TYPE_BF16};
    struct random random = {gradient_trial_seed + 2};
    size_t ran = 0;

    (void)state;
    printf("seed %llu\n", (unsigned long long)random.state);
    for (size_t i = 0; i < (harness.quick ? 12 : 48); ++i) {
        const atrous_conv conv = draw_phases(&random);
        struct drawn d = drawn_of(&random, &conv);
        drawn_store(&d, types[i % 3]);
        const struct directed problem = drawn_direct(&d, &d.forward);
        const size_t count = directed_outputs_count(&conv);
        double *value = calloc(count, sizeof *value), *bound = calloc(count, sizeof *bound);
        float *got = floats(count), *again = floats(count);
        assert_true(value != NULL && bound != NULL);
        if (directed_run("gradient_phases", &problem, got)) {
            directed_solve(&problem, value, bound);
            compare_phases(&d, &problem.conv, got, value, bound);
            assert_true(directed_run_buffers("gradient_phases", &problem, again));
            assert_memory_equal(got, again, count * sizeof *got);
            ++ran;
        }
        free(value);
        free(bound);
        free(got);
        free(again);
        drawn_free(&d);
    }
    printf("ran %zu\n", ran);
    assert_true(ran == 0 || ran == (harness.quick ? 12 : 48)); /* none on other kinds of devices */
}

static void phases_refuse_what_is_not_their_own(void **state)
{
    atrous_conv conv = shape_gradient(2, 16, 16, 13, 3, 4);

    (void)state;
    trial_expect_refusal("gradient_phases", &conv, "more than 3 values");
    conv = shape_gradient(2, 16, 16, 13, 3, 5);
    conv.pad_end[1] += 1;
    trial_expect_refusal("gradient_phases", &conv, "as wide as the dilation");
    conv.pad_end[1] -= 1;
    conv.padding = ATROUS_PADDING_REPLICATE;
    trial_expect_refusal("gradient_phases", &conv, "not zeros");
    conv.padding = ATROUS_PADDING_ZEROS;
    conv.math = ATROUS_MATH_STRICT;
    trial_expect_refusal("gradient_phases", &conv, "strict");
    conv.math = ATROUS_MATH_DEFAULT;
    conv.in_channels = 15;
    trial_expect_refusal("gradient_phases", &conv, "fewer than 16");
    conv = shape_gradient(2, 16, 16, 13, 1, 1);
    trial_expect_refusal("gradient_phases", &conv, "one tap");
    conv = shape_gradient(2, 16, 16, 13, 5, 5);
    trial_expect_refusal("gradient_phases", &conv, "3x3");
    conv = shape_gradient(2, 16, 16, 13, 3, 5);
    conv.direction = ATROUS_FORWARD;
    trial_expect_refusal("gradient_phases", &conv, "gradients of weights");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(phases_within_their_bound),
        cmocka_unit_test(phases_drawn),
        cmocka_unit_test(phases_refuse_what_is_not_their_own),
    };
    int failed = harness_open();

    if (failed == 0)
        failed = cmocka_run_group_tests_name("gradient_phases", tests, NULL, NULL);
    harness_close();
    return failed;
}
