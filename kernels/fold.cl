// fold.cl: the gradient of a padded input folded onto the input that the padding repeats.
//
// Layout  padded[N][C][TD][TH][TW] or [N][TD][TH][TW][C], floats, of int8 the int32 that
//         the sums are; dx likewise with D H W.
//         dx[i] = the sum of padded[q] over all q that the padding reads from i, in the order of
//         q's runs: the same bits every time.
// Group   any size; one work-item per element of dx; no local memory, no barrier.
// Host    host/solve/fold.c checks that every axis fits 32 bits; flat indices have 64.
// Lint    -DTYPE=0
// Lint    -DTYPE=1
// Lint    -DTYPE=2
// Lint    -DTYPE=3

#include "epilogue.clh"
#include "layout.clh"
#include "padding.clh"

// What is folded: rounded no earlier than the sum of it is.
#if TYPE == TYPE_I8
typedef int Whole;
#else
typedef float Whole;
#endif

// Positions first, first + step, ..., `count` of them, then `others` from `other` on.
typedef struct {
    int first, count, other, others, step;
} Repeats;

// first, first + step, ... below `end`.
inline int count_of(const int first, const int step, const int end)
{
    return first < end ? (end - first - 1) / step + 1 : 0;
}

// The padded positions, of `all`, that read element i of n.
inline Repeats repeats_of(const int i, const int n, const int pad, const int all, const int mode)
{
    Repeats r = {0, 0, 0, 0, 1};
    int end = all;
    if (mode == PADDING_CIRCULAR) {
        r.step = n;
        r.first = (pad + i) % n;
    } else if (n > 1 && mode == PADDING_REPLICATE) {
        r.first = i == 0 ? 0 : pad + i;
        end = i == n - 1 ? all : pad + i + 1;
    } else if (n > 1) { // the mirror repeats every 2n-2, and there and back but for the edges
        r.step = 2 * (n - 1);
        r.first = (pad + i) % r.step;
        if (i > 0 && i < n - 1) {
            r.other = (pad % r.step + r.step - i) % r.step;
            r.others = count_of(r.other, r.step, all);
        }
    }
    r.count = count_of(r.first, r.step, end);
    return r;
}

inline int repeat_at(const Repeats r, const int k)
{
    return k < r.count ? r.first + k * r.step : r.other + (k - r.count) * r.step;
}

__kernel void fold(__global const float *restrict padded, const ulong padded_at,
                   __global STORED *restrict dx, const ulong dx_at,
                   const int4 in,   // D, H, W, padding mode
                   const int4 all,  // D, H, W, C
                   const int4 pad,  // D, H, W, flags of layout.clh
                   const int4 after, const float4 factors, const ulong count, const int run)
{
    const ulong at = get_global_id(0);
    if (run == 0 || at >= count)
        return;
    const int is_nhwc = (pad.w & FLAG_OUTPUT_NHWC) != 0, channels = all.w;
    const ulong plane = plane_of(in), image = plane * (ulong)channels;
    const ulong rest = at % image;
    const ulong pixel = is_nhwc ? rest / (ulong)channels : rest % plane;
    const ulong c = is_nhwc ? rest % (ulong)channels : rest / plane;
    const ulong line = pixel / (ulong)in.z;
    const Repeats d = repeats_of((int)(line / (ulong)in.y), in.x, pad.x, all.x, in.w);
    const Repeats h = repeats_of((int)(line % (ulong)in.y), in.y, pad.y, all.y, in.w);
    const Repeats w = repeats_of((int)(pixel % (ulong)in.z), in.z, pad.z, all.z, in.w);
    const Steps to = steps_of(is_nhwc, plane_of(all), channels);
    __global const Whole *from = (__global const Whole *)padded + padded_at +
                                 at / image * plane_of(all) * (ulong)channels + c * to.channel;
    Whole sum = 0;
    for (int i = 0; i < d.count + d.others; ++i)
        for (int j = 0; j < h.count + h.others; ++j) {
            const ulong row =
                ((ulong)repeat_at(d, i) * (ulong)all.y + (ulong)repeat_at(h, j)) * (ulong)all.z;
            for (int k = 0; k < w.count + w.others; ++k)
                sum += from[(row + (ulong)repeat_at(w, k)) * to.pixel];
        }
    const Epilogue e = epilogue_of(after, factors, padded, 0, dx, dx + dx_at);
    put(finish(&e, (float)sum, at), dx + dx_at + at);
}
