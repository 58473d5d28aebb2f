/* Builds the register blocks for each instruction set and picks one.
 *
 * Compiled with -ffp-contract=fast: a multiply and an add become one fused instruction where
 * the target has it. */
#include "cpu/micro.h"
#include "cpu/convert.h"

#if defined(__GNUC__) && (defined(__x86_64__) || defined(__i386__))
#define X86_BUILDS

/* Compilers that can ask whether the processor converts halves. */
#if !defined(__clang__) && __GNUC__ >= 11
#include <immintrin.h>
#define MICRO_HALVES
#define HALVES ",f16c"
#else
#define HALVES ""
#endif

#define MICRO_NAME avx512
#define MICRO_TARGET __attribute__((target("avx512f,avx2,fma" HALVES)))
#define MICRO_LANES 16
#define MICRO_FILTERS 8
#include "cpu/micro_body.h"

#define MICRO_NAME avx2
#define MICRO_TARGET __attribute__((target("avx2,fma" HALVES)))
#define MICRO_LANES 8
#define MICRO_FILTERS 4
#include "cpu/micro_body.h"
#undef MICRO_HALVES
#endif

#define MICRO_NAME plain
#define MICRO_TARGET
#if defined(__GNUC__)
#define MICRO_LANES 4
#else
#define MICRO_LANES 1
#endif
#if defined(__aarch64__)
#define MICRO_FILTERS 8 /* 32 registers */
#else
#define MICRO_FILTERS 4
#endif
#include "cpu/micro_body.h"

const struct atrous__micro *atrous__micro_best(void)
{
#if defined(X86_BUILDS)
    __builtin_cpu_init();
#if !defined(__clang__) && __GNUC__ >= 11
    if (!__builtin_cpu_supports("f16c"))
        return &plain;
#endif
    if (__builtin_cpu_supports("avx512f"))
        return &avx512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return &avx2;
#endif
    return &plain;
}
