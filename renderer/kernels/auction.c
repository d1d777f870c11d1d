/* The auction in which cells bid for photos; renderer/matching/assignment.py describes it. */

#include "kernels.h"
#include "numbers.h"

/* The cells that hold the uses of one photo, and their bids: a heap with the lowest bid on top. */
typedef struct {
    int64_t *holders;
    double *bids;
} Heap;

/* Add a bid to a heap of `count` bids. */
static void push_bid(Heap heap, int64_t count, int64_t cell, double amount)
{
    int64_t slot = count;
    while (slot > 0) {
        int64_t parent = (slot - 1) / 2;
        if (heap.bids[parent] <= amount)
            break;
        heap.holders[slot] = heap.holders[parent];
        heap.bids[slot] = heap.bids[parent];
        slot = parent;
    }
    heap.holders[slot] = cell;
    heap.bids[slot] = amount;
}

/* Replace the lowest bid of a heap of `count` bids. */
static void replace_lowest(Heap heap, int64_t count, int64_t cell, double amount)
{
    int64_t slot = 0;
    while (2 * slot + 1 < count) {
        int64_t child = 2 * slot + 1;
        if (child + 1 < count && heap.bids[child + 1] < heap.bids[child])
            child += 1;
        if (amount <= heap.bids[child])
            break;
        heap.holders[slot] = heap.holders[child];
        heap.bids[slot] = heap.bids[child];
        slot = child;
    }
    heap.holders[slot] = cell;
    heap.bids[slot] = amount;
}

void run_auction(
    const Auction *auction, const int32_t *photo, const float *cost, int64_t candidates, const int64_t *known,
    double *lowest, int64_t group, const double *outside, double epsilon, int64_t *queue, int64_t count)
{
    double *prices = auction->prices;
    int64_t *held = auction->held;
    while (count > 0) {
        count -= 1;
        int64_t cell = queue[count], choice = -1;
        const int32_t *photos = photo + cell * candidates;
        const float *costs = cost + cell * candidates;
        double *bounds = lowest + cell * ((candidates + group - 1) / group);
        double best = __builtin_inf(), second = outside[cell];
        for (int64_t first = 0; first < known[cell]; first += group, bounds++) {
            if (*bounds > second)
                continue;
            double least = __builtin_inf();
            for (int64_t i = first; i < smallest(first + group, known[cell]); i++) {
                double value = costs[i] + prices[photos[i]];
                least = lesser(value, least);
                if (value < best) {
                    second = lesser(best, second);
                    best = value;
                    choice = i;
                } else if (value < second) {
                    second = value;
                }
            }
            *bounds = least;
        }
        if (choice < 0 || best > outside[cell])
            continue; /* a photo that is not a candidate may be as good */
        int32_t target = photos[choice];
        if (second == __builtin_inf())
            second = best;
        double amount = prices[target] + second - best + epsilon;
        int64_t start = auction->first_slot[target], uses = auction->first_slot[target + 1] - start;
        int64_t *filled = auction->filled + target;
        Heap heap = {auction->holders + start, auction->bids + start};
        if (*filled < uses) {
            push_bid(heap, *filled, cell, amount);
            *filled += 1;
        } else {
            int64_t outbid = heap.holders[0];
            held[outbid] = -1;
            queue[count] = outbid;
            count += 1;
            replace_lowest(heap, uses, cell, amount);
        }
        held[cell] = choice;
        if (*filled == uses)
            prices[target] = heap.bids[0];
    }
}
