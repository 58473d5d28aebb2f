/* Runs stacks, and their layers one by one. */
#include "testing.h"

#include "net_run.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data.h"
#include "epilogue.h"
#include "fenced.h"
#include "harness.h"
#include "shapes.h"

atrous_stack *net_stack(const struct net *net, const atrous_source *outputs, size_t count)
{
    atrous_stack *stack = NULL;
    atrous_stack_options options;
    atrous_error error;

    atrous_stack_options_init(&options, sizeof options);
    options.outputs = outputs;
    options.output_count = count;
    options.order = net->order;
    options.band_rows = net->band_rows;
    if (atrous_stack_create(harness.context, net->layers, net->count, &net->shape, &options, &stack,
                            &error) != ATROUS_OK)
        fail_msg("stack: %s", error.message);
    return stack;
}

void net_run(struct net_run *run, const struct net *net, const atrous_source *outputs, size_t count)
{
    atrous_stack_info info = {.struct_size = sizeof info};
    atrous_shape shape = {.struct_size = sizeof shape};
    atrous_error error;

    memset(run, 0, sizeof *run);
    run->stack = net_stack(net, outputs, count);
    assert_int_equal(atrous_stack_query(run->stack, &info, NULL), ATROUS_OK);
    run->output_count = info.output_count;
    for (size_t i = 0; i < info.output_count; ++i) {
        size_t bytes = 0;
        assert_int_equal(atrous_stack_output(run->stack, i, &shape, &bytes, NULL), ATROUS_OK);
        run->count[i] = bytes / sizeof(float);
        run->fenced[i] = fence_around(NULL, run->count[i]);
        run->outputs[i] = run->output[i] = run->fenced[i] + FENCE;
    }
    atrous_stack_arrays_init(&run->arrays, sizeof run->arrays);
    run->arrays.input = net->input;
    run->arrays.weights = net->weights;
    run->arrays.outputs = run->outputs;
    if (atrous_stack_run(run->stack, &run->arrays, &error) != ATROUS_OK)
        fail_msg("stack: %s", error.message);
    for (size_t i = 0; i < info.output_count; ++i)
        assert_true(fence_intact(run->fenced[i], run->count[i]));
}

void net_run_free(struct net_run *run)
{
    atrous_stack_destroy(run->stack);
    for (size_t i = 0; i < run->output_count; ++i)
        free(run->fenced[i]);
    run->stack = NULL;
}

/* What the oracle sums in a moment. */
static const double most_macs = 1e6;

/* One layer's output against the truth about its own input; of a large layer nothing is said here:
 * its like on fewer samples are held against it. */
static void expect_layer(size_t index, const char *solver, const atrous_conv *conv,
                         const atrous_arrays *arrays, const float *previous)
{
    const struct directed problem = {.conv = *conv,
                                     .counts = directed_count(conv),
                                     .x = arrays->input,
                                     .y = arrays->input, /* of a transposed layer */
                                     .w = arrays->weights,
                                     .bias = conv->has_bias ? arrays->bias : NULL,
                                     .residual = arrays->residual,
                                     .previous = previous};
    const size_t count = directed_outputs_count(conv);
    const size_t kept = conv->activation == ATROUS_ACTIVATION_GATED ? count / 2 : count;
    if (shape_macs(conv) > most_macs)
        return;
    double *sums = calloc(count, sizeof *sums), *bounds = calloc(count, sizeof *bounds);
    const float *got = arrays->output;

    assert_true(sums != NULL && bounds != NULL);
    assert_true(conv->input_layout == ATROUS_LAYOUT_NCHW);
    assert_true(conv->output_layout == ATROUS_LAYOUT_NCHW);
    /* Minimal filtering has another bound, and no net has the channels for it. */
    assert_false(harness_is_minimal(solver));
    epilogue_sums(&problem, sums, bounds);
    for (size_t i = 0; i < kept; ++i) {
        const struct loose want = epilogue_of(&problem, sums, bounds, i);
        if (!(fabs((double)got[i] - want.value) <= want.error))
            fail_msg("layer %zu by %s: [%zu] is %.9g, not %.9g, bound %.3g", index, solver, i,
                     (double)got[i], want.value, want.error);
    }
    free(sums);
    free(bounds);
}

static const char *solver_of(const atrous_plan *plan)
{
    atrous_plan_info info = {.struct_size = sizeof info};

    assert_int_equal(atrous_plan_query(plan, &info, NULL), ATROUS_OK);
    return info.solver;
}

/* One layer by its own plan; a sum that is there is added to. */
static void run_layer(const struct net *net, size_t index, const atrous_stack *stack,
                      float **tensors)
{
    const atrous_layer *layer = &net->layers[index];
    const size_t target = net_target(net, index);
    atrous_conv conv = net_conv(net, index);
    const size_t count = net_elements(net, target);
    const bool is_first = tensors[target] == NULL;
    atrous_plan_options options = layer->plan;
    atrous_plan *plan = NULL;
    atrous_arrays arrays;
    atrous_error error;

    conv.beta = is_first ? 0.0 : 1.0;
    if (is_first)
        tensors[target] = floats(count);
    float *previous = floats(count);
    memcpy(previous, tensors[target], count * sizeof *previous);
    if (stack != NULL)
        options.solver = solver_of(atrous_stack_plan(stack, index));
    atrous_arrays_init(&arrays, sizeof arrays);
    arrays.input = tensors[net_tensor(net, &layer->source, index)];
    arrays.weights = net->weights[index].weights;
    arrays.bias = net->weights[index].bias;
    if (conv.residual != ATROUS_RESIDUAL_NONE)
        arrays.residual = tensors[net_tensor(net, &layer->residual, index)];
    arrays.output = tensors[target];
    harness_expect_ok(atrous_plan_create(harness.context, &conv, &options, &plan, &error), &error,
                      "layer", &conv);
    harness_expect_ok(atrous_plan_run(plan, &arrays, &error), &error, "layer", &conv);
    expect_layer(index, solver_of(plan), &conv, &arrays, previous);
    free(previous);
    atrous_plan_destroy(plan);
}

void net_layers(const struct net *net, const atrous_stack *stack, const atrous_source *outputs,
                size_t count, float **at)
{
    const atrous_source last = {ATROUS_FROM_LAYER, net->count - 1};
    const int last_sum = net->layers[net->count - 1].sum;
    const atrous_source last_or_sum =
        last_sum < 0 ? last : (atrous_source){ATROUS_FROM_SUM, (size_t)last_sum};
    float *tensors[2 * NET_MAX + 1] = {net->input};

    for (size_t i = 0; i < net->count; ++i)
        run_layer(net, i, stack, tensors);
    for (size_t i = 0; i < (outputs != NULL ? count : 1); ++i) {
        const size_t tensor =
            net_tensor(net, outputs != NULL ? &outputs[i] : &last_or_sum, net->count);
        const size_t size = net_elements(net, tensor);
        at[i] = floats(size);
        memcpy(at[i], tensors[tensor], size * sizeof *at[i]);
    }
    for (size_t t = 1; t < 2 * NET_MAX + 1; ++t)
        free(tensors[t]);
}

void net_expect_same(const struct net *net, const atrous_source *outputs, size_t count)
{
    struct net_run run;
    float *want[NET_MAX];

    net_run(&run, net, outputs, count);
    net_layers(net, run.stack, outputs, count, want);
    for (size_t i = 0; i < run.output_count; ++i) {
        for (size_t j = 0; j < run.count[i]; ++j)
            if (memcmp(&run.output[i][j], &want[i][j], sizeof(float)) != 0)
                fail_msg("output %zu[%zu] is %.9g, its layers give %.9g", i, j,
                         (double)run.output[i][j], (double)want[i][j]);
        free(want[i]);
    }
    net_run_free(&run);
}
