/* Elementary functions of doubles, and products of matrices: C libraries, NumPy and BLAS round them differently from
 * processor to processor.
 *
 * They are sums of power series, with coefficients that need no explanation, after a reduction to small arguments.
 * There are no branches, so that compilers vectorise the loops over arrays. */

#include "kernels.h"
#include "numbers.h"

/* Adding it to a number below 2^51 rounds this to an integer, in the low bits of the sum. */
#define ROUNDING 6755399441055744.0 /* 1.5 * 2^52 */

/* ln 2 and pi / 2 in parts: the first have so few bits that their products with integers up to 2^20 are exact. */
#define LN2_HIGH 6.93147180369123816490e-01
#define LN2_LOW 1.90821492927058770002e-10
#define QUARTER_HIGH 1.57079632673412561417e+00
#define QUARTER_MIDDLE 6.07710050630396597660e-11
#define QUARTER_LOW 2.02226624879595063154e-21

static inline uint64_t bits_of(double x)
{
    uint64_t bits;
    __builtin_memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline double of_bits(uint64_t bits)
{
    double x;
    __builtin_memcpy(&x, &bits, sizeof x);
    return x;
}

/* e^x = 2^k e^r with |r| <= ln 2 / 2, and the terms of e^r up to r^13. */
static inline double power_of_e(double x)
{
    double within = lesser(greater(x, -708.0), 709.0);
    double rounded = within * 1.4426950408889634 + ROUNDING; /* 1 / ln 2 */
    double k = rounded - ROUNDING;
    double r = (within - k * LN2_HIGH) - k * LN2_LOW;
    double sum = 1.0 / 6227020800.0;
    sum = sum * r + 1.0 / 479001600.0;
    sum = sum * r + 1.0 / 39916800.0;
    sum = sum * r + 1.0 / 3628800.0;
    sum = sum * r + 1.0 / 362880.0;
    sum = sum * r + 1.0 / 40320.0;
    sum = sum * r + 1.0 / 5040.0;
    sum = sum * r + 1.0 / 720.0;
    sum = sum * r + 1.0 / 120.0;
    sum = sum * r + 1.0 / 24.0;
    sum = sum * r + 1.0 / 6.0;
    sum = sum * r + 0.5;
    double power = 1.0 + (r + r * r * sum);
    double value = power * of_bits((bits_of(rounded) << 52) + (1023ull << 52));
    value = x < -708.0 ? 0.0 : value;
    value = x > 709.0 ? __builtin_inf() : value;
    return x == x ? value : x;
}

static inline double logarithm_to_2(double x)
{
    double value = logarithm(x);
    value = x > 0.0 ? value : -__builtin_inf();
    value = x < 0.0 ? __builtin_nan("") : value;
    return x < __builtin_inf() ? value : x;
}

static inline double to_power(double x, double exponent)
{
    double value = power_of_e(exponent * (logarithm_to_2(x) * 0.69314718055994531)); /* ln 2 */
    value = exponent == 1.0 ? x : value;
    return exponent == 0.0 ? 1.0 : value;
}

/* sin x = ±sin r or ±cos r with r = x - k pi / 2, |r| <= pi / 4, and the terms up to r^17 and r^18. */
static inline double sine_of_quarters(double x, uint64_t quarters)
{
    double rounded = x * 0.63661977236758134 + ROUNDING; /* 2 / pi */
    double k = rounded - ROUNDING;
    double r = ((x - k * QUARTER_HIGH) - k * QUARTER_MIDDLE) - k * QUARTER_LOW, square = r * r;
    double odd = 1.0 / 355687428096000.0;
    odd = odd * square - 1.0 / 1307674368000.0;
    odd = odd * square + 1.0 / 6227020800.0;
    odd = odd * square - 1.0 / 39916800.0;
    odd = odd * square + 1.0 / 362880.0;
    odd = odd * square - 1.0 / 5040.0;
    odd = odd * square + 1.0 / 120.0;
    odd = odd * square - 1.0 / 6.0;
    double even = -1.0 / 6402373705728000.0;
    even = even * square + 1.0 / 20922789888000.0;
    even = even * square - 1.0 / 87178291200.0;
    even = even * square + 1.0 / 479001600.0;
    even = even * square - 1.0 / 3628800.0;
    even = even * square + 1.0 / 40320.0;
    even = even * square - 1.0 / 720.0;
    even = even * square + 1.0 / 24.0;
    double sine = r + r * square * odd;
    double cosine = 1.0 - (0.5 * square - square * square * even);
    uint64_t quarter = bits_of(rounded) + quarters;
    double value = quarter & 1 ? cosine : sine;
    return of_bits(bits_of(value) ^ (quarter & 2) << 62);
}

static inline double sine_of(double x) { return sine_of_quarters(x, 0); }
static inline double cosine_of(double x) { return sine_of_quarters(x, 1); }

/* In the first eighth of the circle, atan t = atan c + atan s with s = (t - c) / (1 + t c) and c = 0, tan pi / 8 or
 * tan pi / 4, so that |s| <= tan pi / 16, and the terms up to s^23. */
static inline double angle(double y, double x)
{
    double across = __builtin_fabs(x), up = __builtin_fabs(y);
    double longer = greater(across, up), shorter = lesser(across, up);
    double t = longer > 0.0 ? shorter / longer : 0.0;
    double c = t > 0.66817863791929891 ? 1.0 : t > 0.19891236737965801 ? 0.41421356237309503 : 0.0;
    double start = t > 0.66817863791929891 ? 0.78539816339744828 : t > 0.19891236737965801 ? 0.39269908169872414 : 0.0;
    double s = (t - c) / (1.0 + t * c), square = s * s;
    double sum = -1.0 / 23.0;
    sum = sum * square + 1.0 / 21.0;
    sum = sum * square - 1.0 / 19.0;
    sum = sum * square + 1.0 / 17.0;
    sum = sum * square - 1.0 / 15.0;
    sum = sum * square + 1.0 / 13.0;
    sum = sum * square - 1.0 / 11.0;
    sum = sum * square + 1.0 / 9.0;
    sum = sum * square - 1.0 / 7.0;
    sum = sum * square + 1.0 / 5.0;
    sum = sum * square - 1.0 / 3.0;
    double first = start + (s + s * square * sum);
    first = up > across ? 1.5707963267948966 - first : first;
    first = x < 0.0 ? 3.1415926535897931 - first : first;
    return __builtin_copysign(first, y);
}

#define EXPORT(function, scalar, array)                                                                                \
    double scalar(double x) { return function(x); }                                                                    \
    void array(const double *restrict x, int64_t count, double *restrict values)                                       \
    {                                                                                                                  \
        for (int64_t i = 0; i < count; i++)                                                                            \
            values[i] = function(x[i]);                                                                                \
    }

#define EXPORT_OF_TWO(function, scalar, array)                                                                         \
    double scalar(double x, double y) { return function(x, y); }                                                       \
    void array(const double *restrict x, const double *restrict y, int64_t count, double *restrict values)             \
    {                                                                                                                  \
        for (int64_t i = 0; i < count; i++)                                                                            \
            values[i] = function(x[i], y[i]);                                                                          \
    }

EXPORT(power_of_e, exponential, exponentials)
EXPORT(logarithm_to_2, binary_logarithm, binary_logarithms)
EXPORT(sine_of, sine, sines)
EXPORT(cosine_of, cosine, cosines)
EXPORT_OF_TWO(to_power, raised, raised_all)
EXPORT_OF_TWO(angle, angle_of, angles_of)

static inline void multiply(
    const double *restrict rows, const double *restrict columns, int64_t height, int64_t depth, int64_t width,
    double *restrict product)
{
    for (int64_t y = 0; y < height; y++)
        for (int64_t x = 0; x < width; x++) {
            double sum = rows[depth * y] * columns[x];
            for (int64_t i = 1; i < depth; i++)
                sum += rows[depth * y + i] * columns[width * i + x];
            product[width * y + x] = sum;
        }
}

void multiply_matrices(
    const double *rows, const double *columns, int64_t height, int64_t depth, int64_t width, double *product)
{
    if (depth == 2 && width == 3) /* points of the plane: known lengths are four times as fast */
        multiply(rows, columns, height, 2, 3, product);
    else
        multiply(rows, columns, height, depth, width, product);
}
