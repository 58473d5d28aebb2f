/* The solvers there are: one line each. */
#include "solve/solver.h"

extern const struct atrous__solver atrous__depthwise, atrous__filter, atrous__winograd,
    atrous__strips, atrous__phases, atrous__spread, atrous__simd, atrous__tile,
    atrous__gradient_depthwise, atrous__gradient_planes, atrous__gradient_phases,
    atrous__gradient_minimal, atrous__gradient, atrous__reference;

/* clang-format off */
const struct atrous__solver *const atrous__solvers[] = {
    &atrous__depthwise,
    &atrous__filter,
    &atrous__winograd,
    &atrous__strips,
    &atrous__phases,
    &atrous__spread,
    &atrous__simd,
    &atrous__tile,
    &atrous__gradient_depthwise,
    &atrous__gradient_planes,
    &atrous__gradient_phases,
    &atrous__gradient_minimal,
    &atrous__gradient,
    &atrous__reference,
};
/* clang-format on */
const size_t atrous__solver_count = sizeof atrous__solvers / sizeof *atrous__solvers;
