/* Repeat distances: placing photos so that none is repeated within a radius. */

#include "kernels.h"
#include "raster.h"

void find_conflicts(
    const Raster *raster, int64_t radius, const int64_t *order, int64_t count, const int32_t *photo, int32_t *placed,
    uint8_t *conflicts)
{
    for (int64_t i = 0; i < count; i++) {
        int64_t cell = order[i];
        if (photo[cell] < 0 || is_clear(raster, radius, cell, placed, photo[cell]))
            placed[cell] = photo[cell];
        else
            conflicts[cell] = 1;
    }
}

void place_allowed(
    const Raster *raster, int64_t radius, const int64_t *empty, int64_t count, const int32_t *photo,
    const uint8_t *symmetry, const float *cost, int64_t candidates, int32_t *remaining, int32_t *placed,
    uint8_t *placed_symmetry, float *placed_cost)
{
    for (int64_t row = 0; row < count; row++) {
        int64_t cell = empty[row];
        for (int64_t i = row * candidates; i < (row + 1) * candidates; i++) {
            if (photo[i] >= 0 && remaining[photo[i]] > 0 && is_clear(raster, radius, cell, placed, photo[i])) {
                placed[cell] = photo[i];
                placed_symmetry[cell] = symmetry[i];
                placed_cost[cell] = cost[i];
                remaining[photo[i]] -= 1;
                break;
            }
        }
    }
}

/* The first photo with remaining uses, or with `first_fit` unset the first of those with the most, that is not marked
 * as near `cell`; -1 if there is none. */
static int64_t allowed_photo(
    const int32_t *remaining, int64_t photos, const int64_t *near, int64_t cell, int64_t first_fit)
{
    int64_t best = -1;
    for (int64_t photo = 0; photo < photos; photo++) {
        if (remaining[photo] > 0 && near[photo] != cell && (best < 0 || remaining[photo] > remaining[best])) {
            best = photo;
            if (first_fit)
                break;
        }
    }
    return best;
}

int64_t fill_any(
    const Raster *raster, int64_t radius, int32_t *remaining, int64_t photos, int64_t first_fit, int64_t *near,
    int32_t *placed)
{
    for (int64_t step = 0; step < raster->height * raster->width; step++) {
        int32_t cell = raster->numbers[step];
        if (cell < 0 || placed[cell] >= 0)
            continue;
        Steps around = steps_around(raster, cell, radius);
        for (int64_t y = around.top; y < around.bottom; y++) {
            for (int64_t x = around.left; x < around.right; x++) {
                int32_t other = raster->numbers[y * raster->width + x];
                if (other >= 0 && placed[other] >= 0)
                    near[placed[other]] = cell;
            }
        }
        int64_t best = allowed_photo(remaining, photos, near, cell, first_fit);
        if (best < 0)
            return 0;
        placed[cell] = (int32_t)best;
        remaining[best] -= 1;
    }
    return 1;
}
