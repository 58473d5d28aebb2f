/* Heat maps of the coverage after each layer, and of the use of an input. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "svg.h"

enum { CAPTION_HEIGHT = 36, CELL_MAX = 26, STRIP_HEIGHT = 22, PANEL_MAX = 440, NUMBERS_MAX = 620 };

/* The fields of the stack's beginnings: one layer, two layers, ... the whole. */
struct growth {
    size_t count;
    atrous_field **field;
    struct slice *slice;
};

/* What a heat map shows of a field: the plane through its middle on the first of three axes. */
struct slice {
    const atrous_field *field;
    struct svg_plane plane;
    size_t position[ATROUS_MAX_RANK];
};

static void slice_at(const struct slice *slice, size_t row, size_t column, size_t *position)
{
    memcpy(position, slice->position, sizeof slice->position);
    position[slice->plane.column_axis] = column;
    if (slice->plane.row_axis >= 0)
        position[slice->plane.row_axis] = row;
}

static double coverage_log2(const void *data, size_t row, size_t column)
{
    size_t position[ATROUS_MAX_RANK];
    slice_at(data, row, column, position);
    return atrous_field_coverage_log2(((const struct slice *)data)->field, position);
}

static size_t coverage_text(const void *data, size_t row, size_t column, char *text, size_t size)
{
    size_t position[ATROUS_MAX_RANK];
    slice_at(data, row, column, position);
    return atrous_field_coverage(((const struct slice *)data)->field, position, text, size);
}

/* The position of the first axis with most paths, the one nearest the middle. */
static size_t best_plane(const atrous_field *field, size_t size)
{
    size_t best = size / 2;
    double most = -1;
    for (size_t i = 0; i < size; ++i) {
        const size_t from_middle = (i + 1) / 2, middle = (size - 1) / 2;
        const size_t at = i % 2 == 0 ? middle - from_middle : middle + from_middle;
        const size_t position[ATROUS_MAX_RANK] = {at};
        const double count = atrous_field_coverage_log2(field, position);
        if (count > most + 1e-9) {
            most = count;
            best = at;
        }
    }
    return best;
}

static void free_growth(struct growth *growth)
{
    for (size_t i = 0; growth->field != NULL && i < growth->count; ++i)
        atrous_field_destroy(growth->field[i]);
    free(growth->field);
    free(growth->slice);
}

static bool make_growth(struct growth *growth, const struct cli_stack *made)
{
    growth->count = made->stack.layer_count;
    growth->field = calloc(growth->count, sizeof *growth->field);
    growth->slice = calloc(growth->count, sizeof *growth->slice);
    if (growth->field == NULL || growth->slice == NULL)
        return false;
    for (size_t i = 0; i < growth->count; ++i) {
        atrous_field_stack part = made->stack;
        part.layer_count = i + 1;
        if (atrous_field_create(&part, &growth->field[i], NULL) != ATROUS_OK)
            return false;
        struct slice *slice = &growth->slice[i];
        slice->field = growth->field[i];
        slice->plane = svg_plane_of(made);
        if (made->stack.rank == 3)
            slice->position[0] = best_plane(slice->field, cli_stack_info(made, i).size[0]);
    }
    return true;
}

static struct svg_heat heat_of(const struct cli_stack *made, const struct growth *growth,
                               size_t layer)
{
    const atrous_field_info info = cli_stack_info(made, layer);
    const struct slice *slice = &growth->slice[layer];
    return (struct svg_heat){.rows = svg_rows(&slice->plane, info.size),
                             .columns = svg_columns(&slice->plane, info.size),
                             .data = slice,
                             .log2_at = coverage_log2,
                             .text_at = coverage_text};
}

/* One cell for all panels: it lets them share a row where numbers still fit, else it is the least
 * that numbers fit, else, where that would make the largest panel huge, they are left out. */
static double choose_cell(const struct cli_stack *made, size_t digits)
{
    const int axis = svg_plane_of(made).column_axis;
    size_t sum = 0;
    for (size_t i = 0; i < made->stack.layer_count; ++i)
        sum += cli_stack_info(made, i).size[axis];
    const double legible = svg_heat_cell(digits);
    double cell = (SVG_CONTENT - 28.0 * (double)made->stack.layer_count) / (double)sum;
    const double most = (double)made->info.size[axis];
    if (cell < legible && legible * most <= (axis == 0 ? SVG_CONTENT : NUMBERS_MAX))
        cell = legible;
    else if (cell < legible)
        cell = fmax(cell, (axis == 0 ? SVG_CONTENT : PANEL_MAX) / most);
    cell = fmin(fmin(cell, fmax(CELL_MAX, legible)), SVG_CONTENT / most);
    return cell > 6 ? floor(cell) : cell;
}

static bool draw_panels(struct svg *svg, const struct cli_stack *made, const struct growth *growth,
                        const struct svg_heat_scale *scale)
{
    const double cell = choose_cell(made, scale->digits);
    const bool strip = made->stack.rank == 1;
    struct svg_flow flow = {.svg = svg};
    bool drawn = true;
    for (size_t i = 0; i < growth->count && drawn; ++i) {
        const struct svg_heat heat = heat_of(made, growth, i);
        const atrous_field_info info = cli_stack_info(made, i);
        const char *holes = atrous_field_total_text(growth->field[i], ATROUS_FIELD_HOLES);
        const double cell_height = strip ? STRIP_HEIGHT : cell;
        char size[80], note[200], title[80];
        snprintf(title, sizeof title, "after layer %zu: %.40s", i + 1, made->words[i]);
        svg_axes(info.size, made->stack.rank, size, sizeof size);
        if (made->stack.rank == 3)
            snprintf(note, sizeof note, "%s, plane %zu, %s holes", size,
                     growth->slice[i].position[0], holes);
        else
            snprintf(note, sizeof note, "%s, %s holes", size,
                     strcmp(holes, "0") == 0 ? "no" : holes);
        const double x =
            svg_flow_place(&flow,
                           fmax((double)heat.columns * cell,
                                fmax(svg_text_width(title, 12), svg_text_width(note, 11))),
                           (double)heat.rows * cell_height + CAPTION_HEIGHT);
        svg_text(svg, x, svg->y + 12, "label", "%s", title);
        svg_text(svg, x, svg->y + 27, "note dim", "%s", note);
        drawn = svg_heat_draw(svg, &heat, scale, x, svg->y + CAPTION_HEIGHT, cell, cell_height);
    }
    svg_flow_end(&flow);
    return drawn;
}

bool svg_draw_coverage(struct svg *svg, const struct cli_stack *made)
{
    struct growth growth = {0};
    struct svg_heat_scale scale = SVG_HEAT_SCALE;
    bool drawn = make_growth(&growth, made);
    if (drawn) {
        for (size_t i = 0; i < growth.count; ++i) {
            const struct svg_heat heat = heat_of(made, &growth, i);
            svg_heat_measure(&heat, &scale);
        }
        svg_section(svg, "Coverage",
                    "How many paths join each input of the field to one output, after each layer.");
        drawn = draw_panels(svg, made, &growth, &scale);
        svg_heat_legend(svg, &scale, "paths", "hole: no path");
    }
    free_growth(&growth);
    return drawn;
}

/* The use map: the axes' uses multiplied. */
struct use {
    const size_t *row, *column;
};

static double use_count(const struct use *use, size_t row, size_t column)
{
    return (use->row == NULL ? 1.0 : (double)use->row[row]) * (double)use->column[column];
}

static double use_log2(const void *data, size_t row, size_t column)
{
    return log2(use_count(data, row, column));
}

static size_t use_text(const void *data, size_t row, size_t column, char *text, size_t size)
{
    return (size_t)snprintf(text, size, "%.0f", use_count(data, row, column));
}

bool svg_draw_use(struct svg *svg, const struct cli_stack *made)
{
    const struct svg_plane plane = svg_plane_of(made);
    const struct use use = {plane.row_axis < 0 ? NULL
                                               : atrous_field_use(made->field, plane.row_axis),
                            atrous_field_use(made->field, plane.column_axis)};
    const size_t columns = svg_columns(&plane, made->stack.input);
    const size_t rows = svg_rows(&plane, made->stack.input);
    if (use.column == NULL || (plane.row_axis >= 0 && use.row == NULL) || made->stack.rank == 3 ||
        columns > SVG_CONTENT || rows > SVG_CONTENT || (rows > 256 && plane.row_axis >= 0))
        return true;

    const struct svg_heat heat = {rows, columns, &use, use_log2, use_text};
    struct svg_heat_scale scale = SVG_HEAT_SCALE;
    char shape[80], text[160];
    svg_heat_measure(&heat, &scale);
    double cell =
        fmin(fmax(CELL_MAX, svg_heat_cell(scale.digits)), (double)SVG_CONTENT / (double)columns);
    if (cell > 6)
        cell = floor(cell);
    snprintf(text, sizeof text,
             "In how many outputs each position of an input of %s takes part, borders included.",
             svg_axes(made->stack.input, made->stack.rank, shape, sizeof shape));
    svg_section(svg, "Use of the input", text);
    const double cell_height = plane.row_axis < 0 ? STRIP_HEIGHT : cell;
    const bool drawn = svg_heat_draw(svg, &heat, &scale, SVG_MARGIN, svg->y, cell, cell_height);
    svg->y += (double)rows * cell_height + 14;
    svg_heat_legend(svg, &scale, "outputs", "not used");
    return drawn;
}
