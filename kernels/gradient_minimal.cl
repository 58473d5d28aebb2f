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
//         u[G][filter slice][channel slice][CB][vector of KB][point][VEC]: their products, summed.
// Group   gradient_minimal_input, _output: one work-item, one block of tiles, as winograd.cl's;
//         gradient_minimal_products: one point of a slice of filters by a slice of channels, over
//         all tiles, block by block: no atomics, the same bits every time;
//         gradient_minimal_taps: VEC filters by a slice of channels.
// Local   patch[row][pitch][PC]; sums[CB][KB]; turned[CB][tap][VEC]
// Host    host/solve/gradient_minimal.c
// Lint    -DVEC=8 -DFV=2 -DPX=6 -DM=4 -DR=3 -DAXES=2 -DTYPE=0
// Lint    -DVEC=8 -DFV=2 -DPX=6 -DM=2 -DR=3 -DAXES=1 -DTYPE=1
// Lint    -DVEC=16 -DFV=2 -DPX=8 -DM=3 -DR=2 -DAXES=1 -DTYPE=2

#if !defined(VEC) || !defined(FV) || !defined(PX) || !defined(M) || !defined(R) || !defined(AXES)
#error "gradient_minimal.cl needs -D VEC FV PX M R AXES"
#endif

#define OUTER_SPACE __global
#define PRODUCTS_SPACE __global
#include "dy_tile.clh"
#include "epilogue.clh"
#include "gather.clh"
#include "loose.clh"
#include "outer.clh"
#include "problem.clh"
#include "windows.clh"

#if AXES == 2
#define TAP_ROWS R
#else
#define TAP_ROWS 1
#endif

// One axis of the gradients: M values `step` apart become ALPHA. At ALPHA 6 the points' scales
// are left to sums_axis().
inline void gradient_axis(VECTOR *g, const int step)
{
#if M == 4
    const VECTOR g0 = g[0], g1 = g[step], g2 = g[2 * step], g3 = g[3 * step];
    const VECTOR even = g0 + g2, odd = g1 + g3;
    const VECTOR wide = fma((VECTOR)(4.0f), g2, g0), far = fma((VECTOR)(4.0f), g3, g1);
    g[step] = even + odd;
    g[2 * step] = even - odd;
    g[3 * step] = fma((VECTOR)(2.0f), far, wide);
    g[4 * step] = fma((VECTOR)(-2.0f), far, wide);
    g[5 * step] = g3;
#elif M == 3
    const VECTOR g0 = g[0], g1 = g[step], g2 = g[2 * step];
    const VECTOR even = g0 + g2;
    g[step] = 0.5f * (even + g1);
    g[2 * step] = 0.5f * (even - g1);
    g[3 * step] = g2;
#else
    const VECTOR g0 = g[0], g1 = g[step];
    g[step] = 0.5f * (g0 + g1);
    g[2 * step] = 0.5f * (g0 - g1);
    g[3 * step] = g1;
#endif
}

// One axis of the summed products: ALPHA values `step` apart become R taps.
inline void sums_axis(VECTOR *m, const int step)
{
    const VECTOR a = m[step] + m[2 * step], b = m[step] - m[2 * step];
#if ALPHA == 6
    const VECTOR c = m[3 * step] + m[4 * step], d = m[3 * step] - m[4 * step];
    m[0] = fma((VECTOR)(1.0f / 24.0f), c, fma((VECTOR)(-1.0f / 6.0f), a, 0.25f * m[0]));
    m[step] = fma((VECTOR)(1.0f / 12.0f), d, (-1.0f / 6.0f) * b);
    m[2 * step] = fma((VECTOR)(1.0f / 6.0f), c - a, m[5 * step]);
#else
    const VECTOR last = m[3 * step];
    m[0] += a;
#if R == 3
    m[step] = b;
    m[2 * step] = a + last;
#else
    m[step] = b + last;
#endif
#endif
}

// d of filters [0, filters) for every tile, from a patch of them.
inline void transform_gradient(const Tile *t, __local const int2 *tiles, const int count,
                               __local const float *patch, const int pc, const int filters,
                               __global float *d, const int d_step, const int point_step)
{
    for (int i = 0; i < count; ++i)
        for (int f = 0; f < filters; f += VEC) {
            VECTOR a[POINTS];
            __local const float *from = patch + (tiles[i].y * t->pitch + tiles[i].x) * pc + f;
#pragma unroll
            for (int row = 0; row < OUTPUT_ROWS; ++row) {
#pragma unroll
                for (int column = 0; column < M; ++column)
                    a[row * ALPHA + column] =
                        GET(from + (row * t->pitch + column * t->tap_step) * pc);
                gradient_axis(a + row * ALPHA, 1);
            }
#if AXES == 2
#pragma unroll
            for (int column = 0; column < ALPHA; ++column)
                gradient_axis(a + column, ALPHA);
#endif
#pragma unroll
            for (int point = 0; point < POINTS; ++point)
                PUT_POINT(d + point * point_step + i * d_step + f, a[point]);
        }
}

// The tile of dy: rows and columns of whole tiles of M, zeros past the ends.
inline Tile gradient_tile(const Tile *t)
{
    Tile d = dy_tile(t);
    const int step = t->dilation.z, is_ragged = t->columns % (M * step) != 0;
    d.dilation.z = step;
    d.segment = t->segment, d.tap_step = t->tap_step;
    d.pitch = t->segment > 0 ? M * t->segment : t->columns + (is_ragged ? (M - 1) * step : 0);
    return d;
}

// What a block of tiles becomes in panels `width` channels wide: room for `tiles` of them, and
// zeros where there are fewer. `t` is x's tile or dy's, `image` its first channel of the group.
// Lanes past the last channel of a panel are never stored: they hold anything.
inline void fill_panels(const Tile *t, __local const int2 *tiles, const int count,
                        __global const STORED *image, const Steps from, const int channels,
                        const float pad_value, __local float *patch, const int pc,
                        __global float *to, const int width, const int room,
                        const int point_step, const ulong panel_step, const int is_gradient)
{
    for (int first = 0; first < channels; first += width, to += panel_step) {
        const int here = min(width, channels - first);
        for (int c = 0; count > 0 && c < here; c += pc) {
            const int some = min(pc, here - c);
            load_patch(t, image + (ulong)(first + c) * from.channel, from, some, pad_value, patch,
                       pc);
            if (is_gradient)
                transform_gradient(t, tiles, count, patch, pc, some, to + c, width, point_step);
            else
                transform_input(t, tiles, count, patch, pc, some, to + c, width, point_step);
        }
        for (int point = 0; point < POINTS; ++point)
            for (int i = count * width; i < room * width; ++i)
                to[point * point_step + i] = 0.0f;
    }
}

// Finds block `at` of tiles, counted in each group of the convolution in turn. Returns how many
// tiles it has.
inline int find_block(Tile *t, const ulong at, const ulong blocks, const int4 in, const int4 out,
                      const int4 kernel_, const int4 stride, const int4 dilation, const int4 pad,
                      const int4 tile, const int4 lattice, const int4 grid, const int segment,
                      const int chunks, __local int2 *tiles)
{
    const ulong group = at / blocks, i = at % blocks;
    const ulong of_image = blocks / (ulong)stride.w;
    const ulong place = (i / of_image * (ulong)kernel_.w + group) * of_image + i % of_image;
    const int is_there = find_tile(t, place, in, out, kernel_, stride, dilation, pad, tile,
                                   lattice, grid, segment) &&
                         cut_strips(t, chunks);
    t->group = (int)group;
    if (!is_there)
        return 0;
    const int count = list_tiles(t, tiles);
    t->rows = (t->rows + OUTPUT_ROWS - 1) / OUTPUT_ROWS * OUTPUT_ROWS;
    return count;
}

// room: tiles of a block, width of a panel, chunks of strips or 0, gap between points
#define BLOCKS                                                                                     \
    GEOMETRY, const int4 lattice, const int4 grid, const int segment, const int4 tile,            \
        const int4 room, const ulong blocks

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

// sums[c][f] += the products of one block of tiles.
inline void multiply(__global const float *v, const int cb, const int channels,
                     __global const float *d, const int kb, const int filters, const int count,
                     __local float *sums)
{
    for (int f = 0; f < filters; f += FB)
        for (int c = 0; c < channels; c += PX) {
            VECTOR acc[PX][FV];
#pragma unroll
            for (int j = 0; j < PX; ++j)
#pragma unroll
                for (int i = 0; i < FV; ++i)
                    acc[j][i] = (VECTOR)(0.0f);
            outer(v + c, cb, d + f, kb, count, acc);
            __local float *to = sums + c * kb + f;
#pragma unroll
            for (int j = 0; j < PX; ++j)
#pragma unroll
                for (int i = 0; i < FV; ++i)
                    PUT(to + j * kb + i * VEC, acc[j][i] + GET(to + j * kb + i * VEC));
        }
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
                 from_d + block * (ulong)(POINTS * d_step), kb, filters, room.x, sums);
    __global float *to = u + u_at + ((group * filter_slices + ks) * channel_slices + cs) *
                                        (ulong)(cb * kb * POINTS) + point * VEC;
    for (int i = 0; i < channels * kb; i += VEC)
        PUT_Y(to + i * POINTS, GET(sums + i));
}

// Four lanes of `count` neighbours, turned[i][VEC], to four rows of dw.
inline void store_lanes(const Epilogue *e, __local const float *turned, const int count, ulong at,
                        const ulong row)
{
    int i = 0;
    for (; i + 4 <= count; i += 4, turned += 4 * VEC, at += 4) {
        const float4 a = vload4(0, turned), b = vload4(0, turned + VEC);
        const float4 c = vload4(0, turned + 2 * VEC), d = vload4(0, turned + 3 * VEC);
        __global STORED *to = e->y_base + at;
        put4(finish4(e, (float4)(a.x, b.x, c.x, d.x), at), to);
        put4(finish4(e, (float4)(a.y, b.y, c.y, d.y), at + row), to + row);
        put4(finish4(e, (float4)(a.z, b.z, c.z, d.z), at + 2 * row), to + 2 * row);
        put4(finish4(e, (float4)(a.w, b.w, c.w, d.w), at + 3 * row), to + 3 * row);
    }
    for (; i < count; ++i, turned += VEC, ++at)
        for (int lane = 0; lane < 4; ++lane)
            put(finish(e, turned[lane], at + lane * row), e->y_base + at + lane * row);
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void gradient_minimal_taps(__global const float *restrict u, const ulong u_at,
                           __global STORED *restrict dw, const ulong dw_at, const int4 after,
                           const float4 factors, const int4 slices, // as above
                           const ulong groups, const int flip, __local float *turned,
                           const int run)
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
        u + u_at + (((group * filter_slices + ks) * channel_slices + cs) * (ulong)(cb * kb) +
                    (ulong)(vector * VEC)) * POINTS;
    const Epilogue e = epilogue_of(after, factors, u, 0, dw, dw + dw_at);

    for (int c = 0; c < channels; ++c, from += kb * POINTS) {
        VECTOR a[POINTS];
#pragma unroll
        for (int point = 0; point < POINTS; ++point)
            a[point] = GET_X(from + point * VEC);
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
    int lane = 0;
    for (; lane + 4 <= lanes; lane += 4)
        store_lanes(&e, turned + lane, channels * taps, first + (ulong)lane * row, row);
    for (; lane < lanes; ++lane)
        for (int i = 0; i < channels * taps; ++i) {
            const ulong place = first + (ulong)lane * row + (ulong)i;
            put(finish(&e, turned[i * VEC + lane], place), e.y_base + place);
        }
}
