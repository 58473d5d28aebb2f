/* Draws what dilation is: one bright pixel under a 3x3 kernel whose taps stand two apart. */
#include <stdio.h>

#include <atrous/atrous.h>

enum { SIZE = 7 };

static atrous_status filter(const float image[SIZE][SIZE], const float kernel[3][3],
                            float output[SIZE][SIZE], atrous_error *error)
{
    atrous_context *context = NULL;
    atrous_plan *plan = NULL;
    atrous_conv conv;
    atrous_arrays arrays;

    atrous_conv_init(&conv, 2, sizeof conv); /* one image, one channel, one filter */
    for (int axis = 0; axis < 2; ++axis) {
        conv.input[axis] = SIZE;
        conv.kernel[axis] = 3;
        conv.dilation[axis] = 2;
    }
    atrous_arrays_init(&arrays, sizeof arrays);
    arrays.input = image;
    arrays.weights = kernel;
    arrays.output = output;

    atrous_status status = atrous_conv_pad(&conv, ATROUS_PAD_SAME, error);
    if (status == ATROUS_OK)
        status = atrous_context_create(NULL, &context, error); /* the best device there is */
    if (status == ATROUS_OK)
        status = atrous_plan_create(context, &conv, NULL, &plan, error);
    if (status == ATROUS_OK)
        status = atrous_plan_run(plan, &arrays, error);

    atrous_plan_destroy(plan);
    atrous_context_destroy(context);
    return status;
}

int main(void)
{
    const float kernel[3][3] = {{1, 2, 1}, {2, 4, 2}, {1, 2, 1}};
    const float image[SIZE][SIZE] = {[3][3] = 1};
    float output[SIZE][SIZE];
    atrous_error error;

    if (filter(image, kernel, output, &error) != ATROUS_OK) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    for (int y = 0; y < SIZE; ++y)
        for (int x = 0; x < SIZE; ++x)
            printf("%2.0f%s", output[y][x], x == SIZE - 1 ? "\n" : " ");
    return 0;
}
