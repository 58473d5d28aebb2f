// pack.cl: plain weights to blocks of floats, zero where a block sticks out.
//
// Plain   filter f and channel c of a group begin at f * filter_step + c * channel_step: [K][C/G]
//         [taps], or with the roles of filters and channels exchanged for the adjoint.
// Layout  packed[group][filter block][channel block][tap][channel][filter]
// Item    one packed element.
// Host    host/solve/pack.c
// Lint    -DTYPE=0
// Lint    -DTYPE=1
// Lint    -DTYPE=2
// Lint    -DTYPE=3

#include "epilogue.clh"

__kernel void pack(__global const STORED *restrict plain, const ulong plain_at,
                   __global float *restrict packed, const ulong packed_at,
                   const int4 shape,  // filters and channels of a group, taps, flip
                   const int4 blocks, // filter blocks, filters in one, channel blocks, channels
                   const int gate, // lanes of a gated run, or 0
                   const ulong filter_step, const ulong channel_step,
                   const int4 kernel_,                    // D H W, all taps of the plain weights
                   const int4 taken,                      // D H W of the taps that are packed:
                   const int4 first, const int4 tap_step, // first + tap * step
                   const ulong count, const int run)
{
    const ulong at = get_global_id(0);
    if (run == 0 || at >= count)
        return;

    ulong rest = at;
    const int lane = (int)(rest % (ulong)blocks.y);
    rest /= (ulong)blocks.y;
    const int c = (int)(rest % (ulong)blocks.w);
    rest /= (ulong)blocks.w;
    const int tap = (int)(rest % (ulong)shape.z);
    rest /= (ulong)shape.z;
    const int channel = (int)(rest % (ulong)blocks.z) * blocks.w + c;
    rest /= (ulong)blocks.z;
    const int filter =
        filter_of_lane((int)(rest % (ulong)blocks.x), lane, blocks.y, gate, shape.x);
    const ulong group = rest / (ulong)blocks.x;

    float value = 0.0f;
    if (filter >= 0 && channel < shape.y) {
        const int4 at_tap = first + tap_step * (int4)(tap / taken.z / taken.y,
                                                      tap / taken.z % taken.y, tap % taken.z, 0);
        const int flat = (at_tap.x * kernel_.y + at_tap.y) * kernel_.z + at_tap.z;
        // All axes reversed is the flat index of taps reversed.
        const int source = shape.w ? kernel_.w - 1 - flat : flat;
        const ulong group_step = (ulong)shape.x * (ulong)shape.y * (ulong)kernel_.w;
        value = get(plain + plain_at + group * group_step + (ulong)filter * filter_step +
                    (ulong)channel * channel_step + (ulong)source);
    }
    packed[packed_at + at] = value;
}
