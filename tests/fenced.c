/* Guard words around host tensors. */
#include "testing.h"

#include "fenced.h"

#include <stdlib.h>
#include <string.h>

float fence_word(void)
{
    const uint32_t bits = UINT32_C(0x7fc5a5a5);
    float word = 0;

    memcpy(&word, &bits, sizeof word);
    return word;
}

float *fence_around(const float *from, size_t count)
{
    float *fenced = floats(count + 2 * FENCE);

    for (size_t i = 0; i < count + 2 * FENCE; ++i)
        fenced[i] = fence_word();
    if (from != NULL)
        memcpy(fenced + FENCE, from, count * sizeof *from);
    return fenced;
}

bool fence_intact(const float *fenced, size_t count)
{
    const float word = fence_word();

    for (size_t i = 0; i < FENCE; ++i)
        if (memcmp(fenced + i, &word, sizeof word) != 0 ||
            memcmp(fenced + FENCE + count + i, &word, sizeof word) != 0)
            return false;
    return true;
}

void fenced_run_arrays(atrous_plan *plan, const struct data *data, float *y)
{
    float *x = fence_around(data->x, data->x_count);
    float *w = fence_around(data->w, data->w_count);
    float *bias = fence_around(data->bias, data->bias != NULL ? data->conv.out_channels : 0);
    float *out = fence_around(NULL, data->y_count);
    atrous_arrays arrays;
    atrous_error error;

    atrous_arrays_init(&arrays, sizeof arrays);
    arrays.input = x + FENCE;
    arrays.weights = w + FENCE;
    arrays.bias = data->bias != NULL ? bias + FENCE : NULL;
    arrays.output = out + FENCE;
    if (atrous_plan_run(plan, &arrays, &error) != ATROUS_OK)
        fail_msg("atrous_plan_run: %s", error.message);
    assert_true(fence_intact(out, data->y_count));
    assert_memory_equal(x + FENCE, data->x, data->x_count * sizeof *x);
    assert_memory_equal(w + FENCE, data->w, data->w_count * sizeof *w);
    memcpy(y, out + FENCE, data->y_count * sizeof *y);
    free(x);
    free(w);
    free(bias);
    free(out);
}
