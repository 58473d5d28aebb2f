/* The field of a stack as JSON. */
#include <stdlib.h>
#include <string.h>

#include "field_report.h"
#include "report.h"

enum { COVERAGE_MAX = 1 << 20 };

/* A count in decimal digits: a number where every reader keeps it exact, else a string. */
static cJSON *count_item(const char *digits)
{
    if (digits == NULL)
        return cJSON_CreateNull();
    const size_t length = strlen(digits);
    if (length < 16 || (length == 16 && strtoull(digits, NULL, 10) <= (1ULL << 53)))
        return cJSON_CreateNumber(strtod(digits, NULL));
    return cJSON_CreateString(digits);
}

static void add_total(cJSON *object, const char *name, const struct cli_stack *made,
                      atrous_field_total total)
{
    cJSON_AddItemToObject(object, name, count_item(atrous_field_total_text(made->field, total)));
}

/* Axes from `axis` on, with the positions before it given. */
static cJSON *coverage_item(const struct cli_stack *made, int axis, size_t *position)
{
    char digits[1024]; /* more than three axes' longest counts multiplied would need 1728 */
    if (axis == made->stack.rank || axis == ATROUS_MAX_RANK) {
        const size_t length = atrous_field_coverage(made->field, position, digits, sizeof digits);
        if (length < sizeof digits)
            return count_item(digits);
        char *longer = malloc(length + 1);
        if (longer == NULL)
            return NULL;
        atrous_field_coverage(made->field, position, longer, length + 1);
        cJSON *item = count_item(longer);
        free(longer);
        return item;
    }
    cJSON *list = cJSON_CreateArray();
    for (position[axis] = 0; position[axis] < made->info.size[axis]; ++position[axis])
        cJSON_AddItemToArray(list, coverage_item(made, axis + 1, position));
    return list;
}

static cJSON *coverage(const struct cli_stack *made)
{
    size_t position[ATROUS_MAX_RANK] = {0}, entries = 1;
    for (int axis = 0; axis < made->stack.rank; ++axis)
        if (!cli_multiply(&entries, made->info.size[axis]) || entries > COVERAGE_MAX)
            return cJSON_CreateNull();
    /* Fields of few positions may still have counts too long to keep. */
    if (atrous_field_coverage(made->field, position, NULL, 0) == 0)
        return cJSON_CreateNull();
    return coverage_item(made, 0, position);
}

static cJSON *sizes_item(const size_t *values, int count)
{
    cJSON *holder = cJSON_CreateObject();
    cli_json_add_sizes(holder, "list", values, count);
    cJSON *list = cJSON_DetachItemFromObject(holder, "list");
    cJSON_Delete(holder);
    return list;
}

/* One number a layer; a list of the axes' numbers for every layer where any layer's differ. */
static cJSON *remedy_item(const struct cli_stack *made, const size_t *dilation)
{
    const size_t rank = (size_t)made->stack.rank, count = made->stack.layer_count;
    bool alike = true;
    for (size_t i = 0; i < count * rank; ++i)
        alike = alike && dilation[i] == dilation[i - i % rank];
    cJSON *list = cJSON_CreateArray();
    for (size_t i = 0; i < count; ++i) {
        cJSON *axes = sizes_item(dilation + i * rank, (int)rank);
        cJSON_AddItemToArray(list, alike ? cJSON_DetachItemFromArray(axes, 0) : axes);
        if (alike)
            cJSON_Delete(axes);
    }
    return list;
}

int cli_field_json(const struct cli_stack *made, struct cli_failure *failure)
{
    const int rank = made->stack.rank;
    size_t *dilation = NULL;
    atrous_remedy remedy;
    const int code = cli_field_remedy(made, &remedy, &dilation, failure);
    if (code != CLI_DONE)
        return code;

    cJSON *object = cJSON_CreateObject();
    cli_json_add_sizes(object, "size", made->info.size, rank);
    cli_json_add_sizes(object, "jump", made->info.jump, rank);
    cJSON *start = cJSON_AddArrayToObject(object, "start");
    for (int axis = 0; axis < rank; ++axis)
        cJSON_AddItemToArray(start, cJSON_CreateNumber((double)made->info.start[axis]));
    add_total(object, "holes", made, ATROUS_FIELD_HOLES);
    add_total(object, "macs", made, ATROUS_FIELD_MACS);
    add_total(object, "parameters", made, ATROUS_FIELD_PARAMETERS);
    add_total(object, "dense_macs", made, ATROUS_FIELD_DENSE_MACS);
    cJSON_AddItemToObject(object, "remedy",
                          remedy == ATROUS_REMEDY_FOUND ? remedy_item(made, dilation)
                                                        : cJSON_CreateNull());
    cJSON_AddItemToObject(object, "coverage", coverage(made));
    free(dilation);
    return cli_json_print(object, failure);
}
