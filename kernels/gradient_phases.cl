// gradient_phases.cl: the gradient of the weights where phases are short: no longer than 3.
//
// A whole phase of x and one of dy, transformed, meet in a product a point; all phases add up to
// the points of the taps (phases.clh):
//
//     dw = A [ sum over phases (G dy GT) .* (BT x B) ] AT
//
// Layout  x[N][C][D][H][W] or x[N][D][H][W][C], dy likewise; dw[K][C/G][tap], or sums of parts of
//         the phases, part after part;
//         v[G][channel block][row][CB], d[G][filter block][row][FB]: transformed inputs, of some
//         channel blocks at a time, and gradients (phases_panels.clh).
// Stages  gradient_phases_panels of dy; of some channel blocks of x, then gradient_phases_products
//         of those.
// Group   one work-item. Panels: a phase of rows with all its phases of columns. Products: a block
//         of channels by some of filters, all points and, in parts, phases in their order: no
//         atomics, the same bits every time.
// Local   patch[row][column][CB]; sums[point][CB][filter], a gap between points;
//         turned[CB][tap][VEC]
// Host    host/solve/gradient_phases.c
// Lint    -DVEC=8 -DFV=2 -DPX=6 -DNH=3 -DNW=3 -DKH=3 -DKW=3 -DTYPE=0
// Lint    -DVEC=16 -DFV=2 -DPX=8 -DNH=2 -DNW=3 -DKH=3 -DKW=3 -DTYPE=1
// Lint    -DVEC=8 -DFV=2 -DPX=6 -DNH=3 -DNW=2 -DKH=3 -DKW=3 -DTYPE=2 -DFLOAT_SUMS
// Lint    -DVEC=16 -DFV=2 -DPX=8 -DNH=1 -DNW=2 -DKH=1 -DKW=3 -DTYPE=2

#if !defined(VEC) || !defined(FV) || !defined(PX) || !defined(NH) || !defined(NW) ||              \
    !defined(KH) || !defined(KW)
#error "gradient_phases.cl needs -D VEC FV PX NH NW KH KW"
#endif

#define OUTER_SPACE __global
#include "outer.clh"
#include "phases_panels.clh"
#include "turned.clh"

#define TAPS (KH * KW)
// Points become taps in place.
#define SIDE_H (KH > POINTS_H ? KH : POINTS_H)
#define SIDE_W (KW > POINTS_W ? KW : POINTS_W)

// Where the gradients of dy lie that meet `point` of x.
inline int partner_of(const int point)
{
    return PARTNER_OF(NH, point / POINTS_W) * POINTS_W + PARTNER_OF(NW, point % POINTS_W);
}

// extents: D H W of x and of dy alike, channels of a group, which dy's filters are here
__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void gradient_phases_panels(__global const STORED *restrict x, const ulong x_at,
                            __global float *restrict v, const ulong v_at, const int4 extents,
                            const int4 images, // groups, batch, is NHWC, 0
                            TILING, __local float *patch, const int run)
{
    if (run == 0)
        return;
    fill_panels(x + x_at, get_global_id(0), extents, images.x, images.y, images.z, tiling, work,
                patch, v + v_at);
}

// sums[c][f] of one point and FB filters: of `count` tiles, and what was there unless is_first.
inline void multiply(__global const float *v, const int cb, const int channels,
                     __global const float *d, const int count, const int is_first,
                     __local float *sums, const int kb)
{
    for (int c = 0; c < channels; c += PX) {
        VECTOR acc[PX][FV];
#pragma unroll
        for (int j = 0; j < PX; ++j)
#pragma unroll
            for (int i = 0; i < FV; ++i)
                acc[j][i] = (VECTOR)(0.0f);
        outer(v + c, cb, d, FB, count, acc);
        __local float *to = sums + c * kb;
#pragma unroll
        for (int j = 0; j < PX; ++j)
#pragma unroll
            for (int i = 0; i < FV; ++i) {
                __local float *at = to + j * kb + i * VEC;
                PUT(at, is_first ? acc[j][i] : acc[j][i] + GET(at));
            }
    }
}

// Tiles [first, end) of each point's `parts`th share, by a block of channels and the filter blocks
// of a slice.
inline void sum_points(__global const float *v, const int channels, __global const float *d,
                       const int blocks, const int4 extents, const int4 tiling, const long images,
                       const int part, const int parts, const int chunk, __local float *sums,
                       const int kb)
{
    long before[POINTS + 1];
    before[0] = 0;
    for (int point = 0; point < POINTS; ++point)
        before[point + 1] = before[point] + rows_of(tiles_at(point, images, extents, tiling));
    for (int point = 0; point < POINTS; ++point, sums += tiling.w * kb + VEC) {
        const long tiles = tiles_at(point, images, extents, tiling);
        const long first = tiles * part / parts, end = tiles * (part + 1) / parts;
        __global const float *from_v = v + before[point] * tiling.w;
        __global const float *from_d = d + before[partner_of(point)] * FB;
        long at = first;
        do {
            const int count = (int)min((long)chunk, end - at);
            for (int block = 0; block < blocks; ++block)
                multiply(from_v + at * tiling.w, tiling.w, channels,
                         from_d + (block * (long)tiling.z + at) * FB, count, at == first,
                         sums + block * FB, kb);
            at += chunk;
        } while (at < end);
    }
}

// turned[c][tap][VEC] of one vector of filters.
inline void turn_points(__local const float *sums, const int channels, const int cb, const int kb,
                        const int flip, __local float *turned)
{
    for (int c = 0; c < channels; ++c, sums += kb) {
        VECTOR a[SIDE_H * SIDE_W];
#pragma unroll
        for (int s = 0; s < POINTS_W; ++s) {
#pragma unroll
            for (int r = 0; r < POINTS_H; ++r)
                a[r * SIDE_W + s] = GET(sums + (r * POINTS_W + s) * (cb * kb + VEC));
            sums_phase(a + s, KH, NH, SIDE_W);
        }
#pragma unroll
        for (int r = 0; r < KH; ++r) {
            sums_phase(a + r * SIDE_W, KW, NW, 1);
#pragma unroll
            for (int s = 0; s < KW; ++s) {
                const int tap = r * KW + s;
                PUT(turned + (c * TAPS + (flip ? TAPS - 1 - tap : tap)) * VEC, a[r * SIDE_W + s]);
            }
        }
    }
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void gradient_phases_products(__global const float *restrict v, const ulong v_at,
                              __global const float *restrict d, const ulong d_at,
                              __global Y_STORED *restrict dw, const ulong dw_at, const int4 after,
                              const float4 factors, const int4 extents, // as above
                              const int4 filters, // of a group, filter blocks, of a slice, flip
                              const int4 images,  // groups, all planes, parts, tiles of a chunk
                              TILING, __local float *sums, __local float *turned, const int run)
{
    if (run == 0)
        return;
    const int cb = tiling.w, kb = filters.z * FB, parts = images.z;
    const int slices = (filters.y + filters.z - 1) / filters.z;
    ulong rest = get_global_id(0);
    const int first_block = (int)(rest % (ulong)slices) * filters.z;
    rest /= (ulong)slices;
    const int block = (int)(rest % (ulong)work.y);
    rest /= (ulong)work.y;
    const int part = (int)(rest % (ulong)parts);
    const long group = (long)(rest / (ulong)parts);
    const int channel = (work.x + block) * cb, channels = min(cb, extents.w - channel);
    const int blocks = min(filters.z, filters.y - first_block), filter = first_block * FB;

    sum_points(v + v_at + (group * work.y + block) * tiling.z * cb, channels,
               d + d_at + (group * filters.y + first_block) * tiling.z * FB, blocks, extents,
               tiling, images.y, part, parts, images.w, sums, kb);

    const ulong row = (ulong)(extents.w * TAPS);
    const ulong elements = row * (ulong)filters.x * (ulong)images.x;
    const Epilogue e =
        epilogue_of(after, factors, v, 0, dw, dw + dw_at + (ulong)part * elements);
    for (int f = 0; f < min(blocks * FB, filters.x - filter); f += VEC) {
        turn_points(sums + f, channels, cb, kb, filters.w, turned);
        store_turned(&e, turned, channels * TAPS, min(VEC, filters.x - filter - f),
                     (group * filters.x + filter + f) * row + (ulong)(channel * TAPS), row);
    }
}
