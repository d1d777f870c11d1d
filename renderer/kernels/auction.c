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

/* The values of a group of candidates, and the least of them. */
static inline double group_values(const int32_t *photos, const float *costs, const double *prices, double *value)
{
    double least[4];
    for (int i = 0; i < BID_GROUP; i++)
        value[i] = costs[i] + prices[photos[i]];
    for (int lane = 0; lane < 4; lane++)
        least[lane] = value[lane];
    for (int i = 4; i < BID_GROUP; i += 4)
        for (int lane = 0; lane < 4; lane++)
            least[lane] = lesser(value[i + lane], least[lane]);
    return lesser(lesser(least[0], least[1]), lesser(least[2], least[3]));
}

/* The best candidate for a cell, the first in a tie, its cost + price, and the second lowest cost + price. */
typedef struct {
    int64_t choice; /* -1: none */
    double best, second;
} Bid;

/* Compare a group of candidates with the best ones so far. */
static void compare_group(
    const int32_t *photos, const float *costs, const double *prices, int64_t group, double *bounds, Bid *bid)
{
    double value[BID_GROUP];
    const int64_t first = group * BID_GROUP;
    bounds[group] = group_values(photos + first, costs + first, prices, value);
    if (bounds[group] > bid->second)
        return;
    for (int64_t i = 0; i < BID_GROUP; i++) {
        if (value[i] < bid->best) {
            bid->second = lesser(bid->best, bid->second);
            bid->best = value[i];
            bid->choice = first + i;
        } else if (value[i] < bid->second) {
            bid->second = value[i];
        }
    }
}

/* The bid of a cell; `outside` is a lower bound of the cost + price of other photos. */
static Bid best_bid(
    const int32_t *photos, const float *costs, const double *prices, double *bounds, int64_t groups, double outside)
{
    Bid bid = {-1, __builtin_inf(), outside};
    for (int64_t group = 0; group < groups; group++)
        if (bounds[group] <= bid.second)
            compare_group(photos, costs, prices, group, bounds, &bid);
    return bid;
}

void run_auction(
    const Auction *auction, const int32_t *photo, const float *cost, const int64_t *first, const int64_t *known,
    double *lowest, const double *outside, double epsilon, int64_t *queue, int64_t count)
{
    double *prices = auction->prices;
    int64_t *held = auction->held;
    while (count > 0) {
        count -= 1;
        int64_t cell = queue[count], groups = (known[cell] + BID_GROUP - 1) / BID_GROUP;
        const int32_t *photos = photo + BID_GROUP * first[cell];
        const float *costs = cost + BID_GROUP * first[cell];
        double *bounds = lowest + first[cell];
        Bid bid = best_bid(photos, costs, prices, bounds, groups, outside[cell]);
        if (bid.choice < 0 || bid.best > outside[cell])
            continue; /* a photo that is not a candidate may be as good */
        int32_t target = photos[bid.choice];
        if (bid.second == __builtin_inf())
            bid.second = bid.best;
        double amount = prices[target] + bid.second - bid.best + epsilon;
        int64_t slot = auction->first_slot[target], uses = auction->first_slot[target + 1] - slot;
        int64_t *filled = auction->filled + target;
        Heap heap = {auction->holders + slot, auction->bids + slot};
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
        held[cell] = bid.choice;
        if (*filled == uses)
            prices[target] = heap.bids[0];
    }
}
