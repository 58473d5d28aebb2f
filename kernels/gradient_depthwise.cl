// gradient_depthwise.cl: the gradient of the weights of depthwise layers at stride 1, summed from
// planes where they lie.
//
// Layout  x[N][C][D][H][W], dy likewise, dw[K][tap]; padded by a constant
// Group   one filter over one part of the bands of all its planes; a band is ROWS output rows a
//         dilation apart and the rows below each, a dilation's worth.
// Inner   a vector of columns of each of the ROWS rows of dy meets the ROWS + KH - 1 lines of x
//         that they share; the sums of all taps stay in registers, and their lanes are added at
//         the end. Where input and output are equally wide, the vectors run on from row to row,
//         so that ragged rows waste no lanes. Lanes in the padding are masked, lines in it left
//         out. With several parts each writes its sums to the workspace.
// Bounds  A masked lane still reads: what lies beside the line, but never outside the tensor.
// Host    host/solve/gradient_depthwise.c
// Lint    -DVEC=16 -DROWS=4 -DKH=3 -DKW=3 -DMASKED=5 -DPAD=0 -DTYPE=0
// Lint    -DVEC=8 -DROWS=4 -DKH=2 -DKW=3 -DMASKED=7 -DPAD=1 -DTYPE=1
// Lint    -DVEC=4 -DROWS=2 -DKH=5 -DKW=5 -DMASKED=0 -DPAD=0 -DTYPE=2

#if !defined(VEC) || !defined(ROWS) || !defined(KH) || !defined(KW) || !defined(MASKED) ||         \
    !defined(PAD)
#error "gradient_depthwise.cl needs -D VEC ROWS KH KW MASKED PAD"
#endif

#include "gradient_result.clh"
#include "layout.clh"
#include "loose.clh"
#include "prefetch.clh"
#include "problem.clh"

enum { LINES = ROWS + KH - 1, TAPS = KH * KW };

// Two planes of a filter, and what they share with all others.
typedef struct {
    __global const STORED *tensor; // the whole input,
    long end;                      // and its elements
    long x_at;                     // the plane's first
    __global const STORED *dy;     // the plane's
    int4 in, out, dilation, pad;   // as the kernel's arguments
    int run_rows;                  // that a run of vectors may span
    int ahead;                     // elements that are prefetched ahead
    float pad_value;
} Plane;

// Where the lines of a run lie; see gradient_run.clh.
#define INSIDE 0
#define EDGE 1
#define FENCE 2
#define PLACE FENCE
#include "gradient_run.clh"
#define PLACE EDGE
#include "gradient_run.clh"
#define PLACE INSIDE
#include "gradient_run.clh"

// Whether loads of the lines of output rows [o, end) and beside them may leave the tensor.
inline int is_fenced(const Plane *p, const int o, const int end)
{
    const long low = max(o - p->pad.y, 0);
    const long high = min(end - 1 - p->pad.y + (KH - 1) * p->dilation.y + 1, p->in.y);
    const long behind = (KW - 1) * p->dilation.z + max(p->out.z - p->in.z, 0);
    return p->x_at + low * p->in.z < p->pad.z || p->x_at + high * p->in.z + behind > p->end;
}

// Bits of those of `count` lines line, line + step, ... that lie in an axis of n; *same is cut to
// the neighbours of each of which the same is true.
inline int lines_inside(int line, const int step, const int count, const int n, int *same)
{
    int inside = 0;
    for (int q = 0; q < count; ++q, line += step) {
        const int is_before = line < 0, is_inside = !is_before && line < n;
        inside |= is_inside << q;
        *same = is_before ? min(*same, -line) : is_inside ? min(*same, n - line) : *same;
    }
    return inside;
}

// The band that begins at output row o.
inline void add_band(const Plane *p, const int o, VECTOR *sums)
{
    const int apart = p->dilation.y, all = (1 << LINES) - 1;
    for (int at = 0; at < apart && o + at < p->out.y;) {
        int count = min(p->run_rows, apart - at);
        const int rows = lines_inside(o + at, apart, ROWS, p->out.y, &count);
        const int lines = lines_inside(o + at - p->pad.y, apart, LINES, p->in.y, &count);
        const int end = min(o + at + (ROWS - 1) * apart + count, p->out.y);
        if (is_fenced(p, o + at, end))
            add_2(p, o + at, rows, lines, count, sums);
        else if (lines == all && rows == (1 << ROWS) - 1)
            add_0(p, o + at, rows, lines, count, sums);
        else
            add_1(p, o + at, rows, lines, count, sums);
        at += count;
    }
}

inline float sum_of_lanes(const VECTOR v)
{
    float lanes[VEC], sum = 0.0f;
    STORE(v, 0, lanes);
    for (int i = 0; i < VEC; ++i)
        sum += lanes[i];
    return sum;
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void gradient_depthwise(__global const STORED *restrict x, const ulong x_at,
                        __global const STORED *restrict grad, const ulong grad_at,
                        __global float *restrict dw, const ulong dw_at, GEOMETRY,
                        const int4 item, // bands of a plane, rows of a run, elements ahead, parts
                        const int flip, const int run)
{
    if (run == 0)
        return;
    const ulong part = get_global_id(0) % (ulong)item.w, k = get_global_id(0) / (ulong)item.w;
    const long plane_x = (long)in.y * in.z, plane_y = (long)out.y * out.z;
    const long channel = (long)(k / (ulong)out.w), channels = kernel_.w, depth = in.x;
    Plane p = {x + x_at, (long)stride.w * channels * (long)plane_of(in), 0, grad, in, out,
               dilation, pad, item.y, item.z, pad_value};
    VECTOR sums[TAPS];
#pragma unroll
    for (int i = 0; i < TAPS; ++i)
        sums[i] = (VECTOR)(0.0f);

    const ulong bands = (ulong)item.x * (ulong)(depth * stride.w);
    const ulong end = bands * (part + 1) / (ulong)item.w;
    for (ulong at = bands * part / (ulong)item.w; at < end; ++at) {
        const long plane = (long)(at / (ulong)item.x), n = plane / depth, z = plane % depth;
        p.x_at = ((n * channels + channel) * depth + z) * plane_x;
        p.dy = grad + grad_at + ((n * channels * out.w + (long)k) * depth + z) * plane_y;
        add_band(&p, (int)(at % (ulong)item.x) * ROWS * dilation.y, sums);
    }

    for (int i = 0; i < TAPS; ++i)
        put_result(after, factors, dw + dw_at, (int)part, item.w, (ulong)(channels * out.w) * TAPS,
                   sum_of_lanes(sums[i]), k * TAPS + (ulong)(flip ? TAPS - 1 - i : i));
}
