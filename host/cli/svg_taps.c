/* The kernel of each layer on the grid of its input: a red point on every pixel it considers. */
#include <math.h>
#include <string.h>

#include "svg.h"

enum {
    CELL_MAX = 22,
    CELL_COMFORT = 12,
    PANEL_MAX = 440,
    STRIP_HEIGHT = 16,
    STRIP_MARGINS = 14, /* of the widest strip's ends, for the points on its first and last cell */
    CAPTION_HEIGHT = 36,
    AROUND = 1
};

/* Cells across a layer's panel: the kernel's span and one cell around it. */
static size_t across(const struct cli_stack *made, size_t layer, int axis)
{
    return svg_span(&made->layers[layer], axis) + (axis < 0 ? 0 : 2 * AROUND);
}

/* One cell for all layers: as large as lets them share a row, or else a comfortable one that does
 * not make the largest panel huge. */
static double choose_cell(const struct cli_stack *made, int axis)
{
    size_t sum = 0, most = 0;
    for (size_t i = 0; i < made->stack.layer_count; ++i) {
        const size_t own = across(made, i, axis);
        sum += own;
        most = own > most ? own : most;
    }
    double cell = (SVG_CONTENT - 28.0 * (double)made->stack.layer_count) / (double)sum;
    const double widest = axis == 0 ? SVG_CONTENT - STRIP_MARGINS : SVG_CONTENT;
    const double room = axis == 0 ? widest : PANEL_MAX;
    if (cell < CELL_COMFORT)
        cell = fmin(CELL_COMFORT, fmax(cell, room / (double)most));
    cell = fmin(cell, fmin(CELL_MAX, widest / (double)most));
    return cell > 6 ? floor(cell) : cell;
}

/* A strip is taller than its cells are wide: there, points may reach over their cells. */
static double radius_of(const atrous_field_layer *layer, const struct svg_plane *plane, double cell,
                        double cell_height)
{
    const size_t step = svg_columns(plane, layer->dilation);
    return plane->row_axis < 0
               ? fmin(cell_height * 0.32, fmax(0.4 * cell * (double)step, cell * 0.32))
               : fmax(cell * 0.32, 2);
}

/* Room at either end of a strip, for what reaches over its first and last cell. */
static double margin_of(const atrous_field_layer *layer, const struct svg_plane *plane, double cell,
                        double cell_height)
{
    const double over = radius_of(layer, plane, cell, cell_height) - cell / 2;
    return plane->row_axis < 0 && over > 0 ? over + 1 : 0;
}

/* The pixels that taps meet, tinted, then the points. */
static void draw_points(struct svg *svg, const atrous_field_layer *layer,
                        const struct svg_plane *plane, double x, double y, double cell,
                        double cell_height)
{
    const size_t rows = svg_rows(plane, layer->kernel), columns = svg_columns(plane, layer->kernel);
    const size_t row_step = svg_rows(plane, layer->dilation);
    const size_t column_step = svg_columns(plane, layer->dilation);
    const double radius = radius_of(layer, plane, cell, cell_height);
    for (int points = 0; points <= 1; ++points)
        for (size_t r = 0; r < rows; ++r)
            for (size_t c = 0; c < columns; ++c) {
                const double left = x + (double)(c * column_step) * cell;
                const double top = y + (double)(r * row_step) * cell_height;
                if (points)
                    fprintf(svg->body,
                            "<circle class=\"tap\" cx=\"%.6g\" cy=\"%.6g\" r=\"%.3g\"/>\n",
                            left + cell / 2, top + cell_height / 2, radius);
                else
                    fprintf(svg->body,
                            "<rect class=\"tapped\" x=\"%.6g\" y=\"%.6g\" width=\"%.6g\" "
                            "height=\"%.6g\"/>\n",
                            left, top, cell, cell_height);
            }
}

struct caption {
    char title[80], note[200];
};

static double caption_make(struct caption *caption, const struct cli_stack *made, size_t layer)
{
    const atrous_field_layer *own = &made->layers[layer];
    const size_t spans[ATROUS_MAX_RANK] = {svg_span(own, 0), svg_span(own, 1), svg_span(own, 2)};
    char kernel[80], span[80];
    snprintf(caption->title, sizeof caption->title, "layer %zu: %.40s", layer + 1,
             made->words[layer]);
    snprintf(caption->note, sizeof caption->note, "%s taps over %s",
             svg_axes(own->kernel, made->stack.rank, kernel, sizeof kernel),
             svg_axes(spans, made->stack.rank, span, sizeof span));
    return fmax(svg_text_width(caption->title, 12), svg_text_width(caption->note, 11));
}

static void draw_panel(struct svg *svg, const struct cli_stack *made, size_t layer,
                       const struct caption *caption, const struct svg_plane *plane, double x,
                       double cell, double cell_height)
{
    const atrous_field_layer *own = &made->layers[layer];
    const size_t rows = across(made, layer, plane->row_axis);
    const size_t columns = across(made, layer, plane->column_axis);
    const double top = svg->y + CAPTION_HEIGHT;
    const double margin = margin_of(own, plane, cell, cell_height);
    const double width = (double)columns * cell + 2 * margin, height = (double)rows * cell_height;
    const double row_inset = plane->row_axis < 0 ? 0 : AROUND * cell_height, inset = AROUND * cell;

    svg_text(svg, x, svg->y + 12, "label", "%s", caption->title);
    svg_text(svg, x, svg->y + 27, "note dim", "%s", caption->note);
    fprintf(svg->body,
            "<rect class=\"pixel\" x=\"%.6g\" y=\"%.6g\" width=\"%.6g\" height=\"%.6g\"/>\n", x,
            top, width, height);
    draw_points(svg, own, plane, x + margin + inset, top + row_inset, cell, cell_height);
    svg_lines(svg, x + margin, top, rows, columns, cell, cell_height);
    svg_frame(svg, x, top, width, height);
    fprintf(svg->body,
            "<rect class=\"span\" x=\"%.6g\" y=\"%.6g\" width=\"%.6g\" height=\"%.6g\"/>\n",
            x + inset, top + row_inset, width - 2 * inset, height - 2 * row_inset);
}

void svg_draw_taps(struct svg *svg, const struct cli_stack *made)
{
    const struct svg_plane plane = svg_plane_of(made);
    const double cell = choose_cell(made, plane.column_axis);
    const double cell_height = made->stack.rank == 1 ? fmax(cell, STRIP_HEIGHT) : cell;
    struct svg_flow flow = {.svg = svg};
    svg_section(svg, "Taps",
                made->stack.rank == 3
                    ? "A red point on every position of its input that a layer considers; one of "
                      "the planes along the first axis."
                    : "A red point on every position of its own input that a layer considers for "
                      "one output.");
    for (size_t i = 0; i < made->stack.layer_count; ++i) {
        struct caption caption;
        const double margin = margin_of(&made->layers[i], &plane, cell, cell_height);
        const double width = fmax((double)across(made, i, plane.column_axis) * cell + 2 * margin,
                                  caption_make(&caption, made, i));
        const double height =
            (double)across(made, i, plane.row_axis) * cell_height + CAPTION_HEIGHT;
        const double x = svg_flow_place(&flow, width, height);
        draw_panel(svg, made, i, &caption, &plane, x, cell, cell_height);
    }
    svg_flow_end(&flow);
}
