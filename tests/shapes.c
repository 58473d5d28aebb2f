/* Turns table rows into problems and problems into one line of text. */
#include "shapes.h"

#include <stdarg.h>
#include <stdio.h>

#include "oracle.h"

void shape_from_row(const struct csv *csv, size_t row, atrous_conv *conv)
{
    static const char letters[] = "DHW";
    const int rank = (int)csv_size(csv, row, "ndim", 2);

    atrous_conv_init(conv, rank, sizeof *conv);
    conv->batch = csv_size(csv, row, "N", 1);
    conv->groups = csv_size(csv, row, "G", 1);
    conv->in_channels = csv_size(csv, row, "IC", 1);
    conv->out_channels = csv_size(csv, row, "OC", 1);
    for (int axis = 0; axis < rank; ++axis) {
        const char letter = letters[ATROUS_MAX_RANK - rank + axis];
        const char in[] = {'I', letter, 0}, kernel[] = {'K', letter, 0};
        const char stride[] = {'S', letter, 0}, dilation[] = {'D', letter, 0};
        const char begin[] = {'P', letter, '0', 0}, end[] = {'P', letter, '1', 0};
        conv->input[axis] = csv_size(csv, row, in, 1);
        conv->kernel[axis] = csv_size(csv, row, kernel, 1);
        conv->stride[axis] = csv_size(csv, row, stride, 1);
        conv->dilation[axis] = csv_size(csv, row, dilation, 1);
        conv->pad_begin[axis] = csv_size(csv, row, begin, 0);
        conv->pad_end[axis] = csv_size(csv, row, end, 0);
    }
}

double shape_macs(const atrous_conv *conv)
{
    const double channels = (double)(conv->in_channels / conv->groups);
    double taps = 1;

    for (int axis = 0; axis < conv->rank; ++axis)
        taps *= (double)conv->kernel[axis];
    return (double)oracle_output_count(conv) * channels * taps;
}

atrous_conv shape_square(int rank, size_t channels, size_t filters, size_t extent, size_t kernel,
                         size_t dilation)
{
    atrous_conv conv;

    atrous_conv_init(&conv, rank, sizeof conv);
    conv.in_channels = channels;
    conv.out_channels = filters;
    for (int axis = 0; axis < rank; ++axis) {
        const size_t reach = (kernel - 1) * dilation;
        conv.input[axis] = extent;
        conv.kernel[axis] = kernel;
        conv.dilation[axis] = dilation;
        conv.pad_begin[axis] = reach / 2;
        conv.pad_end[axis] = reach - reach / 2;
    }
    return conv;
}

atrous_conv shape_gradient(int rank, size_t channels, size_t filters, size_t extent, size_t kernel,
                           size_t dilation)
{
    atrous_conv conv = shape_square(rank, channels, filters, extent, kernel, dilation);

    conv.direction = ATROUS_BACKWARD_WEIGHTS;
    conv.has_bias = 1;
    return conv;
}

struct writer {
    char *text;
    size_t size, used;
};

#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
static void
add(struct writer *writer, const char *format, ...)
{
    va_list arguments;
    int wrote = 0;

    if (writer->used >= writer->size)
        return;
    va_start(arguments, format);
    wrote = vsnprintf(writer->text + writer->used, writer->size - writer->used, format, arguments);
    va_end(arguments);
    if (wrote > 0)
        writer->used += (size_t)wrote;
}

static void add_list(struct writer *writer, const char *name, const size_t *values, int count)
{
    add(writer, " %s ", name);
    for (int i = 0; i < count; ++i)
        add(writer, "%s%zu", i > 0 ? "," : "", values[i]);
}

char *shape_text(const atrous_conv *conv, char *text, size_t size)
{
    static const char *const paddings[] = {"zeros", "constant", "replicate", "reflect", "circular"};
    struct writer writer = {text, size, 0};
    const int rank = conv->rank;

    add(&writer, "rank %d N %zu C %zu K %zu G %zu", rank, conv->batch, conv->in_channels,
        conv->out_channels, conv->groups);
    add_list(&writer, "input", conv->input, rank);
    add_list(&writer, "kernel", conv->kernel, rank);
    add_list(&writer, "stride", conv->stride, rank);
    add_list(&writer, "dilation", conv->dilation, rank);
    add_list(&writer, "pad-begin", conv->pad_begin, rank);
    add_list(&writer, "pad-end", conv->pad_end, rank);
    add(&writer, " %s", paddings[conv->padding]);
    if (conv->padding == ATROUS_PADDING_CONSTANT)
        add(&writer, ":%g", conv->pad_value);
    add(&writer, "%s%s%s", conv->orientation == ATROUS_TRUE_CONVOLUTION ? " flip" : "",
        conv->has_bias ? " bias" : "", conv->math == ATROUS_MATH_STRICT ? " strict" : "");
    return text;
}

void shape_draw_padding(struct random *random, atrous_conv *conv, int axis)
{
    const size_t reach = (conv->kernel[axis] - 1) * conv->dilation[axis];
    const size_t kind = random_between(random, 0, 5);
    if (kind < 3) {
        conv->pad_begin[axis] = kind == 0 ? reach : reach / 2;
        conv->pad_end[axis] = reach - conv->pad_begin[axis];
    } else if (kind > 3) {
        conv->pad_begin[axis] = random_between(random, 0, reach + 2);
        conv->pad_end[axis] = random_between(random, 0, reach + 2);
    }
    const size_t padded = conv->pad_begin[axis] + conv->input[axis] + conv->pad_end[axis];
    if (padded < reach + 1)
        conv->pad_end[axis] += reach + 1 - padded;
}
