/* What the OpenCL side of stacks and streams shares: commands one after another. */
#ifndef ATROUS_PLAN_OPENCL_STACK_DEVICE_H
#define ATROUS_PLAN_OPENCL_STACK_DEVICE_H

#include <atrous/stack_opencl.h>

#include "plan/opencl/regions.h"
#include "plan/stack.h"

/* Commands on one queue of any kind, each waiting for the one before, the first for the
 * caller's events. */
struct atrous__chain {
    cl_command_queue queue;
    cl_uint num_waits;
    const cl_event *waits;
    cl_event last; /* of the newest command */
};

/* What the next command waits for. */
cl_uint atrous__chain_count(const struct atrous__chain *chain);
const cl_event *atrous__chain_list(const struct atrous__chain *chain);

/* Takes over the event of a command just enqueued. */
void atrous__chain_add(struct atrous__chain *chain, cl_event event);

/* Gives the last event to `done`, or releases it where `done` is NULL or the chain failed. */
void atrous__chain_end(struct atrous__chain *chain, atrous_status status, cl_event *done);

/* Enqueues the kernels of a plan, or those that pack its weights. */
atrous_status atrous__chain_plan(struct atrous__chain *chain, atrous_plan *plan,
                                 const struct atrous__place places[ATROUS__SLOTS],
                                 atrous_error *error);
atrous_status atrous__chain_pack(struct atrous__chain *chain, atrous_plan *plan,
                                 struct atrous__place plain, struct atrous__place packed,
                                 atrous_error *error);

/* Enqueues all steps; nothing is checked. */
atrous_status atrous__chain_stack(struct atrous__chain *chain, atrous_stack *stack,
                                  const atrous_stack_bindings *bindings, atrous_error *error);

/* A buffer of at least a byte, refused in words beyond what the device allocates at once. */
atrous_status atrous__buffer_make(struct atrous__env *env, const char *field, size_t bytes,
                                  cl_mem *mem, atrous_error *error);

#endif
