/* Colours that are near others; renderer/kernels/matching.py describes the parameters. */

#include "kernels.h"

void count_near(
    const float *colours, const int64_t *cube, int64_t first, int64_t end, const float *others, const int64_t *start,
    int64_t rows, int64_t columns, double distance, int64_t enough, int64_t *near)
{
    for (int64_t i = first; i < end; i++) {
        const float *colour = colours + 3 * i;
        int64_t count = 0;
        for (int64_t neighbour = 0; neighbour < 9 && count < enough; neighbour++) {
            int64_t middle = cube[i] + ((neighbour / 3 - 1) * rows + neighbour % 3 - 1) * columns;
            for (int64_t j = start[middle - 1]; j < start[middle + 2] && count < enough; j++) {
                double squared = 0.0;
                for (int channel = 0; channel < 3; channel++) {
                    double difference = (double)colour[channel] - (double)others[3 * j + channel];
                    squared += difference * difference;
                }
                count += squared <= distance * distance;
            }
        }
        near[i] = count;
    }
}
