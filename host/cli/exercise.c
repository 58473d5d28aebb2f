/* Random tensors for a plan, and its run on them. */
#include "exercise.h"

#include <stdlib.h>

#include "npy.h"

/* Seeded values in [-1, 1), for int8 of their whole range: a 64-bit linear congruential generator's
 * upper bits. Of a half and a bfloat16 the sign, as many exponents below 1 as both have, and the
 * fraction are drawn. */
static void fill(atrous_type type, void *values, size_t bytes, uint64_t seed)
{
    const size_t size = cli_type_size(type);
    for (size_t i = 0; i < bytes / size; ++i) {
        seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        const uint32_t draw = (uint32_t)(seed >> 32);
        if (type == ATROUS_TYPE_F32)
            ((float *)values)[i] = (float)(draw >> 8) / 8388608.0f - 1.0f;
        else if (type == ATROUS_TYPE_I8)
            ((uint8_t *)values)[i] = (uint8_t)(draw >> 24);
        else {
            const uint32_t fraction = type == ATROUS_TYPE_F16 ? 10 : 7;
            const uint32_t exponent = (type == ATROUS_TYPE_F16 ? 14 : 126) - (draw >> 29);
            ((uint16_t *)values)[i] = (uint16_t)((draw & 1) << 15 | exponent << fraction |
                                                 (draw >> 8 & ((UINT32_C(1) << fraction) - 1)));
        }
    }
}

int cli_exercise(atrous_plan *plan, const atrous_conv *conv, const struct cli_options *options,
                 struct cli_result *result, struct cli_failure *failure)
{
    int code = cli_result_describe(result, plan, failure);
    if (code != CLI_DONE)
        return code;
    const atrous_plan_info info = result->info;
    if (conv->residual != ATROUS_RESIDUAL_NONE)
        return cli_fail(failure, CLI_USAGE,
                        "--check, --repeat: need a problem without residual: use atrous conv");
    /* One more than needed: none of them is empty. */
    const size_t bias_at = (info.output_bytes + sizeof(float) - 1) / sizeof(float) * sizeof(float);
    void *input = malloc(info.input_bytes + sizeof(float));
    void *weights = malloc(info.weights_bytes + sizeof(float));
    void *grad = malloc(info.grad_output_bytes + sizeof(float));
    char *output = calloc(1, bias_at + info.bias_output_bytes);
    if (input == NULL || weights == NULL || grad == NULL || output == NULL)
        code = cli_fail(failure, CLI_USAGE,
                        "--check, --repeat: the arrays take %zu, %zu, %zu and %zu bytes, more "
                        "memory than there is",
                        info.input_bytes, info.weights_bytes, info.grad_output_bytes,
                        info.output_bytes);
    else {
        atrous_arrays arrays;
        fill(conv->type, input, info.input_bytes, 1);
        fill(conv->type, weights, info.weights_bytes, 2);
        fill(conv->type, grad, info.grad_output_bytes, 3);
        atrous_arrays_init(&arrays, sizeof arrays);
        arrays.input = input;
        arrays.weights = weights;
        arrays.grad_output = grad;
        arrays.output = output;
        arrays.bias_output = output + bias_at;
        code = cli_session_run(plan, options, &arrays, result, failure);
    }
    free(input);
    free(weights);
    free(grad);
    free(output);
    return code;
}
