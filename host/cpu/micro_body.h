/* One build of the register blocks; micro.c includes it once per instruction set.
 *
 * MICRO_NAME     prefix of everything defined here
 * MICRO_TARGET   function attribute that turns the instructions on
 * MICRO_LANES    floats of a vector
 * MICRO_FILTERS  filters of the large block; FILTERS * 3 + 4 vectors should fit the registers
 */
#define MICRO_JOIN_(a, b) a##_##b
#define MICRO_JOIN(a, b) MICRO_JOIN_(a, b)
#define MICRO_VECTOR MICRO_JOIN(MICRO_NAME, vector)
#define MICRO_UNALIGNED MICRO_JOIN(MICRO_NAME, unaligned)

#if defined(__GNUC__)
typedef float MICRO_VECTOR __attribute__((vector_size(MICRO_LANES * 4), may_alias));
typedef float MICRO_UNALIGNED __attribute__((vector_size(MICRO_LANES * 4), aligned(4), may_alias));
#else
typedef float MICRO_VECTOR;
typedef float MICRO_UNALIGNED;
#endif

/* Bounds are constant; unrolled, `sum` lives in registers. clang unrolls without being told. */
#if defined(__GNUC__) && !defined(__clang__)
#define MICRO_EACH(i, count) _Pragma("GCC unroll 16") for (int i = 0; i < (count); ++i)
#else
#define MICRO_EACH(i, count) for (int i = 0; i < (count); ++i)
#endif

/* clang-format off */
#define MICRO_DEFINE(name, FILTERS, VECTORS)                                                   \
    MICRO_TARGET static void MICRO_JOIN(MICRO_NAME, name)(                                     \
        const struct atrous__step *steps, size_t count, const float *const *x, const float *w, \
        float *sums, size_t pitch)                                                             \
    {                                                                                          \
        MICRO_VECTOR sum[FILTERS][VECTORS];                                                    \
        const float *pixels[VECTORS];                                                          \
        MICRO_EACH(v, VECTORS)                                                                 \
            pixels[v] = x[v];                                                                  \
        MICRO_EACH(f, FILTERS)                                                                 \
            MICRO_EACH(v, VECTORS)                                                             \
                sum[f][v] =                                                                    \
                    *(const MICRO_VECTOR *)(sums + (size_t)f * pitch + v * MICRO_LANES);       \
        for (size_t i = 0; i < count; ++i) {                                                   \
            const float *weights = w + steps[i].w * (FILTERS);                                 \
            MICRO_VECTOR pixel[VECTORS];                                                       \
            MICRO_EACH(v, VECTORS)                                                             \
                pixel[v] = *(const MICRO_UNALIGNED *)(pixels[v] + steps[i].x);                 \
            MICRO_EACH(f, FILTERS)                                                             \
                MICRO_EACH(v, VECTORS)                                                         \
                    sum[f][v] += pixel[v] * weights[f];                                        \
        }                                                                                      \
        MICRO_EACH(f, FILTERS)                                                                 \
            MICRO_EACH(v, VECTORS)                                                             \
                *(MICRO_VECTOR *)(sums + (size_t)f * pitch + v * MICRO_LANES) = sum[f][v];     \
    }
/* clang-format on */

MICRO_DEFINE(block1, MICRO_FILTERS, 1)
MICRO_DEFINE(block2, MICRO_FILTERS, 2)
MICRO_DEFINE(block3, MICRO_FILTERS, 3)
MICRO_DEFINE(single1, 1, 1)
MICRO_DEFINE(single2, 1, 2)
MICRO_DEFINE(single3, 1, 3)
MICRO_DEFINE(single4, 1, 4)
MICRO_DEFINE(single5, 1, 5)
MICRO_DEFINE(single6, 1, 6)

/* clang-format off */
#define MICRO_DEFINE_TAPS(TAPS)                                                                \
    MICRO_TARGET static void MICRO_JOIN(MICRO_NAME, taps##TAPS)(                               \
        const struct atrous__step *steps, const float *dy, const float *x, const size_t *at,   \
        size_t vectors, double *sums)                                                          \
    {                                                                                          \
        MICRO_VECTOR sum[TAPS] = {{0}};                                                        \
        const float *tap[TAPS];                                                                \
        MICRO_EACH(t, TAPS)                                                                    \
            tap[t] = x + steps[t].x;                                                           \
        for (size_t v = 0; v < vectors; ++v, dy += MICRO_LANES) {                              \
            const MICRO_VECTOR factor = *(const MICRO_UNALIGNED *)dy;                          \
            MICRO_EACH(t, TAPS)                                                                \
                sum[t] += factor * *(const MICRO_UNALIGNED *)(tap[t] + at[v]);                 \
        }                                                                                      \
        for (int t = 0; t < TAPS; ++t) {                                                       \
            float lanes[MICRO_LANES];                                                          \
            memcpy(lanes, &sum[t], sizeof lanes);                                              \
            for (int i = 0; i < MICRO_LANES; ++i)                                              \
                sums[t] += (double)lanes[i];                                                   \
        }                                                                                      \
    }
/* clang-format on */

MICRO_DEFINE_TAPS(1)
MICRO_DEFINE_TAPS(2)
MICRO_DEFINE_TAPS(3)
MICRO_DEFINE_TAPS(4)
MICRO_DEFINE_TAPS(5)
MICRO_DEFINE_TAPS(6)
MICRO_DEFINE_TAPS(7)
MICRO_DEFINE_TAPS(8)
MICRO_DEFINE_TAPS(9)

MICRO_TARGET static size_t MICRO_JOIN(MICRO_NAME, dot)(const float *a, const float *b, size_t count,
                                                       float *lanes)
{
    MICRO_VECTOR sum[ATROUS__MICRO_DOT / MICRO_LANES];
    size_t i = 0;
    MICRO_EACH(v, ATROUS__MICRO_DOT / MICRO_LANES)
    sum[v] = *(const MICRO_UNALIGNED *)(lanes + v * MICRO_LANES);
    for (; i + ATROUS__MICRO_DOT <= count; i += ATROUS__MICRO_DOT)
        MICRO_EACH(v, ATROUS__MICRO_DOT / MICRO_LANES)
    sum[v] += *(const MICRO_UNALIGNED *)(a + i + v * MICRO_LANES) *
              *(const MICRO_UNALIGNED *)(b + i + v * MICRO_LANES);
    for (; i + MICRO_LANES <= count; i += MICRO_LANES)
        sum[0] += *(const MICRO_UNALIGNED *)(a + i) * *(const MICRO_UNALIGNED *)(b + i);
    MICRO_EACH(v, ATROUS__MICRO_DOT / MICRO_LANES)
    *(MICRO_UNALIGNED *)(lanes + v * MICRO_LANES) = sum[v];
    return i;
}

/* Floats side by side, whole vectors at a time; the last one overlaps what is there already. */
MICRO_TARGET static inline void MICRO_JOIN(MICRO_NAME, copy)(const float *from, float *to,
                                                             size_t count)
{
    size_t i = 0;
    for (; i + MICRO_LANES <= count; i += MICRO_LANES)
        *(MICRO_UNALIGNED *)(to + i) = *(const MICRO_UNALIGNED *)(from + i);
    if (i < count && count > MICRO_LANES) {
        i = count - MICRO_LANES;
        *(MICRO_UNALIGNED *)(to + i) = *(const MICRO_UNALIGNED *)(from + i);
        return;
    }
    for (; i < count; ++i)
        to[i] = from[i];
}

MICRO_TARGET static void MICRO_JOIN(MICRO_NAME, load_f32)(const void *from, size_t step, float *to,
                                                          size_t count)
{
    const float *floats = from;
    if (step == 1)
        MICRO_JOIN(MICRO_NAME, copy)(floats, to, count);
    else
        for (size_t i = 0; i < count; ++i)
            to[i] = floats[i * step];
}

MICRO_TARGET static void MICRO_JOIN(MICRO_NAME, store_f32)(const float *from, void *to, size_t step,
                                                           size_t count)
{
    float *floats = to;
    if (step == 1)
        MICRO_JOIN(MICRO_NAME, copy)(from, floats, count);
    else
        for (size_t i = 0; i < count; ++i)
            floats[i * step] = from[i];
}

/* Side by side a loop of its own, which the compiler turns into vectors. */
#define MICRO_CONVERT(name, stored, widen, narrow)                                                 \
    MICRO_TARGET static void MICRO_JOIN(MICRO_NAME, load_##name)(const void *from, size_t step,    \
                                                                 float *restrict to, size_t count) \
    {                                                                                              \
        const stored *restrict all = from;                                                         \
        for (size_t i = 0; step == 1 && i < count; ++i)                                            \
            to[i] = widen(all[i]);                                                                 \
        for (size_t i = 0; step != 1 && i < count; ++i)                                            \
            to[i] = widen(all[i * step]);                                                          \
    }                                                                                              \
    MICRO_TARGET static void MICRO_JOIN(MICRO_NAME, store_##name)(                                 \
        const float *restrict from, void *to, size_t step, size_t count)                           \
    {                                                                                              \
        stored *restrict all = to;                                                                 \
        for (size_t i = 0; step == 1 && i < count; ++i)                                            \
            all[i] = narrow(from[i]);                                                              \
        for (size_t i = 0; step != 1 && i < count; ++i)                                            \
            all[i * step] = narrow(from[i]);                                                       \
    }

#if defined(MICRO_HALVES)
/* Eight halves by one instruction; of a NaN it keeps more than convert.h does. */
MICRO_TARGET static void MICRO_JOIN(MICRO_NAME, load_f16)(const void *from, size_t step, float *to,
                                                          size_t count)
{
    const uint16_t *all = from;
    size_t i = 0;
    for (; step == 1 && i + 8 <= count; i += 8)
        _mm256_storeu_ps(to + i, _mm256_cvtph_ps(_mm_loadu_si128((const void *)(all + i))));
    for (; i < count; ++i)
        to[i] = atrous__widen_half(all[i * step]);
}

MICRO_TARGET static void MICRO_JOIN(MICRO_NAME, store_f16)(const float *from, void *to, size_t step,
                                                           size_t count)
{
    uint16_t *all = to;
    size_t i = 0;
    for (; step == 1 && i + 8 <= count; i += 8)
        _mm_storeu_si128((void *)(all + i),
                         _mm256_cvtps_ph(_mm256_loadu_ps(from + i), _MM_FROUND_TO_NEAREST_INT));
    for (; i < count; ++i)
        all[i * step] = atrous__narrow_half(from[i]);
}
#else
MICRO_CONVERT(f16, uint16_t, atrous__widen_half, atrous__narrow_half)
#endif
MICRO_CONVERT(bf16, uint16_t, atrous__widen_bfloat, atrous__narrow_bfloat)
MICRO_CONVERT(i8, int8_t, atrous__widen_byte, atrous__narrow_byte)

static const struct atrous__micro MICRO_NAME = {
    .lanes = MICRO_LANES,
    .filters = MICRO_FILTERS,
    .block = {NULL, MICRO_JOIN(MICRO_NAME, block1), MICRO_JOIN(MICRO_NAME, block2),
              MICRO_JOIN(MICRO_NAME, block3)},
    .single = {NULL, MICRO_JOIN(MICRO_NAME, single1), MICRO_JOIN(MICRO_NAME, single2),
               MICRO_JOIN(MICRO_NAME, single3), MICRO_JOIN(MICRO_NAME, single4),
               MICRO_JOIN(MICRO_NAME, single5), MICRO_JOIN(MICRO_NAME, single6)},
    .dot = MICRO_JOIN(MICRO_NAME, dot),
    .taps = {NULL, MICRO_JOIN(MICRO_NAME, taps1), MICRO_JOIN(MICRO_NAME, taps2),
             MICRO_JOIN(MICRO_NAME, taps3), MICRO_JOIN(MICRO_NAME, taps4),
             MICRO_JOIN(MICRO_NAME, taps5), MICRO_JOIN(MICRO_NAME, taps6),
             MICRO_JOIN(MICRO_NAME, taps7), MICRO_JOIN(MICRO_NAME, taps8),
             MICRO_JOIN(MICRO_NAME, taps9)},
    .load = {[ATROUS_TYPE_F32] = MICRO_JOIN(MICRO_NAME, load_f32),
             [ATROUS_TYPE_F16] = MICRO_JOIN(MICRO_NAME, load_f16),
             [ATROUS_TYPE_BF16] = MICRO_JOIN(MICRO_NAME, load_bf16),
             [ATROUS_TYPE_I8] = MICRO_JOIN(MICRO_NAME, load_i8)},
    .store = {[ATROUS_TYPE_F32] = MICRO_JOIN(MICRO_NAME, store_f32),
              [ATROUS_TYPE_F16] = MICRO_JOIN(MICRO_NAME, store_f16),
              [ATROUS_TYPE_BF16] = MICRO_JOIN(MICRO_NAME, store_bf16),
              [ATROUS_TYPE_I8] = MICRO_JOIN(MICRO_NAME, store_i8)},
};

#undef MICRO_CONVERT
#undef MICRO_DEFINE_TAPS
#undef MICRO_DEFINE
#undef MICRO_EACH
#undef MICRO_UNALIGNED
#undef MICRO_VECTOR
#undef MICRO_JOIN
#undef MICRO_JOIN_
#undef MICRO_NAME
#undef MICRO_TARGET
#undef MICRO_LANES
#undef MICRO_FILTERS
