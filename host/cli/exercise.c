/* Random tensors for a plan, and its run on them. */
#include "exercise.h"

#include <stdlib.h>
#include <string.h>

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

/* The tensors of a call, in no order that matters but that the outputs stand before what they held,
 * which is drawn alike. */
enum {
    INPUT,
    WEIGHTS,
    GRAD_OUTPUT,
    BIAS,
    SCALE,
    RESIDUAL,
    OUTPUT,
    BIAS_OUTPUT,
    PREVIOUS,
    PREVIOUS_BIAS_OUTPUT,
    TENSORS
};

struct tensor {
    atrous_type type;
    size_t bytes;
    uint64_t seed;
};

static void list_tensors(const atrous_conv *conv, const atrous_plan_info *info,
                         struct tensor tensors[TENSORS])
{
    const atrous_type f32 = ATROUS_TYPE_F32, type = conv->type;
    const size_t filters = conv->out_channels * sizeof(float);
    const bool goes_on = conv->beta != 0;
    const struct tensor all[TENSORS] = {
        [INPUT] = {type, info->input_bytes, 1},
        [WEIGHTS] = {type, info->weights_bytes, 2},
        [GRAD_OUTPUT] = {type, info->grad_output_bytes, 3},
        [BIAS] = {f32, conv->has_bias ? filters : 0, 4},
        [SCALE] = {f32, conv->channel_scale ? filters : 0, 5},
        [RESIDUAL] = {type, conv->residual != ATROUS_RESIDUAL_NONE ? info->output_bytes : 0, 6},
        [OUTPUT] = {type, info->output_bytes, 7},
        [BIAS_OUTPUT] = {f32, info->bias_output_bytes, 8},
        [PREVIOUS] = {type, goes_on ? info->output_bytes : 0, 7},
        [PREVIOUS_BIAS_OUTPUT] = {f32, goes_on ? info->bias_output_bytes : 0, 8},
    };
    memcpy(tensors, all, sizeof all);
}

/* NULL where there is nothing to draw, or no memory for it. */
static void *draw(const struct tensor *tensor)
{
    void *values = tensor->bytes == 0 ? NULL : malloc(tensor->bytes);
    if (values != NULL)
        fill(tensor->type, values, tensor->bytes, tensor->seed);
    return values;
}

int cli_exercise(atrous_plan *plan, const atrous_conv *conv, const struct cli_options *options,
                 struct cli_result *result, struct cli_failure *failure)
{
    struct tensor tensors[TENSORS];
    void *at[TENSORS] = {NULL};
    int code = cli_result_describe(result, plan, failure);
    if (code != CLI_DONE)
        return code;
    list_tensors(conv, &result->info, tensors);
    for (size_t i = 0; i < TENSORS && code == CLI_DONE; ++i) {
        at[i] = draw(&tensors[i]);
        if (at[i] == NULL && tensors[i].bytes > 0)
            code = cli_fail_memory(failure, "--check, --repeat", tensors[i].bytes);
    }
    if (code == CLI_DONE) {
        atrous_arrays arrays;
        atrous_arrays_init(&arrays, sizeof arrays);
        arrays.input = at[INPUT];
        arrays.weights = at[WEIGHTS];
        arrays.grad_output = at[GRAD_OUTPUT];
        arrays.bias = at[BIAS];
        arrays.scale = at[SCALE];
        arrays.residual = at[RESIDUAL];
        arrays.output = at[OUTPUT];
        arrays.bias_output = at[BIAS_OUTPUT];
        arrays.previous = at[PREVIOUS];
        arrays.previous_bias_output = at[PREVIOUS_BIAS_OUTPUT];
        code = cli_session_run(plan, options, &arrays, result, failure);
    }
    for (size_t i = 0; i < TENSORS; ++i)
        free(at[i]);
    return code;
}
