/* The caller's own OpenCL objects: borrowed contexts, offsets, queues, events and threads. */
#define _POSIX_C_SOURCE 200809L /* nanosleep */
#include "testing.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "app.h"
#include "compare.h"
#include "harness.h"
#include "shapes.h"

static void opencl_offsets_in_borrowed_context(void **state)
{
    (void)state;
    for (size_t s = 0; s < harness.solver_count; ++s)
        for (size_t lead = 0; lead <= 3; lead += 3) {
            if (!app_takes(harness.solver[s]))
                continue;
            struct app app = app_open(harness.solver[s], lead, 0);
            assert_ptr_equal(atrous_context_cl_context(app.context), app.cl);
            assert_ptr_equal(atrous_context_cl_device(app.context), app.device);
            assert_false(atrous_context_is_cpu_path(app.context));
            for (int again = 0; again < 2; ++again) {
                app_poison(&app);
                app_enqueue(&app, 0, NULL, NULL);
                app_expect_right(&app, NULL);
            }
            app_close(&app);
        }
}

/* Until the caller's own event completes nothing runs: the input is written meanwhile. */
static void opencl_waits_for_user_event(void **state)
{
    const cl_command_queue_properties orders[] = {0, CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE};

    (void)state;
    for (size_t s = 0; s < harness.solver_count; ++s)
        for (size_t i = 0; i < 2; ++i) {
            if (!app_takes(harness.solver[s]))
                continue;
            struct app app = app_open(harness.solver[s], 0, orders[i]);
            cl_command_queue side = app_queue(app.cl, app.device, 0);
            float *wrong = floats(app.data.x_count);
            cl_event gate = clCreateUserEvent(app.cl, NULL), done = NULL;
            cl_int progress = 0;
            app_write(side, app.x, 0, wrong, app.info.input_bytes);
            app_poison(&app);
            app_enqueue(&app, 1, &gate, &done);
            assert_non_null(done);
            clFlush(app.queue);
            assert_int_equal(clGetEventInfo(done, CL_EVENT_COMMAND_EXECUTION_STATUS,
                                            sizeof progress, &progress, NULL),
                             CL_SUCCESS);
            assert_true(progress > CL_COMPLETE);
            app_write(side, app.x, 0, app.data.x, app.info.input_bytes);
            assert_int_equal(clSetUserEventStatus(gate, CL_COMPLETE), CL_SUCCESS);
            assert_int_equal(clWaitForEvents(1, &done), CL_SUCCESS);
            app_expect_right(&app, NULL);
            clReleaseEvent(gate);
            clReleaseEvent(done);
            clReleaseCommandQueue(side);
            free(wrong);
            app_close(&app);
        }
}

/* On an out-of-order queue only events order the work: write, pack, convolve, read. */
static void opencl_out_of_order_chain(void **state)
{
    (void)state;
    for (size_t s = 0; s < harness.solver_count; ++s) {
        if (!app_takes(harness.solver[s]))
            continue;
        struct app app = app_open(harness.solver[s], 1, CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE);
        const size_t lead = app.bindings.input.offset;
        const atrous_buffer plain = {app.w, lead};
        atrous_error error;
        app_poison(&app);
        for (int again = 0; again < 4; ++again) {
            cl_event wrote[2], packed = NULL, done = NULL;
            assert_int_equal(clEnqueueWriteBuffer(app.queue, app.x, CL_FALSE, lead,
                                                  app.info.input_bytes, app.data.x, 0, NULL,
                                                  &wrote[0]),
                             CL_SUCCESS);
            assert_int_equal(clEnqueueWriteBuffer(app.queue, app.w, CL_FALSE, lead,
                                                  app.info.weights_bytes, app.data.w, 0, NULL,
                                                  &wrote[1]),
                             CL_SUCCESS);
            harness_expect_ok(atrous_plan_pack(app.plan, app.queue, plain, &app.bindings.weights, 2,
                                               wrote, &packed, &error),
                              &error, "pack", &app.data.conv);
            app_enqueue(&app, 1, &packed, &done);
            app_expect_right(&app, &done);
            clReleaseEvent(wrote[0]);
            clReleaseEvent(wrote[1]);
            clReleaseEvent(packed);
            clReleaseEvent(done);
        }
        app_close(&app);
    }
}

/* Ten enqueues in flight into ten outputs, on one in-order queue. */
static void opencl_many_in_flight(void **state)
{
    enum { FLIGHTS = 10 };
    struct app app = app_open(NULL, 0, 0);
    cl_mem outputs[FLIGHTS];
    const cl_mem own = app.y;

    (void)state;
    for (int i = 0; i < FLIGHTS; ++i) {
        outputs[i] = app_buffer(app.cl, app.info.output_bytes);
        app.bindings.output.mem = outputs[i];
        app_enqueue(&app, 0, NULL, NULL);
    }
    for (int i = 0; i < FLIGHTS; ++i) {
        app.y = outputs[i];
        app_expect_right(&app, NULL);
        clReleaseMemObject(outputs[i]);
    }
    app.y = own;
    app_close(&app);
}

struct worker {
    struct app *app;
    bool right;
};

/* Own plan, own queue, own buffers on the shared context. */
static void *work(void *of)
{
    struct worker *worker = of;
    struct app *app = worker->app;
    float *y = calloc(app->data.y_count, sizeof *y);
    struct mismatch worst;

    worker->right = y != NULL;
    for (int again = 0; worker->right && again < 50; ++again) {
        worker->right = atrous_plan_enqueue(app->plan, app->queue, &app->bindings, 0, NULL, NULL,
                                            NULL) == ATROUS_OK &&
                        clEnqueueReadBuffer(app->queue, app->y, CL_TRUE, 0, app->info.output_bytes,
                                            y, 0, NULL, NULL) == CL_SUCCESS;
        worker->right =
            worker->right && compare_bound(&app->data.conv, y, app->data.value, app->data.magnitude,
                                           app->data.y_count, 0.0, &worst);
    }
    free(y);
    return NULL;
}

static void opencl_two_threads_with_a_plan_each(void **state)
{
    struct app a = app_open(NULL, 0, 0), b = app_beside(&a);
    struct worker workers[2] = {{&a, false}, {&b, false}};
    pthread_t threads[2];

    (void)state;
    for (int i = 0; i < 2; ++i)
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    for (int i = 0; i < 2; ++i)
        pthread_join(threads[i], NULL);
    assert_true(workers[0].right);
    assert_true(workers[1].right);
    b.context = NULL; /* it was the first's */
    app_close(&b);
    app_close(&a);
}

static cl_uint references(cl_context cl)
{
    cl_uint count = 0;

    assert_int_equal(clGetContextInfo(cl, CL_CONTEXT_REFERENCE_COUNT, sizeof count, &count, NULL),
                     CL_SUCCESS);
    return count;
}

static cl_uint mem_references(cl_mem mem)
{
    cl_uint count = 0;

    assert_int_equal(clGetMemObjectInfo(mem, CL_MEM_REFERENCE_COUNT, sizeof count, &count, NULL),
                     CL_SUCCESS);
    return count;
}

/* A driver's own threads may let go of finished work a moment after clFinish(). */
static void expect_released(cl_mem mem, cl_context cl)
{
    const struct timespec moment = {.tv_nsec = 1000000};

    for (int wait = 0; wait < 5000; ++wait) {
        if ((mem != NULL ? mem_references(mem) : references(cl)) == 1)
            return;
        nanosleep(&moment, NULL);
    }
    fail_msg("a reference to the caller's %s was kept", mem != NULL ? "buffer" : "context");
}

static void opencl_gives_back_what_it_borrowed(void **state)
{
    struct app app = app_open(NULL, 0, 0);
    cl_context cl = app.cl;

    (void)state;
    app_enqueue(&app, 0, NULL, NULL);
    assert_int_equal(clFinish(app.queue), CL_SUCCESS);
    expect_released(app.x, NULL);
    expect_released(app.y, NULL);
    expect_released(app.packed, NULL);
    assert_int_equal(clRetainContext(cl), CL_SUCCESS);
    app_close(&app);
    expect_released(NULL, cl);
    clReleaseContext(cl);
}

static void opencl_borrow_refuses_strangers(void **state)
{
    cl_device_id device = atrous_context_cl_device(harness.context);
    cl_context cl = app_context(device);
    atrous_context *context = (atrous_context *)&cl; /* must become NULL */

    (void)state;
    assert_int_equal(atrous_context_borrow(NULL, device, NULL, &context, NULL),
                     ATROUS_INVALID_ARGUMENT);
    assert_null(context);
    assert_int_equal(atrous_context_borrow(cl, NULL, NULL, &context, NULL),
                     ATROUS_INVALID_ARGUMENT);
    assert_int_equal(atrous_context_borrow(cl, device, NULL, NULL, NULL), ATROUS_INVALID_ARGUMENT);
    assert_int_equal(references(cl), 1);
    clReleaseContext(cl);
}

static void opencl_cpu_path_has_no_opencl(void **state)
{
    struct app app = app_open(NULL, 0, 0);
    atrous_context_options options;
    atrous_context *cpu = NULL;
    atrous_plan *plan = NULL;

    (void)state;
    atrous_context_options_init(&options, sizeof options);
    options.device = ATROUS_DEVICE_CPU_PATH;
    assert_int_equal(atrous_context_create(&options, &cpu, NULL), ATROUS_OK);
    assert_null(atrous_context_cl_context(cpu));
    assert_null(atrous_context_cl_device(cpu));
    assert_int_equal(atrous_plan_create(cpu, &app.data.conv, NULL, &plan, NULL), ATROUS_OK);
    assert_int_equal(atrous_plan_enqueue(plan, app.queue, &app.bindings, 0, NULL, NULL, NULL),
                     ATROUS_UNSUPPORTED);
    assert_int_equal(atrous_plan_pack(plan, app.queue, app.bindings.input, &app.bindings.weights, 0,
                                      NULL, NULL, NULL),
                     ATROUS_UNSUPPORTED);
    atrous_plan_destroy(plan);
    atrous_context_destroy(cpu);
    app_close(&app);
}

/* Plans of one format share packed weights, whatever their images. */
static void opencl_packed_weights_are_shared(void **state)
{
    (void)state;
    for (size_t s = 0; s < harness.solver_count; ++s) {
        if (!app_takes(harness.solver[s]))
            continue;
        struct app app = app_open(harness.solver[s], 0, 0);
        atrous_plan_options options;
        atrous_plan_info info = {.struct_size = sizeof info};
        atrous_plan *twin = NULL;
        atrous_plan_options_init(&options, sizeof options);
        options.solver = harness.solver[s];
        assert_int_equal(atrous_plan_create(app.context, &app.data.conv, &options, &twin, NULL),
                         ATROUS_OK);
        assert_int_equal(atrous_plan_query(twin, &info, NULL), ATROUS_OK);
        assert_true(info.weights_format == app.info.weights_format);
        atrous_plan_destroy(app.plan);
        app.plan = twin;
        app_poison(&app);
        app_enqueue(&app, 0, NULL, NULL);
        app_expect_right(&app, NULL);
        app_close(&app);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opencl_offsets_in_borrowed_context),
        cmocka_unit_test(opencl_waits_for_user_event),
        cmocka_unit_test(opencl_out_of_order_chain),
        cmocka_unit_test(opencl_many_in_flight),
        cmocka_unit_test(opencl_two_threads_with_a_plan_each),
        cmocka_unit_test(opencl_gives_back_what_it_borrowed),
        cmocka_unit_test(opencl_borrow_refuses_strangers),
        cmocka_unit_test(opencl_cpu_path_has_no_opencl),
        cmocka_unit_test(opencl_packed_weights_are_shared),
    };
    int failed = harness_open();

    if (failed == 0)
        failed = cmocka_run_group_tests_name("opencl", tests, NULL, NULL);
    harness_close();
    return failed;
}
