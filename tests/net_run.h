/* Runs of stacks under test, and of their layers one by one. */
#ifndef ATROUS_TESTS_NET_RUN_H
#define ATROUS_TESTS_NET_RUN_H

#include "net.h"

/* The stack on the harness's device, or a failed test. */
atrous_stack *net_stack(const struct net *net, const atrous_source *outputs, size_t count);

/* A stack and what a run of it gave; outputs lay between guard words and began as NaN. */
struct net_run {
    atrous_stack *stack;
    atrous_stack_arrays arrays;
    size_t output_count;
    size_t count[NET_MAX]; /* elements of each output */
    float *output[NET_MAX];
    float *fenced[NET_MAX];
    void *outputs[NET_MAX];
};
void net_run(struct net_run *run, const struct net *net, const atrous_source *outputs,
             size_t count);
void net_run_free(struct net_run *run);

/* The layers one by one, each by a plan of its own, with the solver that the stack's has where
 * there is a stack, on memory of its own. What each layer gives is held against the truth about
 * what it was given itself: one layer's bound, and nothing carried along. `at` gets the tensor of
 * each output, to be freed. NCHW. */
void net_layers(const struct net *net, const atrous_stack *stack, const atrous_source *outputs,
                size_t count, float **at);

/* A run of the stack gives what its layers give one by one, bit for bit. */
void net_expect_same(const struct net *net, const atrous_source *outputs, size_t count);

#endif
