/* Runs problems of every direction: layouts converted, guard words around what is written. */
#include "testing.h"

#include "directed.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data.h"
#include "fenced.h"
#include "harness.h"
#include "shapes.h"
#include "stored.h"

/* NCHW to a layout (or back): `count` elements with `channels` channels in `batch` images. */
static void turn(const float *from, float *to, size_t count, size_t batch, size_t channels,
                 atrous_layout layout, bool back)
{
    const size_t plane = count / batch / channels;

    for (size_t i = 0; i < count; ++i) {
        const size_t n = i / plane / channels, c = i / plane % channels, p = i % plane;
        const size_t other = layout == ATROUS_LAYOUT_NHWC ? (n * plane + p) * channels + c : i;
        to[back ? i : other] = from[back ? other : i];
    }
}

/* What each array of atrous_arrays is made from. */
struct roles {
    const float *input, *grad;
    size_t input_count, input_channels, grad_count;
    atrous_layout input_layout, output_layout;
    size_t output_count, output_channels, bias_count; /* channels 0: weights, in no layout */
};

static struct roles roles_of(const struct directed *p)
{
    const atrous_conv *conv = &p->conv;
    const struct directed_counts *n = &p->counts;
    const size_t filters_each = conv->activation == ATROUS_ACTIVATION_GATED ? 2 : 1;
    struct roles r = {.input = p->x,
                      .input_count = n->x,
                      .input_channels = conv->in_channels,
                      .input_layout = conv->input_layout,
                      .output_layout = conv->output_layout,
                      .output_count = n->y / filters_each,
                      .output_channels = conv->out_channels / filters_each};

    if (conv->direction == ATROUS_TRANSPOSED) {
        r.input = p->y;
        r.input_count = n->y;
        r.output_count = n->x / filters_each;
    } else if (conv->direction == ATROUS_BACKWARD_DATA) {
        r.input = p->y;
        r.input_count = n->y;
        r.input_channels = conv->out_channels;
        r.input_layout = conv->output_layout;
        r.output_count = n->x;
        r.output_channels = conv->in_channels;
        r.output_layout = conv->input_layout;
    } else if (conv->direction == ATROUS_BACKWARD_WEIGHTS) {
        r.grad = p->y;
        r.grad_count = n->y;
        r.output_count = n->w;
        r.output_channels = 0;
        r.bias_count = conv->has_bias ? n->filters : 0;
    }
    return r;
}

/* The problem's arrays, each between guards, in floats' room whatever their type. */
struct fenced {
    struct roles roles;
    atrous_type type;
    float *input, *weights, *bias, *scale, *residual, *grad, *output, *bias_output;
    size_t weights_count;
};

/* Floats that `count` elements of the type take. */
static size_t room(atrous_type type, size_t count)
{
    return (count * stored_size(type) + sizeof(float) - 1) / sizeof(float);
}

/* A tensor of the problem's type, from NCHW to `layout` (weights have no channels here, and stay as
 * they are), between guards; NaNs where `from` is NULL. */
static float *fence_stored(const struct directed *p, const float *from, size_t count,
                           size_t channels, atrous_layout layout)
{
    const atrous_type type = p->conv.type;
    float *fenced = fence_around(NULL, room(type, count)), *turned = floats(count);

    if (from != NULL && channels > 0)
        turn(from, turned, count, p->conv.batch, channels, layout, false);
    else if (from != NULL)
        memcpy(turned, from, count * sizeof *turned);
    for (size_t i = 0; i < count && from != NULL; ++i) {
        stored_put(type, fenced + FENCE, i, (double)turned[i]);
        assert_true(fabs(stored_get(type, fenced + FENCE, i) - (double)turned[i]) <= 0.0);
    }
    free(turned);
    return fenced;
}

static struct fenced fence(const struct directed *p)
{
    const atrous_conv *conv = &p->conv;
    struct fenced f = {.roles = roles_of(p), .type = conv->type};
    const struct roles *r = &f.roles;
    const float *previous = conv->beta != 0.0 ? p->previous : NULL;

    f.weights_count = r->grad != NULL ? 0 : p->counts.w;
    f.input = fence_stored(p, r->input, r->input_count, r->input_channels, r->input_layout);
    f.weights =
        fence_stored(p, f.weights_count > 0 ? p->w : NULL, f.weights_count, 0, ATROUS_LAYOUT_NCHW);
    f.bias = fence_around(p->bias, p->bias != NULL ? conv->out_channels : 0);
    f.scale = fence_around(p->scale, p->scale != NULL ? conv->out_channels : 0);
    f.residual = fence_stored(p, p->residual, p->residual != NULL ? r->output_count : 0,
                              r->output_channels, r->output_layout);
    f.grad = fence_stored(p, r->grad, r->grad_count, conv->out_channels, conv->output_layout);
    f.output = fence_stored(p, previous, r->output_count, r->output_channels, r->output_layout);
    f.bias_output = fence_around(
        previous != NULL && r->bias_count > 0 ? previous + r->output_count : NULL, r->bias_count);
    return f;
}

static void unfence(const struct directed *p, struct fenced *f, float *got)
{
    const struct roles *r = &f->roles;

    float *values = floats(r->output_count);

    assert_true(fence_intact(f->output, room(f->type, r->output_count)));
    assert_true(fence_intact(f->bias_output, r->bias_count));
    for (size_t i = 0; i < r->output_count; ++i)
        values[i] = (float)stored_get(f->type, f->output + FENCE, i);
    if (r->output_channels > 0)
        turn(values, got, r->output_count, p->conv.batch, r->output_channels, r->output_layout,
             true);
    else
        memcpy(got, values, r->output_count * sizeof *got);
    free(values);
    memcpy(got + r->output_count, f->bias_output + FENCE, r->bias_count * sizeof *got);
    free(f->input);
    free(f->weights);
    free(f->bias);
    free(f->scale);
    free(f->residual);
    free(f->grad);
    free(f->output);
    free(f->bias_output);
}

static atrous_arrays arrays_of(const struct fenced *f)
{
    atrous_arrays arrays;

    atrous_arrays_init(&arrays, sizeof arrays);
    arrays.input = f->input + FENCE;
    arrays.weights = f->weights_count > 0 ? f->weights + FENCE : NULL;
    arrays.bias = f->bias + FENCE;
    arrays.scale = f->scale + FENCE;
    arrays.residual = f->residual + FENCE;
    arrays.grad_output = f->roles.grad != NULL ? f->grad + FENCE : NULL;
    arrays.output = f->output + FENCE;
    arrays.bias_output = f->roles.bias_count > 0 ? f->bias_output + FENCE : NULL;
    return arrays;
}

/* The plan's own cross-check agrees too. */
static void cross_check(atrous_plan *plan, const struct directed *p, atrous_arrays *arrays,
                        const struct fenced *before)
{
    atrous_check check = {.struct_size = sizeof check};
    atrous_error error;

    arrays->previous = before->output + FENCE;
    arrays->previous_bias_output = before->bias_output + FENCE;
    harness_expect_ok(atrous_plan_check(plan, arrays, &check, &error), &error, "check", &p->conv);
    assert_true(check.worst <= 1.0);
    assert_int_equal(check.total, before->roles.output_count + before->roles.bias_count);
}

bool directed_run(const char *solver, const struct directed *problem, float *got)
{
    atrous_plan *plan = harness_try_plan(solver, &problem->conv);
    atrous_error error;

    if (plan == NULL)
        return false;
    struct fenced f = fence(problem), before = fence(problem);
    atrous_arrays arrays = arrays_of(&f);
    harness_expect_ok(atrous_plan_run(plan, &arrays, &error), &error, solver, &problem->conv);
    assert_memory_equal(f.input, before.input,
                        (room(f.type, f.roles.input_count) + 2 * FENCE) * sizeof *f.input);
    assert_memory_equal(f.grad, before.grad,
                        (room(f.type, f.roles.grad_count) + 2 * FENCE) * sizeof *f.grad);
    cross_check(plan, problem, &arrays, &before);
    unfence(problem, &before, got);
    unfence(problem, &f, got);
    atrous_plan_destroy(plan);
    return true;
}

#ifndef ATROUS_TESTS_OPENCL

bool directed_run_buffers(const char *solver, const struct directed *problem, float *got)
{
    (void)solver, (void)problem, (void)got;
    return false;
}

#else

#include <atrous/opencl.h>

/* A buffer of fenced floats, or nothing. */
static atrous_buffer buffer(cl_context context, float *fenced, size_t count)
{
    cl_int code = CL_SUCCESS;
    if (count == 0)
        return (atrous_buffer){NULL, 0};
    cl_mem mem = clCreateBuffer(context, CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR,
                                (count + 2 * FENCE) * sizeof *fenced, fenced, &code);
    assert_int_equal(code, CL_SUCCESS);
    return (atrous_buffer){mem, FENCE * sizeof *fenced};
}

static void release(cl_mem mem)
{
    if (mem != NULL)
        clReleaseMemObject(mem);
}

static void read_back(cl_command_queue queue, cl_mem mem, float *fenced, size_t count)
{
    if (mem != NULL)
        assert_int_equal(clEnqueueReadBuffer(queue, mem, CL_TRUE, 0,
                                             (count + 2 * FENCE) * sizeof *fenced, fenced, 0, NULL,
                                             NULL),
                         CL_SUCCESS);
}

static void enqueue(atrous_plan *plan, cl_context cl, cl_command_queue queue, struct fenced *f,
                    const struct directed *problem)
{
    const size_t size = stored_size(f->type), filters = problem->conv.out_channels;
    const size_t outputs = room(f->type, f->roles.output_count);
    atrous_plan_info info = {.struct_size = sizeof info};
    atrous_bindings b;
    atrous_error error;

    assert_int_equal(atrous_plan_query(plan, &info, NULL), ATROUS_OK);
    assert_int_equal(info.input_bytes, f->roles.input_count * size);
    assert_int_equal(info.weights_bytes, f->weights_count * size);
    assert_int_equal(info.grad_output_bytes, f->roles.grad_count * size);
    assert_int_equal(info.output_bytes, f->roles.output_count * size);
    assert_int_equal(info.bias_output_bytes, f->roles.bias_count * sizeof(float));
    float *scratch = fence_around(NULL, info.workspace_bytes / sizeof(float) + 1);
    float *packed = fence_around(NULL, info.packed_bytes / sizeof(float) + 1);
    const atrous_buffer plain = buffer(cl, f->weights, room(f->type, f->weights_count));
    const atrous_buffer packing = buffer(cl, packed, info.packed_bytes / sizeof(float));
    atrous_bindings_init(&b, sizeof b);
    b.input = buffer(cl, f->input, room(f->type, f->roles.input_count));
    b.grad_output = buffer(cl, f->grad, room(f->type, f->roles.grad_count));
    b.bias = buffer(cl, f->bias, problem->bias != NULL ? filters : 0);
    b.scale = buffer(cl, f->scale, problem->scale != NULL ? filters : 0);
    b.residual = buffer(cl, f->residual, problem->residual != NULL ? outputs : 0);
    b.output = buffer(cl, f->output, outputs);
    b.bias_output = buffer(cl, f->bias_output, f->roles.bias_count);
    b.workspace = buffer(cl, scratch, info.workspace_bytes / sizeof(float));
    b.weights = (atrous_packed){.mem = packing.mem, .offset = packing.offset};
    const atrous_status packed_well =
        atrous_plan_pack(plan, queue, plain, &b.weights, 0, NULL, NULL, &error);
    assert_int_equal(packed_well, f->weights_count > 0 ? ATROUS_OK : ATROUS_UNSUPPORTED);
    if (atrous_plan_enqueue(plan, queue, &b, 0, NULL, NULL, &error) != ATROUS_OK)
        fail_msg("atrous_plan_enqueue: %s", error.message);
    read_back(queue, b.output.mem, f->output, outputs);
    read_back(queue, b.bias_output.mem, f->bias_output, f->roles.bias_count);
    cl_mem all[] = {plain.mem,   packing.mem,    b.input.mem,  b.grad_output.mem, b.bias.mem,
                    b.scale.mem, b.residual.mem, b.output.mem, b.bias_output.mem, b.workspace.mem};
    for (size_t i = 0; i < sizeof all / sizeof *all; ++i)
        release(all[i]);
    free(scratch);
    free(packed);
}

bool directed_run_buffers(const char *solver, const struct directed *problem, float *got)
{
    cl_context cl = atrous_context_cl_context(harness.context);
    cl_int code = CL_SUCCESS;
    atrous_plan *plan = cl != NULL ? harness_try_plan(solver, &problem->conv) : NULL;

    if (plan == NULL)
        return false;
    cl_command_queue queue =
        clCreateCommandQueue(cl, atrous_context_cl_device(harness.context), 0, &code);
    assert_int_equal(code, CL_SUCCESS);
    struct fenced f = fence(problem);
    enqueue(plan, cl, queue, &f, problem);
    unfence(problem, &f, got);
    clReleaseCommandQueue(queue);
    atrous_plan_destroy(plan);
    return true;
}

#endif
