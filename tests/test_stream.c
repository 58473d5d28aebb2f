/* Streams: the same as the whole signal, whatever the chunks; what they refuse. */
#include "testing.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data.h"
#include "harness.h"
#include "net_bound.h"
#include "net_run.h"

enum { SEED = 23 };

/* A causal layer in place of the net's "same" one; direct sums, whose bound is the sharper. */
static atrous_layer *add(struct net *net, size_t filters, size_t kernel, size_t dilation)
{
    atrous_layer *layer = net_add(net, filters, kernel, dilation);

    layer->pad_rule = ATROUS_PAD_CAUSAL;
    layer->conv.math = ATROUS_MATH_STRICT;
    return layer;
}

/* Gated blocks at dilation 1 .. 512 with residuals, skips and biases. */
static struct net wavenet(size_t batch, size_t samples, atrous_math math, struct random *random)
{
    enum { CHANNELS = 4, BLOCKS = 10 };
    struct net net = net_open(1, batch, 2, (size_t[]){samples, 1, 1});
    size_t x = 0;

    add(&net, CHANNELS, 1, 1);
    for (size_t i = 0; i < BLOCKS; ++i) {
        const size_t gate = net.count;
        atrous_layer *layer = add(&net, 2 * CHANNELS, 2 + i % 2, (size_t)1 << i);
        layer->source = (atrous_source){ATROUS_FROM_LAYER, x};
        layer->conv.activation = ATROUS_ACTIVATION_GATED;
        layer->conv.has_bias = 1;
        layer = add(&net, CHANNELS, 1, 1);
        layer->source = (atrous_source){ATROUS_FROM_LAYER, gate};
        layer->sum = 0;
        if (i + 1 == BLOCKS)
            break;
        layer = add(&net, CHANNELS, 1, 1);
        layer->source = (atrous_source){ATROUS_FROM_LAYER, gate};
        layer->conv.residual = ATROUS_RESIDUAL_AFTER;
        layer->residual = (atrous_source){ATROUS_FROM_LAYER, x};
        x = gate + 2;
    }
    add(&net, 3, 1, 1)->source = (atrous_source){ATROUS_FROM_SUM, 0};
    for (size_t i = 0; i < net.count; ++i)
        net.layers[i].conv.math = math;
    net_draw_reals(&net, random, 0.35f);
    return net;
}

static atrous_stream *open_stream(const struct net *net, size_t max_chunk)
{
    atrous_shape chunk = net->shape;
    atrous_stream *stream = NULL;
    atrous_error error;

    chunk.extents[0] = max_chunk;
    if (atrous_stream_create(harness.context, net->layers, net->count, &chunk, net->weights,
                             &stream, &error) != ATROUS_OK)
        fail_msg("stream: %s", error.message);
    return stream;
}

/* `count` columns from column `first`, of every row. */
static void copy_columns(float *to, size_t to_pitch, size_t to_first, const float *from,
                         size_t from_pitch, size_t from_first, size_t rows, size_t count)
{
    for (size_t row = 0; row < rows; ++row)
        memcpy(to + row * to_pitch + to_first, from + row * from_pitch + from_first,
               count * sizeof *to);
}

/* Feeds the net's input in chunks of lengths[0], lengths[1], ... and again from the first. */
static float *feed(atrous_stream *stream, const struct net *net, const size_t *lengths,
                   size_t length_count, size_t filters)
{
    const size_t samples = net->shape.extents[0];
    const size_t in_rows = net->shape.batch * net->shape.channels;
    const size_t out_rows = net->shape.batch * filters;
    float *whole = floats(out_rows * samples);
    float *input = floats(in_rows * samples), *output = floats(out_rows * samples);
    atrous_error error;

    for (size_t at = 0, turn = 0; at < samples; ++turn) {
        size_t length = lengths[turn % length_count];
        if (length > samples - at)
            length = samples - at;
        copy_columns(input, length, 0, net->input, samples, at, in_rows, length);
        for (size_t i = 0; i < out_rows * length; ++i)
            output[i] = NAN;
        if (atrous_stream_push(stream, length, input, output, &error) != ATROUS_OK)
            fail_msg("push of %zu: %s", length, error.message);
        copy_columns(whole, samples, at, output, length, 0, out_rows, length);
        at += length;
    }
    free(input);
    free(output);
    return whole;
}

/* Bit for bit what the layers give on the whole signal, where one solver computes both: on the CPU
 * path, and on a device where the layers name one. Left to choose, plans of chunks may take others
 * than plans of the whole: then both lie within what the bounds of the layers come to. The layers
 * of the whole are held against the truth one by one (net.h). */
static void through(const struct net *net, atrous_stream *stream, const size_t *lengths,
                    size_t length_count, size_t filters)
{
    float *want[NET_MAX];
    float *got = feed(stream, net, lengths, length_count, filters);
    struct net_bound bound = net_bound_of(net);

    net_layers(net, NULL, NULL, 0, want);
    assert_int_equal(bound.count, net->shape.batch * filters * net->shape.extents[0]);
    if (harness.cpu_path || net->layers[0].plan.solver != NULL)
        for (size_t i = 0; i < bound.count; ++i)
            if (memcmp(&got[i], &want[0][i], sizeof *got) != 0)
                fail_msg("[%zu] is %.9g in chunks, %.9g whole", i, (double)got[i],
                         (double)want[0][i]);
    const double chunks = net_bound_expect(&bound, got), whole = net_bound_expect(&bound, want[0]);
    if (bound.count > 1000)
        print_message("of the bound: in chunks %.3g, whole %.3g\n", chunks, whole);
    net_bound_free(&bound);
    free(got);
    free(want[0]);
}

static void stream_wavenet_in_chunks(void **state)
{
    enum { MAX_CHUNK = 4096, FILTERS = 3 };
    const size_t lengths[] = {1, 7, 160, 4096};
    /* On a device a push takes its time: enough for every past to fill and wrap. */
    const size_t few[] = {600, 2000, 8000, 16000};
    const bool all = harness.cpu_path || harness.large;
    struct random random = {SEED};
    atrous_stream_info info = {.struct_size = sizeof info};

    (void)state;
    for (size_t i = 0; i < 4; ++i) {
        const size_t samples = all ? 16000 : few[i];
        struct net net =
            wavenet(1, harness.quick ? few[i] / 8 : samples, ATROUS_MATH_STRICT, &random);
        atrous_stream *stream = open_stream(&net, MAX_CHUNK);
        assert_int_equal(atrous_stream_query(stream, &info, NULL), ATROUS_OK);
        assert_int_equal(info.max_chunk, MAX_CHUNK);
        assert_int_equal(info.in_channels, 2);
        assert_int_equal(info.out_channels, FILTERS);
        assert_int_equal(info.on_cpu_path, harness.cpu_path);
        /* kernel 2 and 3 in turn, 4 channels each */
        assert_int_equal(info.state_bytes, 4 * (341 + 2 * 682) * sizeof(float));
        through(&net, stream, &lengths[i], 1, FILTERS);
        atrous_stream_destroy(stream);
        net_close(&net);
    }
}

/* Chunks of all lengths one after another, two signals at a time, twice after a reset. */
static void stream_mixed_chunks_and_reset(void **state)
{
    enum { FILTERS = 3 };
    const size_t lengths[] = {1, 37, 2, 300, 5, 16, 17, 1, 128};
    struct random random = {SEED};
    struct net net = wavenet(2, 1500, ATROUS_MATH_DEFAULT, &random);
    atrous_stream *stream = open_stream(&net, 300);

    (void)state;
    through(&net, stream, lengths, 9, FILTERS);
    assert_int_equal(atrous_stream_reset(stream, NULL), ATROUS_OK);
    through(&net, stream, lengths + 3, 4, FILTERS);
    atrous_stream_destroy(stream);
    net_close(&net);
}

/* One solver in chunks of any length and on the whole signal: the same bits. */
static void stream_same_bits_by_one_solver(void **state)
{
    const char *const solvers[] = {"reference", "simd", "tile"};
    const size_t lengths[] = {1, 37, 2, 300, 5, 16, 17, 1, 128};
    struct random random = {SEED};
    size_t ran = 0;

    (void)state;
    for (size_t s = 0; s < sizeof solvers / sizeof *solvers; ++s) {
        struct net net = wavenet(2, 1500, ATROUS_MATH_STRICT, &random);
        const atrous_conv first = net_conv(&net, 0);
        if (!harness.cpu_path && harness_serves(solvers[s], &first)) {
            net_use(&net, solvers[s]);
            atrous_stream *stream = open_stream(&net, 300);
            through(&net, stream, lengths, 9, 3);
            atrous_stream_destroy(stream);
            ++ran;
        }
        net_close(&net);
    }
    assert_true(harness.cpu_path || ran == sizeof solvers / sizeof *solvers);
}

/* Every length against kernels from 1 to 4 and dilations below, at and above the length. */
static void stream_all_lengths(void **state)
{
    struct random random = {SEED};

    (void)state;
    for (size_t kernel = 1; kernel <= 4; ++kernel) {
        struct net net = net_open(1, 1, 1, (size_t[]){40, 1, 1});
        add(&net, 2, kernel, 3)->conv.activation = ATROUS_ACTIVATION_LEAKY_RELU;
        add(&net, 2, kernel, 5)->conv.groups = 2;
        net_draw_reals(&net, &random, 1.0f);
        atrous_stream *stream = open_stream(&net, 9);
        for (size_t length = 1; length <= 9; ++length) {
            through(&net, stream, &length, 1, 2);
            assert_int_equal(atrous_stream_reset(stream, NULL), ATROUS_OK);
        }
        atrous_stream_destroy(stream);
        net_close(&net);
    }
}

static void expect_refused(struct net *net, size_t max_chunk, const char *field)
{
    atrous_shape chunk = net->shape;
    atrous_stream *stream = (atrous_stream *)net; /* must become NULL */
    atrous_error error;

    chunk.extents[0] = max_chunk;
    assert_int_equal(atrous_stream_create(harness.context, net->layers, net->count, &chunk,
                                          net->weights, &stream, &error),
                     ATROUS_INVALID_ARGUMENT);
    assert_null(stream);
    assert_string_equal(error.field, field);
    assert_memory_equal(error.message, field, strlen(field));
    assert_null(strchr(error.message, '\n'));
}

static void stream_refuses_what_is_not_causal(void **state)
{
    struct random random = {SEED};
    struct net net = net_open(1, 1, 1, (size_t[]){40, 1, 1});
    atrous_layer *layer = NULL;

    (void)state;
    add(&net, 2, 3, 2);
    layer = add(&net, 2, 3, 4);
    net_draw_reals(&net, &random, 1.0f);
    const atrous_layer kept = *layer;
    layer->pad_rule = ATROUS_PAD_SAME;
    expect_refused(&net, 40, "layers[1].pad_begin[0]");
    *layer = kept;
    layer->has_pad_rule = 0;
    layer->conv.pad_begin[0] = 8;
    layer->conv.pad_end[0] = 1;
    expect_refused(&net, 40, "layers[1].pad_end[0]");
    *layer = kept;
    layer->conv.stride[0] = 2;
    expect_refused(&net, 40, "layers[1].stride[0]");
    *layer = kept;
    layer->conv.padding = ATROUS_PADDING_REFLECT;
    expect_refused(&net, 40, "layers[1].padding");
    *layer = kept;
    expect_refused(&net, 0, "layers[0].input[0]");
    net.weights[1].weights = NULL;
    expect_refused(&net, 40, "weights");
    net_close(&net);

    net = net_open(2, 1, 1, (size_t[]){40, 40, 1});
    net_add(&net, 2, 3, 1);
    expect_refused(&net, 40, "chunk.rank");
    net_close(&net);
}

static void stream_refuses_bad_chunks(void **state)
{
    struct random random = {SEED};
    struct net net = net_open(1, 1, 1, (size_t[]){10, 1, 1});
    float output[10];
    atrous_error error;

    (void)state;
    add(&net, 1, 3, 2);
    net_draw_reals(&net, &random, 1.0f);
    atrous_stream *stream = open_stream(&net, 5);
    assert_int_equal(atrous_stream_push(stream, 6, net.input, output, &error),
                     ATROUS_INVALID_ARGUMENT);
    assert_string_equal(error.field, "length");
    assert_int_equal(atrous_stream_push(stream, 0, net.input, output, NULL),
                     ATROUS_INVALID_ARGUMENT);
    assert_int_equal(atrous_stream_push(stream, 5, net.input, net.input + 4, &error),
                     ATROUS_INVALID_ARGUMENT);
    assert_string_equal(error.field, "output");
    assert_int_equal(atrous_stream_push(stream, 5, NULL, output, NULL), ATROUS_INVALID_ARGUMENT);
    assert_int_equal(atrous_stream_push(NULL, 5, net.input, output, NULL), ATROUS_INVALID_ARGUMENT);
    assert_int_equal(atrous_stream_reset(NULL, NULL), ATROUS_INVALID_ARGUMENT);
    /* Refused chunks leave the state as it was. */
    through(&net, stream, (size_t[]){5}, 1, 1);
    atrous_stream_destroy(stream);
    atrous_stream_destroy(NULL);
    net_close(&net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stream_wavenet_in_chunks),
        cmocka_unit_test(stream_mixed_chunks_and_reset),
        cmocka_unit_test(stream_same_bits_by_one_solver),
        cmocka_unit_test(stream_all_lengths),
        cmocka_unit_test(stream_refuses_what_is_not_causal),
        cmocka_unit_test(stream_refuses_bad_chunks),
    };
    int failed = harness_open();

    if (failed == 0)
        failed = cmocka_run_group_tests_name("stream", tests, NULL, NULL);
    harness_close();
    return failed;
}
