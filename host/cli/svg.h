/* Pictures of a stack as one self-contained SVG file: no scripts, no links, readable on light and
 * dark backgrounds. */
#ifndef ATROUS_CLI_SVG_H
#define ATROUS_CLI_SVG_H

#include <math.h>
#include <stdbool.h>
#include <stdio.h>

#include "stack.h"

/* All lengths are in user units, about a pixel. */
enum {
    SVG_MARGIN = 30,
    SVG_WIDTH_MIN = 760,
    SVG_WIDTH_MAX = 1080,
    SVG_CONTENT = SVG_WIDTH_MAX - 2 * SVG_MARGIN
};

/* The page being drawn. */
struct svg {
    FILE *body;
    double right; /* how far what was drawn reaches */
    double y;     /* where the next thing goes */
};

/* Text at (x, y = baseline) in the style of `class`: "title", "section", "label", "note", "number",
 * with " dim", " middle" or " end" added. Escapes what XML reserves. */
#if defined(__GNUC__)
__attribute__((format(printf, 5, 6)))
#endif
void svg_text(struct svg *svg, double x, double y, const char *class, const char *format, ...);

/* The same as a line of its own below what was drawn; moves svg->y to it. */
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
void svg_line(struct svg *svg, const char *class, const char *format, ...);

/* The width that a text may take at a font size, in a wide font. */
double svg_text_width(const char *text, double font_size);

/* The widest of the layers' words as labels. */
double svg_words_width(const struct cli_stack *made);

/* "15 x 15", with a multiplication sign, in `text`, which is returned. */
const char *svg_axes(const size_t *axes, int rank, char *text, size_t size);
/* The same, "15" where all axes are alike. */
const char *svg_axes_short(const size_t *axes, int rank, char *text, size_t size);

/* A section's heading and its explanation; moves svg->y below them. */
void svg_section(struct svg *svg, const char *title, const char *explanation);

/* Lines between cells, but for tiny ones; a frame; both, around the cells. */
void svg_lines(struct svg *svg, double x, double y, size_t rows, size_t columns, double cell,
               double cell_height);
void svg_frame(struct svg *svg, double x, double y, double width, double height);
void svg_grid(struct svg *svg, double x, double y, size_t rows, size_t columns, double cell,
              double cell_height);

/* Panels from left to right, then in the next row. */
struct svg_flow {
    struct svg *svg;
    double x, row_height;
};
/* Room for a panel; returns its left edge, its top is svg->y. */
double svg_flow_place(struct svg_flow *flow, double width, double height);
void svg_flow_end(struct svg_flow *flow);

/* The whole file around what was drawn. */
void svg_print(FILE *out, const struct svg *svg, const char *body, const char *title);

/* The rows and columns that pictures show: the last two axes; a single axis has one row. */
struct svg_plane {
    int row_axis; /* -1: none */
    int column_axis;
};
struct svg_plane svg_plane_of(const struct cli_stack *made);
size_t svg_rows(const struct svg_plane *plane, const size_t *axes);
size_t svg_columns(const struct svg_plane *plane, const size_t *axes);
/* Extent of a layer's dilated kernel on an axis. */
size_t svg_span(const atrous_field_layer *layer, int axis);

/* A map of counts: their logarithm (-infinity for none) and their digits. */
struct svg_heat {
    size_t rows, columns;
    const void *data;
    double (*log2_at)(const void *data, size_t row, size_t column);
    size_t (*text_at)(const void *data, size_t row, size_t column, char *text, size_t size);
};
/* Logarithms of the smallest count but 0 and of the largest, the digits of the longest number,
 * whether any is 0. Start from SVG_HEAT_SCALE and measure every map that shares the scale. */
struct svg_heat_scale {
    double least, most;
    size_t digits;
    bool holes;
};
#define SVG_HEAT_SCALE      \
    (struct svg_heat_scale) \
    {                       \
        .least = INFINITY   \
    }
void svg_heat_measure(const struct svg_heat *heat, struct svg_heat_scale *scale);
/* The least cell in which a number of so many digits is legible. */
double svg_heat_cell(size_t digits);
bool svg_heat_draw(struct svg *svg, const struct svg_heat *heat, const struct svg_heat_scale *scale,
                   double x, double y, double cell, double cell_height);
void svg_heat_legend(struct svg *svg, const struct svg_heat_scale *scale, const char *what,
                     const char *none);

/* The sections. False: out of memory. */
void svg_draw_header(struct svg *svg, const struct cli_stack *made, bool animate);
void svg_draw_taps(struct svg *svg, const struct cli_stack *made);
bool svg_draw_coverage(struct svg *svg, const struct cli_stack *made);
bool svg_draw_use(struct svg *svg, const struct cli_stack *made);
void svg_draw_growth(struct svg *svg, const struct cli_stack *made);
bool svg_draw_tree(struct svg *svg, const struct cli_stack *made);
void svg_draw_walk(struct svg *svg, const struct cli_stack *made);

/* Whether the stack can be drawn; a refusal names the limit. */
int svg_check(const struct cli_stack *made, bool animate, struct cli_failure *failure);
/* The input that an animation shows: --shape's, or one that gives a few outputs. */
void svg_walk_input(const struct cli_stack *made, size_t *input, size_t *output);

/* Writes the picture to `path`, whole or not at all. */
int cli_svg_write(const struct cli_stack *made, const char *path, bool animate,
                  struct cli_failure *failure);

#endif
