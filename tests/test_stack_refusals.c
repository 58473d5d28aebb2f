/* What stacks refuse, by the name of the field. */
#include "testing.h"

#include <string.h>

#include <atrous/stack.h>

#include "harness.h"
#include "net_run.h"

enum { SEED = 11 };

/* Creating must fail and name `field`. */
static void expect_refused(struct net *net, const atrous_source *outputs, size_t count,
                           const char *field)
{
    atrous_stack *stack = (atrous_stack *)net; /* must become NULL */
    atrous_stack_options options;
    atrous_error error;

    atrous_stack_options_init(&options, sizeof options);
    options.outputs = outputs;
    options.output_count = count;
    const atrous_status status = atrous_stack_create(harness.context, net->layers, net->count,
                                                     &net->shape, &options, &stack, &error);
    assert_int_equal(status, ATROUS_INVALID_ARGUMENT);
    assert_null(stack);
    assert_string_equal(error.field, field);
    assert_memory_equal(error.message, field, strlen(field));
    assert_null(strchr(error.message, '\n'));
}

#define REFUSE(change, field)                    \
    do {                                         \
        struct random random_ = {SEED};          \
        struct net net = net_small(&random_);    \
        atrous_layer *const layers = net.layers; \
        change;                                  \
        (void)layers;                            \
        expect_refused(&net, NULL, 0, field);    \
        net_close(&net);                         \
    } while (0)

static void stack_refuses_bad_layers(void **state)
{
    (void)state;
    REFUSE(layers[1].struct_size = 3, "layers[1].struct_size");
    REFUSE(layers[1].conv.struct_size = 3, "layers[1].conv.struct_size");
    REFUSE(layers[2].conv.rank = 1, "layers[2].rank");
    REFUSE(layers[2].conv.kernel[1] = 0, "layers[2].kernel[1]");
    REFUSE(layers[1].conv.dilation[0] = 0, "layers[1].dilation[0]");
    REFUSE(layers[0].conv.out_channels = 0, "layers[0].out_channels");
    REFUSE(layers[1].conv.in_channels = 5, "layers[1].in_channels");
    REFUSE(layers[1].conv.batch = 5, "layers[1].batch");
    REFUSE(layers[1].conv.input[1] = 5, "layers[1].input[1]");
    REFUSE(layers[1].conv.beta = 1, "layers[1].beta");
    REFUSE(layers[1].conv.groups = 3, "layers[1].groups");
    REFUSE(layers[1].conv.direction = ATROUS_BACKWARD_DATA, "layers[1].direction");
    REFUSE(layers[1].conv.input_layout = ATROUS_LAYOUT_NHWC, "layers[1].input_layout");
    REFUSE(layers[1].source.kind = (atrous_source_kind)7, "layers[1].source");
    REFUSE((layers[1].source = (atrous_source){ATROUS_FROM_LAYER, 1}), "layers[1].source");
    REFUSE((layers[1].source = (atrous_source){ATROUS_FROM_SUM, 0}), "layers[1].source");
    REFUSE((layers[2].residual = (atrous_source){ATROUS_FROM_INPUT, 0}), "layers[2].residual");
    REFUSE((layers[2].residual = (atrous_source){ATROUS_FROM_LAYER, 2}), "layers[2].residual");
    REFUSE(layers[1].sum = -2, "layers[1].sum");
    REFUSE(layers[1].sum = 3, "layers[1].sum");
    REFUSE(layers[1].sum = 0, "layers[1].sum"); /* nothing reads it */
    REFUSE((layers[0].sum = 1, layers[1].sum = 1, layers[2].residual.kind = ATROUS_FROM_SUM,
            layers[2].residual.index = 1, layers[2].sum = 1),
           "layers[2].sum"); /* it reads what it adds to */
    REFUSE(layers[1].plan.struct_size = 1, "layers[1].options.struct_size");
}

static void stack_refuses_bad_calls(void **state)
{
    struct random random = {SEED};
    struct net net = net_small(&random);
    const atrous_source twice[] = {{ATROUS_FROM_LAYER, 2}, {ATROUS_FROM_LAYER, 2}};
    const atrous_source input[] = {{ATROUS_FROM_INPUT, 0}};
    const atrous_source late[] = {{ATROUS_FROM_LAYER, 3}};
    atrous_stack *stack = NULL;

    (void)state;
    expect_refused(&net, twice, 2, "options.outputs[1]");
    expect_refused(&net, input, 1, "options.outputs[0]");
    expect_refused(&net, late, 1, "options.outputs[0]");
    expect_refused(&net, twice, 4, "options.output_count");
    net.shape.rank = 4;
    expect_refused(&net, NULL, 0, "input.rank");
    net.shape.rank = 2;
    net.shape.extents[0] = 0;
    expect_refused(&net, NULL, 0, "layers[0].input[0]");
    assert_int_equal(atrous_stack_create(harness.context, NULL, 1, &net.shape, NULL, &stack, NULL),
                     ATROUS_INVALID_ARGUMENT);
    assert_int_equal(
        atrous_stack_create(harness.context, net.layers, 0, &net.shape, NULL, &stack, NULL),
        ATROUS_INVALID_ARGUMENT);
    assert_int_equal(atrous_stack_create(harness.context, net.layers, 1, NULL, NULL, &stack, NULL),
                     ATROUS_INVALID_ARGUMENT);
    assert_int_equal(atrous_stack_create(NULL, net.layers, 1, &net.shape, NULL, &stack, NULL),
                     ATROUS_INVALID_ARGUMENT);
    assert_int_equal(
        atrous_stack_create(harness.context, net.layers, 1, &net.shape, NULL, NULL, NULL),
        ATROUS_INVALID_ARGUMENT);
    atrous_stack_destroy(NULL);
    net_close(&net);
}

static void stack_refuses_bad_arrays(void **state)
{
    struct random random = {SEED};
    struct net net = net_small(&random);
    struct net_run run;
    atrous_layer_weights weights[NET_MAX];
    void *same[1];
    atrous_error error;

    (void)state;
    net_run(&run, &net, NULL, 0);
    atrous_stack_arrays arrays = run.arrays;
    arrays.input = NULL;
    assert_int_equal(atrous_stack_run(run.stack, &arrays, &error), ATROUS_INVALID_ARGUMENT);
    assert_string_equal(error.field, "input");
    arrays = run.arrays;
    same[0] = net.input;
    arrays.outputs = same;
    assert_int_equal(atrous_stack_run(run.stack, &arrays, &error), ATROUS_INVALID_ARGUMENT);
    assert_string_equal(error.field, "outputs[0]");
    memcpy(weights, run.arrays.weights, net.count * sizeof *weights);
    weights[1].bias = NULL;
    arrays = run.arrays;
    arrays.weights = weights;
    assert_int_equal(atrous_stack_run(run.stack, &arrays, &error), ATROUS_INVALID_ARGUMENT);
    assert_string_equal(error.field, "weights[1].bias");
    assert_int_equal(atrous_stack_run(NULL, &arrays, NULL), ATROUS_INVALID_ARGUMENT);
    assert_int_equal(atrous_stack_run(run.stack, NULL, NULL), ATROUS_INVALID_ARGUMENT);
    net_run_free(&run);
    net_close(&net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stack_refuses_bad_layers),
        cmocka_unit_test(stack_refuses_bad_calls),
        cmocka_unit_test(stack_refuses_bad_arrays),
    };
    int failed = harness_open();

    if (failed == 0)
        failed = cmocka_run_group_tests_name("stack_refusals", tests, NULL, NULL);
    harness_close();
    return failed;
}
