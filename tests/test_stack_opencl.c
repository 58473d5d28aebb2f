/* Stacks on the caller's own context, queue and buffers. */
#include "testing.h"

#include <stdlib.h>
#include <string.h>

#include <atrous/stack_opencl.h>

#include "app.h"
#include "harness.h"
#include "net_run.h"

enum { SEED = 31, LEAD = 5 * sizeof(float) };

/* A user's application with a stack in it; tensors start LEAD bytes into their buffers. */
struct user {
    struct net net;
    cl_context cl;
    cl_device_id device;
    cl_command_queue queue;
    atrous_context *context;
    atrous_stack *stack;
    atrous_stack_info info;
    size_t output_bytes[2];
    cl_mem x, y[2], packed, workspace, parameters[2 * NET_MAX];
    atrous_layer_buffers layers[NET_MAX];
    atrous_buffer outputs[2];
    atrous_stack_bindings bindings;
    float *want[2];
};

static const atrous_source two_outputs[] = {{ATROUS_FROM_LAYER, 1}, {ATROUS_FROM_SUM, 0}};

/* Skips into a sum, a residual that gives its place away, and a result that is also given out. */
static struct net make_net(void)
{
    struct random random = {SEED};
    struct net net = net_open(2, 1, 3, (size_t[]){20, 18, 1});

    net_add(&net, 4, 3, 1);
    net_add(&net, 4, 3, 2)->conv.has_bias = 1;
    net_add(&net, 2, 1, 1)->sum = 0;
    atrous_layer *layer = net_add(&net, 4, 3, 4);
    layer->conv.residual = ATROUS_RESIDUAL_AFTER;
    layer->residual = (atrous_source){ATROUS_FROM_LAYER, 0};
    layer->conv.activation = ATROUS_ACTIVATION_RELU;
    net_add(&net, 2, 1, 1)->sum = 0;
    net_draw(&net, &random);
    return net;
}

static cl_mem filled(const struct user *user, const void *from, size_t bytes)
{
    cl_mem mem = app_buffer(user->cl, LEAD + bytes);

    if (from != NULL)
        app_write(user->queue, mem, LEAD, from, bytes);
    return mem;
}

static void make_buffers(struct user *user)
{
    atrous_shape shape = {.struct_size = sizeof shape};

    user->x = filled(user, user->net.input, user->info.input_bytes);
    user->packed = filled(user, NULL, user->info.packed_bytes);
    user->workspace = filled(user, NULL, user->info.workspace_bytes);
    for (size_t i = 0; i < 2; ++i) {
        assert_int_equal(atrous_stack_output(user->stack, i, &shape, &user->output_bytes[i], NULL),
                         ATROUS_OK);
        user->y[i] = filled(user, NULL, user->output_bytes[i]);
        user->outputs[i] = (atrous_buffer){user->y[i], LEAD};
    }
    for (size_t i = 0; i < user->net.count; ++i) {
        const atrous_plan *plan = atrous_stack_plan(user->stack, i);
        atrous_plan_info info = {.struct_size = sizeof info};
        assert_int_equal(atrous_plan_query(plan, &info, NULL), ATROUS_OK);
        user->parameters[2 * i] = filled(user, user->net.weights[i].weights, info.weights_bytes);
        user->layers[i].weights = (atrous_buffer){user->parameters[2 * i], LEAD};
        if (user->net.weights[i].bias == NULL)
            continue;
        user->parameters[2 * i + 1] = filled(user, user->net.weights[i].bias,
                                             user->net.layers[i].conv.out_channels * sizeof(float));
        user->layers[i].bias = (atrous_buffer){user->parameters[2 * i + 1], LEAD};
    }
    atrous_stack_bindings_init(&user->bindings, sizeof user->bindings);
    user->bindings.input = (atrous_buffer){user->x, LEAD};
    user->bindings.weights = (atrous_packed){user->packed, LEAD, 0};
    user->bindings.outputs = user->outputs;
    user->bindings.workspace = (atrous_buffer){user->workspace, LEAD};
}

static void open_user(struct user *user, cl_command_queue_properties properties)
{
    atrous_stack_options options;
    atrous_error error;

    memset(user, 0, sizeof *user);
    user->net = make_net();
    user->device = atrous_context_cl_device(harness.context);
    user->cl = app_context(user->device);
    user->queue = app_queue(user->cl, user->device, properties);
    assert_int_equal(atrous_context_borrow(user->cl, user->device, NULL, &user->context, &error),
                     ATROUS_OK);
    atrous_stack_options_init(&options, sizeof options);
    options.outputs = two_outputs;
    options.output_count = 2;
    if (atrous_stack_create(user->context, user->net.layers, user->net.count, &user->net.shape,
                            &options, &user->stack, &error) != ATROUS_OK)
        fail_msg("stack: %s", error.message);
    user->info.struct_size = sizeof user->info;
    assert_int_equal(atrous_stack_query(user->stack, &user->info, NULL), ATROUS_OK);
    assert_false(user->info.on_cpu_path);
    net_layers(&user->net, user->stack, two_outputs, 2, user->want);
    make_buffers(user);
}

static void release(cl_mem mem)
{
    if (mem != NULL)
        clReleaseMemObject(mem);
}

static void close_user(struct user *user)
{
    clFinish(user->queue);
    release(user->x);
    release(user->packed);
    release(user->workspace);
    for (size_t i = 0; i < 2; ++i) {
        release(user->y[i]);
        free(user->want[i]);
    }
    for (size_t i = 0; i < 2 * NET_MAX; ++i)
        release(user->parameters[i]);
    atrous_stack_destroy(user->stack);
    atrous_context_destroy(user->context);
    clReleaseCommandQueue(user->queue);
    clReleaseContext(user->cl);
    net_close(&user->net);
}

/* Integers: whatever the solvers, the same to the last bit. */
static void expect_right(struct user *user, const cl_event *done)
{
    for (size_t i = 0; i < 2; ++i) {
        float *got = floats(user->output_bytes[i] / sizeof(float));
        assert_int_equal(clEnqueueReadBuffer(user->queue, user->y[i], CL_TRUE, LEAD,
                                             user->output_bytes[i], got, done != NULL, done, NULL),
                         CL_SUCCESS);
        assert_memory_equal(got, user->want[i], user->output_bytes[i]);
        free(got);
    }
}

static void pack(struct user *user, cl_event *done)
{
    atrous_error error;

    if (atrous_stack_pack(user->stack, user->queue, user->layers, &user->bindings.weights, 0, NULL,
                          done, &error) != ATROUS_OK)
        fail_msg("pack: %s", error.message);
    assert_true(user->bindings.weights.format == user->info.weights_format);
}

static void enqueue(struct user *user, cl_uint num_waits, const cl_event *waits, cl_event *done)
{
    atrous_error error;

    if (atrous_stack_enqueue(user->stack, user->queue, &user->bindings, num_waits, waits, done,
                             &error) != ATROUS_OK)
        fail_msg("enqueue: %s", error.message);
}

static void stack_enqueued_in_order(void **state)
{
    struct user user;

    (void)state;
    open_user(&user, 0);
    pack(&user, NULL);
    for (int again = 0; again < 3; ++again) {
        enqueue(&user, 0, NULL, NULL);
        expect_right(&user, NULL);
    }
    close_user(&user);
}

static void stack_enqueued_out_of_order(void **state)
{
    struct user user;
    cl_event packed = NULL, done = NULL;

    (void)state;
    open_user(&user, CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE);
    pack(&user, &packed);
    for (int again = 0; again < 3; ++again) {
        enqueue(&user, 1, &packed, &done);
        expect_right(&user, &done);
        clReleaseEvent(done);
    }
    clReleaseEvent(packed);
    close_user(&user);
}

/* Nothing runs before the caller's own event. */
static void stack_waits_for_user_event(void **state)
{
    struct user user;
    cl_int progress = 0;
    cl_event done = NULL;

    (void)state;
    open_user(&user, 0);
    pack(&user, NULL);
    assert_int_equal(clFinish(user.queue), CL_SUCCESS);
    cl_event gate = clCreateUserEvent(user.cl, NULL);
    enqueue(&user, 1, &gate, &done);
    clFlush(user.queue);
    assert_int_equal(
        clGetEventInfo(done, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof progress, &progress, NULL),
        CL_SUCCESS);
    assert_true(progress > CL_COMPLETE);
    assert_int_equal(clSetUserEventStatus(gate, CL_COMPLETE), CL_SUCCESS);
    expect_right(&user, &done);
    clReleaseEvent(done);
    clReleaseEvent(gate);
    close_user(&user);
}

static void expect_refused(struct user *user, const char *field)
{
    atrous_error error;
    cl_event done = (cl_event)user; /* must become NULL */

    assert_int_equal(
        atrous_stack_enqueue(user->stack, user->queue, &user->bindings, 0, NULL, &done, &error),
        ATROUS_INVALID_ARGUMENT);
    assert_string_equal(error.field, field);
    assert_null(done);
}

#define REFUSE(change, field)                                      \
    do {                                                           \
        const atrous_stack_bindings kept_ = user.bindings;         \
        atrous_buffer kept_outputs_[2];                            \
        memcpy(kept_outputs_, user.outputs, sizeof kept_outputs_); \
        change;                                                    \
        expect_refused(&user, field);                              \
        user.bindings = kept_;                                     \
        memcpy(user.outputs, kept_outputs_, sizeof kept_outputs_); \
    } while (0)

static void stack_enqueue_refuses(void **state)
{
    struct user user;
    atrous_error error;

    (void)state;
    open_user(&user, 0);
    expect_refused(&user, "weights.format"); /* nothing packed yet */
    pack(&user, NULL);
    REFUSE(user.bindings.struct_size = 1, "bindings.struct_size");
    REFUSE(user.bindings.input.mem = NULL, "input");
    REFUSE(user.bindings.input.offset += 4, "input");
    REFUSE(user.bindings.weights.offset += 4, "weights");
    REFUSE(user.bindings.workspace.mem = NULL, "workspace");
    REFUSE(user.bindings.workspace.offset = 2, "workspace");
    REFUSE(user.bindings.outputs = NULL, "outputs");
    REFUSE(user.outputs[1].mem = NULL, "outputs[1]");
    REFUSE(user.outputs[1] = user.outputs[0], "outputs[1]");
    REFUSE(user.outputs[0] = user.bindings.workspace, "outputs[0]");
    assert_int_equal(atrous_stack_enqueue(user.stack, NULL, &user.bindings, 0, NULL, NULL, &error),
                     ATROUS_INVALID_ARGUMENT);
    assert_int_equal(atrous_stack_enqueue(NULL, user.queue, &user.bindings, 0, NULL, NULL, &error),
                     ATROUS_INVALID_ARGUMENT);
    assert_int_equal(atrous_stack_enqueue(user.stack, user.queue, NULL, 0, NULL, NULL, &error),
                     ATROUS_INVALID_ARGUMENT);
    assert_int_equal(
        atrous_stack_enqueue(user.stack, user.queue, &user.bindings, 1, NULL, NULL, &error),
        ATROUS_INVALID_ARGUMENT);

    const atrous_buffer bias = user.layers[1].bias;
    user.layers[1].bias.mem = NULL;
    assert_int_equal(atrous_stack_pack(user.stack, user.queue, user.layers, &user.bindings.weights,
                                       0, NULL, NULL, &error),
                     ATROUS_INVALID_ARGUMENT);
    assert_string_equal(error.field, "layers[1].bias");
    user.layers[1].bias = bias;
    user.layers[2].weights.mem = user.packed;
    assert_int_equal(atrous_stack_pack(user.stack, user.queue, user.layers, &user.bindings.weights,
                                       0, NULL, NULL, &error),
                     ATROUS_INVALID_ARGUMENT);
    assert_string_equal(error.field, "packed");
    close_user(&user);
}

static void stack_on_cpu_path_is_not_enqueued(void **state)
{
    struct user user;
    atrous_context_options options;
    atrous_context *cpu = NULL;
    atrous_stack *stack = NULL;

    (void)state;
    open_user(&user, 0);
    atrous_context_options_init(&options, sizeof options);
    options.device = ATROUS_DEVICE_CPU_PATH;
    assert_int_equal(atrous_context_create(&options, &cpu, NULL), ATROUS_OK);
    assert_int_equal(atrous_stack_create(cpu, user.net.layers, user.net.count, &user.net.shape,
                                         NULL, &stack, NULL),
                     ATROUS_OK);
    assert_int_equal(atrous_stack_enqueue(stack, user.queue, &user.bindings, 0, NULL, NULL, NULL),
                     ATROUS_UNSUPPORTED);
    assert_int_equal(atrous_stack_pack(stack, user.queue, user.layers, &user.bindings.weights, 0,
                                       NULL, NULL, NULL),
                     ATROUS_UNSUPPORTED);
    atrous_stack_destroy(stack);
    atrous_context_destroy(cpu);
    close_user(&user);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stack_enqueued_in_order),
        cmocka_unit_test(stack_enqueued_out_of_order),
        cmocka_unit_test(stack_waits_for_user_event),
        cmocka_unit_test(stack_enqueue_refuses),
        cmocka_unit_test(stack_on_cpu_path_is_not_enqueued),
    };
    int failed = harness_open();

    if (failed == 0)
        failed = cmocka_run_group_tests_name("stack_opencl", tests, NULL, NULL);
    harness_close();
    return failed;
}
