/* Stacks from inside: layers resolved to steps between tensors, and where the tensors lie. */
#ifndef ATROUS_PLAN_STACK_H
#define ATROUS_PLAN_STACK_H

#include <atrous/stack.h>

#include "plan/plan.h"

#define ATROUS__NO_TENSOR SIZE_MAX

/* Offsets inside a workspace or packed region are multiples of this: a cache line. */
enum { ATROUS__STACK_ALIGNMENT = 64 };

/* What a layer reads or writes: the stack's input (tensor 0), a layer's output, a sum. */
struct atrous__tensor {
    atrous_shape shape;
    size_t bytes;
    size_t maker;    /* the first step that writes it; 0 for the input */
    size_t last_use; /* the last step that reads or writes it */
    bool is_read;    /* by a step, or given out */
    size_t storage;
};

enum atrous__home { ATROUS__AT_INPUT, ATROUS__AT_OUTPUT, ATROUS__AT_WORKSPACE };

/* Memory that one tensor, or one after another, lies in. */
struct atrous__storage {
    enum atrous__home home;
    size_t output; /* AT_OUTPUT: which */
    size_t bytes;
    size_t first, last; /* AT_WORKSPACE: the steps between which its content counts */
    size_t offset;      /* AT_WORKSPACE */
    bool is_placed;
    bool is_window; /* it holds some rows of one image at a time, see bands.h */
};

/* One layer at work. */
struct atrous__step {
    atrous_conv conv; /* as planned: extents from the source, beta where the target accumulates */
    size_t source, target;
    size_t residual; /* ATROUS__NO_TENSOR: none, or the target accumulates on it */
    size_t scratch_bytes, scratch_offset;
};

struct atrous__graph {
    size_t step_count, tensor_count, storage_count, output_count;
    struct atrous__step *steps;
    struct atrous__tensor *tensors;
    struct atrous__storage *storages;
    size_t *outputs;                          /* tensors */
    size_t *sums;                             /* tensor of each sum, or ATROUS__NO_TENSOR */
    size_t activation_bytes, workspace_bytes; /* the latter with scratch */
};

/* Resolves and checks the layers. Release with atrous__graph_free(), also after a failure. */
atrous_status atrous__graph_make(struct atrous__graph *graph, const atrous_layer *layers,
                                 size_t count, const atrous_shape *input,
                                 const atrous_stack_options *options, atrous_error *error);
void atrous__graph_free(struct atrous__graph *graph);

/* A copy with steps and storages of its own, which the caller frees; false without memory. */
bool atrous__graph_copy(struct atrous__graph *copy, const struct atrous__graph *graph);

/* Decides in which storage each tensor lies and for how long. */
void atrous__graph_assign(struct atrous__graph *graph);

/* Gives every storage and every step's scratch its offset. */
atrous_status atrous__graph_place(struct atrous__graph *graph, atrous_error *error);

/* Puts "layers[i]." before what `error` says; returns its status. */
atrous_status atrous__fail_layer(atrous_error *error, size_t layer, const atrous_error *inner);

/* Where a stack's packed parameters lie: of each layer the packed weights, then the bias. */
struct atrous__packing {
    size_t weights, bias; /* byte offsets */
};

struct atrous__run; /* bands.h */

struct atrous_stack {
    atrous_context *context;
    struct atrous__graph graph; /* layer by layer */
    /* Where layers are carried depth first: the same with storages for that. */
    struct atrous__graph banded;
    size_t run_count;
    struct atrous__run *runs;
    atrous_plan **plans; /* one a step */
    struct atrous__packing *packing;
    size_t packed_bytes;
    uint64_t format;
    bool on_cpu;
    double create_ms;
};

/* The graph that runs go by. */
static inline const struct atrous__graph *atrous__running(const atrous_stack *stack)
{
    return stack->run_count > 0 ? &stack->banded : &stack->graph;
}

/* The memory that a run on the host works in. */
struct atrous__host {
    const void *input;
    void *const *outputs;
    char *workspace;
};

/* Where a tensor lies. */
void *atrous__host_tensor(const struct atrous__graph *graph, const struct atrous__host *host,
                          size_t tensor);

/* The arrays of one step. */
atrous_arrays atrous__host_arrays(const struct atrous__graph *graph,
                                  const struct atrous__host *host,
                                  const atrous_layer_weights *weights, size_t index);

/* Every array is given and no output overlaps another or an input. */
atrous_status atrous__stack_check_arrays(const atrous_stack *stack,
                                         const atrous_stack_arrays *arrays, atrous_error *error);

/* ---- answered by host/plan/opencl/, or by host/plan/without/ in a build without OpenCL */

/* Runs on host arrays through the device; no plan is of the CPU path. */
atrous_status atrous__backend_stack_run(atrous_stack *stack, const atrous_stack_arrays *arrays,
                                        atrous_error *error);

#endif
