/* A handful of tiny problems, for devices that are a thousand times slower than the others. */
#include "testing.h"

#include <stdio.h>
#include <string.h>

#include "epilogue.h"
#include "harness.h"
#include "shapes.h"

enum { SEED = 7 };

static void through_all(const atrous_conv *conv)
{
    struct random random = {SEED};
    struct data data = data_draw(conv, &random, FILL_INTEGERS);

    data_solve(&data);
    for (size_t s = 0; s < harness.solver_count; ++s)
        printf("%s %s\n", harness.solver[s],
               harness_check_exact(harness.solver[s], &data, SEED) ? "agrees" : "refuses");
    data_free(&data);
}

/* Moves the solvers that take everything to the front; returns how many there are. */
static size_t keep_general(size_t count)
{
    size_t kept = 0;

    for (size_t s = 0; s < count; ++s)
        if (harness_takes_everything(harness.solver[s]))
            harness.solver[kept++] = harness.solver[s];
    return kept;
}

static void tiny_dilated_image(void **state)
{
    (void)state;
    atrous_conv conv = shape_square(2, 2, 3, 7, 3, 2);
    conv.has_bias = 1;
    through_all(&conv);
}

static void tiny_replicated_border(void **state)
{
    (void)state;
    atrous_conv conv = shape_square(2, 1, 1, 5, 3, 3);
    conv.padding = ATROUS_PADDING_REPLICATE;
    through_all(&conv);
}

static void tiny_causal_signal(void **state)
{
    (void)state;
    atrous_conv conv = shape_square(1, 2, 2, 11, 2, 4);
    assert_int_equal(atrous_conv_pad(&conv, ATROUS_PAD_CAUSAL, NULL), ATROUS_OK);
    through_all(&conv);
}

/* Filters gate those of another group; scales and biases of both. */
static void tiny_gated_groups(void **state)
{
    enum { CHANNELS = 6, FILTERS = 6, SAMPLES = 5 };
    struct random random = {SEED};
    float x[CHANNELS * SAMPLES], w[2 * FILTERS * 2], bias[FILTERS], scale[FILTERS];
    double sums[FILTERS * SAMPLES] = {0}, bounds[FILTERS * SAMPLES] = {0};

    (void)state;
    atrous_conv conv = shape_square(1, CHANNELS, FILTERS, SAMPLES, 2, 2);
    conv.groups = 3; /* the middle one gates itself */
    conv.activation = ATROUS_ACTIVATION_GATED;
    conv.has_bias = conv.channel_scale = 1;
    conv.output_layout = ATROUS_LAYOUT_NHWC;
    random_fill(&random, x, CHANNELS * SAMPLES);
    random_fill(&random, w, 2 * FILTERS * 2);
    random_fill(&random, bias, FILTERS);
    random_fill(&random, scale, FILTERS);
    const struct directed problem = {.conv = conv,
                                     .counts = directed_count(&conv),
                                     .x = x,
                                     .w = w,
                                     .bias = bias,
                                     .scale = scale};
    epilogue_sums(&problem, sums, bounds);
    /* Behind the solver's own self-test comes the gate's, whose larger buffers the interpreter
     * mistakes (test_oclgrind.sh). */
    if (harness.quick)
        harness.solver_count = keep_general(harness.solver_count);
    for (size_t s = 0; s < harness.solver_count; ++s)
        printf("%s %s\n", harness.solver[s],
               epilogue_verify(harness.solver[s], &problem, sums, bounds) ? "agrees" : "refuses");
}

static void tiny_grouped_strided_volume(void **state)
{
    (void)state;
    atrous_conv conv = shape_square(3, 4, 4, 4, 2, 2);
    conv.groups = 2;
    conv.stride[0] = conv.stride[2] = 2;
    conv.padding = ATROUS_PADDING_REFLECT;
    if (harness.quick) /* an interpreter takes a minute for a tile of it */
        harness.solver_count = keep_general(harness.solver_count);
    through_all(&conv);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tiny_dilated_image),          cmocka_unit_test(tiny_replicated_border),
        cmocka_unit_test(tiny_causal_signal),          cmocka_unit_test(tiny_gated_groups),
        cmocka_unit_test(tiny_grouped_strided_volume),
    };
    int failed = harness_open();

    if (failed == 0)
        failed = cmocka_run_group_tests_name("tiny", tests, NULL, NULL);
    harness_close();
    return failed;
}
