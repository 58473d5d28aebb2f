// gate.cl: the gated activation behind a solver whose filters' partners lie out of its reach.
//
// Layout  sums[N][K][D][H][W] or [N][D][H][W][K], floats without scale and bias;
//         y likewise with K/2 channels: tanh(filter o) * sigmoid(filter o + K/2), and the rest of
//         the epilogue. A run of `run_length` outputs, the channels of a pixel (NHWC) or all
//         planes of an image, lies in the sums as it does in y, its partners a run behind.
// Group   any size; one work-item per VEC outputs; no local memory, no barrier.
// Host    host/solve/gate.c
// Lint    -DVEC=4 -DTYPE=0
// Lint    -DVEC=8 -DTYPE=1
// Lint    -DVEC=16 -DTYPE=2
// Lint    -DVEC=16 -DTYPE=3

#if !defined(VEC)
#error "gate.cl needs -D VEC"
#endif

#include "epilogue.clh"
#include "layout.clh"
#include "loose.clh"

// VEC outputs of one run from `first` on, of channel k or of neighbouring ones from k on; `sums`
// points at the first one's.
inline void gate_whole(const Epilogue *e, __global const float *sums, const ulong run_length,
                       const int is_nhwc, const int k, const int channels, const ulong first)
{
    VECTOR a = GET_X(sums), b = GET_X(sums + run_length);
    if (is_nhwc) {
        a = fma(a, scale_lanes(e, k), bias_lanes(e, k));
        b = fma(b, scale_lanes(e, k + channels), bias_lanes(e, k + channels));
    } else {
        a = fma(a, (VECTOR)(scale_of(e, k)), (VECTOR)(bias_of(e, k)));
        b = fma(b, (VECTOR)(scale_of(e, k + channels)), (VECTOR)(bias_of(e, k + channels)));
    }
    put_lanes(finish_lanes(e, gate_lanes(a, b), e->y_base + first), e->y_base + first);
}

__kernel void gate(__global const float *restrict sums, const ulong sums_at,
                   __global const float *restrict bias, const ulong bias_at,
                   __global const float *restrict scale, const ulong scale_at,
                   __global const STORED *restrict residual, const ulong residual_at,
                   __global STORED *restrict y, const ulong y_at,
                   const int4 shape, // channels of y, flags of layout.clh, 0, 0
                   const ulong plane, const int4 after, const float4 factors, const ulong count,
                   const int run)
{
    const ulong first = get_global_id(0) * VEC;
    if (run == 0 || first >= count)
        return;
    const int channels = shape.x, is_nhwc = (shape.y & FLAG_OUTPUT_NHWC) != 0;
    const ulong run_length = is_nhwc ? (ulong)channels : (ulong)channels * plane;
    const ulong channel_length = is_nhwc ? 1 : plane;
    const Epilogue e =
        scaled_by(epilogue_of(after, factors, bias + bias_at, shape.y & FLAG_BIAS,
                              residual + residual_at, y + y_at),
                  scale + scale_at, shape.y & FLAG_SCALE);
    const int lanes = (int)min((ulong)VEC, count - first);

    ulong at_run = first / run_length, at = first % run_length;
    const ulong channel_left = is_nhwc ? run_length - at : plane - at % plane;
    if (factors.w == 0.0f && lanes == VEC && channel_left >= VEC) {
        gate_whole(&e, sums + sums_at + 2 * at_run * run_length + at, run_length, is_nhwc,
                   (int)(at / channel_length), channels, first);
        return;
    }

    float a[VEC], b[VEC];
    for (int i = 0; i < VEC; ++i) {
        // Lanes beyond the last output repeat it.
        const ulong from = sums_at + 2 * at_run * run_length + at;
        const int k = (int)(at / channel_length);
        a[i] = biased(&e, sums[from], k);
        b[i] = biased(&e, sums[from + run_length], k + channels);
        const int is_more = i + 1 < lanes, is_end = at + 1 == run_length;
        at_run += is_more && is_end;
        at = is_more ? (is_end ? 0 : at + 1) : at;
    }
    float gated[VEC];
    STORE(gate_lanes(LOAD(0, a), LOAD(0, b)), 0, gated);
    for (int i = 0; i < lanes; ++i)
        put(finish(&e, gated[i], first + (ulong)i), e.y_base + first + i);
}
