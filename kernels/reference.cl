// reference.cl: dilated convolution by its definition, one work-item per output.
//
// Layout  x[N][C][D][H][W] or x[N][D][H][W][C], y likewise, w[K][tap][C/G] of floats.
//         An input may lie `spread` apart with zeros between: transposed, backward data.
//         reference_gradient: dw[K][C/G][tap] and db[K], one work-item per element.
// Group   any size; no local memory, no barrier.
// Host    host/solve/reference.c checks that every axis fits 32 bits; flat indices have 64.
// Lint    -DTYPE=0
// Lint    -DTYPE=1
// Lint    -DTYPE=1 -DNATIVE_HALF
// Lint    -DTYPE=1 -DFLOAT_SUMS -DNATIVE_HALF
// Lint    -DTYPE=2
// Lint    -DTYPE=3
// Lint    -DTYPE=3 -DFLOAT_SUMS -DWHOLE_SUMS

#include "epilogue.clh"
#include "layout.clh"
#include "padding.clh"
#include "problem.clh"

// Input index that output position p of an axis meets at tap t, or -1.
inline int source(const int p, const int t, const int stride, const int dilation, const int pad,
                  const int spread, const int n, const int mode)
{
    int i = p * stride + t * dilation - pad;
    if (spread > 1) {
        if (i % spread != 0)
            return -1;
        i /= spread;
    }
    return pad_index(i, n, mode);
}

// Integers are summed as such, which is exact; halves in half where the host asks for it.
#if TYPE == TYPE_I8
typedef int Sum;
#define ADD(a, b, sum) ((sum) + (int)(a) * (int)(b))
#elif defined(NATIVE_HALF)
#include "half.clh"
typedef Half Sum;
#define ADD(a, b, sum) half_fma(half_of(a), half_of(b), sum)
#else
typedef float Sum;
#define ADD(a, b, sum) fma(a, b, sum)
#endif

// The sum over channels at one tap; x and w point at the first channel.
inline Sum over_channels(__global const STORED *x, __global const float *w, const int channels,
                         const ulong step, Sum sum)
{
    for (int c = 0; c < channels; ++c)
        sum = ADD(get(x + (ulong)c * step), w[c], sum);
    return sum;
}

// The same where the tap reads the padding's constant.
inline Sum over_constant(const float value, __global const float *w, const int channels, Sum sum)
{
    for (int c = 0; c < channels; ++c)
        sum = ADD(value, w[c], sum);
    return sum;
}

// The sum of one output of filter k of group g, without bias.
inline Sum sum_of(__global const STORED *image, const Steps from, __global const float *taps,
                    const int4 at, const int4 in, const int4 kernel_, const int4 stride,
                    const int4 dilation, const int4 pad, const int4 spread, const float pad_value)
{
    const int mode = dilation.w;
    Sum sum = 0;
    for (int r = 0; r < kernel_.x; ++r)
        for (int s = 0; s < kernel_.y; ++s)
            for (int t = 0; t < kernel_.z; ++t, taps += in.w) {
                const int iz = source(at.x, r, stride.x, dilation.x, pad.x, spread.x, in.x, mode);
                const int iy = source(at.y, s, stride.y, dilation.y, pad.y, spread.y, in.y, mode);
                const int ix = source(at.z, t, stride.z, dilation.z, pad.z, spread.z, in.z, mode);
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

__kernel void reference(TENSORS, GEOMETRY,
                        const int4 spread, // D H W, 0
                        const ulong count, const int run)
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
    const Epilogue e = EPILOGUE;
    const ulong filter_size = (ulong)(kernel_.x * kernel_.y * kernel_.z) * (ulong)in.w;

#ifdef WHOLE_SUMS
    int whole = 0;
#endif
    float sums[2] = {0.0f, 0.0f};
    for (int half_ = 0; half_ <= is_gated; ++half_) {
        const int k = o + half_ * channels_out;
        __global const STORED *image = x + x_at + n * (ulong)(kernel_.w * in.w) * plane +
                                      (ulong)(k / out.w) * (ulong)in.w * from.channel;
        const Sum sum = sum_of(image, from, w + w_at + (ulong)k * filter_size, p, in, kernel_,
                                 stride, dilation, pad, spread, pad_value);
#ifdef WHOLE_SUMS
        whole = sum;
#endif
        sums[half_] = biased(&e, sum, k);
    }
    const ulong pixel = ((ulong)p.x * (ulong)out.y + (ulong)p.y) * (ulong)out.z + (ulong)p.z;
    const ulong target =
        n * (ulong)channels_out * out_plane + (ulong)o * to.channel + pixel * to.pixel;
#ifdef WHOLE_SUMS
    ((__global int *)y)[y_at + target] = whole; // fold.cl takes it from here
#else
    const float sum = is_gated ? tanh(sums[0]) * sigmoid(sums[1]) : sums[0];
    put(finish(&e, sum, target), y + y_at + target);
#endif
}

// dw of one tap of filter k and channel c (of all): over the batch and all output positions.
inline float gradient_of(__global const STORED *x, __global const STORED *dy, const Steps from,
                         const Steps to, const ulong image, const ulong out_image, const int4 tap,
                         const int4 in, const int4 out, const int4 stride, const int4 dilation,
                         const int4 pad, const float pad_value)
{
    const int mode = dilation.w;
    Sum sum = 0;
    for (int n = 0; n < stride.w; ++n, x += image, dy += out_image) {
        __global const STORED *at = dy;
        for (int oz = 0; oz < out.x; ++oz) {
            const int iz = source(oz, tap.x, stride.x, dilation.x, pad.x, 1, in.x, mode);
            for (int oy = 0; oy < out.y; ++oy) {
                const int iy = source(oy, tap.y, stride.y, dilation.y, pad.y, 1, in.y, mode);
                const ulong row = ((ulong)iz * (ulong)in.y + (ulong)iy) * (ulong)in.z;
                for (int ox = 0; ox < out.z; ++ox, at += to.pixel) {
                    const int ix = source(ox, tap.z, stride.z, dilation.z, pad.z, 1, in.z, mode);
                    if (iz >= 0 && iy >= 0 && ix >= 0)
                        sum = ADD(get(x + (row + (ulong)ix) * from.pixel), get(at), sum);
                    else if (mode == PADDING_CONSTANT)
                        sum = ADD(pad_value, get(at), sum);
                }
            }
        }
    }
    return sum;
}

inline float bias_gradient_of(__global const STORED *dy, const Steps to, const ulong out_image,
                              const int batch, const ulong plane)
{
#if TYPE == TYPE_I8
    int4 sums = (int4)(0);
    int sum = 0;
#define TERMS convert_int4
#else
    float4 sums = (float4)(0.0f);
    float sum = 0.0f;
#define TERMS
#endif
    for (int n = 0; n < batch; ++n, dy += out_image) {
        ulong i = 0;
        for (; to.pixel == 1 && i + 4 <= plane; i += 4)
            sums += TERMS(get4(dy + i));
        for (; i < plane; ++i)
            sum += get(dy + i * to.pixel);
    }
    return sum + ((sums.x + sums.y) + (sums.z + sums.w));
}

// Elements behind `weights` are db's.
__kernel void reference_gradient(__global const STORED *restrict x, const ulong x_at,
                                 __global const STORED *restrict dy, const ulong dy_at,
                                 __global Y_STORED *restrict dw, const ulong dw_at,
                                 __global float *restrict db, const ulong db_at, GEOMETRY,
                                 const int flip, const ulong weights, const ulong count,
                                 const int run)
{
    const ulong at = get_global_id(0);
    if (run == 0 || at >= count)
        return;
    const int taps = kernel_.x * kernel_.y * kernel_.z, is_bias = at >= weights;
    const ulong row = at / (ulong)taps;
    const int k = is_bias ? (int)(at - weights) : (int)(row / (ulong)in.w);
    const int c = k / out.w * in.w + (int)(row % (ulong)in.w);
    const int flat = (int)(at % (ulong)taps), place = flip ? taps - 1 - flat : flat;
    const int4 tap = (int4)(place / kernel_.z / kernel_.y, place / kernel_.z % kernel_.y,
                            place % kernel_.z, 0);

    const ulong plane = plane_of(in), out_plane = plane_of(out);
    const int all_channels = in.w * kernel_.w, all_filters = out.w * kernel_.w;
    const Steps from = steps_of(pad.w & FLAG_INPUT_NHWC, plane, all_channels);
    const Steps to = steps_of(pad.w & FLAG_OUTPUT_NHWC, out_plane, all_filters);
    const ulong out_image = (ulong)all_filters * out_plane;
    __global const STORED *grad = dy + dy_at + (ulong)k * to.channel;
    if (is_bias) {
        const float bias = bias_gradient_of(grad, to, out_image, stride.w, out_plane);
        __global float *at_bias = db + db_at + (ulong)k;
        *at_bias = factors.w == 0.0f ? factors.z * bias
                                     : fma(factors.w, *at_bias, factors.z * bias);
        return;
    }
    const Epilogue e = epilogue_of(after, factors, db, 0, dw + dw_at, dw + dw_at);
    const float sum = gradient_of(x + x_at + (ulong)c * from.channel, grad, from, to,
                                  (ulong)all_channels * plane, out_image, tap, in, out, stride,
                                  dilation, pad, pad_value);
    put(finish(&e, sum, at), dw + dw_at + at);
}
