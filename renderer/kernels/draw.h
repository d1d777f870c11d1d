/* One visible sprite, ready to draw, in pixels of the frame: written by visibility.c, read by sprites.c, outlines.c and
 * space.c.
 *
 * s and t are a pixel centre's position between a sprite's edges, -1...1 along its `right` and its `down` axis. */

#ifndef DRAW_H
#define DRAW_H

#include <stdint.h>

typedef struct {
    double inverse[9];    /* s = (i0 x + i1 y + i2) / w, t = (i3 x + i4 y + i5) / w, w = i6 x + i7 y + i8 */
    double half[2];       /* distance from the centre to the edges s = 1 and t = 1, pixels */
    double window[4];     /* u0, v0, u1, v1 in fractions of the texture */
    int32_t texture;
    int32_t width;        /* of the texture's level 0 */
    int32_t height;
    int32_t opaque;       /* whether no texel is transparent */
    int32_t level;        /* the finer of the two mip levels */
    int32_t blend;        /* weight of the coarser one, 0...256 */
    int32_t rows[2];      /* first row and the row after the last */
    int32_t columns[2];   /* likewise; for slivers, whose nearly parallel edges limit no row */
    int32_t forward[3];   /* side on which a neighbour is drawn later: -1, 1; 0: none; for each pair of edges */
    int32_t opacity;      /* 1...256 */
    int32_t stored;       /* whether it hides what is below: opaque texels, full opacity */
    int32_t gain[3];      /* in 1/256 */
    int32_t offset[3];    /* in 1/256 of an 8-bit step */
    int32_t outline;      /* PLAIN, ROUNDED or HEXAGON */
    uint32_t border_colour;
    float border;         /* its width; this and the following in units of the shorter side before foreshortening */
    float radius;         /* of the corners of a rectangle */
    float sides[2];       /* half the width and height of a rectangle */
    float slope;          /* the edges of a hexagon are s = +-1, t + slope * s = +-1 and t - slope * s = +-1 */
    int32_t in_space;     /* whether space.c draws it; otherwise w = 1, and the following is not used */
    float soft[2];        /* half the width of the edges s = +-1 and t = +-1, over which coverage falls, in pixels */
    float smooth;         /* 0...1: how far coverage is a smooth step there, as when out of focus, and not linear */
    float trail[2];       /* movement in s and t while the shutter is open */
    int32_t taps;         /* number of points along it that are averaged */
} Draw;

enum { PLAIN, ROUNDED, HEXAGON };

/* By how many pixels a hexagon is extended over the neighbours that are drawn later.
 *
 * Half a pixel suffices along an edge. Around the corner of three hexagons, a pixel's distance from the edge of the
 * first two is the sum of its distances from the other two edges. It is covered by the last two unless both of these
 * are below half a pixel. */
#define OVERLAP 1.0

/* Where pixels are drawn: the columns left ... right - 1 of a frame, from its first row on.
 *
 * The pixels of a sprite are computed from its first one in the whole frame, so that they are the same in whatever
 * columns are drawn. */
typedef struct {
    uint32_t *pixels;
    int64_t left, right;
} Target;

static inline uint32_t *pixel_at(const Target *target, int64_t x, int64_t y)
{
    return target->pixels + (y * (target->right - target->left) + x - target->left);
}

/* space.c: draw the rows top ... end - 1 of a sprite in space. */
void draw_in_space(
    const Target *target, int64_t top, int64_t end, const Draw *draw, const uint32_t *fine_texels,
    const uint32_t *coarse_texels, const int64_t *hidden);

/* outlines.c: draw the rows top ... end - 1 of a sprite that is no plain rectangle. */
void draw_outlined(
    const Target *target, int64_t top, int64_t end, const Draw *draw, const uint32_t *fine_texels,
    const uint32_t *coarse_texels, const int64_t *hidden);

#endif
