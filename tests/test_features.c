/* README's table of features, held against what every solver accepts: for each row the problems
 * that it speaks of, in shapes that suit one solver or another. */
#include "testing.h"

#include <stdio.h>
#include <string.h>

#include <atrous/atrous.h>

#include "harness.h"

enum { MAX_NAMES = 24, LINE = 1024, BASES = 14 };

/* A set of solvers, by their place in the plan's table; the CPU path behind them. */
struct names {
    const char *name[MAX_NAMES];
    size_t count;
};

struct base {
    int rank;
    size_t channels, filters, groups, extents[3], kernel[3], dilation[3];
    bool wide; /* padding as wide as the dilation where there are taps, as phases wants it */
};

/* Among them one for each solver, whatever else is asked of it. */
static const struct base bases[BASES] = {
    {2, 32, 32, 1, {24, 40}, {3, 3}, {2, 2}, false},
    {2, 32, 32, 1, {24, 40}, {1, 3}, {1, 16}, false},
    {2, 32, 32, 1, {24, 40}, {3, 3}, {12, 16}, true},
    {2, 24, 24, 24, {24, 40}, {3, 3}, {2, 2}, false},
    {2, 3, 2, 1, {24, 40}, {5, 5}, {1, 1}, false},
    {1, 32, 32, 1, {300}, {3}, {16}, false},
    {1, 32, 32, 1, {300}, {3}, {120}, true},
    {1, 24, 24, 24, {300}, {3}, {2}, false},
    {1, 2, 2, 1, {300}, {3}, {2}, false},
    {3, 32, 32, 1, {8, 20, 32}, {3, 3, 3}, {2, 2, 2}, false},
    {3, 32, 32, 1, {8, 20, 32}, {1, 1, 3}, {1, 1, 16}, false},
    {3, 32, 32, 1, {8, 20, 32}, {1, 3, 3}, {1, 10, 16}, true},
    {3, 24, 24, 24, {8, 20, 32}, {1, 3, 3}, {1, 1, 1}, false},
    {3, 2, 2, 1, {8, 20, 32}, {3, 3, 3}, {1, 1, 1}, false},
};

static atrous_conv describe(const struct base *base)
{
    atrous_conv conv;

    atrous_conv_init(&conv, base->rank, sizeof conv);
    conv.in_channels = base->channels;
    conv.out_channels = base->filters;
    conv.groups = base->groups;
    for (int axis = 0; axis < base->rank; ++axis) {
        const size_t reach = (base->kernel[axis] - 1) * base->dilation[axis];
        const bool is_wide = base->wide && reach > 0;
        conv.input[axis] = base->extents[axis];
        conv.kernel[axis] = base->kernel[axis];
        conv.dilation[axis] = base->dilation[axis];
        conv.pad_begin[axis] = is_wide ? base->dilation[axis] : reach / 2;
        conv.pad_end[axis] = is_wide ? base->dilation[axis] : reach - reach / 2;
    }
    return conv;
}

/* One way to ask for a row's feature; false where the problem has no such thing. */
typedef bool ask(atrous_conv *conv);

static bool plain(atrous_conv *conv)
{
    (void)conv;
    return true;
}

static bool rank_1(atrous_conv *conv)
{
    return conv->rank == 1;
}

static bool rank_2(atrous_conv *conv)
{
    return conv->rank == 2;
}

static bool rank_3(atrous_conv *conv)
{
    return conv->rank == 3;
}

static bool groups(atrous_conv *conv)
{
    conv->in_channels *= 2;
    conv->out_channels *= 2;
    conv->groups *= 2;
    return true;
}

static bool stride(atrous_conv *conv)
{
    for (int axis = 0; axis < conv->rank; ++axis)
        conv->stride[axis] = 2;
    return true;
}

#define SETS(name, field, value)        \
    static bool name(atrous_conv *conv) \
    {                                   \
        conv->field = (value);          \
        return true;                    \
    }
SETS(flip, orientation, ATROUS_TRUE_CONVOLUTION)
SETS(strict, math, ATROUS_MATH_STRICT)
SETS(constant, padding, ATROUS_PADDING_CONSTANT)
SETS(replicate, padding, ATROUS_PADDING_REPLICATE)
SETS(reflect, padding, ATROUS_PADDING_REFLECT)
SETS(circular, padding, ATROUS_PADDING_CIRCULAR)
SETS(bias, has_bias, 1)
SETS(relu, activation, ATROUS_ACTIVATION_RELU)
SETS(tanh_, activation, ATROUS_ACTIVATION_TANH)
SETS(gated, activation, ATROUS_ACTIVATION_GATED)
SETS(residual_before, residual, ATROUS_RESIDUAL_BEFORE)
SETS(residual_after, residual, ATROUS_RESIDUAL_AFTER)
SETS(alpha, alpha, 0.5)
SETS(beta, beta, 0.5)
SETS(scale, channel_scale, 1)
SETS(f16, type, ATROUS_TYPE_F16)
SETS(bf16, type, ATROUS_TYPE_BF16)
SETS(i8, type, ATROUS_TYPE_I8)

static bool lay(atrous_conv *conv, atrous_layout input, atrous_layout output)
{
    conv->input_layout = input;
    conv->output_layout = output;
    return true;
}

static bool nhwc(atrous_conv *conv)
{
    return lay(conv, ATROUS_LAYOUT_NHWC, ATROUS_LAYOUT_NHWC);
}

static bool to_nhwc(atrous_conv *conv)
{
    return lay(conv, ATROUS_LAYOUT_NCHW, ATROUS_LAYOUT_NHWC);
}

static bool from_nhwc(atrous_conv *conv)
{
    return lay(conv, ATROUS_LAYOUT_NHWC, ATROUS_LAYOUT_NCHW);
}

static bool i8_scale(atrous_conv *conv)
{
    return i8(conv) && scale(conv);
}

static bool gated_groups(atrous_conv *conv)
{
    return groups(conv) && gated(conv);
}

static bool stride_output_padding(atrous_conv *conv)
{
    for (int axis = 0; axis < conv->rank; ++axis)
        conv->output_padding[axis] = 1;
    return conv->direction == ATROUS_TRANSPOSED && stride(conv);
}

static bool stride_beyond_dilation(atrous_conv *conv)
{
    for (int axis = 0; axis < conv->rank; ++axis)
        conv->dilation[axis] = 1;
    return stride(conv);
}

static bool stride_repeats(atrous_conv *conv)
{
    return stride(conv) && reflect(conv);
}

static bool i8_repeats(atrous_conv *conv)
{
    return circular(conv) && i8(conv);
}

static bool stride_i8(atrous_conv *conv)
{
    return stride(conv) && i8(conv);
}

/* Bits of directions. */
enum {
    FORWARD = 1 << ATROUS_FORWARD,
    TRANSPOSED = 1 << ATROUS_TRANSPOSED,
    DATA = 1 << ATROUS_BACKWARD_DATA,
    WEIGHTS = 1 << ATROUS_BACKWARD_WEIGHTS
};

/* What a row says, and each way of asking for it: all of them have the same solvers. */
static const struct row {
    const char *feature;
    unsigned directions;
    ask *asks[6];
} rows[] = {
    {"rank 1, 2, 3; true convolution", FORWARD, {rank_1, rank_2, rank_3, flip}},
    {"groups", FORWARD, {groups}},
    {"stride", FORWARD, {stride}},
    {"strict math", FORWARD, {strict}},
    {"padding with zeros", FORWARD, {plain}},
    {"a constant, the edge, a mirror, a period", FORWARD, {constant, replicate, reflect, circular}},
    {"NHWC; NCHW to NHWC and the reverse", FORWARD, {nhwc, to_nhwc, from_nhwc}},
    {"bias, activation", FORWARD, {bias, relu, tanh_}},
    {"residual, alpha, beta", FORWARD, {residual_before, residual_after, alpha, beta}},
    {"a gated activation, with groups too", FORWARD, {gated, gated_groups}},
    {"a scale per channel", FORWARD, {scale}},
    {"f16, bf16", FORWARD, {f16, bf16}},
    {"i8, with a scale too", FORWARD, {i8, i8_scale}},
    {"transposed, backward data, at stride 1", TRANSPOSED | DATA, {plain, f16, beta}},
    {"backward data through a padding that repeats", DATA, {replicate, reflect, circular}},
    {"transposed, backward data, strided", TRANSPOSED | DATA, {stride, stride_beyond_dilation}},
    {"output padding", TRANSPOSED, {stride_output_padding}},
    {"backward data, strided, through a padding that repeats", DATA, {stride_repeats}},
    {"i8 transposed, backward data, at stride 1", TRANSPOSED | DATA, {i8}},
    {"i8 transposed, backward data, strided", TRANSPOSED | DATA, {stride_i8}},
    {"i8 backward data through a padding that repeats", DATA, {i8_repeats}},
    {"backward weights; bias gradient", WEIGHTS, {plain, bias, beta}},
    {"backward weights in any padding", WEIGHTS, {constant, replicate, reflect, circular}},
    {"backward weights, NHWC", WEIGHTS, {nhwc}},
    {"backward weights, NCHW to NHWC and the reverse", WEIGHTS, {to_nhwc, from_nhwc}},
    {"backward weights of groups", WEIGHTS, {groups}},
    {"backward weights, strided", WEIGHTS, {stride}},
    {"backward weights in strict math", WEIGHTS, {strict}},
    {"backward weights of f16, bf16", WEIGHTS, {f16, bf16}},
    {"backward weights of i8", WEIGHTS, {i8}},
};
enum { ROWS = sizeof rows / sizeof *rows };

/* What the gradients of weights alone compute. */
static bool is_gradient(const char *name)
{
    return strncmp(name, "gradient", strlen("gradient")) == 0;
}

/* All solvers of the table. */
static void list_all(struct names *all)
{
    atrous_candidate candidate = {.struct_size = sizeof candidate};
    const atrous_conv conv = describe(&bases[0]);
    const atrous_plan_options options = {.struct_size = sizeof options, .solver = "reference"};
    atrous_plan *plan = NULL;

    all->count = 0;
    assert_int_equal(atrous_plan_create(harness.context, &conv, &options, &plan, NULL), ATROUS_OK);
    while (atrous_plan_candidate(plan, all->count, &candidate, NULL) == ATROUS_OK)
        all->name[all->count++] = candidate.solver;
    atrous_plan_destroy(plan);
    all->name[all->count++] = "cpu";
}

/* Adds the solvers that accept the problem. */
static void add_accepting(const atrous_conv *conv, unsigned *accepting)
{
    const atrous_plan_options options = {.struct_size = sizeof options, .solver = "reference"};
    atrous_candidate candidate = {.struct_size = sizeof candidate};
    atrous_plan *plan = NULL;
    atrous_error error;

    harness_expect_ok(atrous_plan_create(harness.context, conv, &options, &plan, &error), &error,
                      "reference", conv);
    for (size_t i = 0; atrous_plan_candidate(plan, i, &candidate, NULL) == ATROUS_OK; ++i)
        *accepting |= candidate.refusal == NULL ? 1u << i : 0;
    atrous_plan_destroy(plan);
}

/* The solvers that accept what one ask makes of any base in either layout, in any direction
 * of the row. */
static unsigned accepting(const struct row *row, size_t way, size_t cpu)
{
    unsigned set = 0;

    for (int direction = 0; direction <= ATROUS_BACKWARD_WEIGHTS; ++direction)
        for (size_t b = 0; b < 2 * BASES && (row->directions >> direction & 1) != 0; ++b) {
            atrous_conv conv = describe(&bases[b / 2]);
            if (b % 2 != 0)
                nhwc(&conv);
            conv.direction = (atrous_direction)direction;
            if (row->asks[way](&conv))
                add_accepting(&conv, &set);
        }
    return set | 1u << cpu; /* which features_are_all_on_the_cpu_path() shows */
}

/* The names in backticks of a cell; "all" of the row's directions, "but" those that follow. */
static unsigned read_cell(const char *cell, const struct row *row, const struct names *all)
{
    const bool is_all = strncmp(cell, "all", 3) == 0;
    unsigned named = 0, every = 0;

    for (size_t i = 0; i < all->count; ++i) {
        const bool both = i + 1 == all->count || strcmp(all->name[i], "reference") == 0;
        const bool is_spread = strcmp(all->name[i], "spread") == 0;
        if (both || (row->directions == WEIGHTS) == is_gradient(all->name[i]))
            every |= is_spread ? 0 : 1u << i;
    }
    for (const char *at = strchr(cell, '`'); at != NULL; at = strchr(at, '`')) {
        const size_t length = strcspn(++at, "`");
        size_t i = 0;
        while (i < all->count &&
               (strlen(all->name[i]) != length || memcmp(all->name[i], at, length) != 0))
            ++i;
        if (i == all->count)
            fail_msg("README: \"%s\": no solver `%.*s`", row->feature, (int)length, at);
        named |= 1u << i;
        at += length + 1;
    }
    return is_all ? every & ~named : named;
}

static void print_set(unsigned set, const struct names *all, char text[LINE])
{
    text[0] = '\0';
    for (size_t i = 0; i < all->count; ++i)
        if ((set >> i & 1) != 0)
            snprintf(text + strlen(text), LINE - strlen(text), " %s", all->name[i]);
}

static void compare(const struct row *row, unsigned said, const struct names *all)
{
    char says[LINE], is[LINE];

    for (size_t way = 0; way < sizeof row->asks / sizeof *row->asks && row->asks[way]; ++way) {
        const unsigned set = accepting(row, way, all->count - 1);
        print_set(said, all, says);
        print_set(set, all, is);
        if (set != said)
            fail_msg("README: \"%s\", way %zu:\n says%s\n but it is%s", row->feature, way, says,
                     is);
    }
}

static void features_are_what_readme_says(void **state)
{
    bool seen[ROWS] = {false};
    char line[LINE];
    struct names all;
    FILE *file = fopen(ATROUS_TESTS_README, "r");

    (void)state;
    assert_non_null(file);
    list_all(&all);
    assert_true(all.count < 32);
    while (fgets(line, sizeof line, file) != NULL && strncmp(line, "| feature |", 11) != 0)
        ;
    assert_non_null(fgets(line, sizeof line, file)); /* |---|---| */
    while (fgets(line, sizeof line, file) != NULL && line[0] == '|') {
        char *cell = strstr(line + 2, " | ");
        size_t i = 0;
        assert_non_null(cell);
        *cell = '\0';
        while (i + 1 < ROWS && strcmp(rows[i].feature, line + 2) != 0)
            ++i;
        if (strcmp(rows[i].feature, line + 2) != 0)
            fail_msg("README: no test knows \"%s\"", line + 2);
        seen[i] = true;
        compare(&rows[i], read_cell(cell + 3, &rows[i], &all), &all);
    }
    fclose(file);
    for (size_t i = 0; i < ROWS; ++i)
        if (!seen[i])
            fail_msg("README lacks \"%s\"", rows[i].feature);
}

/* Every row is served by the CPU path. */
static void features_are_all_on_the_cpu_path(void **state)
{
    atrous_context_options options;
    atrous_context *cpu = NULL;

    (void)state;
    atrous_context_options_init(&options, sizeof options);
    options.device = ATROUS_DEVICE_CPU_PATH;
    assert_int_equal(atrous_context_create(&options, &cpu, NULL), ATROUS_OK);
    for (size_t r = 0; r < ROWS; ++r)
        for (int direction = 0; direction <= ATROUS_BACKWARD_WEIGHTS; ++direction)
            for (size_t way = 0; way < 6 && rows[r].asks[way] != NULL; ++way) {
                atrous_conv conv = describe(&bases[3]);
                atrous_plan *plan = NULL;
                atrous_error error;
                conv.direction = (atrous_direction)direction;
                if ((rows[r].directions >> direction & 1) == 0 || !rows[r].asks[way](&conv))
                    continue;
                harness_expect_ok(atrous_plan_create(cpu, &conv, NULL, &plan, &error), &error,
                                  "cpu", &conv);
                atrous_plan_destroy(plan);
            }
    atrous_context_destroy(cpu);
}

int main(void)
{
    const int missing = harness_open();
    if (missing != 0)
        return missing;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(features_are_what_readme_says),
        cmocka_unit_test(features_are_all_on_the_cpu_path),
    };
    const int failed = cmocka_run_group_tests_name("features", tests, NULL, NULL);
    harness_close();
    return failed;
}
