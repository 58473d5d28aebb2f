/* Cuts host-array calls into parts by a limit. */
#include "testing.h"

#include "limit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data.h"
#include "harness.h"
#include "plan/opencl/parts.h"
#include "shapes.h"

enum { GUARD = 16 };

void limit_set(size_t bytes)
{
    harness.context->env->buffer_limit = bytes;
}

void limit_lift(void)
{
    limit_set(harness.context->env->device.max_allocation);
}

static float *filled(struct random *random, size_t bytes)
{
    float *values = floats(bytes / sizeof(float) + 1);

    random_fill(random, values, bytes / sizeof(float));
    return values;
}

atrous_plan *limit_plan(const char *solver, const atrous_conv *conv, atrous_error *error)
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

struct call call_make(struct random *random, const atrous_conv *conv)
{
    struct call c = {.conv = *conv};
    atrous_plan_info info = {.struct_size = sizeof info};
    atrous_error error;
    atrous_plan *plan = limit_plan("reference", conv, &error);

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

void call_free(struct call *c)
{
    free(c->input);
    free(c->weights);
    free(c->bias);
    free(c->residual);
    free(c->grad);
    free(c->previous);
    free(c->output);
}

size_t call_largest(const struct call *c)
{
    atrous_plan_info info = {.struct_size = sizeof info};
    atrous_error error;
    atrous_plan *plan = limit_plan("reference", &c->conv, &error);
    size_t most = 0;

    assert_int_equal(atrous_plan_query(plan, &info, NULL), ATROUS_OK);
    const size_t all[] = {info.input_bytes, info.output_bytes, info.weights_bytes,
                          info.grad_output_bytes};
    for (size_t i = 0; i < sizeof all / sizeof *all; ++i)
        most = all[i] > most ? all[i] : most;
    atrous_plan_destroy(plan);
    return most;
}

void call_run(atrous_plan *plan, struct call *c)
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

/* The reference kernel sums each output as it does in the whole, to the last bit; gradients of
 * weights, and of what a padding repeats, are sums of what parts gave. */
void limit_compare(const char *solver, struct call *c, size_t bytes, struct tally *tally)
{
    const bool is_added =
        c->conv.direction == ATROUS_BACKWARD_WEIGHTS ||
        (c->conv.direction == ATROUS_BACKWARD_DATA && c->conv.padding > ATROUS_PADDING_CONSTANT);
    const bool is_exact = strcmp(solver, "reference") == 0 && !is_added;
    atrous_error error;
    float *whole = floats(c->outputs);
    char text[256];

    limit_lift();
    atrous_plan *plan = limit_plan(solver, &c->conv, &error);
    if (plan == NULL) {
        free(whole);
        return;
    }
    assert_null(plan->parts);
    call_run(plan, c);
    memcpy(whole, c->output + GUARD, c->outputs * sizeof *whole);
    bytes = least(solver, plan, bytes);
    atrous_plan_destroy(plan);

    limit_set(bytes);
    plan = limit_plan(solver, &c->conv, &error);
    limit_lift();
    if (plan == NULL) {
        if (harness_takes_everything(solver))
            assert_non_null(strstr(error.message, "the smallest part has"));
        ++tally->refused;
    } else {
        call_run(plan, c);
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

void tally_report(const struct tally *tally)
{
    for (size_t s = 0; s < harness.solver_count; ++s)
        printf("%-10s ran %zu, %zu of them in %zu parts, %zu by phases; refused %zu\n",
               harness.solver[s], tally[s].whole, tally[s].cut, tally[s].parts, tally[s].phased,
               tally[s].refused);
}
