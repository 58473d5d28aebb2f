/* The truth about problems with an epilogue, forward and transposed. */
#ifndef ATROUS_TESTS_EPILOGUE_H
#define ATROUS_TESTS_EPILOGUE_H

#include "directed.h"
#include "loose.h"

/* The sums of all K filters, with a bias that is part of them, and bounds of direct summation;
 * room for directed_outputs_count() each. */
void epilogue_sums(const struct directed *problem, double *sums, double *bounds);

/* Output `at`, NCHW, behind them: scale, late bias, activation or gate, residual, alpha, beta, the
 * rounding to its type. */
struct loose epilogue_of(const struct directed *problem, const double *sums, const double *bounds,
                         size_t at);

/* Runs the problem, on host arrays and on buffers, and fails the test where an output is out of
 * bounds; false where the solver refuses it. */
bool epilogue_verify(const char *solver, const struct directed *problem, const double *sums,
                     const double *bounds);

#endif
