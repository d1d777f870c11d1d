/* Palettes of opponent colours: from the colours of a frame to the best few. */

#include "colours.h"
#include "kernels.h"

void to_opponent(const uint8_t *rgb, int64_t count, float *colours)
{
    for (int64_t i = 0; i < 3 * count; i += 3) {
        Opponent colour = opponent(rgb[i], rgb[i + 1], rgb[i + 2]);
        colours[i] = (float)colour.luma;
        colours[i + 1] = (float)colour.blue;
        colours[i + 2] = (float)colour.red;
    }
}

static uint8_t in_byte(double level) { return (uint8_t)lesser(greater(level + 0.5, 0.0), 255.0); }

void to_rgb(const float *colours, int64_t count, uint8_t *rgb)
{
    for (int64_t i = 0; i < 3 * count; i += 3) {
        double luma = colours[i];
        double b = colours[i + 1] / BLUE_WEIGHT + luma, r = colours[i + 2] / RED_WEIGHT + luma;
        rgb[i] = in_byte(r);
        rgb[i + 1] = in_byte((luma - 0.299 * r - 0.114 * b) / 0.587);
        rgb[i + 2] = in_byte(b);
    }
}

int64_t collect_points(const Census *census)
{
    int64_t count = 0;
    for (int64_t word = 0; word < CELLS / 32; word++)
        for (; census->used[word]; census->used[word] &= census->used[word] - 1) { /* from the lowest bit on */
            int64_t cell = 32 * word + __builtin_ctz(census->used[word]);
            double *sums = census->histogram + 4 * cell;
            double weight = sums[0];
            Opponent colour = opponent(sums[1] / weight, sums[2] / weight, sums[3] / weight);
            float *point = census->points + 4 * count;
            point[0] = (float)weight;
            point[1] = (float)colour.luma;
            point[2] = (float)colour.blue;
            point[3] = (float)colour.red;
            census->cells[count++] = (int32_t)cell;
            for (int a = 0; a < 4; a++)
                sums[a] = 0.0;
        }
    return count;
}

double assign_points(
    const Census *census, int64_t count, const Palette *palette, int64_t size, double *sums, int64_t move)
{
    Planes planes;
    fill_planes(&planes, palette->colours, size);
    for (int64_t i = 0; i < 4 * size; i++)
        sums[i] = 0.0;
    double error = 0.0, total = 0.0;
    for (int64_t p = 0; p < count; p++) {
        const float *point = census->points + 4 * p;
        float weight = point[0], luma = point[1], blue = point[2], red = point[3];
        int32_t k = nearest(&planes, luma, blue, red);
        palette->nearest[census->cells[p]] = (int16_t)k;
        error += weight * squared_distance(palette->colours + 3 * k, luma, blue, red);
        total += weight;
        sums[4 * k] += weight;
        sums[4 * k + 1] += weight * luma;
        sums[4 * k + 2] += weight * blue;
        sums[4 * k + 3] += weight * red;
    }
    if (move)
        for (int64_t k = 0; k < size; k++)
            if (sums[4 * k] > 0.0)
                for (int a = 0; a < 3; a++)
                    palette->colours[3 * k + a] = (float)(sums[4 * k + 1 + a] / sums[4 * k]);
    return error / greater(total, 1e-9);
}

/* -- Dividing the points into boxes ----------------------------------------------------------------------------------
 *
 * The box with the largest error is split at its mean, until there are as many boxes as colours: Wan, Prusinkiewicz and
 * Wong, "Variance-based color image quantization for frame buffer display", 1990. */

typedef struct {
    int32_t start, end; /* of its points in `order` */
    int32_t axis;       /* with the largest part of the error */
    double error;       /* squared */
} Box;

int64_t box_bytes(void) { return sizeof(Box); }

/* Fill a box's error and axis, and the mean of its points. */
static void describe(Box *box, const float *points, const int32_t *order, float *mean)
{
    double weight = 0.0, total[3] = {0.0}, squares[3] = {0.0};
    for (int32_t i = box->start; i < box->end; i++) {
        const float *point = points + 4 * order[i];
        float w = point[0];
        weight += w;
        for (int a = 0; a < 3; a++) {
            float v = point[1 + a];
            total[a] += w * v;
            squares[a] += w * v * v;
        }
    }
    double widest = -1.0;
    box->error = 0.0;
    box->axis = 0;
    for (int32_t a = 0; a < 3; a++) {
        mean[a] = (float)(total[a] / weight);
        double spread = squares[a] - total[a] * total[a] / weight;
        box->error += spread;
        if (spread > widest) {
            widest = spread;
            box->axis = a;
        }
    }
}

/* Move the points of a box that are beyond its mean to the end; return the first of them. */
static int32_t split(const Box *box, const float *points, int32_t *order, const float *mean)
{
    int32_t i = box->start, j = box->end;
    while (i < j) {
        int32_t point = order[i];
        if (points[4 * point + 1 + box->axis] <= mean[box->axis]) {
            i++;
        } else {
            j--;
            order[i] = order[j];
            order[j] = point;
        }
    }
    return i;
}

int64_t divide_points(
    const float *points, int64_t count, float *colours, int64_t size, int32_t *order, uint8_t *scratch)
{
    Box *boxes = (Box *)scratch;
    for (int64_t i = 0; i < count; i++)
        order[i] = (int32_t)i;
    boxes[0] = (Box){.start = 0, .end = (int32_t)count};
    describe(boxes, points, order, colours);
    int64_t used = 1;
    while (used < size) {
        int64_t k = 0;
        double most = boxes[0].error;
        for (int64_t i = 1; i < used; i++) {
            k = boxes[i].error > most ? i : k;
            most = greater(boxes[i].error, most);
        }
        if (most <= 1e-3)
            break;
        int32_t middle = split(boxes + k, points, order, colours + 3 * k);
        if (middle == boxes[k].start || middle == boxes[k].end) { /* all equal, except for rounding */
            boxes[k].error = 0.0;
            continue;
        }
        boxes[used] = (Box){.start = middle, .end = boxes[k].end};
        boxes[k].end = middle;
        describe(boxes + k, points, order, colours + 3 * k);
        describe(boxes + used, points, order, colours + 3 * used);
        used++;
    }
    return used;
}
