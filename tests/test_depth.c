/* Depth first: bands carried through several layers give what whole layers give, bit for bit. */
#include "testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <atrous/stack.h>

#include "harness.h"
#include "net_run.h"
#include "random.h"

enum { SEED = 61 };

static size_t depth_first(const atrous_stack *stack)
{
    atrous_stack_info info = {.struct_size = sizeof info};

    assert_int_equal(atrous_stack_query(stack, &info, NULL), ATROUS_OK);
    return info.depth_first;
}

/* Runs the net in both orders; the layers that went depth first. */
static size_t expect_same_bits(struct net *net, const atrous_source *outputs, size_t count,
                               size_t band_rows)
{
    struct net_run layers, depth;
    atrous_check check = {.struct_size = sizeof check};
    atrous_error error;

    net->order = ATROUS_ORDER_LAYERS;
    net_run(&layers, net, outputs, count);
    assert_int_equal(depth_first(layers.stack), 0);
    net->order = ATROUS_ORDER_DEPTH;
    net->band_rows = band_rows;
    net_run(&depth, net, outputs, count);
    for (size_t i = 0; i < layers.output_count; ++i)
        for (size_t j = 0; j < layers.count[i]; ++j)
            if (memcmp(&layers.output[i][j], &depth.output[i][j], sizeof(float)) != 0)
                fail_msg("bands of %zu rows, output %zu[%zu]: %.9g, layer by layer %.9g", band_rows,
                         i, j, (double)depth.output[i][j], (double)layers.output[i][j]);
    /* The cross-check runs layer by layer and asks for the same bits. */
    if (atrous_stack_check(depth.stack, &depth.arrays, &check, NULL, &error) != ATROUS_OK)
        fail_msg("check: %s", error.message);
    assert_true(check.worst <= 1.0);
    const size_t carried = depth_first(depth.stack);
    net_run_free(&layers);
    net_run_free(&depth);
    return carried;
}

/* A chain with growing dilations, every other layer with a residual of what came two before. */
static struct net chain(int rank, const size_t extents[3], atrous_padding padding, size_t layers,
                        struct random *random)
{
    struct net net = net_open(rank, 1, 1, extents);

    for (size_t i = 0; i < layers; ++i) {
        atrous_layer *layer = net_add(&net, 1, 3, (size_t)1 << i % 3);
        layer->conv.padding = padding;
        layer->conv.pad_value = padding == ATROUS_PADDING_CONSTANT ? 0.5 : 0.0;
        layer->conv.has_bias = i % 3 == 1;
        layer->conv.activation = i % 3 == 2 ? ATROUS_ACTIVATION_TANH : ATROUS_ACTIVATION_NONE;
        if (i % 2 == 0 && i >= 2) {
            layer->conv.residual = i % 4 == 0 ? ATROUS_RESIDUAL_AFTER : ATROUS_RESIDUAL_BEFORE;
            layer->residual = (atrous_source){ATROUS_FROM_LAYER, i - 2};
            layer->conv.alpha = 0.75; /* so that it is not accumulated in place */
        }
    }
    net_draw_reals(&net, random, 0.5f);
    return net;
}

static void bands_equal_layers_under_every_padding(void **state)
{
    static const atrous_padding paddings[] = {ATROUS_PADDING_ZEROS, ATROUS_PADDING_CONSTANT,
                                              ATROUS_PADDING_REPLICATE, ATROUS_PADDING_REFLECT};
    struct random random = {SEED};

    (void)state;
    for (size_t p = 0; p < sizeof paddings / sizeof *paddings; ++p)
        for (int rank = 1; rank <= 3; ++rank) {
            const size_t extents[] = {rank == 3 ? 53 : 97, rank == 3 ? 9 : 37, 11};
            struct net net = chain(rank, extents, paddings[p], 6, &random);
            assert_int_equal(expect_same_bits(&net, NULL, 0, 28), 6);
            net_close(&net);
        }
}

static void bands_of_any_height(void **state)
{
    static const size_t rows[] = {1, 2, 3, 5, 8, 13, 21, 34, 55, 76, 77, 78, 1000};
    struct random random = {SEED + 1};
    struct net net = chain(2, (size_t[]){77, 19, 1}, ATROUS_PADDING_REFLECT, 6, &random);
    size_t most = 0, least = NET_MAX;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; ++i) {
        const size_t carried = expect_same_bits(&net, NULL, 0, rows[i]);
        most = carried > most ? carried : most;
        least = carried < least ? carried : least;
    }
    assert_int_equal(most, 6);
    assert_int_equal(least, 0); /* a band as tall as the image is none */
    net_close(&net);
}

/* Rows of all channels lie together: NHWC, whatever the channels, on several images. */
static void bands_of_channels_and_images(void **state)
{
    struct random random = {SEED + 2};
    struct net net = net_open(2, 3, 5, (size_t[]){41, 17, 1});

    (void)state;
    net.shape.layout = ATROUS_LAYOUT_NHWC;
    for (size_t i = 0; i < 5; ++i) {
        atrous_layer *layer = net_add(&net, i == 4 ? 3 : 5, 3, 1 + i % 3);
        layer->conv.input_layout = layer->conv.output_layout = ATROUS_LAYOUT_NHWC;
        layer->conv.groups = i % 2 == 0 ? 1 : 5;
        layer->conv.math = ATROUS_MATH_STRICT;
        layer->conv.activation = ATROUS_ACTIVATION_RELU;
        layer->conv.has_bias = 1;
    }
    net_draw_reals(&net, &random, 0.3f);
    assert_int_equal(expect_same_bits(&net, NULL, 0, 17), 5);
    net_close(&net);
}

/* Causal layers read above alone: nothing trails. */
static void bands_of_causal_signals(void **state)
{
    struct random random = {SEED + 3};
    struct net net = net_open(1, 1, 6, (size_t[]){1200, 1, 1});

    (void)state;
    net.shape.layout = ATROUS_LAYOUT_NHWC;
    for (size_t i = 0; i < 7; ++i) {
        atrous_layer *layer = net_add(&net, i % 2 == 0 ? 12 : 6, 2, (size_t)1 << i);
        layer->conv.input_layout = layer->conv.output_layout = ATROUS_LAYOUT_NHWC;
        layer->conv.activation = i % 2 == 0 ? ATROUS_ACTIVATION_GATED : ATROUS_ACTIVATION_NONE;
        layer->conv.math = ATROUS_MATH_STRICT;
        layer->pad_rule = ATROUS_PAD_CAUSAL;
    }
    net_draw_reals(&net, &random, 0.3f);
    assert_int_equal(expect_same_bits(&net, NULL, 0, 100), 7);
    net_close(&net);
}

/* Layers that cannot be cut run whole between those that can. */
static void bands_around_other_layers(void **state)
{
    struct random random = {SEED + 4};
    struct net net = net_open(2, 1, 1, (size_t[]){60, 23, 1});

    (void)state;
    for (size_t i = 0; i < 9; ++i) {
        atrous_layer *layer = net_add(&net, 1, 3, 2);
        if (i == 3)
            layer->conv.stride[0] = layer->conv.stride[1] = 2; /* halves the rows */
        if (i == 6)
            layer->conv.padding = ATROUS_PADDING_CIRCULAR;
    }
    net_draw_reals(&net, &random, 0.4f);
    /* 0 1 2, 4 5 and 7 8 */
    assert_int_equal(expect_same_bits(&net, NULL, 0, 10), 7);
    /* What is given out lies whole, wherever it was made. */
    const atrous_source outputs[] = {{ATROUS_FROM_LAYER, 1}, {ATROUS_FROM_LAYER, 8}};
    assert_int_equal(expect_same_bits(&net, outputs, 2, 10), 7);
    net_close(&net);
}

/* Sums are added to in the order of the layers, whole. */
static void bands_leave_sums_alone(void **state)
{
    struct random random = {SEED + 5};
    struct net net = net_open(2, 1, 1, (size_t[]){48, 21, 1});

    (void)state;
    for (size_t i = 0; i < 3; ++i) {
        net_add(&net, 1, 3, 1);
        net_add(&net, 1, 3, 2);
        net_add(&net, 1, 1, 1)->sum = 0;
    }
    net_add(&net, 1, 3, 1)->source = (atrous_source){ATROUS_FROM_SUM, 0};
    net_draw_reals(&net, &random, 0.4f);
    assert_true(expect_same_bits(&net, NULL, 0, 12) >= 4);
    net_close(&net);
}

static void random_nets_in_bands(void **state)
{
    const size_t rounds = harness.quick ? 20 : 120;
    struct random random = {SEED + 6};
    size_t carried = 0, layers = 0;

    (void)state;
    for (size_t round = 0; round < rounds; ++round) {
        const int rank = (int)random_between(&random, 1, 3);
        const size_t extents[] = {random_between(&random, 5, 90), random_between(&random, 1, 24),
                                  random_between(&random, 1, 9)};
        struct net net = net_open(rank, random_between(&random, 1, 2), 1, extents);
        atrous_source outputs[NET_MAX];
        size_t count = 0;
        for (size_t left = random_between(&random, 2, 7); left > 0; --left) {
            atrous_layer *layer =
                net_add(&net, 1, random_between(&random, 1, 5), random_between(&random, 1, 4));
            layer->conv.padding = (atrous_padding)random_between(&random, 0, 4);
            if (net.count > 1 && random_chance(&random, 50))
                layer->source = net_pick(&net, &random);
            if (net.count > 1 && random_chance(&random, 40)) {
                layer->conv.residual = (atrous_residual)random_between(&random, 1, 2);
                layer->residual = net_pick(&net, &random);
                layer->conv.alpha = random_chance(&random, 50) ? 0.5 : 1.0;
            }
        }
        net_read_all(&net, outputs, &count);
        net_draw_reals(&net, &random, 0.5f);
        carried += expect_same_bits(&net, outputs, count, random_between(&random, 1, 40));
        layers += net.count;
        net_close(&net);
    }
    print_message("%zu of %zu layers of seed %d went depth first\n", carried, layers, SEED + 6);
    assert_true(carried * 4 > layers);
}

/* Left to itself the library cuts no small image, and what it cuts takes less memory. */
static void order_is_the_callers_or_measured(void **state)
{
    struct random random = {SEED + 7};
    struct net net = chain(2, (size_t[]){512, 64, 1}, ATROUS_PADDING_REFLECT, 6, &random);
    atrous_stack_info small = {.struct_size = sizeof small}, whole = small, cut = small;
    const struct {
        atrous_order order;
        atrous_stack_info *info;
    } orders[] = {
        {ATROUS_ORDER_AUTO, &small}, {ATROUS_ORDER_LAYERS, &whole}, {ATROUS_ORDER_DEPTH, &cut}};

    (void)state;
    net.band_rows = 32;
    for (int i = 0; i < 3; ++i) {
        net.order = orders[i].order;
        atrous_stack *stack = net_stack(&net, NULL, 0);
        assert_int_equal(atrous_stack_query(stack, orders[i].info, NULL), ATROUS_OK);
        atrous_stack_destroy(stack);
    }
    assert_int_equal(small.depth_first, 0);
    assert_int_equal(whole.depth_first, 0);
    assert_int_equal(cut.depth_first, 6);
    assert_true(cut.activation_bytes < whole.activation_bytes);

    atrous_stack *stack = (atrous_stack *)(void *)&net;
    atrous_stack_options options;
    atrous_error error;
    atrous_stack_options_init(&options, sizeof options);
    options.order = (atrous_order)3;
    assert_int_equal(atrous_stack_create(harness.context, net.layers, net.count, &net.shape,
                                         &options, &stack, &error),
                     ATROUS_INVALID_ARGUMENT);
    assert_null(stack);
    assert_string_equal(error.field, "options.order");
    net_close(&net);
}

/* What Linux says that processors share of the last cache, or 0. */
static size_t shared_cache(void)
{
    FILE *file = fopen("/sys/devices/system/cpu/cpu0/cache/index3/size", "r");
    unsigned long kib = 0;

    if (file == NULL)
        return 0;
    if (fscanf(file, "%luK", &kib) != 1)
        kib = 0;
    fclose(file);
    return (size_t)kib << 10;
}

/* Tensors as large as that cache go depth first, whatever other caches the package has. */
static void bands_where_the_shared_cache_overflows(void **state)
{
    enum { COLUMNS = 1024 };
    const size_t cache = shared_cache(), rows = cache / sizeof(float) / COLUMNS;
    struct random random = {SEED + 8};

    (void)state;
    if (cache < (1 << 20) || cache > (256 << 20))
        skip();
    struct net net = chain(2, (size_t[]){rows, COLUMNS, 1}, ATROUS_PADDING_ZEROS, 6, &random);
    atrous_stack *stack = net_stack(&net, NULL, 0);
    assert_int_equal(depth_first(stack), 6);
    atrous_stack_destroy(stack);
    net_close(&net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bands_equal_layers_under_every_padding),
        cmocka_unit_test(bands_of_any_height),
        cmocka_unit_test(bands_of_channels_and_images),
        cmocka_unit_test(bands_of_causal_signals),
        cmocka_unit_test(bands_around_other_layers),
        cmocka_unit_test(bands_leave_sums_alone),
        cmocka_unit_test(random_nets_in_bands),
        cmocka_unit_test(order_is_the_callers_or_measured),
        cmocka_unit_test(bands_where_the_shared_cache_overflows),
    };
    const int closed = harness_open();
    if (closed != 0)
        return closed;
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    harness_close();
    return failed;
}
