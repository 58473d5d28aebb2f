// strips.cl: minimal filtering of rows (1xR kernels) with vectors along the row, NCHW.
//
// Neighbours in a row are neighbours in memory, so nothing is turned: a lane computes one tile,
// M outputs a dilation apart from ALPHA inputs (transforms.clh). At dilations of a vector and more
// the tiles of VEC neighbours read and write strips of VEC neighbours; at smaller ones, which
// divide a vector, those of the M*VEC outputs of some whole windows, dealt to the lanes and back by
// shuffles the compiler knows.
//
// Layout  x[N][C][D][H][W], y likewise; u[G][filter block][C/G][point][KB] from strips_pack
// Group   one work-item: some batches of VEC tiles of one row.
// Local   v[C/G][point][VEC]: the transformed inputs of a batch.
// Inner   ALPHA points x KB filters in registers; weights broadcast.
// Host    host/solve/strips.c
// Lint    -DVEC=16 -DKB=4 -DM=3 -DR=2 -DSTEP=0 -DTYPE=0
// Lint    -DVEC=16 -DKB=4 -DM=4 -DR=3 -DSTEP=8 -DTYPE=1
// Lint    -DVEC=8 -DKB=2 -DM=2 -DR=3 -DSTEP=2 -DTYPE=2
// Lint    -DVEC=8 -DKB=2 -DM=3 -DR=2 -DSTEP=1 -DTYPE=1 -DFLOAT_SUMS

#if !defined(VEC) || !defined(KB) || !defined(M) || !defined(R) || !defined(STEP)
#error "strips.cl needs -D VEC KB M R STEP"
#endif

#include "vectors.clh"
// A block of filters is no block of vectors here.
#undef FB
#define FB KB
#include "layout.clh"
#include "loose.clh"
#include "padding.clh"
#include "prefetch.clh"
#include "problem.clh"
#include "transforms.clh"

#define TO_UNSIGNED JOIN(convert_uint, VEC)
#define LANE TO_UNSIGNED(LANES)
#define LINE_VECTORS (LINE_STORED / VEC < 1 ? 1 : LINE_STORED / VEC)

// Where the first output of each lane's tile lies from that of lane 0; STEP: the dilation where it
// is less than a vector, else 0.
#if STEP
#define SPREAD (LANES / STEP * (M * STEP) + LANES % STEP)
#else
#define SPREAD LANES
#endif

// One row of one channel, of `in` elements, read through the padding.
typedef struct {
    int in, mode;
    float pad_value;
} Row;

inline VECTOR get_mapped(const Row *row, __global const STORED *x, const int at)
{
    float lanes[VEC];
    int offsets[VEC];
    JOIN(vstore, VEC)(SPREAD, 0, offsets);
    for (int lane = 0; lane < VEC; ++lane) {
        const int i = pad_index(at + offsets[lane], row->in, row->mode);
        lanes[lane] = i >= 0 ? get(x + i) : row->pad_value;
    }
    return LOAD(0, lanes);
}

// The ALPHA inputs of every lane's tile, lane 0's first at `x`; all of what a batch loads lies
// inside the row.
inline void get_near(__global const STORED *x, const int dilation, VECTOR *tile)
{
#if STEP
    VECTOR a[6];
#pragma unroll
    for (int i = 0; i < 6; ++i)
        a[i] = i <= M ? get_lanes(x + i * VEC) : (VECTOR)(0.0f);
#pragma unroll
    for (int i = 0; i < ALPHA; ++i) {
        const UNSIGNED from = TO_UNSIGNED(SPREAD) + (uint)(i * STEP);
        const UNSIGNED in_pair = from & (uint)(2 * VEC - 1);
        const VECTOR low = shuffle2(a[0], a[1], in_pair), mid = shuffle2(a[2], a[3], in_pair);
        const VECTOR high = shuffle2(a[4], a[5], in_pair);
        tile[i] = from < (UNSIGNED)(2 * VEC) ? low : from < (UNSIGNED)(4 * VEC) ? mid : high;
    }
#else
#pragma unroll
    for (int i = 0; i < ALPHA; ++i)
        tile[i] = get_lanes(x + i * dilation);
#endif
}

// The same through the padding; lane 0's first is at `at` of the row.
inline void get_far(const Row *row, __global const STORED *x, const int at, const int dilation,
                    VECTOR *tile)
{
    const int reach = STEP ? (M + 1) * VEC : VEC;
    for (int i = 0; i < ALPHA; ++i) {
        const int from = at + i * dilation;
        if (!STEP && from >= 0 && from + VEC <= row->in)
            tile[i] = get_lanes(x + from);
        else if (row->mode <= PADDING_CONSTANT && (from + reach <= 0 || from >= row->in))
            tile[i] = (VECTOR)(row->pad_value);
        else
            tile[i] = get_mapped(row, x, from);
    }
}

// Stores the lanes of one vector that lie inside the row; the first `done` are stored already. `at`
// counts from y_base.
inline void put_inside(const Epilogue *e, const VECTOR value, const ulong at, const int count,
                       const int done)
{
    __global Y_STORED *to = e->y_base + at;
    if (count >= VEC) {
        finish_rest(e, value, done, to);
        return;
    }
    float lanes[VEC];
    STORE(value, 0, lanes);
    for (int lane = done; lane < count; ++lane)
        put(finish(e, lanes[lane], at + lane), to + lane);
}

// Vector i of the outputs of every lane, M to each, as they lie in the row.
inline VECTOR dealt(const VECTOR *outputs, const int i)
{
#if STEP
    // Who computes lane j of the M*VEC neighbours' vector i, and as which output.
    const UNSIGNED place = LANE + (uint)(i * VEC);
    const UNSIGNED output = place / STEP % M;
    const UNSIGNED lane = place / (M * STEP) * STEP + place % STEP;
    const UNSIGNED in_pair = lane + (output & 1) * VEC;
    const VECTOR low = shuffle2(outputs[0], outputs[1], in_pair);
    const VECTOR high = shuffle2(outputs[2 % M], outputs[3 % M], in_pair);
    return output < (UNSIGNED)(2) ? low : high;
#else
    return outputs[i];
#endif
}

// Columns between those vectors.
inline int apart(const int dilation)
{
    return STEP ? VEC : dilation;
}

// The first output of lane 0 in batch `batch` of a row. The last batch of a strip may overlap the
// one before by *done lanes.
inline int column_of(const int batch, const int dilation, int *done)
{
#if STEP
    *done = 0;
    return batch * M * VEC;
#else
    const int chunks = (dilation + VEC - 1) / VEC, first = batch % chunks * VEC;
    *done = max(first + VEC - dilation, 0);
    return batch / chunks * M * dilation + first - *done;
#endif
}

// Lines of the outputs that filters [k, k + KB) of one batch write, and of the inputs that channels
// [c, end) of the next one read.
inline void fetch_outputs(__global const Y_STORED *y, const ulong plane, const int dilation)
{
    for (int k = 0; k < KB; ++k, y += plane)
        for (int i = 0; i < M; ++i)
            PREFETCH(y + i * apart(dilation), 1);
}

inline void fetch_inputs(__global const STORED *x, const ulong plane, const int channels,
                         const int dilation)
{
    for (int c = 0; c < channels; ++c, x += plane)
        for (int i = 0; i < (STEP ? M + 1 : ALPHA); ++i)
            PREFETCH(x + i * apart(dilation), 0);
}

// work: batches of a row, batches of a group, filter blocks
__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void strips(TENSORS, GEOMETRY, const int4 work, __local float *v, const int run)
{
    if (run == 0)
        return;
    ulong rest = get_global_id(0);
    const int runs = (work.x + work.y - 1) / work.y, lines = out.x * out.y;
    const int first = (int)(rest % (ulong)runs) * work.y, end = min(first + work.y, work.x);
    rest /= (ulong)runs;
    const int line = (int)(rest % (ulong)lines);
    rest /= (ulong)lines;
    const int group = (int)(rest % (ulong)kernel_.w);
    const ulong n = rest / (ulong)kernel_.w;

    const ulong in_plane = plane_of(in), out_plane = plane_of(out);
    const ulong in_row = (ulong)line * (ulong)in.z, out_row = (ulong)line * (ulong)out.z;
    __global const STORED *input =
        x + x_at + (n * (ulong)kernel_.w + (ulong)group) * (ulong)in.w * in_plane + in_row;
    const ulong output =
        (n * (ulong)kernel_.w + (ulong)group) * (ulong)out.w * out_plane + out_row;
    __global const float *u =
        w + w_at + (ulong)group * (ulong)work.z * (ulong)(ALPHA * in.w * KB);
    const Row row = {in.z, dilation.w, pad_value};
    const Epilogue e = EPILOGUE;
    const int fetched = (in.w + work.z - 1) / work.z; // channels of the next batch a block

    for (int batch = first; batch < end; ++batch) {
        int done, done_next;
        const int next = column_of(min(batch + 1, work.x - 1), dilation.z, &done_next) - pad.z;
        const int column = column_of(batch, dilation.z, &done);
        const int from = column - pad.z, apart_in = apart(dilation.z);
        const int is_near =
            from >= 0 && from + (STEP ? M : ALPHA - 1) * apart_in + VEC <= in.z;
        for (int c = 0; c < in.w; ++c) {
            VECTOR tile[ALPHA];
            if (is_near)
                get_near(input + (ulong)c * in_plane + from, dilation.z, tile);
            else
                get_far(&row, input + (ulong)c * in_plane, from, dilation.z, tile);
            input_axis(tile, 1);
#pragma unroll
            for (int point = 0; point < ALPHA; ++point)
                PUT(v + (c * ALPHA + point) * VEC, tile[point]);
        }
        const int apart_out = apart(dilation.z);
        // Nothing but scale and bias, and every lane inside the row.
        const int is_whole = e.is_plain && column + (M - 1) * apart_out + VEC <= out.z;
        for (int block = 0; block < work.z; ++block) {
            VECTOR m[KB][ALPHA];
#pragma unroll
            for (int k = 0; k < KB; ++k)
#pragma unroll
                for (int point = 0; point < ALPHA; ++point)
                    m[k][point] = (VECTOR)(0.0f);
            const int k0 = block * KB, filters = min(KB, out.w - k0);
            fetch_outputs(e.y_base + output + (ulong)(k0 + KB) * out_plane + (ulong)column,
                          out_plane, dilation.z);
            const int c0 = min(block * fetched, in.w);
            fetch_inputs(input + (ulong)c0 * in_plane + next, in_plane, min(fetched, in.w - c0),
                         dilation.z);
            __global const float *block_u = u + (ulong)block * (ulong)(ALPHA * in.w * KB);
            for (long c = 0; c < in.w; ++c) {
#pragma unroll
                for (int point = 0; point < ALPHA; ++point) {
                    const VECTOR value = GET(v + (c * ALPHA + point) * VEC);
#pragma unroll
                    for (int k = 0; k < KB; ++k)
                        m[k][point] = fma((VECTOR)(block_u[(c * ALPHA + point) * KB + k]), value,
                                          m[k][point]);
                }
            }
#pragma unroll
            for (int k = 0; k < KB; ++k) {
                if (k >= filters)
                    continue;
                const int filter = group * out.w + k0 + k;
                const VECTOR scale = (VECTOR)(scale_of(&e, filter));
                const VECTOR shift = (VECTOR)(bias_of(&e, filter));
                const ulong at = output + (ulong)(k0 + k) * out_plane + (ulong)column;
                output_axis(m[k], 1);
#pragma unroll
                for (int i = 0; i < M; ++i) {
                    const VECTOR value = fma(dealt(m[k], i), scale, shift);
                    if (is_whole)
                        put_lanes(value, e.y_base + at + i * apart_out);
                    else
                        put_inside(&e, value, at + i * apart_out,
                                   out.z - column - i * apart_out, done);
                }
            }
        }
    }
}

// Taps of one row to its points.
inline void transform_taps(const float *g, float *points)
{
    taps_axis(g, 1, points, 1);
}

#define TAPS R
#define POINTS ALPHA
#define POINTS_INSIDE
#define PACK_POINTS strips_pack
#include "points_pack.clh"
