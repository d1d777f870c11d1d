/* Distances and neighbours of cells on a raster; renderer/matching/cell_raster.py describes it. */

#ifndef RASTER_H
#define RASTER_H

#include "kernels.h"
#include "numbers.h"

/* The steps left ... right - 1 and top ... bottom - 1. */
typedef struct {
    int64_t left, top, right, bottom;
} Steps;

/* The steps of a cell and of all steps within `radius` of it. */
static inline Steps steps_around(const Raster *raster, int64_t cell, int64_t radius)
{
    const int32_t *box = raster->box + 4 * cell;
    return (Steps){
        largest(box[0] - radius, 0), largest(box[1] - radius, 0),
        smallest(box[0] + box[2] + radius, raster->width), smallest(box[1] + box[3] + radius, raster->height),
    };
}

/* Whether no other cell within `radius` steps of a cell shows a photo. */
static inline int is_clear(const Raster *raster, int64_t radius, int64_t cell, const int32_t *placed, int32_t photo)
{
    if (radius < 1)
        return 1;
    Steps near = steps_around(raster, cell, radius);
    for (int64_t y = near.top; y < near.bottom; y++) {
        for (int64_t x = near.left; x < near.right; x++) {
            int32_t other = raster->numbers[y * raster->width + x];
            if (other >= 0 && placed[other] == photo && other != cell)
                return 0;
        }
    }
    return 1;
}

#endif
