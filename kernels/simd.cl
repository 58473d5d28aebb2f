// simd.cl: dilated convolution for CPU-class devices, one work-item per group.
//
// Layout  x[N][C][D][H][W] or x[N][D][H][W][C], y likewise
//         w[G][filter block][channel block][tap][CB][FB], FB = FV*VEC, from pack.cl
// Group   one tile: one output plane, `rows` output rows of one phase (lattice.x apart),
//         `columns` contiguous columns, `slice` filter blocks.
// Local   patch[KD][patch rows][pitch][CB]: what the tile reads of one channel block, the
//         padding applied, so that the tap loop tests nothing. Rows of one phase are
//         `dilation` apart in the input, so there are rows + KH - 1 of them whatever the
//         dilation is. Columns have a halo, or one segment per tap where that is less.
//         sums[slice][pixel][FB]: partial sums between channel blocks.
// int8    patch and w hold two channels as a pair of short in a float's place, and the sums are
//         int until the last block: x86 has an instruction that adds the products of pairs.
// Inner   PX pixels x FV vectors of filters in registers; pixels broadcast.
// Host    host/solve/simd.c
// Lint    -DVEC=8 -DFV=2 -DPX=6 -DTYPE=0
// Lint    -DVEC=16 -DFV=2 -DPX=8 -DTYPE=1
// Lint    -DVEC=8 -DFV=1 -DPX=12 -DTYPE=2
// Lint    -DVEC=8 -DFV=1 -DPX=12 -DTYPE=2 -DFLOAT_SUMS
// Lint    -DVEC=4 -DFV=3 -DPX=4 -DTYPE=3

#if !defined(VEC) || !defined(FV) || !defined(PX)
#error "simd.cl needs -D VEC FV PX"
#endif


#if defined(TYPE) && TYPE == 3
#define SHORT_PATCH
#endif
#include "vectors.clh"
#include "ahead.clh"
#include "gather.clh"
#include "multiply.clh"
#include "problem.clh"
#include "scatter.clh"

// Bit s of the result: tap s of an axis may read inside it at an output position of [begin, end).
inline uint taps_inside(const int begin, const int end, const int stride, const int dilation,
                        const int pad, const int in, const int taps)
{
    uint bits = 0;
    for (int s = 0; s < taps; ++s) {
        const int from = s * dilation - pad;
        bits |= (uint)((end - 1) * stride + from >= 0 && begin * stride + from < in) << s;
    }
    return bits;
}

// The taps of a plane that may read input at one of columns [begin, end) of a row of the tile.
inline ulong taps_of_row(const Tile *t, const int row, const int begin, const int end)
{
    const ulong columns = taps_inside(t->column + begin, t->column + end, t->stride.z,
                                      t->dilation.z, t->pad.z, t->in.z, t->kernel_.z);
    const int oy = t->row + row * t->row_step;
    const uint rows =
        taps_inside(oy, oy + 1, t->stride.y, t->dilation.y, t->pad.y, t->in.y, t->kernel_.y);
    ulong mask = 0;
    for (int s = 0; s < t->kernel_.y; ++s)
        mask |= (rows >> s & 1) != 0 ? columns << (s * t->kernel_.z) : 0;
    return mask;
}

// Per block of PX pixels, the taps that read input at one of them at least. Only a zero
// padding may be skipped, and only as many taps as a mask has bits.
inline void find_taps(const Tile *t, const int pixels, __local ulong *masks)
{
    const int taps = t->kernel_.x * t->kernel_.y * t->kernel_.z;
    const int may_skip =
        t->dilation.w == PADDING_ZEROS && taps <= 64 && max(t->kernel_.y, t->kernel_.z) <= 32;
    int row = 0, column = 0;
    for (int p = 0; p < pixels; p += PX) {
        ulong mask = 0;
        for (int left = min(PX, pixels - p); left > 0 && may_skip;) {
            const int end = min(column + left, t->columns);
            mask |= taps_of_row(t, row, column, end);
            left -= end - column;
            row += end == t->columns;
            column = end == t->columns ? 0 : end;
        }
        ulong all = 0;
        for (int r = 0; r < t->kernel_.x; ++r) {
            const int iz = patch_plane(t, r);
            all |= iz >= 0 && iz < t->in.x ? mask << (r * t->kernel_.y * t->kernel_.z) : 0;
        }
        masks[p / PX] = may_skip ? all : ~(ulong)0;
    }
}

// Aims at what is read after `block` of a tile's channel blocks: the next block, or of the next
// tile the first.
inline void aim_at_next(Ahead *a, const Tile *t, const Tile *next, const int has_next,
                        __global const STORED *x, const Steps from, const int block, const int cb)
{
    const int is_last = (block + 1) * cb >= t->in.w, c = is_last ? 0 : (block + 1) * cb;
    const Tile *of = is_last ? next : t;
    const ulong channel = (of->n * (ulong)t->kernel_.w + (ulong)of->group) * (ulong)t->in.w;
    a->left = 0;
    if (!is_last || has_next)
        aim_at_input(a, of, x + (channel + (ulong)c) * from.channel, from, min(cb, t->in.w - c));
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void simd(TENSORS, GEOMETRY,
          const int4 lattice, // step between rows, patch rows between them, patch rows, pitch
          const int4 grid,    // slices, column tiles, row tiles of a phase, phases
          const int segment,
          const int4 tile,    // rows, columns, channels of a block, filter blocks of a slice
          const int4 full, const int4 first, const int4 apart, // where outputs lie: patch.clh
          __local float *patch, __local float *sums, __local ulong *masks,
          __local int *offsets, // of a tap in the patch
           const int run)
{
    if (run == 0)
        return;

    Tile t;
    if (!find_tile(&t, get_global_id(0), in, out, kernel_, stride, dilation, pad, tile, lattice,
                   grid, segment))
        return;
    t.full = full, t.first = first, t.apart = apart;
    const int cb = tile.z, room = cb / PLACE_CHANNELS, g = t.group, slice = t.slice;
    const ulong n = t.n;

    const int pixels = t.rows * t.columns;
    const int padded_pixels = tile.x * tile.y + PX;
    const int taps = kernel_.x * kernel_.y * kernel_.z;
    const int filter_blocks = (out.w + FB - 1) / FB, channel_blocks = (in.w + cb - 1) / cb;
    const int first_block = slice * tile.w, end_block = min(first_block + tile.w, filter_blocks);
    const ulong in_plane = plane_of(in);
    const Steps from = steps_of(pad.w & FLAG_INPUT_NHWC, in_plane, in.w * kernel_.w);
    __global const STORED *image = x + x_at + n * (ulong)(kernel_.w * in.w) * in_plane +
                                  (ulong)(g * in.w) * from.channel;
    find_taps(&t, pixels, masks);
    for (int i = 0; i < taps; ++i) {
        const int r = i / (kernel_.y * kernel_.z), q = i / kernel_.z % kernel_.y, s = i % kernel_.z;
        offsets[i] = ((r * t.patch_rows + q) * t.pitch + s * t.tap_step) * room;
    }

    const Epilogue e = EPILOGUE;
    Tile next;
    const int has_next = get_global_id(0) + 1 < get_global_size(0) &&
                         find_tile(&next, get_global_id(0) + 1, in, out, kernel_, stride, dilation,
                                   pad, tile, lattice, grid, segment);
    const int calls = (end_block - first_block) * ((pixels + PX - 1) / PX);
    Ahead reads, writes;
    aim_at_slice(&writes, &t, &e, first_block, end_block);
    const int writes_each = writes.left / calls + 1;

    for (int block = 0; block < channel_blocks; ++block) {
        const int channels = min(cb, in.w - block * cb);
        load_patch(&t, image + (ulong)(block * cb) * from.channel, from, channels, pad_value,
                   (__local HELD *)patch, cb);
        const int depth = (channels + PLACE_CHANNELS - 1) / PLACE_CHANNELS;
        aim_at_next(&reads, &t, &next, has_next, x + x_at, from, block, cb);
        const int reads_each = reads.left / calls + 1;
        for (int k = first_block; k < end_block; ++k) {
            const ulong at = ((ulong)g * (ulong)filter_blocks + (ulong)k) * (ulong)channel_blocks;
            __global const float *blocks =
                w + w_at + (at + (ulong)block) * (ulong)(taps * room * FB);
            __local float *block_sums = sums + (k - first_block) * padded_pixels * FB;
            int row = 0, column = 0;
            for (int p = 0; p < pixels; p += PX) {
                int base[PX];
                place_pixels(base, &row, &column, t.rows, t.columns, t.row_stride * t.pitch, room);
                multiply(offsets, taps, (__local const PLACE *)patch, blocks, depth, room, base,
                         masks[p / PX], block == 0, block + 1 == channel_blocks,
                         block_sums + p * FB);
                fetch_ahead(&reads, reads_each);
                if (block + 1 == channel_blocks)
                    fetch_ahead(&writes, writes_each);
            }
        }
    }

    for (int k = first_block; k < end_block; ++k)
        store_tile(&t, &e, k, sums + (k - first_block) * padded_pixels * FB);
}
