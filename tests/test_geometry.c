/* The geometry rules without any device: output extents, padding rules, and the oracle's own
 * definitions held against literal examples. */
#include "testing.h"

#include <stdio.h>
#include <string.h>

#include "oracle.h"
#include "random.h"
#include "shapes.h"

enum { SEED = 1989 };

/* Random small problems: the same extents as the oracle, or the same refusal. */
static void geometry_matches_the_oracle(void **state)
{
    struct random random = {SEED};
    size_t refused = 0;
    char text[256];

    (void)state;
    printf("seed %d\n", SEED);
    for (int round = 0; round < 20000; ++round) {
        size_t got[ATROUS_MAX_RANK] = {0}, want[ATROUS_MAX_RANK] = {0};
        atrous_conv conv;
        atrous_conv_init(&conv, (int)random_between(&random, 1, 3), sizeof conv);
        for (int axis = 0; axis < conv.rank; ++axis) {
            conv.input[axis] = random_between(&random, 1, 30);
            conv.kernel[axis] = random_between(&random, 1, 6);
            conv.stride[axis] = random_between(&random, 1, 9);
            conv.dilation[axis] = random_between(&random, 1, 9);
            conv.pad_begin[axis] = random_between(&random, 0, 12);
            conv.pad_end[axis] = random_between(&random, 0, 12);
        }
        const bool any = oracle_output(&conv, want);
        const atrous_status status = atrous_conv_output(&conv, got, NULL);
        refused += !any;
        if (status != (any ? ATROUS_OK : ATROUS_INVALID_ARGUMENT) ||
            (any && memcmp(got, want, (size_t)conv.rank * sizeof *got) != 0))
            fail_msg("extents differ from the oracle's: %s", shape_text(&conv, text, sizeof text));
    }
    assert_true(refused > 0);
}

/* "Same" by its definition: the least padding that gives ceil(input / stride) outputs. */
static void geometry_same_is_least_padding(void **state)
{
    struct random random = {SEED};

    (void)state;
    for (int round = 0; round < 5000; ++round) {
        size_t output[ATROUS_MAX_RANK];
        atrous_conv upper, lower;
        atrous_conv_init(&upper, 1, sizeof upper);
        upper.input[0] = random_between(&random, 1, 40);
        upper.kernel[0] = random_between(&random, 1, 7);
        upper.stride[0] = random_between(&random, 1, 6);
        upper.dilation[0] = random_between(&random, 1, 9);
        lower = upper;
        assert_int_equal(atrous_conv_pad(&upper, ATROUS_PAD_SAME, NULL), ATROUS_OK);
        assert_int_equal(atrous_conv_pad(&lower, ATROUS_PAD_SAME_LOWER, NULL), ATROUS_OK);
        assert_int_equal(upper.pad_begin[0], lower.pad_end[0]);
        assert_int_equal(upper.pad_end[0], lower.pad_begin[0]);
        assert_true(upper.pad_end[0] == upper.pad_begin[0] ||
                    upper.pad_end[0] == upper.pad_begin[0] + 1);
        assert_true(oracle_output(&upper, output));
        assert_true((output[0] - 1) * upper.stride[0] < upper.input[0]);
        assert_true(output[0] * upper.stride[0] >= upper.input[0]);
        if (upper.pad_end[0] > 0) { /* one element less would lose an output */
            size_t fewer[ATROUS_MAX_RANK] = {0};
            --upper.pad_end[0];
            assert_true(!oracle_output(&upper, fewer) || fewer[0] < output[0]);
        }
    }
}

static void expect_pads(size_t input, size_t kernel, size_t stride, size_t dilation,
                        atrous_pad_rule rule, size_t begin, size_t end)
{
    atrous_conv conv;

    atrous_conv_init(&conv, 1, sizeof conv);
    conv.input[0] = input;
    conv.kernel[0] = kernel;
    conv.stride[0] = stride;
    conv.dilation[0] = dilation;
    conv.pad_begin[0] = conv.pad_end[0] = 99; /* rules overwrite what was there */
    assert_int_equal(atrous_conv_pad(&conv, rule, NULL), ATROUS_OK);
    assert_int_equal(conv.pad_begin[0], begin);
    assert_int_equal(conv.pad_end[0], end);
}

/* Worked by hand from the rules of ONNX, TensorFlow and WaveNet. */
static void geometry_pad_rules_by_hand(void **state)
{
    (void)state;
    expect_pads(10, 3, 1, 1, ATROUS_PAD_SAME, 1, 1);
    expect_pads(10, 4, 1, 1, ATROUS_PAD_SAME, 1, 2);
    expect_pads(10, 4, 1, 1, ATROUS_PAD_SAME_LOWER, 2, 1);
    expect_pads(10, 4, 1, 2, ATROUS_PAD_SAME, 3, 3);
    expect_pads(10, 3, 2, 1, ATROUS_PAD_SAME, 0, 1); /* total max(3 - 2, 0) */
    expect_pads(9, 3, 2, 1, ATROUS_PAD_SAME, 1, 1);  /* total max(3 - 1, 0) */
    expect_pads(10, 1, 3, 1, ATROUS_PAD_SAME, 0, 0);
    expect_pads(5, 3, 1, 9, ATROUS_PAD_SAME, 9, 9);
    expect_pads(10, 3, 1, 4, ATROUS_PAD_VALID, 0, 0);
    expect_pads(10, 2, 1, 512, ATROUS_PAD_CAUSAL, 512, 0);
    expect_pads(10, 3, 1, 4, ATROUS_PAD_CAUSAL, 8, 0);
}

/* The oracle's padding against what NumPy's pad gives for [0 1 2], five on each side. */
static void geometry_oracle_padding_by_hand(void **state)
{
    const long reflect[] = {1, 0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2, 1};
    const long circular[] = {1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1};
    const long replicate[] = {0, 0, 0, 0, 0, 0, 1, 2, 2, 2, 2, 2, 2};

    (void)state;
    for (long i = -5; i < 8; ++i) {
        assert_int_equal(oracle_index(i, 3, ATROUS_PADDING_REFLECT), reflect[i + 5]);
        assert_int_equal(oracle_index(i, 3, ATROUS_PADDING_CIRCULAR), circular[i + 5]);
        assert_int_equal(oracle_index(i, 3, ATROUS_PADDING_REPLICATE), replicate[i + 5]);
        assert_int_equal(oracle_index(i, 3, ATROUS_PADDING_ZEROS), i < 0 || i > 2 ? -1 : i);
        assert_int_equal(oracle_index(i, 1, ATROUS_PADDING_REFLECT), 0);
    }
}

/* The oracle on numbers worked by hand: [1 2 3 4], taps [10 1], dilation 2, bias 5. */
static void geometry_oracle_by_hand(void **state)
{
    const float x[] = {1, 2, 3, 4}, w[] = {10, 1}, bias[] = {5};
    const double correlation[] = {18, 29}, convolution[] = {36, 47};
    double value[2], magnitude[2];
    atrous_conv conv;

    (void)state;
    atrous_conv_init(&conv, 1, sizeof conv);
    conv.input[0] = 4;
    conv.kernel[0] = conv.dilation[0] = 2;
    conv.has_bias = 1;
    oracle_conv(&conv, x, w, bias, value, magnitude);
    assert_memory_equal(value, correlation, sizeof value);
    assert_memory_equal(magnitude, correlation, sizeof value);
    conv.orientation = ATROUS_TRUE_CONVOLUTION;
    oracle_conv(&conv, x, w, bias, value, magnitude);
    assert_memory_equal(value, convolution, sizeof value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(geometry_oracle_by_hand),
        cmocka_unit_test(geometry_oracle_padding_by_hand),
        cmocka_unit_test(geometry_pad_rules_by_hand),
        cmocka_unit_test(geometry_same_is_least_padding),
        cmocka_unit_test(geometry_matches_the_oracle),
    };

    return cmocka_run_group_tests_name("geometry", tests, NULL, NULL);
}
