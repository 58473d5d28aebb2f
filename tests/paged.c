/* Maps fenced pages and runs problems in place. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */

#include "testing.h"

#include "paged.h"

#include <string.h>
#include <sys/mman.h>

#include <atrous/opencl.h>

#include "harness.h"

enum { PAGE = 4096 };

float *paged_floats(const float *values, size_t count)
{
    const size_t size = count * sizeof *values;
    char *pages =
        mmap(NULL, size + 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    assert_true(pages != MAP_FAILED);
    assert_int_equal(size % PAGE, 0);
    memcpy(pages + PAGE, values, size);
    assert_int_equal(mprotect(pages, PAGE, PROT_NONE), 0);
    assert_int_equal(mprotect(pages + PAGE + size, PAGE, PROT_NONE), 0);
    return (float *)(void *)(pages + PAGE);
}

void paged_free(float *values, size_t count)
{
    munmap((char *)values - PAGE, count * sizeof *values + 2 * PAGE);
}

/* NULL where there are no bytes; the host's memory where there is any. */
static cl_mem buffer(size_t size, void *from)
{
    cl_int code = CL_SUCCESS;
    if (size == 0)
        return NULL;
    cl_mem mem = clCreateBuffer(atrous_context_cl_context(harness.context),
                                CL_MEM_READ_WRITE | (from != NULL ? CL_MEM_USE_HOST_PTR : 0), size,
                                from, &code);
    assert_int_equal(code, CL_SUCCESS);
    return mem;
}

void paged_run(const char *solver, const atrous_conv *conv, float *input, float *weights,
               float *grad_output, float *output)
{
    atrous_plan *plan = harness_plan(solver, conv);
    atrous_plan_info info = {.struct_size = sizeof info};
    atrous_bindings b;
    atrous_error error;
    cl_int code = CL_SUCCESS;
    cl_command_queue queue =
        clCreateCommandQueue(atrous_context_cl_context(harness.context),
                             atrous_context_cl_device(harness.context), 0, &code);

    assert_int_equal(code, CL_SUCCESS);
    assert_int_equal(atrous_plan_query(plan, &info, NULL), ATROUS_OK);
    atrous_bindings_init(&b, sizeof b);
    const atrous_buffer plain = {buffer(info.weights_bytes, weights), 0};
    b.input.mem = buffer(info.input_bytes, input);
    b.grad_output.mem = buffer(info.grad_output_bytes, grad_output);
    b.output.mem = buffer(info.output_bytes, NULL);
    b.weights.mem = buffer(info.packed_bytes, NULL);
    b.workspace.mem = buffer(info.workspace_bytes, NULL);
    if (weights != NULL)
        harness_expect_ok(atrous_plan_pack(plan, queue, plain, &b.weights, 0, NULL, NULL, &error),
                          &error, solver, conv);
    harness_expect_ok(atrous_plan_enqueue(plan, queue, &b, 0, NULL, NULL, &error), &error, solver,
                      conv);
    code = clEnqueueReadBuffer(queue, b.output.mem, CL_TRUE, 0, info.output_bytes, output, 0, NULL,
                               NULL);
    assert_int_equal(code, CL_SUCCESS);
    cl_mem all[] = {plain.mem,    b.input.mem,   b.grad_output.mem,
                    b.output.mem, b.weights.mem, b.workspace.mem};
    for (size_t i = 0; i < sizeof all / sizeof *all; ++i)
        if (all[i] != NULL)
            clReleaseMemObject(all[i]);
    clReleaseCommandQueue(queue);
    atrous_plan_destroy(plan);
}
