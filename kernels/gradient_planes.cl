// gradient_planes.cl: the gradient of the weights of groups of few channels and filters, vectors
// along the columns, one work-item per group.
//
// Layout  x[N][C][D][H][W] or x[N][D][H][W][C], dy likewise; dw[K][C/G][tap]
// Group   one group of the convolution over one part of the tiles of all images
// Local   patch[patch rows][pitch]: what a tile reads of one channel, padding applied;
//         dy[filter][row][columns in whole vectors]; sums[filter][channel][tap][VEC], whose lanes
//         are added at the end. With several parts each writes its sums to the workspace.
// Inner   TAP_ROWS x TAP_COLUMNS taps in registers, which share each vector of dy.
// Host    host/solve/gradient_planes.c
// Lint    -DVEC=8 -DTAP_ROWS=3 -DTAP_COLUMNS=3 -DTYPE=0
// Lint    -DVEC=16 -DTAP_ROWS=1 -DTAP_COLUMNS=5 -DTYPE=1
// Lint    -DVEC=4 -DTAP_ROWS=3 -DTAP_COLUMNS=1 -DTYPE=2

#if !defined(VEC) || !defined(TAP_ROWS) || !defined(TAP_COLUMNS)
#error "gradient_planes.cl needs -D VEC TAP_ROWS TAP_COLUMNS"
#endif

#define FV 1
#include "dy_tile.clh"
#include "gradient_result.clh"
#include "planes_load.clh"
#include "prefetch.clh"
#include "problem.clh"

#define INTS JOIN(int, VEC)

// All bits set in the first `count` lanes, none in the others.
inline INTS first_lanes(const int count)
{
    int lane[VEC];
    for (int i = 0; i < VEC; ++i)
        lane[i] = i < count ? -1 : 0;
    return LOAD(0, lane);
}

// 0 where the mask has no bits, whatever was there.
inline VECTOR masked(const VECTOR v, const INTS mask)
{
    return JOIN(as_float, VEC)(JOIN(as_int, VEC)(v) & mask);
}

// What is read after this tile, fetched row by row while it is computed.
typedef struct {
    __global const STORED *x, *dy; // where rows of the next group's begin
    long x_row, dy_row;            // from one to the next
    int count;                     // elements of a row; 0: nothing is fetched
} Ahead;

// The taps of one block over the rows of a tile; `sums` of the block's first, a kernel row apart
// by `sums_step`.
inline void add_taps(const Tile *t, __local const float *patch, __local const float *dy,
                     const int dy_pitch, const Ahead *ahead, __local float *sums,
                     const int sums_step)
{
    VECTOR acc[TAP_ROWS][TAP_COLUMNS];
#pragma unroll
    for (int a = 0; a < TAP_ROWS; ++a)
#pragma unroll
        for (int b = 0; b < TAP_COLUMNS; ++b)
            acc[a][b] = GET(sums + a * sums_step + b * VEC);

    const int whole = t->columns / VEC * VEC, rest = t->columns - whole;
    const INTS mask = first_lanes(rest);
    for (int row = 0; row < t->rows; ++row) {
        __local const float *x = patch + row * t->row_stride * t->pitch;
        __local const float *d = dy + row * dy_pitch;
        for (int j = 0; j < ahead->count; j += LINE_STORED) {
            PREFETCH(ahead->x + row * ahead->x_row + j, 0);
            PREFETCH(ahead->dy + row * ahead->dy_row + j, 0);
        }
        for (long j = 0; j < whole; j += VEC) {
            const VECTOR g = GET(d + j);
#pragma unroll
            for (int a = 0; a < TAP_ROWS; ++a)
#pragma unroll
                for (int b = 0; b < TAP_COLUMNS; ++b)
                    acc[a][b] = fma(GET(x + a * t->pitch + b * t->tap_step + j), g, acc[a][b]);
        }
        if (rest > 0) {
            const VECTOR g = masked(GET(d + whole), mask);
#pragma unroll
            for (int a = 0; a < TAP_ROWS; ++a)
#pragma unroll
                for (int b = 0; b < TAP_COLUMNS; ++b)
                    acc[a][b] =
                        fma(masked(GET(x + a * t->pitch + b * t->tap_step + whole), mask), g,
                            acc[a][b]);
        }
    }

#pragma unroll
    for (int a = 0; a < TAP_ROWS; ++a)
#pragma unroll
        for (int b = 0; b < TAP_COLUMNS; ++b)
            PUT(sums + a * sums_step + b * VEC, acc[a][b]);
}

// Adds one tile of one image; x and grad point at the group's first channel and filter.
inline void add_tile(const Tile *t, __global const STORED *x, const Steps from,
                     __global const STORED *grad, const Steps to, const int dy_pitch,
                     const float pad_value, __local float *patch, __local float *dy,
                     __local float *sums)
{
    const int taps = t->kernel_.x * t->kernel_.y * t->kernel_.z;
    const int rows = (t->rows - 1) * t->row_stride + t->kernel_.y, plane = t->rows * dy_pitch;
    Tile d = dy_tile(t);
    d.pitch = dy_pitch;
    const long step = t->row_step;
    const Ahead ahead = {
        x + (ulong)t->in.w * from.channel + (long)(t->row * t->stride.y) * t->in.z,
        grad + (ulong)t->out.w * to.channel + (long)t->row * t->out.z,
        step * t->stride.y * t->in.z, step * t->out.z,
        from.pixel == 1 && to.pixel == 1 && t->in.w * t->out.w == 1 ? t->columns : 0};
    for (int k = 0; k < t->out.w; ++k)
        load_lines(&d, 0, 0, t->rows, grad + (ulong)k * to.channel, (long)to.pixel, 0.0f,
                   dy + k * plane);
    for (int c = 0; c < t->in.w; ++c)
        for (int r = 0; r < t->kernel_.x; ++r) {
            load_lines(t, r, 0, rows, x + (ulong)c * from.channel, (long)from.pixel, pad_value,
                       patch);
            for (int k = 0; k < t->out.w; ++k) {
                __local float *of_pair =
                    sums + ((k * t->in.w + c) * taps + r * t->kernel_.y * t->kernel_.z) * VEC;
                for (int q = 0; q < t->kernel_.y; q += TAP_ROWS)
                    for (int s = 0; s < t->kernel_.z; s += TAP_COLUMNS)
                        add_taps(t, patch + q * t->pitch + s * t->tap_step, dy + k * plane,
                                 dy_pitch, &ahead, of_pair + (q * t->kernel_.z + s) * VEC,
                                 t->kernel_.z * VEC);
            }
        }
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void gradient_planes(__global const STORED *restrict x, const ulong x_at,
                     __global const STORED *restrict grad, const ulong grad_at,
                     __global float *restrict dw, const ulong dw_at, GEOMETRY,
                     const int4 lattice, // step between rows, patch rows between them, patch
                                         // rows, pitch
                     const int4 grid,    // 1, column tiles, row tiles of a phase, phases
                     const int segment,
                     const int4 tile,    // rows, columns, pitch of dy, parts
                     const int flip, __local float *patch, __local float *dy,
                     __local float *sums, const int run)
{
    if (run == 0)
        return;
    const ulong part = get_global_id(0) % (ulong)tile.w;
    const ulong group = get_global_id(0) / (ulong)tile.w;
    const int taps = kernel_.x * kernel_.y * kernel_.z, elements = in.w * out.w * taps;
    const ulong in_plane = plane_of(in), out_plane = plane_of(out);
    const Steps from = steps_of(pad.w & FLAG_INPUT_NHWC, in_plane, in.w * kernel_.w);
    const Steps to = steps_of(pad.w & FLAG_OUTPUT_NHWC, out_plane, out.w * kernel_.w);

    for (int i = 0; i < elements; ++i)
        PUT(sums + i * VEC, (VECTOR)(0.0f));
    const ulong of_image = (ulong)grid.y * (ulong)grid.z * (ulong)grid.w * (ulong)out.x;
    const ulong tiles = of_image * (ulong)stride.w;
    const ulong end = tiles * (part + 1) / (ulong)tile.w;
    for (ulong i = tiles * part / (ulong)tile.w; i < end; ++i) {
        const ulong at = (i / of_image * (ulong)kernel_.w + group) * of_image + i % of_image;
        Tile t;
        if (find_tile(&t, at, in, out, kernel_, stride, dilation, pad, tile, lattice, grid,
                      segment))
            add_tile(&t,
                     x + x_at + t.n * (ulong)(kernel_.w * in.w) * in_plane +
                         group * (ulong)in.w * from.channel,
                     from,
                     grad + grad_at + t.n * (ulong)(kernel_.w * out.w) * out_plane +
                         group * (ulong)out.w * to.channel,
                     to, tile.z, pad_value, patch, dy, sums);
    }

    const ulong first = group * (ulong)elements;
    for (int i = 0; i < elements; ++i) {
        float sum = 0.0f;
        for (int lane = 0; lane < VEC; ++lane)
            sum += sums[i * VEC + lane];
        const int tap = i % taps;
        put_result(after, factors, dw + dw_at, (int)part, tile.w,
                   (ulong)kernel_.w * (ulong)elements, sum,
                   first + (ulong)(i - tap + (flip ? taps - 1 - tap : tap)));
    }
}
