/* Stands in for the OpenCL side in a build without OpenCL: only the CPU path is measured. */
#include "contender.h"
#include "device.h"
#include "failure.h"
#include "stacks.h"

static bool absent(atrous_error *error)
{
    return bench_fail(error, ATROUS_NO_DEVICE, "this build has no OpenCL");
}

bool device_open(atrous_context *context, struct device **out, atrous_error *error)
{
    (void)context;
    *out = NULL;
    return absent(error);
}

void device_close(struct device *device)
{
    (void)device;
}

bool device_limits(struct device *device, struct limits *limits, atrous_error *error)
{
    (void)device;
    (void)limits;
    return absent(error);
}

bool contender_opencl(struct device *device, atrous_plan *plan, const atrous_plan_info *info,
                      const atrous_arrays *arrays, struct contender *out, atrous_error *error)
{
    (void)device;
    (void)plan;
    (void)info;
    (void)arrays;
    (void)out;
    return absent(error);
}

bool contender_stack_opencl(struct device *device, atrous_stack *stack, const void *input,
                            const struct bench_stack *made, struct contender *out,
                            atrous_error *error)
{
    (void)device;
    (void)stack;
    (void)input;
    (void)made;
    (void)out;
    return absent(error);
}
