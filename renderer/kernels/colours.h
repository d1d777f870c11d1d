/* Opponent colours: luma (BT.601), blue minus luma and red minus luma, in the levels of an 8-bit channel.
 *
 * Euclidean distance in this space is close to the perceived difference, and errors can be added as in RGB. */

#ifndef COLOURS_H
#define COLOURS_H

#include "numbers.h"

#define CELLS (64 * 32 * 32) /* of the colour space: each has 4 levels of luma and 8 levels of each other axis */

#define BLUE_WEIGHT (0.8 * 0.564) /* BT.601, and 0.8 for the colour axes relative to luma */
#define RED_WEIGHT (0.8 * 0.713)

typedef struct {
    double luma, blue, red;
} Opponent;

static inline Opponent opponent(double r, double g, double b)
{
    double luma = 0.299 * r + 0.587 * g + 0.114 * b;
    return (Opponent){luma, BLUE_WEIGHT * (b - luma), RED_WEIGHT * (r - luma)};
}

/* The cell of a colour; colours outside are in the nearest cell. Levels are truncated towards 0. */
static inline int32_t cell_of(double luma, double blue, double red)
{
    int32_t l = (int32_t)lesser(greater(luma, 0.0), 255.0);
    int32_t b = (int32_t)lesser(greater(blue, -128.0), 127.0) + 128;
    int32_t r = (int32_t)lesser(greater(red, -128.0), 127.0) + 128;
    return l >> 2 << 10 | b >> 3 << 5 | r >> 3;
}

static inline int32_t cell_of_floats(float luma, float blue, float red) /* converting them first takes longer */
{
    int32_t l = (int32_t)lesserf(greaterf(luma, 0.0f), 255.0f);
    int32_t b = (int32_t)lesserf(greaterf(blue, -128.0f), 127.0f) + 128;
    int32_t r = (int32_t)lesserf(greaterf(red, -128.0f), 127.0f) + 128;
    return l >> 2 << 10 | b >> 3 << 5 | r >> 3;
}

static inline float squared_distance(const float *colour, float luma, float blue, float red)
{
    float a = colour[0] - luma, b = colour[1] - blue, c = colour[2] - red;
    return a * a + b * b + c * c;
}

/* -- The nearest of several colours ------------------------------------------------------------------------------ */

#define MAX_COLOURS 256
#define LANES 8 /* colours compared at once */

/* The colours of a palette, one array for each axis; those up to the next multiple of LANES are infinitely far. */
typedef struct {
    float luma[MAX_COLOURS], blue[MAX_COLOURS], red[MAX_COLOURS];
    int32_t size;
} Planes;

static inline void fill_planes(Planes *planes, const float *colours, int64_t size)
{
    planes->size = (int32_t)smallest(size, MAX_COLOURS);
    for (int32_t k = 0; k < (planes->size + LANES - 1) / LANES * LANES; k++) {
        planes->luma[k] = k < size ? colours[3 * k] : __builtin_inff();
        planes->blue[k] = k < size ? colours[3 * k + 1] : 0.0f;
        planes->red[k] = k < size ? colours[3 * k + 2] : 0.0f;
    }
}

/* The first of the nearest colours. */
static inline int32_t nearest(const Planes *planes, float luma, float blue, float red)
{
    float least[LANES];
    int32_t best[LANES];
    for (int32_t i = 0; i < LANES; i++) {
        least[i] = __builtin_inff();
        best[i] = 0;
    }
    for (int32_t k = 0; k < planes->size; k += LANES)
        for (int32_t i = 0; i < LANES; i++) {
            float a = planes->luma[k + i] - luma, b = planes->blue[k + i] - blue, c = planes->red[k + i] - red;
            float distance = a * a + b * b + c * c;
            best[i] = distance < least[i] ? k + i : best[i];
            least[i] = distance < least[i] ? distance : least[i];
        }
    int32_t lane = 0;
    for (int32_t i = 1; i < LANES; i++)
        if (least[i] < least[lane] || (least[i] == least[lane] && best[i] < best[lane]))
            lane = i;
    return best[lane];
}

#endif
