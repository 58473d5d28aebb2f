/* One layer's kernel walking over its input while the output fills in. */
#include <math.h>
#include <string.h>

#include "svg.h"

enum { CELL_MAX = 28, BETWEEN = 70, CAPTION = 22, HOLD = 5, LINE_OUTPUTS = 9, PLANE_OUTPUTS = 5 };

/* Where everything stands. Input cells count from the first padded one. */
struct walk {
    const atrous_field_layer *layer;
    struct svg_plane plane;
    size_t rows, columns;         /* of the padded input */
    size_t out_rows, out_columns; /* of the output */
    double cell;
    double x, y;         /* the padded input's corner */
    double out_x, out_y; /* the output's */
    double seconds;      /* of one round, the pause at its end included */
};

static size_t steps_of(const struct walk *walk)
{
    return walk->out_rows * walk->out_columns;
}

void svg_walk_input(const struct cli_stack *made, size_t *input, size_t *output)
{
    const atrous_field_layer *layer = &made->layers[0];
    const size_t few = made->stack.rank == 1 ? LINE_OUTPUTS : PLANE_OUTPUTS;
    for (int axis = 0; axis < made->stack.rank; ++axis) {
        if (made->stack.input[axis] > 0) {
            input[axis] = made->stack.input[axis];
            output[axis] = made->info.output[axis];
            continue;
        }
        /* At least one element stays beside the padding. */
        const size_t pads = made->info.pad_begin[axis] + made->info.pad_end[axis];
        const size_t span = svg_span(layer, axis);
        const size_t padded = (few - 1) * layer->stride[axis] + span;
        input[axis] = padded > pads ? padded - pads : 1;
        output[axis] = (input[axis] + pads - span) / layer->stride[axis] + 1;
    }
}

/* The padded input's corner that the kernel stands on for output `step`. */
static void corner(const struct walk *walk, size_t step, double *x, double *y)
{
    const size_t row = step / walk->out_columns, column = step % walk->out_columns;
    *x = walk->x + (double)(column * svg_columns(&walk->plane, walk->layer->stride)) * walk->cell;
    *y = walk->y + (double)(row * svg_rows(&walk->plane, walk->layer->stride)) * walk->cell;
}

static void out_corner(const struct walk *walk, size_t step, double *x, double *y)
{
    const size_t row = step / walk->out_columns, column = step % walk->out_columns;
    *x = walk->out_x + (double)column * walk->cell;
    *y = walk->out_y + (double)row * walk->cell;
}

/* A list of one value a step, the last one held. */
static void print_values(struct svg *svg, const struct walk *walk,
                         double (*value)(const struct walk *walk, size_t step))
{
    const size_t steps = steps_of(walk);
    for (size_t i = 0; i < steps + HOLD; ++i)
        fprintf(svg->body, "%s%.5g", i > 0 ? ";" : "", value(walk, i < steps ? i : steps - 1));
}

static void animate_attribute(struct svg *svg, const struct walk *walk, const char *name,
                              double (*value)(const struct walk *walk, size_t step))
{
    fprintf(svg->body, "<animate attributeName=\"%s\" calcMode=\"discrete\" values=\"", name);
    print_values(svg, walk, value);
    fprintf(svg->body, "\" dur=\"%.4gs\" repeatCount=\"indefinite\"/>\n", walk->seconds);
}

/* Moves the group it stands in to a corner a step. */
static void animate_corner(struct svg *svg, const struct walk *walk,
                           void (*at)(const struct walk *walk, size_t step, double *x, double *y))
{
    const size_t steps = steps_of(walk);
    fputs("<animateTransform attributeName=\"transform\" type=\"translate\" calcMode=\"discrete\" "
          "values=\"",
          svg->body);
    for (size_t i = 0; i < steps + HOLD; ++i) {
        double x, y;
        at(walk, i < steps ? i : steps - 1, &x, &y);
        fprintf(svg->body, "%s%.5g %.5g", i > 0 ? ";" : "", x, y);
    }
    fprintf(svg->body, "\" dur=\"%.4gs\" repeatCount=\"indefinite\"/>\n", walk->seconds);
}

static double span_width(const struct walk *walk)
{
    return (double)svg_span(walk->layer, walk->plane.column_axis) * walk->cell;
}

static double span_height(const struct walk *walk)
{
    return (double)svg_span(walk->layer, walk->plane.row_axis) * walk->cell;
}

/* The line from the kernel to the output: beside it on a plane, below it for a row. */
static double from_x(const struct walk *walk, size_t step)
{
    double x, y;
    corner(walk, step, &x, &y);
    return walk->plane.row_axis < 0 ? x + span_width(walk) / 2 : x + span_width(walk);
}

static double from_y(const struct walk *walk, size_t step)
{
    double x, y;
    corner(walk, step, &x, &y);
    return walk->plane.row_axis < 0 ? y + span_height(walk) : y + span_height(walk) / 2;
}

static double to_x(const struct walk *walk, size_t step)
{
    double x, y;
    out_corner(walk, step, &x, &y);
    return walk->plane.row_axis < 0 ? x + walk->cell / 2 : x;
}

static double to_y(const struct walk *walk, size_t step)
{
    double x, y;
    out_corner(walk, step, &x, &y);
    return walk->plane.row_axis < 0 ? y : y + walk->cell / 2;
}

static void place(struct walk *walk, const struct svg *svg)
{
    const bool line = walk->plane.row_axis < 0;
    const double across = (double)walk->columns + (line ? 0 : (double)walk->out_columns);
    walk->cell = fmin(CELL_MAX, (SVG_CONTENT - (line ? 0.0 : BETWEEN)) / across);
    walk->x = SVG_MARGIN;
    walk->y = svg->y + CAPTION;
    if (line) {
        walk->out_x =
            walk->x + ((double)walk->columns - (double)walk->out_columns) / 2 * walk->cell;
        walk->out_y = walk->y + walk->cell + BETWEEN;
    } else {
        walk->out_x = walk->x + (double)walk->columns * walk->cell + BETWEEN;
        walk->out_y =
            walk->y + fmax(0, (double)walk->rows - (double)walk->out_rows) / 2 * walk->cell;
    }
    const double a_step = fmin(0.4, 40.0 / (double)steps_of(walk));
    walk->seconds = a_step * (double)(steps_of(walk) + HOLD);
}

static void draw_rect(struct svg *svg, const char *class, double x, double y, double width,
                      double height)
{
    fprintf(svg->body,
            "<rect class=\"%s\" x=\"%.5g\" y=\"%.5g\" width=\"%.5g\" height=\"%.5g\"/>\n", class, x,
            y, width, height);
}

static void draw_input(struct svg *svg, const struct walk *walk, const struct cli_stack *made,
                       const size_t *input)
{
    const double left =
        walk->x + (double)made->info.pad_begin[walk->plane.column_axis] * walk->cell;
    const double top = walk->y + (double)svg_rows(&walk->plane, made->info.pad_begin) * walk->cell *
                                     (walk->plane.row_axis < 0 ? 0 : 1);
    const double width = (double)svg_columns(&walk->plane, input) * walk->cell;
    const double height = (double)svg_rows(&walk->plane, input) * walk->cell;
    draw_rect(svg, "padded", walk->x, walk->y, (double)walk->columns * walk->cell,
              (double)walk->rows * walk->cell);
    draw_rect(svg, "pixel", left, top, width, height);
    svg_grid(svg, walk->x, walk->y, walk->rows, walk->columns, walk->cell, walk->cell);
    draw_rect(svg, "frame", left, top, width, height);
}

/* Output cells that fill in; where nothing is animated the first half is full. */
static void draw_output(struct svg *svg, const struct walk *walk)
{
    const size_t steps = steps_of(walk);
    draw_rect(svg, "pixel", walk->out_x, walk->out_y, (double)walk->out_columns * walk->cell,
              (double)walk->out_rows * walk->cell);
    for (size_t i = 0; i < steps; ++i) {
        double x, y;
        out_corner(walk, i, &x, &y);
        fprintf(svg->body,
                "<rect class=\"done\" x=\"%.5g\" y=\"%.5g\" width=\"%.5g\" height=\"%.5g\" "
                "opacity=\"%d\">",
                x, y, walk->cell, walk->cell, i <= steps / 2);
        if (i > 0)
            fprintf(svg->body,
                    "<animate attributeName=\"opacity\" calcMode=\"discrete\" values=\"0;1\" "
                    "keyTimes=\"0;%.6f\" dur=\"%.4gs\" repeatCount=\"indefinite\"/>",
                    (double)i / (double)(steps + HOLD), walk->seconds);
        fputs("</rect>\n", svg->body);
    }
    svg_grid(svg, walk->out_x, walk->out_y, walk->out_rows, walk->out_columns, walk->cell,
             walk->cell);
}

static void draw_kernel(struct svg *svg, const struct walk *walk)
{
    const size_t *kernel = walk->layer->kernel, *dilation = walk->layer->dilation;
    const size_t middle = steps_of(walk) / 2;
    double x, y;
    corner(walk, middle, &x, &y);
    fprintf(svg->body, "<g transform=\"translate(%.5g %.5g)\">\n", x, y);
    animate_corner(svg, walk, corner);
    for (size_t r = 0; r < svg_rows(&walk->plane, kernel); ++r)
        for (size_t c = 0; c < svg_columns(&walk->plane, kernel); ++c) {
            const double left = (double)(c * svg_columns(&walk->plane, dilation)) * walk->cell;
            const double top = (double)(r * svg_rows(&walk->plane, dilation)) * walk->cell;
            draw_rect(svg, "tapped", left + 0.5, top + 0.5, walk->cell - 1, walk->cell - 1);
            fprintf(svg->body, "<circle class=\"tap\" cx=\"%.5g\" cy=\"%.5g\" r=\"%.4g\"/>\n",
                    left + walk->cell / 2, top + walk->cell / 2, fmax(1.4, walk->cell * 0.32));
        }
    draw_rect(svg, "span", 0, 0, span_width(walk), span_height(walk));
    fputs("</g>\n", svg->body);

    fprintf(svg->body, "<line class=\"span\" x1=\"%.5g\" y1=\"%.5g\" x2=\"%.5g\" y2=\"%.5g\">\n",
            from_x(walk, middle), from_y(walk, middle), to_x(walk, middle), to_y(walk, middle));
    animate_attribute(svg, walk, "x1", from_x);
    animate_attribute(svg, walk, "y1", from_y);
    animate_attribute(svg, walk, "x2", to_x);
    animate_attribute(svg, walk, "y2", to_y);
    fputs("</line>\n", svg->body);

    out_corner(walk, middle, &x, &y);
    fprintf(svg->body, "<g transform=\"translate(%.5g %.5g)\">\n", x, y);
    animate_corner(svg, walk, out_corner);
    fprintf(svg->body,
            "<rect class=\"span\" stroke-width=\"2\" width=\"%.5g\" height=\"%.5g\"/></g>\n",
            walk->cell, walk->cell);
}

void svg_draw_walk(struct svg *svg, const struct cli_stack *made)
{
    size_t input[ATROUS_MAX_RANK] = {0}, output[ATROUS_MAX_RANK] = {0}, padded[ATROUS_MAX_RANK];
    const int rank = made->stack.rank;
    char kernel[80], dilation[80], stride[80], size[80];
    struct walk walk = {.layer = &made->layers[0], .plane = svg_plane_of(made)};
    svg_walk_input(made, input, output);
    for (int axis = 0; axis < rank; ++axis)
        padded[axis] = input[axis] + made->info.pad_begin[axis] + made->info.pad_end[axis];
    walk.rows = svg_rows(&walk.plane, padded);
    walk.columns = svg_columns(&walk.plane, padded);
    walk.out_rows = svg_rows(&walk.plane, output);
    walk.out_columns = svg_columns(&walk.plane, output);

    svg_line(
        svg, "label dim",
        "Kernel %s, dilation %s, stride %s: each output is the sum of the inputs under the red "
        "points, each times its weight.",
        svg_axes_short(walk.layer->kernel, rank, kernel, sizeof kernel),
        svg_axes_short(walk.layer->dilation, rank, dilation, sizeof dilation),
        svg_axes_short(walk.layer->stride, rank, stride, sizeof stride));
    svg->y += 14;
    place(&walk, svg);
    const bool is_padded = memcmp(padded, input, (size_t)rank * sizeof *input) != 0;
    svg_text(svg, walk.x, walk.y - 7, "label", "input %s%s",
             svg_axes(input, rank, size, sizeof size), is_padded ? ", padding around it" : "");
    draw_input(svg, &walk, made, input);
    if (rank == 1)
        svg_text(svg, walk.out_x, walk.out_y + walk.cell + 17, "label", "output %s",
                 svg_axes(output, rank, size, sizeof size));
    else
        svg_text(svg, walk.out_x, walk.out_y - 7, "label", "output %s",
                 svg_axes(output, rank, size, sizeof size));
    draw_output(svg, &walk);
    draw_kernel(svg, &walk);
    svg->y = fmax(walk.y + (double)walk.rows * walk.cell,
                  walk.out_y + (double)walk.out_rows * walk.cell + (rank == 1 ? 22 : 0));
}
