/* The field of a stack in words and a table. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "field_report.h"

enum { ROW_MAX = 33, COLUMNS = 7, CELL = 96 };

int cli_field_remedy(const struct cli_stack *made, atrous_remedy *remedy, size_t **dilation,
                     struct cli_failure *failure)
{
    const size_t count = made->stack.layer_count * (size_t)made->stack.rank;
    atrous_error error;
    *dilation = calloc(count, sizeof **dilation);
    if (*dilation == NULL)
        return cli_fail_memory(failure, "remedy", count * sizeof **dilation);
    const int code = cli_fail_status(
        failure, atrous_field_remedy(made->field, remedy, *dilation, count, &error), &error);
    if (code != CLI_DONE) {
        free(*dilation);
        *dilation = NULL;
    }
    return code;
}

static void starts_text(const ptrdiff_t *start, int rank, char *text, size_t size)
{
    size_t used = 0;
    for (int axis = 0; axis < rank && used < size; ++axis)
        used +=
            (size_t)snprintf(text + used, size - used, "%s%td", axis > 0 ? "," : "", start[axis]);
}

/* One layer's cells of the table. */
static void fill_row(const struct cli_stack *made, size_t layer, char row[COLUMNS][CELL])
{
    const int rank = made->stack.rank;
    const atrous_field_info info = cli_stack_info(made, layer);
    const size_t before = layer > 0 ? made->layers[layer - 1].channels : made->stack.in_channels;
    char begin[CELL / 2], end[CELL / 2];

    snprintf(row[0], CELL, "%.32s", made->words[layer]);
    snprintf(row[1], CELL, "%zu to %zu", before, made->layers[layer].channels);
    cli_axes_short(info.pad_begin, rank, begin, sizeof begin);
    cli_axes_short(info.pad_end, rank, end, sizeof end);
    snprintf(row[2], CELL, strcmp(begin, end) == 0 ? "%s" : "%s+%s", begin, end);
    cli_axes_text(info.size, rank, row[3], CELL);
    cli_axes_short(info.jump, rank, row[4], CELL);
    starts_text(info.start, rank, row[5], CELL);
    if (made->stack.input[0] > 0)
        cli_axes_text(info.output, rank, row[6], CELL);
    else
        snprintf(row[6], CELL, "-");
}

static void print_table(const struct cli_stack *made)
{
    static const char *const titles[COLUMNS] = {"layer", "channels", "padding", "field",
                                                "jump",  "start",    "output"};
    int width[COLUMNS];
    char row[COLUMNS][CELL];
    for (int column = 0; column < COLUMNS; ++column)
        width[column] = (int)strlen(titles[column]);
    for (size_t i = 0; i < made->stack.layer_count; ++i) {
        fill_row(made, i, row);
        for (int column = 0; column < COLUMNS; ++column)
            if ((int)strlen(row[column]) > width[column])
                width[column] = (int)strlen(row[column]);
    }
    for (int column = 0; column < COLUMNS - 1; ++column)
        printf("%-*s  ", width[column], titles[column]);
    printf("%s\n", titles[COLUMNS - 1]);
    for (size_t i = 0; i < made->stack.layer_count; ++i) {
        fill_row(made, i, row);
        for (int column = 0; column < COLUMNS - 1; ++column)
            printf("%-*s  ", width[column], row[column]);
        printf("%s\n", row[COLUMNS - 1]);
    }
}

/* Whether two axes have the same layers. */
static bool same_axis(const struct cli_stack *made, int a, int b)
{
    for (size_t i = 0; i < made->stack.layer_count; ++i) {
        const atrous_field_layer *layer = &made->layers[i];
        if (layer->kernel[a] != layer->kernel[b] || layer->dilation[a] != layer->dilation[b] ||
            layer->stride[a] != layer->stride[b])
            return false;
    }
    return true;
}

static bool all_axes_alike(const struct cli_stack *made)
{
    for (int axis = 1; axis < made->stack.rank; ++axis)
        if (!same_axis(made, 0, axis))
            return false;
    return true;
}

/* The axis's own counts: those through a position of the field where the other axes count 1, as
 * the corner does. */
static void print_coverage(const struct cli_stack *made)
{
    const bool alike = all_axes_alike(made);
    char digits[CLI_COUNT_TEXT];
    for (int axis = 0; axis < (alike ? 1 : made->stack.rank); ++axis) {
        size_t position[ATROUS_MAX_RANK] = {0};
        if (made->info.size[axis] > ROW_MAX)
            continue;
        printf("coverage    ");
        for (; position[axis] < made->info.size[axis]; ++position[axis])
            if (atrous_field_coverage(made->field, position, digits, sizeof digits) > 0)
                printf(" %s", digits);
        if (made->stack.rank > 1 && alike)
            printf("  on each axis; a position's paths are the product");
        else if (made->stack.rank > 1)
            printf("  on axis %d; a position's paths are the product", axis);
        printf("\n");
    }
}

static void print_holes(const struct cli_stack *made)
{
    const char *holes = atrous_field_total_text(made->field, ATROUS_FIELD_HOLES);
    const char *positions = atrous_field_total_text(made->field, ATROUS_FIELD_POSITIONS);
    if (!atrous_field_has_holes(made->field))
        printf("holes        none: all %s positions are reached\n", positions);
    else if (holes != NULL)
        printf("holes        %s of %s positions are reached by no path\n", holes, positions);
    else
        printf("holes        some: the field of %s positions is too large to count them\n",
               positions);
}

/* The hybrid-dilated-convolution rule on one axis: M2 of dilations r, where M of the last layer is
 * its dilation and M[i] = max(M[i+1] - 2 r[i], 2 r[i] - M[i+1], r[i]). False where the rule says
 * nothing: strides, unequal kernels, one layer. */
static bool hybrid_rule(const struct cli_stack *made, int axis, long long *m2)
{
    const size_t count = made->stack.layer_count;
    const long long most = 1LL << 60;
    if (count < 2)
        return false;
    for (size_t i = 0; i < count; ++i)
        if (made->layers[i].stride[axis] != 1 || made->layers[i].dilation[axis] > (size_t)most ||
            made->layers[i].kernel[axis] != made->layers[0].kernel[axis])
            return false;
    *m2 = (long long)made->layers[count - 1].dilation[axis];
    for (size_t i = count - 1; i-- > 1;) {
        const long long r = (long long)made->layers[i].dilation[axis], next = *m2;
        *m2 = r;
        if (next - 2 * r > *m2)
            *m2 = next - 2 * r;
        if (2 * r - next > *m2)
            *m2 = 2 * r - next;
    }
    return true;
}

static void print_rule(const struct cli_stack *made)
{
    for (int axis = 0; axis < (all_axes_alike(made) ? 1 : made->stack.rank); ++axis) {
        long long m2;
        const size_t kernel = made->layers[0].kernel[axis];
        if (!hybrid_rule(made, axis, &m2))
            continue;
        const bool passes = (unsigned long long)m2 <= kernel;
        printf("rule         M2 = %lld, K = %zu: the hybrid-dilation rule M2 <= K would %s it;", m2,
               kernel, passes ? "pass" : "reject");
        printf(" the count decides\n");
    }
}

static void print_remedy(const struct cli_stack *made, atrous_remedy remedy, const size_t *dilation)
{
    char text[CELL];
    const int rank = made->stack.rank;
    if (remedy == ATROUS_REMEDY_NONE)
        printf("remedy       none: no dilations of these kernels and strides fill this field\n");
    else if (remedy == ATROUS_REMEDY_UNKNOWN)
        printf("remedy       not known: the search met its limit\n");
    else if (remedy == ATROUS_REMEDY_FOUND) {
        printf("remedy       dilations");
        for (size_t i = 0; i < made->stack.layer_count; ++i)
            printf("%s %s", i > 0 ? "," : "",
                   cli_axes_short(dilation + i * (size_t)rank, rank, text, sizeof text));
        printf(": the same field without holes\n");
    }
}

static void print_cost(const struct cli_stack *made)
{
    const char *macs = atrous_field_total_text(made->field, ATROUS_FIELD_MACS);
    const char *dense = atrous_field_total_text(made->field, ATROUS_FIELD_DENSE_MACS);
    char text[CELL];
    printf("MACs         %s per output position, %s weights\n", macs,
           atrous_field_total_text(made->field, ATROUS_FIELD_PARAMETERS));
    printf("dense        %s for one kernel of %s that reaches as far: %.3g times as many\n", dense,
           cli_axes_text(made->info.size, made->stack.rank, text, sizeof text),
           strtod(dense, NULL) / strtod(macs, NULL));
}

static void print_strided(const struct cli_stack *made)
{
    size_t jump[ATROUS_MAX_RANK];
    double lost = 1, own = 1;
    char text[CELL];
    for (int axis = 0; axis < made->stack.rank; ++axis) {
        jump[axis] = atrous_field_strided_jump(made->field, axis);
        lost *= (double)jump[axis];
        own *= (double)made->info.jump[axis];
    }
    if (lost > 0)
        printf("strided      undilated, these kernels reach as far at a stride of %s: one output "
               "for %.6g inputs, here for %.6g\n",
               cli_axes_text(jump, made->stack.rank, text, sizeof text), lost, own);
    else
        printf("strided      undilated, these kernels reach as far at no stride\n");
}

/* Least and most of the use map: products of the axes'. */
static void print_use(const struct cli_stack *made)
{
    double least = 1, most = 1;
    for (int axis = 0; axis < made->stack.rank; ++axis) {
        const size_t *use = atrous_field_use(made->field, axis);
        if (use == NULL)
            return;
        size_t low = use[0], high = use[0];
        for (size_t i = 1; i < made->stack.input[axis]; ++i) {
            low = use[i] < low ? use[i] : low;
            high = use[i] > high ? use[i] : high;
        }
        least *= (double)low;
        most *= (double)high;
    }
    printf("use          each input takes part in %.15g to %.15g outputs\n", least, most);
}

int cli_field_print(const struct cli_stack *made, struct cli_failure *failure)
{
    char size[CELL], jump[CELL], start[CELL];
    size_t *dilation = NULL;
    atrous_remedy remedy;
    const int rank = made->stack.rank;
    const int code = cli_field_remedy(made, &remedy, &dilation, failure);
    if (code != CLI_DONE)
        return code;

    print_table(made);
    printf("\n");
    starts_text(made->info.start, rank, start, sizeof start);
    printf("field        %s, jump %s, from input %s on\n",
           cli_axes_text(made->info.size, rank, size, sizeof size),
           cli_axes_text(made->info.jump, rank, jump, sizeof jump), start);
    print_coverage(made);
    print_holes(made);
    print_remedy(made, remedy, dilation);
    print_rule(made);
    print_cost(made);
    print_strided(made);
    print_use(made);
    free(dilation);
    return CLI_DONE;
}
