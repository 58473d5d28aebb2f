/* Dilations without holes for all axes of a stack. */
#include <stdlib.h>
#include <string.h>

#include "field/field.h"

/* Searches an axis that has holes and writes what was found into dilation[layer][axis]. */
static atrous_status remedy_axis(const atrous_field *field, int axis, atrous_remedy *remedy,
                                 size_t *dilation, atrous_error *error)
{
    size_t *found = calloc(field->layer_count, sizeof *found); /* 0: keeps its own */
    if (found == NULL)
        return atrous__fail(error, ATROUS_OUT_OF_HOST_MEMORY, "", "the search for a remedy");
    const atrous_status status = atrous__field_search(atrous__field_steps(field, axis),
                                                      field->layer_count, remedy, found, error);
    for (size_t i = 0; i < field->layer_count; ++i)
        if (found[i] > 0)
            dilation[i * (size_t)field->rank + (size_t)axis] = found[i];
    free(found);
    return status;
}

/* The stack's own dilations. */
static void copy_own(const atrous_field *field, size_t *dilation)
{
    const size_t rank = (size_t)field->rank;
    for (size_t i = 0; i < field->layer_count; ++i)
        for (size_t axis = 0; axis < rank; ++axis)
            dilation[i * rank + axis] = atrous__field_steps(field, (int)axis)[i].dilation;
}

atrous_status atrous_field_remedy(const atrous_field *field, atrous_remedy *remedy,
                                  size_t *dilation, size_t count, atrous_error *error)
{
    atrous__clear(error);
    if (field == NULL || remedy == NULL || dilation == NULL)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT,
                            field == NULL    ? "field"
                            : remedy == NULL ? "remedy"
                                             : "dilation",
                            "is NULL");
    *remedy = ATROUS_REMEDY_NOT_NEEDED;
    const size_t needed = field->layer_count * (size_t)field->rank;
    if (count < needed)
        return atrous__fail(error, ATROUS_INVALID_ARGUMENT, "count", "is %zu, must be at least %zu",
                            count, needed);

    /* One axis that cannot be helped leaves holes whatever the others do. */
    copy_own(field, dilation);
    atrous_remedy all = ATROUS_REMEDY_NOT_NEEDED;
    atrous_status status = ATROUS_OK;
    for (int axis = 0; axis < field->rank && all != ATROUS_REMEDY_NONE; ++axis) {
        atrous_remedy one = ATROUS_REMEDY_NOT_NEEDED;
        if (field->line[axis].complete)
            continue;
        status = remedy_axis(field, axis, &one, dilation, error);
        if (status != ATROUS_OK)
            break;
        if (all != ATROUS_REMEDY_UNKNOWN || one == ATROUS_REMEDY_NONE)
            all = one;
    }
    if (status != ATROUS_OK || all != ATROUS_REMEDY_FOUND)
        copy_own(field, dilation);
    if (status == ATROUS_OK)
        *remedy = all;
    return status;
}
