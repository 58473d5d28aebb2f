/* The tensors other frameworks computed, through every solver that accepts the problem. */
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
#include "shapes.h"

static struct csv table;

/* Why the record is not for this program, or NULL. */
static const char *not_served(size_t row)
{
    const char *lhs = csv_cell(&table, row, "lhs_dilation");
    const char *mode = csv_cell(&table, row, "pad_mode");

    if (!csv_is(&table, row, "op", "conv") && !csv_is(&table, row, "op", "deconv"))
        return "in test_records";
    if (!csv_is(&table, row, "dtype", "float32"))
        return "another type";
    if (!csv_is(&table, row, "batch_groups", "1") || strspn(lhs, "-1,") != strlen(lhs))
        return "batch groups or a dilated input";
    if (strchr(csv_cell(&table, row, "pads(p0:p1,..)"), '-') != NULL)
        return "negative padding";
    if (strcmp(mode, "constant") != 0 && strcmp(mode, "reflect") != 0 &&
        strcmp(mode, "edge") != 0 && strcmp(mode, "wrap") != 0)
        return "another padding mode";
    return NULL;
}

/* Reads `rank` numbers of "2,1" (or "1:2,0:1" with `second`). False when the count is another. */
static bool read_list(const char *text, int rank, size_t *first, size_t *second)
{
    for (int axis = 0; axis < rank; ++axis) {
        char *end = NULL;
        first[axis] = (size_t)strtoull(text, &end, 10);
        if (second != NULL && *end == ':')
            second[axis] = (size_t)strtoull(end + 1, &end, 10);
        if (end == text || *end != (axis + 1 < rank ? ',' : '\0'))
            return false;
        text = end + 1;
    }
    return true;
}

static atrous_padding padding_of(const char *mode)
{
    if (strcmp(mode, "reflect") == 0)
        return ATROUS_PADDING_REFLECT;
    if (strcmp(mode, "edge") == 0)
        return ATROUS_PADDING_REPLICATE;
    return strcmp(mode, "wrap") == 0 ? ATROUS_PADDING_CIRCULAR : ATROUS_PADDING_ZEROS;
}

static struct npy tensor(size_t row, const char *column)
{
    char name[700], path[1024];
    struct npy npy;

    snprintf(name, sizeof name, "tensors/%s", csv_cell(&table, row, column));
    if (!npy_read(cases_path(path, sizeof path, name), &npy))
        fail_msg("cannot read %s", path);
    return npy;
}

static void describe(size_t row, const struct npy *x, const struct npy *w, atrous_conv *conv)
{
    const int rank = x->rank - 2;

    assert_int_equal(csv_size(&table, row, "ndim", 0), rank);
    atrous_conv_init(conv, rank, sizeof *conv);
    conv->batch = x->shape[0];
    conv->in_channels = x->shape[1];
    conv->out_channels = w->shape[0];
    conv->groups = csv_size(&table, row, "groups", 1);
    memcpy(conv->input, x->shape + 2, (size_t)rank * sizeof *x->shape);
    memcpy(conv->kernel, w->shape + 2, (size_t)rank * sizeof *w->shape);
    assert_true(read_list(csv_cell(&table, row, "stride"), rank, conv->stride, NULL));
    assert_true(read_list(csv_cell(&table, row, "dilation"), rank, conv->dilation, NULL));
    assert_true(
        read_list(csv_cell(&table, row, "pads(p0:p1,..)"), rank, conv->pad_begin, conv->pad_end));
    conv->padding = padding_of(csv_cell(&table, row, "pad_mode"));
    conv->has_bias = !csv_is(&table, row, "b", "-");
}

static void compare_with(const char *name, const char *who, const struct data *data, const float *y,
                         const double *want, double roundings)
{
    struct mismatch worst;

    if (!compare_bound(&data->conv, y, want, data->magnitude, data->y_count, roundings, &worst))
        fail_msg("%s, %s: y[%zu] = %.9g, not %.9g: %.3g of the bound", name, who, worst.at,
                 worst.got, worst.want, worst.share);
}

/* Checks one record: the oracle, then every solver. Counts who ran. */
static void check_record(size_t row, size_t *ran)
{
    const char *name = csv_cell(&table, row, "name");
    struct npy x = tensor(row, "x"), w = tensor(row, "w"), y = tensor(row, "y"), b = {0};
    struct data data = {0};
    double *want = NULL;
    float *got = NULL;

    describe(row, &x, &w, &data.conv);
    if (data.conv.has_bias)
        b = tensor(row, "b");
    data.x_count = oracle_input_count(&data.conv);
    data.w_count = oracle_weights_count(&data.conv);
    data.y_count = oracle_output_count(&data.conv);
    assert_int_equal(data.x_count, x.count);
    assert_int_equal(data.w_count, w.count);
    assert_int_equal(data.y_count, y.count);
    data.x = x.values;
    data.w = w.values;
    data.bias = b.values;
    data_solve(&data);

    want = calloc(y.count + 1, sizeof *want);
    assert_non_null(want);
    for (size_t i = 0; i < y.count; ++i)
        want[i] = (double)y.values[i];
    compare_with(name, "the record against the oracle", &data, y.values, data.value, 1.0);
    got = floats(y.count);
    for (size_t s = 0; s < harness.solver_count; ++s) {
        if (!harness_run_arrays(harness.solver[s], &data, got))
            continue;
        ++ran[s];
        compare_with(name, harness.solver[s], &data, got, want, 1.0);
    }
    free(got);
    free(want);
    npy_free(&y);
    data_free(&data); /* frees what x, w and b hold */
}

/* Compares `got` and the record, in the problem's order of outputs, with the truth: each within
 * the bound, and one rounding for the record. */
static void compare_directed(const char *name, const char *who, const struct directed *problem,
                             const float *got)
{
    const size_t count = directed_outputs_count(&problem->conv);
    double *value = calloc(count, sizeof *value), *bound = calloc(count, sizeof *bound);

    assert_true(value != NULL && bound != NULL);
    directed_solve(problem, value, bound);
    for (size_t i = 0; i < count; ++i)
        if (!(fabs((double)got[i] - value[i]) <= bound[i] + (double)FLT_EPSILON * fabs(value[i])))
            fail_msg("%s, %s, direction %d: [%zu] = %.9g, not %.9g, bound %.3g", name, who,
                     (int)problem->conv.direction, i, (double)got[i], value[i], bound[i]);
    free(value);
    free(bound);
}

static void check_directed(const char *name, const struct directed *problem, const float *record,
                           size_t *ran)
{
    float *got = floats(directed_outputs_count(&problem->conv));

    compare_directed(name, "the record against the oracle", problem, record);
    for (size_t s = 0; s < harness.solver_count; ++s) {
        if (!directed_run(harness.solver[s], problem, got))
            continue;
        ++ran[s];
        compare_directed(name, harness.solver[s], problem, got);
    }
    free(got);
}

/* A transposed convolution: weights [C][K/G][taps]. */
static void check_transposed(size_t row, size_t *ran)
{
    struct npy x = tensor(row, "x"), w = tensor(row, "w"), y = tensor(row, "y"), b = {0};
    struct directed problem = {.x = NULL};
    atrous_conv *conv = &problem.conv;

    describe(row, &x, &w, conv);
    conv->direction = ATROUS_TRANSPOSED;
    conv->out_channels = w.shape[1] * conv->groups;
    assert_true(
        read_list(csv_cell(&table, row, "output_padding"), conv->rank, conv->output_padding, NULL));
    if (conv->has_bias)
        b = tensor(row, "b");
    problem.counts = directed_count(conv);
    assert_int_equal(problem.counts.y, x.count);
    assert_int_equal(problem.counts.w, w.count);
    assert_int_equal(problem.counts.x, y.count);
    problem.y = x.values;
    problem.w = w.values;
    problem.bias = b.values;
    check_directed(csv_cell(&table, row, "name"), &problem, y.values, ran);
    npy_free(&x);
    npy_free(&w);
    npy_free(&y);
    npy_free(&b);
}

/* dx, dw and db of a convolution. */
static void check_gradients(size_t row, size_t *ran)
{
    const char *name = csv_cell(&table, row, "name");
    struct npy x = tensor(row, "x"), w = tensor(row, "w"), dy = tensor(row, "dy"),
               dx = tensor(row, "dx"), dw = tensor(row, "dw"), db = tensor(row, "db");
    struct directed problem = {.x = x.values, .w = w.values, .y = dy.values};
    float *both = floats(dw.count + db.count);

    describe(row, &x, &w, &problem.conv);
    problem.counts = directed_count(&problem.conv);
    assert_int_equal(problem.counts.y, dy.count);
    problem.conv.has_bias = 0;
    problem.conv.direction = ATROUS_BACKWARD_DATA;
    check_directed(name, &problem, dx.values, ran);
    problem.conv.has_bias = 1;
    problem.conv.direction = ATROUS_BACKWARD_WEIGHTS;
    memcpy(both, dw.values, dw.count * sizeof *both);
    memcpy(both + dw.count, db.values, db.count * sizeof *both);
    check_directed(name, &problem, both, ran);
    struct npy *all[] = {&x, &w, &dy, &dx, &dw, &db};
    for (size_t i = 0; i < sizeof all / sizeof *all; ++i)
        npy_free(all[i]);
    free(both);
}

static void tensors_agree_with_the_records(void **state)
{
    size_t ran[HARNESS_MAX_SOLVERS] = {0}, used = 0;

    (void)state;
    for (size_t row = 0; row < table.rows; ++row) {
        const char *why = not_served(row);
        if (why != NULL) {
            printf("left out: %s (%s)\n", csv_cell(&table, row, "name"), why);
            continue;
        }
        if (csv_is(&table, row, "op", "deconv"))
            check_transposed(row, ran);
        else if (!csv_is(&table, row, "y", "-"))
            check_record(row, ran);
        if (!csv_is(&table, row, "dx", "-"))
            check_gradients(row, ran);
        ++used;
    }
    assert_true(used > 0);
    printf("%zu of %zu records used\n", used, table.rows);
    for (size_t s = 0; s < harness.solver_count; ++s)
        printf("%-10s ran %zu\n", harness.solver[s], ran[s]);
}

static struct npy node(const char *record, const char *file)
{
    char name[256], path[1024];
    struct npy npy;

    snprintf(name, sizeof name, "tensors/node/%s/%s.npy", record, file);
    if (!npy_read(cases_path(path, sizeof path, name), &npy))
        fail_msg("cannot read %s", path);
    return npy;
}

/* The one record in half precision whose operator is a convolution: depthwise, causal, without a
 * state from before. */
static void half_agrees_with_its_record(void **state)
{
    const char *record = "test_causal_conv_with_state_fp16";
    struct npy x = node(record, "input_input"), w = node(record, "input_weight"),
               y = node(record, "output_output");
    size_t ran[HARNESS_MAX_SOLVERS] = {0};
    struct directed problem = {.x = x.values, .w = w.values};
    atrous_conv *conv = &problem.conv;

    (void)state;
    atrous_conv_init(conv, 1, sizeof *conv);
    conv->type = ATROUS_TYPE_F16;
    conv->batch = x.shape[0];
    conv->in_channels = conv->out_channels = conv->groups = x.shape[1];
    conv->input[0] = x.shape[2];
    conv->kernel[0] = w.shape[2];
    conv->pad_begin[0] = w.shape[2] - 1;
    problem.counts = directed_count(conv);
    assert_int_equal(problem.counts.x, x.count);
    assert_int_equal(problem.counts.w, w.count);
    assert_int_equal(problem.counts.y, y.count);
    check_directed(record, &problem, y.values, ran);
    for (size_t s = 0; s < harness.solver_count; ++s)
        assert_true(ran[s] > 0 || !harness_takes_everything(harness.solver[s]));
    npy_free(&x);
    npy_free(&w);
    npy_free(&y);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(tensors_agree_with_the_records),
                                       cmocka_unit_test(half_agrees_with_its_record)};
    char path[1024];
    int failed = 0;

    if (!cases_present()) {
        printf("skipped: no cases in %s\n", cases_folder());
        return HARNESS_SKIPPED;
    }
    if (!csv_read(cases_path(path, sizeof path, "tensors/cases.tsv"), '\t', &table)) {
        printf("cannot read %s\n", path);
        return 1;
    }
    failed = harness_open();
    if (failed == 0) {
        harness_add_gradients();
        failed = cmocka_run_group_tests_name("tensors", tests, NULL, NULL);
    }
    harness_close();
    csv_free(&table);
    return failed;
}
