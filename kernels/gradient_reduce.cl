// gradient_reduce.cl: dw from the sums of the parts that gradients are computed in.
//
// Layout  sums[part][element], dw[element]
// Group   any size, one work-item per element. Parts are added in their order: no atomics, the
//         same bits every time.
// Host    host/solve/reduce.c
// Lint    -DTYPE=0
// Lint    -DTYPE=1

#include "epilogue.clh"

__kernel void gradient_reduce(__global const float *restrict sums, const ulong sums_at,
                              __global STORED *restrict dw, const ulong dw_at, const int4 after,
                              const float4 factors, const int parts, const ulong count,
                              const int run)
{
    const ulong at = get_global_id(0);
    if (run == 0 || at >= count)
        return;
    const Epilogue e = epilogue_of(after, factors, sums, 0, dw, dw + dw_at);
    float sum = 0.0f;
    for (int part = 0; part < parts; ++part)
        sum += sums[sums_at + (ulong)part * count + at];
    put(finish(&e, sum, at), dw + dw_at + at);
}
