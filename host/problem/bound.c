/* Error bounds of direct summation and of minimal filtering, and what they rest on.
 *
 * One operation. fl(a op b) = (a op b)(1 + delta) + eta, |delta| <= u, |eta| <= FLT_MIN where a
 * device flushes denormals, as operand or as result. A value that went through n roundings
 * carries a factor 1 + theta, |theta| <= n*u / (1 - n*u) (Higham, Accuracy and Stability of
 * Numerical Algorithms, chapters 2 and 3). u = FLT_EPSILON / 2 to nearest; n * FLT_EPSILON
 * bounds |theta| for every n below 2^23, and to first order on devices that truncate too.
 *
 * Direct. A product w*x is rounded once, and once more with each later sum and the bias: n = 1
 * + (C/G) * taps, and the error is at most n * FLT_EPSILON * (|bias| + sum |w*x|).
 *
 * In half (u = 2^-11, each product added to the sum by one fma to nearest) n*u soon exceeds 1, and
 * (1 + u)^n with it. The bound n*u * sum |w*x| holds for every n nonetheless, as for floats (S.
 * Rump, Error estimation of floating-point summation and dot product, BIT 52, 2012): an fma to
 * nearest errs by no more than u times its result, nor more than its product p, since the sum so
 * far is a half itself. With E errors and P magnitudes so far, |p| <= u*P adds at most u*P to E;
 * else the result is at most P + E + |p|, and u*E <= (n-1)*u * u*P < (n-1)*u * |p|. Either way E <=
 * n*u * P goes on. Devices whose halves are not rounded to nearest, or that flush them as operands,
 * are not asked for half sums. Where P + E stays within 65504 no sum overflows, in any order.
 *
 * Minimal filtering (S. Winograd, Arithmetic Complexity of Computations, 1980; for networks A.
 * Lavin and S. Gray, arXiv:1509.09308) takes a tile of outputs from a tile d of the inputs:
 *
 *     Y = bias + AT [ sum over channels (G g GT) .* (BT d B) ] A
 *
 * Multiplied out, y is a sum of monomials a*b*c * g*d of inputs, taps and entries of A, B, G.
 * In kernels/transforms.clh each operand enters each result of a transform once, so each
 * monomial meets its own chain of roundings and keeps a factor 1 + theta. Most cancel in exact
 * arithmetic, their errors do not: with all operands replaced by their absolute values,
 *
 *     |error| <= n * FLT_EPSILON * magnitude,
 *     magnitude = |bias| + |AT| [ sum over channels (|G| |g| |GT|) .* (|BT| |d| |B|) ] |A|,
 *
 * (B. Barabasz, A. Anderson, K. Soodhalter, D. Gregg, arXiv:1803.10986, bound the same terms in
 * norm). n counts the longest chain; an fma counts one, a factor that is a power of two none:
 *
 *              input    taps                                     output
 *     F(4,3)   2 fma    g0+g1+g2, * 1/6, 1/6 itself: 4           m1+m2, +m0, +(m3+m4): 3
 *     F(2,3)   1        g0+g1+g2: 2                              m1+m2, +m0: 2
 *     F(3,2)   1        g0+g1: 1                                 m1+m2, +m0: 2
 *     phase 3  x0+x2, fma: 2   g0+g2, 1/6 itself, fma: 3         m1+m2, +(m3+m4) or fma: 2
 *     phase 2  1        1                                        1
 *
 * all of them once per axis, then C/G for the products and their sum and 1 for the bias. The taps
 * of a kernel's depth are channels here: C/G times KD of them.
 *
 *     n - C/G  F(4,3) 19 in two dimensions, 10 in one; F(2,3) 11, 6; F(3,2) 5 in one; whole
 *              phases (kernels/phases.clh) of up to 3 x 3 inputs 15, of 2 x 2 7.
 *
 * The gradient of the weights is F(R,M) of the same points: M gradients a tile and axis take the
 * place of the taps, and the sum runs over tiles, not channels. Its F(3,4) has the points' scales
 * behind the products: gradients 2 (g1+g3, fma), taps m3+m4, 1/24 itself, two fma: 4. Of whole
 * phases the gradients take what the inputs take; taps m1-m2, 1/6 itself, fma: 3, of 2 values
 * m0-m1-m2: 2. Instead of C/G come the products on the longest way through the sums over tiles;
 * there is no bias.
 *
 * Flushed denormals. The etas of a transform, each times the entries it still meets, amount to
 * at most 300 FLT_MIN in a transformed input (12 for the others) and 8 FLT_MIN in a
 * transformed tap; the products' sum and the output's transform add at most C/G + 4 per entry
 * of A. ATROUS__TINY = 8 * FLT_MIN / FLT_EPSILON, added to every |d|, |g| and to each point's
 * sum, covers all three: n * FLT_EPSILON * TINY is 8n * FLT_MIN, and what multiplies it, the
 * product over the axes of a row sum of |B| or |G|, is at least 2 (1 for a whole phase, where n is
 * more than 16, or in gradients, which transform dy as they do x, more than 6 where a phase has
 * 2 values and 9 where it has 3) or 1/4 per axis. */
#include "problem/bound.h"

/* No filtering: an axis along which the kernel is 1. */
static const struct atrous__minimal f11 = {.outputs = 1,
                                           .taps = 1,
                                           .inputs = 1,
                                           .points = 1,
                                           .input = {{1}},
                                           .tap = {{1}},
                                           .output = {{1}}};

static const struct atrous__minimal f23 = {
    .outputs = 2,
    .taps = 3,
    .inputs = 4,
    .points = 4,
    .input_roundings = 1,
    .tap_roundings = 2,
    .output_roundings = 2,
    .input = {{1, 0, 1}, {0, 1, 1}, {0, 1, 1}, {0, 1, 0, 1}},
    .tap = {{1}, {0.5, 0.5, 0.5}, {0.5, 0.5, 0.5}, {0, 0, 1}},
    .output = {{1, 1, 1}, {0, 1, 1, 1}},
};

static const struct atrous__minimal f32 = {
    .outputs = 3,
    .taps = 2,
    .inputs = 4,
    .points = 4,
    .input_roundings = 1,
    .tap_roundings = 1,
    .output_roundings = 2,
    .input = {{1, 0, 1}, {0, 1, 1}, {0, 1, 1}, {0, 1, 0, 1}},
    .tap = {{1}, {0.5, 0.5}, {0.5, 0.5}, {0, 1}},
    .output = {{1, 1, 1}, {0, 1, 1}, {0, 1, 1, 1}},
};

/* The input's transform on the points 0, 1, -1, 2, -2 and infinity. */
#define SIX_POINTS                                                                           \
    {                                                                                        \
        {4, 0, 5, 0, 1}, {0, 4, 4, 1, 1}, {0, 4, 4, 1, 1}, {0, 2, 1, 2, 1}, {0, 2, 1, 2, 1}, \
        {                                                                                    \
            0, 4, 0, 5, 0, 1                                                                 \
        }                                                                                    \
    }

static const struct atrous__minimal f43 = {
    .outputs = 4,
    .taps = 3,
    .inputs = 6,
    .points = 6,
    .input_roundings = 2,
    .tap_roundings = 4,
    .output_roundings = 3,
    .input = SIX_POINTS,
    .tap = {{1.0 / 4},
            {1.0 / 6, 1.0 / 6, 1.0 / 6},
            {1.0 / 6, 1.0 / 6, 1.0 / 6},
            {1.0 / 24, 1.0 / 12, 1.0 / 6},
            {1.0 / 24, 1.0 / 12, 1.0 / 6},
            {0, 0, 1}},
    .output = {{1, 1, 1, 1, 1}, {0, 1, 1, 2, 2}, {0, 1, 1, 4, 4}, {0, 1, 1, 8, 8, 1}},
};

/* The scales of the points, left out of `tap`, are in `output`. */
static const struct atrous__minimal f34 = {
    .outputs = 3,
    .taps = 4,
    .inputs = 6,
    .points = 6,
    .input_roundings = 2,
    .tap_roundings = 2,
    .output_roundings = 4,
    .input = SIX_POINTS,
    .tap = {{1}, {1, 1, 1, 1}, {1, 1, 1, 1}, {1, 2, 4, 8}, {1, 2, 4, 8}, {0, 0, 0, 1}},
    .output = {{1.0 / 4, 1.0 / 6, 1.0 / 6, 1.0 / 24, 1.0 / 24},
               {0, 1.0 / 6, 1.0 / 6, 1.0 / 12, 1.0 / 12},
               {0, 1.0 / 6, 1.0 / 6, 1.0 / 6, 1.0 / 6, 1}},
};

/* A whole phase of 1, 2 or 3 inputs between zeros (kernels/phases.clh): what lies past its ends
 * enters nothing. */
static const struct atrous__minimal whole_phase[] = {
    {.outputs = 1,
     .taps = 3,
     .inputs = 3,
     .points = 1,
     .input = {{0, 1}},
     .tap = {{0, 1}},
     .output = {{1}}},
    {.outputs = 2,
     .taps = 3,
     .inputs = 4,
     .points = 3,
     .input_roundings = 1,
     .tap_roundings = 1,
     .output_roundings = 1,
     .input = {{0, 1, 1}, {0, 0, 1}, {0, 1}},
     .tap = {{0, 1}, {0, 1, 1}, {1, 1}},
     .output = {{1, 1}, {1, 0, 1}}},
    {.outputs = 3,
     .taps = 3,
     .inputs = 5,
     .points = 4,
     .input_roundings = 2,
     .tap_roundings = 3,
     .output_roundings = 2,
     .input = {{0, 1, 1.5, 1}, {0, 1, 1.5, 1}, {0, 1, 0.5, 1}, {0, 1, 0.5, 1}},
     .tap =
         {{1.0 / 6, 0.25, 1.0 / 6}, {1.0 / 6, 0.25, 1.0 / 6}, {0.5, 0.25, 0.5}, {0.5, 0.25, 0.5}},
     .output = {{1, 1, 1, 1}, {1.5, 1.5, 0.5, 0.5}, {1, 1, 1, 1}}},
};

/* The same for the gradient of the taps, which are what comes out: gradients of the outputs go
 * through the inputs' transform, the last two points swapped. */
static const struct atrous__minimal whole_phase_gradient[] = {
    {.outputs = 3,
     .taps = 1,
     .inputs = 3,
     .points = 1,
     .input = {{0, 1}},
     .tap = {{1}},
     .output = {{0}, {1}, {0}}},
    {.outputs = 3,
     .taps = 2,
     .inputs = 4,
     .points = 3,
     .input_roundings = 1,
     .tap_roundings = 1,
     .output_roundings = 2,
     .input = {{0, 1, 1}, {0, 0, 1}, {0, 1}},
     .tap = {{1, 1}, {1}, {0, 1}},
     .output = {{0, 0, 1}, {1, 1, 1}, {0, 1}}},
    {.outputs = 3,
     .taps = 3,
     .inputs = 5,
     .points = 4,
     .input_roundings = 2,
     .tap_roundings = 2,
     .output_roundings = 3,
     .input = {{0, 1, 1.5, 1}, {0, 1, 1.5, 1}, {0, 1, 0.5, 1}, {0, 1, 0.5, 1}},
     .tap = {{1, 1.5, 1}, {1, 1.5, 1}, {1, 0.5, 1}, {1, 0.5, 1}},
     .output = {{1.0 / 6, 1.0 / 6, 0.5, 0.5},
                {0.25, 0.25, 0.25, 0.25},
                {1.0 / 6, 1.0 / 6, 0.5, 0.5}}},
};

static struct atrous__bound in_float(double terms, const struct atrous__minimal *rows,
                                     const struct atrous__minimal *columns)
{
    return (struct atrous__bound){.terms = terms,
                                  .epsilon = FLT_EPSILON,
                                  .tiny = FLT_MIN,
                                  .largest = (double)INFINITY,
                                  .rows = rows,
                                  .columns = columns};
}

struct atrous__bound atrous__bound_of_terms(double terms)
{
    return in_float(terms, NULL, NULL);
}

struct atrous__bound atrous__direct_bound(const struct atrous__problem *problem)
{
    return atrous__bound_of_terms(atrous__direct_terms(problem));
}

void atrous__bound_in_half(struct atrous__bound *bound)
{
    bound->epsilon = 0x1p-10;
    bound->tiny = 0x1p-14;
    bound->largest = 65504.0;
}

double atrous__bound_at(const struct atrous__bound *bound, double magnitude)
{
    const double most = bound->terms * (bound->epsilon * magnitude + bound->tiny);
    return magnitude + most <= bound->largest || bound->largest > DBL_MAX ? most : (double)INFINITY;
}

static double roundings(const struct atrous__minimal *f)
{
    return f->input_roundings + f->tap_roundings + f->output_roundings;
}

struct atrous__bound atrous__minimal_bound(const struct atrous__problem *problem, size_t outputs)
{
    const struct atrous__minimal *columns = outputs == 4 ? &f43 : outputs == 3 ? &f32 : &f23;
    const struct atrous__minimal *rows = problem->axis[ATROUS__H].kernel == 1 ? &f11 : columns;
    const double summed = (double)problem->channels * (double)problem->axis[ATROUS__D].kernel;
    const double terms = roundings(rows) + summed + roundings(columns) + 1;
    return in_float(terms, rows, columns);
}

struct atrous__bound atrous__phases_bound(const struct atrous__problem *problem, size_t rows,
                                          size_t columns)
{
    const bool is_line = problem->axis[ATROUS__H].kernel == 1;
    const bool is_column = problem->axis[ATROUS__W].kernel == 1;
    const struct atrous__minimal *h = is_line ? &f11 : &whole_phase[rows - 1];
    const struct atrous__minimal *w = is_column ? &f11 : &whole_phase[columns - 1];
    const double terms = roundings(h) + (double)problem->channels + roundings(w) + 1;
    return in_float(terms, h, w);
}

struct atrous__bound atrous__minimal_gradient_bound(const struct atrous__problem *problem,
                                                    size_t outputs, double products)
{
    const struct atrous__minimal *columns = outputs == 4 ? &f34 : outputs == 3 ? &f23 : &f32;
    const struct atrous__minimal *rows = problem->axis[ATROUS__H].kernel == 1 ? &f11 : columns;
    const double terms = roundings(rows) + products + roundings(columns);
    return in_float(terms, rows, columns);
}

struct atrous__bound atrous__phases_gradient_bound(const struct atrous__problem *problem,
                                                   size_t rows, size_t columns, double products)
{
    const bool is_line = problem->axis[ATROUS__H].kernel == 1;
    const bool is_column = problem->axis[ATROUS__W].kernel == 1;
    const struct atrous__minimal *h = is_line ? &f11 : &whole_phase_gradient[rows - 1];
    const struct atrous__minimal *w = is_column ? &f11 : &whole_phase_gradient[columns - 1];
    return in_float(roundings(h) + products + roundings(w), h, w);
}

static double row_sum(const double row[ATROUS__MINIMAL])
{
    double sum = 0;
    for (size_t i = 0; i < ATROUS__MINIMAL; ++i)
        sum += row[i];
    return sum;
}

/* The magnitude of the worst output where |x| = |w| = 1, along one axis, as a multiple of what
 * the output can be: 16, 8/3 and 3 for F(4,3), F(2,3) and F(3,2); 31/9 for a whole phase of 3. */
static double amplification(const struct atrous__minimal *f)
{
    double most = 0;
    for (size_t i = 0; i < f->outputs; ++i) {
        double sum = 0;
        for (size_t point = 0; point < f->points; ++point)
            sum += f->output[i][point] * row_sum(f->tap[point]) * row_sum(f->input[point]);
        most = sum > most ? sum : most;
    }
    return most / (double)f->taps;
}

bool atrous__bound_is_useful(const struct atrous__bound *bound)
{
    double relative = bound->terms * bound->epsilon;
    if (bound->columns != NULL)
        relative *= amplification(bound->rows) * amplification(bound->columns);
    return relative <= 0.125;
}
