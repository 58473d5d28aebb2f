/* The field growing layer by layer: a bar each, to scale, centred on the last. */
#include <math.h>
#include <string.h>

#include "svg.h"

enum { NUMBERS_WIDTH = 170, ROW = 26, BAR = 16, WIDTH = 320 };

/* Whether all axes grow alike, so that one bar tells it. */
static bool grows_alike(const struct cli_stack *made)
{
    for (size_t i = 0; i < made->stack.layer_count; ++i) {
        const atrous_field_info info = cli_stack_info(made, i);
        for (int axis = 1; axis < made->stack.rank; ++axis)
            if (info.size[axis] != info.size[0])
                return false;
    }
    return true;
}

static void draw_bar(struct svg *svg, const char *class, double middle, double y, double size,
                     double unit, double height)
{
    const double width = fmax(size * unit, 1.5);
    fprintf(svg->body,
            "<rect class=\"%s\" x=\"%.6g\" y=\"%.6g\" width=\"%.6g\" height=\"%.3g\" rx=\"2\"/>\n",
            class, middle - width / 2, y, width, height);
}

void svg_draw_growth(struct svg *svg, const struct cli_stack *made)
{
    const bool alike = grows_alike(made);
    const int bars = alike ? 1 : made->stack.rank;
    const double height = bars == 1 ? BAR : (double)(BAR + 4) / bars - 1;
    const double area = WIDTH;
    const double middle =
        SVG_MARGIN + svg_text_width("after layer 64: ", 12) + svg_words_width(made) + 16 + area / 2;
    size_t most = 1;
    for (int axis = 0; axis < made->stack.rank; ++axis)
        if (made->info.size[axis] > most)
            most = made->info.size[axis];
    const double unit = area / (double)most;

    svg_section(svg, "Growth of the field",
                alike ? "Inputs that one output sees along an axis; inside is what it saw a "
                        "layer earlier."
                      : "Inputs that one output sees, a bar an axis from the first down; inside is "
                        "what it saw a layer earlier.");
    for (size_t i = 0; i < made->stack.layer_count; ++i) {
        const atrous_field_info info = cli_stack_info(made, i);
        char size[80];
        svg_text(svg, SVG_MARGIN, svg->y + 13, "label", "after layer %zu: %.40s", i + 1,
                 made->words[i]);
        for (int bar = 0; bar < bars; ++bar) {
            const double y = svg->y + bar * (height + 1);
            const size_t before = i > 0 ? cli_stack_info(made, i - 1).size[bar] : 1;
            draw_bar(svg, "bar", middle, y, (double)info.size[bar], unit, height);
            draw_bar(svg, "core", middle, y, (double)before, unit, height);
        }
        svg_text(svg, middle + area / 2 + 16, svg->y + 13, "label", "%s",
                 svg_axes(info.size, made->stack.rank, size, sizeof size));
        svg->y += ROW;
    }
}
