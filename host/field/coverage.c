/* Paths from each position of the field to one output, one axis at a time. */
#include <stdlib.h>
#include <string.h>

#include <math.h>

#include "field/big.h"
#include "field/field.h"

/* Where walking stops: positions of an axis, digits in memory, digit sums. */
#define POSITIONS_MAX ((size_t)1 << 22)
#define STORED_MAX ((size_t)1 << 24)
#define WORK_MAX ((size_t)1 << 27)

/* Digits that hold every count of the axis: none exceeds the product of the kernels. */
static size_t digits_of(const struct atrous__step *steps, size_t count)
{
    double decimals = 0;
    for (size_t i = 0; i < count; ++i)
        decimals += log10((double)steps[i].kernel);
    return decimals > 9.0 * ATROUS__FIELD_DIGITS_MAX ? SIZE_MAX : (size_t)(decimals / 9) + 1;
}

static bool walkable(const struct atrous__step *steps, size_t count, size_t digits)
{
    size_t work = 0;
    if (digits > ATROUS__FIELD_DIGITS_MAX || steps[count - 1].size > POSITIONS_MAX ||
        steps[count - 1].size * digits > STORED_MAX)
        return false;
    for (size_t i = 0; i < count; ++i)
        work += steps[i].size * digits;
    return work <= WORK_MAX;
}

/* to[i] = sum over taps t of from[i - t*reach], as a sum that slides: the counts of the field
 * after a layer from those before it. */
static void slide(uint32_t *to, const uint32_t *from, size_t from_size,
                  const struct atrous__step *step, size_t digits)
{
    const size_t bytes = digits * sizeof *to;
    const size_t reach = step->dilation * step->spacing;
    const size_t window = step->kernel * reach; /* at most twice the size */
    for (size_t i = 0; i < step->size; ++i) {
        uint32_t *sum = to + i * digits;
        if (i >= reach)
            memcpy(sum, sum - reach * digits, bytes);
        else
            memset(sum, 0, bytes);
        if (i < from_size)
            atrous__big_add(sum, from + i * digits, digits);
        if (i >= window && i - window < from_size)
            atrous__big_subtract(sum, from + (i - window) * digits, digits);
    }
}

bool atrous__field_cover(atrous_field *field, int axis)
{
    struct atrous__line *line = &field->line[axis];
    const struct atrous__step *steps = atrous__field_steps(field, axis);
    const size_t size = steps[field->layer_count - 1].size;

    line->digits = digits_of(steps, field->layer_count);
    if (!walkable(steps, field->layer_count, line->digits)) {
        line->reached = line->complete ? size : 0;
        return true;
    }
    uint32_t *from = calloc(size * line->digits, sizeof *from);
    uint32_t *to = calloc(size * line->digits, sizeof *to);
    if (from == NULL || to == NULL) {
        free(from);
        free(to);
        return false;
    }
    from[0] = 1;
    size_t from_size = 1;
    for (size_t i = 0; i < field->layer_count; ++i) {
        if (steps[i].kernel == 1)
            continue;
        slide(to, from, from_size, &steps[i], line->digits);
        from_size = steps[i].size;
        uint32_t *const swap = from;
        from = to;
        to = swap;
    }
    free(to);
    line->coverage = from;
    line->reached = 0;
    for (size_t i = 0; i < size; ++i)
        line->reached += !atrous__big_is_zero(from + i * line->digits, line->digits);
    line->complete = line->reached == size;
    return true;
}

static int by_length(const void *a, const void *b)
{
    const struct atrous__step *x = a, *y = b;
    const size_t length_x = x->dilation * x->spacing, length_y = y->dilation * y->spacing;
    return length_x < length_y ? -1 : length_x > length_y;
}

bool atrous__field_judge(atrous_field *field, int axis)
{
    const size_t bytes = field->layer_count * sizeof(struct atrous__step);
    struct atrous__step *sorted = malloc(bytes);
    if (sorted == NULL)
        return false;
    /* Steps that reach anywhere come first; those of a single tap do not move. */
    size_t count = 0;
    for (size_t i = 0; i < field->layer_count; ++i)
        if (atrous__field_steps(field, axis)[i].kernel > 1)
            sorted[count++] = atrous__field_steps(field, axis)[i];
    qsort(sorted, count, sizeof *sorted, by_length);

    size_t reached = 1;
    bool complete = true;
    for (size_t i = 0; i < count && complete; ++i) {
        const size_t length = sorted[i].dilation * sorted[i].spacing;
        complete = length <= reached;
        reached += (sorted[i].kernel - 1) * length;
    }
    free(sorted);
    field->line[axis].complete = complete;
    return true;
}
