/* Stacks: the same as their layers one by one, in less memory. */
#include "testing.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <atrous/stack.h>

#include "harness.h"
#include "net_run.h"

enum { SEED = 11 };

static void stack_equals_its_layers(void **state)
{
    struct random random = {SEED};
    struct net net = net_small(&random);

    (void)state;
    net_expect_same(&net, NULL, 0);
    net_close(&net);
}

/* relu, clamp and sums of integers are exact: the truth, to the last bit. */
static void stack_agrees_with_the_oracle(void **state)
{
    struct random random = {SEED};
    struct net net = net_small(&random);
    struct net_run run;

    (void)state;
    net_run(&run, &net, NULL, 0);
    const size_t count = run.count[0];
    double *first = net_truth(&net, 0, net.input);
    float *a = net_floats(first, count, 0, INFINITY);
    double *second = net_truth(&net, 1, a);
    float *b = net_floats(second, count, -20, 30);
    double *third = net_truth(&net, 2, b);
    for (size_t i = 0; i < count; ++i)
        assert_true((double)run.output[0][i] == third[i] + (double)a[i]);
    free(first);
    free(second);
    free(third);
    free(a);
    free(b);
    net_run_free(&run);
    net_close(&net);
}

/* A gated WaveNet block after another: x' = x + W z, z = tanh * sigmoid, skips into sum 0. */
static struct net wavenet(size_t channels, size_t samples, int blocks, struct random *random)
{
    struct net net = net_open(1, 1, 1, (size_t[]){samples, 1, 1});
    net_add(&net, channels, 1, 1); /* lifts the signal to the residual channels */
    size_t x = 0;
    for (int i = 0; i < blocks; ++i) {
        const size_t gate = net.count;
        atrous_layer *layer = net_add(&net, 2 * channels, 2, (size_t)1 << i);
        layer->source = (atrous_source){ATROUS_FROM_LAYER, x};
        layer->conv.activation = ATROUS_ACTIVATION_GATED;
        layer->conv.has_bias = 1;
        layer->pad_rule = ATROUS_PAD_CAUSAL;
        layer = net_add(&net, channels, 1, 1);
        layer->source = (atrous_source){ATROUS_FROM_LAYER, gate};
        layer->sum = 0;
        if (i + 1 == blocks)
            break; /* nothing would read the last residual */
        x = net.count;
        layer = net_add(&net, channels, 1, 1);
        layer->source = (atrous_source){ATROUS_FROM_LAYER, gate};
        layer->conv.residual = ATROUS_RESIDUAL_AFTER;
        layer->residual = (atrous_source){ATROUS_FROM_LAYER, i == 0 ? 0 : gate - 1};
    }
    net_add(&net, 1, 1, 1)->source = (atrous_source){ATROUS_FROM_SUM, 0};
    net_draw_reals(&net, random, 1.0f / (float)channels);
    return net;
}

static void stack_wavenet_in_two_activations(void **state)
{
    enum { CHANNELS = 8, SAMPLES = 16000, BLOCKS = 10 };
    const size_t activation = CHANNELS * SAMPLES * sizeof(float);
    struct random random = {SEED};
    struct net net = wavenet(CHANNELS, SAMPLES, BLOCKS, &random);
    atrous_stack *stack = net_stack(&net, NULL, 0);
    atrous_stack_info info = {.struct_size = sizeof info};

    (void)state;
    assert_int_equal(atrous_stack_query(stack, &info, NULL), ATROUS_OK);
    assert_int_equal(info.layer_count, net.count);
    assert_true(info.activation_bytes <= 2 * activation + activation);
    assert_true(info.workspace_bytes >= info.activation_bytes);
    atrous_stack_destroy(stack);
    net_expect_same(&net, NULL, 0);
    net_close(&net);
    /* Few enough samples for the oracle. */
    net = wavenet(CHANNELS, 1600, BLOCKS, &random);
    net_expect_same(&net, NULL, 0);
    net_close(&net);
}

/* A plain chain needs two places, whatever its length; the last layer writes the output. */
static void stack_chain_takes_turns(void **state)
{
    struct random random = {SEED};
    struct net net = net_open(2, 1, 2, (size_t[]){16, 16, 1});
    atrous_stack_info info = {.struct_size = sizeof info};

    (void)state;
    for (int i = 0; i < 12; ++i)
        net_add(&net, 2, 3, 1)->conv.activation = ATROUS_ACTIVATION_TANH;
    net_draw_reals(&net, &random, 0.2f);
    atrous_stack *stack = net_stack(&net, NULL, 0);
    assert_int_equal(atrous_stack_query(stack, &info, NULL), ATROUS_OK);
    assert_int_equal(info.activation_bytes, 2 * info.input_bytes);
    atrous_stack_destroy(stack);
    net_expect_same(&net, NULL, 0);
    net_close(&net);
}

/* A residual that nothing reads later, under alpha: alpha times it is what counts. */
static void stack_residual_under_alpha(void **state)
{
    struct random random = {SEED};

    (void)state;
    for (int before = 0; before < 2; ++before) {
        struct net net = net_open(2, 1, 2, (size_t[]){8, 9, 1});
        for (int i = 0; i < 4; ++i)
            net_add(&net, 2, 3, 1);
        net.layers[2].conv.residual = before ? ATROUS_RESIDUAL_BEFORE : ATROUS_RESIDUAL_AFTER;
        net.layers[2].residual = (atrous_source){ATROUS_FROM_LAYER, 0};
        net.layers[2].conv.activation = ATROUS_ACTIVATION_RELU;
        net.layers[2].conv.alpha = 0.5;
        net_draw(&net, &random);
        net_expect_same(&net, NULL, 0);
        net_close(&net);
    }
}

/* Halved by a stride, doubled again by a transposed layer, added to what was there before. */
static void stack_encodes_and_decodes(void **state)
{
    struct random random = {SEED};
    struct net net = net_open(2, 2, 3, (size_t[]){8, 12, 1});

    (void)state;
    net_add(&net, 4, 3, 1)->conv.activation = ATROUS_ACTIVATION_RELU;
    atrous_layer *layer = net_add(&net, 6, 3, 2);
    layer->conv.stride[0] = layer->conv.stride[1] = 2;
    layer = net_add(&net, 4, 4, 1);
    layer->conv.direction = ATROUS_TRANSPOSED;
    layer->has_pad_rule = 0;
    for (int axis = 0; axis < 2; ++axis) {
        layer->conv.stride[axis] = 2;
        layer->conv.pad_begin[axis] = layer->conv.pad_end[axis] = 1;
    }
    layer->conv.residual = ATROUS_RESIDUAL_AFTER;
    layer->residual = (atrous_source){ATROUS_FROM_LAYER, 0};
    net_add(&net, 2, 1, 1);
    net_draw(&net, &random);
    net_expect_same(&net, NULL, 0);
    net_close(&net);
}

/* Branches of one input, summed; one of them given out as well and read again. */
static void stack_gives_out_branches_and_sums(void **state)
{
    struct random random = {SEED};
    struct net net = net_open(2, 1, 3, (size_t[]){12, 10, 1});
    const atrous_source outputs[] = {{ATROUS_FROM_SUM, 2}, {ATROUS_FROM_LAYER, 1}};

    (void)state;
    for (size_t branch = 0; branch < 3; ++branch) {
        net_add(&net, 4, 3, 1 + 2 * branch)->source.kind = ATROUS_FROM_INPUT;
        net.layers[net.count - 1].conv.activation = ATROUS_ACTIVATION_RELU;
        net_add(&net, 2, 1, 1)->sum = 2;
        if (branch == 0) {
            net_add(&net, 4, 1, 1)->source = (atrous_source){ATROUS_FROM_LAYER, 0};
            net.layers[1].sum = -1;
            net.layers[2].source = (atrous_source){ATROUS_FROM_LAYER, 1};
            net.layers[2].conv.out_channels = 2;
            net.layers[2].sum = 2;
        }
    }
    net_draw(&net, &random);
    net_expect_same(&net, outputs, 2);
    net_close(&net);
}

/* Any source, residual and sum that the rules allow; results are read long after. */
static void random_layer(struct net *net, struct random *random, atrous_source *outputs,
                         size_t *output_count)
{
    const size_t index = net->count;
    atrous_layer *layer =
        net_add(net, 2, random_chance(random, 50) ? 3 : 1, random_between(random, 1, 4));
    const bool has_own = index > 0;
    layer->source.kind = ATROUS_FROM_INPUT;
    if (has_own && random_chance(random, 80))
        layer->source = net_pick(net, random);
    if (random_chance(random, 40)) {
        layer->conv.residual =
            random_chance(random, 70) ? ATROUS_RESIDUAL_AFTER : ATROUS_RESIDUAL_BEFORE;
        layer->residual = (atrous_source){ATROUS_FROM_INPUT, 0};
        if (has_own)
            layer->residual = net_pick(net, random);
    }
    if (random_chance(random, 30))
        layer->conv.activation = ATROUS_ACTIVATION_RELU;
    if (random_chance(random, 30))
        layer->conv.alpha = 0.75;
    const int sum = (int)random_between(random, 0, 1);
    if (random_chance(random, 25) && !net_reads_sum(layer, sum))
        layer->sum = sum;
    else if (random_chance(random, 20))
        outputs[(*output_count)++] = (atrous_source){ATROUS_FROM_LAYER, index};
}

static void stack_random_graphs(void **state)
{
    const int graphs = harness.quick ? 15 : 60;

    (void)state;
    for (int g = 0; g < graphs; ++g) {
        struct random random = {SEED + (uint64_t)g};
        struct net net = net_open(2, 1, 2, (size_t[]){7, 6, 1});
        atrous_source outputs[NET_MAX];
        size_t output_count = 0;
        const size_t depth = random_between(&random, 2, 9);
        for (size_t i = 0; i < depth; ++i)
            random_layer(&net, &random, outputs, &output_count);
        net_read_all(&net, outputs, &output_count);
        net_draw_reals(&net, &random, 0.3f);
        net_expect_same(&net, outputs, output_count);
        net_close(&net);
    }
}

static void stack_check_tells_right_from_wrong(void **state)
{
    struct random random = {SEED};
    struct net net = net_small(&random);
    struct net_run run;
    atrous_check check = {.struct_size = sizeof check};
    size_t layer = 99;

    (void)state;
    net_run(&run, &net, NULL, 0);
    assert_int_equal(atrous_stack_check(run.stack, &run.arrays, &check, &layer, NULL), ATROUS_OK);
    assert_true(check.worst <= 1.0);
    assert_true(layer < net.count);
    assert_int_equal(check.checked, check.total);
    run.output[0][5] += 1.0f;
    assert_int_equal(atrous_stack_check(run.stack, &run.arrays, &check, &layer, NULL), ATROUS_OK);
    assert_true(isinf(check.worst));
    assert_int_equal(layer, 2);
    net_run_free(&run);
    net_close(&net);
}

static void stack_tells_of_itself(void **state)
{
    struct random random = {SEED};
    struct net net = net_small(&random);
    atrous_stack *stack = net_stack(&net, NULL, 0);
    atrous_shape shape = {.struct_size = sizeof shape};
    atrous_plan_info info = {.struct_size = sizeof info};
    size_t bytes = 0;

    (void)state;
    assert_int_equal(atrous_stack_output(stack, 0, &shape, &bytes, NULL), ATROUS_OK);
    assert_int_equal(shape.batch, 2);
    assert_int_equal(shape.channels, 4);
    assert_int_equal(shape.extents[1], 11);
    assert_int_equal(bytes, 2 * 4 * 9 * 11 * sizeof(float));
    assert_int_equal(atrous_stack_output(stack, 1, &shape, &bytes, NULL), ATROUS_INVALID_ARGUMENT);
    assert_int_equal(atrous_plan_query(atrous_stack_plan(stack, 2), &info, NULL), ATROUS_OK);
    assert_int_equal(info.output[0], 9);
    assert_null(atrous_stack_plan(stack, 3));
    atrous_stack_destroy(stack);
    net_close(&net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stack_equals_its_layers),
        cmocka_unit_test(stack_agrees_with_the_oracle),
        cmocka_unit_test(stack_wavenet_in_two_activations),
        cmocka_unit_test(stack_chain_takes_turns),
        cmocka_unit_test(stack_residual_under_alpha),
        cmocka_unit_test(stack_encodes_and_decodes),
        cmocka_unit_test(stack_gives_out_branches_and_sums),
        cmocka_unit_test(stack_random_graphs),
        cmocka_unit_test(stack_check_tells_right_from_wrong),
        cmocka_unit_test(stack_tells_of_itself),
    };
    int failed = harness_open();

    if (failed == 0)
        failed = cmocka_run_group_tests_name("stack", tests, NULL, NULL);
    harness_close();
    return failed;
}
