/* Draws a problem's tensors and asks the oracle for the answer. */
#include "testing.h"

#include "data.h"
#include "oracle.h"

#include <stdlib.h>
#include <string.h>

float *floats(size_t count)
{
    float *values = calloc(count + 1, sizeof *values);

    assert_non_null(values);
    return values;
}

static double *doubles(size_t count)
{
    double *values = calloc(count + 1, sizeof *values);

    assert_non_null(values);
    return values;
}

struct data data_draw(const atrous_conv *conv, struct random *random, enum fill fill)
{
    struct data data = {.conv = *conv};
    void (*draw)(struct random *, float *, size_t) =
        fill == FILL_REALS ? random_fill : random_fill_integers;

    data.x_count = oracle_input_count(conv);
    data.w_count = oracle_weights_count(conv);
    data.y_count = oracle_output_count(conv);
    data.x = floats(data.x_count);
    data.w = floats(data.w_count);
    draw(random, data.x, data.x_count);
    draw(random, data.w, data.w_count);
    if (conv->has_bias) {
        data.bias = floats(conv->out_channels);
        draw(random, data.bias, conv->out_channels);
    }
    return data;
}

void data_solve(struct data *data)
{
    if (data->value == NULL) {
        data->value = doubles(data->y_count);
        data->magnitude = doubles(data->y_count);
    }
    oracle_conv(&data->conv, data->x, data->w, data->bias, data->value, data->magnitude);
}

void data_free(struct data *data)
{
    free(data->x);
    free(data->w);
    free(data->bias);
    free(data->value);
    free(data->magnitude);
    memset(data, 0, sizeof *data);
}

atrous_arrays data_arrays(const struct data *data, float *y)
{
    atrous_arrays arrays;

    atrous_arrays_init(&arrays, sizeof arrays);
    arrays.input = data->x;
    arrays.weights = data->w;
    arrays.bias = data->bias;
    arrays.output = y;
    return arrays;
}
