/* Measures what a device can do at most: multiply-adds and copying. */
#include "device_cl.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "embedded.h"
#include "failure.h"
#include "statistics.h"

enum { TRIES = 5, CHAINS = 12, GROUPS_A_UNIT = 8 };
static const double launch_goal_ms = 20; /* long enough for the launch itself not to count */
static const size_t copy_bytes = (size_t)128 << 20;
static const size_t copy_chunk = (size_t)64 << 10; /* of a work-item that is alone in its group */

static size_t group_limit(const struct device *device, size_t wanted)
{
    size_t limit = 1;
    if (clGetDeviceInfo(device->id, CL_DEVICE_MAX_WORK_GROUP_SIZE, sizeof limit, &limit, NULL) !=
        CL_SUCCESS)
        return 1;
    return limit < wanted ? limit : wanted;
}

static bool probe_open(struct device *device, struct probe *probe, atrous_error *error)
{
    const char *text = (const char *)bench_peak_cl;
    char options[32];
    cl_int code = CL_SUCCESS;
    snprintf(options, sizeof options, "-DLANES=%zu -DFUSED=%d", probe->lanes, probe->is_fused);
    probe->program =
        clCreateProgramWithSource(device->context, 1, &text, &bench_peak_cl_size, &code);
    if (!cl_good(code, "clCreateProgramWithSource", error) ||
        !cl_good(clBuildProgram(probe->program, 1, &device->id, options, NULL, NULL),
                 "building peak.cl", error))
        return false;
    probe->multiply_add = clCreateKernel(probe->program, "peak_multiply_add", &code);
    if (!cl_good(code, "clCreateKernel", error))
        return false;
    probe->copy = clCreateKernel(probe->program, "peak_copy", &code);
    return cl_good(code, "clCreateKernel", error);
}

bool probes_open(struct device *device, atrous_error *error)
{
    size_t lanes = 16;
    while (lanes > device->native_floats && lanes > 1)
        lanes /= 2;
    device->probe[0] = (struct probe){.lanes = lanes, .local = 1, .is_fused = true};
    device->probe[1] = (struct probe){.lanes = lanes, .local = 1, .is_fused = false};
    device->probe[2] = (struct probe){.lanes = 1, .local = group_limit(device, 256)};
    for (size_t i = 0; i < PROBES; ++i)
        if (!probe_open(device, &device->probe[i], error))
            return false;
    return true;
}

void probes_close(struct device *device)
{
    for (size_t i = 0; i < PROBES; ++i) {
        struct probe *probe = &device->probe[i];
        if (probe->multiply_add != NULL)
            clReleaseKernel(probe->multiply_add);
        if (probe->copy != NULL)
            clReleaseKernel(probe->copy);
        if (probe->program != NULL)
            clReleaseProgram(probe->program);
    }
}

/* Launches and waits; negative after a failure. */
static double launch_ms(struct device *device, cl_kernel kernel, size_t global, size_t local,
                        atrous_error *error)
{
    const double start = now_ms();
    const bool good = cl_good(clEnqueueNDRangeKernel(device->queue, kernel, 1, NULL, &global,
                                                     &local, 0, NULL, NULL),
                              "clEnqueueNDRangeKernel", error) &&
                      cl_good(clFinish(device->queue), "clFinish", error);
    return good ? now_ms() - start : -1;
}

/* GFLOP/s of one probe, best of some; negative after a failure. */
static double multiply_adds(struct device *device, const struct probe *probe, cl_mem scratch,
                            size_t items, atrous_error *error)
{
    const cl_float a = 0.999f, b = 0.5f;
    double best = 0;
    cl_int rounds = 256;
    for (int tries = 0; tries < TRIES;) {
        cl_kernel kernel = probe->multiply_add;
        if (!cl_good(clSetKernelArg(kernel, 0, sizeof scratch, &scratch), "clSetKernelArg",
                     error) ||
            !cl_good(clSetKernelArg(kernel, 1, sizeof a, &a), "clSetKernelArg", error) ||
            !cl_good(clSetKernelArg(kernel, 2, sizeof b, &b), "clSetKernelArg", error) ||
            !cl_good(clSetKernelArg(kernel, 3, sizeof rounds, &rounds), "clSetKernelArg", error))
            return -1;
        const double ms = launch_ms(device, kernel, items, probe->local, error);
        if (ms < 0)
            return -1;
        if (ms < launch_goal_ms && rounds < INT32_MAX / 2) {
            rounds *= 2;
            continue;
        }
        const double flops = 2.0 * CHAINS * (double)probe->lanes * (double)items * rounds;
        best = flops / ms * 1e-6 > best ? flops / ms * 1e-6 : best;
        ++tries;
    }
    return best;
}

static double peak_gflops(struct device *device, atrous_error *error)
{
    double best = 0;
    for (size_t i = 0; i < PROBES; ++i) {
        const struct probe *probe = &device->probe[i];
        const size_t items = device->compute_units * GROUPS_A_UNIT * probe->local;
        cl_int code = CL_SUCCESS;
        cl_mem scratch = clCreateBuffer(device->context, CL_MEM_WRITE_ONLY,
                                        items * probe->lanes * sizeof(float), NULL, &code);
        if (!cl_good(code, "clCreateBuffer", error))
            return -1;
        const double rate = multiply_adds(device, probe, scratch, items, error);
        clReleaseMemObject(scratch);
        if (rate < 0)
            return -1;
        best = rate > best ? rate : best;
    }
    return best;
}

/* Copies once by the device's own command (probe NULL) or by a kernel; negative after a failure. */
static double copy_ms(struct device *device, const struct probe *probe, cl_mem from, cl_mem to,
                      size_t bytes, atrous_error *error)
{
    if (probe == NULL) {
        const double start = now_ms();
        const bool good =
            cl_good(clEnqueueCopyBuffer(device->queue, from, to, 0, 0, bytes, 0, NULL, NULL),
                    "clEnqueueCopyBuffer", error) &&
            cl_good(clFinish(device->queue), "clFinish", error);
        return good ? now_ms() - start : -1;
    }
    const size_t vector = probe->lanes * sizeof(float);
    const cl_ulong each = probe->local == 1 ? copy_chunk / vector : 1;
    const size_t items = bytes / vector / (size_t)each / probe->local * probe->local;
    if (!cl_good(clSetKernelArg(probe->copy, 0, sizeof from, &from), "clSetKernelArg", error) ||
        !cl_good(clSetKernelArg(probe->copy, 1, sizeof to, &to), "clSetKernelArg", error) ||
        !cl_good(clSetKernelArg(probe->copy, 2, sizeof each, &each), "clSetKernelArg", error))
        return -1;
    return launch_ms(device, probe->copy, items, probe->local, error);
}

static double best_copy(struct device *device, cl_mem from, cl_mem to, size_t bytes,
                        atrous_error *error)
{
    double best = 0;
    for (size_t way = 0; way <= PROBES; ++way) {
        const struct probe *probe = way < PROBES ? &device->probe[way] : NULL;
        for (int i = 0; i <= TRIES; ++i) { /* the first touches the pages */
            const double ms = copy_ms(device, probe, from, to, bytes, error);
            if (ms < 0)
                return -1;
            const double rate = 2.0 * (double)bytes / ms * 1e-6;
            best = i > 0 && rate > best ? rate : best;
        }
    }
    return best;
}

static double copy_gbps(struct device *device, atrous_error *error)
{
    cl_int code = CL_SUCCESS;
    cl_mem buffer[2] = {NULL, NULL};
    double rate = -1;
    size_t bytes = copy_bytes;
    while (bytes > device->max_allocation / 2 || bytes > device->global_memory / 8)
        bytes /= 2;
    for (size_t i = 0; i < 2 && code == CL_SUCCESS; ++i) {
        buffer[i] = clCreateBuffer(device->context, CL_MEM_READ_WRITE, bytes, NULL, &code);
        const cl_float value = 0.75f;
        if (code == CL_SUCCESS)
            code = clEnqueueFillBuffer(device->queue, buffer[i], &value, sizeof value, 0, bytes, 0,
                                       NULL, NULL);
    }
    if (cl_good(code, "making the buffers of the copy", error))
        rate = best_copy(device, buffer[0], buffer[1], bytes, error);
    clFinish(device->queue);
    for (size_t i = 0; i < 2; ++i)
        if (buffer[i] != NULL)
            clReleaseMemObject(buffer[i]);
    return rate;
}

bool device_limits(struct device *device, struct limits *limits, atrous_error *error)
{
    limits->peak_gflops = peak_gflops(device, error);
    limits->copy_gbps = limits->peak_gflops < 0 ? -1 : copy_gbps(device, error);
    return limits->copy_gbps >= 0;
}
