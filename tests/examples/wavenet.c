/* A WaveNet-like stack over sound: gated causal layers at dilation 1 .. 512 with residuals and
 * skips, run over a whole WAV file at once and in chunks of 10 ms, as a live signal would come.
 *
 *     wavenet FILE.wav      is written first: a rising tone
 *
 * The weights are random: this shows how, not what a trained network would say. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <atrous/stack.h>

enum { RATE = 16000, SAMPLES = RATE, CHUNK = RATE / 100, HEADER = 44 };
enum { BLOCKS = 10, CHANNELS = 16, LAYERS = 1 + 3 * BLOCKS };

static int write_tone(const char *path)
{
    int16_t samples[SAMPLES];
    uint8_t header[HEADER] = "RIFF\0\0\0\0WAVEfmt \20\0\0\0\1\0\1\0\200>\0\0\0}\0\0\2\0\20\0data";
    const uint32_t bytes = sizeof samples, rest = bytes + HEADER - 8;
    FILE *file = fopen(path, "wb");
    for (int i = 0; i < SAMPLES; ++i)
        samples[i] = (int16_t)(12000 * sin(2e-5 * (double)i * (double)i + 0.05 * (double)i));
    memcpy(header + 4, &rest, sizeof rest); /* little-endian, as this machine */
    memcpy(header + 40, &bytes, sizeof bytes);
    return file != NULL && fwrite(header, HEADER, 1, file) == 1 &&
           fwrite(samples, bytes, 1, file) == 1 && fclose(file) == 0;
}

static int read_tone(const char *path, float *signal)
{
    int16_t samples[SAMPLES];
    FILE *file = fopen(path, "rb");
    if (file == NULL || fseek(file, HEADER, SEEK_SET) != 0 ||
        fread(samples, sizeof samples, 1, file) != 1 || fclose(file) != 0)
        return 0;
    for (int i = 0; i < SAMPLES; ++i)
        signal[i] = (float)samples[i] / 32768;
    return 1;
}

static atrous_layer *add(atrous_layer *layers, int *count, size_t filters, size_t kernel)
{
    atrous_layer *layer = &layers[(*count)++];
    atrous_layer_init(layer, 1, sizeof *layer);
    layer->conv.out_channels = filters;
    layer->conv.kernel[0] = kernel;
    layer->has_pad_rule = 1;
    layer->pad_rule = ATROUS_PAD_CAUSAL;
    return layer;
}

/* x' = x + W z with z = tanh(..x..) * sigmoid(..x..); V z goes into sum 0, which ends the stack. */
static int make_layers(atrous_layer *layers)
{
    int count = 0;
    add(layers, &count, CHANNELS, 1); /* the signal becomes CHANNELS wide */
    for (int block = 0; block < BLOCKS; ++block) {
        const atrous_source x = {ATROUS_FROM_LAYER, (size_t)count - 1};
        atrous_layer *gate = add(layers, &count, 2 * CHANNELS, 2);
        gate->conv.dilation[0] = (size_t)1 << block;
        gate->conv.activation = ATROUS_ACTIVATION_GATED;
        add(layers, &count, 1, 1)->sum = 0;
        if (block + 1 == BLOCKS)
            break;
        atrous_layer *residual = add(layers, &count, CHANNELS, 1);
        residual->conv.residual = ATROUS_RESIDUAL_AFTER;
        residual->residual = x;
    }
    return count;
}

static atrous_status run(atrous_context *context, const atrous_layer *layers, int count,
                         const float *signal, float *whole, float *live, atrous_error *error)
{
    static float random[2 * CHANNELS * CHANNELS * 2];
    atrous_layer_weights weights[LAYERS];
    atrous_stack_arrays arrays;
    atrous_stack *stack = NULL;
    atrous_stream *stream = NULL;
    atrous_shape shape;
    void *outputs[] = {whole};

    for (size_t i = 0; i < sizeof random / sizeof *random; ++i)
        random[i] = 0.5f * ((float)rand() / (float)RAND_MAX - 0.5f);
    for (int i = 0; i < count; ++i)
        weights[i] = (atrous_layer_weights){.weights = random};
    atrous_shape_init(&shape, 1, sizeof shape);
    shape.extents[0] = SAMPLES;
    atrous_stack_arrays_init(&arrays, sizeof arrays);
    arrays.input = signal;
    arrays.weights = weights;
    arrays.outputs = outputs;
    atrous_status status =
        atrous_stack_create(context, layers, (size_t)count, &shape, NULL, &stack, error);
    if (status == ATROUS_OK)
        status = atrous_stack_run(stack, &arrays, error);

    shape.extents[0] = CHUNK;
    if (status == ATROUS_OK)
        status =
            atrous_stream_create(context, layers, (size_t)count, &shape, weights, &stream, error);
    for (int at = 0; at < SAMPLES && status == ATROUS_OK; at += CHUNK)
        status = atrous_stream_push(stream, CHUNK, signal + at, live + at, error);
    atrous_stream_destroy(stream);
    atrous_stack_destroy(stack);
    return status;
}

int main(int argc, char **argv)
{
    static float signal[SAMPLES], whole[SAMPLES], live[SAMPLES];
    atrous_layer layers[LAYERS];
    atrous_context *context = NULL;
    atrous_error error;
    float apart = 0, loudest = 0;

    if (argc != 2 || !write_tone(argv[1]) || !read_tone(argv[1], signal))
        return fprintf(stderr, "wavenet FILE.wav\n"), 1;
    atrous_status status = atrous_context_create(NULL, &context, &error);
    if (status == ATROUS_OK)
        status = run(context, layers, make_layers(layers), signal, whole, live, &error);
    atrous_context_destroy(context);
    if (status != ATROUS_OK)
        return fprintf(stderr, "%s\n", error.message), 1;
    for (int i = 0; i < SAMPLES; ++i) {
        apart = fmaxf(apart, fabsf(live[i] - whole[i]));
        loudest = fmaxf(loudest, fabsf(whole[i]));
    }
    printf("output up to %g; in chunks it differs by %g\n", loudest, apart);
    return loudest > 0 && apart <= 1e-5f * loudest ? 0 : 1;
}
