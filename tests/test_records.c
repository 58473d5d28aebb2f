/* Records of other frameworks that are convolutions under another name: paddings, causal
 * convolutions with a state, and col2im; through every solver that accepts the problem. */
#include "testing.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"
#include "directed.h"
#include "files.h"
#include "harness.h"
#include "oracle.h"

static char *json; /* cases.json: one value a line, a record's attributes before its name */

/* A record's text. */
struct record {
    const char *begin, *end;
    char name[80];
};

static const char *find(const struct record *record, const char *text)
{
    const char *at = strstr(record->begin, text);

    return at != NULL && at < record->end ? at : NULL;
}

/* The text of the value under `key`, or NULL. */
static const char *value_of(const struct record *record, const char *key)
{
    char quoted[64];

    snprintf(quoted, sizeof quoted, "\"%s\": ", key);
    const char *at = find(record, quoted);
    return at != NULL ? at + strlen(quoted) : NULL;
}

static void text_of(const struct record *record, const char *key, char *text, size_t size)
{
    const char *at = value_of(record, key);

    text[0] = '\0';
    if (at != NULL && *at == '"')
        snprintf(text, size, "%.*s", (int)strcspn(at + 1, "\""), at + 1);
}

/* Numbers of a list, however nested; `count` of them, or `missing` where there is no such key. */
static void numbers_of(const struct record *record, const char *key, size_t count, size_t missing,
                       size_t *numbers)
{
    const char *at = value_of(record, key);

    for (size_t i = 0; i < count; ++i) {
        char *end = NULL;
        if (at != NULL)
            at += strcspn(at, "-0123456789");
        numbers[i] = at != NULL ? (size_t)strtoull(at, &end, 10) : missing;
        at = end;
    }
}

/* The tensor under `key`; false where the record has none. */
static bool tensor(const struct record *record, const char *key, struct npy *npy)
{
    char file[512], name[640], path[1024];

    memset(npy, 0, sizeof *npy);
    text_of(record, key, file, sizeof file);
    if (strlen(file) < 4 || strcmp(file + strlen(file) - 4, ".npy") != 0)
        return false;
    snprintf(name, sizeof name, "tensors/%s", file);
    if (!npy_read(cases_path(path, sizeof path, name), npy))
        fail_msg("cannot read %s", path);
    return true;
}

/* The next record of the operation behind `from`. False at the end. */
static bool next_record(const char *from, const char *op, struct record *record)
{
    char head[64];

    snprintf(head, sizeof head, "{\n\"op\": \"%s\"", op);
    record->begin = strstr(from, head);
    if (record->begin == NULL)
        return false;
    record->end = strstr(record->begin + 1, "{\n\"op\": ");
    if (record->end == NULL)
        record->end = record->begin + strlen(record->begin);
    text_of(record, "name", record->name, sizeof record->name);
    return true;
}

/* Runs every solver; each output within `bound` of the record, NULL: equal. */
static void run_all(const struct record *record, const struct data *data, const float *want,
                    const double *bound, size_t *ran)
{
    float *got = floats(data->y_count);

    for (size_t s = 0; s < harness.solver_count; ++s) {
        if (!harness_run_arrays(harness.solver[s], data, got))
            continue;
        ++ran[s];
        for (size_t i = 0; i < data->y_count; ++i)
            if (!(fabs((double)got[i] - (double)want[i]) <= (bound != NULL ? bound[i] : 0.0)))
                fail_msg("%s, %s: [%zu] = %.9g, not %.9g", record->name, harness.solver[s], i,
                         (double)got[i], (double)want[i]);
    }
    free(got);
}

/* Depthwise, one tap of weight 1: what is read is what is written. */
static void check_pad(const struct record *record, size_t *ran)
{
    struct npy x, y, value;
    struct data data = {0};
    char mode[16];
    size_t pads[8];

    assert_true(tensor(record, "x", &x) || tensor(record, "0", &x));
    assert_true(tensor(record, "y", &y) || tensor(record, "1", &y));
    /* "pads" of a record, behind the attribute of the same name: begin and end of every axis. */
    struct record tail = *record;
    tail.begin = find(record, "\"verified\"");
    assert_non_null(tail.begin);
    numbers_of(&tail, "pads", 8, 0, pads);
    text_of(record, "pad_mode", mode, sizeof mode);
    assert_true(x.rank == 4 && pads[0] + pads[1] + pads[2] + pads[3] == 0);
    atrous_conv_init(&data.conv, 2, sizeof data.conv);
    data.conv.batch = x.shape[0];
    data.conv.in_channels = data.conv.out_channels = data.conv.groups = x.shape[1];
    for (int axis = 0; axis < 2; ++axis) {
        data.conv.input[axis] = x.shape[2 + axis];
        data.conv.pad_begin[axis] = pads[4 + 2 * axis];
        data.conv.pad_end[axis] = pads[5 + 2 * axis];
        assert_int_equal(y.shape[2 + axis],
                         x.shape[2 + axis] + pads[4 + 2 * axis] + pads[5 + 2 * axis]);
    }
    data.conv.padding = strcmp(mode, "reflect") == 0 ? ATROUS_PADDING_REFLECT
                        : strcmp(mode, "edge") == 0  ? ATROUS_PADDING_REPLICATE
                        : strcmp(mode, "wrap") == 0  ? ATROUS_PADDING_CIRCULAR
                                                     : ATROUS_PADDING_CONSTANT;
    if (tensor(record, "value", &value))
        data.conv.pad_value = (double)value.values[0];
    else if (value_of(record, "value") != NULL)
        data.conv.pad_value = strtod(value_of(record, "value"), NULL);
    data.x = x.values;
    data.x_count = x.count;
    data.y_count = y.count;
    data.w_count = x.shape[1];
    data.w = floats(data.w_count);
    for (size_t i = 0; i < data.w_count; ++i)
        data.w[i] = 1.0f;
    run_all(record, &data, y.values, NULL, ran);
    npy_free(&value);
    npy_free(&y);
    data_free(&data);
}

/* x, with the state in front of it where there is one. */
static struct npy with_past(const struct record *record, size_t taps)
{
    struct npy x, past;

    assert_true(tensor(record, "input", &x) && x.rank == 3);
    if (!tensor(record, "past_state", &past))
        return x;
    const size_t rows = x.shape[0] * x.shape[1], width = x.shape[2];
    float *both = floats(rows * (taps - 1 + width));
    assert_int_equal(past.count, rows * (taps - 1));
    for (size_t row = 0; row < rows; ++row) {
        float *to = both + row * (taps - 1 + width);
        memcpy(to, past.values + row * (taps - 1), (taps - 1) * sizeof *to);
        memcpy(to + taps - 1, x.values + row * width, width * sizeof *to);
    }
    free(x.values);
    x.values = both;
    x.shape[2] += taps - 1;
    x.count = rows * x.shape[2];
    npy_free(&past);
    return x;
}

/* The activation of some records, which the library has not: their sums are compared. */
static double silu(double v)
{
    return v / (1.0 + exp(-v));
}

static void check_causal(const struct record *record, size_t *ran)
{
    struct npy w, y, b;
    struct data data = {0};
    char activation[16];

    assert_true(tensor(record, "weight", &w) && tensor(record, "output", &y));
    data.conv.has_bias = tensor(record, "bias", &b);
    const bool has_bias = data.conv.has_bias != 0;
    const size_t taps = w.shape[2];
    struct npy x = with_past(record, taps);
    text_of(record, "activation", activation, sizeof activation);
    atrous_conv_init(&data.conv, 1, sizeof data.conv);
    data.conv.batch = x.shape[0];
    data.conv.in_channels = data.conv.out_channels = data.conv.groups = x.shape[1];
    data.conv.input[0] = x.shape[2];
    data.conv.kernel[0] = taps;
    data.conv.pad_begin[0] = x.shape[2] - y.shape[2] == 0 ? taps - 1 : 0;
    data.conv.has_bias = has_bias;
    data.x = x.values;
    data.x_count = x.count;
    data.w = w.values;
    data.w_count = w.count;
    data.bias = b.values;
    data.y_count = y.count;
    data_solve(&data);
    /* A record in half precision was rounded to 11 bits, behind a function twice. */
    const bool is_half = strstr(record->name, "fp16") != NULL;
    const double rounding = is_half ? 0x1p-11 : (double)FLT_EPSILON;
    double *bound = calloc(y.count + 1, sizeof *bound);
    float *want = floats(y.count);
    assert_non_null(bound);
    for (size_t i = 0; i < y.count; ++i) {
        const double exact = data.value[i], record_value = (double)y.values[i];
        const bool has_function = activation[0] != '\0';
        /* Function and record first, by the truth; then the solvers' sums against the same. */
        const double function = has_function ? silu(exact) : exact;
        const double own = (1.0 + (double)taps) * (double)FLT_EPSILON * data.magnitude[i];
        if (!(fabs(record_value - function) <=
              1.1 * (own + rounding * fabs(exact)) + rounding * fabs(function)))
            fail_msg("%s: the record's [%zu] is %.9g, the oracle's %.9g", record->name, i,
                     record_value, function);
        want[i] = has_function ? (float)exact : y.values[i];
        bound[i] = 2.0 * own + rounding * fabs(exact);
    }
    run_all(record, &data, want, bound, ran);
    free(want);
    free(bound);
    npy_free(&y);
    data_free(&data);
}

/* Transposed: column `tap` of a channel's block goes, with weight 1, where that tap lies. */
static void check_col2im(const struct record *record, size_t *ran)
{
    struct npy x, y, image, block;
    struct directed problem = {.x = NULL};
    atrous_conv *conv = &problem.conv;
    size_t strides[3], dilations[3], pads[6], taps = 1;

    assert_true(tensor(record, "input", &x) && tensor(record, "output", &y));
    assert_true(tensor(record, "image_shape", &image) && tensor(record, "block_shape", &block));
    const size_t rank = image.count;
    numbers_of(record, "strides", rank, 1, strides);
    numbers_of(record, "dilations", rank, 1, dilations);
    numbers_of(record, "pads", 2 * rank, 0, pads);
    atrous_conv_init(conv, (int)rank, sizeof *conv);
    conv->direction = ATROUS_TRANSPOSED;
    for (size_t i = 0; i < rank; ++i) {
        conv->kernel[i] = (size_t)block.values[i];
        conv->stride[i] = strides[i];
        conv->dilation[i] = dilations[i];
        conv->pad_begin[i] = pads[i];
        conv->pad_end[i] = pads[rank + i];
        const size_t reach = (conv->kernel[i] - 1) * dilations[i] + 1;
        const size_t padded = (size_t)image.values[i] + pads[i] + pads[rank + i];
        conv->input[i] = (padded - reach) / strides[i] + 1;
        conv->output_padding[i] = (padded - reach) % strides[i];
        taps *= conv->kernel[i];
    }
    conv->batch = x.shape[0];
    conv->in_channels = x.shape[1];
    conv->out_channels = conv->groups = x.shape[1] / taps;
    problem.counts = directed_count(conv);
    assert_int_equal(problem.counts.y, x.count);
    assert_int_equal(problem.counts.x, y.count);
    float *w = floats(problem.counts.w), *got = floats(y.count);
    for (size_t i = 0; i < problem.counts.w; ++i)
        w[i] = i / taps % taps == i % taps ? 1.0f : 0.0f;
    problem.y = x.values;
    problem.w = w;
    for (size_t s = 0; s < harness.solver_count; ++s) {
        if (!directed_run(harness.solver[s], &problem, got))
            continue;
        ++ran[s];
        for (size_t i = 0; i < y.count; ++i)
            if (got[i] != y.values[i])
                fail_msg("%s, %s: [%zu] = %.9g, not %.9g", record->name, harness.solver[s], i,
                         (double)got[i], (double)y.values[i]);
    }
    free(w);
    free(got);
    npy_free(&x);
    npy_free(&y);
    npy_free(&image);
    npy_free(&block);
}

static void check_all(const char *op, void (*check)(const struct record *, size_t *),
                      size_t expected)
{
    size_t ran[HARNESS_MAX_SOLVERS] = {0}, used = 0;
    struct record record;

    for (const char *at = json; next_record(at, op, &record); at = record.begin + 1) {
        check(&record, ran);
        ++used;
    }
    printf("%s: %zu records\n", op, used);
    assert_int_equal(used, expected);
    for (size_t s = 0; s < harness.solver_count; ++s) {
        printf("%-10s ran %zu\n", harness.solver[s], ran[s]);
        if (harness_takes_everything(harness.solver[s]))
            assert_int_equal(ran[s], used);
    }
}

static void paddings_agree_with_the_records(void **state)
{
    (void)state;
    check_all("pad", check_pad, 11);
}

/* present_state is the tail of the input, nothing that is computed: it is left out. */
static void causal_convolutions_agree_with_the_records(void **state)
{
    (void)state;
    check_all("causal_conv", check_causal, 13);
}

static void col2im_agrees_with_the_records(void **state)
{
    (void)state;
    check_all("col2im", check_col2im, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paddings_agree_with_the_records),
        cmocka_unit_test(causal_convolutions_agree_with_the_records),
        cmocka_unit_test(col2im_agrees_with_the_records),
    };
    char path[1024];
    size_t size = 0;

    if (!cases_present()) {
        printf("skipped: no cases in %s\n", cases_folder());
        return HARNESS_SKIPPED;
    }
    json = file_read(cases_path(path, sizeof path, "tensors/cases.json"), &size);
    if (json == NULL) {
        printf("cannot read %s\n", path);
        return 1;
    }
    int failed = harness_open();
    if (failed == 0)
        failed = cmocka_run_group_tests_name("records", tests, NULL, NULL);
    harness_close();
    free(json);
    return failed;
}
