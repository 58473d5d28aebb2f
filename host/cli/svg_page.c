/* What every picture is made of: styles, texts, grids, panels in rows, the file around them. */
#include "svg.h"

#include <stdarg.h>
#include <string.h>

/* Styles for a light page, then what a dark one changes. Heat h0 (few) to h7 (many) with the
 * numbers n0 to n7 on it. */
static const char style_light[] =
    "text{font-family:system-ui,'Segoe UI',Helvetica,Arial,sans-serif;fill:#1f2328}\n"
    ".title{font-size:20px;font-weight:600}.section{font-size:15px;font-weight:600}\n"
    ".label{font-size:12px}.note{font-size:11px}\n"
    ".dim{fill:#59636e}.middle{text-anchor:middle}.end{text-anchor:end}\n"
    ".page{fill:#ffffff}.pixel{fill:#f6f8fa}.padded{fill:#eaeef2}\n"
    ".grid{stroke:#d0d7de;fill:none}.frame{stroke:#818b98;fill:none}\n"
    ".tap{fill:#d1242f}.tapped{fill:#ffdcd7}.span{stroke:#d1242f;fill:none}\n"
    ".hole{fill:#fff1e5}.cross{stroke:#bc4c00;fill:none}.lost{fill:#bc4c00}\n"
    ".edge{stroke:#d8dee4;fill:none}.node{fill:#ffffff;stroke:#afb8c1}\n"
    ".path{stroke:#2171b5;fill:none}.reached{fill:#2171b5}\n"
    ".bar{fill:#9ecae1}.core{fill:#2171b5}.done{fill:#4292c6}\n"
    ".h0{fill:#deebf7}.h1{fill:#c6dbef}.h2{fill:#9ecae1}.h3{fill:#74b3d8}\n"
    ".h4{fill:#4a97c9}.h5{fill:#2171b5}.h6{fill:#08519c}.h7{fill:#08306b}\n"
    "text.n0,text.n1,text.n2,text.n3{fill:#0b2545}\n"
    "text.n4,text.n5,text.n6,text.n7{fill:#ffffff}\n";
static const char style_dark[] =
    "text{fill:#e6edf3}.dim{fill:#9198a1}\n"
    ".page{fill:#0d1117}.pixel{fill:#161b22}.padded{fill:#21262d}\n"
    ".grid{stroke:#30363d}.frame{stroke:#6e7681}\n"
    ".tap{fill:#ff6a69}.tapped{fill:#4b1d20}.span{stroke:#ff6a69}\n"
    ".hole{fill:#3a2410}.cross{stroke:#f0883e}.lost{fill:#f0883e}\n"
    ".edge{stroke:#343c46}.node{fill:#0d1117;stroke:#484f58}\n"
    ".path{stroke:#58a6ff}.reached{fill:#58a6ff}\n"
    ".bar{fill:#1f4a78}.core{fill:#58a6ff}.done{fill:#388bfd}\n"
    ".h0{fill:#11253d}.h1{fill:#14335a}.h2{fill:#1a4478}.h3{fill:#215896}\n"
    ".h4{fill:#2f72b8}.h5{fill:#4f94d6}.h6{fill:#86b9ea}.h7{fill:#c4e0fb}\n"
    "text.n0,text.n1,text.n2,text.n3,text.n4{fill:#f0f6fc}\n"
    "text.n5,text.n6,text.n7{fill:#04101f}\n";

static void print_escaped(FILE *out, const char *text)
{
    for (; *text != '\0'; ++text)
        switch (*text) {
        case '&':
            fputs("&amp;", out);
            break;
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        default:
            fputc(*text, out);
        }
}

const char *svg_axes_short(const size_t *axes, int rank, char *text, size_t size)
{
    for (int axis = 1; axis < rank; ++axis)
        if (axes[axis] != axes[0])
            return svg_axes(axes, rank, text, size);
    return svg_axes(axes, 1, text, size);
}

static void reach(struct svg *svg, double right)
{
    if (right > svg->right)
        svg->right = right;
}

static void print_text(struct svg *svg, double x, double y, const char *class, const char *text)
{
    fprintf(svg->body, "<text x=\"%.6g\" y=\"%.6g\" class=\"%s\">", x, y, class);
    print_escaped(svg->body, text);
    fputs("</text>\n", svg->body);
}

/* Room for one line; longer texts are cut. */
enum { TEXT = 512 };

void svg_text(struct svg *svg, double x, double y, const char *class, const char *format, ...)
{
    char text[TEXT];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    print_text(svg, x, y, class, text);
}

void svg_line(struct svg *svg, const char *class, const char *format, ...)
{
    char text[TEXT];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    svg->y += 18;
    print_text(svg, SVG_MARGIN, svg->y, class, text);
    reach(svg, SVG_MARGIN + svg_text_width(text, 12));
}

double svg_text_width(const char *text, double font_size)
{
    size_t characters = 0;
    for (; *text != '\0'; ++text)
        characters += ((unsigned char)*text & 0xc0) != 0x80; /* not a byte that continues one */
    return (double)characters * font_size * 0.6;
}

double svg_words_width(const struct cli_stack *made)
{
    double most = 0;
    for (size_t i = 0; i < made->stack.layer_count; ++i) {
        char text[48];
        snprintf(text, sizeof text, "%.40s", made->words[i]);
        most = fmax(most, svg_text_width(text, 12));
    }
    return most;
}

const char *svg_axes(const size_t *axes, int rank, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (int axis = 0; axis < rank && used < size; ++axis)
        used += (size_t)snprintf(text + used, size - used, "%s%zu", axis > 0 ? " \xc3\x97 " : "",
                                 axes[axis]);
    return text;
}

void svg_section(struct svg *svg, const char *title, const char *explanation)
{
    svg->y += 34;
    svg_text(svg, SVG_MARGIN, svg->y, "section", "%s", title);
    svg->y += 19;
    svg_text(svg, SVG_MARGIN, svg->y, "label dim", "%s", explanation);
    svg->y += 16;
}

void svg_lines(struct svg *svg, double x, double y, size_t rows, size_t columns, double cell,
               double cell_height)
{
    const double width = (double)columns * cell, height = (double)rows * cell_height;
    if (cell < 5)
        return;
    fputs("<path class=\"grid\" d=\"", svg->body);
    for (size_t i = 1; i < columns; ++i)
        fprintf(svg->body, "M%.6g %.6gv%.6g", x + (double)i * cell, y, height);
    for (size_t i = 1; i < rows; ++i)
        fprintf(svg->body, "M%.6g %.6gh%.6g", x, y + (double)i * cell_height, width);
    fputs("\"/>\n", svg->body);
}

void svg_frame(struct svg *svg, double x, double y, double width, double height)
{
    fprintf(svg->body,
            "<rect class=\"frame\" x=\"%.6g\" y=\"%.6g\" width=\"%.6g\" height=\"%.6g\"/>\n", x, y,
            width, height);
    reach(svg, x + width);
}

void svg_grid(struct svg *svg, double x, double y, size_t rows, size_t columns, double cell,
              double cell_height)
{
    svg_lines(svg, x, y, rows, columns, cell, cell_height);
    svg_frame(svg, x, y, (double)columns * cell, (double)rows * cell_height);
}

double svg_flow_place(struct svg_flow *flow, double width, double height)
{
    enum { GAP = 28 };
    if (flow->x > SVG_MARGIN && flow->x + width > SVG_WIDTH_MAX - SVG_MARGIN + 0.5)
        svg_flow_end(flow);
    if (flow->x < SVG_MARGIN)
        flow->x = SVG_MARGIN;
    const double x = flow->x;
    flow->x += width + GAP;
    if (height > flow->row_height)
        flow->row_height = height;
    reach(flow->svg, x + width);
    return x;
}

void svg_flow_end(struct svg_flow *flow)
{
    flow->svg->y += flow->row_height + (flow->row_height > 0 ? 12 : 0);
    flow->x = SVG_MARGIN;
    flow->row_height = 0;
}

void svg_print(FILE *out, const struct svg *svg, const char *body, const char *title)
{
    double width = svg->right + SVG_MARGIN;
    if (width < SVG_WIDTH_MIN)
        width = SVG_WIDTH_MIN;
    fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n", out);
    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" "
            "viewBox=\"0 0 %.0f %.0f\" role=\"img\">\n<title>",
            width, svg->y + SVG_MARGIN, width, svg->y + SVG_MARGIN);
    print_escaped(out, title);
    fprintf(out,
            "</title>\n<style>\n%s@media (prefers-color-scheme:dark){\n%s}\n</style>\n"
            "<rect class=\"page\" width=\"100%%\" height=\"100%%\"/>\n%s</svg>\n",
            style_light, style_dark, body);
}

struct svg_plane svg_plane_of(const struct cli_stack *made)
{
    return (struct svg_plane){made->stack.rank - 2, made->stack.rank - 1};
}

size_t svg_rows(const struct svg_plane *plane, const size_t *axes)
{
    return plane->row_axis < 0 ? 1 : axes[plane->row_axis];
}

size_t svg_columns(const struct svg_plane *plane, const size_t *axes)
{
    return axes[plane->column_axis];
}

size_t svg_span(const atrous_field_layer *layer, int axis)
{
    return axis < 0 ? 1 : (layer->kernel[axis] - 1) * layer->dilation[axis] + 1;
}
