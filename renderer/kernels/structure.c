/* Costs of the metric `structure`; renderer/matching/structure.py describes them. */

#include "kernels.h"
#include "nearest.h"
#include "numbers.h"

/* Photos whose costs are computed at once, in vectors, before they are compared. */
#define CHUNK 256

/* Totals that are compared at once with the worst candidate. */
#define GROUP 16

/* |g d_tile - d_cell|^2 - |d_cell|^2 for the best gain g within its bounds. */
static inline float detail_cost(float product, float energy, float min_gain, float max_gain)
{
    float gain = lesserf(max_gain, greaterf(min_gain, product / (energy + 1e-6f)));
    return gain * (gain * energy - 2.0f * product);
}

/* The products of a row's details under a symmetry. */
static const float *products_of(const StructureBlock *block, int64_t symmetry, int64_t row)
{
    return block->products + (symmetry * block->rows + row) * block->photos;
}

/* Compute the costs in a row's cell of `count` photos of a block from `first` on, under their best symmetry. */
static void row_costs(const StructureBlock *block, int64_t row, int64_t first, int64_t count, float *restrict cost)
{
    const float min_gain = block->min_gain, max_gain = block->max_gain, shift = block->shift, miss = block->miss;
    const float *own = block->terms + block->start + first;
    const float *product = products_of(block, 0, row) + first;
    for (int64_t i = 0; i < count; i++)
        cost[i] = detail_cost(product[i], own[i], min_gain, max_gain);
    for (int64_t symmetry = 1; symmetry < block->symmetries; symmetry++) {
        product = products_of(block, symmetry, row) + first;
        for (int64_t i = 0; i < count; i++)
            cost[i] = lesserf(detail_cost(product[i], own[i], min_gain, max_gain), cost[i]);
    }
    const float energy = block->energy[row];
    for (int64_t i = 0; i < count; i++)
        cost[i] = greaterf(cost[i] + energy, 0.0f);
    for (int64_t channel = 0; channel < 3; channel++) {
        const float mean = block->mean[3 * row + channel], colour = block->colour[3 * row + channel];
        const float *means = own + (1 + channel) * block->all_photos;
        const float *darkest = own + (4 + channel) * block->all_photos;
        const float *lightest = own + (7 + channel) * block->all_photos;
        for (int64_t i = 0; i < count; i++) {
            float difference = means[i] - mean;
            float outside = greaterf(darkest[i] - colour, 0.0f) + greaterf(colour - lightest[i], 0.0f);
            cost[i] += shift * difference * difference + miss * outside * outside;
        }
    }
}

/* The index of the symmetry under which a photo fits best, the first in a tie. */
static int64_t best_symmetry(const StructureBlock *block, int64_t row, int64_t photo)
{
    float energy = block->terms[block->start + photo], lowest = __builtin_inff();
    int64_t best = 0;
    for (int64_t symmetry = 0; symmetry < block->symmetries; symmetry++) {
        float product = products_of(block, symmetry, row)[photo];
        float cost = detail_cost(product, energy, block->min_gain, block->max_gain);
        if (cost < lowest) {
            best = symmetry;
            lowest = cost;
        }
    }
    return best;
}

/* Whether one of a group of totals is below a limit. */
static int any_below(const float *totals, float limit)
{
    int found = 0;
    for (int j = 0; j < GROUP; j++)
        found += totals[j] < limit;
    return found > 0;
}

void keep_cheapest(
    const StructureBlock *block, const uint8_t *symmetries, const float *prices, int32_t *photo, uint8_t *symmetry,
    float *cost, float *totals, int64_t candidates)
{
    float costs[CHUNK], total[CHUNK];
    for (int64_t row = 0; row < block->rows; row++) {
        int64_t place = row * candidates;
        Nearest nearest = {candidates, photo + place, symmetry + place, cost + place, totals + place};
        for (int64_t first = 0; first < block->photos; first += CHUNK) {
            int64_t count = smallest(CHUNK, block->photos - first);
            row_costs(block, row, first, count, costs);
            const float *price = prices + block->start + first;
            for (int64_t i = 0; i < count; i++)
                total[i] = costs[i] + price[i];
            for (int64_t i = count; i < CHUNK; i++)
                total[i] = __builtin_inff();
            for (int64_t group = 0; group < count; group += GROUP) {
                if (!any_below(total + group, *nearest.total))
                    continue;
                for (int64_t i = group; i < group + GROUP; i++) {
                    if (!(total[i] < *nearest.total))
                        continue;
                    uint8_t best = symmetries[best_symmetry(block, row, first + i)];
                    replace_photo(&nearest, 0, (int32_t)(block->start + first + i), best, costs[i], total[i]);
                }
            }
        }
    }
}

void all_costs(const StructureBlock *block, const uint8_t *symmetries, float *cost, uint8_t *symmetry)
{
    for (int64_t row = 0; row < block->rows; row++) {
        int64_t place = row * block->all_photos + block->start;
        row_costs(block, row, 0, block->photos, cost + place);
        for (int64_t photo = 0; photo < block->photos; photo++)
            symmetry[place + photo] = symmetries[best_symmetry(block, row, photo)];
    }
}
