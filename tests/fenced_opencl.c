/* Guard words around device buffers: what reads outside its tensor meets NaN, what writes there
 * is seen. */
#include "testing.h"

#include "fenced.h"

#ifndef ATROUS_TESTS_OPENCL

bool fenced_run_buffers(atrous_context *context, atrous_plan *plan, const struct data *data,
                        float *y)
{
    (void)context, (void)plan, (void)data, (void)y;
    return false;
}

#else

#include <atrous/opencl.h>

#include <stdlib.h>
#include <string.h>

/* Guard bytes before each tensor: a multiple of any alignment a plan asks for here. */
enum { GUARD = 4096 };

static cl_mem fenced_buffer(cl_context context, const void *from, size_t size)
{
    const float word = fence_word();
    const size_t all = size + 2 * GUARD;
    cl_int code = CL_SUCCESS;
    char *bytes = malloc(all);
    cl_mem mem = NULL;

    assert_non_null(bytes);
    for (size_t at = 0; at < all; at += sizeof word)
        memcpy(bytes + at, &word, all - at < sizeof word ? all - at : sizeof word);
    if (from != NULL)
        memcpy(bytes + GUARD, from, size);
    mem = clCreateBuffer(context, CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR, all, bytes, &code);
    free(bytes);
    assert_int_equal(code, CL_SUCCESS);
    return mem;
}

/* Copies the tensor out (to may be NULL) after checking its fences; releases the buffer. */
static void take(cl_command_queue queue, cl_mem mem, void *to, size_t size, const char *what)
{
    const float word = fence_word();
    const size_t all = size + 2 * GUARD;
    char *bytes = NULL;

    if (mem == NULL)
        return;
    bytes = malloc(all);
    assert_non_null(bytes);
    assert_int_equal(clEnqueueReadBuffer(queue, mem, CL_TRUE, 0, all, bytes, 0, NULL, NULL),
                     CL_SUCCESS);
    for (size_t at = 0; at < GUARD; at += sizeof word) {
        /* The words behind the tensor keep the rhythm of the first byte. */
        const size_t behind = (GUARD + size + sizeof word - 1) / sizeof word * sizeof word + at;
        if (memcmp(bytes + at, &word, sizeof word) != 0)
            fail_msg("a guard %zu bytes before %s was written", GUARD - at, what);
        if (behind + sizeof word <= all && memcmp(bytes + behind, &word, sizeof word) != 0)
            fail_msg("a guard %zu bytes behind %s was written", behind - GUARD - size, what);
    }
    if (to != NULL)
        memcpy(to, bytes + GUARD, size);
    free(bytes);
    clReleaseMemObject(mem);
}

struct buffers {
    cl_mem x, w, bias, y, packed, workspace;
};

static struct buffers make_buffers(cl_context context, const atrous_plan_info *info,
                                   const struct data *data)
{
    struct buffers b = {0};

    b.x = fenced_buffer(context, data->x, info->input_bytes);
    b.w = fenced_buffer(context, data->w, info->weights_bytes);
    b.y = fenced_buffer(context, NULL, info->output_bytes);
    b.packed = fenced_buffer(context, NULL, info->packed_bytes);
    if (data->bias != NULL)
        b.bias = fenced_buffer(context, data->bias, data->conv.out_channels * sizeof(float));
    if (info->workspace_bytes > 0)
        b.workspace = fenced_buffer(context, NULL, info->workspace_bytes);
    return b;
}

static void pack_and_enqueue(atrous_plan *plan, cl_command_queue queue, const struct buffers *b)
{
    const atrous_buffer plain = {b->w, GUARD};
    atrous_bindings bindings;
    atrous_error error;

    atrous_bindings_init(&bindings, sizeof bindings);
    bindings.input = (atrous_buffer){b->x, GUARD};
    bindings.output = (atrous_buffer){b->y, GUARD};
    bindings.weights = (atrous_packed){.mem = b->packed, .offset = GUARD};
    if (b->bias != NULL)
        bindings.bias = (atrous_buffer){b->bias, GUARD};
    if (b->workspace != NULL)
        bindings.workspace = (atrous_buffer){b->workspace, GUARD};
    if (atrous_plan_pack(plan, queue, plain, &bindings.weights, 0, NULL, NULL, &error) != ATROUS_OK)
        fail_msg("atrous_plan_pack: %s", error.message);
    if (atrous_plan_enqueue(plan, queue, &bindings, 0, NULL, NULL, &error) != ATROUS_OK)
        fail_msg("atrous_plan_enqueue: %s", error.message);
    assert_int_equal(clFinish(queue), CL_SUCCESS);
}

bool fenced_run_buffers(atrous_context *context, atrous_plan *plan, const struct data *data,
                        float *y)
{
    cl_context cl = atrous_context_cl_context(context);
    atrous_plan_info info = {.struct_size = sizeof info};
    cl_int code = CL_SUCCESS;
    cl_command_queue queue = NULL;
    struct buffers b = {0};

    assert_int_equal(atrous_plan_query(plan, &info, NULL), ATROUS_OK);
    if (cl == NULL || info.on_cpu_path)
        return false;
    queue = clCreateCommandQueue(cl, atrous_context_cl_device(context), 0, &code);
    assert_int_equal(code, CL_SUCCESS);
    assert_int_equal(info.output_bytes, data->y_count * sizeof *y);
    b = make_buffers(cl, &info, data);
    pack_and_enqueue(plan, queue, &b);
    take(queue, b.y, y, info.output_bytes, "the output");
    take(queue, b.x, NULL, info.input_bytes, "the input");
    take(queue, b.w, NULL, info.weights_bytes, "the weights");
    take(queue, b.packed, NULL, info.packed_bytes, "the packed weights");
    take(queue, b.bias, NULL, data->conv.out_channels * sizeof(float), "the bias");
    take(queue, b.workspace, NULL, info.workspace_bytes, "the workspace");
    clReleaseCommandQueue(queue);
    return true;
}

#endif
