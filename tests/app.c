/* Sets up contexts, buffers and a plan with plain OpenCL calls. */
#include "testing.h"

#include "app.h"

#include <stdlib.h>
#include <string.h>

#include "compare.h"
#include "harness.h"
#include "shapes.h"

enum { SEED = 404 };

cl_mem app_buffer(cl_context cl, size_t size)
{
    cl_int code = CL_SUCCESS;
    cl_mem mem = clCreateBuffer(cl, CL_MEM_READ_WRITE, size, NULL, &code);

    assert_int_equal(code, CL_SUCCESS);
    return mem;
}

cl_command_queue app_queue(cl_context cl, cl_device_id device,
                           cl_command_queue_properties properties)
{
    cl_int code = CL_SUCCESS;
    cl_command_queue queue = clCreateCommandQueue(cl, device, properties, &code);

    assert_int_equal(code, CL_SUCCESS);
    return queue;
}

void app_write(cl_command_queue queue, cl_mem mem, size_t offset, const void *from, size_t size)
{
    assert_int_equal(clEnqueueWriteBuffer(queue, mem, CL_TRUE, offset, size, from, 0, NULL, NULL),
                     CL_SUCCESS);
}

cl_context app_context(cl_device_id device)
{
    cl_int code = CL_SUCCESS;
    cl_context cl = clCreateContext(NULL, 1, &device, NULL, NULL, &code);

    assert_int_equal(code, CL_SUCCESS);
    return cl;
}

/* Buffers `lead` bytes longer than their tensors, which start there. */
static void app_buffers(struct app *app, size_t lead)
{
    const struct data *data = &app->data;

    app->x = app_buffer(app->cl, lead + app->info.input_bytes);
    app->w = app_buffer(app->cl, lead + app->info.weights_bytes);
    app->y = app_buffer(app->cl, lead + app->info.output_bytes);
    app->packed = app_buffer(app->cl, lead + app->info.packed_bytes);
    app->bias = app_buffer(app->cl, lead + data->conv.out_channels * sizeof(float));
    app->workspace = app_buffer(app->cl, lead + app->info.workspace_bytes + 4);
    app_write(app->queue, app->x, lead, data->x, app->info.input_bytes);
    app_write(app->queue, app->w, lead, data->w, app->info.weights_bytes);
    app_write(app->queue, app->bias, lead, data->bias, data->conv.out_channels * sizeof(float));
    atrous_bindings_init(&app->bindings, sizeof app->bindings);
    app->bindings.input = (atrous_buffer){app->x, lead};
    app->bindings.output = (atrous_buffer){app->y, lead};
    app->bindings.bias = (atrous_buffer){app->bias, lead};
    app->bindings.weights = (atrous_packed){.mem = app->packed, .offset = lead};
    if (app->info.workspace_bytes > 0)
        app->bindings.workspace = (atrous_buffer){app->workspace, lead};
}

static atrous_status pack(struct app *app, atrous_error *error)
{
    const atrous_buffer plain = {app->w, app->bindings.input.offset};

    return atrous_plan_pack(app->plan, app->queue, plain, &app->bindings.weights, 0, NULL, NULL,
                            error);
}

/* A forward problem that the solver is for. */
static atrous_conv conv_for(const char *solver)
{
    atrous_conv conv = shape_square(2, 17, 20, 18, 3, 3); /* one that most solvers take */

    if (solver != NULL && strcmp(solver, "filter") == 0)
        conv = shape_square(2, 2, 3, 18, 3, 3);
    if (solver != NULL && strcmp(solver, "depthwise") == 0) {
        conv = shape_square(2, 20, 20, 18, 3, 3);
        conv.groups = conv.in_channels;
    }
    conv.has_bias = 1;
    return conv;
}

bool app_takes(const char *solver)
{
    const atrous_conv conv = conv_for(solver);
    return harness_serves(solver, &conv);
}

/* Everything up to packed weights; `solver` NULL lets the library choose. */
struct app app_open(const char *solver, size_t units_of_lead,
                    cl_command_queue_properties properties)
{
    const atrous_conv conv = conv_for(solver);
    struct random random = {SEED};
    struct app app = {.info = {.struct_size = sizeof app.info}};
    atrous_plan_options options;
    atrous_error error;

    app.data = data_draw(&conv, &random, FILL_INTEGERS);
    data_solve(&app.data);
    app.device = atrous_context_cl_device(harness.context);
    app.cl = app_context(app.device);
    app.queue = app_queue(app.cl, app.device, properties);
    harness_expect_ok(atrous_context_borrow(app.cl, app.device, NULL, &app.context, &error), &error,
                      "borrow", &conv);
    atrous_plan_options_init(&options, sizeof options);
    options.solver = solver;
    harness_expect_ok(atrous_plan_create(app.context, &conv, &options, &app.plan, &error), &error,
                      "create", &conv);
    assert_int_equal(atrous_plan_query(app.plan, &app.info, NULL), ATROUS_OK);
    app_buffers(&app, units_of_lead * app.info.offset_alignment);
    harness_expect_ok(pack(&app, &error), &error, "pack", &conv);
    assert_int_equal(clFinish(app.queue), CL_SUCCESS);
    return app;
}

void app_close(struct app *app)
{
    const cl_mem mems[] = {app->x, app->w, app->bias, app->y, app->packed, app->workspace};

    atrous_plan_destroy(app->plan);
    atrous_context_destroy(app->context);
    for (size_t i = 0; i < sizeof mems / sizeof *mems; ++i)
        clReleaseMemObject(mems[i]);
    clReleaseCommandQueue(app->queue);
    clReleaseContext(app->cl);
    data_free(&app->data);
}

void app_poison(struct app *app)
{
    float *nans = floats(app->data.y_count);

    memset(nans, 0xff, app->info.output_bytes);
    app_write(app->queue, app->y, app->bindings.output.offset, nans, app->info.output_bytes);
    free(nans);
}

/* Reads the output, waiting for `done` where given, and compares. */
void app_expect_right(struct app *app, const cl_event *done)
{
    float *y = floats(app->data.y_count);
    struct mismatch worst;

    assert_int_equal(clEnqueueReadBuffer(app->queue, app->y, CL_TRUE, app->bindings.output.offset,
                                         app->info.output_bytes, y, done != NULL, done, NULL),
                     CL_SUCCESS);
    if (!compare_bound(&app->data.conv, y, app->data.value, app->data.magnitude, app->data.y_count,
                       0.0, &worst))
        fail_msg("y[%zu] = %g, not %g", worst.at, worst.got, worst.want);
    free(y);
}

void app_enqueue(struct app *app, cl_uint waits, const cl_event *wait, cl_event *done)
{
    atrous_error error;

    harness_expect_ok(
        atrous_plan_enqueue(app->plan, app->queue, &app->bindings, waits, wait, done, &error),
        &error, "enqueue", &app->data.conv);
}

/* The second thread's application shares the first's context, with another problem. */
struct app app_beside(const struct app *first)
{
    atrous_conv conv = shape_square(2, 16, 22, 15, 3, 2);
    struct random random = {SEED + 1};
    struct app app = {.info = {.struct_size = sizeof app.info}};
    atrous_error error;

    conv.has_bias = 1;
    app.data = data_draw(&conv, &random, FILL_INTEGERS);
    data_solve(&app.data);
    app.device = first->device;
    app.cl = first->cl;
    app.context = first->context;
    assert_int_equal(clRetainContext(app.cl), CL_SUCCESS);
    app.queue = app_queue(app.cl, app.device, 0);
    harness_expect_ok(atrous_plan_create(app.context, &conv, NULL, &app.plan, &error), &error,
                      "create", &conv);
    assert_int_equal(atrous_plan_query(app.plan, &app.info, NULL), ATROUS_OK);
    app_buffers(&app, 0);
    harness_expect_ok(pack(&app, &error), &error, "pack", &conv);
    return app;
}
