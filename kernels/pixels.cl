// pixels.cl: depthwise convolution of contiguous channels that reads the input where it lies.
//
// Layout  x[N][D][H][W][C], y likewise, w[C][tap] from pack.cl; one filter a channel
// Group   several items in turn, each some columns of up to MOST_ROWS output rows of one phase.
//         Everything is read in runs of all channels of a pixel.
// Local   taps[tap][C]
// Inner   ROWS output rows share the lines they read, one vector of channels at a time; sums and
//         taps stay in registers. Lines and columns are found through the padding's mode, or
//         left out where it is zeros.
// Host    host/solve/pixels.c
// Lint    -DVEC=16 -DKH=3 -DKW=3 -DPAD=0 -DPLAIN=1 -DTYPE=0
// Lint    -DVEC=8 -DKH=3 -DKW=1 -DPAD=1 -DPLAIN=0 -DTYPE=1
// Lint    -DVEC=4 -DKH=1 -DKW=5 -DPAD=0 -DPLAIN=1 -DTYPE=2

#if !defined(VEC) || !defined(KH) || !defined(KW) || !defined(PAD) || !defined(PLAIN)
#error "pixels.cl needs -D VEC KH KW PAD PLAIN"
#endif

#include "layout.clh"
#include "loose.clh"
#include "padding.clh"
#include "prefetch.clh"
#include "problem.clh"

#define AHEAD_BYTES 8192 // that are prefetched ahead
#define MOST_ROWS 4      // of a block

// An axis of the plane.
typedef struct {
    int in, out, stride, dilation, pad, mode;
    long in_step, out_step; // elements between its positions
} Axis;

// Output rows of one phase, at whole dilations from each other.
typedef struct {
    __global const STORED *x; // the plane's
    long lines[MOST_ROWS + KH - 1];
    int has_line; // a bit each: it has input
    int channels;
    long row_step; // output elements between the rows
    float pad_value;
    __local const float *taps;
    const Epilogue *epilogue;
} Block;

#define INSIDE 0
#define EDGE 1
#define ROWS 1
#define PLACE EDGE
#include "pixels_block.clh"
#define ROWS 1
#define PLACE INSIDE
#include "pixels_block.clh"
#define ROWS 2
#define PLACE EDGE
#include "pixels_block.clh"
#define ROWS 2
#define PLACE INSIDE
#include "pixels_block.clh"
#define ROWS 4
#define PLACE EDGE
#include "pixels_block.clh"
#define ROWS 4
#define PLACE INSIDE
#include "pixels_block.clh"
// Elements from the axis' first position to what tap t of output position o reads, or -1.
inline long find(const Axis *a, const int o, const int t)
{
    const int at = pad_index(o * a->stride + t * a->dilation - a->pad, a->in, a->mode);
    return at < 0 ? -1 : at * a->in_step;
}

inline void sum_column(const Block *b, const int rows, const int is_inside, const long *columns,
                       const int has_column, __global Y_STORED *y)
{
    switch (2 * rows + is_inside) {
    case 9:
        sum4_0(b, columns, has_column, y);
        break;
    case 8:
        sum4_1(b, columns, has_column, y);
        break;
    case 5:
        sum2_0(b, columns, has_column, y);
        break;
    case 4:
        sum2_1(b, columns, has_column, y);
        break;
    case 3:
        sum1_0(b, columns, has_column, y);
        break;
    default:
        sum1_1(b, columns, has_column, y);
    }
}

// Columns begin .. end-1 of `rows` output rows, `apart` from each other, from o on.
inline void sum_rows(Block *b, const Axis *h, const Axis *w, const int o, const int rows,
                     const int begin, const int end, __global Y_STORED *y)
{
    const int all_lines = (1 << (rows + KH - 1)) - 1, all_columns = (1 << KW) - 1;
    b->has_line = 0;
    for (int q = 0; q < rows + KH - 1; ++q) {
        b->lines[q] = find(h, o, q);
        b->has_line |= (b->lines[q] >= 0) << q;
    }
    for (int i = begin; i < end; ++i) {
        long columns[KW];
        int has_column = 0;
#pragma unroll
        for (int s = 0; s < KW; ++s) {
            columns[s] = find(w, i, s);
            has_column |= (columns[s] >= 0) << s;
        }
        sum_column(b, rows, b->has_line == all_lines && has_column == all_columns, columns,
                   has_column, y + o * h->out_step + i * w->out_step);
    }
}

// The taps, a channel's next to its neighbours', whole vectors of them: rows of taps may be a
// power of two apart.
inline void gather_taps(__global const float *w, const int channels, __local float *to)
{
    for (int c = 0;;) {
#pragma unroll
        for (int tap = 0; tap < KH * KW; ++tap) {
            float lanes[VEC];
#pragma unroll
            for (int i = 0; i < VEC; ++i)
                lanes[i] = w[(long)(c + i) * (KH * KW) + tap];
            PUT(to + tap * channels + c, LOAD(0, lanes));
        }
        if (c >= channels - VEC)
            break;
        c = min(c + VEC, channels - VEC);
    }
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void pixels(TENSORS, GEOMETRY,
            const int4 item,   // row blocks of a phase, phases, runs of columns, columns of one
            const int is_line, // 1: rows are along W, and H has one position
            const ulong items, const ulong items_each, // in all, of a work-group
            __local float *taps, const int run)
{
    if (run == 0)
        return;
    const Epilogue e = EPILOGUE;
    const int all = kernel_.w, mode = dilation.w;
    const Axis high = {in.y, out.y, stride.y, dilation.y, pad.y, mode, (long)in.z * all,
                       (long)out.z * all};
    const Axis wide = {in.z, out.z, stride.z, dilation.z, pad.z, mode, all, all};
    const Axis h = is_line ? wide : high, w_axis = is_line ? high : wide;
    Block b;
    b.channels = all, b.pad_value = pad_value, b.taps = taps, b.epilogue = &e;
    b.row_step = item.y * h.out_step;
    gather_taps(w + w_at, all, taps);
    const ulong first = get_global_id(0) * items_each, end = min(first + items_each, items);
    for (ulong at = first; at < end; ++at) {
        ulong rest = at;
        const int part = (int)(rest % (ulong)item.z);
        rest /= (ulong)item.z;
        const int phase = (int)(rest % (ulong)item.y);
        rest /= (ulong)item.y;
        const int block = (int)(rest % (ulong)item.x);
        const ulong plane = rest / (ulong)item.x;
        b.x = x + x_at + plane * (ulong)in.y * (ulong)in.z * (ulong)all;
        __global Y_STORED *to = y + y_at + plane * (ulong)out.y * (ulong)out.z * (ulong)all;
        const int begin = part * item.w, behind = min(begin + item.w, w_axis.out);
        int o = phase + block * MOST_ROWS * item.y;
        for (int left = min((h.out - o + item.y - 1) / item.y, MOST_ROWS); left > 0;) {
            const int rows = left >= 4 ? 4 : left >= 2 ? 2 : 1;
            sum_rows(&b, &h, &w_axis, o, rows, begin, behind, to);
            o += rows * item.y;
            left -= rows;
        }
    }
}
