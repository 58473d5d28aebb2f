/* Coverage and use by brute force: an impulse into a stack of all-ones kernels comes out as the
 * number of paths. The stacks are the library's own, on the device. */
#include "testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <atrous/stack.h>

#include "fields.h"
#include "harness.h"
#include "random.h"

enum { SEED = 20406, POSITIONS_MAX = 700 };

static size_t product(const size_t *axes, int rank)
{
    size_t count = 1;
    for (int axis = 0; axis < rank; ++axis)
        count *= axes[axis];
    return count;
}

static void unravel(size_t flat, const size_t *extents, int rank, size_t *position)
{
    for (int axis = rank; axis-- > 0;) {
        position[axis] = flat % extents[axis];
        flat /= extents[axis];
    }
}

/* The layer of a stack that a field layer describes. */
static void set_layer(atrous_layer *layer, const atrous_field_layer *from, int rank,
                      const char *solver)
{
    atrous_layer_init(layer, rank, sizeof *layer);
    layer->conv.math = ATROUS_MATH_STRICT; /* whole numbers stay whole */
    memcpy(layer->conv.kernel, from->kernel, sizeof layer->conv.kernel);
    memcpy(layer->conv.dilation, from->dilation, sizeof layer->conv.dilation);
    memcpy(layer->conv.stride, from->stride, sizeof layer->conv.stride);
    memcpy(layer->conv.pad_begin, from->pad_begin, sizeof layer->conv.pad_begin);
    memcpy(layer->conv.pad_end, from->pad_end, sizeof layer->conv.pad_end);
    layer->has_pad_rule = from->pad_same;
    layer->pad_rule = ATROUS_PAD_SAME;
    layer->plan.solver = solver;
}

/* What the stack with all-ones weights makes of `batch` images; extents become the output's. The
 * caller frees what comes back. */
static float *run_ones(const struct stack *made, size_t batch, size_t *extents, const float *x,
                       const char *solver)
{
    const size_t count = made->stack.layer_count;
    const int rank = made->stack.rank;
    atrous_layer layers[LAYERS];
    atrous_layer_weights weights[LAYERS] = {{0}};
    float ones[POSITIONS_MAX];
    atrous_shape shape;
    atrous_stack_arrays arrays;
    atrous_stack *stack = NULL;
    atrous_error error;
    size_t bytes = 0;

    for (size_t i = 0; i < POSITIONS_MAX; ++i)
        ones[i] = 1;
    for (size_t i = 0; i < count; ++i) {
        assert_true(product(made->layer[i].kernel, rank) <= POSITIONS_MAX);
        set_layer(&layers[i], &made->layer[i], rank, solver);
        weights[i].weights = ones;
    }
    atrous_shape_init(&shape, rank, sizeof shape);
    shape.batch = batch;
    memcpy(shape.extents, extents, sizeof shape.extents);
    if (atrous_stack_create(harness.context, layers, count, &shape, NULL, &stack, &error) !=
            ATROUS_OK ||
        atrous_stack_output(stack, 0, &shape, &bytes, &error) != ATROUS_OK)
        fail_msg("%s", error.message);
    memcpy(extents, shape.extents, sizeof shape.extents);
    float *y = malloc(bytes);
    assert_non_null(y);
    void *const outputs[] = {y};
    atrous_stack_arrays_init(&arrays, sizeof arrays);
    arrays.input = x;
    arrays.weights = weights;
    arrays.outputs = outputs;
    if (atrous_stack_run(stack, &arrays, &error) != ATROUS_OK)
        fail_msg("%s", error.message);
    atrous_stack_destroy(stack);
    return y;
}

/* Every input position's impulse, one a batch, through all layers; extents become the output's. */
static float *run_impulses(const struct stack *made, size_t *extents, const char *solver)
{
    const size_t count = product(extents, made->stack.rank);
    float *x = calloc(count * count, sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < count; ++i)
        x[i * count + i] = 1;
    float *y = run_ones(made, count, extents, x, solver);
    free(x);
    return y;
}

/* One build of it serves every stack. */
static const char *any_stack(void)
{
    return harness.cpu_path ? NULL : "reference";
}

static void draw_layers(struct random *random, struct stack *made)
{
    static const size_t few[] = {1, 1, 1, 2, 3};
    const int rank = (int)random_between(random, 1, 3);
    stack_start(made, rank);
    for (size_t left = random_between(random, 1, 4); left > 0; --left) {
        atrous_field_layer *layer = stack_add(made, 1, 1, 1);
        for (int axis = 0; axis < rank; ++axis) {
            layer->kernel[axis] = random_between(random, 1, rank == 1 ? 5 : 3);
            layer->dilation[axis] = random_between(random, 1, rank == 1 ? 7 : 3);
            layer->stride[axis] = random_pick(random, few, 5);
        }
    }
}

/* The map of one output: an input of just the field's size has one. */
static void coverage_is_impulse_response(void **state)
{
    (void)state;
    struct random random = {SEED};
    size_t tried = 0;
    for (size_t round = 0; round < (harness.quick ? 60 : 400); ++round) {
        struct stack made;
        draw_layers(&random, &made);
        atrous_field *field = field_of(&made.stack);
        const atrous_field_info info = info_of(field, made.stack.layer_count - 1);
        const size_t count = product(info.size, made.stack.rank);
        if (count <= POSITIONS_MAX) {
            size_t extents[ATROUS_MAX_RANK], position[ATROUS_MAX_RANK], holes = 0;
            memcpy(extents, info.size, sizeof extents);
            float *y = run_impulses(&made, extents, any_stack());
            assert_int_equal(product(extents, made.stack.rank), 1);
            for (size_t i = 0; i < count; ++i) {
                unravel(i, info.size, made.stack.rank, position);
                if ((double)coverage_at(field, position) != (double)y[i])
                    fail_msg("round %zu of seed %d, position %zu: %zu paths, impulse %g", round,
                             SEED, i, coverage_at(field, position), (double)y[i]);
                holes += y[i] == 0;
            }
            assert_int_equal(strtoull(atrous_field_total_text(field, ATROUS_FIELD_HOLES), NULL, 10),
                             holes);
            assert_int_equal(atrous_field_has_holes(field), holes > 0);
            free(y);
            ++tried;
        }
        atrous_field_destroy(field);
    }
    print_message("%zu stacks of seed %d\n", tried, SEED);
}

/* In how many outputs an input takes part; and no output sees beyond its field. */
static void use_is_counted_impulses(void **state)
{
    (void)state;
    struct random random = {SEED + 1};
    size_t tried = 0;
    for (size_t round = 0; round < (harness.quick ? 60 : 400); ++round) {
        struct stack made;
        atrous_field *field = NULL;
        draw_layers(&random, &made);
        const int rank = made.stack.rank;
        for (int axis = 0; axis < rank; ++axis)
            made.stack.input[axis] = random_between(&random, 1,
                                                    rank == 1   ? 60
                                                    : rank == 2 ? 16
                                                                : 7);
        for (size_t i = 0; i < made.stack.layer_count; ++i) {
            made.layer[i].pad_same = random_chance(&random, 30);
            for (int axis = 0; axis < rank; ++axis) {
                made.layer[i].pad_begin[axis] = random_between(&random, 0, 4);
                made.layer[i].pad_end[axis] = random_between(&random, 0, 4);
            }
        }
        if (atrous_field_create(&made.stack, &field, NULL) != ATROUS_OK)
            continue; /* a kernel that exceeds its input */
        const atrous_field_info info = info_of(field, made.stack.layer_count - 1);
        size_t extents[ATROUS_MAX_RANK], at[ATROUS_MAX_RANK], from[ATROUS_MAX_RANK];
        memcpy(extents, made.stack.input, sizeof extents);
        float *y = run_impulses(&made, extents, any_stack());
        const size_t outputs = product(extents, rank), inputs = product(made.stack.input, rank);
        for (int axis = 0; axis < rank; ++axis)
            assert_int_equal(extents[axis], info.output[axis]);
        for (size_t i = 0; i < inputs; ++i) {
            size_t used = 0, want = 1;
            unravel(i, made.stack.input, rank, at);
            for (size_t o = 0; o < outputs; ++o) {
                if (y[i * outputs + o] == 0)
                    continue;
                ++used;
                unravel(o, extents, rank, from);
                for (int axis = 0; axis < rank; ++axis)
                    from[axis] = (size_t)((ptrdiff_t)at[axis] - info.start[axis] -
                                          (ptrdiff_t)(from[axis] * info.jump[axis]));
                assert_true((double)y[i * outputs + o] <= (double)coverage_at(field, from));
            }
            for (int axis = 0; axis < rank; ++axis)
                want *= atrous_field_use(field, axis)[at[axis]];
            if (used != want)
                fail_msg("round %zu of seed %d, input %zu: use %zu, counted %zu", round, SEED + 1,
                         i, want, used);
        }
        free(y);
        atrous_field_destroy(field);
        ++tried;
    }
    print_message("%zu stacks of seed %d\n", tried, SEED + 1);
}

/* One impulse under full padding spreads into the whole map at once, by the solvers that the
 * library chooses. */
static void one_impulse_draws_the_map(void **state)
{
    (void)state;
    static const size_t stacks[][3] = {{1, 2, 4}, {2, 2, 2}, {1, 3, 1}, {1, 2, 3}};
    for (size_t s = 0; s < sizeof stacks / sizeof stacks[0]; ++s) {
        struct stack made, open;
        size_t extents[ATROUS_MAX_RANK] = {1, 1};
        stack_start(&made, 2);
        stack_start(&open, 2);
        for (size_t i = 0; i < 3; ++i) {
            stack_add(&open, 3, stacks[s][i], 1);
            atrous_field_layer *layer = stack_add(&made, 3, stacks[s][i], 1);
            for (int axis = 0; axis < 2; ++axis)
                layer->pad_begin[axis] = layer->pad_end[axis] = 2 * stacks[s][i];
        }
        atrous_field *field = field_of(&open.stack);
        const atrous_field_info info = info_of(field, 2);
        float *y = run_impulses(&made, extents, NULL);
        for (size_t row = 0; row < info.size[0]; ++row)
            for (size_t column = 0; column < info.size[1]; ++column) {
                const size_t position[] = {row, column};
                assert_true(y[row * info.size[1] + column] == (float)coverage_at(field, position));
            }
        assert_int_equal(extents[0], info.size[0]);
        assert_int_equal(extents[1], info.size[1]);
        free(y);
        atrous_field_destroy(field);
    }
}
int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_impulse_draws_the_map),
        cmocka_unit_test(coverage_is_impulse_response),
        cmocka_unit_test(use_is_counted_impulses),
    };
    const int closed = harness_open();
    if (closed != 0)
        return closed;
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    harness_close();
    return failed;
}
