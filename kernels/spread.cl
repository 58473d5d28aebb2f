// spread.cl: sums over an input that a stride spreads apart (transposed, backward data), all
// residues of the stride at once, one work-item per group.
//
// Layout  x[N][C][D][H][W] or x[N][D][H][W][C], y likewise
//         w[class][G][slice][lane block][channel block][tap][CB][FB], FB = FV*VEC: spread_pack
// Lanes   a class (spread.clh) sums its residues' filters side by side, residue by residue, a
//         multiple of 4 lanes each; of few filters, filter by filter, so that a run's outputs are
//         neighbours.
// Group   a tile of positions of the residues, the same for all, and a slice of the filters
// Local   patch[KD][patch rows][pitch][CB], what the tile reads for all classes; sums[class][lane
//         block][pixel][FB], behind one block of zeros for classes without taps
// Inner   PX pixels x FV vectors of lanes in registers; pixels broadcast.
// Host    host/solve/spread.c
// Lint    -DVEC=8 -DFV=2 -DPX=6 -DTYPE=0
// Lint    -DVEC=16 -DFV=3 -DPX=6 -DTYPE=1 -DFLOAT_SUMS
// Lint    -DVEC=4 -DFV=1 -DPX=12 -DTYPE=2

#if !defined(VEC) || !defined(FV) || !defined(PX)
#error "spread.cl needs -D VEC FV PX"
#endif

#include "vectors.clh"
#include "gather.clh"
#include "loose.clh"
#include "multiply.clh"
#include "problem.clh"
#include "spread_store.clh"

// All pixels of a tile by one block of lanes.
inline void multiply_block(const Tile *t, __local const int *offsets, const int taps,
                           __local const float *patch, __global const float *w, const int channels,
                           const int cb, const int is_first, __local float *sums)
{
    const int pixels = t->rows * t->columns;
    int row = 0, column = 0;
    for (int p = 0; p < pixels; p += PX) {
        int base[PX];
        place_pixels(base, &row, &column, t->rows, t->columns, t->pitch, cb);
        multiply(offsets, taps, patch, w, channels, cb, base, ~(ulong)0, is_first, 1,
                 sums + p * FB);
    }
}

// in, out, kernel_, pad: of the problem of all residues, which reads at stride and dilation 1 what
// any class reads; out counts positions of a residue.
__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void spread(TENSORS, GEOMETRY,
            const int4 lattice, // step between rows, patch rows between them, patch rows, pitch
            const int4 grid,    // slices, column tiles, row tiles, 1
            const int segment,
            const int4 tile,    // rows, columns, channels of a block, 0
            const int4 filters, // lanes of a residue, filters of a slice, the lanes' order, zeros
            const int4 full,    // D H W of the output
            const int4 spread_, const int4 apart, const int4 before, // the given problem's spread,
            const int4 taps,                          // dilation, pad less crop, kernel: D H W
            __local float *patch, __local float *sums, __local int4 *runs, __local int *offsets,
            const int run)
{
    if (run == 0)
        return;
    Tile t;
    if (!find_tile(&t, get_global_id(0), in, out, kernel_, stride, dilation, pad, tile, lattice,
                   grid, segment))
        return;
    const int cb = tile.z, channel_blocks = (in.w + cb - 1) / cb;
    const int padded = tile.x * tile.y + PX, zeros = filters.w * padded * FB;
    const ulong in_plane = plane_of(in), out_plane = plane_of(full);
    const Steps from = steps_of(pad.w & FLAG_INPUT_NHWC, in_plane, in.w * kernel_.w);
    const Steps to = steps_of(pad.w & FLAG_OUTPUT_NHWC, out_plane, out.w * kernel_.w);
    __global const STORED *image = x + x_at + t.n * (ulong)(kernel_.w * in.w) * in_plane +
                                  (ulong)(t.group * in.w) * from.channel;
    const int3 counts =
        (int3)(find_runs(spread_.x, apart.x, before.x, taps.x, in.x, full.x, runs),
               find_runs(spread_.y, apart.y, before.y, taps.y, in.y, full.y, runs + MOST_RUNS),
               find_runs(spread_.z, apart.z, before.z, taps.z, in.z, full.z,
                         runs + 2 * MOST_RUNS));
    const int classes = counts.x * counts.y * counts.z;
    // What meets no tap reads zeros, if any does, that lie before all sums.
    __local float *of_classes = sums + zeros;
    for (int i = 0; i < zeros; i += VEC)
        PUT(sums + i, (VECTOR)(0.0f));

    for (int block = 0; block < channel_blocks; ++block) {
        const int channels = min(cb, in.w - block * cb);
        load_patch(&t, image + (ulong)(block * cb) * from.channel, from, channels, pad_value,
                   patch, cb);
        __global const float *of_class = w + w_at;
        __local float *of_block = of_classes;
        for (int i = 0; i < classes; ++i) {
            const Class c = class_at(i, counts, filters.x, runs);
            for (int tap = 0; tap < c.taps.w; ++tap) {
                const int r = tap / (c.taps.y * c.taps.z) + c.from.x + pad.x;
                const int q = tap / c.taps.z % c.taps.y + c.from.y + pad.y;
                const int s = tap % c.taps.z + c.from.z + pad.z;
                offsets[tap] = ((r * t.patch_rows + q) * t.pitch + s) * cb;
            }
            const ulong size = (ulong)(c.taps.w * cb * FB) * (ulong)channel_blocks;
            const ulong slices = (ulong)(kernel_.w * grid.x);
            const ulong at = (ulong)(t.group * grid.x + t.slice) * (ulong)c.blocks;
            for (int b = 0; b < c.blocks; ++b, of_block += padded * FB)
                multiply_block(&t, offsets, c.taps.w, patch,
                               of_class + (at + (ulong)b) * size +
                                   (ulong)block * (ulong)(c.taps.w * cb * FB),
                               channels, cb, block == 0, of_block);
            of_class += slices * (ulong)c.blocks * size;
        }
    }

    const Epilogue e = EPILOGUE;
    const int k = t.slice * filters.y, filter = t.group * out.w + k;
    const Target target = {&t, &e, full, spread_, filter, min(filters.y, out.w - k), filters.x,
                           filters.z, padded, to.channel, to.pixel};
    store_all(&target, counts, runs, sums, of_classes,
              t.n * (ulong)(kernel_.w * out.w) * out_plane + (ulong)filter * to.channel);
}

// The plain weights of one class, to zeros beyond the last filter, residue and channel. Plain as
// pack.cl has them; one item an element.
__kernel void spread_pack(__global const STORED *restrict plain, const ulong plain_at,
                          __global float *restrict packed, const ulong packed_at,
                          const int4 shape,  // filters, channels of a group, taps, flip
                          const int4 slices, // slices, filters of one, lane blocks, lanes of a
                                             // residue or 0: filter by filter
                          const int4 blocks, // channel blocks, channels of one, tap step H, W
                          const ulong filter_step, const ulong channel_step,
                          const int4 first, const int4 residues, // of the class: D H W, tap step D
                          const int4 taken,                      // its taps: D H W
                          const int4 spread_, const int4 apart, const int4 before, const int4 taps,
                          const ulong count, const int run)
{
    const ulong at = get_global_id(0);
    if (run == 0 || at >= count)
        return;
    ulong rest = at;
    const int in_block = (int)(rest % (ulong)FB);
    rest /= (ulong)FB;
    const int c = (int)(rest % (ulong)blocks.y);
    rest /= (ulong)blocks.y;
    const int tap = (int)(rest % (ulong)(taken.x * taken.y * taken.z));
    rest /= (ulong)(taken.x * taken.y * taken.z);
    const int channel = (int)(rest % (ulong)blocks.x) * blocks.y + c;
    rest /= (ulong)blocks.x;
    const int lane = (int)(rest % (ulong)slices.z) * FB + in_block;
    rest /= (ulong)slices.z;
    const int all = residues.x * residues.y * residues.z;
    const int f = slices.w > 0 ? lane % slices.w : lane / all;
    const int residue = slices.w > 0 ? lane / slices.w : lane % all;
    const int filter = (int)(rest % (ulong)slices.x) * slices.y + f;
    const ulong group = rest / (ulong)slices.x;

    float value = 0.0f;
    if (f < slices.y && filter < shape.x && residue < all && channel < shape.y) {
        const int z = first.x + residue / (residues.y * residues.z);
        const int y = first.y + residue / residues.z % residues.y;
        const int x = first.z + residue % residues.z;
        const int td = first_tap(z, spread_.x, apart.x, before.x, taps.x) +
                       tap / (taken.y * taken.z) * residues.w;
        const int th = first_tap(y, spread_.y, apart.y, before.y, taps.y) +
                       tap / taken.z % taken.y * blocks.z;
        const int tw =
            first_tap(x, spread_.z, apart.z, before.z, taps.z) + tap % taken.z * blocks.w;
        const int flat = (td * taps.y + th) * taps.z + tw;
        // All axes reversed is the flat index of taps reversed.
        const int source = shape.w ? shape.z - 1 - flat : flat;
        const ulong group_step = (ulong)shape.x * (ulong)shape.y * (ulong)shape.z;
        value = get(plain + plain_at + group * group_step + (ulong)filter * filter_step +
                    (ulong)channel * channel_step + (ulong)source);
    }
    packed[packed_at + at] = value;
}
