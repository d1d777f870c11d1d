/* Drawing of sprites in space: in perspective, with soft edges, or blurred by their movement.
 *
 * A pixel's position in the sprite is a quotient of linear functions (Heckbert, "Fundamentals of Texture Mapping and
 * Image Warping", 1989). Its distance from an edge, a straight line, is a linear function. Each sprite is sampled from
 * the mip levels that suit its centre. */

#include "batch.h"
#include "draw.h"
#include "kernels.h"
#include "numbers.h"
#include "spans.h"

#define FARTHEST 1024.0 /* texels from one point of a sprite's movement to the next */

#define LINES 3 /* pairs of parallel edges of a hexagon; a rectangle has two */

/* A linear function of a pixel's centre: a numerator of a position, or a distance. */
typedef struct {
    double x, y, start;
} Linear;

/* Two opposite edges of a sprite: the distances from them in pixels, positive inside, half the width over which coverage
 * falls, and for each edge how far outside of it pixels are touched, and what is added to its distances. */
typedef struct {
    Linear distance[2];
    float soft, touched[2], more[2];
} Pair;

/* What rows of a sprite have in common. */
typedef struct {
    const Target *target;
    Plane fine, coarse;
    Source source;
    int32_t plain; /* whether it has one colour */
    Linear s, t, w; /* numerators and denominator of a pixel's position */
    int32_t pairs;
    Pair outer[LINES], inner[LINES]; /* of the outline, and of the photo inside the border */
} Spatial;

/* A linear function along a span: its value at pixel 0, and how it changes by a column and by a row. */
typedef struct {
    float at, step, row;
} Course;

static inline Course course_of(const Linear *linear, double x, double y)
{
    return (Course){(float)(linear->x * x + linear->y * y + linear->start), (float)linear->x, (float)linear->y};
}

/* -- Coverage ------------------------------------------------------------------------------------------------------ */

/* A share bounded to 0...1 and, by the weight `smooth`, turned into a smooth step. */
static inline float smoothed(float share, float smooth)
{
    float bounded = lesserf(greaterf(share, 0.0f), 1.0f);
    return bounded + smooth * (bounded * bounded * (3.0f - 2.0f * bounded) - bounded);
}

/* Multiply the cover of pixels by the share of each that lies between two edges, from its distances from both. */
static void pair_cover(
    float *restrict cover, int32_t count, Course low, Course high, float soft, float smooth, int32_t start)
{
    float share = 0.5f / soft;
    VECTORIZED
    for (int32_t k = 0; k < count; k++) {
        float a = low.at + (float)(start + k) * low.step, b = high.at + (float)(start + k) * high.step;
        cover[k] *= smoothed(lesserf(lesserf(a, b) + soft, a + b) * share, smooth);
    }
}

/* Limit the cover of pixels to the share of each inside the rounded corners of a rectangle of half the size `sides`. */
static void corner_cover(
    float *restrict cover, int32_t count, const float *restrict inverse, Course s, Course t, Course w,
    const float *its_sides, const float *border, float radius, float soft, float smooth,
    int32_t start)
{
    const float sides[2] = {its_sides[0], its_sides[1]};
    const float centre[2] = {sides[0] - *border - radius, sides[1] - *border - radius};
    VECTORIZED
    for (int32_t k = 0; k < count; k++) {
        float at_s = (s.at + (float)(start + k) * s.step) * inverse[k];
        float at_t = (t.at + (float)(start + k) * t.step) * inverse[k];
        float x = greaterf(__builtin_fabsf(at_s) * sides[0] - centre[0], 0.0f);
        float y = greaterf(__builtin_fabsf(at_t) * sides[1] - centre[1], 0.0f);
        float away = __builtin_sqrtf(x * x + y * y);
        float weight_s = (at_s < 0.0f ? -x : x) * sides[0] * inverse[k];
        float weight_t = (at_t < 0.0f ? -y : y) * sides[1] * inverse[k];
        float across = weight_s * (s.step - at_s * w.step) + weight_t * (t.step - at_t * w.step);
        float along = weight_s * (s.row - at_s * w.row) + weight_t * (t.row - at_t * w.row);
        float gradient = __builtin_sqrtf(greaterf(across * across + along * along, 1e-30f)); /* times `away` */
        float inside = soft - (away - radius) * away / gradient;
        float arc = x + y > 0.0f ? smoothed(inside / (2.0f * soft), smooth) : 1.0f;
        cover[k] = lesserf(cover[k], arc);
    }
}

/* -- Spans --------------------------------------------------------------------------------------------------------- */

static void fill_inverse(float *restrict inverse, int32_t count, Course w, int32_t start)
{
    VECTORIZED
    for (int32_t k = 0; k < count; k++)
        inverse[k] = 1.0f / greaterf(w.at + (float)(start + k) * w.step, 1e-12f);
}

/* Fill in positions, in 1/65536 texel, of a level with `texels` for each unit of s or t, and `middle` at 0. */
static void fill_positions(
    int32_t *restrict positions, int32_t count, const float *restrict inverse, Course p, float texels, float middle,
    int32_t start)
{
    VECTORIZED
    for (int32_t k = 0; k < count; k++) {
        float at = (p.at + (float)(start + k) * p.step) * inverse[k] * texels + middle;
        positions[k] = (int32_t)(lesserf(greaterf(at, -8192.0f), 24576.0f) * 65536.0f);
    }
}

static SEPARATE void fill_level(
    Batch *batch, int32_t which, int32_t first, int32_t count, const float *inverse, const Course *s, const Course *t,
    const Plane *plane, const double *window, int32_t start)
{
    double across = 0.5 * (window[2] - window[0]) * plane->width, along = 0.5 * (window[3] - window[1]) * plane->height;
    double u = window[0] * plane->width + across - 0.5, v = window[1] * plane->height + along - 0.5;
    fill_positions(batch->u[which] + first, count, inverse, *s, (float)across, (float)u, start);
    fill_positions(batch->v[which] + first, count, inverse, *t, (float)along, (float)v, start);
}

/* The share inside an outline of each pixel of a span from index `start` on; `border`: its distance from the edges. */
static SEPARATE void fill_cover(
    float *cover, int32_t count, const Spatial *sprite, const Pair *pairs, const float *inverse, const Course *w,
    double x, double y, float border, int32_t start)
{
    const Draw *draw = sprite->source.draw;
    for (int32_t k = 0; k < count; k++)
        cover[k] = 1.0f;
    for (int32_t i = 0; i < sprite->pairs; i++) {
        const Pair *pair = pairs + i;
        Course low = course_of(&pair->distance[0], x, y), high = course_of(&pair->distance[1], x, y);
        low.at += pair->more[0];
        high.at += pair->more[1];
        pair_cover(cover, count, low, high, pair->soft, draw->smooth, start);
    }
    float radius = draw->radius - border;
    if (draw->outline == ROUNDED && radius > 0.0f) {
        Course s = course_of(&sprite->s, x, y), t = course_of(&sprite->t, x, y);
        float soft = greaterf(draw->soft[0], draw->soft[1]);
        corner_cover(cover, count, inverse, s, t, *w, draw->sides, &border, radius, soft, draw->smooth, start);
    }
}

/* Draw the pixels of a batch, each sampled at several points along the sprite's movement, and empty it. */
static SEPARATE void draw_moving(Batch *batch, const Spatial *sprite)
{
    const Draw *draw = sprite->source.draw;
    uint32_t mean[BATCH + VECTOR], sampled[BATCH + VECTOR];
    int32_t steps[2][2]; /* of both levels, in 1/65536 texel */
    for (int32_t i = 0; i < 2; i++) {
        const Plane *plane = i ? &sprite->coarse : &sprite->fine;
        double across = 0.5 * (draw->window[2] - draw->window[0]) * plane->width;
        double along = 0.5 * (draw->window[3] - draw->window[1]) * plane->height;
        /* Bounded, so that sums fit in 32 bits: more are only needed for sprites that are seen edge-on. */
        steps[i][0] = in_texels(lesser(greater(across * draw->trail[0] / draw->taps, -FARTHEST), FARTHEST));
        steps[i][1] = in_texels(lesser(greater(along * draw->trail[1] / draw->taps, -FARTHEST), FARTHEST));
    }
    int32_t longer = lengthen(batch);
    for (int32_t tap = 0; tap < draw->taps; tap++) {
        for (int32_t i = 0; i < 2; i++) {
            int32_t u = steps[i][0], v = steps[i][1];
            if (tap == 0) {
                u = -(u * (draw->taps - 1) / 2);
                v = -(v * (draw->taps - 1) / 2);
            }
            for (int32_t k = 0; k < longer; k++) {
                batch->u[i][k] += u;
                batch->v[i][k] += v;
            }
        }
        sample_batch(tap ? sampled : mean, longer, batch, &sprite->source);
        for (int32_t k = 0; k < longer && tap; k++)
            mean[k] = mix(mean[k], sampled[k], 256u / (uint32_t)(tap + 1));
    }
    draw_sampled(batch, &sprite->source, mean);
}

static void empty_batch(Batch *batch, const Spatial *sprite)
{
    if (sprite->plain) {
        uint32_t colours[BATCH + VECTOR], colour = tone(*sprite->fine.texels, &sprite->source.paint);
        for (int32_t k = 0; k < BATCH + VECTOR; k++)
            colours[k] = colour;
        draw_sampled(batch, &sprite->source, colours);
    } else if (sprite->source.draw->taps > 1)
        draw_moving(batch, sprite);
    else
        draw_batch(batch, &sprite->source);
}

/* Add the pixels begin ... stop - 1 of row y to a batch, if they lie in the target; all are computed from the first. */
static SEPARATE void add_pixels(Batch *batch, const Spatial *sprite, int64_t y, int64_t begin, int64_t stop)
{
    const Target *target = sprite->target;
    const Draw *draw = sprite->source.draw;
    int64_t end = smallest(stop, target->right);
    if (largest(begin, target->left) >= end)
        return;
    double left = begin + 0.5, upper = y + 0.5;
    Course w = course_of(&sprite->w, left, upper);
    Course s = course_of(&sprite->s, left, upper), t = course_of(&sprite->t, left, upper);
    float inverse[BATCH + VECTOR];
    for (int64_t x = largest(begin, target->left); x < end;) {
        int32_t first = batch->count, start = (int32_t)(x - begin);
        int32_t count = (int32_t)smallest(end - x, BATCH - first), longer = (count + VECTOR - 1) / VECTOR * VECTOR;
        fill_inverse(inverse, longer, w, start);
        if (!sprite->plain)
            fill_level(batch, 0, first, longer, inverse, &s, &t, &sprite->fine, draw->window, start);
        if (!sprite->plain && draw->blend > 0)
            fill_level(batch, 1, first, longer, inverse, &s, &t, &sprite->coarse, draw->window, start);
        if (draw->border > 0.0f)
            fill_cover(
                batch->photo + first, longer, sprite, sprite->inner, inverse, &w, left, upper, draw->border, start);
        fill_cover(batch->cover + first, longer, sprite, sprite->outer, inverse, &w, left, upper, 0.0f, start);
        batch->piece[batch->pieces++] =
            (Piece){pixel_at(target, x, y), first, count, x + longer <= target->right ? longer : count};
        batch->count += count;
        x += count;
        if (batch->count == BATCH || batch->pieces == PIECES)
            empty_batch(batch, sprite);
    }
}

/* -- Sprites ------------------------------------------------------------------------------------------------------- */

/* The distance in pixels from where `at` is `sign` times `share` of w, on the side of smaller values. */
static Linear distance_of(const Linear *at, const Linear *w, double share, double sign)
{
    double x = share * w->x - sign * at->x, y = share * w->y - sign * at->y, start = share * w->start - sign * at->start;
    double pixels = 1.0 / greater(length(x, y), 1e-30);
    return (Linear){x * pixels, y * pixels, start * pixels};
}

/* The pairs of edges of a sprite, `border` inside it. On its forward sides it fully covers every pixel it touches. */
static SEPARATE void set_pairs(Pair *pairs, const Spatial *sprite, double border, const int32_t *forward)
{
    const Draw *draw = sprite->source.draw;
    Linear positions[LINES] = {sprite->s, sprite->t};
    double k = draw->slope;
    int hexagon = draw->outline == HEXAGON;
    if (hexagon) {
        const Linear s = sprite->s, t = sprite->t;
        positions[1] = (Linear){t.x + k * s.x, t.y + k * s.y, t.start + k * s.start};
        positions[2] = (Linear){t.x - k * s.x, t.y - k * s.y, t.start - k * s.start};
    }
    for (int n = 0; n < sprite->pairs; n++) {
        double share = hexagon ? 1.0 - 2.0 * border : (draw->sides[n] - border) / draw->sides[n];
        float soft = hexagon ? greaterf(draw->soft[0], draw->soft[1]) : draw->soft[n];
        pairs[n].soft = soft;
        for (int i = 0; i < 2; i++) {
            int extended = forward && (i ? forward[n] > 0 : forward[n] < 0);
            pairs[n].distance[i] = distance_of(positions + n, &sprite->w, share, i ? 1.0 : -1.0);
            pairs[n].more[i] = extended ? 1e9f : 0.0f;
            pairs[n].touched[i] = extended && hexagon ? greaterf(soft, (float)OVERLAP) : soft;
        }
    }
}

/* The pixels' centres of a row that are touched. */
static Range row_of(const Spatial *sprite, double row)
{
    Range range = {-1e9, 1e9};
    for (int n = 0; n < 2 * sprite->pairs; n++) {
        const Linear *distance = &sprite->outer[n / 2].distance[n % 2];
        double at = distance->y * row + distance->start;
        range = common(range, crossing(distance->x, at, -sprite->outer[n / 2].touched[n % 2], 1e9));
    }
    return range;
}

void draw_in_space(
    const Target *target, int64_t top, int64_t end, const Draw *draw, const uint32_t *fine_texels,
    const uint32_t *coarse_texels, const int64_t *hidden)
{
    Spatial sprite;
    sprite.target = target;
    sprite.fine = level_plane(draw, fine_texels, draw->level);
    sprite.coarse = level_plane(draw, coarse_texels, draw->level + (draw->blend > 0));
    sprite.source = source_of(draw, &sprite.fine, &sprite.coarse);
    sprite.plain = draw->width == 1 && draw->height == 1;
    const double *inverse = draw->inverse;
    sprite.s = (Linear){inverse[0], inverse[1], inverse[2]};
    sprite.t = (Linear){inverse[3], inverse[4], inverse[5]};
    sprite.w = (Linear){inverse[6], inverse[7], inverse[8]};
    sprite.pairs = draw->outline == HEXAGON ? 3 : 2;
    set_pairs(sprite.outer, &sprite, 0.0, draw->forward);
    if (draw->border > 0.0f)
        set_pairs(sprite.inner, &sprite, draw->border, 0);
    Batch batch;
    batch.count = batch.pieces = 0;
    for (int64_t y = top; y < end; y++) {
        Range touched = row_of(&sprite, y + 0.5);
        int64_t begin = first_pixel(touched.low, draw->columns[0], draw->columns[1]);
        int64_t stop = end_pixel(touched.high, draw->columns[0], draw->columns[1]);
        int has_hidden = hidden[1] <= y && y < hidden[3] && hidden[0] < hidden[2];
        int64_t hidden_left = has_hidden ? hidden[0] : stop, hidden_right = has_hidden ? hidden[2] : stop;
        /* Pixels before and after a box that is hidden. */
        add_pixels(&batch, &sprite, y, begin, smallest(stop, largest(hidden_left, begin)));
        add_pixels(&batch, &sprite, y, largest(begin, hidden_right), stop);
    }
    empty_batch(&batch, &sprite);
}
