/* Maps of counts: cells from pale to strong on a logarithmic scale, numbers where they fit, holes
 * marked. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "svg.h"

enum { SHADES = 8, HOLE = SHADES, NUMBER_FONT_MAX = 11, SWATCH = 27 };

/* Below this, numbers are not drawn. */
static const double number_font_min = 6.5;

/* Up to SHADES different counts each get their own shade; more share shades of equal ratios. */
static bool has_few(const struct svg_heat_scale *scale)
{
    return scale->most < 50 && exp2(scale->most) - exp2(scale->least) < SHADES - 0.5;
}

static int shade_of(const struct svg_heat_scale *scale, double log2_count)
{
    if (isinf(log2_count))
        return HOLE;
    if (has_few(scale)) {
        const double least = exp2(scale->least), range = exp2(scale->most) - least;
        return range < 0.5 ? 2 : (int)lround((exp2(log2_count) - least) / range * (SHADES - 1));
    }
    const double share = (log2_count - scale->least) / (scale->most - scale->least);
    const int shade = (int)floor(share * SHADES + 1e-9);
    return shade < SHADES ? shade : SHADES - 1;
}

void svg_heat_measure(const struct svg_heat *heat, struct svg_heat_scale *scale)
{
    for (size_t row = 0; row < heat->rows; ++row)
        for (size_t column = 0; column < heat->columns; ++column) {
            const double count = heat->log2_at(heat->data, row, column);
            if (isinf(count)) {
                scale->holes = true;
                continue;
            }
            scale->least = fmin(scale->least, count);
            if (count >= scale->most) {
                scale->most = count;
                const size_t digits = heat->text_at(heat->data, row, column, NULL, 0);
                if (digits > scale->digits)
                    scale->digits = digits;
            }
        }
}

/* Width of so many digits at font size 1. */
static double digits_width(size_t digits)
{
    return (double)digits * svg_text_width("0", 1);
}

double svg_heat_cell(size_t digits)
{
    const double least = digits_width(digits) * number_font_min + 5;
    return least < 14 ? 14 : ceil(least);
}

/* All cells of a shade as one path, a row's neighbours joined. */
static void draw_shade(struct svg *svg, const struct svg_heat *heat, const unsigned char *shade,
                       int wanted)
{
    bool open = false;
    for (size_t row = 0; row < heat->rows; ++row)
        for (size_t column = 0; column < heat->columns;) {
            const size_t first = column;
            const unsigned char *line = shade + row * heat->columns;
            while (column < heat->columns && line[column] == wanted)
                ++column;
            if (column == first) {
                ++column;
                continue;
            }
            if (!open && wanted == HOLE)
                fputs("<path class=\"hole\" d=\"", svg->body);
            else if (!open)
                fprintf(svg->body, "<path class=\"h%d\" d=\"", wanted);
            open = true;
            fprintf(svg->body, "M%zu %zuh%zuv1h-%zuz", first, row, column - first, column - first);
        }
    if (open)
        fputs("\"/>\n", svg->body);
}

/* A cross in every hole. */
static void draw_crosses(struct svg *svg, const struct svg_heat *heat, const unsigned char *shade,
                         double x, double y, double cell, double cell_height)
{
    const double arm = (cell < cell_height ? cell : cell_height) * 0.22;
    if (cell < 5)
        return;
    fprintf(svg->body, "<path class=\"cross\" stroke-width=\"%.3g\" d=\"", cell < 10 ? 0.8 : 1.3);
    for (size_t row = 0; row < heat->rows; ++row)
        for (size_t column = 0; column < heat->columns; ++column)
            if (shade[row * heat->columns + column] == HOLE)
                fprintf(svg->body, "M%.6g %.6gl%.3g %.3gm0 %.3gl%.3g %.3g",
                        x + ((double)column + 0.5) * cell - arm,
                        y + ((double)row + 0.5) * cell_height - arm, 2 * arm, 2 * arm, -2 * arm,
                        -2 * arm, 2 * arm);
    fputs("\"/>\n", svg->body);
}

static void draw_numbers(struct svg *svg, const struct svg_heat *heat, const unsigned char *shade,
                         double x, double y, double cell, double cell_height, double font)
{
    char digits[CLI_COUNT_TEXT], class[32];
    fprintf(svg->body, "<g font-size=\"%.3g\">\n", font);
    for (size_t row = 0; row < heat->rows; ++row)
        for (size_t column = 0; column < heat->columns; ++column) {
            const int own = shade[row * heat->columns + column];
            if (own == HOLE)
                continue;
            snprintf(class, sizeof class, "middle n%d", own);
            heat->text_at(heat->data, row, column, digits, sizeof digits);
            svg_text(svg, x + ((double)column + 0.5) * cell,
                     y + ((double)row + 0.5) * cell_height + font * 0.36, class, "%s", digits);
        }
    fputs("</g>\n", svg->body);
}

bool svg_heat_draw(struct svg *svg, const struct svg_heat *heat, const struct svg_heat_scale *scale,
                   double x, double y, double cell, double cell_height)
{
    struct svg_heat_scale own = SVG_HEAT_SCALE;
    unsigned char *shade = malloc(heat->rows * heat->columns);
    if (shade == NULL)
        return false;
    for (size_t row = 0; row < heat->rows; ++row)
        for (size_t column = 0; column < heat->columns; ++column)
            shade[row * heat->columns + column] =
                (unsigned char)shade_of(scale, heat->log2_at(heat->data, row, column));

    fprintf(svg->body,
            "<g transform=\"translate(%.6g %.6g) scale(%.6g %.6g)\" "
            "shape-rendering=\"crispEdges\">\n",
            x, y, cell, cell_height);
    for (int wanted = 0; wanted <= HOLE; ++wanted)
        draw_shade(svg, heat, shade, wanted);
    fputs("</g>\n", svg->body);
    svg_grid(svg, x, y, heat->rows, heat->columns, cell, cell_height);

    svg_heat_measure(heat, &own);
    if (own.holes)
        draw_crosses(svg, heat, shade, x, y, cell, cell_height);
    double font = fmin(NUMBER_FONT_MAX, cell_height * 0.55);
    if (own.digits > 0)
        font = fmin(font, (cell - 4) / digits_width(own.digits));
    if (font >= number_font_min - 1e-9 && heat->rows * heat->columns <= 4096)
        draw_numbers(svg, heat, shade, x, y, cell, cell_height, font);
    free(shade);
    return true;
}

static double draw_swatch(struct svg *svg, double x, double y, int shade)
{
    enum { WIDTH = SWATCH - 5, HEIGHT = 14 };
    if (shade == HOLE)
        fprintf(svg->body,
                "<rect class=\"hole\" x=\"%.6g\" y=\"%.6g\" width=\"%d\" height=\"%d\"/>"
                "<path class=\"cross\" stroke-width=\"1.3\" d=\"M%.6g %.6gl7 7m0 -7l-7 7\"/>\n",
                x, y, WIDTH, HEIGHT, x + 7.5, y + 3.5);
    else
        fprintf(svg->body, "<rect class=\"h%d\" x=\"%.6g\" y=\"%.6g\" width=\"%d\" height=\"%d\"/>",
                shade, x, y, WIDTH, HEIGHT);
    fprintf(svg->body, "<rect class=\"frame\" x=\"%.6g\" y=\"%.6g\" width=\"%d\" height=\"%d\"/>\n",
            x, y, WIDTH, HEIGHT);
    return x + SWATCH;
}

/* "729", or "7.6e+25" where digits would be many. */
static void count_text(char *text, size_t size, double count)
{
    snprintf(text, size, count < 1e6 ? "%.0f" : "%.2g", count);
}

/* The counts that a shade stands for; false when it stands for none. */
static bool shade_text(const struct svg_heat_scale *scale, int shade, char *text, size_t size)
{
    char low[32], high[32];
    const double least = exp2(scale->least), most = exp2(scale->most);
    const double ratio = (scale->most - scale->least) / SHADES;
    double first = ceil(exp2(scale->least + ratio * shade) - 1e-6);
    double last = ceil(exp2(scale->least + ratio * (shade + 1)) - 1e-6) - 1;
    if (shade == SHADES - 1)
        last = most;
    if (has_few(scale)) {
        for (first = least; first < most && shade_of(scale, log2(first)) != shade;)
            ++first;
        if (shade_of(scale, log2(first)) != shade)
            return false;
        last = first;
    }
    if (last < first)
        return false;
    count_text(low, sizeof low, first);
    count_text(high, sizeof high, last);
    if (first < last)
        snprintf(text, size, "%s \xe2\x80\x93 %s", low, high);
    else
        snprintf(text, size, "%s", low);
    return true;
}

/* Where an entry of a legend goes that takes `width`: here, or on the next line. */
static double legend_place(struct svg *svg, double x, double width)
{
    if (x + width > SVG_WIDTH_MAX - SVG_MARGIN) {
        svg->y += 21;
        x = SVG_MARGIN;
    }
    if (x + width > svg->right)
        svg->right = x + width;
    return x;
}

void svg_heat_legend(struct svg *svg, const struct svg_heat_scale *scale, const char *what,
                     const char *none)
{
    char text[72];
    double x = SVG_MARGIN;
    svg->y += 4;
    svg_text(svg, x, svg->y + 11, "label dim", "%s", what);
    x += svg_text_width(what, 12) + 12;
    for (int shade = 0; shade < SHADES; ++shade) {
        if (!shade_text(scale, shade, text, sizeof text))
            continue;
        const double width = svg_text_width(text, 12);
        x = legend_place(svg, x, width + SWATCH);
        x = draw_swatch(svg, x, svg->y, shade);
        svg_text(svg, x, svg->y + 11, "label", "%s", text);
        x += width + 10;
    }
    if (scale->holes) {
        x = legend_place(svg, x, svg_text_width(none, 12) + SWATCH);
        x = draw_swatch(svg, x, svg->y, HOLE);
        svg_text(svg, x, svg->y + 11, "label", "%s", none);
    }
    svg->y += 16;
}
