// winograd.cl: dilated convolution by Winograd's minimal filtering, phase by phase.
//
// Outputs that are a dilation apart read inputs a dilation apart: a phase of the image is a
// dense image to F(M,R), so the method works at any dilation. The taps of a depth are summed as
// channels are: KD planes of C/G channels are KD * C/G channels to the products.
//
// Layout  x[N][C][H][W] or x[N][H][W][C], y likewise;
//         u[G][filter block][point][KD][C/G][FB] from winograd_pack;
//         v[point][tile][CS]: transformed inputs; m[filter block][point][tile][FB]: products.
// Group   one work-item: M*k rows of one row phase, and contiguous columns with all their
//         phases; or, where the dilation is wide, M strips of columns a dilation apart.
// Local   patch[row][pitch][CB], then m, then sums[pixel][FB] of one filter block.
// Fused   (SPACE __local) v stays in local memory; staged (SPACE __global) winograd_input
//         writes v to the workspace and winograd_output reads it for each slice of filters.
// Host    host/solve/winograd.c
// Lint    -DVEC=8 -DFV=2 -DPX=6 -DM=4 -DR=3 -DAXES=2 -DFUSED=1 -DTYPE=0
// Lint    -DVEC=8 -DFV=2 -DPX=6 -DM=2 -DR=3 -DAXES=2 -DFUSED=0 -DTYPE=1
// Lint    -DVEC=8 -DFV=2 -DPX=6 -DM=2 -DR=3 -DAXES=2 -DFUSED=0 -DTYPE=1 -DFLOAT_SUMS
// Lint    -DVEC=16 -DFV=2 -DPX=8 -DM=3 -DR=2 -DAXES=1 -DFUSED=1 -DTYPE=2
// Lint    -DVEC=16 -DFV=1 -DPX=12 -DM=4 -DR=3 -DAXES=2 -DFUSED=1 -DTYPE=0

#if !defined(VEC) || !defined(FV) || !defined(PX) || !defined(M) || !defined(R) ||                \
    !defined(AXES) || !defined(FUSED)
#error "winograd.cl needs -D VEC FV PX M R AXES FUSED"
#endif

#include "vectors.clh"
#include "ahead.clh"
#include "gather.clh"
#include "problem.clh"
#include "scatter.clh"
#include "transforms.clh"

#if FUSED
#define PRODUCTS_SPACE __local
#else
#define PRODUCTS_SPACE __global
#endif
#include "windows.clh"
#define SUMS_SPACE __local
#define ROWS PX
#include "products.clh"
#define ROWS 4
#include "products.clh"
#define ROWS 1
#include "products.clh"

// The taps of the depth that read input at the tile's plane, [x, y); all of them but where zeros
// pad: those add nothing.
inline int2 depths_of(const Tile *t)
{
    int2 depths = (int2)(0, t->kernel_.x);
    if (t->dilation.w != PADDING_ZEROS)
        return depths;
    while (depths.x < depths.y && patch_plane(t, depths.x) < 0)
        ++depths.x;
    while (depths.y > depths.x && patch_plane(t, depths.y - 1) >= t->in.x)
        --depths.y;
    return depths;
}

// Gathers and transforms every channel of a group, depth by depth. A vector may reach into the
// next depth's channels, which are written after it.
inline void fill_points(const Tile *t, __local const int2 *tiles, const int count,
                        __global const STORED *image, const Steps from, const float pad_value,
                        __local float *patch, const int cb, PRODUCTS_SPACE float *v,
                        const int v_step, const int point_step)
{
    const int2 depths = depths_of(t);
    Tile plane = *t;
    plane.kernel_.x = 1;
    for (int depth = depths.x; depth < depths.y; ++depth, v += t->in.w) {
        plane.pad.x = t->pad.x - depth * t->dilation.x;
        for (int first = 0; first < t->in.w; first += cb) {
            const int channels = min(cb, t->in.w - first);
            load_patch(&plane, image + (ulong)first * from.channel, from, channels, pad_value,
                       patch, cb);
            transform_input(t, tiles, count, patch, cb, channels, v + first, v_step, point_step);
        }
    }
}

// The products of one point and filter block for every tile.
inline void multiply_point(PRODUCTS_SPACE const float *v, const int v_step,
                           __global const float *u, const int channels, const int count,
                           __local float *m, Ahead *reads, const int reads_each, Ahead *writes,
                           const int writes_each)
{
    int i = 0;
    // Left-over tiles go in blocks of 4, which still fill the pipeline: 2 more than a multiple
    // of 6 make two of them.
    for (; count - i >= PX && count - i != PX + 2 && count - i != PX + 1; i += PX) {
        JOIN(products, PX)(v + i * v_step, v_step, u, channels, 0, m + i * FB);
        fetch_ahead(reads, reads_each);
        fetch_ahead(writes, writes_each);
    }
    for (; count - i >= 4; i += 4)
        products4(v + i * v_step, v_step, u, channels, 0, m + i * FB);
    for (; i < count; ++i)
        products1(v + i * v_step, v_step, u, channels, 0, m + i * FB);
}

// Outputs of one filter block from its products, to sums[pixel][FB].
inline void transform_output(const Tile *t, __local const int2 *tiles, const int count,
                             __local const float *m, const int point_step, __local float *sums)
{
    const int step = t->tap_step;
    for (int i = 0; i < count; ++i)
        for (int f = 0; f < FV; ++f) {
            VECTOR a[POINTS];
#pragma unroll
            for (int point = 0; point < POINTS; ++point)
                a[point] = GET(m + point * point_step + i * FB + f * VEC);
#if AXES == 2
#pragma unroll
            for (int column = 0; column < ALPHA; ++column)
                output_axis(a + column, ALPHA);
#endif
#pragma unroll
            for (int row = 0; row < OUTPUT_ROWS; ++row) {
                output_axis(a + row * ALPHA, 1);
#pragma unroll
                for (int column = 0; column < M; ++column) {
                    const int x = tiles[i].x + column * step;
                    if (tiles[i].y + row < t->rows && x < t->width)
                        PUT(sums + ((tiles[i].y + row) * t->width + x) * FB + f * VEC,
                            a[row * ALPHA + column]);
                }
            }
        }
}

// Every filter block of the group's slice: products, outputs, y.
inline void compute_outputs(const Tile *t, __local const int2 *tiles, const int count,
                            const int blocks, const int4 room, PRODUCTS_SPACE const float *v,
                            __global const float *u, const Epilogue *e,
                            __local float *m, __local float *sums, Ahead *reads,
                            const int slices)
{
    const int filter_blocks = (t->out.w + FB - 1) / FB, channels = t->kernel_.x * t->in.w;
    const int2 depths = depths_of(t);
    const int begin = t->slice * blocks, end = min(begin + blocks, filter_blocks);
    const int point_step = room.x * FB + room.w, v_step = room.y;
    const int v_point_step = room.x * room.y + room.w;
    const ulong first = (ulong)t->group * (ulong)filter_blocks + (ulong)begin;
    __global const float *block_u = u + first * (ulong)(POINTS * channels * FB);
    Ahead writes;
    aim_at_slice(&writes, t, e, begin, end);
    const int calls = POINTS * max(count / PX, 1) * (end - begin);
    const int writes_each = writes.left / calls + 1;
    const int reads_each = reads->left / (calls * (slices - t->slice)) + 1;
    // Points outside, filter blocks inside: v of one point serves all blocks from near cache.
    for (int point = 0; point < POINTS; ++point)
        for (int k = 0; k < end - begin; ++k)
            multiply_point(v + point * v_point_step, v_step,
                           block_u + (ulong)(k * POINTS + point) * (ulong)(channels * FB) +
                               depths.x * t->in.w * FB,
                           (depths.y - depths.x) * t->in.w, count,
                           m + (k * POINTS + point) * point_step, reads, reads_each, &writes,
                           writes_each);
    for (int k = begin; k < end; ++k) {
        transform_output(t, tiles, count, m + (k - begin) * POINTS * point_step, point_step, sums);
        store_tile(t, e, k, sums);
    }
}

// tile: rows, columns, channels of a patch, filter blocks of a slice
// room: tiles, CS (channels of a v row), chunks of strips or 0, gap between points: without
// one they would lie powers of two apart, all in the same few sets of a cache
#define TILING                                                                                     \
    const int4 lattice, const int4 grid, const int segment, const int4 tile, const int4 room

// The first channel of the group's image.
inline __global const STORED *image_of(const Tile *t, __global const STORED *x, const Steps from)
{
    return x + t->n * (ulong)(t->kernel_.w * t->in.w) * plane_of(t->in) +
           (ulong)(t->group * t->in.w) * from.channel;
}

#if FUSED
__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void winograd(TENSORS, GEOMETRY, TILING, __local float *patch, __local float *v,
              __local float *m, __local int2 *tiles, const int run)
{
    Tile t;
    if (run == 0 || !find_tile(&t, get_global_id(0), in, out, kernel_, stride, dilation, pad, tile,
                               lattice, grid, segment) ||
        !cut_strips(&t, room.z))
        return;
    const int count = list_tiles(&t, tiles);
    const Steps from = steps_of(pad.w & FLAG_INPUT_NHWC, plane_of(in), in.w * kernel_.w);
    Tile loaded = t;
    loaded.rows = (t.rows + OUTPUT_ROWS - 1) / OUTPUT_ROWS * OUTPUT_ROWS;
    fill_points(&loaded, tiles, count, image_of(&t, x + x_at, from), from, pad_value, patch, tile.z,
                v, room.y, room.x * room.y + room.w);
    const Epilogue e = EPILOGUE;
    // The patch has served: its place takes the sums.
    Tile next;
    Ahead reads;
    reads.left = 0;
    if (get_global_id(0) + 1 < get_global_size(0) &&
        find_tile(&next, get_global_id(0) + 1, in, out, kernel_, stride, dilation, pad, tile,
                  lattice, grid, segment) &&
        cut_strips(&next, room.z))
        aim_at_input(&reads, &next, image_of(&next, x + x_at, from), from, in.w);
    const int slices = (out.w + tile.w * FB - 1) / (tile.w * FB);
    for (t.slice = 0; t.slice < slices; ++t.slice)
        compute_outputs(&t, tiles, count, tile.w, room, v, w + w_at, &e, m, patch, &reads, slices);
}
#else
__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void winograd_input(__global const STORED *restrict x, const ulong x_at,
                    __global float *restrict v, const ulong v_at, GEOMETRY, TILING,
                    __local float *patch, __local int2 *tiles, const int run)
{
    Tile t;
    const ulong at = get_global_id(0);
    if (run == 0 || !find_tile(&t, at, in, out, kernel_, stride, dilation, pad, tile, lattice, grid,
                               segment) ||
        !cut_strips(&t, room.z))
        return;
    const int count = list_tiles(&t, tiles);
    const Steps from = steps_of(pad.w & FLAG_INPUT_NHWC, plane_of(in), in.w * kernel_.w);
    t.rows = (t.rows + OUTPUT_ROWS - 1) / OUTPUT_ROWS * OUTPUT_ROWS;
    fill_points(&t, tiles, count, image_of(&t, x + x_at, from), from, pad_value, patch, tile.z,
                v + v_at + at * (ulong)POINTS * (ulong)(room.x * room.y + room.w), room.y,
                room.x * room.y + room.w);
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void winograd_output(TENSORS_FROM(float), GEOMETRY, TILING, __local float *m, __local float *sums,
                     __local int2 *tiles, const int run)
{
    Tile t;
    const ulong at = get_global_id(0);
    if (run == 0 || !find_tile(&t, at, in, out, kernel_, stride, dilation, pad, tile, lattice, grid,
                               segment) ||
        !cut_strips(&t, room.z))
        return;
    const int count = list_tiles(&t, tiles);
    const Epilogue e = EPILOGUE;
    Ahead reads;
    reads.left = 0;
    // Here x is the workspace: the transformed inputs.
    const ulong block = at % (get_global_size(0) / (ulong)grid.x);
    compute_outputs(&t, tiles, count, tile.w, room,
                    x + x_at + block * (ulong)POINTS * (ulong)(room.x * room.y + room.w), w + w_at,
                    &e, m, sums, &reads, t.slice + 1);
}
#endif

// Taps of one plane to its points.
inline void transform_taps(const float *g, float *points)
{
#if AXES == 2
    float half_done[R * ALPHA];
    for (int i = 0; i < R; ++i)
        taps_axis(g + i * R, 1, half_done + i * ALPHA, 1);
    for (int i = 0; i < ALPHA; ++i)
        taps_axis(half_done + i, ALPHA, points + i, ALPHA);
#else
    taps_axis(g, 1, points, 1);
#endif
}

#define TAPS (AXES == 2 ? R * R : R)
#define PACK_POINTS winograd_pack
#include "points_pack.clh"
