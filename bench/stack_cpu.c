/* A stack on the CPU path as a contender. */
#include <stdlib.h>
#include <string.h>

#include "data.h"
#include "failure.h"
#include "stacks.h"

/* Runs allocate their own workspace. */
struct host {
    atrous_stack *stack;
    atrous_stack_arrays arrays;
    size_t output_count, bytes[STACK_LAYERS];
    void *outputs[STACK_LAYERS];
};

static bool host_run(void *state, size_t count, double *device_ms, atrous_error *error)
{
    struct host *host = state;
    (void)device_ms;
    for (size_t i = 0; i < count; ++i)
        if (atrous_stack_run(host->stack, &host->arrays, error) != ATROUS_OK)
            return false;
    return true;
}

static bool host_read(void *state, void *output, size_t bytes, atrous_error *error)
{
    const struct host *host = state;
    char *to = output;
    (void)bytes, (void)error;
    for (size_t i = 0; i < host->output_count; to += host->bytes[i++])
        memcpy(to, host->outputs[i], host->bytes[i]);
    return true;
}

static void host_close(void *state)
{
    struct host *host = state;
    for (size_t i = 0; i < host->output_count; ++i)
        free(host->outputs[i]);
    free(host);
}

bool contender_stack_cpu(atrous_stack *stack, const void *input, const struct bench_stack *made,
                         struct contender *out, atrous_error *error)
{
    struct host *host = calloc(1, sizeof *host);
    bool good = host != NULL;
    for (size_t i = 0; good && i < made->output_count; ++i) {
        atrous_shape shape = {.struct_size = sizeof shape};
        atrous_stack_output(stack, i, &shape, &host->bytes[i], NULL);
        host->outputs[i] = data_alloc(host->bytes[i]);
        good = host->outputs[i] != NULL;
        host->output_count = i + 1;
    }
    if (!good) {
        if (host != NULL)
            host_close(host);
        return bench_fail(error, ATROUS_OUT_OF_HOST_MEMORY, "out of memory");
    }
    host->stack = stack;
    atrous_stack_arrays_init(&host->arrays, sizeof host->arrays);
    host->arrays.input = input;
    host->arrays.weights = made->weights;
    host->arrays.outputs = host->outputs;
    *out = (struct contender){host, host_run, host_read, host_close};
    return true;
}
