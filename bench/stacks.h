/* Stacks carried depth first against the same layer by layer, in turn. */
#ifndef BENCH_STACKS_H
#define BENCH_STACKS_H

#include <stdbool.h>
#include <stddef.h>

#include <atrous/stack.h>

#include "contender.h"
#include "device.h"
#include "options.h"

enum { STACK_LAYERS = 40 };

/* A stack of the bench with its weights. */
struct bench_stack {
    atrous_shape input;
    size_t count, output_count;
    atrous_layer layers[STACK_LAYERS];
    atrous_layer_weights weights[STACK_LAYERS];
    atrous_source outputs[STACK_LAYERS];
    float *memory; /* of random weights, or NULL */
};

/* Number `index` of the stacks there are, or NULL past the end. */
const char *stack_name(size_t index);
/* Makes it; false without memory. Freed by free(stack->memory), also after a failure. */
bool stack_make(size_t index, struct bench_stack *stack);

/* Each opens a stack as a contender on an input that must outlive it; `read` gives all outputs,
 * one behind the other. On failure *out is untouched. */
bool contender_stack_opencl(struct device *device, atrous_stack *stack, const void *input,
                            const struct bench_stack *made, struct contender *out,
                            atrous_error *error);
bool contender_stack_cpu(atrous_stack *stack, const void *input, const struct bench_stack *made,
                         struct contender *out, atrous_error *error);

/* Measures the stacks whose names match options->stacks; an exit code of the program. */
int stacks_run(const struct options *options, atrous_context *context, struct device *device);

#endif
