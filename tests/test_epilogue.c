/* What happens behind the sums, of every solver and at every type: drawn scales, biases,
 * activations and gates, with groups and without, residuals, factors and layouts against the truth
 * in double precision. */
#include "testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data.h"
#include "directed_draw.h"
#include "epilogue.h"
#include "harness.h"
#include "shapes.h"
#include "stored.h"

enum { MOST_FILTERS = 256 };

/* Grounds of the solvers that compute few kinds of problems; of a group. */
static const struct {
    size_t channels, filters, groups, extent, kernel, dilation; /* 0: drawn */
} grounds[] = {
    {1, 1, 20, 19, 3, 0},  /* depthwise: read in place, or channels as vectors */
    {1, 2, 9, 13, 3, 0},   /* several filters a channel, partners in the middle of a group */
    {1, 1, 34, 11, 5, 0},  /* of copied planes */
    {1, 4, 1, 21, 5, 0},   /* filter */
    {3, 3, 4, 17, 3, 0},   /* filter, grouped */
    {2, 4, 3, 15, 2, 0},   /* an odd number of groups */
    {16, 18, 2, 14, 3, 0}, /* winograd */
    {16, 20, 3, 12, 3, 0}, /* winograd, an odd number of groups */
    {16, 18, 2, 11, 3, 4}, /* phases */
    {17, 20, 3, 9, 3, 5},  /* phases, an odd number of groups */
    {9, 40, 1, 15, 3, 0},  /* simd, tile */
    {5, 38, 4, 11, 3, 0},
};

static void draw_ground(struct random *random, atrous_conv *conv)
{
    const size_t at = random_between(random, 0, sizeof grounds / sizeof *grounds - 1);
    const size_t groups = grounds[at].groups;

    *conv = shape_square(random_chance(random, 55) ? 2 : 1, groups * grounds[at].channels,
                         groups * grounds[at].filters, grounds[at].extent, grounds[at].kernel,
                         grounds[at].dilation > 0 ? grounds[at].dilation
                                                  : random_between(random, 1, 3));
    conv->groups = groups;
    conv->batch = random_between(random, 1, 2);
    if (random_chance(random, 50))
        conv->input_layout = conv->output_layout = ATROUS_LAYOUT_NHWC;
    if (random_chance(random, 20))
        conv->padding = ATROUS_PADDING_REFLECT;
}

/* The transposed layer of the same kernel, at any stride. */
static void transpose(struct random *random, atrous_conv *conv)
{
    conv->direction = ATROUS_TRANSPOSED;
    conv->padding = ATROUS_PADDING_ZEROS;
    conv->math = ATROUS_MATH_STRICT;
    const bool is_dense = random_chance(random, 70); /* as spread wants it */
    for (int axis = 0; axis < conv->rank; ++axis) {
        conv->stride[axis] = random_between(random, 1, 3);
        conv->dilation[axis] = is_dense ? 1 : conv->dilation[axis];
    }
}

static bool is_small(const atrous_conv *conv)
{
    if (atrous_conv_output(conv, NULL, NULL) != ATROUS_OK)
        return false;
    const struct directed_counts n = directed_count(conv);
    const size_t rows =
        conv->direction == ATROUS_TRANSPOSED ? conv->in_channels : conv->out_channels;
    return (double)n.y * (double)n.w / (double)rows <= 2e6 && n.x <= 100000;
}

static void draw_conv(struct random *random, atrous_type type, atrous_conv *conv)
{
    do {
        if (random_chance(random, 60))
            draw_ground(random, conv);
        else
            directed_draw(random, conv);
        if (random_chance(random, 20))
            transpose(random, conv);
    } while (!is_small(conv));
    conv->type = type;
    conv->activation = random_chance(random, 50)
                           ? ATROUS_ACTIVATION_GATED
                           : (atrous_activation)random_between(random, 0, ATROUS_ACTIVATION_CLAMP);
    if (conv->activation == ATROUS_ACTIVATION_GATED && conv->out_channels % 2 != 0)
        conv->out_channels *= 2;
    conv->activation_low = -0.25;
    conv->activation_high = conv->activation == ATROUS_ACTIVATION_CLAMP ? 0.5 : 0.0;
    conv->has_bias = random_chance(random, 60);
    conv->channel_scale = random_chance(random, 30);
    if (random_chance(random, 50))
        conv->residual = conv->activation != ATROUS_ACTIVATION_GATED && random_chance(random, 50)
                             ? ATROUS_RESIDUAL_BEFORE
                             : ATROUS_RESIDUAL_AFTER;
    conv->alpha = type == ATROUS_TYPE_I8 ? 60.0 : random_chance(random, 50) ? 1.0 : -1.75;
    conv->beta = random_chance(random, 25) ? -0.75 : 0.0;
}

/* Which solvers ran, and ran gated with groups. */
struct counts {
    size_t all[HARNESS_MAX_SOLVERS], gated[HARNESS_MAX_SOLVERS];
};

static void run_one(struct random *random, atrous_type type, struct counts *ran)
{
    float factors[2 * MOST_FILTERS];
    atrous_conv conv;

    draw_conv(random, type, &conv);
    struct drawn d = drawn_of(random, &conv);
    assert_true(d.counts.filters <= MOST_FILTERS);
    random_fill(random, factors, sizeof factors / sizeof *factors);
    struct directed p = drawn_direct(&d, &conv);
    p.bias = conv.has_bias ? factors : NULL;
    p.scale = conv.channel_scale ? factors + MOST_FILTERS : NULL;
    for (size_t k = 0; k < MOST_FILTERS && type == ATROUS_TYPE_I8; ++k)
        factors[MOST_FILTERS + k] *= 0.001f;
    const bool is_turned = conv.direction == ATROUS_TRANSPOSED; /* from y to x */
    p.residual = conv.residual == ATROUS_RESIDUAL_NONE ? NULL : is_turned ? d.x : d.y;
    const size_t count = directed_outputs_count(&conv);
    double *sums = calloc(count, sizeof *sums), *bounds = calloc(count, sizeof *bounds);
    assert_true(sums != NULL && bounds != NULL);
    epilogue_sums(&p, sums, bounds);
    for (size_t s = 0; s < harness.solver_count; ++s) {
        const bool is_gated = conv.activation == ATROUS_ACTIVATION_GATED;
        const bool did = epilogue_verify(harness.solver[s], &p, sums, bounds);
        ran->all[s] += did;
        ran->gated[s] += did && is_gated && conv.groups > 1;
    }
    free(sums);
    free(bounds);
    drawn_free(&d);
}

static void epilogues_agree(void **state)
{
    const size_t count = harness.quick ? 160 : 320;
    struct random random = {directed_seed + 41};
    struct counts ran = {{0}, {0}};

    (void)state;
    for (size_t i = 0; i < count; ++i)
        run_one(&random, (atrous_type)(i % 4), &ran);
    for (size_t s = 0; s < harness.solver_count; ++s) {
        printf("%-10s ran %zu of %zu, %zu gated in groups\n", harness.solver[s], ran.all[s], count,
               ran.gated[s]);
        assert_true(ran.gated[s] > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(epilogues_agree)};
    int failed = harness_open();

    directed_seed = harness_seed(directed_seed);
    if (failed == 0)
        failed = cmocka_run_group_tests_name("epilogue", tests, NULL, NULL);
    harness_close();
    return failed;
}
