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
    atrous_plan_options options;
    atrous_error error;

    conv.has_bias = 1;
    made.data = data_draw(&conv, &random, FILL_REALS);
    data_solve(&made.data);
    made.y = floats(made.data.y_count);
    atrous_plan_options_init(&options, sizeof options);
    options.solver = solver;
    const atrous_status status =
        atrous_plan_create(harness.context, &conv, &options, &made.plan, &error);
    if (status != ATROUS_UNSUPPORTED || solver == NULL || harness_takes_everything(solver))
        harness_expect_ok(status, &error, solver != NULL ? solver : "auto", &conv);
    atrous_arrays_init(&made.arrays, sizeof made.arrays);
    made.arrays.input = made.data.x;
    made.arrays.weights = made.data.w;
    made.arrays.bias = made.data.bias;
    made.arrays.output = made.y;
    return made;
}

void made_free(struct made *made)
{
    atrous_plan_destroy(made->plan);
    data_free(&made->data);
    free(made->y);
}
