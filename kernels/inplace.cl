// inplace.cl: depthwise convolution of planes at stride 1 that reads the input where it lies.
//
// Layout  x[N][C][D][H][W], y likewise, w[C][filter][tap] from pack.cl
// Group   several items in turn, each some rows of one output plane.
// Inner   ROWS output rows a dilation apart share the lines they read, one vector of columns at
//         a time; sums and taps stay in registers. Where input and output are equally wide, the
//         vectors run on from row to row, up to a dilation's worth of rows, so that ragged rows
//         waste no lanes. Lanes in the padding are masked, lines in it left out, or both are
//         read where the padding repeats the plane: see inplace_repeat.clh.
// Bounds  A masked lane still reads: what lies beside the line, but never outside the tensor.
// Host    host/solve/inplace.c
// Lint    -DVEC=16 -DKH=3 -DKW=3 -DMASKED=5 -DLEFT=1 -DNEAR=1 -DPAD=0 -DPLAIN=1 -DTYPE=1
// Lint   -DVEC=8 -DKH=3 -DKW=3 -DMASKED=5 -DLEFT=1 -DNEAR=1 -DPAD=0 -DPLAIN=0 -DTYPE=1 -DFLOAT_SUMS
// Lint    -DVEC=4 -DKH=2 -DKW=3 -DMASKED=7 -DLEFT=0 -DNEAR=1 -DPAD=1 -DPLAIN=0 -DTYPE=2
// Lint    -DVEC=8 -DKH=5 -DKW=5 -DMASKED=31 -DLEFT=3 -DNEAR=1 -DPAD=0 -DPLAIN=1 -DTYPE=0
// Lint    -DVEC=16 -DKH=3 -DKW=3 -DMASKED=5 -DLEFT=1 -DNEAR=1 -DPAD=2 -DPLAIN=1 -DTYPE=0
// Lint    -DVEC=8 -DKH=3 -DKW=3 -DMASKED=5 -DLEFT=1 -DNEAR=1 -DPAD=3 -DPLAIN=0 -DTYPE=1
// Lint    -DVEC=4 -DKH=2 -DKW=1 -DMASKED=0 -DLEFT=0 -DNEAR=1 -DPAD=4 -DPLAIN=0 -DTYPE=2

#if !defined(VEC) || !defined(KH) || !defined(KW) || !defined(MASKED) || !defined(LEFT) ||         \
    !defined(NEAR) || !defined(PAD) || !defined(PLAIN)
#error "inplace.cl needs -D VEC KH KW MASKED LEFT NEAR PAD PLAIN"
#endif

#include "layout.clh"
#include "loose.clh"
#include "padding.clh"
#include "permute.clh"
#include "prefetch.clh"
#include "problem.clh"

// PAD: 0, 1 for a constant that is not zero, or a mode of padding.clh that repeats the plane.
#define REPEATS (PAD > PADDING_CONSTANT)
#define MOST_ROWS 4 // of a block

// A plane and its tensor.
typedef struct {
    __global const STORED *tensor; // the whole input,
    long end;                     // and its elements
    long x_at;                    // the plane's first
    long before, behind;          // elements that are read before and behind lines
    int is_fenced;                // those of the item may be outside the tensor
    __global Y_STORED *y;           // the plane's
    int4 in, out, dilation, pad;  // as the kernel's arguments
    int run_rows;                 // that a run of vectors may span
    int ahead;                    // elements that are prefetched ahead
    float pad_value;
    const Epilogue *epilogue;
    int4 sides; // as the kernel's argument
    int other[KW]; // of each tap: see inplace_repeat.clh
} Plane;

// Where a line is read: elements away from where it would be, and further with each row of a run.
typedef struct {
    long by, step;
} Move;

// A vector of output columns.
typedef struct {
    long x, line_step, gap;      // element of lane 0 at tap 0, to the next line, the next tap
    INTEGERS at;                 // columns of the lanes at tap 0
    INTEGERS is_next;            // lanes in the row below
    int is_split;                // there are some
    Move lines[MOST_ROWS + KH - 1]; // outside the plane
    long other[KW];              // where what lies beside the line is read, from its x,
    INTEGERS from[KW];           // and the lanes of that
} Place;

// Sides of a line that lanes may lie beside: of a tap, of a vector.
#define NO_SIDE 0
#define LEFT_SIDE 1
#define RIGHT_SIDE 2
#define BOTH_SIDES 3
#define SIDE_OF(s) (LEFT >> (s) & 1 ? LEFT_SIDE : RIGHT_SIDE)

#if REPEATS
#include "inplace_repeat.clh"
#endif
#ifndef HAS_WINDOW
#define HAS_WINDOW 0
#define IN_WINDOW(v, from) (v)
#endif
#ifndef BESIDE
#define BESIDE(at) ((VECTOR)(PAD ? p->pad_value : 0.0f))
#endif

// Where the lines of a run lie; see inplace_block.clh.
#define INSIDE 0
#define EDGE 1
#define FENCE 2
#define TOP 3
#define BOTTOM 4
#define ROWS 1
#define PLACE FENCE
#include "inplace_block.clh"
#define ROWS 1
#define PLACE EDGE
#include "inplace_block.clh"
#define ROWS 1
#define PLACE INSIDE
#include "inplace_block.clh"
#define ROWS 2
#define PLACE EDGE
#include "inplace_block.clh"
#define ROWS 2
#define PLACE INSIDE
#include "inplace_block.clh"
#define ROWS 4
#define PLACE INSIDE
#include "inplace_block.clh"
#if REPEATS
#define ROWS 4
#define PLACE TOP
#include "inplace_block.clh"
#define ROWS 4
#define PLACE BOTTOM
#include "inplace_block.clh"
#else
#define ROWS 4
#define PLACE EDGE
#include "inplace_block.clh"
#endif

// Whether what is read for output rows o .. end-1 may lie outside the tensor.
inline int needs_fence(const Plane *p, const int o, const int end)
{
    const int first = o - p->pad.y, behind_last = end - p->pad.y + (KH - 1) * p->dilation.y;
    long low = max(first, 0), high = min(behind_last, p->in.y);
#if REPEATS
    widen(first, behind_last, p->in.y, &low, &high);
#endif
    return p->x_at + low * p->in.z < p->before || p->x_at + high * p->in.z + p->behind > p->end;
}

// `height` neighbouring rows from o on.
inline void sum_one(const Plane *p, const int o, const int height, const int inside,
                    const Move *moves, const VECTOR *tap, const float bias)
{
    const int run = height * p->out.z, all = (1 << KH) - 1;
    if (p->is_fenced && needs_fence(p, o, o + height))
        sum1_2(p, o, inside, moves, run, tap, bias);
    else if ((inside & all) == all)
        sum1_0(p, o, inside, moves, run, tap, bias);
    else
        sum1_1(p, o, inside, moves, run, tap, bias);
}

// `height` neighbouring rows from o on, and as many a dilation further, `rows` times, of which
// the first tap's lines begin at `moves`; those in `inside`, a bit each, lie in the plane.
inline void sum_run(const Plane *p, const int o, const int rows, const int height, const int inside,
                    const Move *moves, const VECTOR *tap, const float bias)
{
    const int apart = p->dilation.y, run = height * p->out.z, last = 1 << (rows + KH - 2);
    const int outside = ~inside & (2 * last - 1);
    const int is_fenced = p->is_fenced && needs_fence(p, o, o + (rows - 1) * apart + height);
    const int is_mixed = REPEATS ? outside & ~(1 | last) : 0;
    if ((rows == 1) | is_fenced | (is_mixed != 0)) {
        for (int i = 0; i < rows; ++i)
            sum_one(p, o + i * apart, height, inside >> i, moves + i, tap, bias);
    } else if (rows == 2) {
        if (outside == 0)
            sum2_0(p, o, inside, moves, run, tap, bias);
        else
            sum2_1(p, o, inside, moves, run, tap, bias);
    } else if (outside == 0) {
        sum4_0(p, o, inside, moves, run, tap, bias);
    } else {
#if REPEATS
        if (outside == 1) {
            sum4_3(p, o, inside, moves, run, tap, bias);
        } else if (outside == last) {
            sum4_4(p, o, inside, moves, run, tap, bias);
        } else {
            sum2_1(p, o, inside, moves, run, tap, bias);
            sum2_1(p, o + 2 * apart, inside >> 2, moves + 2, run, tap, bias);
        }
#else
        sum4_1(p, o, inside, moves, run, tap, bias);
#endif
    }
}

// `rows` times `height` output rows from o on.
inline void sum_block(const Plane *p, const int o, const int rows, const int height,
                      const VECTOR *tap, const float bias)
{
    for (int at = 0; at < height;) {
        int count = min(p->run_rows, height - at), inside = 0, line = o + at - p->pad.y;
        Move moves[MOST_ROWS + KH - 1];
        // The rows of a run meet the same lines, all of which lie inside or outside.
#pragma unroll
        for (int q = 0; q < MOST_ROWS + KH - 1; ++q, line += p->dilation.y) {
            const int is_before = line < 0, is_inside = !is_before && line < p->in.y;
            inside |= is_inside << q;
            count = q >= rows + KH - 1 ? count
                    : is_before        ? min(count, -line)
                    : is_inside        ? min(count, p->in.y - line)
                                       : count;
#if REPEATS
            if (q < rows + KH - 1)
                count = min(count, find_line(p, line, moves + q));
#endif
        }
        sum_run(p, o + at, rows, count, inside, moves, tap, bias);
        at += count;
    }
}

// Output rows o .. end-1, in blocks. What is left over lies amid them, so that the first and
// the last block, where lines are left out, are whole.
inline void sum_rows(const Plane *p, int o, const int end, const VECTOR *tap, const float bias)
{
    const int apart = p->dilation.y, most = MOST_ROWS * apart;
    const int middle = o + (end - o) / most / 2 * most;
    int left = (end - o) % most;
    while (o < end) {
        int rows = MOST_ROWS, height = apart;
        if (o >= middle && left > 0) {
            rows = left >= 2 * apart ? 2 : 1;
            height = min(apart, left);
            left -= rows * height;
        }
        sum_block(p, o, rows, height, tap, bias);
        o += rows * height;
    }
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void inplace(TENSORS, GEOMETRY,
             const int4 item, // rows of one, items of a plane, rows of a run, elements ahead
             const ulong items, const ulong items_each, // in all, of a work-group
             const int4 sides, // columns beside a line that taps meet: left, right; first step, 0
             const int run)
{
    if (run == 0)
        return;
    const Epilogue e = epilogue_of(after, factors, bias + bias_at, pad.w & FLAG_BIAS,
                                   residual + residual_at, y + y_at);
    const long plane_x = (long)in.y * in.z, plane_y = (long)out.y * out.z;
    const int filters = out.w, depth = in.x;
    const long inputs = (long)stride.w * kernel_.w * (long)plane_of(in);
    const long beside = REPEATS ? 2 * in.z + VEC : 0; // of what repeats
    const long before = pad.z + beside;
    const long behind = (KW - 1) * dilation.z + max(out.z - in.z, 0) + beside;
    Plane p = {x + x_at, inputs, 0, before, behind, 0, y, in, out, dilation, pad, item.z, item.w,
               pad_value, &e, sides, {0}};
#if REPEATS
    find_sides(&p);
#endif
    const ulong first = get_global_id(0) * items_each, end = min(first + items_each, items);
    for (ulong at = first; at < end; ++at) {
        // Items of a plane, planes of a volume, filters of a group, groups, batch.
        const int o = (int)(at % (ulong)item.y) * item.x;
        const ulong plane = at / (ulong)item.y; // of the output
        const ulong volume = plane / (ulong)depth;
        const int filter = (int)(volume % (ulong)(filters * kernel_.w));
        p.x_at = (long)(volume / (ulong)filters * (ulong)depth + plane % (ulong)depth) * plane_x;
        const int end_row = min(o + item.x, out.y);
        p.is_fenced = needs_fence(&p, o, end_row);
        p.y = y + y_at + (long)plane * plane_y;
        VECTOR tap[KH * KW];
#pragma unroll
        for (int i = 0; i < KH * KW; ++i)
            tap[i] = (VECTOR)(w[w_at + (ulong)filter * (KH * KW) + i]);
        sum_rows(&p, o, end_row, tap, bias_of(&e, filter));
    }
}
