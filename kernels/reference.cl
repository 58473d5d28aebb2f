// reference.cl: dilated convolution by its definition, one work-item per output.
//
// Layout  x[N][C][D][H][W] or x[N][D][H][W][C], y likewise, w[K][tap][C/G], all float.
// Group   any size; no local memory, no barrier.
// Host    host/solve/reference.c checks that every axis fits 32 bits; flat indices have 64.
// Lint

#include "epilogue.clh"
#include "layout.clh"
#include "padding.clh"
#include "problem.clh"

// The sum over channels at one tap; x and w point at the first channel.
inline float over_channels(__global const float *x, __global const float *w, const int channels,
                           const ulong step, float sum)
{
    for (int c = 0; c < channels; ++c)
        sum = fma(x[(ulong)c * step], w[c], sum);
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

// The sum of one output of filter k of group g, without bias.
inline float sum_of(__global const float *image, const Steps from, __global const float *taps,
                    const int4 at, const int4 in, const int4 kernel_, const int4 stride,
                    const int4 dilation, const int4 pad, const float pad_value)
{
    const int mode = dilation.w;
    float sum = 0.0f;
    for (int r = 0; r < kernel_.x; ++r)
        for (int s = 0; s < kernel_.y; ++s)
            for (int t = 0; t < kernel_.z; ++t, taps += in.w) {
                const int iz = pad_index(at.x * stride.x + r * dilation.x - pad.x, in.x, mode);
                const int iy = pad_index(at.y * stride.y + s * dilation.y - pad.y, in.y, mode);
                const int ix = pad_index(at.z * stride.z + t * dilation.z - pad.z, in.z, mode);
                if (iz >= 0 && iy >= 0 && ix >= 0)
                    sum = over_channels(
                        image + (((ulong)iz * (ulong)in.y + (ulong)iy) * (ulong)in.z + (ulong)ix) *
                                    from.pixel,
                        taps, in.w, from.channel, sum);
                else if (mode == PADDING_CONSTANT)
                    sum = over_constant(pad_value, taps, in.w, sum);
            }
    return sum;
}

__kernel void reference(TENSORS, GEOMETRY, const ulong count, const int run)
{
    const ulong at = get_global_id(0);
    if (run == 0 || at >= count)
        return;

    const int is_gated = after.x == ACTIVATION_GATED, filters = out.w * kernel_.w;
    const int channels_out = is_gated ? filters / 2 : filters;
    ulong rest = at;
    int4 p;
    p.z = (int)(rest % (ulong)out.z);
    rest /= (ulong)out.z;
    p.y = (int)(rest % (ulong)out.y);
    rest /= (ulong)out.y;
    p.x = (int)(rest % (ulong)out.x);
    rest /= (ulong)out.x;
    const int o = (int)(rest % (ulong)channels_out);
    const ulong n = rest / (ulong)channels_out;

    const ulong plane = plane_of(in), out_plane = plane_of(out);
    const Steps from = steps_of(pad.w & FLAG_INPUT_NHWC, plane, in.w * kernel_.w);
    const Steps to = steps_of(pad.w & FLAG_OUTPUT_NHWC, out_plane, channels_out);
    const Epilogue e = epilogue_of(after, factors, bias + bias_at, pad.w & FLAG_BIAS,
                                   residual + residual_at, y + y_at);
    const ulong filter_size = (ulong)(kernel_.x * kernel_.y * kernel_.z) * (ulong)in.w;

    float sums[2] = {0.0f, 0.0f};
    for (int half_ = 0; half_ <= is_gated; ++half_) {
        const int k = o + half_ * channels_out;
        __global const float *image = x + x_at + n * (ulong)(kernel_.w * in.w) * plane +
                                      (ulong)(k / out.w) * (ulong)in.w * from.channel;
        sums[half_] = sum_of(image, from, w + w_at + (ulong)k * filter_size, p, in, kernel_, stride,
                             dilation, pad, pad_value) +
                      bias_of(&e, k);
    }
    const float sum = is_gated ? tanh(sums[0]) * sigmoid(sums[1]) : sums[0];
    const ulong pixel = ((ulong)p.x * (ulong)out.y + (ulong)p.y) * (ulong)out.z + (ulong)p.z;
    const ulong target =
        n * (ulong)channels_out * out_plane + (ulong)o * to.channel + pixel * to.pixel;
    y[y_at + target] = finish(&e, sum, target);
}
