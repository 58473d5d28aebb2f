/* Weights, multiply-adds, positions: sums of long products, exact. */
#include <stdlib.h>
#include <string.h>

#include "field/big.h"
#include "field/field.h"

/* 1024 layers' sum of products of eight 64-bit numbers (taps on three axes, two channel counts,
 * jumps on three axes) stays below 10^158. */
enum { DIGITS = 20 };

struct total {
    uint32_t digit[DIGITS];
};

static struct total total_of(uint64_t value)
{
    struct total total;
    atrous__big_word(total.digit, DIGITS, value);
    return total;
}

static void scale(struct total *total, uint64_t factor)
{
    uint32_t word[ATROUS__BIG_WORD], product[DIGITS + ATROUS__BIG_WORD];
    atrous__big_word(word, ATROUS__BIG_WORD, factor);
    atrous__big_multiply(product, total->digit, DIGITS, word, ATROUS__BIG_WORD);
    memcpy(total->digit, product, sizeof total->digit);
}

static bool publish(atrous_field *field, atrous_field_total which, const struct total *total)
{
    const size_t size = atrous__big_text(total->digit, DIGITS, NULL, 0) + 1;
    field->total[which] = malloc(size);
    if (field->total[which] == NULL)
        return false;
    atrous__big_text(total->digit, DIGITS, field->total[which], size);
    return true;
}

/* Weights of all layers; and each layer's times the strides after it. */
static void count_layers(const atrous_field *field, struct total *parameters, struct total *macs)
{
    *parameters = *macs = total_of(0);
    for (size_t i = 0; i < field->layer_count; ++i) {
        struct total weights = total_of(field->channels[i]);
        scale(&weights, i > 0 ? field->channels[i - 1] : field->in_channels);
        for (int axis = 0; axis < field->rank; ++axis)
            scale(&weights, atrous__field_steps(field, axis)[i].kernel);
        atrous__big_add(parameters->digit, weights.digit, DIGITS);
        for (int axis = 0; axis < field->rank; ++axis)
            scale(&weights,
                  atrous__field_last(field, axis)->jump / atrous__field_steps(field, axis)[i].jump);
        atrous__big_add(macs->digit, weights.digit, DIGITS);
    }
}

/* The smallest first stride at which the undilated kernels see `size` positions; 0: none. */
static size_t strided_jump(const struct atrous__step *steps, size_t count)
{
    const size_t size = steps[count - 1].size;
    size_t later = 0; /* no more than size - 1, which fits */
    for (size_t i = 1; i < count; ++i)
        later += steps[i].kernel - 1;
    if (size <= steps[0].kernel)
        return 1;
    return later == 0 ? 0 : atrous__ceil_div(size - steps[0].kernel, later);
}

bool atrous__field_count_totals(atrous_field *field)
{
    struct total parameters, macs;
    struct total positions = total_of(1), reached = total_of(1);
    struct total dense = total_of(field->in_channels);
    bool known = true;

    count_layers(field, &parameters, &macs);
    scale(&dense, field->channels[field->layer_count - 1]);
    for (int axis = 0; axis < field->rank; ++axis) {
        struct atrous__line *line = &field->line[axis];
        const size_t size = atrous__field_last(field, axis)->size;
        scale(&dense, size);
        scale(&positions, size);
        scale(&reached, line->reached);
        known = known && line->reached > 0;
        line->strided_jump = strided_jump(atrous__field_steps(field, axis), field->layer_count);
    }
    struct total holes = positions;
    atrous__big_subtract(holes.digit, reached.digit, DIGITS);
    return publish(field, ATROUS_FIELD_PARAMETERS, &parameters) &&
           publish(field, ATROUS_FIELD_MACS, &macs) &&
           publish(field, ATROUS_FIELD_DENSE_MACS, &dense) &&
           publish(field, ATROUS_FIELD_POSITIONS, &positions) &&
           (!known || publish(field, ATROUS_FIELD_HOLES, &holes));
}
