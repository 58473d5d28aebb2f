// gradient_bias.cl: the gradient of the bias, db[k] = the sum of dy over images and positions, in
// parts.
//
// Layout  dy[N][K][position] or dy[N][position][K]; sums[part][K] in the workspace, which
//         gradient_reduce.cl adds in the order of the parts: the same bits every time.
// Group   one part of the positions of all images, of one filter, or, where filters are
//         contiguous, of VEC of them; the last such vector may begin among those of the one before.
// Host    host/solve/reduce.c
// Lint    -DVEC=16 -DTYPE=0
// Lint    -DVEC=8 -DTYPE=1
// Lint    -DVEC=4 -DTYPE=2

#ifndef VEC
#error "gradient_bias.cl needs -D VEC"
#endif

#define FV 1
#include "loose.clh"

enum { CHAINS = 4 }; // of sums that do not wait for each other

// `count` vectors `step` elements apart.
inline VECTOR sum_of(__global const STORED *dy, const long count, const long step)
{
    VECTOR acc[CHAINS];
#pragma unroll
    for (int i = 0; i < CHAINS; ++i)
        acc[i] = (VECTOR)(0.0f);
    long at = 0;
    for (; at + CHAINS <= count; at += CHAINS)
#pragma unroll
        for (int i = 0; i < CHAINS; ++i)
            acc[i] += get_lanes(dy + (at + i) * step);
    for (; at < count; ++at)
        acc[0] += get_lanes(dy + at * step);
    return (acc[0] + acc[1]) + (acc[2] + acc[3]);
}

// `count` elements of one filter, `step` apart.
inline float sum_of_filter(__global const STORED *dy, const long count, const long step)
{
    const long whole = step == 1 ? count / VEC : 0;
    float lanes[VEC], sum = 0.0f;
    STORE(sum_of(dy, whole, VEC), 0, lanes);
    for (int i = 0; i < VEC; ++i)
        sum += lanes[i];
    for (long i = whole * VEC; i < count; ++i)
        sum += get(dy + i * step);
    return sum;
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void gradient_bias(__global const STORED *restrict dy, const ulong dy_at,
                   __global float *restrict sums, const ulong sums_at,
                   const int4 shape, // batch, filters, whether they are contiguous, parts
                   const ulong plane, const int run)
{
    if (run == 0)
        return;
    const long part = (long)(get_global_id(0) % (ulong)shape.w);
    const int unit = (int)(get_global_id(0) / (ulong)shape.w), filters = shape.y;
    const long positions = (long)plane, all = positions * shape.x;
    const long first = all * part / shape.w, end = all * (part + 1) / shape.w;
    __global float *to = sums + sums_at + part * filters;
    dy += dy_at;
    if (shape.z && filters >= VEC) {
        // Images follow each other as positions do.
        const int own = unit * VEC, k = min(own, filters - VEC);
        float lanes[VEC];
        STORE(sum_of(dy + first * filters + k, end - first, filters), 0, lanes);
        for (int i = own - k; i < VEC; ++i)
            to[k + i] = lanes[i];
        return;
    }
    const long image = positions * filters, filter = shape.z ? unit : unit * positions;
    float sum = 0.0f;
    for (long at = first; at < end;) {
        const long n = at / positions, i = at % positions, count = min(positions - i, end - at);
        sum += sum_of_filter(dy + n * image + filter + i * (shape.z ? filters : 1), count,
                             shape.z ? filters : 1);
        at += count;
    }
    to[unit] = sum;
}
