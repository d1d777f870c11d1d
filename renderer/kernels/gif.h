/* What comparing the frames of a GIF and writing them have in common. */

#ifndef GIF_H
#define GIF_H

#include <stdint.h>

/* What is to be done with a pixel. */
enum {
    KEEP,  /* the visible pixel stays, or the pixel is transparent */
    LOOSE, /* changes again in the next frame */
    EXACT, /* stays, and gets the nearest colour */
};

#define BLOCK_BITS 3
#define BLOCK (1 << BLOCK_BITS) /* side of the squares whose texture is measured, pixels */

static inline int64_t calm_index(int64_t width, int64_t x, int64_t y)
{
    return (y >> BLOCK_BITS) * ((width + BLOCK - 1) >> BLOCK_BITS) + (x >> BLOCK_BITS);
}

#endif
