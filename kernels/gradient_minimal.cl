// gradient_minimal.cl: the gradient of the weights by minimal filtering, phase by phase.
//
// What F(M,R) does with a tile of x and R taps, the same points do with the tile and M x M
// gradients: R x R taps come of it, and in the points the sum over all tiles is one of products.
//
//     dw = A [ sum over tiles (G dy GT) .* (BT x B) ] AT
//
// Layout  x[N][C][H][W] or x[N][H][W][C], dy likewise; dw[K][C/G][tap]
//         v[G][channel slice][block of tiles][point][tile][CB], a gap between points: transformed
//         inputs; d[G][filter slice][block of tiles][point][tile][KB]: transformed gradients;
//         u[G][filter slice][channel slice][part][CB][vector of KB][point][VEC]: their products,
//         summed over a part of the blocks, or all of them.
// Group   gradient_minimal_input, _output: one work-item, one block of tiles, as winograd.cl's;
//         gradient_minimal_products: one point of a slice of filters by a slice of channels, over
//         all tiles, block by block: no atomics, the same bits every time;
//         gradient_minimal_fused, where local memory holds the points of a block, in place of those
//         three: a slice of filters by one of channels, a part of the blocks;
//         gradient_minimal_taps: VEC filters by a slice of channels, parts in their order.
// Local   patch[row][pitch][PC]; sums[CB][KB]; turned[CB][tap][VEC]; fused: v and d of one block
// Host    host/solve/gradient_minimal.c
// Lint    -DVEC=8 -DFV=2 -DPX=6 -DM=4 -DR=3 -DAXES=2 -DFUSED=0 -DTYPE=0
// Lint    -DVEC=8 -DFV=2 -DPX=6 -DM=2 -DR=3 -DAXES=1 -DFUSED=0 -DTYPE=1
// Lint    -DVEC=16 -DFV=2 -DPX=8 -DM=3 -DR=2 -DAXES=1 -DFUSED=1 -DTYPE=2
// Lint    -DVEC=16 -DFV=2 -DPX=8 -DM=4 -DR=3 -DAXES=2 -DFUSED=1 -DTYPE=0

#if !defined(VEC) || !defined(FV) || !defined(PX) || !defined(M) || !defined(R) ||                 \
    !defined(AXES) || !defined(FUSED)
#error "gradient_minimal.cl needs -D VEC FV PX M R AXES FUSED"
#endif

#if FUSED
#define OUTER_SPACE __local
#define PRODUCTS_SPACE __local
#define SUMS_SPACE __global
#else
#define OUTER_SPACE __global
#define PRODUCTS_SPACE __global
#define SUMS_SPACE __local
#endif
#define GET_SUM(p) (((SUMS_SPACE const Loose *)(p))->v)
#define PUT_SUM(p, value) (((SUMS_SPACE Loose *)(p))->v = (value))
#include "gradient_windows.clh"
#include "outer.clh"
#include "prefetch.clh"
#include "turned.clh"

// sums[c][f] += the products of one block of tiles. What lies `ahead` of the sums is fetched.
inline void multiply(OUTER_SPACE const float *v, const int cb, const int channels,
                     OUTER_SPACE const float *d, const int kb, const int filters, const int count,
                     SUMS_SPACE float *sums, const int ahead)
{
    for (int f = 0; f < filters; f += FB)
        for (int c = 0; c < channels; c += PX) {
            VECTOR acc[PX][FV];
            SUMS_SPACE float *to = sums + c * kb + f;
#pragma unroll
            for (int j = 0; j < PX; ++j)
#pragma unroll
                for (int i = 0; i < FV; ++i) {
                    acc[j][i] = (VECTOR)(0.0f);
#if FUSED
                    PREFETCH(to + ahead + j * kb + i * VEC, 1);
#endif
                }
            outer(v + c, cb, d + f, kb, count, acc);
#pragma unroll
            for (int j = 0; j < PX; ++j)
#pragma unroll
                for (int i = 0; i < FV; ++i)
                    PUT_SUM(to + j * kb + i * VEC,
                            acc[j][i] + GET_SUM(to + j * kb + i * VEC));
        }
}

#if FUSED
// Blocks of tiles one after the other, their points in local memory, and sums of all points in the
// workspace, s[G][filter slice][channel slice][part][point][CB][KB], a gap between points: in the
// order of u at last.
__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void gradient_minimal_fused(__global const STORED *restrict x, const ulong x_at,
                            __global const STORED *restrict grad, const ulong grad_at,
                            __global float *restrict s, const ulong s_at,
                            __global float *restrict u, const ulong u_at, BLOCKS,
                            const int4 slices, // channels and filters of a group, CB, KB
                            const int parts, __local float *patch, __local int2 *tiles,
                            __local float *v, __local float *d, const int run)
{
    if (run == 0)
        return;
    const int cb = slices.z, kb = slices.w;
    const ulong channel_slices = (ulong)((slices.x + cb - 1) / cb);
    const ulong filter_slices = (ulong)((slices.y + kb - 1) / kb);
    const ulong at = get_global_id(0), part = at % (ulong)parts;
    const ulong cs = at / (ulong)parts % channel_slices;
    const ulong ks = at / (ulong)parts / channel_slices % filter_slices;
    const ulong group = at / (ulong)parts / channel_slices / filter_slices;
    const int channel = (int)cs * cb, channels = min(cb, slices.x - channel);
    const int filter = (int)ks * kb, filters = min(kb, slices.y - filter);
    const ulong first = blocks * part / (ulong)parts, end = blocks * (part + 1) / (ulong)parts;
    const Steps from_x = steps_of(pad.w & FLAG_INPUT_NHWC, plane_of(in), in.w * kernel_.w);
    const Steps from_dy = steps_of(pad.w & FLAG_OUTPUT_NHWC, plane_of(out), out.w * kernel_.w);
    const int v_step = room.x * cb + room.w, d_step = room.x * kb + room.w;
    const int sum_step = (cb + PX - 1) / PX * PX * kb + VEC;
    __global float *sums = s + s_at + at * (ulong)(POINTS * sum_step);

    for (int i = 0; i < POINTS * sum_step; ++i)
        sums[i] = 0.0f;
    for (ulong block = first; block < end; ++block) {
        Tile t;
        const int count = find_block(&t, group * blocks + block, blocks, in, out, kernel_, stride,
                                     dilation, pad, tile, lattice, grid, segment, room.z, tiles);
        if (count == 0)
            continue;
        const Tile dy = gradient_tile(&t);
        fill_panels(&t, tiles, count,
                    x + x_at + t.n * (ulong)(kernel_.w * in.w) * plane_of(in) +
                        (ulong)(t.group * in.w + channel) * from_x.channel,
                    from_x, channels, pad_value, patch, tile.z, v, cb, count, v_step, 0, 0);
        fill_panels(&dy, tiles, count,
                    grad + grad_at + t.n * (ulong)(kernel_.w * out.w) * plane_of(out) +
                        (ulong)(t.group * out.w + filter) * from_dy.channel,
                    from_dy, filters, 0.0f, patch, tile.w, d, kb, count, d_step, 0, 1);
        for (int point = 0; point < POINTS; ++point)
            multiply(v + point * v_step, cb, channels, d + point * d_step, kb, filters, count,
                     sums + point * sum_step, sum_step);
    }
    __global float *to = u + u_at + at * (ulong)(POINTS * cb * kb);
    for (int i = 0; i < channels * kb; i += VEC)
        for (int point = 0; point < POINTS; ++point)
            PUT_Y(to + i * POINTS + point * VEC, GET_X(sums + point * sum_step + i));
}

#else
__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void gradient_minimal_input(__global const STORED *restrict x, const ulong x_at,
                            __global float *restrict v, const ulong v_at, BLOCKS,
                            __local float *patch, __local int2 *tiles, const int run)
{
    if (run == 0)
        return;
    Tile t;
    const ulong at = get_global_id(0);
    const int count = find_block(&t, at, blocks, in, out, kernel_, stride, dilation, pad, tile,
                                 lattice, grid, segment, room.z, tiles);
    const Steps from = steps_of(pad.w & FLAG_INPUT_NHWC, plane_of(in), in.w * kernel_.w);
    const int point_step = room.x * room.y + room.w;
    const ulong slices = (ulong)((in.w + room.y - 1) / room.y);
    const ulong block_step = (ulong)(POINTS * point_step);
    fill_panels(&t, tiles, count,
                x + x_at + t.n * (ulong)(kernel_.w * in.w) * plane_of(in) +
                    (ulong)(t.group * in.w) * from.channel,
                from, in.w, pad_value, patch, tile.z,
                v + v_at + (at / blocks * slices * blocks + at % blocks) * block_step, room.y,
                room.x, point_step, blocks * block_step, 0);
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void gradient_minimal_output(__global const STORED *restrict grad, const ulong grad_at,
                             __global float *restrict d, const ulong d_at, BLOCKS,
                             __local float *patch, __local int2 *tiles, const int run)
{
    if (run == 0)
        return;
    Tile t;
    const ulong at = get_global_id(0);
    const int count = find_block(&t, at, blocks, in, out, kernel_, stride, dilation, pad, tile,
                                 lattice, grid, segment, room.z, tiles);
    const Tile from_tile = gradient_tile(&t);
    const Steps from = steps_of(pad.w & FLAG_OUTPUT_NHWC, plane_of(out), out.w * kernel_.w);
    const int point_step = room.x * room.y + room.w;
    const ulong slices = (ulong)((out.w + room.y - 1) / room.y);
    const ulong block_step = (ulong)(POINTS * point_step);
    fill_panels(&from_tile, tiles, count,
                grad + grad_at + t.n * (ulong)(kernel_.w * out.w) * plane_of(out) +
                    (ulong)(t.group * out.w) * from.channel,
                from, out.w, 0.0f, patch, tile.z,
                d + d_at + (at / blocks * slices * blocks + at % blocks) * block_step, room.y,
                room.x, point_step, blocks * block_step, 1);
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void gradient_minimal_products(__global const float *restrict v, const ulong v_at,
                               __global const float *restrict d, const ulong d_at,
                               __global float *restrict u, const ulong u_at,
                               const int4 slices, // channels and filters of a group, CB, KB
                               const int4 room,   // tiles of a block, 0, 0, gap between points
                               const ulong groups, const ulong blocks, const int sums_floats,
                               __local float *sums, const int run)
{
    if (run == 0)
        return;
    const int cb = slices.z, kb = slices.w;
    const ulong channel_slices = (ulong)((slices.x + cb - 1) / cb);
    const ulong filter_slices = (ulong)((slices.y + kb - 1) / kb);
    const ulong at = get_global_id(0);
    const ulong cs = at % channel_slices, ks = at / channel_slices % filter_slices;
    const ulong rest = at / channel_slices / filter_slices;
    const ulong group = rest % groups, point = rest / groups;
    const int v_step = room.x * cb + room.w, d_step = room.x * kb + room.w;
    const int channels = min(cb, slices.x - (int)cs * cb);
    const int filters = min(kb, slices.y - (int)ks * kb);
    __global const float *from_v =
        v + v_at + (((group * channel_slices + cs) * blocks) * POINTS + point) * (ulong)v_step;
    __global const float *from_d =
        d + d_at + (((group * filter_slices + ks) * blocks) * POINTS + point) * (ulong)d_step;

    for (int i = 0; i < sums_floats; ++i)
        sums[i] = 0.0f;
    for (ulong block = 0; block < blocks; ++block)
        multiply(from_v + block * (ulong)(POINTS * v_step), cb, channels,
                 from_d + block * (ulong)(POINTS * d_step), kb, filters, room.x, sums, 0);
    __global float *to = u + u_at + ((group * filter_slices + ks) * channel_slices + cs) *
                                        (ulong)(cb * kb * POINTS) + point * VEC;
    for (int i = 0; i < channels * kb; i += VEC)
        PUT_Y(to + i * POINTS, GET(sums + i));
}

#endif

__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void gradient_minimal_taps(__global const float *restrict u, const ulong u_at,
                           __global STORED *restrict dw, const ulong dw_at, const int4 after,
                           const float4 factors, const int4 slices, // as above
                           const ulong groups, const int flip, const int parts,
                           __local float *turned, const int run)
{
    if (run == 0)
        return;
    const int cb = slices.z, kb = slices.w, taps = TAP_ROWS * R;
    const ulong channel_slices = (ulong)((slices.x + cb - 1) / cb);
    const ulong filter_slices = (ulong)((slices.y + kb - 1) / kb);
    const int vectors = kb / VEC;
    const ulong at = get_global_id(0), cs = at % channel_slices;
    const int vector = (int)(at / channel_slices % (ulong)vectors);
    const ulong ks = at / channel_slices / (ulong)vectors % filter_slices;
    const ulong group = at / channel_slices / (ulong)vectors / filter_slices;
    const int filter = (int)ks * kb + vector * VEC, lanes = min(VEC, slices.y - filter);
    const int channel = (int)cs * cb, channels = min(cb, slices.x - channel);
    __global const float *from =
        u + u_at +
        (((group * filter_slices + ks) * channel_slices + cs) * (ulong)(parts * cb * kb) +
         (ulong)(vector * VEC)) * POINTS;
    const ulong part_step = (ulong)(cb * kb * POINTS);
    const Epilogue e = epilogue_of(after, factors, u, 0, dw, dw + dw_at);

    for (int c = 0; c < channels; ++c, from += kb * POINTS) {
        VECTOR a[POINTS];
#pragma unroll
        for (int point = 0; point < POINTS; ++point)
            a[point] = GET_X(from + point * VEC);
        for (int part = 1; part < parts; ++part)
#pragma unroll
            for (int point = 0; point < POINTS; ++point)
                a[point] += GET_X(from + part * part_step + point * VEC);
#if AXES == 2
#pragma unroll
        for (int column = 0; column < ALPHA; ++column)
            sums_axis(a + column, ALPHA);
#endif
#pragma unroll
        for (int row = 0; row < TAP_ROWS; ++row) {
            sums_axis(a + row * ALPHA, 1);
#pragma unroll
            for (int column = 0; column < R; ++column) {
                const int tap = row * R + column;
                PUT(turned + (c * taps + (flip ? taps - 1 - tap : tap)) * VEC,
                    a[row * ALPHA + column]);
            }
        }
    }

    const ulong row = (ulong)(slices.x * taps);
    const ulong first = (group * (ulong)slices.y + (ulong)filter) * row + (ulong)(channel * taps);
    store_turned(&e, turned, channels * taps, lanes, first, row);
}
