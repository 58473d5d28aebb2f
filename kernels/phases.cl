// phases.cl: dilated convolution of images whose phases are short: no longer than 3.
//
// Where the dilation is a third of the image or more, most taps read padding, and a phase of an
// axis (outputs a dilation apart) holds 1, 2 or 3 values between zeros. Its outputs take one
// product more than it has values (phases.clh); without that, 3N - 2.
//
// Layout  x[N][C][D][H][W] or x[N][D][H][W][C], y likewise; u[G][filter block][point][C/G][FB]
//         v[G][channel block][row][CB]: transformed inputs (phases_panels.clh), of some channel
//         blocks at a time; m[G][filter block][row][FB]: products.
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
#include "phases_panels.clh"
#include "problem.clh"
#include "scatter.clh"

#define PRODUCTS_SPACE __global
#define SUMS_SPACE __global
#define ROWS PX
#include "products.clh"
#define ROWS 4
#include "products.clh"
#define ROWS 1
#include "products.clh"

__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void phases_input(__global const STORED *restrict x, const ulong x_at, __global float *restrict v,
                  const ulong v_at, GEOMETRY, TILING, __local float *patch, const int run)
{
    if (run == 0)
        return;
    fill_panels(x + x_at, get_global_id(0), in, kernel_.w, stride.w, pad.w & FLAG_INPUT_NHWC,
                tiling, work, patch, v + v_at);
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
            v + v_at + ((group * work.y + block) * tiling.z + before + first) * (long)cb;
        for (int k = slice * work.w; k < end_block; ++k) {
            const long at = (group * filter_blocks + k) * POINTS + point;
            multiply_tiles(panel, cb, w + w_at + (at * in.w + channel) * FB, channels,
                           (int)(end - first), work.x + block > 0,
                           m + m_at +
                               ((group * filter_blocks + k) * tiling.z + before + first) * FB);
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

    __global const float *m =
        x + x_at + (long)(t.group * filter_blocks + k) * tiling.z * FB;
    for (int px = 0; px < min(tiling.y, in.z); ++px) {
        long rows_at[POINTS];
        find_rows(rows_at, image, (long)stride.w * in.x, py, px, in, tiling);
        for (int f = 0; f < FB; f += VEC) {
            VECTOR a[POINTS];
#pragma unroll
            for (int point = 0; point < POINTS; ++point)
                a[point] = rows_at[point] < 0 ? (VECTOR)(0.0f) : GET_X(m + rows_at[point] * FB + f);
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
