// pack.cl: plain weights to blocks of floats, zero where a block sticks out.
//
// Plain   filter f and channel c of a group begin at f * filter_step + c * channel_step: [K][C/G]
//         [taps], or with the roles of filters and channels exchanged for the adjoint.
// Layout  packed[group][filter block][channel block][tap][channel][filter]
// Pairs   with PAIRS, of int8, two channels as two short share a float's place, the first one low.
// Item    one packed element, or pair.
// Host    host/solve/pack.c
// Lint    -DTYPE=0
// Lint    -DTYPE=1
// Lint    -DTYPE=2
// Lint    -DTYPE=3
// Lint    -DTYPE=3 -DPAIRS

#include "epilogue.clh"

#ifdef PAIRS
#define PLACE short2
#define PLACE_CHANNELS 2
#define PLACED(from, step, channels) pair_of(from, step, channels)
inline short2 pair_of(__global const STORED *from, const ulong step, const int channels)
{
    return (short2)((short)get(from), (short)(channels > 1 ? get(from + step) : 0.0f));
}
#else
#define PLACE float
#define PLACE_CHANNELS 1
#define PLACED(from, step, channels) get(from)
#endif

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
    const int places = blocks.w / PLACE_CHANNELS;
    const int c = (int)(rest % (ulong)places) * PLACE_CHANNELS;
    rest /= (ulong)places;
    const int tap = (int)(rest % (ulong)shape.z);
    rest /= (ulong)shape.z;
    const int channel = (int)(rest % (ulong)blocks.z) * blocks.w + c;
    rest /= (ulong)blocks.z;
    const int filter =
        filter_of_lane((int)(rest % (ulong)blocks.x), lane, blocks.y, gate, shape.x);
    const ulong group = rest / (ulong)blocks.x;

    PLACE value = (PLACE)(0);
    if (filter >= 0 && channel < shape.y) {
        const int4 at_tap = first + tap_step * (int4)(tap / taken.z / taken.y,
                                                      tap / taken.z % taken.y, tap % taken.z, 0);
        const int flat = (at_tap.x * kernel_.y + at_tap.y) * kernel_.z + at_tap.z;
        // All axes reversed is the flat index of taps reversed.
        const int source = shape.w ? kernel_.w - 1 - flat : flat;
        const ulong group_step = (ulong)shape.x * (ulong)shape.y * (ulong)kernel_.w;
        value = PLACED(plain + plain_at + group * group_step + (ulong)filter * filter_step +
                           (ulong)channel * channel_step + (ulong)source,
                       channel_step, shape.y - channel);
    }
    ((__global PLACE *)packed)[packed_at + at] = value;
}
