/* A one-dimensional stack as the tree of its connections: a row of dots a layer, inputs below, the
 * paths that end in one output drawn strong. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "svg.h"

enum { SPACING_MAX = 34, EDGES_MAX = 6000 };

/* Row l holds the outputs of layer l, row 0 the inputs. A dot is known by where its field begins:
 * dot f of row l reads dots f + tap * step[l] of the row below. */
struct tree {
    size_t layers, inputs;
    bool centred;            /* a dot stands over its field's middle, else over its last input */
    bool **reached;          /* [layers + 1][inputs]: on a path to the output */
    atrous_field_info *info; /* [layers + 1] */
    size_t *kernel, *step;   /* [layers + 1], by the row that reads */
    double left, top, spacing, row_height;
};

static double dot_x(const struct tree *tree, size_t row, double begin)
{
    const double over = (double)tree->info[row].size[0] - 1;
    return tree->left + (begin + (tree->centred ? over / 2 : over)) * tree->spacing;
}

static double row_y(const struct tree *tree, size_t row)
{
    return tree->top + (double)(tree->layers - row) * tree->row_height;
}

static void free_tree(struct tree *tree)
{
    for (size_t row = 0; tree->reached != NULL && row <= tree->layers; ++row)
        free(tree->reached[row]);
    free(tree->reached);
    free(tree->info);
    free(tree->kernel);
    free(tree->step);
}

static bool make_tree(struct tree *tree, const struct cli_stack *made)
{
    tree->layers = made->stack.layer_count;
    tree->inputs = made->info.size[0];
    tree->reached = calloc(tree->layers + 1, sizeof *tree->reached);
    tree->info = calloc(tree->layers + 1, sizeof *tree->info);
    tree->kernel = calloc(tree->layers + 1, sizeof *tree->kernel);
    tree->step = calloc(tree->layers + 1, sizeof *tree->step);
    if (tree->reached == NULL || tree->info == NULL || tree->kernel == NULL || tree->step == NULL)
        return false;
    tree->info[0].size[0] = tree->info[0].jump[0] = 1;
    for (size_t row = 0; row <= tree->layers; ++row) {
        tree->reached[row] = calloc(tree->inputs, sizeof **tree->reached);
        if (tree->reached[row] == NULL)
            return false;
        if (row == 0)
            continue;
        tree->info[row] = cli_stack_info(made, row - 1);
        tree->kernel[row] = made->layers[row - 1].kernel[0];
        tree->step[row] = made->layers[row - 1].dilation[0] * tree->info[row - 1].jump[0];
        tree->centred = tree->centred || tree->info[row].pad_begin[0] > 0;
    }
    tree->reached[tree->layers][0] = true;
    for (size_t row = tree->layers; row > 0; --row)
        for (size_t begin = 0; begin < tree->inputs; ++begin)
            for (size_t t = 0; tree->reached[row][begin] && t < tree->kernel[row]; ++t)
                tree->reached[row - 1][begin + t * tree->step[row]] = true;
    return true;
}

/* The connections of the dots that do not matter here, within the picture. */
static void draw_faint_edges(struct svg *svg, const struct tree *tree)
{
    const double right = tree->left + (double)(tree->inputs - 1) * tree->spacing + 0.01;
    double edges = 0;
    for (size_t row = 1; row <= tree->layers; ++row)
        edges += (double)tree->kernel[row] * (double)tree->inputs / (double)tree->info[row].jump[0];
    if (edges > EDGES_MAX || tree->spacing < 5)
        return;
    fputs("<path class=\"edge\" d=\"", svg->body);
    for (size_t row = 1; row <= tree->layers; ++row) {
        const double jump = (double)tree->info[row].jump[0];
        const double first = -floor((double)tree->info[row].size[0] / jump) * jump;
        for (double begin = first; dot_x(tree, row, begin) <= right; begin += jump)
            for (size_t t = 0; t < tree->kernel[row]; ++t) {
                const double from = dot_x(tree, row, begin);
                const double to = dot_x(tree, row - 1, begin + (double)(t * tree->step[row]));
                if (from >= tree->left - 0.01 && to >= tree->left - 0.01 && to <= right)
                    fprintf(svg->body, "M%.5g %.5gL%.5g %.5g", from, row_y(tree, row), to,
                            row_y(tree, row - 1));
            }
    }
    fputs("\"/>\n", svg->body);
}

static void draw_paths(struct svg *svg, const struct tree *tree)
{
    fprintf(svg->body, "<path class=\"path\" stroke-width=\"%.3g\" d=\"",
            fmin(1.6, fmax(0.35, tree->spacing / 8)));
    for (size_t row = 1; row <= tree->layers; ++row)
        for (size_t begin = 0; begin < tree->inputs; ++begin)
            for (size_t t = 0; tree->reached[row][begin] && t < tree->kernel[row]; ++t)
                fprintf(svg->body, "M%.5g %.5gL%.5g %.5g", dot_x(tree, row, (double)begin),
                        row_y(tree, row),
                        dot_x(tree, row - 1, (double)(begin + t * tree->step[row])),
                        row_y(tree, row - 1));
    fputs("\"/>\n", svg->body);
}

static void draw_dot(struct svg *svg, const char *class, double x, double y, double radius)
{
    fprintf(svg->body, "<circle class=\"%s\" cx=\"%.5g\" cy=\"%.5g\" r=\"%.3g\"/>\n", class, x, y,
            radius);
}

static void draw_hole(struct svg *svg, double x, double y, double radius)
{
    if (radius < 2) {
        draw_dot(svg, "lost", x, y, fmax(radius, 0.8));
        return;
    }
    const double arm = radius * 0.75;
    fprintf(svg->body,
            "<path class=\"cross\" stroke-width=\"1.3\" d=\"M%.5g %.5gl%.3g %.3gm0 -%.3gl-%.3g "
            "%.3g\"/>\n",
            x - arm, y - arm, 2 * arm, 2 * arm, 2 * arm, 2 * arm, 2 * arm);
}

/* The dots that paths reach, or the others, which paths pass over. */
static void draw_dots(struct svg *svg, const struct tree *tree, bool are_reached)
{
    const double radius = fmin(5.5, fmax(0.45, tree->spacing * 0.3));
    const double right = tree->left + (double)(tree->inputs - 1) * tree->spacing + 0.01;
    for (size_t row = 0; row <= tree->layers; ++row) {
        const size_t jump = tree->info[row].jump[0];
        const double y = row_y(tree, row);
        const double first = -floor((double)tree->info[row].size[0] / (double)jump) * (double)jump;
        for (double begin = first; dot_x(tree, row, begin) <= right; begin += (double)jump) {
            const double x = dot_x(tree, row, begin);
            const bool inside = begin >= 0 && begin < (double)tree->inputs;
            const bool is_reached = inside && tree->reached[row][(size_t)begin];
            if (x < tree->left - 0.01 || is_reached != are_reached)
                continue;
            if (is_reached)
                draw_dot(svg, "reached", x, y, row == tree->layers ? radius * 1.3 : radius);
            else if (row == 0)
                draw_hole(svg, x, y, radius);
            else if (tree->spacing >= 4)
                draw_dot(svg, "node", x, y, radius);
        }
    }
}

bool svg_draw_tree(struct svg *svg, const struct cli_stack *made)
{
    struct tree tree = {0};
    const bool drawn = make_tree(&tree, made);
    if (drawn) {
        const double labels = fmax(svg_words_width(made), 40) + 24;
        tree.left = SVG_MARGIN + labels;
        tree.spacing =
            tree.inputs < 2
                ? SPACING_MAX
                : fmin(SPACING_MAX, (SVG_CONTENT - labels - 8) / (double)(tree.inputs - 1));
        tree.row_height = fmin(74, fmax(44, tree.spacing * 2.4));
        svg_section(svg, "Connections",
                    tree.centred ? "Inputs below, an output above the middle of what it sees; the "
                                   "paths into one output drawn strong."
                                 : "Inputs below, an output above the last input it sees; the "
                                   "paths into the last output drawn strong.");
        tree.top = svg->y + 10;
        draw_faint_edges(svg, &tree);
        draw_dots(svg, &tree, false);
        draw_paths(svg, &tree);
        draw_dots(svg, &tree, true);
        for (size_t row = 0; row <= tree.layers; ++row)
            svg_text(svg, SVG_MARGIN, row_y(&tree, row) + 4, "label", "%.40s",
                     row == 0 ? "input" : made->words[row - 1]);
        const double right = tree.left + (double)(tree.inputs - 1) * tree.spacing + 8;
        if (right > svg->right)
            svg->right = right;
        svg->y = row_y(&tree, 0) + 16;
    }
    free_tree(&tree);
    return drawn;
}
