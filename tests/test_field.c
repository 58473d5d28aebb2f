/* Fields of stacks: known values, exact counts, remedies against trying all, refusals. */
#include "testing.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fields.h"
#include "random.h"

enum { SEED = 20408 };

static void expect_total(const atrous_field *field, atrous_field_total total, const char *digits)
{
    assert_string_equal(atrous_field_total_text(field, total), digits);
}

static void known_fields(void **state)
{
    (void)state;
    struct stack made;
    static const size_t row[] = {1, 1, 2, 1, 3, 2, 3, 1, 3, 2, 3, 1, 2, 1, 1};
    stack_start(&made, 2);
    stack_add(&made, 3, 1, 1)->channels = 8;
    stack_add(&made, 3, 2, 1)->channels = 16;
    stack_add(&made, 3, 4, 1)->channels = 4;
    made.stack.in_channels = 3;
    atrous_field *field = field_of(&made.stack);
    assert_int_equal(info_of(field, 0).size[0], 3);
    assert_int_equal(info_of(field, 1).size[1], 7);
    assert_int_equal(info_of(field, 2).size[0], 15);
    for (size_t r = 0; r < 15; ++r)
        for (size_t c = 0; c < 15; ++c) {
            const size_t position[] = {r, c};
            assert_int_equal(coverage_at(field, position), row[r] * row[c]);
            assert_true(fabs(atrous_field_coverage_log2(field, position) -
                             log2((double)(row[r] * row[c]))) < 1e-12);
        }
    expect_total(field, ATROUS_FIELD_HOLES, "0");
    expect_total(field, ATROUS_FIELD_POSITIONS, "225");
    expect_total(field, ATROUS_FIELD_PARAMETERS, "1944"); /* 9 * (3*8 + 8*16 + 16*4) */
    expect_total(field, ATROUS_FIELD_MACS, "1944");
    expect_total(field, ATROUS_FIELD_DENSE_MACS, "2700");     /* 225 * 3 * 4 */
    assert_int_equal(atrous_field_strided_jump(field, 0), 3); /* 3 + 3*(2+2) = 15 */
    atrous_field_destroy(field);

    /* Strides: J = 1, 2, 2, 6; B = -1, -1-2*1, -3; MACs of early layers count once a stride. */
    stack_start(&made, 1);
    made.stack.input[0] = 40;
    stack_add(&made, 3, 1, 2)->pad_begin[0] = 1;
    stack_add(&made, 3, 3, 1)->pad_begin[0] = 1;
    stack_add(&made, 2, 1, 3);
    field = field_of(&made.stack);
    const atrous_field_info info = info_of(field, 2);
    assert_int_equal(info.size[0], 1 + 2 + 2 * 3 * 2 + 1 * 2);
    assert_int_equal(info.jump[0], 6);
    assert_int_equal(info.start[0], -3);
    assert_int_equal(info_of(field, 0).output[0], 20);
    assert_int_equal(info_of(field, 1).output[0], 15);
    assert_int_equal(info.output[0], 5);
    expect_total(field, ATROUS_FIELD_PARAMETERS, "8");
    expect_total(field, ATROUS_FIELD_MACS, "20"); /* 3*3 + 3*3 + 2 */
    atrous_field_destroy(field);
}

static void gridding_is_told_by_coverage(void **state)
{
    (void)state;
    static const struct {
        size_t dilation[3];
        const char *holes;
        atrous_remedy remedy;
        size_t found[3];
    } cases[] = {
        {{1, 2, 4}, "0", ATROUS_REMEDY_NOT_NEEDED, {1, 2, 4}},
        {{2, 2, 2}, "120", ATROUS_REMEDY_FOUND, {1, 2, 3}},
        {{1, 3, 1}, "0", ATROUS_REMEDY_NOT_NEEDED, {1, 3, 1}},
        {{1, 2, 9}, "184", ATROUS_REMEDY_FOUND, {1, 3, 8}},
        {{5, 5, 5}, "912", ATROUS_REMEDY_NONE, {5, 5, 5}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; ++i) {
        struct stack made;
        size_t dilation[6];
        atrous_remedy remedy;
        stack_start(&made, 2);
        for (size_t layer = 0; layer < 3; ++layer)
            stack_add(&made, 3, cases[i].dilation[layer], 1);
        atrous_field *field = field_of(&made.stack);
        expect_total(field, ATROUS_FIELD_HOLES, cases[i].holes);
        assert_int_equal(atrous_field_remedy(field, &remedy, dilation, 6, NULL), ATROUS_OK);
        assert_int_equal(remedy, cases[i].remedy);
        for (size_t layer = 0; layer < 6; ++layer)
            assert_int_equal(dilation[layer], cases[i].found[layer / 2]);
        atrous_field_destroy(field);
    }
}

/* Reached positions of a small 1-D stack as bits, without the library. */
static uint64_t reached_bits(const struct stack *made, const size_t *dilation)
{
    uint64_t bits = 1;
    size_t jump = 1;
    for (size_t i = 0; i < made->stack.layer_count; ++i) {
        uint64_t next = 0;
        for (size_t t = 0; t < made->layer[i].kernel[0]; ++t)
            next |= bits << (t * dilation[i] * jump);
        bits = next;
        jump *= made->layer[i].stride[0];
    }
    return bits;
}

/* The smallest largest dilation over all choices of the same size; 0: none. */
static size_t best_by_trying(const struct stack *made, size_t size, bool rising)
{
    const size_t layers = made->stack.layer_count;
    size_t dilation[LAYERS], best = 0;
    for (size_t i = 0; i < layers; ++i)
        dilation[i] = 1;
    for (;;) {
        size_t reach = 1, jump = 1, most = 0;
        bool rises = true;
        for (size_t i = 0; i < layers; ++i) {
            reach += (made->layer[i].kernel[0] - 1) * dilation[i] * jump;
            jump *= made->layer[i].stride[0];
            most = dilation[i] > most ? dilation[i] : most;
            rises = rises && (i == 0 || dilation[i] >= dilation[i - 1]);
        }
        if (reach == size && (rises || !rising) && (best == 0 || most < best) &&
            reached_bits(made, dilation) == (UINT64_C(1) << size) - 1)
            best = most;
        size_t at = 0;
        while (at < layers && ++dilation[at] > 13)
            dilation[at++] = 1;
        if (at == layers)
            return best;
    }
}

static void remedy_is_the_best_of_all(void **state)
{
    (void)state;
    struct random random = {SEED};
    size_t counts[4] = {0};
    for (size_t round = 0; round < 250; ++round) {
        struct stack made;
        size_t dilation[LAYERS], most = 0;
        atrous_remedy remedy;
        stack_start(&made, 1);
        for (size_t left = random_between(&random, 1, 4); left > 0; --left)
            stack_add(&made, random_between(&random, 2, 4), random_between(&random, 1, 5),
                      random_chance(&random, 15) ? 2 : 1);
        const size_t layers = made.stack.layer_count;
        atrous_field *field = field_of(&made.stack);
        const size_t size = info_of(field, layers - 1).size[0];
        /* Trials go up to a dilation of 13. */
        if (size > 27 || (made.stack.layer_count == 1 && size > 14)) {
            atrous_field_destroy(field);
            continue;
        }
        assert_int_equal(atrous_field_remedy(field, &remedy, dilation, LAYERS, NULL), ATROUS_OK);
        ++counts[remedy];
        for (size_t i = 0; i < layers; ++i)
            most = dilation[i] > most ? dilation[i] : most;
        const size_t rising = best_by_trying(&made, size, true);
        const size_t any = best_by_trying(&made, size, false);
        if (remedy == ATROUS_REMEDY_NONE)
            assert_int_equal(any, 0);
        if (remedy == ATROUS_REMEDY_FOUND) {
            assert_int_equal(reached_bits(&made, dilation), (UINT64_C(1) << size) - 1);
            assert_int_equal(most, rising > 0 ? rising : any);
        }
        assert_int_not_equal(remedy, ATROUS_REMEDY_UNKNOWN);
        atrous_field_destroy(field);
    }
    print_message("not needed %zu, found %zu, none %zu\n", counts[0], counts[1], counts[2]);
    assert_true(counts[ATROUS_REMEDY_FOUND] > 20 && counts[ATROUS_REMEDY_NONE] > 5);
}

/* 80 kernels of 2: binomial coefficients, far beyond 2^64. */
static void counts_do_not_wrap(void **state)
{
    (void)state;
    enum { DEEP = 80 };
    static atrous_field_layer layers[DEEP];
    static const char *const middle[] = {
        "107507208733336176461620", "11557799929633114251350118421268267343333024400",
        "1242546809533205386213190153513356121987580776771251979040085123528000"};
    for (size_t i = 0; i < DEEP; ++i) {
        atrous_field_layer_init(&layers[i], sizeof layers[i]);
        for (int axis = 0; axis < ATROUS_MAX_RANK; ++axis)
            layers[i].kernel[axis] = 2;
        layers[i].channels = SIZE_MAX;
    }
    for (int rank = 1; rank <= ATROUS_MAX_RANK; ++rank) {
        const size_t position[] = {40, 40, 40}, corner[] = {0, 0, 0}, outside[] = {81, 81, 81};
        char digits[256], cut[5];
        atrous_field_stack stack;
        atrous_field_stack_init(&stack, rank, sizeof stack);
        stack.layers = layers;
        stack.layer_count = DEEP;
        atrous_field *field = field_of(&stack);
        assert_int_equal(atrous_field_coverage(field, position, digits, sizeof digits),
                         strlen(middle[rank - 1]));
        assert_string_equal(digits, middle[rank - 1]);
        assert_true(fabs(atrous_field_coverage_log2(field, position) -
                         rank * log2(1.07507208733336176461620e23)) < 1e-9);
        assert_int_equal(atrous_field_coverage(field, position, cut, sizeof cut),
                         strlen(middle[rank - 1]));
        assert_memory_equal(cut, middle[rank - 1], 4);
        assert_int_equal(cut[4], 0);
        assert_int_equal(coverage_at(field, corner), 1);
        assert_int_equal(atrous_field_coverage(field, outside, NULL, 0), 0);
        atrous_field_destroy(field);
    }
    /* 2 * (2^64-1) + 79 * 2 * (2^64-1)^2 weights */
    atrous_field_stack stack;
    atrous_field_stack_init(&stack, 1, sizeof stack);
    stack.layers = layers;
    stack.layer_count = DEEP;
    atrous_field *field = field_of(&stack);
    expect_total(field, ATROUS_FIELD_PARAMETERS, "53764613973508277221420910335074578202780");
    atrous_field_destroy(field);
}

/* Too large to walk, yet told exactly where no walking is needed. */
static void vast_fields(void **state)
{
    (void)state;
    atrous_field_layer layers[30];
    size_t dilation = 1;
    const size_t start[] = {0};
    for (size_t i = 0; i < 30; ++i, dilation *= 3) {
        atrous_field_layer_init(&layers[i], sizeof layers[i]);
        layers[i].kernel[0] = 3;
        layers[i].dilation[0] = dilation;
    }
    atrous_field_stack stack;
    atrous_field_stack_init(&stack, 1, sizeof stack);
    stack.layers = layers;
    stack.layer_count = 30;
    atrous_field *field = field_of(&stack);
    assert_int_equal(info_of(field, 29).size[0], dilation);
    assert_int_equal(atrous_field_has_holes(field), 0);
    expect_total(field, ATROUS_FIELD_HOLES, "0");
    assert_int_equal(atrous_field_coverage(field, start, NULL, 0), 0);
    assert_true(isnan(atrous_field_coverage_log2(field, start)));
    atrous_field_destroy(field);

    layers[0].dilation[0] = 2;
    field = field_of(&stack);
    assert_int_equal(atrous_field_has_holes(field), 1);
    assert_null(atrous_field_total_text(field, ATROUS_FIELD_HOLES));
    assert_int_equal(atrous_field_reached(field, 0), 0);
    atrous_field_destroy(field);
}

static void expect_refused(const struct stack *made, const char *field_name)
{
    atrous_error error;
    atrous_field *field = (atrous_field *)(void *)&error;
    assert_int_equal(atrous_field_create(&made->stack, &field, &error), ATROUS_INVALID_ARGUMENT);
    assert_null(field);
    assert_string_equal(error.field, field_name);
    assert_true(strlen(error.message) > strlen(field_name));
}

static void bad_stacks_are_refused(void **state)
{
    (void)state;
    struct stack good, bad;
    stack_start(&good, 2);
    stack_add(&good, 3, 2, 1);
    stack_add(&good, 3, 2, 2);

#define REFUSED(assignment, name)     \
    do {                              \
        bad = good;                   \
        bad.stack.layers = bad.layer; \
        bad.assignment;               \
        expect_refused(&bad, name);   \
    } while (0)
    REFUSED(stack.struct_size = 1, "struct_size");
    REFUSED(stack.rank = 0, "rank");
    REFUSED(stack.rank = 4, "rank");
    REFUSED(stack.layer_count = 0, "layer_count");
    REFUSED(stack.layer_count = 1025, "layer_count");
    REFUSED(stack.layers = NULL, "layers");
    REFUSED(stack.in_channels = 0, "in_channels");
    REFUSED(stack.input[1] = 9, "input");
    REFUSED(layer[1].struct_size = 1, "layers[1].struct_size");
    REFUSED(layer[1].kernel[0] = 0, "layers[1].kernel[0]");
    REFUSED(layer[0].stride[1] = 0, "layers[0].stride[1]");
    REFUSED(layer[0].dilation[1] = 0, "layers[0].dilation[1]");
    REFUSED(layer[1].channels = 0, "layers[1].channels");
    REFUSED(layer[1].pad_same = 2, "layers[1].pad_same");
    REFUSED(layer[1].pad_same = 1, "layers[1].pad_same"); /* strided, extents not known */
    REFUSED(layer[0].dilation[0] = SIZE_MAX, "layers[0].dilation[0]");
    REFUSED(layer[0].dilation[0] = SIZE_MAX / 4, "layers[1].dilation[0]");
    REFUSED(layer[0].pad_begin[1] = SIZE_MAX, "layers[0].pad_begin[1]");
    REFUSED(layer[1].stride[1] = SIZE_MAX, "layers[1].stride[1]");
    REFUSED(stack.input[0] = bad.stack.input[1] = 8, "layers[1], axis 0");
#undef REFUSED

    atrous_error error;
    atrous_field *field = NULL;
    size_t dilation[4];
    atrous_remedy remedy;
    atrous_field_info info = {.struct_size = 1};
    assert_int_equal(atrous_field_create(NULL, &field, &error), ATROUS_INVALID_ARGUMENT);
    assert_int_equal(atrous_field_create(&good.stack, NULL, NULL), ATROUS_INVALID_ARGUMENT);
    good.stack.layers = good.layer;
    field = field_of(&good.stack);
    assert_int_equal(atrous_field_layer_info(field, 0, &info, &error), ATROUS_INVALID_ARGUMENT);
    info.struct_size = sizeof info;
    assert_int_equal(atrous_field_layer_info(field, 2, &info, &error), ATROUS_INVALID_ARGUMENT);
    assert_int_equal(atrous_field_remedy(field, &remedy, dilation, 3, &error),
                     ATROUS_INVALID_ARGUMENT);
    assert_int_equal(atrous_field_remedy(field, NULL, dilation, 4, &error),
                     ATROUS_INVALID_ARGUMENT);
    assert_null(atrous_field_use(field, 0));
    assert_null(atrous_field_use(field, 2));
    assert_int_equal(atrous_field_reached(field, -1), 0);
    assert_null(atrous_field_total_text(field, (atrous_field_total)99));
    atrous_field_destroy(field);
    atrous_field_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_fields),
        cmocka_unit_test(gridding_is_told_by_coverage),
        cmocka_unit_test(remedy_is_the_best_of_all),
        cmocka_unit_test(counts_do_not_wrap),
        cmocka_unit_test(vast_fields),
        cmocka_unit_test(bad_stacks_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
