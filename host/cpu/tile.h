/* One tile of the CPU path: copy what it reads, sum, store. Each thread has its own. */
#ifndef ATROUS_CPU_TILE_H
#define ATROUS_CPU_TILE_H

#include "cpu/blocking.h"

/* Markers in place of an input position. */
#define ATROUS__ROW_PADDING ((ptrdiff_t)-1) /* the whole row reads the padding's value */
#define ATROUS__ROW_UNUSED ((ptrdiff_t)-2)  /* no live tap meets it: not copied */
#define ATROUS__SCATTERED ((ptrdiff_t)-1)   /* columns come from where column_source says */

/* Floats to .. to+count-1 of a slot (of its planes) come from input columns from, from + stride,
 * ...; scattered ones that all read the padding's value are filled once a place, for all channels
 * to come, others come from column_source + source. */
struct atrous__span {
    size_t to, source, count;
    ptrdiff_t from;
};

/* Where the outputs of some filters go: position p of an axis of the view lies (p - skip) * pitch
 * elements behind `first`, and positions other than skip .. skip+count-1 nowhere. */
struct atrous__landing {
    size_t first;
    struct {
        size_t skip, count, pitch;
    } axis[ATROUS__AXES];
};

/* What all tiles of a call share. */
struct atrous__work {
    const atrous_arrays *arrays; /* input, output and what the epilogue reads, as they are stored */
    atrous_type type;            /* of those */
    const float *packed;         /* from atrous__pack_weights() */
    const struct atrous__problem *epilogue; /* what follows the sums, or NULL */
    /* A group's filters are those of the first landing, of the second, ...: `filters` each, which
     * are the same channels of the output. */
    const struct atrous__landing *landings;
    size_t filters;
    struct atrous__strides out; /* of the output */
};

struct atrous__tile {
    const struct atrous__blocking *blocking;
    void *memory;

    /* Where the tile stands; set by atrous__tile_place(). */
    size_t place; /* its number, or SIZE_MAX before the first */
    size_t depth;
    struct atrous__range columns, rows;
    size_t pitch;     /* floats from slot to slot, */
    size_t tap_pitch; /* from column tap to column tap, */
    size_t depth_pitch;

    ptrdiff_t *row_source; /* [depths * slots]: pixel a copied row begins at, or a marker */
    ptrdiff_t
        *column_source; /* [planes][pitch]: column a copied column comes from, or -1: padding */
    struct atrous__span *spans;
    size_t span_count;
    struct atrous__step *steps;
    size_t live_taps;  /* taps that meet input; steps are channels * live_taps */
    size_t channels;   /* copied at a time */
    size_t row_pitch;  /* floats from one row's sums to the next's */
    size_t *vector_at; /* [vectors]: where the pixels of a vector of sums begin in the copy */
    size_t vectors;

    float *copy;     /* [channels][channel_pitch] */
    float *sums;     /* [filters][sums_pitch] */
    int32_t *totals; /* the same, of what was summed before: where sums are whole */
};

/* Allocates a tile for `blocking`, which must outlive it. */
atrous_status atrous__tile_make(struct atrous__tile *tile, const struct atrous__blocking *blocking,
                                atrous_error *error);

void atrous__tile_free(struct atrous__tile *tile);

/* Number of places a tile can stand at: (depth, rows, columns). */
size_t atrous__tile_places(const struct atrous__blocking *blocking);

/* Moves the tile to a place; cheap when it is there already. */
void atrous__tile_place(struct atrous__tile *tile, size_t place);

/* Copies one channel, whose first pixel is element `plane` of the input, to `to`. */
void atrous__tile_copy(const struct atrous__tile *tile, const struct atrous__work *work,
                       size_t plane, float *to);

/* Computes filters first .. first+count-1 of a group (first: a multiple of micro->filters) of one
 * batch at the tile's place. */
void atrous__tile_run(struct atrous__tile *tile, const struct atrous__work *work, size_t batch,
                      size_t group, size_t first, size_t count);

#endif
