/* Random tensors for a plan, and its run on them. */
#include "exercise.h"

#include <stdlib.h>

/* Seeded values in [-1, 1): a 64-bit linear congruential generator's upper bits. */
static void fill(float *values, size_t count, uint64_t seed)
{
    for (size_t i = 0; i < count; ++i) {
        seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        values[i] = (float)(seed >> 40) / 8388608.0f - 1.0f;
    }
}

int cli_exercise(atrous_plan *plan, const atrous_conv *conv, const struct cli_options *options,
                 struct cli_result *result, struct cli_failure *failure)
{
    int code = cli_result_describe(result, plan, failure);
    if (code != CLI_DONE)
        return code;
    const atrous_plan_info info = result->info;
    if (conv->type != ATROUS_TYPE_F32 || conv->residual != ATROUS_RESIDUAL_NONE)
        return cli_fail(failure, CLI_USAGE,
                        "--check, --repeat: need type f32 and no residual: use atrous conv");
    /* One more than needed: none of them is empty. */
    float *input = malloc(info.input_bytes + sizeof *input);
    float *weights = malloc(info.weights_bytes + sizeof *weights);
    float *grad = malloc(info.grad_output_bytes + sizeof *grad);
    float *output = calloc(1, info.output_bytes + info.bias_output_bytes);
    if (input == NULL || weights == NULL || grad == NULL || output == NULL)
        code = cli_fail(failure, CLI_USAGE,
                        "--check, --repeat: the arrays take %zu, %zu, %zu and %zu bytes, more "
                        "memory than there is",
                        info.input_bytes, info.weights_bytes, info.grad_output_bytes,
                        info.output_bytes);
    else {
        atrous_arrays arrays;
        fill(input, info.input_bytes / sizeof *input, 1);
        fill(weights, info.weights_bytes / sizeof *weights, 2);
        fill(grad, info.grad_output_bytes / sizeof *grad, 3);
        atrous_arrays_init(&arrays, sizeof arrays);
        arrays.input = input;
        arrays.weights = weights;
        arrays.grad_output = grad;
        arrays.output = output;
        arrays.bias_output = output + info.output_bytes / sizeof *output;
        code = cli_session_run(plan, options, &arrays, result, failure);
    }
    free(input);
    free(weights);
    free(grad);
    free(output);
    return code;
}
