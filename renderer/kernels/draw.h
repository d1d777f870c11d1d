/* One visible sprite, ready to draw, in pixels of the frame: written by visibility.c, read by sprites.c.
 *
 * s and t are a pixel centre's position between a sprite's edges, -1...1 along its `right` and its `down` axis. */

#ifndef DRAW_H
#define DRAW_H

#include <stdint.h>

typedef struct {
    double inverse[6];    /* s = i0 x + i1 y + i2, t = i3 x + i4 y + i5 */
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
    int32_t forward[2];   /* side on which a neighbour is drawn later: -1, 1; 0: none */
    int32_t opacity;      /* 1...256 */
    int32_t stored;       /* whether it hides what is below: opaque texels, full opacity */
    int32_t gain[3];      /* in 1/256 */
    int32_t offset[3];    /* in 1/256 of an 8-bit step */
} Draw;

#endif
