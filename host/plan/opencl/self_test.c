/* The self-test: a tiny problem through a solver's kernel, held against the CPU path. */
#include "plan/opencl/backend.h"

#include <stdlib.h>

/* Small whole and half numbers of both signs: sums are exact, so a wrong tap shows. */
static void fill(float *values, size_t count, unsigned step)
{
    for (size_t i = 0; i < count; ++i)
        values[i] = (float)((int)((i * step + i / 7) % 17) - 8) * 0.5f;
}

static atrous_status compare(struct atrous__env *env, const struct atrous__solver *solver,
                             const struct atrous__problem *p, struct atrous__job *job,
                             float *values, atrous_error *error)
{
    float *const input = values, *const weights = input + p->in_count;
    float *const bias = weights + p->weights_count, *const grad = bias + p->conv.out_channels;
    float *const output = grad + p->grad_count;
    atrous_arrays arrays;
    atrous_check check = {.struct_size = sizeof check};

    fill(input, p->in_count, 5);
    fill(weights, p->weights_count, 3);
    fill(bias, p->conv.out_channels, 11);
    fill(grad, p->grad_count, 3);
    atrous_arrays_init(&arrays, sizeof arrays);
    arrays.input = input;
    arrays.weights = weights;
    arrays.bias = bias;
    arrays.output = output;
    arrays.grad_output = grad;
    arrays.bias_output = output + p->out_count;
    const struct atrous__bound bound = atrous__solver_bound(solver, p);
    atrous_status status = atrous__job_run(env, p, job, &arrays, 0, NULL, error);
    if (status == ATROUS_OK)
        status = atrous__check(p, &bound, &arrays, 1, &check, error);
    if (status == ATROUS_OK && !(check.worst <= 1.0))
        status = atrous__fail(error, ATROUS_OPENCL_ERROR, solver->name,
                              "the self-test disagrees with the CPU path at output %zu: error %g, "
                              "bound %g",
                              check.worst_at, check.worst_error, check.worst_bound);
    return status;
}

atrous_status atrous__self_test(struct atrous__env *env, const struct atrous__solver *solver,
                                atrous_error *error)
{
    atrous_status status = ATROUS_OK;
    atrous_conv conv;
    struct atrous__problem problem;
    struct atrous__job job = {0};
    float *values = NULL;

    solver->probe(&conv);
    ATROUS__TRY(atrous__problem_init(&problem, &conv, error));
    const char *refusal = atrous__solver_refuse(solver, &problem, &env->device);
    if (refusal != NULL) {
        status = atrous__fail(error, ATROUS_UNSUPPORTED, solver->name, "%s", refusal);
        goto done;
    }
    values = calloc(problem.in_count + problem.weights_count + problem.conv.out_channels +
                        problem.grad_count + problem.out_count + problem.bias_out_count,
                    sizeof *values);
    if (values == NULL) {
        status = atrous__fail(error, ATROUS_OUT_OF_HOST_MEMORY, "", "a self-test");
        goto done;
    }
    ATROUS__TRY(solver->build(&problem, env, &job, error));
    ATROUS__TRY(compare(env, solver, &problem, &job, values, error));

done:
    atrous__job_release(&job);
    free(values);
    return status;
}
