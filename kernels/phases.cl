// phases.cl: dilated convolution of images whose phases are short: no longer than 3.
//
// Where the dilation is a third of the image or more, most taps read padding, and a phase of an
// axis (outputs a dilation apart) holds 1, 2 or 3 values between zeros. Its outputs take one
// product more than it has values (phases.clh); without that, 3N - 2.
//
// Layout  x[N][C][D][H][W] or x[N][D][H][W][C], y likewise; u[G][filter block][point][C/G][FB]
//         v[G][point][channel block][tile][CB]: transformed inputs, of some channel blocks at a
//         time; m[G][point][filter block][tile][FB]: products. A tile is one phase of rows and of
//         columns of an image; a point has those whose values reach it, which are the first ones.
// Stages  phases_input, phases_multiply for each run of channel blocks, then phases_output.
// Group   one work-item. Input and output: a phase of rows with all its phases of columns.
// Local   patch[row][column][CB]; sums[row][column][FB].
// Host    host/solve/phases.c
// Lint    -DVEC=8 -DFV=2 -DPX=6 -DNH=3 -DNW=3 -DKH=3 -DKW=3 -DTYPE=0
// Lint    -DVEC=16 -DFV=2 -DPX=8 -DNH=2 -DNW=3 -DKH=3 -DKW=3 -DTYPE=1
// Lint    -DVEC=8 -DFV=2 -DPX=6 -DNH=3 -DNW=2 -DKH=3 -DKW=3 -DTYPE=2 -DFLOAT_SUMS
// Lint    -DVEC=16 -DFV=1 -DPX=12 -DNH=1 -DNW=2 -DKH=1 -DKW=3 -DTYPE=2

#if !defined(VEC) || !defined(FV) || !defined(PX) || !defined(NH) || !defined(NW) ||              \
    !defined(KH) || !defined(KW)
#error "phases.cl needs -D VEC FV PX NH NW KH KW"
#endif

#include "vectors.clh"
#include "gather.clh"
#include "phases.clh"
#include "problem.clh"
#include "scatter.clh"

#define POINTS_H POINTS_OF(NH)
#define POINTS_W POINTS_OF(NW)
#define POINTS (POINTS_H * POINTS_W)

#define PRODUCTS_SPACE __global
#define SUMS_SPACE __global
#define ROWS PX
#include "products.clh"
#define ROWS 4
#include "products.clh"
#define ROWS 1
#include "products.clh"

// tiling: rows apart in a phase, columns apart, rows of the panels of all points together, CB
// work: first channel block, channel blocks, tiles and filter blocks of a group
#define TILING const int4 tiling, const int4 work

// Phases of an axis whose value at `point` is not zero by itself: of two values, those that
// have two, at every point but the first.
inline int phases_at(const int n, const int point, const int in, const int step)
{
    return n == 2 && point > 0 ? in - step : min(step, in);
}

// Tiles of a point.
inline long tiles_at(const int point, const long images, const int4 in, const int4 tiling)
{
    return images * phases_at(NH, point / POINTS_W, in.y, tiling.x) *
           phases_at(NW, point % POINTS_W, in.z, tiling.y);
}

// Rows that a point's panel has: one more, or panels would lie powers of two apart, all in the same
// few sets of a cache.
inline long rows_of(const long tiles)
{
    return tiles + 1;
}

// The place of phases (py, px) of image `image` among the tiles of one point, -1: not there; and
// how many rows the panels of the points before have.
typedef struct {
    long tile, before;
} Place;

inline void find_places(Place *places, const long image, const long images, const int py,
                        const int px, const int4 in, const int4 tiling)
{
    long before = 0;
#pragma unroll
    for (int point = 0; point < POINTS; ++point) {
        const int rows = phases_at(NH, point / POINTS_W, in.y, tiling.x);
        const int columns = phases_at(NW, point % POINTS_W, in.z, tiling.y);
        places[point].tile =
            py < rows && px < columns ? (image * rows + py) * columns + px : -1;
        places[point].before = before;
        before += rows_of(images * rows * columns);
    }
}

// The N values of one tile and VEC channels from the patch, zero past a phase's end.
inline void transform_tile(__local const float *patch, const int rows, const int px, const int4 in,
                           const int4 tiling, VECTOR *a)
{
#pragma unroll
    for (int r = 0; r < NH; ++r) {
#pragma unroll
        for (int s = 0; s < NW; ++s) {
            const int ix = px + s * tiling.y;
            a[r * POINTS_W + s] =
                r < rows && ix < in.z ? GET(patch + (r * in.z + ix) * tiling.w) : (VECTOR)(0.0f);
        }
        input_phase(a + r * POINTS_W, NW, 1);
    }
#pragma unroll
    for (int s = 0; s < POINTS_W; ++s)
        input_phase(a + s, NH, POINTS_W);
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void phases_input(__global const STORED *restrict x, const ulong x_at, __global float *restrict v,
                  const ulong v_at, GEOMETRY, TILING, __local float *patch, const int run)
{
    if (run == 0)
        return;
    const int phases = min(tiling.x, in.y), cb = tiling.w;
    ulong rest = get_global_id(0);
    const int py = (int)(rest % (ulong)phases);
    rest /= (ulong)phases;
    const int block = (int)(rest % (ulong)work.y);
    rest /= (ulong)work.y;
    const int group = (int)(rest % (ulong)kernel_.w), image = (int)(rest / (ulong)kernel_.w);
    const int channel = (work.x + block) * cb, channels = min(cb, in.w - channel);
    const long images = (long)stride.w * in.x;

    const Steps from = steps_of(pad.w & FLAG_INPUT_NHWC, plane_of(in), in.w * kernel_.w);
    const ulong n = (ulong)(image / in.x), plane = (ulong)(image % in.x);
    __global const STORED *first = x + x_at + n * (ulong)(kernel_.w * in.w) * plane_of(in) +
                                  (ulong)(group * in.w + channel) * from.channel +
                                  plane * (ulong)in.y * (ulong)in.z * from.pixel;
    Tile row; // as load_row() takes it: all columns of the input
    row.in = in, row.stride = (int4)(1), row.dilation = dilation, row.pad = (int4)(0, 0, 0, pad.w);
    row.column = 0, row.segment = 0, row.pitch = in.z;
    const int rows = (in.y - 1 - py) / tiling.x + 1;
    for (int r = 0; r < rows; ++r)
        load_row(&row, first + (ulong)(py + r * tiling.x) * (ulong)in.z * from.pixel, from,
                 channels, 0.0f, patch + r * in.z * cb, cb);

    __global float *panels = v + v_at + (long)group * tiling.z * work.y * cb;
    for (int px = 0; px < min(tiling.y, in.z); ++px) {
        __global float *to[POINTS];
        Place places[POINTS];
        find_places(places, image, images, py, px, in, tiling);
#pragma unroll
        for (int point = 0; point < POINTS; ++point) {
            const Place *at = places + point;
            const long panel =
                at->before * work.y + rows_of(tiles_at(point, images, in, tiling)) * block;
            to[point] = at->tile < 0 ? 0 : panels + (panel + at->tile) * cb;
        }
        for (int c = 0; c < channels; c += VEC) {
            VECTOR a[POINTS];
            transform_tile(patch + c, rows, px, in, tiling, a);
#pragma unroll
            for (int point = 0; point < POINTS; ++point)
                if (to[point] != 0)
                    PUT_Y(to[point] + c, a[point]);
        }
    }
}

// m += v u of some tiles, one point, one channel block and one filter block.
inline void multiply_tiles(__global const float *v, const int cb, __global const float *u,
                           const int channels, const int count, const int adds, __global float *m)
{
    int i = 0;
    for (; count - i >= PX; i += PX)
        JOIN(products, PX)(v + i * cb, cb, u, channels, adds, m + i * FB);
    for (; count - i >= 4; i += 4)
        products4(v + i * cb, cb, u, channels, adds, m + i * FB);
    for (; i < count; ++i)
        products1(v + i * cb, cb, u, channels, adds, m + i * FB);
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void phases_multiply(__global const float *restrict v, const ulong v_at,
                     __global const float *restrict w, const ulong w_at,
                     __global float *restrict m, const ulong m_at, GEOMETRY, TILING, const int run)
{
    if (run == 0)
        return;
    const int cb = tiling.w, filter_blocks = (out.w + FB - 1) / FB;
    const int slices = (filter_blocks + work.w - 1) / work.w;
    ulong rest = get_global_id(0);
    const int slice = (int)(rest % (ulong)slices);
    rest /= (ulong)slices;
    const long group = (long)(rest % (ulong)kernel_.w);
    long part = (long)(rest / (ulong)kernel_.w), before = tiling.z, tiles = 0, parts = 0;
    int point = POINTS;
    // The last points have the fewest tiles: large portions of a launch go to a processor first.
    do {
        part -= parts;
        tiles = tiles_at(--point, (long)stride.w * in.x, in, tiling);
        before -= rows_of(tiles);
        parts = (tiles + work.z - 1) / work.z;
    } while (part >= parts && point > 0);
    // Whole register blocks, but for the last part.
    const long first = tiles * part / parts / PX * PX;
    const long end = part + 1 < parts ? tiles * (part + 1) / parts / PX * PX : tiles;

    const int end_block = min((slice + 1) * work.w, filter_blocks);
    for (int block = 0; block < work.y; ++block) {
        const int channel = (work.x + block) * cb, channels = min(cb, in.w - channel);
        __global const float *panel =
            v + v_at +
            ((group * tiling.z + before) * work.y + rows_of(tiles) * block + first) * (long)cb;
        for (int k = slice * work.w; k < end_block; ++k) {
            const long at = (group * filter_blocks + k) * POINTS + point;
            multiply_tiles(panel, cb, w + w_at + (at * in.w + channel) * FB, channels,
                           (int)(end - first),
                           work.x + block > 0,
                           m + m_at +
                               ((group * tiling.z + before) * filter_blocks + rows_of(tiles) * k +
                                first) *
                                   FB);
        }
    }
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void phases_output(TENSORS_FROM(float), GEOMETRY, TILING, __local float *sums, const int run)
{
    if (run == 0)
        return;
    const int phases = min(tiling.x, in.y), filter_blocks = (out.w + FB - 1) / FB;
    ulong rest = get_global_id(0);
    const int py = (int)(rest % (ulong)phases);
    rest /= (ulong)phases;
    const int k = (int)(rest % (ulong)filter_blocks);
    rest /= (ulong)filter_blocks;
    const int image = (int)(rest / (ulong)kernel_.w);
    Tile t;
    t.in = in, t.out = out, t.kernel_ = kernel_;
    t.stride = stride, t.dilation = dilation, t.pad = pad;
    t.n = (ulong)(image / in.x), t.plane = image % in.x;
    t.group = (int)(rest % (ulong)kernel_.w), t.slice = 0;
    t.row = py, t.row_step = tiling.x, t.rows = (in.y - 1 - py) / tiling.x + 1;
    t.column = 0, t.columns = t.width = out.z, t.strips = 1, t.strip_step = 0;
    t.full = out, t.first = (int4)(0), t.apart = (int4)(1);

    const long images = (long)stride.w * in.x;
    __global const float *m = x + x_at + (long)t.group * tiling.z * filter_blocks * FB;
    for (int px = 0; px < min(tiling.y, in.z); ++px) {
        __global const float *products[POINTS];
        Place places[POINTS];
        find_places(places, image, images, py, px, in, tiling);
#pragma unroll
        for (int point = 0; point < POINTS; ++point) {
            const Place *at = places + point;
            const long row =
                at->before * filter_blocks + rows_of(tiles_at(point, images, in, tiling)) * k;
            products[point] = at->tile < 0 ? 0 : m + (row + at->tile) * FB;
        }
        for (int f = 0; f < FB; f += VEC) {
            VECTOR a[POINTS];
#pragma unroll
            for (int point = 0; point < POINTS; ++point)
                a[point] = products[point] == 0 ? (VECTOR)(0.0f) : GET_X(products[point] + f);
#pragma unroll
            for (int s = 0; s < POINTS_W; ++s)
                output_phase(a + s, NH, POINTS_W);
#pragma unroll
            for (int r = 0; r < NH; ++r) {
                output_phase(a + r * POINTS_W, NW, 1);
#pragma unroll
                for (int s = 0; s < NW; ++s)
                    if (r < t.rows && px + s * tiling.y < out.z)
                        PUT(sums + (r * out.z + px + s * tiling.y) * FB + f, a[r * POINTS_W + s]);
            }
        }
    }
    const Epilogue e = EPILOGUE;
    store_tile(&t, &e, k, sums);
}

// Taps of one plane to its points.
inline void transform_taps(const float *g, float *points)
{
    float half_done[KH * POINTS_W];
    for (int i = 0; i < KH; ++i)
        taps_phase(g + i * KW, 1, KW, NW, half_done + i * POINTS_W, 1);
    for (int i = 0; i < POINTS_W; ++i)
        taps_phase(half_done + i, POINTS_W, KH, NH, points + i, POINTS_W);
}

#define TAPS (KH * KW)
#define PACK_POINTS phases_pack
#include "points_pack.clh"
