/* Depth first: runs of layers that are carried through their tensors band by band, a band being
 * some rows of one image, the slowest axis. */
#ifndef ATROUS_PLAN_BANDS_H
#define ATROUS_PLAN_BANDS_H

#include "plan/stack.h"

/* A plan of one layer for bands of one shape. */
struct atrous__band_plan {
    size_t step, rows, pad_begin, pad_end; /* rows of the input, and its padding */
    atrous_plan *plan;
};

/* One act of a run: a layer over a band, or rows moved to the front of a window. */
struct atrous__act {
    atrous_plan *plan; /* NULL: a move */
    size_t index;      /* the step, or the tensor whose window it is */
    /* Bytes behind where the tensors, or the image of those that are no windows, begin; a move
     * goes from source to target. */
    size_t source, residual, target;
    size_t bytes; /* of a move */
};

/* Steps first .. end-1, the acts that compute one image of them. */
struct atrous__run {
    size_t first, end;
    size_t act_count, act_room, plan_count, plan_room;
    struct atrous__act *acts;
    struct atrous__band_plan *plans;
};

/* Looks for runs in a stack whose plans and graph are ready, and where it finds some gives
 * stack->banded the storages that they want. A run that cannot be made is left out. */
atrous_status atrous__bands_find(atrous_stack *stack, const atrous_stack_options *options,
                                 atrous_error *error);

void atrous__bands_free(atrous_stack *stack);

/* The run that begins at a step, or NULL. */
const struct atrous__run *atrous__run_at(const atrous_stack *stack, size_t step);

/* Bytes from where a tensor begins to its image `image`; 0 for a window. */
size_t atrous__image_offset(const struct atrous__graph *graph, size_t tensor, size_t image);

/* How the acts of a run move through a run's tensors: fills run->acts and plans, and makes
 * windows of the storages that nothing else needs whole. False where bands of `band` rows do not
 * do; *status then tells whether a plan failed. */
bool atrous__run_make(atrous_stack *stack, struct atrous__run *run, size_t band,
                      atrous_status *status, atrous_error *error);

#endif
