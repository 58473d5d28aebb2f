/* Bindings that must be refused by name, with nothing enqueued. */
#include "testing.h"

#include <stdlib.h>
#include <string.h>

#include "app.h"
#include "harness.h"

/* The spoiled bindings are refused by name, and the output keeps what it held. */
static void expect_bad_bindings(struct app *app, const atrous_bindings *bindings, const char *field)
{
    const float kept = 77;
    float *y = floats(app->data.y_count);
    cl_event done = NULL;
    atrous_error error;

    for (size_t i = 0; i < app->data.y_count; ++i)
        y[i] = kept;
    app_write(app->queue, app->y, app->bindings.output.offset, y, app->info.output_bytes);
    assert_int_equal(atrous_plan_enqueue(app->plan, app->queue, bindings, 0, NULL, &done, &error),
                     ATROUS_INVALID_ARGUMENT);
    assert_null(done);
    if (strstr(error.message, field) == NULL)
        fail_msg("\"%s\" does not name %s", error.message, field);
    assert_int_equal(clFinish(app->queue), CL_SUCCESS);
    assert_int_equal(clEnqueueReadBuffer(app->queue, app->y, CL_TRUE, app->bindings.output.offset,
                                         app->info.output_bytes, y, 0, NULL, NULL),
                     CL_SUCCESS);
    for (size_t i = 0; i < app->data.y_count; ++i)
        assert_true(y[i] == kept);
    free(y);
}

static void bindings_refuses_missing_and_misplaced_buffers(void **state)
{
    struct app app = app_open(NULL, 1, 0);
    const atrous_bindings good = app.bindings;
    atrous_bindings bad = good;

    (void)state;
    bad.input.mem = NULL;
    expect_bad_bindings(&app, &bad, "input");
    bad = good;
    bad.output.mem = NULL;
    expect_bad_bindings(&app, &bad, "output");
    bad = good;
    bad.weights.mem = NULL;
    expect_bad_bindings(&app, &bad, "weights");
    bad = good;
    bad.bias.mem = NULL;
    expect_bad_bindings(&app, &bad, "bias");
    bad = good;
    bad.struct_size = 0;
    expect_bad_bindings(&app, &bad, "struct_size");
    expect_bad_bindings(&app, NULL, "bindings");
    if (app.info.offset_alignment > 1) {
        bad = good;
        bad.input.offset = 1;
        expect_bad_bindings(&app, &bad, "input");
    }
    bad = good;
    bad.input.offset += app.info.offset_alignment; /* the buffer ends too early */
    expect_bad_bindings(&app, &bad, "input");
    bad = good;
    bad.output.offset += app.info.offset_alignment;
    expect_bad_bindings(&app, &bad, "output");
    bad = good;
    bad.weights.offset += app.info.offset_alignment;
    expect_bad_bindings(&app, &bad, "weights");
    if (app.info.workspace_bytes > 0) {
        bad = good;
        bad.workspace.mem = NULL;
        expect_bad_bindings(&app, &bad, "workspace");
    }
    bad = good;
    bad.bias.offset = SIZE_MAX / app.info.offset_alignment * app.info.offset_alignment;
    expect_bad_bindings(&app, &bad, "bias");
    bad = good;
    bad.weights.format ^= 1;
    expect_bad_bindings(&app, &bad, "weights");
    app_close(&app);
}

static void bindings_refuses_overlap(void **state)
{
    struct app app = app_open(NULL, 0, 0);
    const atrous_bindings good = app.bindings;
    atrous_bindings bad = good;
    cl_mem big = app_buffer(app.cl, 2 * (app.info.input_bytes + app.info.output_bytes) + 4096);
    const size_t step = app.info.offset_alignment;
    const size_t behind = (app.info.output_bytes + step - 1) / step * step;

    (void)state;
    bad.input.mem = app.y;
    bad.input.offset = 0;
    bad.output = (atrous_buffer){big, 0};
    bad.input = (atrous_buffer){big, 0};
    expect_bad_bindings(&app, &bad, "overlap");
    bad.input.offset = behind - step; /* they share the last bytes */
    expect_bad_bindings(&app, &bad, "overlap");
    bad.input.offset = behind; /* side by side in one buffer is fine */
    app_write(app.queue, big, behind, app.data.x, app.info.input_bytes);
    app.bindings = bad;
    const cl_mem own = app.y;
    app.y = big;
    app_enqueue(&app, 0, NULL, NULL);
    app_expect_right(&app, NULL);
    app.y = own;
    app.bindings = good;
    clReleaseMemObject(big);
    app_close(&app);
}

/* Two sub-buffers of one buffer overlap though they are different objects. */
static void bindings_refuses_overlapping_sub_buffers(void **state)
{
    struct app app = app_open(NULL, 0, 0);
    const size_t page = 4096;
    const size_t in = (app.info.input_bytes + page - 1) / page * page;
    const size_t out = (app.info.output_bytes + page - 1) / page * page;
    cl_mem big = app_buffer(app.cl, in + out + page);
    const cl_buffer_region regions[] = {{0, in}, {in, out}, {in - page, out}};
    const cl_mem own = app.y;
    cl_mem parts[3];

    (void)state;
    for (int i = 0; i < 3; ++i) {
        parts[i] = clCreateSubBuffer(big, CL_MEM_READ_WRITE, CL_BUFFER_CREATE_TYPE_REGION,
                                     &regions[i], NULL);
        assert_non_null(parts[i]);
    }
    app_write(app.queue, parts[0], 0, app.data.x, app.info.input_bytes);
    app.bindings.input = (atrous_buffer){parts[0], 0};
    app.bindings.output.mem = app.y = parts[2];
    expect_bad_bindings(&app, &app.bindings, "overlap");
    app.bindings.output.mem = app.y = parts[1];
    app_write(app.queue, parts[0], 0, app.data.x, app.info.input_bytes);
    app_enqueue(&app, 0, NULL, NULL);
    app_expect_right(&app, NULL);
    app.y = own;
    for (int i = 0; i < 3; ++i)
        clReleaseMemObject(parts[i]);
    clReleaseMemObject(big);
    app_close(&app);
}

static void bindings_refuses_strange_buffers_and_queues(void **state)
{
    struct app app = app_open(NULL, 0, 0);
    cl_context other = app_context(app.device);
    cl_int code = CL_SUCCESS;
    cl_command_queue strange = clCreateCommandQueue(other, app.device, 0, &code);
    cl_mem foreign = app_buffer(other, app.info.input_bytes);
    const cl_command_queue own = app.queue;
    atrous_bindings bad = app.bindings;
    atrous_error error;

    (void)state;
    assert_int_equal(code, CL_SUCCESS);
    bad.input.mem = foreign;
    expect_bad_bindings(&app, &bad, "input");
    assert_int_equal(atrous_plan_enqueue(app.plan, strange, &app.bindings, 0, NULL, NULL, &error),
                     ATROUS_INVALID_ARGUMENT);
    assert_non_null(strstr(error.message, "queue"));
    assert_int_equal(atrous_plan_enqueue(app.plan, NULL, &app.bindings, 0, NULL, NULL, &error),
                     ATROUS_INVALID_ARGUMENT);
    assert_non_null(strstr(error.message, "queue"));
    assert_int_equal(atrous_plan_enqueue(NULL, own, &app.bindings, 0, NULL, NULL, &error),
                     ATROUS_INVALID_ARGUMENT);
    assert_int_equal(atrous_plan_enqueue(app.plan, own, &app.bindings, 1, NULL, NULL, &error),
                     ATROUS_INVALID_ARGUMENT);
    assert_non_null(strstr(error.message, "waits"));
    clReleaseMemObject(foreign);
    clReleaseCommandQueue(strange);
    clReleaseContext(other);
    app_close(&app);
}

static void bindings_pack_refuses_bad_places(void **state)
{
    struct app app = app_open(NULL, 0, 0);
    const atrous_buffer plain = {app.w, 0}, none = {NULL, 0};
    atrous_packed to = app.bindings.weights;
    cl_mem small = app_buffer(app.cl, 4);
    atrous_error error;

    (void)state;
    assert_int_equal(atrous_plan_pack(app.plan, app.queue, none, &to, 0, NULL, NULL, &error),
                     ATROUS_INVALID_ARGUMENT);
    assert_int_equal(atrous_plan_pack(app.plan, app.queue, plain, NULL, 0, NULL, NULL, &error),
                     ATROUS_INVALID_ARGUMENT);
    to.mem = NULL;
    assert_int_equal(atrous_plan_pack(app.plan, app.queue, plain, &to, 0, NULL, NULL, &error),
                     ATROUS_INVALID_ARGUMENT);
    to.mem = small;
    assert_int_equal(atrous_plan_pack(app.plan, app.queue, plain, &to, 0, NULL, NULL, &error),
                     ATROUS_INVALID_ARGUMENT);
    assert_non_null(strstr(error.message, "packed"));
    to.mem = app.w; /* in place */
    assert_int_equal(atrous_plan_pack(app.plan, app.queue, plain, &to, 0, NULL, NULL, &error),
                     ATROUS_INVALID_ARGUMENT);
    clReleaseMemObject(small);
    app_close(&app);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bindings_refuses_missing_and_misplaced_buffers),
        cmocka_unit_test(bindings_refuses_overlap),
        cmocka_unit_test(bindings_refuses_overlapping_sub_buffers),
        cmocka_unit_test(bindings_refuses_strange_buffers_and_queues),
        cmocka_unit_test(bindings_pack_refuses_bad_places),
    };
    int failed = harness_open();

    if (failed == 0)
        failed = cmocka_run_group_tests_name("bindings", tests, NULL, NULL);
    harness_close();
    return failed;
}
