/* The self-test: a tiny problem through a solver's kernel, held against the CPU path. */
#include "cpu/types.h"
#include "plan/opencl/backend.h"

#include <stdlib.h>

/* Small whole and half numbers of both signs, for int8 whole ones: sums are exact, so a wrong tap
 * shows. */
static void fill(atrous_type type, void *to, float *values, size_t count, unsigned step)
{
    const float unit = type == ATROUS_TYPE_I8 ? 1.0f : 0.5f;
    for (size_t i = 0; i < count; ++i)
        values[i] = (float)((int)((i * step + i / 7) % 17) - 8) * unit;
    atrous__narrow(type, values, to, count, 1);
}

/* The tensors of a self-test, each with room for floats, and as much to draw them in. */
struct tensors {
    float *memory, *input, *weights, *bias, *scale, *grad, *output, *bias_output, *drawn;
};

static bool make(const struct atrous__problem *p, struct tensors *t)
{
    const size_t filters = p->conv.out_channels;
    const size_t all = p->in_count + p->weights_count + 2 * filters + p->grad_count + p->out_count +
                       p->bias_out_count;
    t->memory = calloc(2 * all, sizeof *t->memory);
    t->input = t->memory;
    t->weights = t->input + p->in_count;
    t->bias = t->weights + p->weights_count;
    t->scale = t->bias + filters;
    t->grad = t->scale + filters;
    t->output = t->grad + p->grad_count;
    t->bias_output = t->output + p->out_count;
    t->drawn = t->memory + all;
    return t->memory != NULL;
}

static atrous_status compare(struct atrous__env *env, const struct atrous__solver *solver,
                             const struct atrous__problem *p, struct atrous__job *job,
                             const struct tensors *t, atrous_error *error)
{
    const atrous_type type = p->conv.type;
    const size_t filters = p->conv.out_channels;
    atrous_arrays arrays;
    atrous_check check = {.struct_size = sizeof check};

    fill(type, t->input, t->drawn, p->in_count, 5);
    fill(type, t->weights, t->drawn, p->weights_count, 3);
    fill(type, t->grad, t->drawn, p->grad_count, 3);
    fill(ATROUS_TYPE_F32, t->bias, t->drawn, filters, 11);
    fill(ATROUS_TYPE_F32, t->scale, t->drawn, filters, 7);
    atrous_arrays_init(&arrays, sizeof arrays);
    arrays.input = t->input;
    arrays.weights = t->weights;
    arrays.bias = t->bias;
    arrays.scale = t->scale;
    arrays.output = t->output;
    arrays.grad_output = t->grad;
    arrays.bias_output = t->bias_output;
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

static atrous_status run_probe(struct atrous__env *env, const struct atrous__solver *solver,
                               const atrous_conv *conv, atrous_error *error)
{
    atrous_status status = ATROUS_OK;
    struct atrous__problem problem;
    struct atrous__job job = {0};
    struct tensors tensors = {NULL};

    ATROUS__TRY(atrous__problem_init(&problem, conv, error));
    problem.sums_in_half = atrous__sums_in_half(&problem, &env->device);
    const char *refusal = atrous__solver_refuse(solver, &problem, &env->device);
    if (refusal != NULL) {
        status = atrous__fail(error, ATROUS_UNSUPPORTED, solver->name, "%s", refusal);
        goto done;
    }
    if (!make(&problem, &tensors)) {
        status = atrous__fail(error, ATROUS_OUT_OF_HOST_MEMORY, "", "a self-test");
        goto done;
    }
    ATROUS__TRY(atrous__solver_build(solver, &problem, env, &job, error));
    ATROUS__TRY(compare(env, solver, &problem, &job, &tensors, error));

done:
    atrous__job_release(&job);
    free(tensors.memory);
    return status;
}

/* A probe at the type; with `gates` twice, in twice the groups, one half gating the other. */
static atrous_status run_typed(struct atrous__env *env, const struct atrous__solver *solver,
                               void (*probe)(atrous_conv *conv), atrous_type type, bool gates,
                               atrous_error *error)
{
    atrous_conv conv;
    probe(&conv);
    conv.type = type;
    if (gates) {
        conv.activation = ATROUS_ACTIVATION_GATED;
        conv.groups *= 2;
        conv.in_channels *= 2;
        conv.out_channels *= 2;
    }
    if (type == ATROUS_TYPE_I8)
        conv.alpha = gates ? 100.0 : 0.015625; /* so that few results saturate */
    return run_probe(env, solver, &conv, error);
}

atrous_status atrous__self_test(struct atrous__env *env, const struct atrous__solver *solver,
                                atrous_type type, atrous_error *error)
{
    const size_t others = sizeof solver->other_probes / sizeof *solver->other_probes;
    atrous_status status = run_typed(env, solver, solver->probe, type, false, error);
    for (size_t i = 0; i < others && status == ATROUS_OK; ++i)
        if (solver->other_probes[i] != NULL)
            status = run_typed(env, solver, solver->other_probes[i], type, false, error);
    return status;
}

atrous_status atrous__half_test(struct atrous__env *env, const struct atrous__solver *solver,
                                atrous_type f16, atrous_error *error)
{
    atrous_conv conv;
    solver->probe(&conv);
    conv.type = f16;
    conv.native_half = 1;
    return run_probe(env, solver, &conv, error);
}

atrous_status atrous__gate_test(struct atrous__env *env, const struct atrous__solver *solver,
                                atrous_type type, atrous_error *error)
{
    return run_typed(env, solver, solver->probe, type, true, error);
}

atrous_status atrous__fold_test(struct atrous__env *env, const struct atrous__solver *any,
                                atrous_type f32, atrous_error *error)
{
    (void)any;
    (void)f32;
    const struct atrous__solver *solver = atrous__solvers[atrous__solver_count - 1];
    atrous_status status = ATROUS_OK;
    for (int mode = ATROUS_PADDING_REPLICATE; mode <= ATROUS_PADDING_CIRCULAR; ++mode) {
        atrous_conv conv;
        atrous__probe_square(&conv, 3, 2);
        conv.direction = ATROUS_BACKWARD_DATA;
        conv.has_bias = 0;
        conv.padding = (atrous_padding)mode;
        conv.pad_begin[0] = 25; /* more than the mirror's period */
        if (status == ATROUS_OK)
            status = run_probe(env, solver, &conv, error);
    }
    return status;
}
