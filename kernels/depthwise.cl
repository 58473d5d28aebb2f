// depthwise.cl: depthwise convolution with vectors of channels, where they are contiguous in
// the input and the output; one filter a channel. host/solve/depthwise.c says who takes the others.
//
// Layout  x[N][D][H][W][C], y likewise, w[C][tap] from pack.cl; at least VEC channels
// Group   several tiles in turn, each one output plane, rows of one phase, contiguous columns
//         and one block of BLOCK channels.
// Local   patch[KD][patch rows][pitch][BLOCK]: what the tile reads, the padding applied. Its
//         pixels lie close, where the input's may be a power of two apart and share few sets
//         of a cache. taps[tap][BLOCK].
// Inner   8 pixels of one vector of channels in registers.
// Host    host/solve/depthwise.c
// Lint    -DVEC=8 -DBLOCK=64 -DTYPE=0
// Lint    -DVEC=16 -DBLOCK=64 -DTYPE=1
// Lint    -DVEC=4 -DBLOCK=64 -DTYPE=2
// Lint    -DVEC=4 -DBLOCK=64 -DTYPE=2 -DFLOAT_SUMS

#if !defined(VEC) || !defined(BLOCK)
#error "depthwise.cl needs -D VEC BLOCK"
#endif

#include "layout.clh"
#include "loose.clh"
#include "patch.clh"
#include "problem.clh"

#define PIXELS 8

// The taps of a block of channels, a channel's next to its neighbours'.
inline void gather_taps(__global const float *w, const int taps, const int channels,
                        __local float *to)
{
    for (int c = 0; c < channels; ++c)
        for (int tap = 0; tap < taps; ++tap)
            to[tap * BLOCK + c] = w[(long)c * taps + tap];
}

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

// One vector of channels, `done` of them stored already, of PIXELS pixels of a row, `count` of
// which exist.
inline void sum_pixels(const Tile *t, __local const float *patch, __local const float *taps,
                       const Epilogue *e, const VECTOR bias, __global Y_STORED *y, const long step,
                       const int count, const int done)
{
    VECTOR acc[PIXELS];
#pragma unroll
    for (int j = 0; j < PIXELS; ++j)
        acc[j] = bias;
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
#pragma unroll
    for (int j = 0; j < PIXELS; ++j)
        if (j < count)
            finish_rest(e, acc[j], done, y + j * step);
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
            const VECTOR b = e->has_bias ? GET_X(e->bias + channel + lane) : (VECTOR)(0.0f);
            sum_pixels(t, patch + column * BLOCK + lane, taps + lane, e, b,
                       y + column * step + lane, step, t->columns - column,
                       max(c, done) - lane);
        }
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void depthwise(TENSORS, GEOMETRY,
               const int4 lattice, // step between rows, patch rows between them, patch rows, pitch
               const int4 grid,    // blocks of channels, column tiles, row tiles, phases
               const int segment,
               const int4 tile,    // rows, columns, 0, 0
               const ulong tiles, const ulong tiles_each, // in all, of a work-group
               __local float *patch, __local float *taps, const int run)
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
    const long step = all;
    const ulong first = get_global_id(0) * tiles_each, end = min(first + tiles_each, tiles);
    int slice = -1;
    for (ulong at = first; at < end; ++at) {
        Tile t;
        if (!find_tile(&t, at, in_all, out_all, kernel_one, stride, dilation, pad, tile, lattice,
                       grid, segment))
            continue;
        // The last block may overlap the one before.
        const int channels = min(BLOCK, all), channel = min(t.slice * BLOCK, all - channels);
        if (t.slice != slice)
            gather_taps(w + w_at + (ulong)channel * (ulong)tap_count, tap_count, channels, taps);
        slice = t.slice;
        load_pixels(&t, x + x_at + t.n * (ulong)all * plane_of(in) + (ulong)channel, step,
                    channels, pad_value, patch);
        const ulong pixel =
            t.n * plane_of(out) +
            ((ulong)t.plane * (ulong)out.y + (ulong)t.row) * (ulong)out.z + (ulong)t.column;
        __global Y_STORED *to = y + y_at + pixel * (ulong)all + (ulong)channel;
        for (int i = 0; i < t.rows; ++i, to += (long)(t.row_step * out.z) * step)
            sum_row(&t, patch + i * t.row_stride * t.pitch * BLOCK, taps, channels,
                    t.slice * BLOCK - channel, &e, channel, to, step);
    }
}
