/* The head of a segmentation network (DeepLab's ASPP): one feature map seen at four scales by
 * parallel branches, a 1x1 kernel and 3x3 kernels at dilation 6, 12 and 18, then joined.
 *
 * Joining is a 1x1 convolution over the concatenated branches. That is the sum of a 1x1
 * convolution of each branch, so that no concatenation is needed: the branches add to a sum. */
#include <stdio.h>
#include <stdlib.h>

#include <atrous/stack.h>

enum { CHANNELS = 64, BRANCH = 32, CLASSES = 21, SIZE = 33, BRANCHES = 4, LAYERS = 2 * BRANCHES };
static const size_t dilation[BRANCHES] = {1, 6, 12, 18};

/* Random numbers stand for trained weights. */
static float *draw(size_t count, float scale)
{
    float *values = malloc(count * sizeof *values);
    for (size_t i = 0; values != NULL && i < count; ++i)
        values[i] = scale * (2.0f * (float)rand() / (float)RAND_MAX - 1.0f);
    return values;
}

/* A branch reads the stack's input; its projection adds to sum 0. */
static void set_branch(atrous_layer *layers, int branch)
{
    atrous_layer *see = &layers[2 * branch], *join = see + 1;
    atrous_layer_init(see, 2, sizeof *see);
    see->source.kind = ATROUS_FROM_INPUT;
    see->conv.out_channels = BRANCH;
    see->conv.has_bias = 1;
    see->conv.activation = ATROUS_ACTIVATION_RELU;
    see->has_pad_rule = 1;
    see->pad_rule = ATROUS_PAD_SAME;
    for (int axis = 0; axis < 2; ++axis) {
        see->conv.kernel[axis] = branch == 0 ? 1 : 3;
        see->conv.dilation[axis] = dilation[branch];
    }
    atrous_layer_init(join, 2, sizeof *join);
    join->conv.out_channels = CLASSES;
    join->sum = 0;
}

static atrous_status run(atrous_stack *stack, atrous_error *error)
{
    atrous_layer_weights weights[LAYERS];
    atrous_stack_info info = {.struct_size = sizeof info};
    atrous_check check = {.struct_size = sizeof check};
    atrous_stack_arrays arrays;
    float *input = draw(CHANNELS * SIZE * SIZE, 1), *scores = draw(CLASSES * SIZE * SIZE, 0);
    void *outputs[] = {scores};
    size_t layer;

    for (int i = 0; i < LAYERS; ++i) {
        const size_t taps = i % 2 == 1 ? BRANCH * CLASSES : CHANNELS * BRANCH * (i == 0 ? 1 : 9);
        weights[i] =
            (atrous_layer_weights){.weights = draw(taps, 0.1f), .bias = draw(BRANCH, 0.1f)};
    }
    atrous_stack_arrays_init(&arrays, sizeof arrays);
    arrays.input = input;
    arrays.weights = weights;
    arrays.outputs = outputs;
    atrous_status status = atrous_stack_run(stack, &arrays, error);
    if (status == ATROUS_OK)
        status = atrous_stack_check(stack, &arrays, &check, &layer, error);
    if (status == ATROUS_OK && atrous_stack_query(stack, &info, error) == ATROUS_OK) {
        printf("%d channels of %dx%d to %d classes\n", CHANNELS, SIZE, SIZE, CLASSES);
        printf("%.1f %% of the taps read input, the others padding\n",
               100 * info.valid_macs / info.macs);
        printf("between the layers: %zu bytes\n", info.activation_bytes);
        printf("worst error: %.2f of the bound, in layer %zu\n", check.worst, layer);
    }
    for (int i = 0; i < LAYERS; ++i) {
        free((void *)weights[i].weights);
        free((void *)weights[i].bias);
    }
    free(input);
    free(scores);
    return status;
}

int main(void)
{
    atrous_context *context = NULL;
    atrous_stack *stack = NULL;
    atrous_layer layers[LAYERS];
    atrous_shape shape;
    atrous_error error;

    for (int i = 0; i < BRANCHES; ++i)
        set_branch(layers, i);
    atrous_shape_init(&shape, 2, sizeof shape);
    shape.channels = CHANNELS;
    shape.extents[0] = shape.extents[1] = SIZE;
    atrous_status status = atrous_context_create(NULL, &context, &error);
    if (status == ATROUS_OK)
        status = atrous_stack_create(context, layers, LAYERS, &shape, NULL, &stack, &error);
    if (status == ATROUS_OK)
        status = run(stack, &error);
    if (status != ATROUS_OK)
        fprintf(stderr, "%s\n", error.message);
    atrous_stack_destroy(stack);
    atrous_context_destroy(context);
    return status == ATROUS_OK ? 0 : 1;
}
