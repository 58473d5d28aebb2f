/* Drawn problems of every direction, run and held against the truth. */
#ifndef ATROUS_TESTS_DIRECTED_DRAW_H
#define ATROUS_TESTS_DIRECTED_DRAW_H

#include "directed.h"

extern uint64_t directed_seed;

/* Whether the library takes the problem and the truth about it is a moment's work. */
bool directed_is_small(const atrous_conv *conv);

/* The tensors of one drawn problem; y is dy. */
struct drawn {
    atrous_conv forward;
    struct directed_counts counts;
    float *x, *w, *y, *bias, *previous;
};

/* A forward problem of any geometry, layouts and orientation; strict math. */
void directed_draw(struct random *random, atrous_conv *conv);

/* The transposed convolution that is this problem's adjoint; false where it has none. */
bool directed_adjoint(const atrous_conv *forward, atrous_conv *conv);

/* Tensors for all directions of a problem, of values that its type stores; `bias` serves either
 * side's channels, `previous` any output. */
struct drawn drawn_of(struct random *random, const atrous_conv *conv);

/* A drawn forward problem, small enough for the truth, with tensors for all its directions. */
struct drawn drawn_make(struct random *random);
void drawn_free(struct drawn *drawn);

/* Makes the tensors values that the type stores, and sets it. */
void drawn_store(struct drawn *drawn, atrous_type type);

/* `conv`, of any direction, on the drawn tensors. */
struct directed drawn_direct(const struct drawn *drawn, const atrous_conv *conv);

/* Fails the test where `got` is further from `value` than `bound`. */
void directed_compare(const char *solver, const struct directed *problem, const float *got,
                      const double *value, const double *bound);

/* Runs the problem, on host arrays and on buffers, and compares; the result, which the caller
 * frees, or NULL when the solver refuses. */
float *directed_verify(const char *solver, const struct directed *problem);

/* The same for one direction of a drawn problem; NULL also where it has none. */
float *drawn_verify(const char *solver, const struct drawn *drawn, atrous_direction direction,
                    bool has_bias);

#endif
