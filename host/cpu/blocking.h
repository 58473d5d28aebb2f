/* How the CPU path cuts a problem into tiles of output rows and columns. */
#ifndef ATROUS_CPU_BLOCKING_H
#define ATROUS_CPU_BLOCKING_H

#include "cpu/micro.h"
#include "cpu/view.h"

/* Outputs first, first + step, ... of an axis: of rows, step is row_step; of columns 1. */
struct atrous__range {
    size_t first, count;
};

/* A tile is some rows x some columns of outputs of one (batch, depth). What it reads of one channel
 * is copied, padding filled in, as `depths` x `planes` planes of `slots` rows of the tile's pitch:
 *
 *   output row i (of the tile) meets tap r in slot     i * slot_step + r * tap_slots
 *   output column j meets tap s in column              j + s * dilation of the one plane (a hull)
 *                                         or column    j of plane s
 *
 * Three ways to share rows. By phase: rows of a tile lie row_step apart, so that for stride 1 all
 * of them are of one phase of the dilation and neighbours share input rows whatever the dilation
 * is. All rows: the whole height in one tile, each row copied once. Apart: every tap has its own
 * copy.
 *
 * With a plane for each column tap, the tile's rows lie end to end: vectors run through them and
 * none is part empty. A hull costs less copying. */
struct atrous__blocking {
    struct atrous__view view;
    const struct atrous__micro *micro;

    struct atrous__range *row_tiles, *column_tiles;
    size_t row_tile_count, column_tile_count;
    size_t most_rows, most_columns; /* of a tile */

    bool is_shared; /* rows are, by phase or all */
    size_t row_step, slot_step, tap_slots, slots;

    bool has_hull;
    size_t planes, hull; /* columns of a pitch beyond the tile's */

    size_t channel_pitch; /* floats of one channel of the tile */
    size_t channels;      /* channels there is room to copy at a time */
    size_t most_steps;    /* (channel, tap) pairs to sum at a time */
    size_t filters;       /* filters of a unit of work */
    size_t sums_pitch;    /* floats of one filter's sums */
    bool is_whole;        /* sums are whole numbers, beyond what a float counts */
};

/* A float counts to 2^24: so many products of two int8. */
enum { ATROUS__WHOLE_PRODUCTS = 1024 };

/* Fills *blocking for a problem; `threads` is how many will share the work. `is_whole`: input and
 * weights are whole numbers of a byte, and sums are to be exact. */
atrous_status atrous__blocking_make(struct atrous__blocking *blocking,
                                    const struct atrous__problem *problem, bool is_whole,
                                    size_t threads, atrous_error *error);

void atrous__blocking_free(struct atrous__blocking *blocking);

#endif
