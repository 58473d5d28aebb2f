/* How far a stack's answer may lie from the truth in any order of its sums: the bound of each
 * layer, carried through the layers after it. */
#ifndef ATROUS_TESTS_NET_BOUND_H
#define ATROUS_TESTS_NET_BOUND_H

#include "net.h"

/* What the last layer gives, or the sum it adds to. */
struct net_bound {
    size_t count;
    float *want;   /* of the oracle, rounded where layers meet */
    double *bound; /* of |got - want|, element by element */
};

/* NCHW, forward layers, no clamp. */
struct net_bound net_bound_of(const struct net *net);
void net_bound_free(struct net_bound *bound);

/* Fails the test where an element is out of bounds; the worst share of the bound. */
double net_bound_expect(const struct net_bound *bound, const float *got);

#endif
