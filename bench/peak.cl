// peak.cl: the two limits of a device, arithmetic and memory, as kernels.
//
// Group   any size; the host tries one work-item per group with wide vectors, and
//         many work-items with narrow ones, and believes the faster.
// Host    bench/peak.c defines LANES: floats in a vector (1, 2, 4, 8 or 16), and FUSED: 1 asks
//         for fma(), which some devices only emulate, 0 for mad(), of which others make two
//         instructions.

#if !defined(LANES) || !defined(FUSED)
#error "peak.cl needs -D LANES FUSED"
#endif

#if LANES == 1
typedef float lanes;
#else
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
typedef JOIN(float, LANES) lanes;
#endif

#if FUSED
#define MULTIPLY_ADD(x, a, b) fma(x, a, b)
#else
#define MULTIPLY_ADD(x, a, b) mad(x, a, b)
#endif

// 12 chains: more than latency times pipes of the devices known, and with the two
// constants few enough to stay in 16 vector registers.
#define CHAINS(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7) DO(8) DO(9) DO(10) DO(11)

// 12 * 2 * LANES operations a round and work-item. a and b come from the host, so that
// nothing can be computed beforehand.
__kernel void peak_multiply_add(__global lanes *out, float a, float b, int rounds)
{
    const size_t id = get_global_id(0);
    const lanes va = (lanes)(a), vb = (lanes)(b);
#define START(i) lanes x##i = (lanes)((float)id + (float)(i));
    CHAINS(START)
    for (int round = 0; round < rounds; ++round) {
#define STEP(i) x##i = MULTIPLY_ADD(x##i, va, vb);
        CHAINS(STEP)
    }
    lanes sum = (lanes)(0.0f);
#define ADD(i) sum += x##i;
    CHAINS(ADD)
    out[id] = sum;
}

// Work-item i copies vectors [i * each, (i + 1) * each).
__kernel void peak_copy(__global const lanes *from, __global lanes *to, ulong each)
{
    const ulong first = (ulong)get_global_id(0) * each;
    for (ulong i = first; i < first + each; ++i)
        to[i] = from[i];
}
