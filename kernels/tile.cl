// tile.cl: dilated convolution for devices with many work-items (SIMT).
//
// Layout  x[N][C][D][H][W] or x[N][D][H][W][C], y likewise
//         w[G][filter block][channel block][tap][channel][FB], from pack.cl
// Group   ITEMS = FB/RF * pixel blocks work-items own one tile: FB filters x `rows` output
//         rows of one phase x `columns` contiguous columns.
// Item    RF filters x RP neighbouring pixels in registers.
// Local   patch[channels][patch rows][pitch], padding applied by the loader;
//         weights[taps of one kernel plane][channels][FB].
// Host    host/solve/tile.c
//         Both hold floats, or for int8 cells of four channels, multiplied and summed as
//         integers: by the device's dot product with DOT=1, which it was asked for. With
//         NATIVE_HALF they hold halves, summed in half.
// Lint    -DITEMS=256 -DFB=64 -DRF=8 -DRP=8 -DTYPE=0 -DDOT=0
// Lint    -DITEMS=64 -DFB=32 -DRF=4 -DRP=4 -DTYPE=1 -DDOT=0
// Lint    -DITEMS=64 -DFB=32 -DRF=4 -DRP=4 -DTYPE=1 -DDOT=0 -DFLOAT_SUMS
// Lint    -DITEMS=64 -DFB=32 -DRF=4 -DRP=4 -DTYPE=1 -DDOT=0 -DNATIVE_HALF
// Lint    -DITEMS=64 -DFB=32 -DRF=4 -DRP=4 -DTYPE=3 -DDOT=0

#if !defined(ITEMS) || !defined(FB) || !defined(RF) || !defined(RP) || !defined(DOT)
#error "tile.cl needs -D ITEMS FB RF RP DOT"
#endif

#include "epilogue.clh"
#include "layout.clh"
#include "patch.clh"
#include "problem.clh"

#define FILTER_ITEMS (FB / RF)
#define PIXEL_ITEMS (ITEMS / FILTER_ITEMS)

#if TYPE == TYPE_I8
#define CELL 4
typedef uint Cell;
typedef int Sum;

inline Sum multiply_add(const Cell a, const Cell b, const Sum sum)
{
#if DOT
    return sum + dot_4x8packed_ss_int(a, b);
#else
    const int4 products = convert_int4(as_char4(a)) * convert_int4(as_char4(b));
    return sum + ((products.x + products.y) + (products.z + products.w));
#endif
}

// Channels 0 .. count-1 of a pixel, zeros behind.
inline Cell cell_of(__global const STORED *x, const ulong step, const int count)
{
    return as_uint((char4)(x[0], count > 1 ? x[step] : 0, count > 2 ? x[2 * step] : 0,
                           count > 3 ? x[3 * step] : 0));
}

inline Cell padding_of(const float value)
{
    return as_uint((char4)(convert_char(value)));
}

inline Cell weight_of(__global const float *w)
{
    return as_uint((char4)(convert_char(w[0]), convert_char(w[FB]), convert_char(w[2 * FB]),
                           convert_char(w[3 * FB])));
}
#else
#define CELL 1
#ifdef NATIVE_HALF
#include "half.clh"
typedef Half Cell;
#define CELL_OF half_of
#define CELL_FMA half_fma
#else
typedef float Cell;
#define CELL_OF
#define CELL_FMA fma
#endif
typedef Cell Sum;

inline Sum multiply_add(const Cell a, const Cell b, const Sum sum)
{
    return CELL_FMA(a, b, sum);
}

inline Cell cell_of(__global const STORED *x, const ulong step, const int count)
{
    return CELL_OF(get(x));
}

inline Cell padding_of(const float value)
{
    return CELL_OF(value);
}

inline Cell weight_of(__global const float *w)
{
    return CELL_OF(*w);
}
#endif

// The whole group loads one input plane of the patch; x points at its first channel.
inline void load_patch(const Tile *t, __global const STORED *x, const Steps from,
                       const int channels, const Cell padding, __local Cell *patch)
{
    const int area = t->patch_rows * t->pitch, cells = (channels + CELL - 1) / CELL;
    for (int i = get_local_id(0); i < cells * area; i += ITEMS) {
        const int c = i / area * CELL, at = i % area;
        const int iy = pad_index(patch_row(t, at / t->pitch), t->in.y, t->dilation.w);
        const int ix = pad_index(patch_column(t, at % t->pitch), t->in.z, t->dilation.w);
        const bool is_inside = iy >= 0 && ix >= 0;
        patch[i] = is_inside
                       ? cell_of(x + (ulong)c * from.channel +
                                     ((ulong)iy * (ulong)t->in.z + (ulong)ix) * from.pixel,
                                 from.channel, channels - c)
                       : padding;
    }
}

// Whether any of positions first, first + step, .. (count of them) reads inside [0, in) when
// shifted; conservative between the ends.
inline bool meets_input(const int first, const int step, const int count, const int shift,
                        const int in)
{
    return first + shift < in && first + (count - 1) * step + shift >= 0;
}

// One round: every tap of one kernel plane over the channels in local memory.
inline void multiply(const Tile *t, __local const Cell *patch, __local const Cell *weights,
                     const int cells, const int at, const int f, Sum acc[RF][RP])
{
    const int may_skip = t->dilation.w == PADDING_ZEROS;
    const int area = t->patch_rows * t->pitch;
    for (int q = 0; q < t->kernel_.y; ++q) {
        if (may_skip && !meets_input(t->row * t->stride.y, t->row_step * t->stride.y, t->rows,
                                     q * t->dilation.y - t->pad.y, t->in.y))
            continue;
        for (int s = 0; s < t->kernel_.z; ++s) {
            if (may_skip && !meets_input(t->column * t->stride.z, t->stride.z, t->columns,
                                         s * t->dilation.z - t->pad.z, t->in.z))
                continue;
            __local const Cell *p = patch + at + q * t->pitch + s * t->tap_step;
            __local const Cell *u = weights + (q * t->kernel_.z + s) * cells * FB + f;
            for (int c = 0; c < cells; ++c, p += area, u += FB) {
                Cell pixels[RP];
#pragma unroll
                for (int j = 0; j < RP; ++j)
                    pixels[j] = p[j];
#pragma unroll
                for (int i = 0; i < RF; ++i)
#pragma unroll
                    for (int j = 0; j < RP; ++j)
                        acc[i][j] = multiply_add(u[i], pixels[j], acc[i][j]);
            }
        }
    }
}

// One item's block through the epilogue to y. A gated block holds RF/2 pairs of filters.
inline void store_item(const Tile *t, const Epilogue *e, Sum acc[RF][RP], const int py,
                       const int px, const int f)
{
    const int4 out = t->out;
    const int is_gated = e->activation == ACTIVATION_GATED;
    const int channels = is_gated ? out.w / 2 : out.w, shrink = is_gated ? 2 : 1;
    const ulong plane = plane_of(out);
    const Steps to = steps_of(t->pad.w & FLAG_OUTPUT_NHWC, plane, channels * t->kernel_.w);
    const int oy = t->row + py * t->row_step;
    const ulong pixel =
        ((ulong)t->plane * (ulong)out.y + (ulong)oy) * (ulong)out.z + (ulong)(t->column + px);
    for (int i = 0; i < RF / shrink; ++i) {
        const int k = (t->slice * FB + f) / shrink + i;
        if (k >= channels)
            return;
        const int filter = t->group * channels + k;
        const ulong at = (t->n * (ulong)(t->kernel_.w * channels)) * plane +
                         (ulong)filter * to.channel + pixel * to.pixel;
        for (int j = 0; j < RP && px + j < t->columns; ++j) {
            float v = biased(e, acc[i][j], filter);
            if (is_gated)
                v = tanh(v) * sigmoid(biased(e, acc[i + RF / 2][j], filter + channels));
            const ulong target = at + (ulong)j * to.pixel;
            put(finish(e, v, target), e->y_base + target);
        }
    }
}

__kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1)))
void tile(TENSORS, GEOMETRY,
          const int4 lattice, // step between rows, patch rows between them, patch rows, pitch
          const int4 grid,    // slices (filter blocks), column tiles, row tiles of a phase, phases
          const int segment,
          const int4 tile_,   // rows, columns, channels of a block, unused
          __local Cell *patch, __local Cell *weights, const int run)
{
    Tile t;
    if (run == 0 || !find_tile(&t, get_group_id(0), in, out, kernel_, stride, dilation, pad, tile_,
                               lattice, grid, segment))
        return; // the same for the whole group: no barrier is missed

    const int item = get_local_id(0);
    const int f = item / PIXEL_ITEMS * RF, block_x = (tile_.y + RP - 1) / RP;
    const int pixel_block = item % PIXEL_ITEMS;
    const int py = pixel_block / block_x, px = pixel_block % block_x * RP;
    // Items beyond the tile compute at its origin and store nothing.
    const int at = py < tile_.x ? py * t.row_stride * t.pitch + px : 0;

    Sum acc[RF][RP];
#pragma unroll
    for (int i = 0; i < RF; ++i)
#pragma unroll
        for (int j = 0; j < RP; ++j)
            acc[i][j] = 0;

    const int plane_taps = kernel_.y * kernel_.z, cb = tile_.z;
    const int channel_blocks = (in.w + cb - 1) / cb;
    const ulong in_plane = plane_of(in);
    const Steps from = steps_of(pad.w & FLAG_INPUT_NHWC, in_plane, in.w * kernel_.w);
    const Epilogue e = EPILOGUE;
    __global const STORED *image = x + x_at + t.n * (ulong)(kernel_.w * in.w) * in_plane +
                                  (ulong)(t.group * in.w) * from.channel;
    __global const float *packed =
        w + w_at +
        ((ulong)t.group * (ulong)grid.x + (ulong)t.slice) * (ulong)(channel_blocks * kernel_.x) *
            (ulong)(plane_taps * cb * FB);

    for (int block = 0; block < channel_blocks; ++block)
        for (int r = 0; r < kernel_.x; ++r, packed += plane_taps * cb * FB) {
            const int iz = pad_index(patch_plane(&t, r), in.x, dilation.w);
            if (iz < 0 && dilation.w == PADDING_ZEROS)
                continue;
            const int channels = min(cb, in.w - block * cb), cells = (channels + CELL - 1) / CELL;
            barrier(CLK_LOCAL_MEM_FENCE); // the round before has been read
            // Pixel blocks may read past the last row; what they find there is never stored.
            if (item < RP)
                patch[cells * t.patch_rows * t.pitch + item] = 0;
            if (iz >= 0)
                load_patch(&t,
                           image + (ulong)(block * cb) * from.channel +
                               (ulong)iz * (ulong)in.y * (ulong)in.z * from.pixel,
                           from, channels, padding_of(pad_value), patch);
            else
                for (int i = item; i < cells * t.patch_rows * t.pitch; i += ITEMS)
                    patch[i] = padding_of(pad_value);
            for (int i = item; i < plane_taps * cells * FB; i += ITEMS) {
                const int tap = i / (cells * FB), rest = i % (cells * FB);
                weights[i] = weight_of(packed + (tap * cb + rest / FB * CELL) * FB + rest % FB);
            }
            barrier(CLK_LOCAL_MEM_FENCE); // patch and weights are complete
            multiply(&t, patch, weights, cells, at, f, acc);
        }

    if (py < t.rows)
        store_item(&t, &e, acc, py, px, f);
}
