/* The assignment of columns to rows at the least total cost, by shortest augmenting paths.
 *
 * Columns have prices, and a row prefers the column of least cost + price. First, rows take what they prefer and raise
 * its price to that of their second choice, as in an auction. Each row that was outbid then takes a column at the end
 * of a shortest path, along which other rows exchange theirs, and prices rise such that all rows have what they prefer.
 *
 * Source: Jonker and Volgenant, "A shortest augmenting path algorithm for dense and sparse linear assignment problems",
 * 1987. */

#include "kernels.h"
#include "numbers.h"

/* Columns that are compared at once. */
#define LANES 8

/* Times that a row bids on average, at most: then paths are faster. */
#define BIDS 2

/* Costs, prices, who has what, and memory for paths. Arrays of columns are padded to a multiple of LANES. */
typedef struct {
    const float *costs;
    int64_t columns, padded;
    double *prices;
    int64_t *held;    /* the column of each row that has one */
    int64_t *holder;  /* the row of each column, -1: none */
    double *distance; /* the least length of a path to each column; infinite for those that are settled */
    double *taken;    /* 0 for a column without a row, otherwise infinite */
    int64_t *before;  /* the row before each column on this path */
    double *price_of; /* of each settled column, without what the longest path adds */
    int64_t *settled;
} Search;

/* The least and the second least of some values, whose number is a multiple of LANES. */
static double two_least(const double *values, int64_t count, double *second)
{
    double first[LANES], next[LANES], least = __builtin_inf();
    for (int lane = 0; lane < LANES; lane++)
        first[lane] = next[lane] = __builtin_inf();
    for (int64_t i = 0; i < count; i += LANES) {
        for (int lane = 0; lane < LANES; lane++) {
            double value = values[i + lane];
            next[lane] = lesser(next[lane], greater(value, first[lane]));
            first[lane] = lesser(first[lane], value);
        }
    }
    *second = __builtin_inf();
    for (int lane = 0; lane < LANES; lane++) {
        *second = lesser(*second, lesser(next[lane], greater(first[lane], least)));
        least = lesser(least, first[lane]);
    }
    return least;
}

/* The least of some values, and the least value + `more`. */
static double least_of(const double *values, const double *more, int64_t count, double *least_sum)
{
    double least[LANES], sum[LANES];
    for (int lane = 0; lane < LANES; lane++)
        least[lane] = sum[lane] = __builtin_inf();
    for (int64_t i = 0; i < count; i += LANES) {
        for (int lane = 0; lane < LANES; lane++) {
            least[lane] = lesser(least[lane], values[i + lane]);
            sum[lane] = lesser(sum[lane], values[i + lane] + more[i + lane]);
        }
    }
    for (int lane = 1; lane < LANES; lane++) {
        least[0] = lesser(least[0], least[lane]);
        sum[0] = lesser(sum[0], sum[lane]);
    }
    *least_sum = sum[0];
    return least[0];
}

/* The first index of a value that occurs. */
static int64_t index_of(const double *values, double value)
{
    int64_t i = 0;
    for (int found = 0; !found; i += LANES)
        for (int lane = 0; lane < LANES; lane++)
            found |= values[i + lane] == value;
    for (i -= LANES; values[i] != value;)
        i++;
    return i;
}

static void give(const Search *search, int64_t row, int64_t column)
{
    search->held[row] = column;
    search->holder[column] = row;
    search->taken[column] = __builtin_inf();
}

/* Set the distance of all columns from a row that has none. */
static void start_paths(const Search *search, int64_t row)
{
    const float *restrict costs = search->costs + row * search->columns;
    const double *restrict prices = search->prices;
    double *restrict distance = search->distance;
    for (int64_t i = 0; i < search->columns; i++)
        distance[i] = (double)costs[i] + prices[i];
}

/* Shorten paths by way of a row; `less`: its cost + price of the column that it has, minus this column's distance. */
static void shorten_paths(const Search *search, int64_t row, double less)
{
    const float *restrict costs = search->costs + row * search->columns;
    const double *restrict prices = search->prices;
    double *restrict distance = search->distance;
    int64_t *restrict before = search->before;
    for (int64_t i = 0; i < search->columns; i++) {
        double length = (double)costs[i] + prices[i] - less;
        before[i] = length < distance[i] ? row : before[i];
        distance[i] = lesser(length, distance[i]);
    }
}

/* Let rows take what they prefer, and list those that are left without a column; return their number. */
static int64_t bid(const Search *search, int64_t rows, int64_t *waiting)
{
    int64_t active = rows, first_left = rows, bids = BIDS * rows; /* those that are left are at the end of the list */
    for (int64_t row = 0; row < rows; row++)
        waiting[row] = rows - 1 - row;
    for (; active > 0 && bids > 0; bids--) {
        int64_t row = waiting[--active];
        double second;
        start_paths(search, row);
        const double least = two_least(search->distance, search->padded, &second);
        const int64_t column = index_of(search->distance, least), outbid = search->holder[column];
        const double price = search->prices[column] + (second - least);
        if (second < __builtin_inf() && price > search->prices[column]) {
            search->prices[column] = price;
        } else if (outbid >= 0) { /* bids that raise no price would not end */
            waiting[--first_left] = row;
            continue;
        }
        give(search, row, column);
        if (outbid >= 0)
            waiting[active++] = outbid;
    }
    while (first_left < rows)
        waiting[active++] = waiting[first_left++];
    return active;
}

/* Give a column to a row that has none, at the end of the shortest path to a column without a row. */
static void follow_path(const Search *search, int64_t row)
{
    int64_t count = 0, column;
    double length, length_to_free;
    start_paths(search, row);
    for (int64_t i = 0; i < search->columns; i++)
        search->before[i] = row;
    for (;;) {
        length = least_of(search->distance, search->taken, search->padded, &length_to_free);
        column = index_of(search->distance, length);
        if (length_to_free <= length)
            break;
        const int64_t other = search->holder[column];
        const double less = (double)search->costs[other * search->columns + column] + search->prices[column] - length;
        search->settled[count] = column;
        search->price_of[count++] = search->prices[column] - length;
        search->prices[column] = search->distance[column] = __builtin_inf();
        shorten_paths(search, other, less);
    }
    while (search->holder[column] >= 0 || search->distance[column] != length)
        column++; /* of several at this distance, one that is free */
    for (int64_t i = 0; i < count; i++)
        search->prices[search->settled[i]] = search->price_of[i] + length;
    for (int64_t other = -1; other != row;) {
        other = search->before[column];
        const int64_t given_up = search->held[other];
        give(search, other, column);
        column = given_up;
    }
}

void assign_columns(
    const float *costs, int64_t rows, int64_t columns, double *prices, int64_t *held, double *numbers,
    int64_t *indices)
{
    const int64_t padded = (columns + LANES - 1) / LANES * LANES;
    const Search search = {
        costs, columns, padded, prices, held, indices, numbers, numbers + padded, indices + padded,
        numbers + 2 * padded, indices + 2 * padded,
    };
    for (int64_t i = 0; i < padded; i++) {
        search.distance[i] = __builtin_inf();
        search.taken[i] = 0.0;
        search.holder[i] = -1;
    }
    int64_t *waiting = indices + 3 * padded;
    for (int64_t count = bid(&search, rows, waiting); count > 0; count--)
        follow_path(&search, waiting[count - 1]);
}
