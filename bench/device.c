/* Opens the bench's queue on the device of an atrous context. */
#include "device_cl.h"

#include <stdlib.h>

#include "failure.h"

bool cl_good(cl_int code, const char *what, atrous_error *error)
{
    if (code == CL_SUCCESS)
        return true;
    bench_fail(error, ATROUS_OPENCL_ERROR, "%s failed with OpenCL error %d", what, (int)code);
    error->opencl_code = (int)code;
    return false;
}

bool device_open(atrous_context *context, struct device **out, atrous_error *error)
{
    atrous_device_info info = {.struct_size = sizeof info};
    cl_int code = CL_SUCCESS;
    *out = NULL;
    if (atrous_context_describe(context, &info, error) != ATROUS_OK)
        return false;
    struct device *device = calloc(1, sizeof *device);
    if (device == NULL)
        return bench_fail(error, ATROUS_OUT_OF_HOST_MEMORY, "out of memory");
    device->context = atrous_context_cl_context(context);
    device->id = atrous_context_cl_device(context);
    device->compute_units = info.compute_units;
    device->max_allocation = info.max_allocation;
    device->global_memory = info.global_memory;
    device->native_floats = info.native_vector_floats;
    device->queue =
        clCreateCommandQueue(device->context, device->id, CL_QUEUE_PROFILING_ENABLE, &code);
    if (!cl_good(code, "clCreateCommandQueue", error) || !probes_open(device, error)) {
        device_close(device);
        return false;
    }
    *out = device;
    return true;
}

void device_close(struct device *device)
{
    if (device == NULL)
        return;
    probes_close(device);
    if (device->queue != NULL)
        clReleaseCommandQueue(device->queue);
    free(device);
}
