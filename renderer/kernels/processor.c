/* What the processor and this library are. */

#include "kernels.h"

_Static_assert(
    sizeof(void *) == 8 && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
    "addresses are 64-bit integers in Python, and the lower half of two texels is the first one");

#if defined(__x86_64__)

#include <cpuid.h>

/* The state that the system saves: bits 1 and 2 for 256-bit registers. */
static uint32_t saved_state(void)
{
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

/* The features of the levels as in the x86-64 psABI, section 3.1.1, by the bits of CPUID (Intel SDM, volume 2A). */
int64_t processor_level(void)
{
    const uint32_t v2 = 1u << 0 | 1u << 9 | 1u << 13 | 1u << 19 | 1u << 20 | 1u << 23; /* SSE3 ... SSE4.2, POPCNT */
    const uint32_t v3 = 1u << 12 | 1u << 22 | 1u << 27 | 1u << 28 | 1u << 29; /* FMA, MOVBE, OSXSAVE, AVX, F16C */
    const uint32_t v3_extended = 1u << 3 | 1u << 5 | 1u << 8; /* BMI1, AVX2, BMI2 */
    uint32_t a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || (c & v2) != v2)
        return 1;
    if ((c & v3) != v3 || (saved_state() & 6) != 6)
        return 2;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (b & v3_extended) != v3_extended)
        return 2;
    return __get_cpuid(0x80000001, &a, &b, &c, &d) && c & 1u << 5 ? 3 : 2; /* LZCNT */
}

#else

int64_t processor_level(void) { return 0; }

#endif

uint64_t source_digest(void) { return SOURCE_DIGEST; }
