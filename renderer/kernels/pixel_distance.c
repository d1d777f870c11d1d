/* The metric `pixels`: lower bounds and exact distances; renderer/matching/pixels.py describes it. */

#include "kernels.h"
#include "nearest.h"
#include "numbers.h"

/* Bounds that are checked at once, in vectors. */
#define GROUP 16

/* The Euclidean distance between two pictures of `size` bytes; its square is an integer below 2^31. */
static float distance(const uint8_t *a, const uint8_t *b, int64_t size)
{
    int32_t total = 0;
    for (int64_t i = 0; i < size; i++) {
        int16_t difference = (int16_t)(a[i] - b[i]);
        total += difference * difference;
    }
    return (float)__builtin_sqrt((double)total);
}

static int64_t index_of_lowest(const float *values, int64_t count)
{
    float lowest[GROUP];
    for (int j = 0; j < GROUP; j++)
        lowest[j] = values[0];
    for (int64_t i = 0; i + GROUP <= count; i += GROUP)
        for (int j = 0; j < GROUP; j++)
            lowest[j] = lesserf(values[i + j], lowest[j]);
    for (int64_t i = count / GROUP * GROUP; i < count; i++)
        lowest[0] = lesserf(values[i], lowest[0]);
    for (int j = 1; j < GROUP; j++)
        lowest[0] = lesserf(lowest[j], lowest[0]);
    int64_t index = 0;
    while (index < count - 1 && values[index] != lowest[0])
        index++;
    return index;
}

/* A cell, its nearest photos, and the block of photos that is merged into them. */
typedef struct {
    Nearest nearest;
    const uint8_t *picture, *photos;
    const float *bound, *price;
    float slack;
    int64_t bytes, start;
    uint8_t symmetry;
} Row;

/* Whether the squared bound of photo `i` rules out that it costs, with its price, at most `worst`. */
static inline int is_excluded(const Row *row, int64_t i, float worst)
{
    float limit = worst - row->price[i];
    return (limit < 0.0f) | (row->bound[i] > limit * limit + row->slack);
}

static int are_excluded(const Row *row, int64_t first)
{
    const float worst = *row->nearest.total;
    int count = 0;
    for (int64_t i = first; i < first + GROUP; i++)
        count += is_excluded(row, i, worst);
    return count == GROUP;
}

/* Add photo `i`, unless it is worse than all others or already there at a lower cost, under another symmetry. */
static void merge(const Row *row, int64_t i)
{
    const Nearest *nearest = &row->nearest;
    const float worst = *nearest->total;
    if (is_excluded(row, i, worst))
        return;
    int32_t number = (int32_t)(row->start + i), slot = 0;
    float cost = distance(row->picture, row->photos + number * row->bytes, row->bytes), total = cost + row->price[i];
    if (total > worst || (total == worst && number >= *nearest->photo))
        return;
    for (int32_t j = 0; j < (int32_t)nearest->size; j++)
        slot = nearest->photo[j] == number ? j : slot;
    if (nearest->photo[slot] != number || total < nearest->total[slot])
        replace_photo(nearest, slot, number, row->symmetry, cost, total);
}

void merge_nearest(
    const float *bound, int64_t rows, int64_t count, float slack, const uint8_t *pictures, const uint8_t *photos,
    int64_t bytes, int64_t start, const float *prices, int64_t symmetry, int32_t *photo, uint8_t *symmetries,
    float *cost, float *totals, int64_t candidates)
{
    for (int64_t i = 0; i < rows; i++) {
        int64_t first = i * candidates;
        Row row = {
            {candidates, photo + first, symmetries + first, cost + first, totals + first}, pictures + i * bytes, photos,
            bound + i * count, prices + start, slack, bytes, start, (uint8_t)symmetry,
        };
        /* The photo with the lowest bound is compared first: its cost excludes most of the others. */
        merge(&row, index_of_lowest(row.bound, count));
        for (int64_t group = 0; group < count; group += GROUP) {
            int64_t end = smallest(group + GROUP, count);
            if (end == group + GROUP && are_excluded(&row, group))
                continue;
            for (int64_t j = group; j < end; j++)
                merge(&row, j); /* the first one once more, in vain */
        }
    }
}
