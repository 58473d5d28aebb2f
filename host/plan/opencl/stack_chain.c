/* Commands of stacks and streams, one after another. */
#include "plan/opencl/stack_device.h"

#include "plan/bands.h"

#include <string.h>

cl_uint atrous__chain_count(const struct atrous__chain *chain)
{
    return chain->last != NULL ? 1 : chain->num_waits;
}

const cl_event *atrous__chain_list(const struct atrous__chain *chain)
{
    return chain->last != NULL ? &chain->last : chain->waits;
}

void atrous__chain_add(struct atrous__chain *chain, cl_event event)
{
    if (chain->last != NULL)
        clReleaseEvent(chain->last);
    chain->last = event;
}

void atrous__chain_end(struct atrous__chain *chain, atrous_status status, cl_event *done)
{
    if (done != NULL && status == ATROUS_OK)
        *done = chain->last;
    else if (chain->last != NULL)
        clReleaseEvent(chain->last);
    chain->last = NULL;
}

static atrous_status add_kernels(struct atrous__chain *chain, struct atrous__launch *launches,
                                 unsigned count, const struct atrous__place places[ATROUS__SLOTS],
                                 atrous_error *error)
{
    cl_event done = NULL;
    const atrous_status status =
        atrous__chain_enqueue(launches, count, chain->queue, places, atrous__chain_count(chain),
                              atrous__chain_list(chain), &done, error);
    if (status == ATROUS_OK && done != NULL)
        atrous__chain_add(chain, done);
    return status;
}

atrous_status atrous__chain_plan(struct atrous__chain *chain, atrous_plan *plan,
                                 const struct atrous__place places[ATROUS__SLOTS],
                                 atrous_error *error)
{
    return add_kernels(chain, plan->job->launch, plan->job->launch_count, places, error);
}

atrous_status atrous__chain_pack(struct atrous__chain *chain, atrous_plan *plan,
                                 struct atrous__place plain, struct atrous__place packed,
                                 atrous_error *error)
{
    struct atrous__place places[ATROUS__SLOTS];
    memset(places, 0, sizeof places);
    places[ATROUS__PLAIN] = plain;
    places[ATROUS__WEIGHTS] = packed;
    return add_kernels(chain, plan->job->pack, plan->job->pack_count, places, error);
}

static struct atrous__place tensor_place(const atrous_stack *stack, const atrous_stack_bindings *b,
                                         size_t tensor)
{
    const struct atrous__graph *graph = atrous__running(stack);
    const struct atrous__storage *storage = &graph->storages[graph->tensors[tensor].storage];
    if (storage->home == ATROUS__AT_INPUT)
        return (struct atrous__place){b->input.mem, b->input.offset};
    if (storage->home == ATROUS__AT_OUTPUT)
        return (struct atrous__place){b->outputs[storage->output].mem,
                                      b->outputs[storage->output].offset};
    return (struct atrous__place){b->workspace.mem, b->workspace.offset + storage->offset};
}

/* Where the tensors of a step begin. */
static void step_places(const atrous_stack *stack, const atrous_stack_bindings *b, size_t index,
                        struct atrous__place places[ATROUS__SLOTS])
{
    const struct atrous__step *step = &atrous__running(stack)->steps[index];
    const struct atrous__packing *packing = &stack->packing[index];
    memset(places, 0, ATROUS__SLOTS * sizeof *places);
    places[ATROUS__INPUT] = tensor_place(stack, b, step->source);
    places[ATROUS__OUTPUT] = tensor_place(stack, b, step->target);
    places[ATROUS__WEIGHTS] =
        (struct atrous__place){b->weights.mem, b->weights.offset + packing->weights};
    if (step->conv.has_bias)
        places[ATROUS__BIAS] =
            (struct atrous__place){b->weights.mem, b->weights.offset + packing->bias};
    if (step->residual != ATROUS__NO_TENSOR)
        places[ATROUS__RESIDUAL] = tensor_place(stack, b, step->residual);
    if (step->scratch_bytes > 0)
        places[ATROUS__WORKSPACE] =
            (struct atrous__place){b->workspace.mem, b->workspace.offset + step->scratch_offset};
}

static atrous_status chain_step(struct atrous__chain *chain, const atrous_stack *stack,
                                const atrous_stack_bindings *b, size_t index, atrous_error *error)
{
    struct atrous__place places[ATROUS__SLOTS];
    step_places(stack, b, index, places);
    return atrous__chain_plan(chain, stack->plans[index], places, error);
}

/* Rows that are wanted yet move to the front of a window. */
static atrous_status chain_move(struct atrous__chain *chain, const atrous_stack *stack,
                                const atrous_stack_bindings *b, const struct atrous__act *act,
                                atrous_error *error)
{
    const struct atrous__place window = tensor_place(stack, b, act->index);
    cl_event moved = NULL;
    const cl_int code =
        clEnqueueCopyBuffer(chain->queue, window.mem, window.mem, window.offset + act->source,
                            window.offset + act->target, act->bytes, atrous__chain_count(chain),
                            atrous__chain_list(chain), &moved);
    if (code != CL_SUCCESS)
        return atrous__fail_cl(error, code, "clEnqueueCopyBuffer(window)");
    atrous__chain_add(chain, moved);
    return ATROUS_OK;
}

static atrous_status chain_act(struct atrous__chain *chain, const atrous_stack *stack,
                               const atrous_stack_bindings *b, const struct atrous__act *act,
                               size_t image, atrous_error *error)
{
    const struct atrous__graph *graph = atrous__running(stack);
    struct atrous__place places[ATROUS__SLOTS];
    if (act->plan == NULL)
        return chain_move(chain, stack, b, act, error);
    const struct atrous__step *step = &graph->steps[act->index];
    step_places(stack, b, act->index, places);
    places[ATROUS__INPUT].offset += act->source + atrous__image_offset(graph, step->source, image);
    places[ATROUS__OUTPUT].offset += act->target + atrous__image_offset(graph, step->target, image);
    if (step->residual != ATROUS__NO_TENSOR)
        places[ATROUS__RESIDUAL].offset +=
            act->residual + atrous__image_offset(graph, step->residual, image);
    return atrous__chain_plan(chain, act->plan, places, error);
}

/* All acts of a run, image after image; *index ends at the layer at work. */
static atrous_status chain_run(struct atrous__chain *chain, const atrous_stack *stack,
                               const atrous_stack_bindings *b, const struct atrous__run *run,
                               size_t *index, atrous_error *error)
{
    const struct atrous__graph *graph = atrous__running(stack);
    const size_t images = graph->tensors[graph->steps[run->first].target].shape.batch;
    atrous_status status = ATROUS_OK;
    for (size_t image = 0; image < images; ++image)
        for (size_t i = 0; i < run->act_count && status == ATROUS_OK; ++i) {
            if (run->acts[i].plan != NULL)
                *index = run->acts[i].index;
            status = chain_act(chain, stack, b, &run->acts[i], image, error);
        }
    return status;
}

atrous_status atrous__chain_stack(struct atrous__chain *chain, atrous_stack *stack,
                                  const atrous_stack_bindings *b, atrous_error *error)
{
    atrous_status status = ATROUS_OK;
    for (size_t i = 0; i < stack->graph.step_count && status == ATROUS_OK;) {
        const struct atrous__run *run = atrous__run_at(stack, i);
        size_t index = i;
        atrous_error inner;
        status = run != NULL ? chain_run(chain, stack, b, run, &index, &inner)
                             : chain_step(chain, stack, b, i, &inner);
        if (status != ATROUS_OK)
            atrous__fail_layer(error, index, &inner);
        i = run != NULL ? run->end : i + 1;
    }
    return status;
}

atrous_status atrous__buffer_make(struct atrous__env *env, const char *field, size_t bytes,
                                  cl_mem *mem, atrous_error *error)
{
    cl_int code = CL_SUCCESS;
    if (bytes > env->device.max_allocation)
        return atrous__fail(error, ATROUS_UNSUPPORTED, field,
                            "takes %zu bytes, the device allocates at most %zu at once", bytes,
                            env->device.max_allocation);
    *mem = clCreateBuffer(env->context, CL_MEM_READ_WRITE, atrous__max(bytes, 1), NULL, &code);
    return code == CL_SUCCESS ? ATROUS_OK : atrous__fail_cl(error, code, field);
}
