/* A convolution inside an OpenCL application: its own context, its own queue, its own buffers. */
#include <stdio.h>

#include <atrous/opencl.h>

enum { WIDTH = 640, HEIGHT = 480, NO_DEVICE = 77 };

/* What the application has anyway. */
static cl_device_id device;
static cl_context context;
static cl_command_queue queue;
static float pixels[HEIGHT][WIDTH], result[HEIGHT][WIDTH];

static int open_application(void)
{
    cl_platform_id platform;
    if (clGetPlatformIDs(1, &platform, NULL) != CL_SUCCESS ||
        clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 1, &device, NULL) != CL_SUCCESS)
        return 0;
    context = clCreateContext(NULL, 1, &device, NULL, NULL, NULL);
    queue = context != NULL ? clCreateCommandQueue(context, device, 0, NULL) : NULL;
    return queue != NULL;
}

static cl_mem buffer(size_t bytes, void *content)
{
    const cl_mem_flags copied = content != NULL ? CL_MEM_COPY_HOST_PTR : 0;
    return clCreateBuffer(context, CL_MEM_READ_WRITE | copied, bytes, content, NULL);
}

/* A 3x3 box filter, its taps 8 pixels apart, between the application's own commands. */
static atrous_status filter(atrous_plan *plan, cl_mem x, cl_mem y, atrous_error *error)
{
    float box[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
    atrous_plan_info info = {.struct_size = sizeof info};
    atrous_bindings bindings;

    atrous_plan_query(plan, &info, NULL);
    const atrous_buffer weights = {buffer(sizeof box, box), 0};
    atrous_bindings_init(&bindings, sizeof bindings);
    bindings.input.mem = x;
    bindings.output.mem = y;
    bindings.weights.mem = buffer(info.packed_bytes, NULL);
    if (info.workspace_bytes > 0)
        bindings.workspace.mem = buffer(info.workspace_bytes, NULL);

    /* Neither call waits; the queue is in order, so no events are needed. */
    atrous_status status =
        atrous_plan_pack(plan, queue, weights, &bindings.weights, 0, NULL, NULL, error);
    if (status == ATROUS_OK)
        status = atrous_plan_enqueue(plan, queue, &bindings, 0, NULL, NULL, error);
    clEnqueueReadBuffer(queue, y, CL_TRUE, 0, sizeof result, result, 0, NULL, NULL);

    clReleaseMemObject(weights.mem);
    clReleaseMemObject(bindings.weights.mem);
    if (bindings.workspace.mem != NULL)
        clReleaseMemObject(bindings.workspace.mem);
    return status;
}

int main(void)
{
    atrous_context *library = NULL;
    atrous_plan *plan = NULL;
    atrous_conv conv;
    atrous_error error;

    if (!open_application()) {
        printf("no OpenCL device\n");
        return NO_DEVICE;
    }
    pixels[100][200] = 1;
    cl_mem x = buffer(sizeof pixels, pixels), y = buffer(sizeof result, NULL);

    atrous_conv_init(&conv, 2, sizeof conv);
    conv.input[0] = HEIGHT;
    conv.input[1] = WIDTH;
    conv.kernel[0] = conv.kernel[1] = 3;
    conv.dilation[0] = conv.dilation[1] = 8;
    conv.pad_begin[0] = conv.pad_begin[1] = conv.pad_end[0] = conv.pad_end[1] = 8;
    atrous_status status = atrous_context_borrow(context, device, NULL, &library, &error);
    if (status == ATROUS_OK)
        status = atrous_plan_create(library, &conv, NULL, &plan, &error);
    if (status == ATROUS_OK)
        status = filter(plan, x, y, &error);
    if (status == ATROUS_OK)
        printf("%g %g %g %g\n", result[100][200], result[92][208], result[108][192],
               result[101][200]);
    else
        fprintf(stderr, "%s\n", error.message);

    atrous_plan_destroy(plan);
    atrous_context_destroy(library);
    clReleaseMemObject(x);
    clReleaseMemObject(y);
    clReleaseCommandQueue(queue);
    clReleaseContext(context);
    return status == ATROUS_OK ? 0 : 1;
}
