// depthwise.cl: depthwise convolution with vectors of channels, where they are contiguous in
// the input, the output or both; one filter a channel. host/solve/depthwise.c says who takes
// the others.
//
// Layout  x[N][D][H][W][C], y likewise, or one of them (MIXED) x[N][C][D][H][W]; w[C][tap] from
//         pack.cl; at least VEC channels
// Group   several tiles in turn, each one output plane, rows of one phase, contiguous columns
//         and one block of BLOCK channels.
// Local   patch[KD][patch rows][pitch][BLOCK]: what the tile reads, the padding applied. Its
//         pixels lie close, where the input's may be a power of two apart and share few sets
//         of a cache. taps[tap][BLOCK]. sums[column][BLOCK] of a row where channels are turned.
// Inner   8 pixels of one vector of channels in registers.
// Host    host/solve/depthwise.c
// Lint    -DVEC=8 -DFV=8 -DMIXED=0 -DTYPE=0
// Lint    -DVEC=16 -DFV=4 -DMIXED=0 -DTYPE=1
// Lint    -DVEC=4 -DFV=16 -DMIXED=0 -DTYPE=2
// Lint    -DVEC=4 -DFV=16 -DMIXED=0 -DTYPE=2 -DFLOAT_SUMS
// Lint    -DVEC=16 -DFV=4 -DMIXED=1 -DTYPE=0
// Lint    -DVEC=4 -DFV=16 -DMIXED=1 -DTYPE=2 -DFLOAT_SUMS

#if !defined(VEC) || !defined(FV) || !defined(MIXED)
#error "depthwise.cl needs -D VEC FV MIXED"
#endif

#include "layout.clh"
#include "loose.clh"
#include "patch.clh"
#include "problem.clh"
#if MIXED
#include "gather.clh"
#include "scatter.clh"
#endif

#define BLOCK FB
#define PIXELS 8

// The taps of a block of channels, a channel's next to its neighbours'.
inline void gather_taps(__global const float *w, const int taps, const int channels,
                        __local float *to)
{
    for (int c = 0; c < channels; ++c)
        for (int tap = 0; tap < taps; ++tap)
            to[tap * BLOCK + c] = w[(long)c * taps + tap];
}

// PIXELS pixels of one vector of channels, whose first taps' inputs begin at `patch`.
inline void sum_pixels(const Tile *t, __local const float *patch, __local const float *taps,
                       const VECTOR first, VECTOR acc[PIXELS])
{
#pragma unroll
    for (int j = 0; j < PIXELS; ++j)
        acc[j] = first;
    const long tap_step = t->tap_step * BLOCK;
    for (int r = 0; r < t->kernel_.x; ++r)
        for (int q = 0; q < t->kernel_.y; ++q) {
            __local const float *p = patch + (r * t->patch_rows + q) * t->pitch * BLOCK;
            for (int s = 0; s < t->kernel_.z; ++s, taps += BLOCK, p += tap_step) {
                const VECTOR tap = GET(taps);
#pragma unroll
                for (int j = 0; j < PIXELS; ++j)
                    acc[j] = fma(GET(p + j * BLOCK), tap, acc[j]);
            }
        }
}

#if MIXED
// All channels of the block of one row, by way of `sums`; `at` is the element of the first one's
// first pixel. Lanes past the last channel hold anything.
inline void sum_row(const Tile *t, __local const float *patch, __local const float *taps,
                    const int channels, const Epilogue *e, const int channel, const ulong at,
                    const Steps to, __local float *sums)
{
    for (int column = 0; column < t->columns; column += PIXELS)
        for (int c = 0; c < channels; c += VEC) {
            VECTOR acc[PIXELS];
            sum_pixels(t, patch + column * BLOCK + c, taps + c, (VECTOR)(0.0f), acc);
#pragma unroll
            for (int j = 0; j < PIXELS; ++j)
                PUT(sums + (column + j) * BLOCK + c, acc[j]);
        }
    if (t->pad.w & FLAG_OUTPUT_NHWC)
        store_pixels(e, sums, t->columns, channels, channel, at, to.pixel);
    else
        store_planes(e, sums, t->columns, channels, channel, at, to.channel);
}
#else
// One pixel of the patch. The last vector may overlap the one before.
inline void load_pixel(__global const STORED *x, const int channels, __local float *to)
{
    int c = 0;
    for (; c + VEC < channels; c += VEC)
        PUT(to + c, get_lanes(x + c));
    PUT(to + channels - VEC, get_lanes(x + channels - VEC));
}

inline void fill_pixel(const float value, const int channels, __local float *to)
{
    for (int c = 0; c < channels; ++c)
        to[c] = value;
}

// The patch; x points at the block's first channel, pixels are `step` apart.
inline void load_pixels(const Tile *t, __global const STORED *x, const long step,
                        const int channels, const float pad_value, __local float *patch)
{
    const int used_rows = (t->rows - 1) * t->row_stride + t->kernel_.y, mode = t->dilation.w;
    const int halo = t->columns + (t->kernel_.z - 1) * t->dilation.z;
    const int columns = t->segment == 0 ? halo : t->kernel_.z * t->segment;
    for (int r = 0; r < t->kernel_.x; ++r) {
        const int iz = pad_index(patch_plane(t, r), t->in.x, mode);
        for (int q = 0; q < used_rows; ++q) {
            const int iy = pad_index(patch_row(t, q), t->in.y, mode);
            const long line = ((long)iz * t->in.y + iy) * t->in.z;
            __local float *to = patch + (r * t->patch_rows + q) * t->pitch * BLOCK;
            for (int j = 0; j < columns; ++j, to += BLOCK) {
                const int ix = pad_index(patch_column(t, j), t->in.z, mode);
                if (iz < 0 || iy < 0 || ix < 0)
                    fill_pixel(pad_value, channels, to);
                else
                    load_pixel(x + (line + ix) * step, channels, to);
            }
        }
    }
}

// All channels of the block of one row; y points at its first pixel's. The first `done` belong to
// the block before.
inline void sum_row(const Tile *t, __local const float *patch, __local const float *taps,
                    const int channels, const int done, const Epilogue *e, const int channel,
                    __global Y_STORED *y, const long step)
{
    for (int column = 0; column < t->columns; column += PIXELS)
        for (int c = 0; c < channels; c += VEC) {
            const int lane = min(c, channels - VEC);
            VECTOR acc[PIXELS];
            sum_pixels(t, patch + column * BLOCK + lane, taps + lane,
                       bias_lanes(e, channel + lane), acc);
#pragma unroll
            for (int j = 0; j < PIXELS; ++j)
                if (column + j < t->columns)
                    finish_rest(e, acc[j], max(c, done) - lane, y + (column + j) * step + lane);
        }
}
#endif

__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void depthwise(TENSORS, GEOMETRY,
               const int4 lattice, // step between rows, patch rows between them, patch rows, pitch
               const int4 grid,    // blocks of channels, column tiles, row tiles, phases
               const int segment,
               const int4 tile,    // rows, columns, 0, 0
               const ulong tiles, const ulong tiles_each, // in all, of a work-group
               __local float *patch, __local float *taps, __local float *sums, const int run)
{
    if (run == 0)
        return;
    // Channels take the place of a group's.
    const int all = kernel_.w;
    const int4 in_all = (int4)(in.xyz, all), out_all = (int4)(out.xyz, all);
    const int4 kernel_one = (int4)(kernel_.xyz, 1);
    const Epilogue e = epilogue_of(after, factors, bias + bias_at, pad.w & FLAG_BIAS,
                                   residual + residual_at, y + y_at);
    const int tap_count = kernel_.x * kernel_.y * kernel_.z;
    const Steps from = steps_of(pad.w & FLAG_INPUT_NHWC, plane_of(in), all);
    const Steps to = steps_of(pad.w & FLAG_OUTPUT_NHWC, plane_of(out), all);
    const ulong first = get_global_id(0) * tiles_each, end = min(first + tiles_each, tiles);
    int slice = -1;
    for (ulong at = first; at < end; ++at) {
        Tile t;
        if (!find_tile(&t, at, in_all, out_all, kernel_one, stride, dilation, pad, tile, lattice,
                       grid, segment))
            continue;
        // Where whole vectors are stored, the last block may overlap the one before.
        const int begin = t.slice * BLOCK;
        const int channels = min(BLOCK, MIXED ? all - begin : all);
        const int channel = min(begin, all - channels);
        if (t.slice != slice)
            gather_taps(w + w_at + (ulong)channel * (ulong)tap_count, tap_count, channels, taps);
        slice = t.slice;
        __global const STORED *image = x + x_at + t.n * (ulong)all * plane_of(in) +
                                       (ulong)channel * from.channel;
        const ulong row = ((ulong)t.plane * (ulong)out.y + (ulong)t.row) * (ulong)out.z;
        ulong place = t.n * (ulong)all * plane_of(out) + (ulong)channel * to.channel +
                      (row + (ulong)t.column) * to.pixel;
        const ulong row_step = (ulong)(t.row_step * out.z) * to.pixel;
#if MIXED
        load_patch(&t, image, from, channels, pad_value, patch, BLOCK);
#else
        load_pixels(&t, image, (long)from.pixel, channels, pad_value, patch);
#endif
        for (int i = 0; i < t.rows; ++i, place += row_step) {
            __local const float *of_row = patch + i * t.row_stride * t.pitch * BLOCK;
#if MIXED
            sum_row(&t, of_row, taps, channels, &e, channel, place, to, sums);
#else
            sum_row(&t, of_row, taps, channels, begin - channel, &e, channel, y + y_at + place,
                    (long)to.pixel);
#endif
        }
    }
}
