/* Costs of the metric `structure`; renderer/matching/structure.py describes them. */

#include "kernels.h"
#include "numbers.h"

/* Photos whose costs are computed at once, in vectors, before they are compared. */
#define CHUNK 256

/* Totals that are compared at once with the worst candidate. */
#define GROUP 16

/* Photos better than the worst candidate that are collected before they are merged into the candidates: sorting them
 * at once takes a fifth of the time of a heap with 1,024 candidates. */
#define NEWCOMERS 256

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

/* Compute the costs in a row's cell of `count` photos, at most CHUNK, of a block from `first` on, under their best
 * symmetry. */
static void row_costs(const StructureBlock *block, int64_t row, int64_t first, int64_t count, float *restrict cost)
{
    const float min_gain = block->min_gain, max_gain = block->max_gain, shift = block->shift, miss = block->miss;
    const float tight = block->tight_gain, loss = block->loss;
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
        const float per_dark = 1.0f / greaterf(colour, NARROWEST), per_light = 1.0f / greaterf(1.0f - colour, NARROWEST);
        for (int64_t i = 0; i < count; i++) {
            float difference = means[i] - mean;
            float outside = greaterf(darkest[i] - colour, 0.0f) + greaterf(colour - lightest[i], 0.0f);
            float needed = greaterf(darkest[i] * per_dark, (1.0f - lightest[i]) * per_light);
            float lost = 1.0f - tight / greaterf(tight, needed);
            cost[i] += shift * difference * difference + miss * outside * outside + loss * lost * lost;
        }
    }
}

/* Find the symmetry under which each of `count` photos, at most CHUNK, fits best, the first in a tie. */
static void best_symmetries(
    const StructureBlock *block, const uint8_t *symmetries, int64_t row, int64_t first, int64_t count, uint8_t *found)
{
    const float *energy = block->terms + block->start + first;
    const float min_gain = block->min_gain, max_gain = block->max_gain;
    float lowest[CHUNK];
    int32_t best[CHUNK];
    for (int64_t i = 0; i < count; i++) {
        lowest[i] = __builtin_inff();
        best[i] = symmetries[0];
    }
    for (int64_t symmetry = 0; symmetry < block->symmetries; symmetry++) {
        const float *product = products_of(block, symmetry, row) + first;
        const int32_t own = symmetries[symmetry];
        for (int64_t i = 0; i < count; i++) {
            float cost = detail_cost(product[i], energy[i], min_gain, max_gain);
            best[i] = cost < lowest[i] ? own : best[i];
            lowest[i] = lesserf(cost, lowest[i]);
        }
    }
    for (int64_t i = 0; i < count; i++)
        found[i] = (uint8_t)best[i];
}

/* Whether one of a group of totals is below a limit. */
static int any_below(const float *totals, float limit)
{
    int found = 0;
    for (int j = 0; j < GROUP; j++)
        found += totals[j] < limit;
    return found > 0;
}

/* The candidates of a row's cell in the order of total = cost + price, and by number among equals. */
typedef struct {
    int64_t size;
    int32_t *photo;
    uint8_t *symmetry;
    float *cost, *total;
} Sorted;

/* Newcomers, as total << 32 | index in the block: the bits of a float that is at least 0 are in its order. */
typedef struct {
    int count;
    uint64_t key[NEWCOMERS];
} Newcomers;

static float total_of(uint64_t key)
{
    uint32_t bits = (uint32_t)(key >> 32);
    float total;
    __builtin_memcpy(&total, &bits, sizeof total);
    return total;
}

static uint64_t key_of(float total, int64_t index)
{
    uint32_t bits;
    __builtin_memcpy(&bits, &total, sizeof bits);
    return (uint64_t)bits << 32 | (uint64_t)index;
}

/* Sort newcomers, which are in the order of their indices, by their total: a radix sort by one byte at a time. */
static void sort(Newcomers *newcomers)
{
    uint64_t other[NEWCOMERS], *from = newcomers->key, *to = other;
    for (int shift = 32; shift < 64; shift += 8) {
        int32_t position[256] = {0}, sum = 0;
        for (int i = 0; i < newcomers->count; i++)
            position[from[i] >> shift & 255]++;
        for (int byte = 0; byte < 256; byte++) {
            int32_t number = position[byte];
            position[byte] = sum;
            sum += number;
        }
        for (int i = 0; i < newcomers->count; i++)
            to[position[from[i] >> shift & 255]++] = from[i];
        uint64_t *swapped = from;
        from = to;
        to = swapped;
    }
}

/* Merge newcomers of a block into the candidates, of which the best remain; symmetry and cost are filled in later. */
static void merge(const StructureBlock *block, Newcomers *newcomers, const Sorted *best)
{
    if (newcomers->count == 0)
        return;
    sort(newcomers);
    const uint64_t *key = newcomers->key;
    int64_t old = best->size, fresh = newcomers->count;
    for (int i = newcomers->count; i > 0; i--) {
        if (old == 0 || (fresh > 0 && total_of(key[fresh - 1]) >= best->total[old - 1]))
            fresh -= 1;
        else
            old -= 1;
    }
    for (int64_t place = best->size - 1; fresh > 0; place--) {
        float total = total_of(key[fresh - 1]);
        if (old > 0 && best->total[old - 1] > total) {
            old -= 1;
            best->photo[place] = best->photo[old];
            best->symmetry[place] = best->symmetry[old];
            best->cost[place] = best->cost[old];
            best->total[place] = best->total[old];
        } else {
            fresh -= 1;
            best->photo[place] = (int32_t)(block->start + (int64_t)(key[fresh] & 0xffffffffu));
            best->total[place] = total;
        }
    }
    newcomers->count = 0;
}

void keep_cheapest(
    const StructureBlock *block, const uint8_t *symmetries, const float *prices, int32_t *photo, uint8_t *symmetry,
    float *cost, float *totals, int64_t candidates)
{
    float total[CHUNK];
    Newcomers newcomers = {.count = 0};
    for (int64_t row = 0; row < block->rows; row++) {
        int64_t place = row * candidates;
        Sorted best = {candidates, photo + place, symmetry + place, cost + place, totals + place};
        const float *worst = best.total + candidates - 1;
        for (int64_t first = 0; first < block->photos; first += CHUNK) {
            int64_t count = smallest(CHUNK, block->photos - first);
            row_costs(block, row, first, count, total);
            const float *price = prices + block->start + first;
            for (int64_t i = 0; i < count; i++)
                total[i] += price[i];
            for (int64_t i = count; i < CHUNK; i++)
                total[i] = __builtin_inff();
            for (int64_t group = 0; group < count; group += GROUP) {
                if (!any_below(total + group, *worst))
                    continue;
                for (int64_t i = group; i < group + GROUP; i++) {
                    newcomers.key[newcomers.count] = key_of(total[i], first + i);
                    newcomers.count += total[i] < *worst; /* not a branch, which no processor predicts */
                }
                if (newcomers.count > NEWCOMERS - GROUP)
                    merge(block, &newcomers, &best);
            }
        }
        merge(block, &newcomers, &best);
        for (int64_t i = 0; i < candidates; i++) {
            if (best.photo[i] >= block->start) {
                best_symmetries(block, symmetries, row, best.photo[i] - block->start, 1, best.symmetry + i);
                row_costs(block, row, best.photo[i] - block->start, 1, best.cost + i);
            }
        }
    }
}

void all_costs(const StructureBlock *block, const uint8_t *symmetries, float *cost, uint8_t *symmetry)
{
    for (int64_t row = 0; row < block->rows; row++) {
        int64_t place = row * block->all_photos + block->start;
        for (int64_t first = 0; first < block->photos; first += CHUNK) {
            int64_t count = smallest(CHUNK, block->photos - first);
            row_costs(block, row, first, count, cost + place + first);
            best_symmetries(block, symmetries, row, first, count, symmetry + place + first);
        }
    }
}
