// gradient_channels.cl: the gradient of the weights of depthwise layers whose channels are
// contiguous, summed where they lie.
//
// Layout  x[N][D][H][W][C], dy likewise, dw[C][tap]
// Group   a block of channels over one part of the rows of all images
// Local   sums[tap][BLOCK]
// Inner   TAP_COLUMNS taps of a kernel row by FV vectors of channels in registers, along a row of
//         dy: columns where all of these taps read input, then those where some read padding.
//         With several parts each writes its sums to the workspace.
// Host    host/solve/gradient_depthwise.c
// Lint    -DVEC=16 -DFV=2 -DTAP_COLUMNS=3 -DBLOCK=64 -DTYPE=0
// Lint    -DVEC=8 -DFV=1 -DTAP_COLUMNS=5 -DBLOCK=64 -DTYPE=1
// Lint    -DVEC=4 -DFV=2 -DTAP_COLUMNS=2 -DBLOCK=64 -DTYPE=2

#if !defined(VEC) || !defined(FV) || !defined(TAP_COLUMNS) || !defined(BLOCK)
#error "gradient_channels.cl needs -D VEC FV TAP_COLUMNS BLOCK"
#endif

#include "gradient_result.clh"
#include "layout.clh"
#include "loose.clh"
#include "padding.clh"
#include "prefetch.clh"
#include "problem.clh"

// Two rows that meet, and the columns of the first tap.
typedef struct {
    __global const STORED *x, *dy;   // of column 0 and channel 0
    int in, out;                     // columns
    int stride, dilation, pad, mode; // along them
    int is_padding;                  // all of x reads the padding's value
    float pad_value;
    long channels;                   // elements between pixels
    long next_x, next_dy;            // to what is prefetched, or 0
} Row;

// Of TAP_COLUMNS taps from tap s on, the first output column where all read input, and the end.
inline int2 columns_inside(const Row *r, const int s)
{
    const int first = s * r->dilation - r->pad, reach = (TAP_COLUMNS - 1) * r->dilation;
    const int begin = clamp((r->stride - 1 - first) / r->stride, 0, r->out);
    const int room = r->in - first - reach;
    const int end = room > 0 ? (room + r->stride - 1) / r->stride : 0;
    return r->is_padding ? (int2)(r->out, r->out) : (int2)(begin, clamp(end, begin, r->out));
}

// Output columns [begin, end), each tap read through the padding.
inline void add_mapped(const Row *r, const int s, const int begin, const int end, const int2 lane,
                       VECTOR acc[TAP_COLUMNS][FV])
{
    for (int o = begin; o < end; ++o)
#pragma unroll
        for (int b = 0; b < TAP_COLUMNS; ++b) {
            const int at = o * r->stride + (s + b) * r->dilation - r->pad;
            const int i = r->is_padding ? -1 : pad_index(at, r->in, r->mode);
            if (i < 0 && r->mode == PADDING_ZEROS)
                continue;
#pragma unroll
            for (int v = 0; v < FV; ++v) {
                const int c = v == 0 ? lane.x : lane.y;
                const VECTOR g = get_lanes(r->dy + o * r->channels + c);
                const VECTOR x =
                    i < 0 ? (VECTOR)(r->pad_value) : get_lanes(r->x + i * r->channels + c);
                acc[b][v] = fma(x, g, acc[b][v]);
            }
        }
}

// The same where all taps read input.
inline void add_inside(const Row *r, const int s, const int begin, const int end, const int2 lane,
                       VECTOR acc[TAP_COLUMNS][FV])
{
    const long tap = r->dilation * r->channels, step = r->stride * r->channels;
    __global const STORED *dy = r->dy + begin * r->channels;
    __global const STORED *x =
        r->x + ((long)begin * r->stride + (long)s * r->dilation - r->pad) * r->channels;
    for (int o = begin; o < end; ++o, dy += r->channels, x += step) {
        VECTOR g[FV];
#pragma unroll
        for (int v = 0; v < FV; ++v)
            g[v] = get_lanes(dy + (v == 0 ? lane.x : lane.y));
        if (r->next_x != 0)
            for (int v = 0; v < FV; ++v) {
                PREFETCH(x + r->next_x + (v == 0 ? lane.x : lane.y), 0);
                PREFETCH(dy + r->next_dy + (v == 0 ? lane.x : lane.y), 0);
            }
#pragma unroll
        for (int b = 0; b < TAP_COLUMNS; ++b)
#pragma unroll
            for (int v = 0; v < FV; ++v)
                acc[b][v] =
                    fma(get_lanes(x + b * tap + (v == 0 ? lane.x : lane.y)), g[v], acc[b][v]);
    }
}

// A row at all taps of a kernel row, for the channels of FV vectors; `sums` of its first tap.
inline void add_row(const Row *r, const int taps, const int2 lane, __local float *sums)
{
    for (int s = 0; s < taps; s += TAP_COLUMNS, sums += TAP_COLUMNS * BLOCK) {
        VECTOR acc[TAP_COLUMNS][FV];
#pragma unroll
        for (int b = 0; b < TAP_COLUMNS; ++b)
#pragma unroll
            for (int v = 0; v < FV; ++v)
                acc[b][v] = GET(sums + b * BLOCK + v * VEC);
        const int2 inside = columns_inside(r, s);
        add_mapped(r, s, 0, inside.x, lane, acc);
        add_inside(r, s, inside.x, inside.y, lane, acc);
        add_mapped(r, s, inside.y, r->out, lane, acc);
#pragma unroll
        for (int b = 0; b < TAP_COLUMNS; ++b)
#pragma unroll
            for (int v = 0; v < FV; ++v)
                PUT(sums + b * BLOCK + v * VEC, acc[b][v]);
    }
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void gradient_channels(__global const STORED *restrict x, const ulong x_at,
                       __global const STORED *restrict grad, const ulong grad_at,
                       __global float *restrict dw, const ulong dw_at, GEOMETRY,
                       const int parts, const int flip, __local float *sums, const int run)
{
    if (run == 0)
        return;
    const ulong part = get_global_id(0) % (ulong)parts;
    const int first = (int)(get_global_id(0) / (ulong)parts) * BLOCK;
    const int channels = kernel_.w, count = min(BLOCK, channels - first);
    const int taps = kernel_.x * kernel_.y * kernel_.z, mode = dilation.w;
    for (int i = 0; i < taps * BLOCK; ++i)
        sums[i] = 0.0f;

    Row r = {x, grad, in.z, out.z, stride.z, dilation.z, pad.z, mode, 0, pad_value, channels, 0, 0};
    const ulong of_image = (ulong)out.x * (ulong)out.y, rows = of_image * (ulong)stride.w;
    const ulong end = rows * (part + 1) / (ulong)parts;
    for (ulong at = rows * part / (ulong)parts; at < end; ++at) {
        const int oz = (int)(at % of_image / (ulong)out.y), oy = (int)(at % (ulong)out.y);
        __global const STORED *image =
            x + x_at + at / of_image * plane_of(in) * (ulong)channels;
        r.dy = grad + grad_at + at * (ulong)out.z * (ulong)channels;
        for (int c = 0; c < count; c += FV * VEC) {
            // A vector that would reach past the last channel begins before, and counts twice.
            const int2 lane = min(first + (int2)(c, c + VEC), (int2)(channels - VEC));
            for (int q = 0; q < kernel_.x * kernel_.y; ++q) {
                const int z = oz * stride.x + q / kernel_.y * dilation.x - pad.x;
                const int y = oy * stride.y + q % kernel_.y * dilation.y - pad.y;
                const int iz = pad_index(z, in.x, mode), iy = pad_index(y, in.y, mode);
                r.is_padding = iz < 0 || iy < 0;
                if (r.is_padding && mode == PADDING_ZEROS)
                    continue;
                const int is_newest = q + 1 == kernel_.x * kernel_.y && at + 1 < end;
                r.next_x = is_newest ? (long)stride.y * in.z * channels : 0;
                r.next_dy = (long)out.z * channels;
                r.x = image + (r.is_padding ? 0 : ((long)iz * in.y + iy) * in.z * (long)channels);
                add_row(&r, kernel_.z, lane, sums + q * kernel_.z * BLOCK + c);
            }
        }
    }

    for (int c = 0; c < count; ++c) {
        const int begin = min(first + c / VEC * VEC, channels - VEC);
        __local const float *of_channel = sums + c / VEC * VEC + first + c - begin;
        for (int tap = 0; tap < taps; ++tap)
            put_result(after, factors, dw + dw_at, (int)part, parts, (ulong)channels * (ulong)taps,
                       of_channel[tap * BLOCK],
                       (ulong)(first + c) * (ulong)taps + (ulong)(flip ? taps - 1 - tap : tap));
    }
}
