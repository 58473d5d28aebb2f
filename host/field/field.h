/* A computed receptive field, as the files of this room build it. No OpenCL. */
#ifndef ATROUS_FIELD_INTERNAL_H
#define ATROUS_FIELD_INTERNAL_H

#include <atrous/field.h>

#include "base/base.h"

enum {
    ATROUS__FIELD_LAYERS_MAX = 1024,
    /* Longest count of an axis, in base-10^9 digits. */
    ATROUS__FIELD_DIGITS_MAX = 64,
    ATROUS__FIELD_TOTALS = ATROUS_FIELD_HOLES + 1
};

/* One layer on one axis, and the field after it. */
struct atrous__step {
    size_t kernel, stride, dilation, pad_begin, pad_end;
    size_t spacing; /* inputs from one of its positions to the next: the jump before it */
    size_t size, jump;
    ptrdiff_t start;
    size_t input, output; /* extents, 0: not known */
};

struct atrous__line {
    size_t digits;      /* of each count */
    uint32_t *coverage; /* [size][digits], NULL: too large to walk */
    size_t reached;     /* positions that a path reaches, 0: not known */
    bool complete;      /* all of them */
    size_t *use;        /* [input], NULL: not known */
    size_t strided_jump;
};

struct atrous_field {
    int rank;
    size_t layer_count;
    size_t in_channels;
    size_t *channels;          /* [layer_count] */
    struct atrous__step *step; /* [rank][layer_count] */
    struct atrous__line line[ATROUS_MAX_RANK];
    char *total[ATROUS__FIELD_TOTALS]; /* NULL: not known */
};

/* The layers of one axis, first to last. */
struct atrous__step *atrous__field_steps(const atrous_field *field, int axis);
const struct atrous__step *atrous__field_last(const atrous_field *field, int axis);

/* Everything of the stack but the layers themselves. */
atrous_status atrous__field_check(const atrous_field_stack *stack, atrous_error *error);

/* Checks the layers and copies it into field->step and ->channels, which have room. */
atrous_status atrous__field_read(atrous_field *field, const atrous_field_stack *stack,
                                 atrous_error *error);

/* Fill the axis's line. False: out of memory. */
bool atrous__field_cover(atrous_field *field, int axis);
bool atrous__field_count_use(atrous_field *field, int axis);

/* Whether a path reaches every position, without walking them. False: out of memory; the answer
 * is line->complete. */
bool atrous__field_judge(atrous_field *field, int axis);

/* Fills field->total and the lines' strided_jump. False: out of memory. */
bool atrous__field_count_totals(atrous_field *field);

/* Searches one axis; dilation[layer] is changed only where a remedy is found. */
atrous_status atrous__field_search(const struct atrous__step *steps, size_t count,
                                   atrous_remedy *remedy, size_t *dilation, atrous_error *error);

#endif
