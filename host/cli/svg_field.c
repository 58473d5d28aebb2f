/* The whole picture: what can be drawn, the sections in their order, the file. */
#define _XOPEN_SOURCE 700
#include <stdlib.h>
#include <string.h>

#include "field_report.h"
#include "file.h"
#include "svg.h"

enum { LINE_MAX = 4096, PLANE_MAX = 256, LAYERS_MAX = 64, WALK_MAX = 72, WALK_OUTPUTS_MAX = 1024 };

/* An animation is small: cells that can be told apart, a round that can be awaited. */
static int check_walk(const struct cli_stack *made, struct cli_failure *failure)
{
    size_t input[ATROUS_MAX_RANK] = {0}, output[ATROUS_MAX_RANK] = {0}, outputs = 1;
    if (made->stack.rank == 3)
        return cli_fail(failure, CLI_USAGE, "--animate: rank is 3, must be 1 or 2");
    bool fits = true;
    for (int axis = 0; axis < made->stack.rank; ++axis)
        fits = fits && made->layers[0].stride[axis] <= WALK_MAX &&
               made->info.pad_begin[axis] <= WALK_MAX && made->info.pad_end[axis] <= WALK_MAX &&
               made->stack.input[axis] <= WALK_MAX;
    if (fits)
        svg_walk_input(made, input, output);
    for (int axis = 0; axis < made->stack.rank && fits; ++axis) {
        fits = input[axis] + made->info.pad_begin[axis] + made->info.pad_end[axis] <= WALK_MAX;
        outputs *= output[axis];
    }
    if (!fits)
        return cli_fail(failure, CLI_USAGE,
                        "--animate: the padded input is too large to draw, at most %d an axis",
                        WALK_MAX);
    if (outputs > WALK_OUTPUTS_MAX)
        return cli_fail(failure, CLI_USAGE,
                        "--animate: %zu outputs are too many to walk over, at most %d", outputs,
                        WALK_OUTPUTS_MAX);
    return CLI_DONE;
}

int svg_check(const struct cli_stack *made, bool animate, struct cli_failure *failure)
{
    const size_t most = made->stack.rank == 1 ? LINE_MAX : PLANE_MAX;
    if (made->stack.layer_count > LAYERS_MAX)
        return cli_fail(failure, CLI_USAGE, "--svg: %zu layers are too many to draw, at most %d",
                        made->stack.layer_count, LAYERS_MAX);
    for (int axis = 0; axis < made->stack.rank; ++axis)
        if (made->info.size[axis] > most)
            return cli_fail(failure, CLI_USAGE,
                            "--svg: the field of %zu on axis %d is too large to draw, at most %zu",
                            made->info.size[axis], axis, most);
    /* A single tap moves nothing, but its dilation would still be drawn. */
    for (size_t i = 0; i < made->stack.layer_count; ++i)
        for (int axis = 0; axis < made->stack.rank; ++axis)
            if (svg_span(&made->layers[i], axis) > most)
                return cli_fail(failure, CLI_USAGE, "--svg: layer '%s' is too large to draw",
                                made->words[i]);
    if (!animate)
        return CLI_DONE;
    if (made->stack.layer_count > 1)
        return cli_fail(failure, CLI_USAGE, "--animate: is for one layer, not %zu",
                        made->stack.layer_count);
    return check_walk(made, failure);
}

/* The words of the stack, as many as fit a title. */
static void title_text(const struct cli_stack *made, char *text, size_t size)
{
    const size_t count = made->stack.layer_count;
    size_t length = 0;
    for (size_t i = 0; i < count; ++i)
        length += strlen(made->words[i]) + 1;
    if (length > 60 && count > 1) {
        snprintf(text, size, "%zu layers: %.20s \xe2\x80\xa6 %.20s", count, made->words[0],
                 made->words[count - 1]);
        return;
    }
    length = 0;
    text[0] = '\0';
    for (size_t i = 0; i < count && length < size; ++i)
        length += (size_t)snprintf(text + length, size - length, "%s%.60s", i > 0 ? " " : "",
                                   made->words[i]);
}

/* What would fill the holes, in a line; nothing where there are none. */
static void draw_remedy(struct svg *svg, const struct cli_stack *made)
{
    char list[240] = "", axes[80];
    size_t *dilation = NULL, length = 0;
    struct cli_failure ignored;
    atrous_remedy remedy;
    const size_t rank = (size_t)made->stack.rank;
    if (cli_field_remedy(made, &remedy, &dilation, &ignored) != CLI_DONE)
        return;
    for (size_t i = 0; i < made->stack.layer_count && length < sizeof list; ++i)
        length += (size_t)snprintf(
            list + length, sizeof list - length, "%s%s", i > 0 ? ", " : "",
            svg_axes_short(dilation + i * rank, made->stack.rank, axes, sizeof axes));
    if (remedy == ATROUS_REMEDY_FOUND && length < 110)
        svg_line(svg, "label", "Dilations %s reach as far without holes.", list);
    else if (remedy == ATROUS_REMEDY_NONE)
        svg_line(svg, "label",
                 "No dilations of these kernels and strides reach as far without holes.");
    free(dilation);
}

void svg_draw_header(struct svg *svg, const struct cli_stack *made, bool animate)
{
    char title[160], size[80];
    const int rank = made->stack.rank;
    const char *holes = atrous_field_total_text(made->field, ATROUS_FIELD_HOLES);
    title_text(made, title, sizeof title);
    svg->y = SVG_MARGIN + 16;
    svg_text(svg, SVG_MARGIN, svg->y, "title", "%s", title);
    svg->y += 6;
    if (animate)
        return;
    svg_axes(made->info.size, rank, size, sizeof size);
    if (!atrous_field_has_holes(made->field))
        svg_line(svg, "label", "One output sees %s inputs, every one of them.", size);
    else
        svg_line(svg, "label",
                 "One output spans %s inputs, but no path reaches %s of those %s: gridding.", size,
                 holes, atrous_field_total_text(made->field, ATROUS_FIELD_POSITIONS));
    draw_remedy(svg, made);
    for (int axis = 0; axis < rank; ++axis)
        if (made->info.jump[axis] > 1) {
            svg_line(svg, "label", "Neighbouring outputs stand %s inputs apart.",
                     svg_axes(made->info.jump, rank, size, sizeof size));
            break;
        }
    svg_line(svg, "label dim",
             "%s weights, %s multiply-adds per output; one dense kernel that reaches as far: %s.",
             atrous_field_total_text(made->field, ATROUS_FIELD_PARAMETERS),
             atrous_field_total_text(made->field, ATROUS_FIELD_MACS),
             atrous_field_total_text(made->field, ATROUS_FIELD_DENSE_MACS));
}

static bool draw(struct svg *svg, const struct cli_stack *made, bool animate)
{
    svg_draw_header(svg, made, animate);
    if (animate) {
        svg_draw_walk(svg, made);
        return true;
    }
    svg_draw_taps(svg, made);
    if (made->stack.rank == 1 && !svg_draw_tree(svg, made))
        return false;
    if (!svg_draw_coverage(svg, made) || !svg_draw_use(svg, made))
        return false;
    svg_draw_growth(svg, made);
    return true;
}

int cli_svg_write(const struct cli_stack *made, const char *path, bool animate,
                  struct cli_failure *failure)
{
    char title[160], *body = NULL;
    size_t size = 0;
    struct cli_file file;
    struct svg svg = {0};
    int code = svg_check(made, animate, failure);
    if (code != CLI_DONE)
        return code;
    svg.body = open_memstream(&body, &size);
    const bool drawn = svg.body != NULL && draw(&svg, made, animate);
    const bool kept = svg.body != NULL && fclose(svg.body) == 0;
    svg.body = NULL;
    if (!drawn || !kept)
        code = cli_fail(failure, CLI_USAGE, "--svg: out of memory");
    if (code == CLI_DONE)
        code = cli_file_create(&file, path, failure);
    if (code == CLI_DONE) {
        title_text(made, title, sizeof title);
        svg_print(file.stream, &svg, body, title);
        code = cli_file_commit(&file, failure);
    }
    free(body);
    return code;
}
