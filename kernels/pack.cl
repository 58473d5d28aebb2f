// pack.cl: plain weights [K][C/G][taps] to blocks, zero where a block sticks out.
//
// Layout  packed[group][filter block][channel block][tap][channel][filter]
// Item    one packed element.
// Host    host/solve/pack.c
// Lint

#include "epilogue.clh"

__kernel void pack(__global const float *restrict plain, const ulong plain_at,
                   __global float *restrict packed, const ulong packed_at,
                   const int4 shape,  // filters and channels of a group, taps, flip
                   const int4 blocks, // filter blocks, filters in one, channel blocks, channels
                   const int gate, // lanes of a gated run, or 0
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
        // All axes reversed is the flat index of taps reversed.
        const int source = shape.w ? shape.z - 1 - tap : tap;
        const ulong row =
            (group * (ulong)shape.x + (ulong)filter) * (ulong)shape.y + (ulong)channel;
        value = plain[plain_at + row * (ulong)shape.z + (ulong)source];
    }
    packed[packed_at + at] = value;
}
