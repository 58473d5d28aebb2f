/* Host-array calls beyond what the device holds at once: a limit set far too low cuts small
 * problems of every kind into parts, which must give the answer that the whole gives. */
#include "testing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data.h"
#include "directed_draw.h"
#include "harness.h"
#include "plan/opencl/parts.h"
#include "shapes.h"

/* One call's arrays, and the plan's output behind `size` elements of guard on both sides. */
struct call {
    atrous_conv conv;
    atrous_arrays arrays;
    float *input, *weights, *bias, *residual, *grad, *previous, *output;
    size_t outputs; /* output with bias_output behind it */
};

enum { GUARD = 16 };

static void limit(size_t bytes)
{
    harness.context->env->buffer_limit = bytes;
}

static void unlimit(void)
{
    limit(harness.context->env->device.max_allocation);
}

static float *filled(struct random *random, size_t bytes)
{
    float *values = floats(bytes / sizeof(float) + 1);

    random_fill(random, values, bytes / sizeof(float));
    return values;
}

static atrous_plan *plan_of(const char *solver, const atrous_conv *conv, atrous_error *error)
{
    atrous_plan_options options;
    atrous_plan *plan = NULL;

    atrous_plan_options_init(&options, sizeof options);
    options.solver = solver;
    const atrous_status status = atrous_plan_create(harness.context, conv, &options, &plan, error);
    if (status != ATROUS_UNSUPPORTED)
        harness_expect_ok(status, error, solver, conv);
    return plan;
}

static struct call call_make(struct random *random, const atrous_conv *conv)
{
    struct call c = {.conv = *conv};
    atrous_plan_info info = {.struct_size = sizeof info};
    atrous_error error;
    atrous_plan *plan = plan_of("reference", conv, &error);

    assert_non_null(plan);
    assert_int_equal(atrous_plan_query(plan, &info, NULL), ATROUS_OK);
    atrous_plan_destroy(plan);
    c.input = filled(random, info.input_bytes);
    c.weights = filled(random, info.weights_bytes);
    c.bias = filled(random, conv->out_channels * sizeof(float));
    c.residual = filled(random, info.output_bytes);
    c.grad = filled(random, info.grad_output_bytes);
    c.outputs = (info.output_bytes + info.bias_output_bytes) / sizeof(float);
    c.previous = filled(random, c.outputs * sizeof(float));
    c.output = floats(c.outputs + 2 * GUARD);
    atrous_arrays_init(&c.arrays, sizeof c.arrays);
    c.arrays.input = c.input;
    c.arrays.weights = c.weights;
    c.arrays.bias = c.bias;
    c.arrays.residual = c.residual;
    c.arrays.grad_output = c.grad;
    c.arrays.output = c.output + GUARD;
    c.arrays.bias_output = c.output + GUARD + info.output_bytes / sizeof(float);
    c.arrays.previous = c.previous;
    c.arrays.previous_bias_output = c.previous + info.output_bytes / sizeof(float);
    return c;
}

static void call_free(struct call *c)
{
    free(c->input);
    free(c->weights);
    free(c->bias);
    free(c->residual);
    free(c->grad);
    free(c->previous);
    free(c->output);
}

/* The largest tensor, in bytes. */
static size_t largest(const struct call *c)
{
    atrous_plan_info info = {.struct_size = sizeof info};
    atrous_error error;
    atrous_plan *plan = plan_of("reference", &c->conv, &error);
    size_t most = 0;

    assert_int_equal(atrous_plan_query(plan, &info, NULL), ATROUS_OK);
    const size_t all[] = {info.input_bytes, info.output_bytes, info.weights_bytes,
                          info.grad_output_bytes};
    for (size_t i = 0; i < sizeof all / sizeof *all; ++i)
        most = all[i] > most ? all[i] : most;
    atrous_plan_destroy(plan);
    return most;
}

/* Runs from a poisoned output, or with beta from `previous`, and lets the library check it. */
static void run(atrous_plan *plan, struct call *c)
{
    atrous_check check = {.struct_size = sizeof check};
    atrous_error error;
    char text[256];

    for (size_t i = 0; i < c->outputs + 2 * GUARD; ++i)
        c->output[i] = NAN;
    if (c->conv.beta != 0.0)
        memcpy(c->output + GUARD, c->previous, c->outputs * sizeof *c->output);
    harness_expect_ok(atrous_plan_run(plan, &c->arrays, &error), &error, "run", &c->conv);
    for (size_t i = 0; i < GUARD; ++i)
        assert_true(isnan(c->output[i]) && isnan(c->output[GUARD + c->outputs + i]));
    harness_expect_ok(atrous_plan_check(plan, &c->arrays, &check, &error), &error, "check",
                      &c->conv);
    if (!(check.worst <= 1.0))
        fail_msg("[%zu]: error %g, bound %g; direction %d; %s", check.worst_at, check.worst_error,
                 check.worst_bound, (int)c->conv.direction,
                 shape_text(&c->conv, text, sizeof text));
}

struct tally {
    size_t whole, cut, refused, parts, phased;
};

/* The bytes to cut to: a solver that packs weights in blocks cannot do with fewer than those. */
static size_t least(const char *solver, atrous_plan *plan, size_t bytes)
{
    atrous_plan_info info = {.struct_size = sizeof info};

    assert_int_equal(atrous_plan_query(plan, &info, NULL), ATROUS_OK);
    return !harness_takes_everything(solver) && info.packed_bytes > bytes ? info.packed_bytes
                                                                          : bytes;
}

static void count_parts(const atrous_plan *plan, struct tally *tally)
{
    ++tally->whole;
    if (plan->parts == NULL)
        return;
    const bool *is_phased = plan->parts->cut.is_phased;
    ++tally->cut;
    tally->parts += plan->parts->count;
    tally->phased += is_phased[0] || is_phased[1] || is_phased[2];
}

/* The problem whole, then under a limit. The reference kernel sums each output as it does in the
 * whole, to the last bit; gradients of weights, and of what a padding repeats, are sums of what
 * parts gave. */
static void cut_and_compare(const char *solver, struct call *c, size_t bytes, struct tally *tally)
{
    const bool is_added =
        c->conv.direction == ATROUS_BACKWARD_WEIGHTS ||
        (c->conv.direction == ATROUS_BACKWARD_DATA && c->conv.padding > ATROUS_PADDING_CONSTANT);
    const bool is_exact = strcmp(solver, "reference") == 0 && !is_added;
    atrous_error error;
    float *whole = floats(c->outputs);
    char text[256];

    unlimit();
    atrous_plan *plan = plan_of(solver, &c->conv, &error);
    if (plan == NULL) {
        free(whole);
        return;
    }
    assert_null(plan->parts);
    run(plan, c);
    memcpy(whole, c->output + GUARD, c->outputs * sizeof *whole);
    bytes = least(solver, plan, bytes);
    atrous_plan_destroy(plan);

    limit(bytes);
    plan = plan_of(solver, &c->conv, &error);
    unlimit();
    if (plan == NULL) {
        if (harness_takes_everything(solver))
            assert_non_null(strstr(error.message, "the smallest part has"));
        ++tally->refused;
    } else {
        run(plan, c);
        count_parts(plan, tally);
        for (size_t i = 0; is_exact && i < c->outputs; ++i)
            if (memcmp(&whole[i], &c->output[GUARD + i], sizeof *whole) != 0)
                fail_msg("[%zu] = %.9g in parts, %.9g whole; direction %d, limit %zu; %s", i,
                         (double)c->output[GUARD + i], (double)whole[i], (int)c->conv.direction,
                         bytes, shape_text(&c->conv, text, sizeof text));
        atrous_plan_destroy(plan);
    }
    free(whole);
}

static void report(const struct tally *tally)
{
    for (size_t s = 0; s < harness.solver_count; ++s)
        printf("%-10s ran %zu, %zu of them in %zu parts, %zu by phases; refused %zu\n",
               harness.solver[s], tally[s].whole, tally[s].cut, tally[s].parts, tally[s].phased,
               tally[s].refused);
}

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
    printf("seed %llu\n", (unsigned long long)directed_seed);
    for (size_t i = 0; i < count; ++i) {
        const atrous_conv conv = draw(&random);
        struct call c = call_make(&random, &conv);
        const size_t bytes = largest(&c) / random_between(&random, 2, 24) + 8 * sizeof(float);
        for (size_t s = 0; s < harness.solver_count; ++s)
            if (harness_takes_everything(harness.solver[s]) || i % 3 == 0)
                cut_and_compare(harness.solver[s], &c, bytes, &tally[s]);
        call_free(&c);
    }
    report(tally);
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
            limit((d.counts.w + image + 1024 / random_between(&random, 1, 16)) * sizeof(float));
            assert_true(directed_run("reference", &problem, got));
            atrous_error error;
            atrous_plan *plan = plan_of("reference", &conv, &error);
            assert_non_null(plan);
            cut += plan->parts != NULL;
            atrous_plan_destroy(plan);
            unlimit();
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

/* Problems of solvers that take few: strips, phases, spread. */
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
}

/* Larger problems, so that the fast solvers have tiles to cut between, winograd's among them. */
static void fast_solvers_in_parts(void **state)
{
    struct tally tally[HARNESS_MAX_SOLVERS] = {{0}};
    struct random random = {directed_seed + 2};

    (void)state;
    const atrous_direction directions[] = {ATROUS_FORWARD, ATROUS_FORWARD, ATROUS_BACKWARD_WEIGHTS,
                                           ATROUS_BACKWARD_DATA, ATROUS_TRANSPOSED};
    for (size_t i = 0; i < (harness.quick ? 5u : 28u); ++i) {
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
        const size_t bytes = largest(&c) / (2 + i % 3);
        for (size_t s = 0; s < harness.solver_count; ++s)
            cut_and_compare(harness.solver[s], &c, bytes, &tally[s]);
        call_free(&c);
    }
    report(tally);
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
    limit(largest(&c) / 4);
    atrous_plan *plan = plan_of(NULL, &conv, &error);
    unlimit();
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
    run(plan, &c);
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
    limit(64 * 9 * sizeof(float) - 1);
    assert_null(plan_of("reference", &conv, &error));
    printf("%s\n", error.message);
    assert_non_null(strstr(error.message, "the smallest part has bytes of weights: 2304"));
    assert_non_null(strstr(error.message, "no sum is cut by its channels"));
    conv.in_channels = 64;
    conv.kernel[0] = conv.kernel[1] = 1;
    conv.pad_begin[0] = conv.pad_begin[1] = conv.pad_end[0] = conv.pad_end[1] = 0;
    limit(64 * sizeof(float) - 1);
    assert_null(plan_of("reference", &conv, &error));
    printf("%s\n", error.message);
    assert_non_null(strstr(error.message, "the smallest part has"));
    limit(64 * sizeof(float));
    atrous_plan *plan = plan_of("reference", &conv, &error);
    assert_non_null(plan);
    atrous_plan_destroy(plan);
    unlimit();
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
    const char *asked = getenv("ATROUS_TEST_SEED");
    int failed = harness_open();

    if (asked != NULL)
        directed_seed = strtoull(asked, NULL, 10);
    if (failed == 0) {
        harness_add_gradients();
        failed = cmocka_run_group_tests_name("parts", tests, NULL, NULL);
    }
    harness_close();
    return failed;
}
