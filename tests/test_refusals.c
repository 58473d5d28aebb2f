/* Problems that must be refused: which status, and whether the error names field and value. */
#include "testing.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <atrous/atrous.h>

#include "shapes.h"

/* A problem that is fine until a test spoils it. */
static atrous_conv good(void)
{
    return shape_square(2, 4, 4, 9, 3, 2);
}

/* The problem is refused with `status`; field and message name `field`, the message `value`. */
static void expect_refusal(const atrous_conv *conv, atrous_status status, const char *field,
                           const char *value)
{
    size_t output[ATROUS_MAX_RANK] = {77, 77, 77};
    atrous_error error;

    memset(&error, 'x', sizeof error);
    assert_int_equal(atrous_conv_output(conv, output, &error), status);
    assert_int_equal(error.status, status);
    assert_int_equal(error.opencl_code, 0);
    if (strstr(error.field, field) == NULL || strstr(error.message, field) == NULL)
        fail_msg("\"%s\" does not name %s but %s", error.message, field, error.field);
    if (value != NULL && strstr(error.message, value) == NULL)
        fail_msg("\"%s\" does not name the value %s", error.message, value);
    assert_null(strchr(error.message, '\n'));
    assert_int_equal(output[0], 77); /* nothing written on failure */
    assert_int_equal(atrous_conv_output(conv, NULL, NULL), status);
}

static void refusals_zero_sizes(void **state)
{
    (void)state;
    for (int axis = 0; axis < 2; ++axis) {
        const size_t offsets[] = {offsetof(atrous_conv, input), offsetof(atrous_conv, kernel),
                                  offsetof(atrous_conv, stride), offsetof(atrous_conv, dilation)};
        const char *const names[] = {"input", "kernel", "stride", "dilation"};
        for (size_t i = 0; i < 4; ++i) {
            atrous_conv conv = good();
            char field[32];
            const size_t zero = 0;
            memcpy((char *)&conv + offsets[i] + (size_t)axis * sizeof zero, &zero, sizeof zero);
            snprintf(field, sizeof field, "%s[%d]", names[i], axis);
            expect_refusal(&conv, ATROUS_INVALID_ARGUMENT, field, "0");
        }
    }
    atrous_conv conv = good();
    conv.batch = 0;
    expect_refusal(&conv, ATROUS_INVALID_ARGUMENT, "batch", "0");
    conv = good();
    conv.in_channels = 0;
    expect_refusal(&conv, ATROUS_INVALID_ARGUMENT, "in_channels", "0");
    conv = good();
    conv.out_channels = 0;
    expect_refusal(&conv, ATROUS_INVALID_ARGUMENT, "out_channels", "0");
    conv = good();
    conv.groups = 0;
    expect_refusal(&conv, ATROUS_INVALID_ARGUMENT, "groups", "0");
}

static void refusals_groups_that_do_not_divide(void **state)
{
    (void)state;
    atrous_conv conv = good();
    conv.groups = 3;
    expect_refusal(&conv, ATROUS_INVALID_ARGUMENT, "groups", "3");
    conv = good();
    conv.in_channels = 6;
    conv.groups = 3;
    expect_refusal(&conv, ATROUS_INVALID_ARGUMENT, "groups", "3");
    conv.out_channels = 9;
    assert_int_equal(atrous_conv_output(&conv, NULL, NULL), ATROUS_OK);
}

static void refusals_kernel_beyond_the_image(void **state)
{
    (void)state;
    atrous_conv conv = good();
    conv.pad_begin[1] = conv.pad_end[1] = 0;
    conv.dilation[1] = 4; /* spans 9 of 9 */
    assert_int_equal(atrous_conv_output(&conv, NULL, NULL), ATROUS_OK);
    conv.dilation[1] = 5; /* spans 11 of 9 */
    expect_refusal(&conv, ATROUS_INVALID_ARGUMENT, "kernel[1]", "5");
    conv.pad_end[1] = 2;
    assert_int_equal(atrous_conv_output(&conv, NULL, NULL), ATROUS_OK);
}

static void refusals_overflow(void **state)
{
    const size_t huge[] = {SIZE_MAX, SIZE_MAX / 2, SIZE_MAX / 2 + 2, (size_t)1 << 62,
                           (size_t)1 << 33};

    (void)state;
    for (size_t i = 0; i < sizeof huge / sizeof *huge; ++i) {
        atrous_conv conv = good();
        conv.dilation[0] = huge[i];
        expect_refusal(&conv, ATROUS_INVALID_ARGUMENT, "[0]", NULL);
        conv = good();
        conv.kernel[1] = huge[i];
        expect_refusal(&conv, ATROUS_INVALID_ARGUMENT, "kernel[1]", NULL);
        conv = good();
        conv.input[0] = conv.input[1] = huge[i];
        expect_refusal(&conv, ATROUS_INVALID_ARGUMENT, "", NULL);
        conv = good();
        conv.pad_begin[0] = conv.pad_end[0] = conv.pad_begin[1] = conv.pad_end[1] = huge[i];
        expect_refusal(&conv, ATROUS_INVALID_ARGUMENT, "", NULL);
        conv = good();
        conv.batch = conv.in_channels = conv.out_channels = huge[i];
        expect_refusal(&conv, ATROUS_INVALID_ARGUMENT, "", NULL);
        conv = good();
        conv.out_channels = huge[i];
        conv.batch = huge[i];
        expect_refusal(&conv, ATROUS_INVALID_ARGUMENT, "", NULL);
        conv = good();
        conv.stride[0] = huge[i]; /* one output row, all in order */
        assert_int_equal(atrous_conv_output(&conv, NULL, NULL), ATROUS_OK);
    }
}

/* A huge kernel over a huge image is only numbers: it must be answered at once. */
static void refusals_none_for_large_numbers(void **state)
{
    size_t output[ATROUS_MAX_RANK];

    (void)state;
    atrous_conv conv = shape_square(1, 1, 1, (size_t)1 << 40, (size_t)1 << 39, 1);
    conv.pad_begin[0] = conv.pad_end[0] = 0;
    assert_int_equal(atrous_conv_output(&conv, output, NULL), ATROUS_OK);
    assert_true(output[0] == ((size_t)1 << 39) + 1);
}

static void refusals_null_and_wrong_size(void **state)
{
    atrous_error error;
    atrous_conv conv = good();

    (void)state;
    expect_refusal(NULL, ATROUS_INVALID_ARGUMENT, "conv", "NULL");
    conv.struct_size = sizeof conv - 1;
    expect_refusal(&conv, ATROUS_INVALID_ARGUMENT, "struct_size", NULL);
    conv.struct_size = 0;
    expect_refusal(&conv, ATROUS_INVALID_ARGUMENT, "struct_size", "0");
    assert_int_equal(atrous_conv_pad(NULL, ATROUS_PAD_SAME, &error), ATROUS_INVALID_ARGUMENT);
    assert_int_equal(atrous_conv_pad(&conv, ATROUS_PAD_SAME, &error), ATROUS_INVALID_ARGUMENT);
    atrous_conv_init(NULL, 2, sizeof conv); /* nothing to do, nothing to break */
}

static void refusals_rank(void **state)
{
    const int ranks[] = {INT_MIN, -1, 0, 4, INT_MAX};

    (void)state;
    for (size_t i = 0; i < sizeof ranks / sizeof *ranks; ++i) {
        atrous_conv conv = good();
        char value[16];
        conv.rank = ranks[i];
        snprintf(value, sizeof value, "%d", ranks[i]);
        expect_refusal(&conv, ATROUS_INVALID_ARGUMENT, "rank", value);
    }
}

static void refusals_unknown_enum_values(void **state)
{
    const struct {
        size_t offset;
        const char *field;
    } fields[] = {
        {offsetof(atrous_conv, padding), "padding"},
        {offsetof(atrous_conv, input_layout), "input_layout"},
        {offsetof(atrous_conv, output_layout), "output_layout"},
        {offsetof(atrous_conv, type), "type"},
        {offsetof(atrous_conv, orientation), "orientation"},
        {offsetof(atrous_conv, direction), "direction"},
        {offsetof(atrous_conv, activation), "activation"},
        {offsetof(atrous_conv, residual), "residual"},
        {offsetof(atrous_conv, math), "math"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; ++i) {
        const int unknown = 99;
        atrous_conv conv = good();
        memcpy((char *)&conv + fields[i].offset, &unknown, sizeof unknown);
        expect_refusal(&conv, ATROUS_INVALID_ARGUMENT, fields[i].field, "99");
    }
}

/* What a type leaves no meaning to. */
static void refusals_of_types(void **state)
{
    const atrous_direction backward[] = {ATROUS_BACKWARD_DATA, ATROUS_BACKWARD_WEIGHTS};
    const double pads[] = {0.5, 128.0, -129.0};
    atrous_conv conv = good();

    (void)state;
    conv.native_half = 1;
    expect_refusal(&conv, ATROUS_INVALID_ARGUMENT, "native_half", "f16");
    for (size_t i = 0; i < 2; ++i) {
        conv = good();
        conv.channel_scale = 1;
        conv.direction = backward[i];
        expect_refusal(&conv, ATROUS_INVALID_ARGUMENT, "channel_scale", "backward");
    }
    for (size_t i = 0; i < 3; ++i) {
        conv = good();
        conv.type = ATROUS_TYPE_I8;
        conv.padding = ATROUS_PADDING_CONSTANT;
        conv.pad_value = pads[i];
        expect_refusal(&conv, ATROUS_INVALID_ARGUMENT, "pad_value", "whole");
    }
}

static void refusals_numbers(void **state)
{
    (void)state;
    atrous_conv conv = good();
    conv.padding = ATROUS_PADDING_CONSTANT;
    conv.pad_value = NAN;
    expect_refusal(&conv, ATROUS_INVALID_ARGUMENT, "pad_value", "nan");
    conv.pad_value = INFINITY;
    expect_refusal(&conv, ATROUS_INVALID_ARGUMENT, "pad_value", "inf");
    conv = good();
    conv.output_padding[0] = 1;
    expect_refusal(&conv, ATROUS_INVALID_ARGUMENT, "output_padding[0]", "1");
}

/* Kernels reckon in float: a double beyond it would be an infinity there. A clamp may lie so far
 * out: it limits nothing. */
static void refusals_of_numbers_beyond_float(void **state)
{
    atrous_conv conv = good();

    (void)state;
    conv.alpha = 1e39;
    expect_refusal(&conv, ATROUS_INVALID_ARGUMENT, "alpha", "1e+39");
    conv = good();
    conv.beta = -1e39;
    expect_refusal(&conv, ATROUS_INVALID_ARGUMENT, "beta", "-1e+39");
    conv = good();
    conv.padding = ATROUS_PADDING_CONSTANT;
    conv.pad_value = 1e39;
    expect_refusal(&conv, ATROUS_INVALID_ARGUMENT, "pad_value", "1e+39");
    conv = good();
    conv.activation = ATROUS_ACTIVATION_LEAKY_RELU;
    conv.activation_low = 1e39;
    expect_refusal(&conv, ATROUS_INVALID_ARGUMENT, "activation_low", "1e+39");
    conv.activation = ATROUS_ACTIVATION_CLAMP;
    conv.activation_low = 0;
    conv.activation_high = 1e300;
    assert_int_equal(atrous_conv_output(&conv, NULL, NULL), ATROUS_OK);
}

static void refusals_of_pad_rules(void **state)
{
    atrous_conv conv = good(), before = conv;
    atrous_error error;

    (void)state;
    assert_int_equal(atrous_conv_pad(&conv, ATROUS_PAD_CAUSAL, &error), ATROUS_INVALID_ARGUMENT);
    assert_string_equal(error.field, "rank");
    assert_int_equal(atrous_conv_pad(&conv, (atrous_pad_rule)17, &error), ATROUS_INVALID_ARGUMENT);
    assert_non_null(strstr(error.message, "17"));
    before.dilation[1] = conv.dilation[1] = SIZE_MAX / 2 + 1;
    assert_int_equal(atrous_conv_pad(&conv, ATROUS_PAD_SAME, &error), ATROUS_INVALID_ARGUMENT);
    assert_memory_equal(&conv, &before, sizeof conv); /* untouched on failure */
    conv.dilation[1] = 1;
    assert_int_equal(atrous_conv_pad(&conv, ATROUS_PAD_VALID, NULL), ATROUS_OK);
    assert_int_equal(conv.pad_begin[0], 0);
}

static void refusals_error_is_cleared_on_success(void **state)
{
    atrous_conv conv = good();
    atrous_error error;

    (void)state;
    memset(&error, 'x', sizeof error);
    assert_int_equal(atrous_conv_output(&conv, NULL, &error), ATROUS_OK);
    assert_int_equal(error.status, ATROUS_OK);
    assert_string_equal(error.field, "");
    assert_string_equal(error.message, "");
}

static void refusals_status_strings(void **state)
{
    (void)state;
    for (int status = 0; status <= ATROUS_NO_DEVICE; ++status)
        for (int other = 0; other < status; ++other)
            assert_string_not_equal(atrous_status_string((atrous_status)status),
                                    atrous_status_string((atrous_status)other));
    assert_non_null(atrous_status_string((atrous_status)999));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refusals_zero_sizes),
        cmocka_unit_test(refusals_groups_that_do_not_divide),
        cmocka_unit_test(refusals_kernel_beyond_the_image),
        cmocka_unit_test(refusals_overflow),
        cmocka_unit_test(refusals_none_for_large_numbers),
        cmocka_unit_test(refusals_null_and_wrong_size),
        cmocka_unit_test(refusals_rank),
        cmocka_unit_test(refusals_unknown_enum_values),
        cmocka_unit_test(refusals_of_types),
        cmocka_unit_test(refusals_numbers),
        cmocka_unit_test(refusals_of_numbers_beyond_float),
        cmocka_unit_test(refusals_of_pad_rules),
        cmocka_unit_test(refusals_error_is_cleared_on_success),
        cmocka_unit_test(refusals_status_strings),
    };

    return cmocka_run_group_tests_name("refusals", tests, NULL, NULL);
}
