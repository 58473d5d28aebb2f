/* Host-array calls beyond what the device holds at once: a limit set far too low cuts small
 * problems of every kind into parts, which must give the answer that the whole gives. */
#include "testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data.h"
#include "directed_draw.h"
#include "harness.h"
#include "limit.h"
#include "plan/opencl/parts.h"
#include "shapes.h"

/* An epilogue that the direction has. */
static void draw_epilogue(struct random *random, atrous_conv *conv)
{
    const bool is_backward =
        conv->direction == ATROUS_BACKWARD_DATA || conv->direction == ATROUS_BACKWARD_WEIGHTS;

    conv->has_bias = conv->direction != ATROUS_BACKWARD_DATA && random_chance(random, 60);
    if (random_chance(random, 30))
        conv->alpha = -0.75;
    if (random_chance(random, 30))
        conv->beta = random_chance(random, 50) ? 1.0 : 0.5;
    if (random_chance(random, 20) && conv->padding == ATROUS_PADDING_ZEROS &&
        conv->direction != ATROUS_TRANSPOSED) {
        conv->padding = ATROUS_PADDING_CONSTANT;
        conv->pad_value = 0.625;
    }
    if (is_backward)
        return;
    conv->activation = (atrous_activation)random_between(random, 0, ATROUS_ACTIVATION_GATED);
    conv->activation_low = conv->activation == ATROUS_ACTIVATION_CLAMP ? -0.5 : 0.125;
    conv->activation_high = 2.0;
    if (conv->activation == ATROUS_ACTIVATION_GATED && conv->out_channels % 2 != 0)
        conv->activation = ATROUS_ACTIVATION_NONE;
    conv->residual = (atrous_residual)random_between(random, 0, 2);
}

/* A problem of any direction that the library serves. */
static atrous_conv draw(struct random *random)
{
    atrous_conv conv;

    do {
        directed_draw(random, &conv);
        conv.direction = (atrous_direction)random_between(random, 0, 3);
        if (conv.direction == ATROUS_TRANSPOSED)
            conv.padding = ATROUS_PADDING_ZEROS;
        draw_epilogue(random, &conv);
        if (random_chance(random, 50))
            conv.math = ATROUS_MATH_DEFAULT;
    } while (shape_macs(&conv) > 3e5 || atrous_conv_output(&conv, NULL, NULL) != ATROUS_OK);
    return conv;
}

static void parts_give_the_same_answer(void **state)
{
    const size_t count = harness.quick ? 60 : 600;
    struct tally tally[HARNESS_MAX_SOLVERS] = {{0}};
    struct random random = {directed_seed};

    (void)state;
    for (size_t i = 0; i < count; ++i) {
        const atrous_conv conv = draw(&random);
        struct call c = call_make(&random, &conv);
        const size_t bytes = call_largest(&c) / random_between(&random, 2, 24) + 8 * sizeof(float);
        for (size_t s = 0; s < harness.solver_count; ++s)
            if (harness_takes_everything(harness.solver[s]) || i % 3 == 0)
                limit_compare(harness.solver[s], &c, bytes, &tally[s]);
        call_free(&c);
    }
    tally_report(tally);
    for (size_t s = 0; s < harness.solver_count; ++s)
        if (harness_takes_everything(harness.solver[s]))
            assert_true(tally[s].cut >= count / 2 && tally[s].phased > 0);
}

/* Against the truth that shares nothing with the library. */
static void parts_agree_with_the_truth(void **state)
{
    const size_t count = harness.quick ? 40 : 400;
    struct random random = {directed_seed + 1};
    size_t cut = 0;

    (void)state;
    for (size_t i = 0; i < count; ++i) {
        struct drawn d = drawn_make(&random);
        const atrous_direction directions[] = {ATROUS_FORWARD, ATROUS_BACKWARD_DATA,
                                               ATROUS_BACKWARD_WEIGHTS};
        for (size_t k = 0; k < 3; ++k) {
            atrous_conv conv = d.forward;
            conv.direction = directions[k];
            conv.has_bias = conv.direction == ATROUS_BACKWARD_WEIGHTS;
            if (atrous_conv_output(&conv, NULL, NULL) != ATROUS_OK)
                continue;
            const struct directed problem = drawn_direct(&d, &conv);
            const size_t outputs = directed_outputs_count(&conv);
            double *value = calloc(outputs, sizeof *value), *bound = calloc(outputs, sizeof *bound);
            float *got = floats(outputs);
            assert_true(value != NULL && bound != NULL);
            directed_solve(&problem, value, bound);
            /* What one output reads: in this direction no phases, so up to an image. */
            const size_t image =
                conv.direction == ATROUS_BACKWARD_DATA ? d.counts.y / conv.batch : 0;
            limit_set((d.counts.w + image + 1024 / random_between(&random, 1, 16)) * sizeof(float));
            assert_true(directed_run("reference", &problem, got));
            atrous_error error;
            atrous_plan *plan = limit_plan("reference", &conv, &error);
            assert_non_null(plan);
            cut += plan->parts != NULL;
            atrous_plan_destroy(plan);
            limit_lift();
            directed_compare("reference", &problem, got, value, bound);
            free(value);
            free(bound);
            free(got);
        }
        drawn_free(&d);
    }
    printf("%zu problems in parts\n", cut);
    assert_true(cut > count / 4);
}

/* Problems of solvers that take few: strips, phases, spread, gradient_phases. */
static void own_ground(size_t which, atrous_conv *conv)
{
    *conv = which == 0 ? shape_square(1, 16, 24, 700, 2, 4)
                       : shape_square(2, 16, 24, 40, 3, which == 1 ? 14 : 2);
    conv->batch =
        which == 1 ? 20 : 2; /* phases are cut between images, of which a part takes one */
    conv->has_bias = 1;
    if (which == 2) {
        conv->direction = ATROUS_TRANSPOSED;
        conv->stride[0] = conv->stride[1] = 2;
    }
    if (which == 3) { /* its workspace of an image is twice the image */
        *conv = shape_square(2, 16, 64, 13, 3, 7);
        conv->direction = ATROUS_BACKWARD_WEIGHTS;
        conv->batch = 12;
        conv->has_bias = 1;
    }
}

/* Larger problems, so that the fast solvers have tiles to cut between, winograd's among them. */
static void fast_solvers_in_parts(void **state)
{
    struct tally tally[HARNESS_MAX_SOLVERS] = {{0}};
    struct random random = {directed_seed + 2};

    (void)state;
    const atrous_direction directions[] = {ATROUS_FORWARD, ATROUS_FORWARD, ATROUS_BACKWARD_WEIGHTS,
                                           ATROUS_BACKWARD_DATA, ATROUS_TRANSPOSED};
    for (size_t i = 0; i < (harness.quick ? 5u : 29u); ++i) {
        atrous_conv conv = i % 4 == 3 ? shape_square(1, 16, 24, 700, 2 + i / 4 % 2, 1 + i % 3)
                                      : shape_square(2, 16, 24, 70, 3, 1 + i % 3);
        conv.batch = 1 + i % 2;
        conv.direction = directions[i % 5];
        conv.has_bias = conv.direction != ATROUS_BACKWARD_DATA;
        conv.padding = (atrous_padding)((i / 5 + i) % 5);
        if (conv.direction == ATROUS_TRANSPOSED)
            conv.padding = ATROUS_PADDING_ZEROS;
        if (i % 10 == 6 || i == 7) { /* depthwise */
            conv.in_channels = conv.out_channels = conv.groups = 24;
        }
        if (i % 20 == 4) /* a stride that spreads the input, which the dilation divides */
            conv.stride[0] = conv.stride[1] = 2 * conv.dilation[0];
        conv.pad_value = 0.5;
        conv.input_layout = (atrous_layout)(i / 2 % 2);
        conv.output_layout = (atrous_layout)(i / 4 % 2);
        if (i >= 25)
            own_ground(i - 25, &conv);
        struct call c = call_make(&random, &conv);
        const size_t bytes = call_largest(&c) / (2 + i % 3);
        for (size_t s = 0; s < harness.solver_count; ++s)
            limit_compare(harness.solver[s], &c, bytes, &tally[s]);
        call_free(&c);
    }
    tally_report(tally);
    for (size_t s = 0; s < harness.solver_count; ++s)
        if (!harness.quick && strcmp(harness.solver[s], "filter") != 0)
            assert_true(tally[s].cut > 0);
}

/* What a plan in parts says of itself. */
static void parts_serve_no_buffers(void **state)
{
    const atrous_conv conv = shape_square(2, 4, 4, 40, 3, 2);
    struct random random = {directed_seed + 3};
    struct call c = call_make(&random, &conv);
    double ms[3] = {-1, -1, -1};
    atrous_packed packed = {0};
    atrous_bindings bindings;
    atrous_error error;

    (void)state;
    limit_set(call_largest(&c) / 4);
    atrous_plan *plan = limit_plan(NULL, &conv, &error);
    limit_lift();
    assert_non_null(plan);
    assert_true(plan->parts != NULL && plan->parts->count >= 4);
    atrous_bindings_init(&bindings, sizeof bindings);
    cl_command_queue queue = harness.context->env->queue;
    assert_int_equal(
        atrous_plan_pack(plan, queue, (atrous_buffer){0}, &packed, 0, NULL, NULL, &error),
        ATROUS_UNSUPPORTED);
    assert_int_equal(atrous_plan_enqueue(plan, queue, &bindings, 0, NULL, NULL, &error),
                     ATROUS_UNSUPPORTED);
    assert_non_null(strstr(error.message, "in parts"));
    call_run(plan, &c);
    harness_expect_ok(atrous_plan_time(plan, &c.arrays, 3, ms, &error), &error, "time", &conv);
    for (size_t i = 0; i < 3; ++i)
        assert_true(ms[i] > 0.0);
    atrous_plan_destroy(plan);
    call_free(&c);
}

/* Where one sum's inputs or weights alone are too large the refusal says so. */
static void what_cannot_be_cut_is_refused(void **state)
{
    atrous_conv conv = shape_square(2, 64, 4, 9, 3, 2);
    atrous_error error;

    (void)state;
    limit_set(64 * 9 * sizeof(float) - 1);
    assert_null(limit_plan("reference", &conv, &error));
    printf("%s\n", error.message);
    assert_non_null(strstr(error.message, "the smallest part has bytes of weights: 2304"));
    assert_non_null(strstr(error.message, "no sum is cut by its channels"));
    conv.in_channels = 64;
    conv.kernel[0] = conv.kernel[1] = 1;
    conv.pad_begin[0] = conv.pad_begin[1] = conv.pad_end[0] = conv.pad_end[1] = 0;
    limit_set(64 * sizeof(float) - 1);
    assert_null(limit_plan("reference", &conv, &error));
    printf("%s\n", error.message);
    assert_non_null(strstr(error.message, "the smallest part has"));
    limit_set(64 * sizeof(float));
    atrous_plan *plan = limit_plan("reference", &conv, &error);
    assert_non_null(plan);
    atrous_plan_destroy(plan);
    limit_lift();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_serve_no_buffers),
        cmocka_unit_test(what_cannot_be_cut_is_refused),
        cmocka_unit_test(fast_solvers_in_parts),
        cmocka_unit_test(parts_give_the_same_answer),
        cmocka_unit_test(parts_agree_with_the_truth),
    };
    int failed = harness_open();

    directed_seed = harness_seed(directed_seed);
    if (failed == 0) {
        harness_add_gradients();
        failed = cmocka_run_group_tests_name("parts", tests, NULL, NULL);
    }
    harness_close();
    return failed;
}
