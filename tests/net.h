/* Stacks under test, with their weights, and their layers run one by one. */
#ifndef ATROUS_TESTS_NET_H
#define ATROUS_TESTS_NET_H

#include <stdbool.h>

#include <atrous/stack.h>

#include "random.h"

enum { NET_MAX = 40 };

struct net {
    atrous_shape shape; /* of the input */
    size_t count;
    atrous_layer layers[NET_MAX];
    atrous_layer_weights weights[NET_MAX];
    atrous_order order; /* of the stack */
    size_t band_rows;
    float *input;
    float *parameters[2 * NET_MAX]; /* what weights point to */
};

/* No layers yet. */
struct net net_open(int rank, size_t batch, size_t channels, const size_t extents[3]);
void net_close(struct net *net);

/* Adds a layer with kernels alike on all axes, "same" padded; to be changed at will. */
atrous_layer *net_add(struct net *net, size_t filters, size_t kernel, size_t dilation);

/* Draws input and parameters: small integers, or reals within `scale` (the input within 1). */
void net_draw(struct net *net, struct random *random);
void net_draw_reals(struct net *net, struct random *random, float scale);

/* A source among what the layers so far made. */
atrous_source net_pick(const struct net *net, struct random *random);
/* Whether the layer reads sum `sum`. */
bool net_reads_sum(const atrous_layer *layer, int sum);
/* Lists as outputs what nothing reads, so that a stack accepts the net. */
void net_read_all(const struct net *net, atrous_source *outputs, size_t *count);

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

/* Makes every layer's plan take the solver. */
void net_use(struct net *net, const char *solver);

/* The layers one by one, each by a plan of its own, with the solver that the stack's has where
 * there is a stack, on memory of its own. What each layer gives is held against the truth about
 * what it was given itself: one layer's bound, and nothing carried along. `at` gets the tensor of
 * each output, to be freed. NCHW. */
void net_layers(const struct net *net, const atrous_stack *stack, const atrous_source *outputs,
                size_t count, float **at);

/* A run of the stack gives what its layers give one by one, bit for bit. */
void net_expect_same(const struct net *net, const atrous_source *outputs, size_t count);

/* The problem of a layer, completed from those before it. */
atrous_conv net_conv(const struct net *net, size_t layer);
/* Tensors by number: 0 the input, then what layers and sums make, below 2 * NET_MAX + 1. What a
 * source names for layer `before`, and what a layer writes. */
size_t net_tensor(const struct net *net, const atrous_source *source, size_t before);
size_t net_target(const struct net *net, size_t layer);

/* The oracle's sums of a layer over `x`, bias included; and such sums clamped, as floats. */
double *net_truth(const struct net *net, size_t layer, const float *x);
float *net_floats(const double *values, size_t count, double low, double high);

#endif
