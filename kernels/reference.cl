// reference.cl: dilated convolution by its definition, one work-item per output.
//
// Layout  x[N][C][D][H][W]  y[N][K][OD][OH][OW]  w[K][tap][C/G], all float.
// Group   any size; no local memory, no barrier.
// Host    host/solve/reference.c checks that every axis fits 32 bits; flat indices have 64.
// Lint

#include "epilogue.clh"
#include "padding.clh"

// The sum over channels at one tap; x and w point at the first channel.
inline float over_channels(__global const float *x, __global const float *w, const int channels,
                           const ulong plane, float sum)
{
    for (int c = 0; c < channels; ++c)
        sum = fma(x[(ulong)c * plane], w[c], sum);
    return sum;
}

// The same where the tap reads the padding's constant.
inline float over_constant(const float value, __global const float *w, const int channels,
                           float sum)
{
    for (int c = 0; c < channels; ++c)
        sum = fma(value, w[c], sum);
    return sum;
}

__kernel void reference(__global const float *restrict x, const ulong x_at,
                        __global const float *restrict w, const ulong w_at,
                        __global const float *restrict bias, const ulong bias_at,
                        __global float *restrict y, const ulong y_at,
                        const int4 in,       // D H W, channels of a group
                        const int4 out,      // D H W, filters of a group
                        const int4 kernel_,  // D H W, groups
                        const int4 stride,   // D H W, batch
                        const int4 dilation, // D H W, padding mode
                        const int4 pad,      // D H W, has_bias
                        const float pad_value, const ulong count, const int run)
{
    const ulong at = get_global_id(0);
    if (run == 0 || at >= count)
        return;

    ulong rest = at;
    const int ow = (int)(rest % (ulong)out.z);
    rest /= (ulong)out.z;
    const int oh = (int)(rest % (ulong)out.y);
    rest /= (ulong)out.y;
    const int od = (int)(rest % (ulong)out.x);
    rest /= (ulong)out.x;
    const int k = (int)(rest % (ulong)(out.w * kernel_.w));
    const ulong n = rest / (ulong)(out.w * kernel_.w);
    const int g = k / out.w, mode = dilation.w;

    const ulong plane = (ulong)in.x * (ulong)in.y * (ulong)in.z;
    __global const float *image = x + x_at + (n * (ulong)kernel_.w + (ulong)g) * (ulong)in.w * plane;
    __global const float *taps =
        w + w_at + (ulong)k * (ulong)(kernel_.x * kernel_.y * kernel_.z) * (ulong)in.w;

    float sum = bias_of(bias + bias_at, pad.w, k);
    for (int r = 0; r < kernel_.x; ++r)
        for (int s = 0; s < kernel_.y; ++s)
            for (int t = 0; t < kernel_.z; ++t, taps += in.w) {
                const int iz = pad_index(od * stride.x + r * dilation.x - pad.x, in.x, mode);
                const int iy = pad_index(oh * stride.y + s * dilation.y - pad.y, in.y, mode);
                const int ix = pad_index(ow * stride.z + t * dilation.z - pad.z, in.z, mode);
                if (iz >= 0 && iy >= 0 && ix >= 0)
                    sum = over_channels(
                        image + ((ulong)iz * (ulong)in.y + (ulong)iy) * (ulong)in.z + (ulong)ix,
                        taps, in.w, plane, sum);
                else if (mode == PADDING_CONSTANT)
                    sum = over_constant(pad_value, taps, in.w, sum);
            }
    y[y_at + at] = sum;
}
