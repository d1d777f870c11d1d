/* Repeat distances: placing and exchanging photos so that none is repeated within a radius. */

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

/* -- Exchanges ----------------------------------------------------------------------------------------------------- */

/* Whether less than `radius` steps lie between two cells. */
static int are_near(const Raster *raster, int64_t cell, int64_t other, int64_t radius)
{
    const int32_t *a = raster->box + 4 * cell, *b = raster->box + 4 * other;
    int64_t across = largest(a[0] - b[0] - b[2], b[0] - a[0] - a[2]);
    int64_t down = largest(a[1] - b[1] - b[3], b[1] - a[1] - a[3]);
    return largest(across, down) < radius;
}

/* Whether two cells, which show different photos, repeat none within `radius` steps after an exchange. */
static int may_exchange(const Raster *raster, int64_t radius, int64_t cell, int64_t other, int32_t *photo)
{
    const int32_t own = photo[cell], its = photo[other];
    photo[cell] = photo[other] = -1;
    int may = is_clear(raster, radius, other, photo, own) && is_clear(raster, radius, cell, photo, its);
    photo[cell] = own;
    photo[other] = its;
    return may;
}

/* The index in `around` of the cell with which one exchanges its tile at the least increase of the cost, or -1. */
static int64_t best_exchange(const Raster *raster, const Exchanges *with, int64_t step, int64_t radius, float highest)
{
    const int64_t cell = with->cells[step];
    const float *own = with->own + step * with->columns, *given = with->given + step;
    float lowest = highest;
    int64_t best = -1;
    for (int64_t i = 0; i < with->columns; i++) {
        const int64_t other = with->around[i];
        const float increase = own[with->column[i]] + given[i * with->rows] - with->cost[cell] - with->cost[other];
        if ((best < 0 ? increase <= lowest : increase < lowest) && with->photo[other] != with->photo[cell]
            && are_near(raster, cell, other, with->reach) && may_exchange(raster, radius, cell, other, with->photo)) {
            lowest = increase;
            best = i;
        }
    }
    return best;
}

/* Exchange the tiles of a cell and another one, both in `around`. */
static void exchange_tiles(const Exchanges *with, int64_t step, int64_t a, int64_t b)
{
    const int64_t cell = with->around[a], other = with->around[b];
    const int64_t tile = with->tile[cell], column = with->column[a];
    const int32_t photo = with->photo[cell];
    with->cost[cell] = with->own[step * with->columns + with->column[b]];
    with->cost[other] = with->given[b * with->rows + step];
    with->tile[cell] = with->tile[other];
    with->photo[cell] = with->photo[other];
    with->column[a] = with->column[b];
    with->tile[other] = tile;
    with->photo[other] = photo;
    with->column[b] = column;
}

int64_t exchange_repeats(
    const Raster *raster, const int64_t *radii, int64_t distances, const Exchanges *exchanges, float highest)
{
    for (int64_t step = 0; step < exchanges->rows; step++) {
        const int64_t cell = exchanges->cells[step], place = exchanges->place[step];
        if (exchanges->column[place] != place)
            return step; /* its tile is another one by now, whose cost is unknown */
        for (int64_t i = 0; i < distances; i++) {
            if (is_clear(raster, radii[i], cell, exchanges->photo, exchanges->photo[cell]))
                break;
            const float most = i < distances - 1 ? highest : __builtin_inff();
            const int64_t other = best_exchange(raster, exchanges, step, radii[i], most);
            if (other >= 0) {
                exchange_tiles(exchanges, step, place, other);
                break;
            }
        }
    }
    return exchanges->rows;
}
