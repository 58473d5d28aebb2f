/* Makes a plan ready to run. */
#include "made.h"

#include <stdlib.h>

#include "harness.h"
#include "shapes.h"

enum { SEED = 5 };

struct made made_plan(const char *solver)
{
    atrous_conv conv = shape_square(2, 3, 4, 13, 3, 2);
    struct random random = {SEED};
    struct made made = {0};

    conv.has_bias = 1;
    made.data = data_draw(&conv, &random, FILL_REALS);
    data_solve(&made.data);
    made.y = floats(made.data.y_count);
    made.plan = harness_try_plan(solver, &conv);
    made.arrays = data_arrays(&made.data, made.y);
    return made;
}

void made_free(struct made *made)
{
    atrous_plan_destroy(made->plan);
    data_free(&made->data);
    free(made->y);
}
