/* Problems of every direction with their tensors and the truth about them, by one enumeration of
 * who meets whom. Shares no code with host/ or with the forward oracle. */
#ifndef ATROUS_TESTS_DIRECTED_H
#define ATROUS_TESTS_DIRECTED_H

#include <stdbool.h>

#include <atrous/atrous.h>

#include "random.h"

/* The tensors' roles in the forward relation: y[p] gathers w * x. Of a transposed convolution its
 * input is y and its output x. All NCHW, weights [filters of y][channels of x / G][taps]. */
struct meeting {
    size_t x, w, y;
    bool in_padding; /* x means nothing: the padding's value is read */
};

/* Calls `meet` for every product of the problem. */
void directed_each(const atrous_conv *conv, void (*meet)(void *user, const struct meeting *),
                   void *user);

/* Elements of the three tensors, and of the output bias. */
struct directed_counts {
    size_t x, w, y, filters;
};
struct directed_counts directed_count(const atrous_conv *conv);

/* The extents of y under the forward relation of any direction but transposed. */
bool directed_outputs(const atrous_conv *conv, size_t output[ATROUS_MAX_RANK]);

/* The tensors hold values that the conv's type stores, as floats. */
struct directed {
    atrous_conv conv;
    struct directed_counts counts;
    const float *x, *w, *y; /* those that the direction reads, NCHW */
    const float *bias;      /* transposed and forward with has_bias */
    const float *scale;     /* where channel_scale is 1 */
    const float *residual;  /* NCHW; directed_solve() knows it after the activation */
    const float *previous;  /* where beta is not 0; db's behind dw's */
};

/* Elements of the output array with bias_output behind it. */
size_t directed_outputs_count(const atrous_conv *conv);

/* The exact outputs (bias_output behind) and bounds on the error of direct summation. */
void directed_solve(const struct directed *problem, double *value, double *bound);

/* Runs the problem through a solver on host arrays between guard words, converting layouts, into
 * `got` (NCHW). False when the solver refuses the problem; other failures fail the test. */
bool directed_run(const char *solver, const struct directed *problem, float *got);

/* The same through atrous_plan_pack() and atrous_plan_enqueue(). False also without OpenCL. */
bool directed_run_buffers(const char *solver, const struct directed *problem, float *got);

#endif
