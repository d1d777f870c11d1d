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

/* The same from the corner of the sprite's box on: floats are precise enough there. */
typedef struct {
    float x, y, start;
} Near;

/* Two opposite edges of a sprite: the distances from them in pixels, positive inside, half the width over which coverage
 * falls, and for each edge how far outside of it pixels are touched. */
typedef struct {
    Linear distance[2];
    Near near[2]; /* with 1e9 more at an edge that does not end */
    float soft, touched[2];
} Pair;

/* What rows of a sprite have in common. */
typedef struct {
    const Target *target;
    Plane fine, coarse;
    Source source;
    int32_t plain;    /* whether it has one colour */
    Linear s, t, w;   /* numerators and denominator of a pixel's position */
    Near near_s, near_t, near_w;
    int32_t pairs;
    Pair outer[LINES], inner[LINES]; /* of the outline, and of the photo inside the border */
} Spatial;

/* The pixels of a batch, relative to the corner of the sprite's box. */
typedef struct {
    float x[BATCH + VECTOR], y[BATCH + VECTOR];
} Centres;

static inline Near near_of(const Linear *linear, const Draw *draw)
{
    double x = draw->columns[0] + 0.5, y = draw->rows[0] + 0.5;
    return (Near){(float)linear->x, (float)linear->y, (float)(linear->x * x + linear->y * y + linear->start)};
}

static inline float value_at(const Near *near, float x, float y) { return near->start + x * near->x + y * near->y; }

/* -- Coverage ------------------------------------------------------------------------------------------------------ */

/* A share bounded to 0...1 and, by the weight `smooth`, turned into a smooth step. */
static inline float smoothed(float share, float smooth)
{
    float bounded = lesserf(greaterf(share, 0.0f), 1.0f);
    return bounded + smooth * (bounded * bounded * (3.0f - 2.0f * bounded) - bounded);
}

/* Multiply the cover of pixels by the share of each that lies between two edges. */
static void pair_cover(
    float *restrict cover, int32_t count, const float *restrict x, const float *restrict y, const Pair *pair,
    float smooth)
{
    const Near low = pair->near[0], high = pair->near[1];
    float soft = pair->soft, share = 0.5f / soft;
    VECTORIZED
    for (int32_t k = 0; k < count; k++) {
        float a = value_at(&low, x[k], y[k]), b = value_at(&high, x[k], y[k]);
        cover[k] *= smoothed(lesserf(lesserf(a, b) + soft, a + b) * share, smooth);
    }
}

/* Limit the cover of pixels to the share of each inside the rounded corners of a rectangle, `border` inside it. */
static SEPARATE void corner_cover(
    float *restrict cover, int32_t count, const Centres *restrict centres, const float *restrict inverses,
    const Spatial *sprite, float border)
{
    const Draw *draw = sprite->source.draw;
    const Near s = sprite->near_s, t = sprite->near_t, w = sprite->near_w;
    const float sides[2] = {draw->sides[0], draw->sides[1]}, radius = draw->radius - border, smooth = draw->smooth;
    const float centre[2] = {sides[0] - border - radius, sides[1] - border - radius};
    const float soft = greaterf(draw->soft[0], draw->soft[1]);
    VECTORIZED
    for (int32_t k = 0; k < count; k++) {
        float inverse = inverses[k];
        float at_s = value_at(&s, centres->x[k], centres->y[k]) * inverse;
        float at_t = value_at(&t, centres->x[k], centres->y[k]) * inverse;
        float x = greaterf(__builtin_fabsf(at_s) * sides[0] - centre[0], 0.0f);
        float y = greaterf(__builtin_fabsf(at_t) * sides[1] - centre[1], 0.0f);
        float away = __builtin_sqrtf(x * x + y * y);
        float weight_s = (at_s < 0.0f ? -x : x) * sides[0] * inverse;
        float weight_t = (at_t < 0.0f ? -y : y) * sides[1] * inverse;
        float across = weight_s * (s.x - at_s * w.x) + weight_t * (t.x - at_t * w.x);
        float along = weight_s * (s.y - at_s * w.y) + weight_t * (t.y - at_t * w.y);
        float gradient = __builtin_sqrtf(greaterf(across * across + along * along, 1e-30f)); /* times `away` */
        float inside = soft - (away - radius) * away / gradient;
        float arc = x + y > 0.0f ? smoothed(inside / (2.0f * soft), smooth) : 1.0f;
        cover[k] = lesserf(cover[k], arc);
    }
}

/* The share inside an outline of each pixel; `border`: its distance from the edges. */
static void fill_cover(
    float *cover, int32_t count, const Centres *centres, const float *inverse, const Spatial *sprite,
    const Pair *pairs, float border)
{
    const Draw *draw = sprite->source.draw;
    for (int32_t k = 0; k < count; k++)
        cover[k] = 1.0f;
    for (int32_t i = 0; i < sprite->pairs; i++)
        pair_cover(cover, count, centres->x, centres->y, pairs + i, draw->smooth);
    if (draw->outline == ROUNDED && draw->radius > border)
        corner_cover(cover, count, centres, inverse, sprite, border);
}

/* -- Batches ------------------------------------------------------------------------------------------------------- */

static void fill_inverse(float *restrict inverse, int32_t count, const Centres *restrict centres, const Near *its_w)
{
    const Near w = *its_w;
    VECTORIZED
    for (int32_t k = 0; k < count; k++)
        inverse[k] = 1.0f / greaterf(value_at(&w, centres->x[k], centres->y[k]), 1e-12f);
}

/* Fill in positions, in 1/65536 texel, of a level with `texels` for each unit of s or t, and `middle` at 0. */
static void fill_positions(
    int32_t *restrict positions, int32_t count, const Centres *restrict centres, const float *restrict inverse,
    const Near *its_p, float texels, float middle)
{
    const Near p = *its_p;
    VECTORIZED
    for (int32_t k = 0; k < count; k++) {
        float at = value_at(&p, centres->x[k], centres->y[k]) * inverse[k] * texels + middle;
        positions[k] = (int32_t)(lesserf(greaterf(at, -8192.0f), 24576.0f) * 65536.0f);
    }
}

static void fill_level(
    Batch *batch, int32_t which, int32_t count, const Centres *centres, const float *inverse, const Spatial *sprite,
    const Plane *plane)
{
    const double *window = sprite->source.draw->window;
    double across = 0.5 * (window[2] - window[0]) * plane->width, along = 0.5 * (window[3] - window[1]) * plane->height;
    double u = window[0] * plane->width + across - 0.5, v = window[1] * plane->height + along - 0.5;
    fill_positions(batch->u[which], count, centres, inverse, &sprite->near_s, (float)across, (float)u);
    fill_positions(batch->v[which], count, centres, inverse, &sprite->near_t, (float)along, (float)v);
}

/* Draw the pixels of a batch, each sampled at several points along the sprite's movement, and empty it.
 *
 * visibility.c chooses one level for them. */
static SEPARATE void draw_moving(Batch *batch, int32_t longer, const Spatial *sprite)
{
    const Draw *draw = sprite->source.draw;
    uint32_t mean[BATCH + VECTOR], sampled[BATCH + VECTOR];
    double across = 0.5 * (draw->window[2] - draw->window[0]) * sprite->fine.width;
    double along = 0.5 * (draw->window[3] - draw->window[1]) * sprite->fine.height;
    /* In 1/65536 texel. Bounded, so that sums fit in 32 bits: more are only needed for sprites seen edge-on. */
    int32_t u = in_texels(lesser(greater(across * draw->trail[0] / draw->taps, -FARTHEST), FARTHEST));
    int32_t v = in_texels(lesser(greater(along * draw->trail[1] / draw->taps, -FARTHEST), FARTHEST));
    for (int32_t tap = 0; tap < draw->taps; tap++) {
        int32_t more_u = tap ? u : -(u * (draw->taps - 1) / 2), more_v = tap ? v : -(v * (draw->taps - 1) / 2);
        for (int32_t k = 0; k < longer; k++) {
            batch->u[0][k] += more_u;
            batch->v[0][k] += more_v;
        }
        sample_batch(tap ? sampled : mean, longer, batch, &sprite->source);
        for (int32_t k = 0; k < longer && tap; k++)
            mean[k] = mix(mean[k], sampled[k], 256u / (uint32_t)(tap + 1));
    }
    draw_sampled(batch, &sprite->source, mean);
}

/* Compute positions and cover of the pixels of a batch, draw them, and empty it. */
static SEPARATE void empty_batch(Batch *batch, Centres *centres, const Spatial *sprite)
{
    const Draw *draw = sprite->source.draw;
    int32_t longer = (batch->count + VECTOR - 1) / VECTOR * VECTOR;
    for (int32_t k = batch->count; k < longer; k++)
        centres->x[k] = centres->y[k] = 0.0f;
    float inverse[BATCH + VECTOR];
    fill_inverse(inverse, longer, centres, &sprite->near_w);
    fill_cover(batch->cover, longer, centres, inverse, sprite, sprite->outer, 0.0f);
    if (draw->border > 0.0f)
        fill_cover(batch->photo, longer, centres, inverse, sprite, sprite->inner, draw->border);
    if (sprite->plain) {
        uint32_t colours[BATCH + VECTOR], colour = tone(*sprite->fine.texels, &sprite->source.paint);
        for (int32_t k = 0; k < longer; k++)
            colours[k] = colour;
        draw_sampled(batch, &sprite->source, colours);
        return;
    }
    fill_level(batch, 0, longer, centres, inverse, sprite, &sprite->fine);
    if (draw->blend > 0)
        fill_level(batch, 1, longer, centres, inverse, sprite, &sprite->coarse);
    if (draw->taps > 1)
        draw_moving(batch, longer, sprite);
    else
        draw_batch(batch, &sprite->source);
}

/* Add the pixels begin ... stop - 1 of row y to a batch, if they lie in the target. */
static inline void add_pixels(
    Batch *batch, Centres *centres, const Spatial *sprite, int64_t y, int64_t begin, int64_t stop)
{
    const Target *target = sprite->target;
    const Draw *draw = sprite->source.draw;
    int64_t end = smallest(stop, target->right);
    for (int64_t x = largest(begin, target->left); x < end;) {
        int32_t first = batch->count, left = (int32_t)(x - draw->columns[0]);
        int32_t count = (int32_t)smallest(end - x, BATCH - first), longer = (count + VECTOR - 1) / VECTOR * VECTOR;
        float upper = (float)(y - draw->rows[0]);
        VECTORIZED
        for (int32_t k = 0; k < longer; k++) {
            centres->x[first + k] = (float)(left + k);
            centres->y[first + k] = upper;
        }
        batch->piece[batch->pieces++] =
            (Piece){pixel_at(target, x, y), first, count, x + longer <= target->right ? longer : count};
        batch->count += count;
        x += count;
        if (batch->count == BATCH || batch->pieces == PIECES)
            empty_batch(batch, centres, sprite);
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
            pairs[n].near[i] = near_of(pairs[n].distance + i, draw);
            pairs[n].near[i].start += extended ? 1e9f : 0.0f;
            pairs[n].touched[i] = extended && hexagon ? greaterf(soft, (float)OVERLAP) : soft;
        }
    }
}

/* Where rows begin or end at an edge: at + per_row * row. */
typedef struct {
    double at, per_row;
    int32_t side; /* 1: they begin there; -1: they end; 0: the edge is parallel to rows */
} Limit;

/* Set the limits of the pixels' centres that are touched. */
static SEPARATE void set_limits(Limit *limits, const Spatial *sprite)
{
    for (int n = 0; n < 2 * sprite->pairs; n++) {
        const Linear *distance = &sprite->outer[n / 2].distance[n % 2];
        double start = distance->start + sprite->outer[n / 2].touched[n % 2];
        if (__builtin_fabs(distance->x) < 1e-12)
            limits[n] = (Limit){start, distance->y, 0};
        else
            limits[n] = (Limit){-start / distance->x, -distance->y / distance->x, distance->x > 0.0 ? 1 : -1};
    }
}

/* The pixels' centres of a row that are touched. */
static inline Range row_of(const Limit *limits, int count, double row)
{
    Range range = {-1e9, 1e9};
    for (int n = 0; n < count; n++) {
        double at = limits[n].at + limits[n].per_row * row;
        if (limits[n].side > 0)
            range.low = greater(range.low, at);
        else if (limits[n].side < 0)
            range.high = lesser(range.high, at);
        else if (at < 0.0)
            return (Range){1.0, 0.0};
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
    sprite.near_s = near_of(&sprite.s, draw);
    sprite.near_t = near_of(&sprite.t, draw);
    sprite.near_w = near_of(&sprite.w, draw);
    sprite.pairs = draw->outline == HEXAGON ? 3 : 2;
    set_pairs(sprite.outer, &sprite, 0.0, draw->forward);
    if (draw->border > 0.0f)
        set_pairs(sprite.inner, &sprite, draw->border, 0);
    Limit limits[2 * LINES];
    set_limits(limits, &sprite);
    Batch batch;
    Centres centres;
    batch.count = batch.pieces = 0;
    for (int64_t y = top; y < end; y++) {
        Range touched = row_of(limits, 2 * sprite.pairs, y + 0.5);
        int64_t begin = first_pixel(touched.low, draw->columns[0], draw->columns[1]);
        int64_t stop = end_pixel(touched.high, draw->columns[0], draw->columns[1]);
        int has_hidden = hidden[1] <= y && y < hidden[3] && hidden[0] < hidden[2];
        int64_t hidden_left = has_hidden ? hidden[0] : stop, hidden_right = has_hidden ? hidden[2] : stop;
        /* Pixels before and after a box that is hidden. */
        add_pixels(&batch, &centres, &sprite, y, begin, smallest(stop, largest(hidden_left, begin)));
        add_pixels(&batch, &centres, &sprite, y, largest(begin, hidden_right), stop);
    }
    empty_batch(&batch, &centres, &sprite);
}
