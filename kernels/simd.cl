// simd.cl: dilated convolution for CPU-class devices, one work-item per group.
//
// Layout  x[N][C][D][H][W]  y[N][K][OD][OH][OW]
//         w[G][filter block][channel block][tap][CB][FB], FB = FV*VEC, from pack.cl
// Group   one tile: one output plane, `rows` output rows of one phase (lattice_step apart),
//         `columns` contiguous columns, `slice` filter blocks.
// Local   patch[KD][patch rows][pitch][CB]: what the tile reads of one channel block, the
//         padding applied, so that the tap loop tests nothing. Rows of one phase are
//         `dilation` apart in the input, so there are rows + KH - 1 of them whatever the
//         dilation is. Columns have a halo, or one segment per tap where that is less.
//         sums[slice][pixel][FB]: partial sums between channel blocks.
// Inner   PX pixels x FV vectors of filters in registers; pixels broadcast.
// Host    host/solve/simd.c
// Lint    -DVEC=8 -DFV=2 -DPX=6
// Lint    -DVEC=16 -DFV=2 -DPX=8
// Lint    -DVEC=4 -DFV=2 -DPX=6

#if !defined(VEC) || !defined(FV) || !defined(PX)
#error "simd.cl needs -D VEC FV PX"
#endif

#include "epilogue.clh"
#include "patch.clh"

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define VECTOR JOIN(float, VEC)
#define LOAD JOIN(vload, VEC)
#define STORE JOIN(vstore, VEC)
#define FB (FV * VEC)

// Four channels of four neighbours, turned so that each neighbour's channels are contiguous.
inline void turn4(__global const float *x, const ulong plane, __local float *to, const int cb)
{
    const float4 a = vload4(0, x), b = vload4(0, x + plane);
    const float4 c = vload4(0, x + 2 * plane), d = vload4(0, x + 3 * plane);
    vstore4((float4)(a.x, b.x, c.x, d.x), 0, to);
    vstore4((float4)(a.y, b.y, c.y, d.y), 0, to + cb);
    vstore4((float4)(a.z, b.z, c.z, d.z), 0, to + 2 * cb);
    vstore4((float4)(a.w, b.w, c.w, d.w), 0, to + 3 * cb);
}

// Patch columns [from, to) of one row, each read through the padding.
inline void load_mapped(const Tile *t, __global const float *x, const ulong plane,
                        const int channels, const int from, const int to, const float pad_value,
                        __local float *row, const int cb)
{
    for (int j = from; j < to; ++j) {
        const int ix = pad_index(patch_column(t, j), t->in.z, t->dilation.w);
        for (int c = 0; c < channels; ++c)
            row[j * cb + c] = ix >= 0 ? x[(ulong)c * plane + (ulong)ix] : pad_value;
    }
}

// Patch columns [from, to) of one row, all inside the input and contiguous.
inline void load_inside(__global const float *x, const ulong plane, const int channels,
                        const int count, const int cb, __local float *to)
{
    int c = 0;
    for (; c + 4 <= channels; c += 4) {
        int j = 0;
        for (; j + 4 <= count; j += 4)
            turn4(x + (ulong)c * plane + (ulong)j, plane, to + j * cb + c, cb);
        for (; j < count; ++j)
            for (int i = 0; i < 4; ++i)
                to[j * cb + c + i] = x[(ulong)(c + i) * plane + (ulong)j];
    }
    for (; c < channels; ++c)
        for (int j = 0; j < count; ++j)
            to[j * cb + c] = x[(ulong)c * plane + (ulong)j];
}

// One row of the patch from one input row; x points at its first channel, column 0.
inline void load_row(const Tile *t, __global const float *x, const ulong plane, const int channels,
                     const float pad_value, __local float *row, const int cb)
{
    const int count = t->segment == 0 ? t->pitch : t->segment;
    for (int first = 0; first < t->pitch; first += count) {
        // Where the run is contiguous in the input, its middle needs no mapping.
        const int ix = patch_column(t, first);
        const int is_dense = t->segment == 0 || t->stride.z == 1;
        const int begin = is_dense ? clamp(-ix, 0, count) : count;
        const int end = is_dense ? clamp(t->in.z - ix, begin, count) : count;
        load_mapped(t, x, plane, channels, first, first + begin, pad_value, row, cb);
        load_inside(x + ix + begin, plane, channels, end - begin, cb,
                    row + (first + begin) * cb);
        load_mapped(t, x, plane, channels, first + end, first + count, pad_value, row, cb);
    }
}

// The patch of `channels` channels; x points at the first one.
inline void load_patch(const Tile *t, __global const float *x, const int channels,
                       const float pad_value, __local float *patch, const int cb)
{
    const ulong plane = (ulong)t->in.x * (ulong)t->in.y * (ulong)t->in.z;
    const int used_rows = (t->rows - 1) * t->row_stride + t->kernel_.y;
    for (int r = 0; r < t->kernel_.x; ++r) {
        const int iz = pad_index(patch_plane(t, r), t->in.x,
                                 t->dilation.w);
        for (int q = 0; q < used_rows; ++q) {
            const int iy = pad_index(patch_row(t, q), t->in.y,
                                     t->dilation.w);
            __local float *row = patch + (r * t->patch_rows + q) * t->pitch * cb;
            if (iz >= 0 && iy >= 0)
                load_row(t, x + ((ulong)iz * (ulong)t->in.y + (ulong)iy) * (ulong)t->in.z, plane,
                         channels, pad_value, row, cb);
            else
                for (int i = 0; i < t->pitch * cb; ++i)
                    row[i] = pad_value;
        }
    }
}

// Bit s of the result: tap s of an axis reads inside it at output position p.
inline uint taps_inside(const int p, const int stride, const int dilation, const int pad,
                        const int in, const int taps)
{
    uint bits = 0;
    for (int s = 0; s < taps; ++s) {
        const int i = p * stride + s * dilation - pad;
        bits |= (uint)(i >= 0 && i < in) << s;
    }
    return bits;
}

// Per block of PX pixels, the taps that read input at one of them at least. Only a zero
// padding may be skipped, and only as many taps as a mask has bits.
inline void find_taps(const Tile *t, const int pixels, __local ulong *masks)
{
    const int taps = t->kernel_.x * t->kernel_.y * t->kernel_.z;
    const int may_skip = t->dilation.w == PADDING_ZEROS && taps <= 64 && t->kernel_.z <= 32;
    for (int p = 0; p < pixels; p += PX) {
        ulong mask = may_skip ? 0 : ~(ulong)0;
        for (int i = p; may_skip && i < min(p + PX, pixels); ++i) {
            const uint columns =
                taps_inside(t->column + i % t->columns, t->stride.z, t->dilation.z, t->pad.z,
                            t->in.z, t->kernel_.z);
            const int oy = t->row + i / t->columns * t->row_step;
            for (int s = 0; s < t->kernel_.y; ++s) {
                const int iy = oy * t->stride.y + s * t->dilation.y - t->pad.y;
                if (iy >= 0 && iy < t->in.y)
                    mask |= (ulong)columns << (s * t->kernel_.z);
            }
        }
        if (may_skip) {
            const ulong plane_mask = mask;
            mask = 0;
            for (int r = 0; r < t->kernel_.x; ++r) {
                const int iz = patch_plane(t, r);
                if (iz >= 0 && iz < t->in.x)
                    mask |= plane_mask << (r * t->kernel_.y * t->kernel_.z);
            }
        }
        masks[p / PX] = mask;
    }
}

// One register block: PX pixels x FB filters over all taps and `channels` channels.
inline void multiply(const Tile *t, __local const float *patch, __global const float *w,
                     const int channels, const int cb, const int *base, const ulong mask,
                     const int is_first, __local float *sums)
{
    VECTOR acc[PX][FV];
#pragma unroll
    for (int j = 0; j < PX; ++j)
#pragma unroll
        for (int v = 0; v < FV; ++v)
            acc[j][v] = is_first ? (VECTOR)(0.0f) : LOAD(v, sums + j * FB);

    int tap = 0;
    for (int r = 0; r < t->kernel_.x; ++r)
        for (int q = 0; q < t->kernel_.y; ++q)
            for (int s = 0; s < t->kernel_.z; ++s, ++tap, w += cb * FB) {
                if (!((mask >> (tap & 63)) & 1))
                    continue;
                __local const float *tap_at =
                    patch + ((r * t->patch_rows + q) * t->pitch + s * t->tap_step) * cb;
                __local const float *p[PX];
#pragma unroll
                for (int j = 0; j < PX; ++j)
                    p[j] = tap_at + base[j];
                for (long c = 0; c < channels; ++c) {
                    VECTOR f[FV];
#pragma unroll
                    for (int v = 0; v < FV; ++v)
                        f[v] = LOAD(v, w + c * FB);
#pragma unroll
                    for (int j = 0; j < PX; ++j)
#pragma unroll
                        for (int v = 0; v < FV; ++v)
                            acc[j][v] = fma((VECTOR)(p[j][c]), f[v], acc[j][v]);
                }
            }

#pragma unroll
    for (int j = 0; j < PX; ++j)
#pragma unroll
        for (int v = 0; v < FV; ++v)
            STORE(acc[j][v], v, sums + j * FB);
}

// Finished sums of one filter block and one tile row to y, channels apart by `plane`.
inline void store_row(__local const float *sums, const int pixels, const int filters,
                      __global const float *bias, const int has_bias, const int k,
                      __global float *y, const ulong plane)
{
    int f = 0;
    for (; f + 4 <= filters; f += 4) {
        const float4 b = (float4)(bias_of(bias, has_bias, k + f), bias_of(bias, has_bias, k + f + 1),
                                  bias_of(bias, has_bias, k + f + 2),
                                  bias_of(bias, has_bias, k + f + 3));
        __global float *to = y + (ulong)f * plane;
        int j = 0;
        for (; j + 4 <= pixels; j += 4) {
            const float4 p = vload4(0, sums + j * FB + f) + b;
            const float4 q = vload4(0, sums + (j + 1) * FB + f) + b;
            const float4 r = vload4(0, sums + (j + 2) * FB + f) + b;
            const float4 s = vload4(0, sums + (j + 3) * FB + f) + b;
            vstore4((float4)(p.x, q.x, r.x, s.x), 0, to + j);
            vstore4((float4)(p.y, q.y, r.y, s.y), 0, to + plane + j);
            vstore4((float4)(p.z, q.z, r.z, s.z), 0, to + 2 * plane + j);
            vstore4((float4)(p.w, q.w, r.w, s.w), 0, to + 3 * plane + j);
        }
        for (; j < pixels; ++j) {
            const float4 p = vload4(0, sums + j * FB + f) + b;
            to[j] = p.x;
            to[plane + j] = p.y;
            to[2 * plane + j] = p.z;
            to[3 * plane + j] = p.w;
        }
    }
    for (; f < filters; ++f)
        for (int j = 0; j < pixels; ++j)
            y[(ulong)f * plane + j] = sums[j * FB + f] + bias_of(bias, has_bias, k + f);
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void simd(__global const float *restrict x, const ulong x_at,
          __global const float *restrict w, const ulong w_at,
          __global const float *restrict bias, const ulong bias_at,
          __global float *restrict y, const ulong y_at,
          const int4 in,       // D H W, channels of a group
          const int4 out,      // D H W, filters of a group
          const int4 kernel_,  // D H W, groups
          const int4 stride,   // D H W, batch
          const int4 dilation, // D H W, padding mode
          const int4 pad,      // D H W, has_bias
          const float pad_value,
          const int4 lattice, // step between rows, patch rows between them, patch rows, pitch
          const int4 grid,    // slices, column tiles, row tiles of a phase, phases
          const int segment,
          const int4 tile,    // rows, columns, channels of a block, filter blocks of a slice
          __local float *patch, __local float *sums, __local ulong *masks,
          const int run)
{
    if (run == 0)
        return;

    Tile t;
    if (!find_tile(&t, get_global_id(0), in, out, kernel_, stride, dilation, pad, tile, lattice,
                   grid, segment))
        return;
    const int cb = tile.z, g = t.group, slice = t.slice;
    const ulong n = t.n;

    const int pixels = t.rows * t.columns;
    const int padded_pixels = tile.x * tile.y + PX;
    const int taps = kernel_.x * kernel_.y * kernel_.z;
    const int filter_blocks = (out.w + FB - 1) / FB, channel_blocks = (in.w + cb - 1) / cb;
    const int first_block = slice * tile.w, end_block = min(first_block + tile.w, filter_blocks);
    const ulong in_plane = (ulong)in.x * (ulong)in.y * (ulong)in.z;
    __global const float *image = x + x_at + (n * (ulong)kernel_.w + (ulong)g) * (ulong)in.w * in_plane;
    find_taps(&t, pixels, masks);

    for (int block = 0; block < channel_blocks; ++block) {
        const int channels = min(cb, in.w - block * cb);
        load_patch(&t, image + (ulong)(block * cb) * in_plane, channels, pad_value, patch, cb);
        for (int k = first_block; k < end_block; ++k) {
            __global const float *blocks =
                w + w_at +
                (((ulong)g * (ulong)filter_blocks + (ulong)k) * (ulong)channel_blocks + (ulong)block) *
                    (ulong)(taps * cb * FB);
            __local float *to = sums + (k - first_block) * padded_pixels * FB;
            int row = 0, column = 0;
            for (int p = 0; p < pixels; p += PX) {
                // Beyond the last pixel the block repeats it; those sums are never stored.
                int base[PX];
#pragma unroll
                for (int j = 0; j < PX; ++j) {
                    base[j] = (row * t.row_stride * t.pitch + column) * cb;
                    const int is_end = column + 1 == t.columns;
                    const int is_last = is_end && row + 1 == t.rows;
                    row += is_end && !is_last;
                    column = is_last ? column : is_end ? 0 : column + 1;
                }
                multiply(&t, patch, blocks, channels, cb, base, masks[p / PX], block == 0,
                         to + p * FB);
            }
        }
    }

    const ulong out_plane = (ulong)out.x * (ulong)out.y * (ulong)out.z;
    for (int k = first_block; k < end_block; ++k) {
        const int filters = min(FB, out.w - k * FB), first = g * out.w + k * FB;
        __global float *planes =
            y + y_at + (n * (ulong)kernel_.w * (ulong)out.w + (ulong)first) * out_plane;
        for (int i = 0; i < t.rows; ++i) {
            const int oy = t.row + i * t.row_step;
            store_row(sums + ((k - first_block) * padded_pixels + i * t.columns) * FB, t.columns,
                      filters, bias + bias_at, pad.w, first,
                      planes + ((ulong)t.plane * (ulong)out.y + (ulong)oy) * (ulong)out.z +
                          (ulong)t.column,
                      out_plane);
        }
    }
}
