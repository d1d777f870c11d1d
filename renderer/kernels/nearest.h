/* A cell's best photos: a heap by total = cost + price, and by number among equals, with the worst on top. */

#ifndef NEAREST_H
#define NEAREST_H

#include <stdint.h>

typedef struct {
    int64_t size;
    int32_t *photo;
    uint8_t *symmetry;
    float *cost, *total;
} Nearest;

/* Replace the photo in a slot by a better one, which sinks below worse ones. The worse of two children is found without
 * a branch, since no processor predicts it. */
static inline void replace_photo(
    const Nearest *nearest, int64_t slot, int32_t photo, uint8_t symmetry, float cost, float total)
{
    const float *totals = nearest->total;
    const int32_t *photos = nearest->photo;
    for (;;) {
        int64_t child = 2 * slot + 1, next = child + (child + 1 < nearest->size);
        if (child >= nearest->size)
            break;
        int is_later = (totals[next] == totals[child]) & (photos[next] > photos[child]);
        child += (totals[next] > totals[child]) | is_later;
        if (totals[child] < total || (totals[child] == total && photos[child] < photo))
            break;
        nearest->total[slot] = totals[child];
        nearest->photo[slot] = photos[child];
        nearest->symmetry[slot] = nearest->symmetry[child];
        nearest->cost[slot] = nearest->cost[child];
        slot = child;
    }
    nearest->total[slot] = total;
    nearest->photo[slot] = photo;
    nearest->symmetry[slot] = symmetry;
    nearest->cost[slot] = cost;
}

#endif
