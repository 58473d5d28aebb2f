/* Solvers on a device that has less local memory than this one: the ways they then go. */
#include "testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device/device.h"
#include "directed_draw.h"
#include "harness.h"
#include "plan/plan.h"
#include "shapes.h"

static const uint64_t seed = 905;

/* Where the device has that much; what it had. */
static size_t leave(size_t bytes)
{
    struct atrous__device *device = &harness.context->env->device;
    const size_t had = device->local_memory;

    device->local_memory = bytes;
    return had;
}

static size_t workspace_of(const char *solver, const atrous_conv *conv)
{
    atrous_plan_info info = {.struct_size = sizeof info};
    atrous_plan *plan = harness_plan(solver, conv);

    assert_int_equal(atrous_plan_query(plan, &info, NULL), ATROUS_OK);
    atrous_plan_destroy(plan);
    return info.workspace_bytes;
}

/* directed_run() has the plan check itself against its own bound; twice, bit by bit. */
static void run_twice(const char *solver, const atrous_conv *conv, struct random *random)
{
    struct drawn d = drawn_of(random, conv);
    const struct directed problem = drawn_direct(&d, conv);
    const size_t count = directed_outputs_count(conv);
    float *got = floats(count), *again = floats(count);

    assert_true(directed_run(solver, &problem, got));
    assert_true(directed_run_buffers(solver, &problem, again));
    assert_memory_equal(got, again, count * sizeof *got);
    free(got);
    free(again);
    drawn_free(&d);
}

/* The points of a block of tiles do not fit: they go through the workspace. */
static void gradient_minimal_through_the_workspace(void **state)
{
    struct random random = {seed};

    (void)state;
    printf("seed %llu\n", (unsigned long long)seed);
    for (size_t i = 0; i < 12; ++i) {
        const bool is_line = i % 3 == 2;
        atrous_conv conv = is_line ? shape_square(1, 67, 18 + i, 400, 2 + i / 3 % 2, 8)
                                   : shape_square(2, i % 3 == 1 ? 84 : 17, i % 3 == 1 ? 70 : 18, 13,
                                                  3, 1 + i / 3 % 2);
        conv.direction = ATROUS_BACKWARD_WEIGHTS;
        conv.has_bias = i % 2 == 0;
        conv.batch = 1 + i % 2;
        conv.groups = i == 4 ? 2 : 1;
        conv.input_layout = (atrous_layout)(i / 3 % 2);
        conv.output_layout = (atrous_layout)(i / 6);
        conv.beta = i % 4 == 1 ? 0.5 : 0.0;
        if (!harness_serves("gradient_minimal", &conv))
            skip(); /* not a device that it is made for */
        const size_t whole = workspace_of("gradient_minimal", &conv);
        const size_t had = leave((size_t)(is_line ? 32 : 80) << 10);
        const size_t less = workspace_of("gradient_minimal", &conv);
        printf("problem %zu: workspace %zu, with less local memory %zu\n", i, whole, less);
        assert_true(less != whole);
        run_twice("gradient_minimal", &conv, &random);
        leave(had);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradient_minimal_through_the_workspace),
    };
    int failed = harness_open();

    if (failed == 0)
        failed = cmocka_run_group_tests_name("less_memory", tests, NULL, NULL);
    harness_close();
    return failed;
}
