/* Stacks under test, with their weights. */
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

/* Makes every layer's plan take the solver. */
void net_use(struct net *net, const char *solver);

/* Draws input and parameters: small integers, or reals within `scale` (the input within 1). */
void net_draw(struct net *net, struct random *random);
void net_draw_reals(struct net *net, struct random *random, float scale);

/* Three layers on a small image, the last one added to what the first made; drawn. */
struct net net_small(struct random *random);

/* A source among what the layers so far made. */
atrous_source net_pick(const struct net *net, struct random *random);
/* Whether the layer reads sum `sum`. */
bool net_reads_sum(const atrous_layer *layer, int sum);
/* Lists as outputs what nothing reads, so that a stack accepts the net. */
void net_read_all(const struct net *net, atrous_source *outputs, size_t *count);

/* The problem of a layer, completed from those before it. */
atrous_conv net_conv(const struct net *net, size_t layer);
/* Tensors by number: 0 the input, then what layers and sums make, below 2 * NET_MAX + 1. What a
 * source names for layer `before`, and what a layer writes. */
size_t net_tensor(const struct net *net, const atrous_source *source, size_t before);
size_t net_target(const struct net *net, size_t layer);
size_t net_elements(const struct net *net, size_t tensor);

/* The oracle's sums of a layer over `x`, bias included; and such sums clamped, as floats. */
double *net_truth(const struct net *net, size_t layer, const float *x);
float *net_floats(const double *values, size_t count, double low, double high);

#endif
