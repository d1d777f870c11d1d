/* Functions of the C library, written so that they give the same bits on every platform.
 *
 * Only +, -, *, / and square roots are exact everywhere; log2, cbrt and hypot differ between C libraries. Comparisons
 * are written so that NaN gives the second value, and so that the compiler may vectorise them. */

#ifndef NUMBERS_H
#define NUMBERS_H

#include <stdint.h>

static inline double lesser(double a, double b) { return a < b ? a : b; }
static inline double greater(double a, double b) { return a > b ? a : b; }
static inline float lesserf(float a, float b) { return a < b ? a : b; }
static inline float greaterf(float a, float b) { return a > b ? a : b; }

static inline int64_t smallest(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t largest(int64_t a, int64_t b) { return a > b ? a : b; }

/* Round down, up and to nearest (ties to even); values outside of 32 bits are clamped, NaN gives the lowest. */
static inline double in_32_bits(double x) { return lesser(greater(x, -2147483648.0), 2147483647.0); }
static inline int64_t rounded_down(double x) { return (int64_t)__builtin_floor(in_32_bits(x)); }
static inline int64_t rounded_up(double x) { return (int64_t)__builtin_ceil(in_32_bits(x)); }
static inline int64_t rounded(double x) { return (int64_t)__builtin_rint(in_32_bits(x)); }

/* The length of a vector; for numbers whose squares neither overflow nor vanish. */
static inline double length(double x, double y) { return __builtin_sqrt(x * x + y * y); }

/* The logarithm to base 2 of a positive normal number, to within 1e-15; exact for powers of two.
 *
 * x = m * 2^e with m in sqrt(1/2)...sqrt(2), and ln m = 2 artanh f = 2 (f + f^3/3 + f^5/5 + ...) with
 * f = (m - 1) / (m + 1), which is at most 0.172: eleven terms suffice. */
static inline double logarithm(double x)
{
    const uint64_t fraction = 0x000fffffffffffffu, root = 0x6a09e667f3bcdu; /* of sqrt(2) */
    uint64_t bits;
    __builtin_memcpy(&bits, &x, sizeof bits);
    uint64_t larger = (bits & fraction) > root, exponent = (bits >> 52) + larger;
    bits = (bits & fraction) | ((1023 - larger) << 52);
    exponent |= 0x4330000000000000u; /* 2^52 + exponent, as a conversion of 64-bit integers is not vectorised */
    double m, e;
    __builtin_memcpy(&m, &bits, sizeof m);
    __builtin_memcpy(&e, &exponent, sizeof e);
    double f = (m - 1.0) / (m + 1.0), square = f * f, sum = 0.0;
    for (int n = 21; n > 0; n -= 2)
        sum = sum * square + 1.0 / n;
    return (e - (4503599627370496.0 + 1023.0)) + 2.8853900817779268 * f * sum; /* 2 / ln 2 */
}

/* The cube root of a positive normal number, rounded to nearest. Of 0, a number near 0.
 *
 * The bits divided by 3 are nearly those of the root, which is then right to 5 bits. Each of Halley's iterations
 * triples that. Two iterations in double precision give the correctly rounded result, as a test of all numbers showed.
 * FreeBSD's cbrtf uses the same method. */
static inline float cube_root(float x)
{
    uint32_t bits;
    __builtin_memcpy(&bits, &x, sizeof bits);
    bits = bits / 3 + 709958130;
    float start;
    __builtin_memcpy(&start, &bits, sizeof start);
    double root = start;
    for (int i = 0; i < 2; i++) {
        double cube = root * root * root;
        root *= (2.0 * x + cube) / (x + 2.0 * cube);
    }
    return (float)root;
}

/* Room, 0...1, below which a colour counts as black or white: a step of 8 bits. */
#define NARROWEST (1.0f / 255.0f)

#endif
