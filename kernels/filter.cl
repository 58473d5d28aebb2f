// filter.cl: groups of few channels and filters, as images have, and depthwise convolution in
// planes: vectors along the columns.
//
// Layout  x[N][C][D][H][W] or x[N][D][H][W][C], y likewise
//         w[G][filter block][tap][C/G][FILTERS], from pack.cl
// Group   several tiles in turn, each one output plane, rows of one phase or of all phases,
//         contiguous columns.
// Local   patch[C/G][KD][patch rows][pitch]: what a tile reads, the padding applied, so that
//         the tap loop tests nothing. It fills as the rows are computed.
//         spill[TILE_WIDE * VEC]: a row of a block on its way to outputs that are no vectors.
// Inner   TILE_ROWS rows x TILE_WIDE vectors x FILTERS sums in registers; taps are broadcast.
//         TAPS: on either axis, where known and the rows are one tap apart, for one channel
//         and filter; else 0. BETA: whether it may differ from 0; the lanes that are stored already
//         cost registers that the sums need.
// Host    host/solve/planes.c, for filter.c and depthwise.c
// Lint    -DVEC=8 -DFILTERS=1 -DTILE_ROWS=4 -DTILE_WIDE=2 -DTAPS=3 -DBETA=0 -DTYPE=0
// Lint    -DVEC=8 -DFILTERS=1 -DTILE_ROWS=3 -DTILE_WIDE=3 -DTAPS=5 -DBETA=1 -DTYPE=1
// Lint    -DVEC=4 -DFILTERS=3 -DTILE_ROWS=2 -DTILE_WIDE=2 -DTAPS=0 -DBETA=0 -DTYPE=2
// Lint    -DVEC=4 -DFILTERS=3 -DTILE_ROWS=2 -DTILE_WIDE=2 -DTAPS=0 -DBETA=1 -DTYPE=2 -DFLOAT_SUMS
// Lint    -DVEC=16 -DFILTERS=4 -DTILE_ROWS=1 -DTILE_WIDE=3 -DTAPS=0 -DBETA=1 -DTYPE=0

#if !defined(VEC) || !defined(FILTERS) || !defined(TILE_ROWS) || !defined(TILE_WIDE) ||            \
    !defined(TAPS) || !defined(BETA)
#error "filter.cl needs -D VEC FILTERS TILE_ROWS TILE_WIDE TAPS BETA"
#endif

#include "planes.clh"
#include "problem.clh"

// Every filter of the tile's group; tensors as the kernel has them.
inline void filter_group(const Tile *t, const Job *job, const int tap_rows,
                         __global const STORED *x, __global const float *w, __global Y_STORED *y)
{
    // A narrow block would wait for its own results; one that overlaps needs another.
    const int vectors = (t->columns + VEC - 1) / VEC;
    const int blocks = max((vectors + TILE_WIDE - 1) / TILE_WIDE,
                           vectors > 1 && t->columns % VEC != 0 ? 2 : 1);
    const ulong row = (ulong)t->plane * (ulong)t->out.y + (ulong)t->row;
    const ulong pixel = row * (ulong)t->out.z + (ulong)t->column;
    const long row_step = (long)(job->phases * t->row_step) * t->out.z * (long)job->to.pixel;
    const Lines lines = {t->in,
                         t->kernel_,
                         t->columns,
                         t->patch_rows,
                         t->pitch,
                         tap_rows,
                         t->tap_step,
                         blocks,
                         vectors / blocks,
                         vectors % blocks,
                         (long)(job->phases * t->row_stride) * t->pitch,
                         job->epilogue,
                         (long)job->to.channel,
                         row_step,
                         (long)job->to.pixel};
    const int groups = t->kernel_.w, taps = t->kernel_.x * t->kernel_.y * t->kernel_.z;
    const int first = t->group * t->out.w;
    x += t->n * (ulong)(groups * t->in.w) * plane_of(t->in) +
         (ulong)(t->group * t->in.w) * job->from.channel;
    y += t->n * (ulong)(groups * t->out.w) * plane_of(t->out) + (ulong)first * job->to.channel +
         pixel * job->to.pixel;
    w += (ulong)first * (ulong)taps * (ulong)t->in.w;
    int loaded = 0;
    for (int k = 0; k < t->out.w; k += FILTERS) {
        float b[FILTERS];
        for (int f = 0; f < FILTERS; ++f)
            b[f] = bias_of(job->epilogue, first + k + f);
        loaded = filter_tile(t, job, &lines, loaded, x, w + (long)k * taps * t->in.w, b,
                             y + k * lines.filter_step);
    }
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void filter(TENSORS, GEOMETRY,
            const int4 lattice, // step between rows, patch rows between them, patch rows, pitch
            const int4 grid,    // 1, column tiles, row tiles of a phase, phases
            const int segment,
            const int4 tile,    // rows, columns, phases within, patch rows between taps
            const int4 keep,    // 1: every tile is a plane whose padding is laid once, 0;
                                // elements of x and y that a row of blocks prefetches
            const ulong tiles, const ulong tiles_each, // in all, of a work-group
            __local float *patch, __local float *spill, const int run)
{
    if (run == 0)
        return;
    // Patch rows are `tile.w` to a tap, so their distance in the input is this.
    int4 apart = dilation;
    apart.y = dilation.y / tile.w;
    const Epilogue e = epilogue_of(after, factors, bias + bias_at, pad.w & FLAG_BIAS,
                                   residual + residual_at, y + y_at);
    const Job job = {steps_of(pad.w & FLAG_INPUT_NHWC, plane_of(in), in.w * kernel_.w),
                     steps_of(pad.w & FLAG_OUTPUT_NHWC, plane_of(out), out.w * kernel_.w),
                     pad_value,
                     tile.z,
                     keep.x,
                     inside(-pad.y, apart.y, in.y, lattice.z),
                     inside(-pad.z, 1, in.z, tile.y + (kernel_.z - 1) * dilation.z),
                     keep.z,
                     keep.w,
                     &e,
                     patch,
                     spill};
    if (keep.x)
        fill_run(pad_value, in.w * lattice.z * lattice.w, patch);
    const ulong first = get_global_id(0) * tiles_each, end = min(first + tiles_each, tiles);
    for (ulong at = first; at < end; ++at) {
        Tile t;
        if (find_tile(&t, at, in, out, kernel_, stride, apart, pad, tile, lattice, grid, segment))
            filter_group(&t, &job, tile.w, x + x_at, w + w_at, y + y_at);
    }
}
