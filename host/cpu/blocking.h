/* How the CPU path cuts a problem into tiles of output rows and columns. */
#ifndef ATROUS_CPU_BLOCKING_H
#define ATROUS_CPU_BLOCKING_H

#include "cpu/micro.h"
#include "cpu/view.h"

/* Output rows first, first + row_step, ... of one tile. */
struct atrous__rows {
    size_t first, count;
};

/* A tile is `tile rows` x `tile_columns` outputs of one (batch, depth). What it reads of one
 * channel is copied into `depths * slots` rows of `pitch` floats, padding filled in:
 *
 *   output row i (of the tile) meets tap r in row  i * slot_step + r
 *   output column j meets tap s in column          j + s * tap_pitch
 *
 * Rows of a tile lie row_step apart, so that for stride 1 all of them are of one phase of the
 * dilation and neighbours share input rows: slot_step is 1 whatever the dilation is. */
struct atrous__blocking {
    struct atrous__view view;
    const struct atrous__micro *micro;

    struct atrous__rows *row_tiles;
    size_t row_tile_count, most_rows;
    size_t row_step, slot_step, slots;

    size_t column_tiles, tile_columns;
    bool hull;        /* the taps of W share one run of columns; else each has its own copy */
    size_t tap_pitch; /* the dilation with a hull, else tile_columns */
    size_t pitch;

    size_t channel_pitch; /* floats of one channel of the tile */
    size_t channels;      /* channels there is room to copy at a time */
    size_t most_steps;    /* (channel, tap) pairs to sum at a time */
    size_t filters;       /* filters of a unit of work */
    size_t sums_pitch;    /* floats of one filter's sums */
};

/* Fills *blocking for a problem; `threads` is how many will share the work. */
atrous_status atrous__blocking_make(struct atrous__blocking *blocking,
                                    const struct atrous__problem *problem, size_t threads,
                                    atrous_error *error);

void atrous__blocking_free(struct atrous__blocking *blocking);

#endif
