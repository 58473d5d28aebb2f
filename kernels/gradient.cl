// gradient.cl: the gradient of the weights for CPU-class devices, one work-item per group.
//
//     dw[k][c][t] = sum over n, p of dy[n][k][p] * x[n][c][p*S + t*D - P]
//
// Layout  x[N][C][D][H][W] or x[N][D][H][W][C], dy likewise; dw[K][C/G][tap]
// Group   a slice of filters by a slice of channels, all taps that read input, over one part of the
//         tiles of all images; tiles and patches as simd.cl has them. Other taps come out as 0.
// Local   patch[KD][patch rows][pitch][CB]: what a tile reads of CB channels, padding applied.
//         dy[filter block][row][column][FB]: the tile's gradients.
//         sums[filter block][tap][channel of the slice][FB]; where each tap's begin
//         With WINDOWS each tap of each channel counts as a channel of its own, and the patch is
//         [row][column][CB]: where channels are few.
// Inner   PX channels x FV vectors of filters in registers, over pixels; channels broadcast.
//         With several parts each writes its sums to the workspace, for gradient_reduce.cl.
// Host    host/solve/gradient.c
// Lint    -DVEC=8 -DFV=2 -DPX=6 -DWINDOWS=0 -DTYPE=0
// Lint    -DVEC=16 -DFV=2 -DPX=8 -DWINDOWS=1 -DTYPE=1
// Lint    -DVEC=4 -DFV=1 -DPX=12 -DWINDOWS=0 -DTYPE=2

#if !defined(VEC) || !defined(FV) || !defined(PX) || !defined(WINDOWS)
#error "gradient.cl needs -D VEC FV PX WINDOWS"
#endif

#define OUTER_SPACE __local
// Zeros: columns_inside() and is_row_inside() leave out what reads them.
#define SKIPS_PADDING(t) ((t)->dilation.w == PADDING_ZEROS)
#include "dy_tile.clh"
#include "gather.clh"
#include "gradient_result.clh"
#include "outer.clh"
#include "problem.clh"
#if WINDOWS
#include "gather_windows.clh"
#endif

enum { PASS = 128 }; // pixels summed in registers before they join the sums, about

// Columns [begin, end) of a tile where tap s reads input; all of them unless zeros pad.
inline int2 columns_inside(const Tile *t, const int s)
{
    if (t->dilation.w != PADDING_ZEROS)
        return (int2)(0, t->columns);
    const int stride = t->stride.z, first = t->column * stride + s * t->dilation.z - t->pad.z;
    const int begin = clamp((stride - 1 - first) / stride, 0, t->columns);
    const int end = first < t->in.z ? (t->in.z - first + stride - 1) / stride : 0;
    return (int2)(begin, clamp(end, begin, t->columns));
}

inline int is_row_inside(const Tile *t, const int row, const int q)
{
    const int i = (t->row + row * t->row_step) * t->stride.y + q * t->dilation.y - t->pad.y;
    return t->dilation.w != PADDING_ZEROS || (i >= 0 && i < t->in.y);
}

// Adds one tap of PX channels and FB filters over the tile's rows [first, end) to their sums.
// `patch` points at the tap's place for output row 0, column 0 and the first of the channels.
inline void multiply(const Tile *t, const int q, const int first, const int end, const int2 columns,
                     __local const float *patch, const int cb, __local const float *dy,
                     __local float *sums)
{
    VECTOR acc[PX][FV];
#pragma unroll
    for (int j = 0; j < PX; ++j)
#pragma unroll
        for (int v = 0; v < FV; ++v)
            acc[j][v] = GET(sums + j * FB + v * VEC);

    const long count = columns.y - columns.x;
    for (int row = first; row < end; ++row) {
        if (!is_row_inside(t, row, q))
            continue;
        __local const float *x = patch + (row * t->row_stride * t->pitch + columns.x) * cb;
        __local const float *d = dy + (row * t->columns + columns.x) * FB;
        outer(x, cb, d, FB, count, acc);
    }

#pragma unroll
    for (int j = 0; j < PX; ++j)
#pragma unroll
        for (int v = 0; v < FV; ++v)
            PUT(sums + j * FB + v * VEC, acc[j][v]);
}

// All taps of the patch's channels and one filter block over rows [first, end).
inline void add_taps(const Tile *t, const int first, const int end, __local const float *patch,
                     const int channels, const int cb, __local const float *dy,
                     __local float *sums, const int slice_channels)
{
    for (int r = 0; r < t->kernel_.x; ++r) {
        const int iz = patch_plane(t, r);
        for (int q = 0; q < t->kernel_.y; ++q)
            for (int s = 0; s < t->kernel_.z; ++s, sums += slice_channels * FB) {
                const int2 columns = columns_inside(t, s);
                const int is_outside =
                    t->dilation.w == PADDING_ZEROS && (iz < 0 || iz >= t->in.x);
                __local const float *from =
                    patch + ((r * t->patch_rows + q) * t->pitch + s * t->tap_step) * cb;
                if (is_outside || columns.x >= columns.y)
                    continue;
                for (int c = 0; c < channels; c += PX)
                    multiply(t, q, first, end, columns, from + c, cb, dy, sums + c * FB);
            }
    }
}

inline void clear(__local float *values, const int count)
{
    for (int i = 0; i < count; ++i)
        values[i] = 0.0f;
}

// What a group computes: its slices, counted in the group of the convolution, channels with their
// taps where those count as channels.
typedef struct {
    int group, filter, filters, channel, channels; // first ones and how many
    int blocks, room;                              // of filters; channels there is room for
} Slice;

// Adds one tile of one image to the sums.
inline void add_tile(const Tile *t, const Slice *s, __global const STORED *x,
                     __global const STORED *grad, const float pad_value, const int cb,
                     __local float *patch, __local float *dy, __local float *sums)
{
    const int taps = WINDOWS ? 1 : t->kernel_.x * t->kernel_.y * t->kernel_.z;
    const int all_channels = t->in.w * t->kernel_.w, all_filters = t->out.w * t->kernel_.w;
    const Steps from = steps_of(t->pad.w & FLAG_INPUT_NHWC, plane_of(t->in), all_channels);
    const Steps to = steps_of(t->pad.w & FLAG_OUTPUT_NHWC, plane_of(t->out), all_filters);
    const Tile d = dy_tile(t);
    const int dy_block = t->rows * t->columns * FB;
    __global const STORED *image = x + t->n * (ulong)all_channels * plane_of(t->in) +
                                  (ulong)(s->group * t->in.w) * from.channel;
    __global const STORED *dy_image = grad + t->n * (ulong)all_filters * plane_of(t->out) +
                                     (ulong)(s->group * t->out.w + s->filter) * to.channel;

    // Lanes beyond the last filter are never stored, but must hold numbers.
    if (s->filters % FB != 0)
        clear(dy, s->blocks * dy_block);
    for (int b = 0; b < s->blocks; ++b)
        load_patch(&d, dy_image + (ulong)(b * FB) * to.channel, to,
                   min(FB, s->filters - b * FB), 0.0f, dy + b * dy_block, FB);

    const int step = max(PASS / t->columns, 1);
    for (int c = 0; c < s->channels; c += cb) {
        const int channels = min(cb, s->channels - c);
#if WINDOWS
        load_windows(t, image, from, s->channel + c, channels, pad_value, patch, cb);
        const Tile of_taps = one_tap(t);
#else
        load_patch(t, image + (ulong)(s->channel + c) * from.channel, from, channels, pad_value,
                   patch, cb);
        const Tile of_taps = *t;
#endif
        for (int row = 0; row < t->rows; row += step)
            for (int b = 0; b < s->blocks; ++b)
                add_taps(&of_taps, row, min(row + step, t->rows), patch, channels, cb,
                         dy + b * dy_block, sums + (b * taps * s->room + c) * FB, s->room);
    }
}

// Where each tap of a kernel has its sums, in floats from those of tap 0; -1 where it has none.
inline void find_taps(const int4 all, const int4 first, const int4 summed, const int flip,
                      const int step, __local int *at)
{
    const int taps = all.x * all.y * all.z;
    for (int r = 0; r < all.x; ++r)
        for (int q = 0; q < all.y; ++q)
            for (int s = 0; s < all.z; ++s) {
                const int4 tap = (int4)(r, q, s, 0) - first;
                const int is_summed = tap.x >= 0 && tap.x < summed.x && tap.y >= 0 &&
                                      tap.y < summed.y && tap.z >= 0 && tap.z < summed.z;
                const int place = (r * all.y + q) * all.z + s;
                at[flip ? taps - 1 - place : place] =
                    is_summed ? ((tap.x * summed.y + tap.y) * summed.z + tap.z) * step : -1;
            }
}

// Stores `channels` of up to four filters, the first of which is a lane of `sums`: dw has `row`
// elements a filter, and the first of the slice's at `place`. Four filters are turned at once.
inline void store_filters(const Result *to, __local const float *sums, const int filters,
                          const int channels, const int taps, __local const int *at, ulong place,
                          const ulong row)
{
    const int count = channels * taps;
    int tap = 0, i = 0;
    for (; i < count; i += 4, place += 4) {
        float4 f[4];
        const int here = min(4, count - i);
#pragma unroll
        for (int j = 0; j < 4; ++j) {
            f[j] = j < here && at[tap] >= 0 ? vload4(0, sums + at[tap]) : (float4)(0.0f);
            sums += tap + 1 == taps ? FB : 0;
            tap = tap + 1 == taps ? 0 : tap + 1;
        }
        const float4 rows[4] = {(float4)(f[0].x, f[1].x, f[2].x, f[3].x),
                                (float4)(f[0].y, f[1].y, f[2].y, f[3].y),
                                (float4)(f[0].z, f[1].z, f[2].z, f[3].z),
                                (float4)(f[0].w, f[1].w, f[2].w, f[3].w)};
        for (int k = 0; k < filters; ++k) {
            if (here == 4) {
                put_sum4(to, rows[k], place + k * row);
                continue;
            }
            float lanes[4];
            vstore4(rows[k], 0, lanes);
            for (int j = 0; j < here; ++j)
                put_sum(to, lanes[j], place + k * row + j);
        }
    }
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void gradient(__global const STORED *restrict x, const ulong x_at,
              __global const STORED *restrict grad, const ulong grad_at,
              __global float *restrict dw, const ulong dw_at, GEOMETRY,
              const int4 lattice, // step between rows, patch rows between them, patch rows, pitch
              const int4 grid,    // 1, column tiles, row tiles of a phase, phases
              const int segment,
              const int4 tile, // rows, columns, channels of a patch, filter blocks of a slice
              const int4 cut,  // channels of a slice, filter slices, channel slices, parts
              const int4 all,  // the kernel's extents, of which some taps may be left out,
              const int4 first_tap, // and the first that is not
              const int flip, const int patch_floats,
              __local float *patch, __local float *dy, __local float *sums, __local int *tap_at,
              const int run)
{
    if (run == 0)
        return;

    ulong rest = get_global_id(0);
    const int part = (int)(rest % (ulong)cut.w);
    rest /= (ulong)cut.w;
    // With windows a channel of the slice is one of a channel's taps.
    const int summed = kernel_.x * kernel_.y * kernel_.z, all_taps = all.x * all.y * all.z;
    const int taps = WINDOWS ? 1 : summed, channels = WINDOWS ? in.w * summed : in.w;
    Slice s;
    s.filter = (int)(rest % (ulong)cut.y) * tile.w * FB;
    rest /= (ulong)cut.y;
    s.channel = (int)(rest % (ulong)cut.z) * cut.x;
    s.group = (int)(rest / (ulong)cut.z);
    s.filters = min(tile.w * FB, out.w - s.filter);
    s.channels = min(cut.x, channels - s.channel);
    s.blocks = (s.filters + FB - 1) / FB;
    s.room = cut.x;

    clear(sums, tile.w * taps * s.room * FB);
    clear(patch, patch_floats);
    const ulong of_image = (ulong)grid.y * (ulong)grid.z * (ulong)grid.w * (ulong)out.x;
    const ulong tiles = of_image * (ulong)stride.w;
    const ulong end = tiles * (ulong)(part + 1) / (ulong)cut.w;
    for (ulong i = tiles * (ulong)part / (ulong)cut.w; i < end; ++i) {
        const ulong at =
            (i / of_image * (ulong)kernel_.w + (ulong)s.group) * of_image + i % of_image;
        Tile t;
        if (find_tile(&t, at, in, out, kernel_, stride, dilation, pad, tile, lattice, grid,
                      segment))
            add_tile(&t, &s, x + x_at, grad + grad_at, pad_value, tile.z, patch, dy, sums);
    }

    const ulong row = (ulong)in.w * (ulong)all_taps;
    const ulong first = (ulong)(s.group * out.w + s.filter) * row;
    const Result to = result_of(after, factors, dw + dw_at, part, cut.w,
                                (ulong)(out.w * kernel_.w) * row);
#if WINDOWS
    for (int f = 0; f < s.filters; ++f)
        for (int c = 0; c < s.channels; ++c) {
            const int at = s.channel + c, tap = at % all_taps;
            put_sum(&to, sums[(f / FB * s.room + c) * FB + f % FB],
                    first + (ulong)f * row + (ulong)(flip ? at - tap + all_taps - 1 - tap : at));
        }
#else
    find_taps(all, first_tap, kernel_, flip, s.room * FB, tap_at);
    for (int f = 0; f < s.filters; f += 4)
        store_filters(&to, sums + f / FB * taps * s.room * FB + f % FB, min(4, s.filters - f),
                      s.channels, all_taps, tap_at,
                      first + (ulong)f * row + (ulong)s.channel * (ulong)all_taps, row);
#endif
}
