/* The CPU path as a contender. */
#include "contender.h"

#include <stdlib.h>
#include <string.h>

#include "data.h"
#include "failure.h"

struct cpu {
    atrous_plan *plan;
    bool owns_plan;
    atrous_arrays arrays;
    size_t output_bytes;
};

static bool cpu_run(void *state, size_t count, double *device_ms, atrous_error *error)
{
    struct cpu *cpu = state;
    (void)device_ms;
    for (size_t i = 0; i < count; ++i)
        if (atrous_plan_run(cpu->plan, &cpu->arrays, error) != ATROUS_OK)
            return false;
    return true;
}

static bool cpu_read(void *state, void *output, size_t bytes, atrous_error *error)
{
    struct cpu *cpu = state;
    if (bytes != cpu->output_bytes)
        return bench_fail(error, ATROUS_INVALID_ARGUMENT, "outputs differ in size");
    memcpy(output, cpu->arrays.output, bytes);
    return true;
}

static void cpu_close(void *state)
{
    struct cpu *cpu = state;
    if (cpu->owns_plan)
        atrous_plan_destroy(cpu->plan);
    free(cpu->arrays.output);
    free(cpu);
}

bool contender_cpu(atrous_plan *plan, const atrous_plan_info *info, const atrous_arrays *arrays,
                   struct contender *out, atrous_error *error)
{
    struct cpu *cpu = calloc(1, sizeof *cpu);
    void *output = data_alloc(info->output_bytes);
    if (cpu == NULL || output == NULL) {
        free(cpu);
        free(output);
        return bench_fail(error, ATROUS_OUT_OF_HOST_MEMORY, "out of memory");
    }
    cpu->plan = plan;
    cpu->arrays = *arrays;
    cpu->arrays.output = output;
    cpu->output_bytes = info->output_bytes;
    *out = (struct contender){cpu, cpu_run, cpu_read, cpu_close};
    return true;
}

bool contender_cpu_peer(atrous_context *context, const atrous_conv *conv,
                        const atrous_arrays *arrays, struct contender *out, atrous_error *error)
{
    atrous_plan *plan = NULL;
    atrous_plan_info info = {.struct_size = sizeof info};
    if (atrous_plan_create(context, conv, NULL, &plan, error) != ATROUS_OK)
        return false;
    if (atrous_plan_query(plan, &info, error) != ATROUS_OK ||
        !contender_cpu(plan, &info, arrays, out, error)) {
        atrous_plan_destroy(plan);
        return false;
    }
    ((struct cpu *)out->state)->owns_plan = true;
    return true;
}
