/* Drawing of sprites that are no plain rectangles: hexagons, rectangles with rounded corners, circles, and borders.
 *
 * A row is drawn as for rectangles: pixels that are fully covered are stored, those around them are weighted by the
 * share that lies inside the outline. The border is what lies inside the outline but outside of a smaller one, so that
 * both its sides are smooth. */

#include "batch.h"
#include "draw.h"
#include "kernels.h"
#include "numbers.h"
#include "spans.h"

#define LINES 3 /* pairs of parallel edges of a hexagon; a rectangle has two */

/* Pixels of a sprite in a row, from which the fully covered ones are drawn by a separate loop; a batch draws a few pixels
 * of one row and of the next at once, so that it is longer than for rectangles. */
#define LONG_ROW 128

/* The distance in pixels from the middle between two parallel edges, x * pixel + y * row + start, and that of the
 * edges. */
typedef struct {
    double x, y, start, half;
} Line;

/* What a rectangle with rounded corners is compared with, in units of its shorter side. */
typedef struct {
    double half[2], radius;
    double across[3], along[3]; /* position from its centre: a[0] * pixel + a[1] * row + a[2] */
    double pixel;               /* the longest distance of two points that are a pixel apart */
} Rounded;

/* -- Coverage ------------------------------------------------------------------------------------------------------ */

/* The distance of pixel 0 of a span from the middle between two edges, its step, and the edges. */
typedef struct {
    float at, step, low, high;
} Edge;

/* The corner of a rounded outline: the unit per pixel of distance from the middle, the centre of its arc and its
 * radius; then the squares and the product of the gradients of both positions. Beyond `low` and `high`, in pixels, it
 * does not end, since a neighbour is drawn later. */
typedef struct {
    float unit[2], centre[2], radius, square[2], product, low[2], high[2];
} Corner;

static inline float edge_cover(const Edge *edge, float k)
{
    return between(edge->at + k * edge->step, edge->low, edge->high);
}

static void hexagon_cover(float *restrict cover, int32_t count, const Edge *edges, int32_t start)
{
    const Edge a = edges[0], b = edges[1], c = edges[2];
    VECTORIZED
    for (int32_t k = 0; k < count; k++)
        cover[k] = edge_cover(&a, (float)(start + k)) * edge_cover(&b, (float)(start + k))
                 * edge_cover(&c, (float)(start + k));
}

/* The distance to an ellipse is that to a circle, divided by the length of its gradient. */
static void rounded_cover(
    float *restrict cover, int32_t count, const Edge *edges, const Corner *its_corner, int32_t start)
{
    const Edge a = edges[0], b = edges[1];
    const Corner corner = *its_corner;
    VECTORIZED
    for (int32_t k = 0; k < count; k++) {
        float s = a.at + (float)(start + k) * a.step, t = b.at + (float)(start + k) * b.step;
        float along_s = lesserf(greaterf(s, corner.low[0]), corner.high[0]);
        float along_t = lesserf(greaterf(t, corner.low[1]), corner.high[1]);
        float x = greaterf(__builtin_fabsf(along_s) * corner.unit[0] - corner.centre[0], 0.0f);
        float y = greaterf(__builtin_fabsf(along_t) * corner.unit[1] - corner.centre[1], 0.0f);
        float away = __builtin_sqrtf(x * x + y * y), mixed = 2.0f * x * y * corner.product;
        float square = x * x * corner.square[0] + y * y * corner.square[1] + (s * t < 0.0f ? -mixed : mixed);
        float gradient = __builtin_sqrtf(greaterf(square, 1e-30f));
        float arc = lesserf(greaterf(0.5f - (away - corner.radius) * away / gradient, 0.0f), 1.0f);
        arc = x + y > 0.0f ? arc : 1.0f;
        cover[k] = lesserf(arc, between(s, a.low, a.high) * between(t, b.low, b.high));
    }
}

/* -- Outlines ------------------------------------------------------------------------------------------------------ */

/* An outline, or that of the photo inside its border. */
typedef struct {
    int hexagon;
    Line lines[LINES];
    double low[LINES], high[LINES]; /* edges that a pixel's share is computed from */
    Rounded rounded;
    Corner corner;
} Shape;

static Line line_of(double x, double y, double start)
{
    double half = 1.0 / length(x, y);
    return (Line){x * half, y * half, start * half, half};
}

/* The outline of a sprite, `border` inside it. On its forward sides it extends over every pixel that it touches. */
static SEPARATE void set_shape(Shape *to, const Draw *draw, double border, const int32_t *forward)
{
    const double *inverse = draw->inverse;
    Shape shape = {.hexagon = draw->outline == HEXAGON};
    double shares[LINES] = {1.0, 1.0, 1.0};
    if (shape.hexagon) {
        double x = draw->slope * inverse[0], y = draw->slope * inverse[1], start = draw->slope * inverse[2];
        shape.lines[1] = line_of(inverse[3] + x, inverse[4] + y, inverse[5] + start);
        shape.lines[2] = line_of(inverse[3] - x, inverse[4] - y, inverse[5] - start);
        shares[0] = shares[1] = shares[2] = 1.0 - 2.0 * border;
    } else {
        Rounded *rounded = &shape.rounded;
        double squares = 0.0, product = 0.0;
        shape.lines[1] = line_of(inverse[3], inverse[4], inverse[5]);
        rounded->radius = greater(draw->radius - border, 0.0);
        for (int i = 0; i < 3; i++) {
            rounded->across[i] = inverse[i] * draw->sides[0];
            rounded->along[i] = inverse[3 + i] * draw->sides[1];
        }
        for (int i = 0; i < 2; i++) {
            double x = i ? rounded->along[0] : rounded->across[0], y = i ? rounded->along[1] : rounded->across[1];
            rounded->half[i] = draw->sides[i] - border;
            shares[i] = rounded->half[i] / draw->sides[i];
            shape.corner.square[i] = (float)(x * x + y * y);
            shape.corner.centre[i] = (float)(rounded->half[i] - rounded->radius);
            squares += x * x + y * y;
            product += rounded->across[i] * rounded->along[i];
        }
        shape.corner.radius = (float)rounded->radius;
        shape.corner.product = (float)product;
        /* The larger singular value of the matrix of both gradients. */
        double determinant = rounded->across[0] * rounded->along[1] - rounded->across[1] * rounded->along[0];
        double root = __builtin_sqrt(greater(squares * squares - 4.0 * determinant * determinant, 0.0));
        rounded->pixel = __builtin_sqrt(0.5 * (squares + root));
    }
    shape.lines[0] = line_of(inverse[0], inverse[1], inverse[2]);
    for (int i = 0; i < (shape.hexagon ? 3 : 2); i++) {
        double half = shape.lines[i].half * shares[i], last = greater(half - 0.5, 0.0);
        int before = forward && forward[i] < 0, after = forward && forward[i] > 0;
        if (!shape.hexagon) {
            shape.corner.unit[i] = (float)(draw->sides[i] / shape.lines[i].half);
            shape.corner.low[i] = before ? (float)-last : -1e9f;
            shape.corner.high[i] = after ? (float)last : 1e9f;
        }
        shape.lines[i].half = half;
        shape.low[i] = before ? -1e9 : -half;
        shape.high[i] = after ? 1e9 : half;
    }
    *to = shape;
}

/* Set the edges of a shape for a span that starts at pixel centre (x, y). */
static inline void set_edges(Edge *edges, const Shape *shape, double x, double y)
{
    for (int i = 0; i < (shape->hexagon ? 3 : 2); i++) {
        const Line *line = shape->lines + i;
        edges[i] = (Edge){
            (float)(line->x * x + line->y * y + line->start), (float)line->x, (float)shape->low[i],
            (float)shape->high[i],
        };
    }
}

/* The share inside a shape of each pixel of a span from index `start` on. */
static inline void shape_cover(float *cover, int32_t count, const Shape *shape, const Edge *edges, int32_t start)
{
    if (shape->hexagon)
        hexagon_cover(cover, count, edges, start);
    else
        rounded_cover(cover, count, edges, &shape->corner, start);
}

static const Range NOWHERE = {1.0, 0.0};

static inline Range either(Range a, Range b)
{
    if (a.low > a.high)
        return b;
    return b.low > b.high ? a : (Range){lesser(a.low, b.low), greater(a.high, b.high)};
}

/* The part of a row inside an outline that is `margin` units larger; as it is convex, it lies between any of its
 * points. */
static Range rounded_range(const Rounded *rounded, double row, double margin)
{
    double radius = greater(rounded->radius + margin, 0.0);
    double x = rounded->half[0] + margin - radius, y = rounded->half[1] + margin - radius;
    if (x < 0.0 || y < 0.0)
        return NOWHERE;
    double dx = rounded->across[0], dy = rounded->along[0], square = dx * dx + dy * dy;
    double x0 = rounded->across[1] * row + rounded->across[2], y0 = rounded->along[1] * row + rounded->along[2];
    Range range = either(
        common(crossing(dx, x0, -x - radius, x + radius), crossing(dy, y0, -y, y)),
        common(crossing(dx, x0, -x, x), crossing(dy, y0, -y - radius, y + radius)));
    int corners = x + y > 0.0 ? 4 : 1; /* all in the centre of a circle */
    for (int i = 0; i < corners; i++) {
        double corner_x = x0 + (i & 1 ? x : -x), corner_y = y0 + (i & 2 ? y : -y);
        double along = corner_x * dx + corner_y * dy;
        double root = along * along - square * (corner_x * corner_x + corner_y * corner_y - radius * radius);
        if (root >= 0.0) {
            root = __builtin_sqrt(root);
            range = either(range, (Range){(-along - root) / square, (root - along) / square});
        }
    }
    return range;
}

/* What lies between two parallel lines in a row: low ... high from at + per_row * row; if they are parallel to rows,
 * everything if that is between low and high. */
typedef struct {
    double at, per_row, low, high;
    int parallel;
} Bound;

static Bound bound_of(const Line *line, double low, double high)
{
    if (low > high)
        return (Bound){0.0, 0.0, 1.0, 0.0, 0};
    if (__builtin_fabs(line->x) < 1e-12)
        return (Bound){line->start, line->y, low, high, 1};
    double a = low / line->x, b = high / line->x;
    return (Bound){-line->start / line->x, -line->y / line->x, lesser(a, b), greater(a, b), 0};
}

/* The pixels of each row that are touched, or fully covered. */
typedef struct {
    Bound bounds[LINES];
    int count;
    double margin; /* by which a rounded outline is larger, in its unit */
} Bounds;

static SEPARATE void set_touched(Bounds *bounds, const Shape *shape, const int32_t *forward)
{
    bounds->count = shape->hexagon ? 3 : 2;
    bounds->margin = 0.5 * shape->rounded.pixel;
    for (int i = 0; i < bounds->count; i++) {
        const Line *line = shape->lines + i;
        bounds->bounds[i] = bound_of(
            line, -line->half - (forward[i] < 0 ? OVERLAP : TOUCH), line->half + (forward[i] > 0 ? OVERLAP : TOUCH));
    }
}

static SEPARATE void set_covered(Bounds *bounds, const Shape *shape)
{
    bounds->count = shape->hexagon ? 3 : 2;
    bounds->margin = -0.5 * shape->rounded.pixel;
    for (int i = 0; i < bounds->count; i++)
        bounds->bounds[i] = bound_of(shape->lines + i, shape->low[i] + 0.5, shape->high[i] - 0.5);
}

static inline Range in_row(const Bounds *bounds, const Shape *shape, double row)
{
    Range range = {-1e9, 1e9};
    for (int i = 0; i < bounds->count; i++) {
        const Bound *bound = bounds->bounds + i;
        double at = bound->at + bound->per_row * row;
        if (!bound->parallel)
            range = common(range, (Range){at + bound->low, at + bound->high});
        else if (at < bound->low || at > bound->high)
            return NOWHERE;
    }
    if (!shape->hexagon && shape->rounded.radius > 0.0)
        range = common(range, rounded_range(&shape->rounded, row, bounds->margin));
    return range;
}

/* -- Sprites ------------------------------------------------------------------------------------------------------- */

/* A sprite and what its rows have in common. */
typedef struct {
    const Target *target;
    Plane fine, coarse;
    Shape outer, inner; /* outline, and that of the photo inside the border */
    Source source;
} Sprite;

/* Fill in the positions of the pixels of a span from index `start` on. */
static inline void fill_positions(
    int32_t *restrict u, int32_t *restrict v, int32_t count, const Level *its_level, int32_t start)
{
    const Level level = *its_level;
    VECTORIZED
    for (int32_t k = 0; k < count; k++) {
        u[k] = level.u + (start + k) * level.du;
        v[k] = level.v + (start + k) * level.dv;
    }
}

/* The level for a span that starts at pixel centre (x, y); `step` is the level at another position. */
static inline Level level_from(const Plane *plane, const Level *step, double x, double y)
{
    Level level = *step;
    level.u = in_texels(plane->ux * x + plane->uy * y + plane->u0);
    level.v = in_texels(plane->vx * x + plane->vy * y + plane->v0);
    return level;
}

/* Add the pixels x ... stop - 1 of row y to a batch, if they lie in the target.
 *
 * All are computed from the row's first pixel, `begin`: they must not depend on where a batch happens to end, or the
 * target to begin, nor on what is hidden. */
static void add_pixels(Batch *batch, const Sprite *sprite, int64_t y, int64_t begin, int64_t x, int64_t stop)
{
    const Target *target = sprite->target;
    int64_t end = smallest(stop, target->right);
    x = largest(x, target->left);
    if (x >= end)
        return;
    double left = begin + 0.5, upper = y + 0.5;
    int two_levels = sprite->source.draw->blend > 0, bordered = sprite->source.draw->border > 0.0f;
    Level fine = level_from(&sprite->fine, &sprite->source.fine, left, upper);
    Level coarse = two_levels ? level_from(&sprite->coarse, &sprite->source.coarse, left, upper) : fine;
    Edge outer[LINES], inner[LINES];
    set_edges(outer, &sprite->outer, left, upper);
    if (bordered)
        set_edges(inner, &sprite->inner, left, upper);
    while (x < end) {
        int32_t first = batch->count, start = (int32_t)(x - begin);
        int32_t count = (int32_t)smallest(end - x, BATCH - first), longer = (count + VECTOR - 1) / VECTOR * VECTOR;
        fill_positions(batch->u[0] + first, batch->v[0] + first, longer, &fine, start);
        if (two_levels)
            fill_positions(batch->u[1] + first, batch->v[1] + first, longer, &coarse, start);
        if (bordered)
            shape_cover(batch->photo + first, longer, &sprite->inner, inner, start);
        shape_cover(batch->cover + first, longer, &sprite->outer, outer, start);
        batch->piece[batch->pieces++] =
            (Piece){pixel_at(target, x, y), first, count, x + longer <= target->right ? longer : count};
        batch->count += count;
        x += count;
        if (batch->count == BATCH || batch->pieces == PIECES)
            draw_batch(batch, &sprite->source);
    }
}

/* Draw the pixels x ... stop - 1 of row y, which are fully covered, likewise. */
static SEPARATE void store_pixels(const Sprite *sprite, int64_t y, int64_t begin, int64_t x, int64_t stop)
{
    int64_t start = largest(x, sprite->target->left), count = smallest(stop, sprite->target->right) - start;
    if (count <= 0)
        return;
    Level fine = level_in_span(&sprite->fine, begin + 0.5, y + 0.5, start - begin);
    Level coarse = level_in_span(&sprite->coarse, begin + 0.5, y + 0.5, start - begin);
    store_span(pixel_at(sprite->target, start, y), (int32_t)count, &sprite->source, &fine, &coarse);
}

void draw_outlined(
    const Target *target, int64_t top, int64_t end, const Draw *draw, const uint32_t *fine_texels,
    const uint32_t *coarse_texels, const int64_t *hidden)
{
    uint32_t blend = (uint32_t)draw->blend;
    int bordered = draw->border > 0.0f;
    Sprite sprite;
    sprite.target = target;
    sprite.fine = level_plane(draw, fine_texels, draw->level);
    sprite.coarse = level_plane(draw, coarse_texels, draw->level + (blend > 0));
    set_shape(&sprite.outer, draw, 0.0, draw->forward);
    if (bordered)
        set_shape(&sprite.inner, draw, draw->border, 0);
    sprite.source = source_of(draw, &sprite.fine, &sprite.coarse);
    Bounds touching, covering;
    set_touched(&touching, &sprite.outer, draw->forward);
    const Shape *photo = bordered ? &sprite.inner : &sprite.outer;
    int may_store = draw->stored && draw->columns[1] - draw->columns[0] >= LONG_ROW;
    if (may_store)
        set_covered(&covering, photo);
    int upright = draw->inverse[1] == 0.0 && draw->inverse[3] == 0.0;
    Batch batch;
    batch.count = batch.pieces = 0;
    for (int64_t y = top; y < end; y++) {
        Range touched = in_row(&touching, &sprite.outer, y + 0.5);
        int64_t begin = first_pixel(touched.low, draw->columns[0], draw->columns[1]);
        int64_t stop = end_pixel(touched.high, draw->columns[0], draw->columns[1]);
        if (begin >= stop)
            continue;
        if (upright && sprite.fine.width > SMALL) {
            int64_t left = largest(begin, target->left), right = smallest(stop, target->right);
            fetch_ahead(&sprite.fine, left, right, y + 0.5 + AHEAD);
            if (blend > 0)
                fetch_ahead(&sprite.coarse, left, right, y + 0.5 + AHEAD);
        }
        int64_t inner = stop, inner_end = stop;
        if (may_store && stop - begin >= LONG_ROW) {
            Range covered = in_row(&covering, photo, y + 0.5);
            inner = first_pixel(covered.low - 1e-9, begin, stop);
            inner_end = largest(end_pixel(covered.high + 1e-9, begin, stop), inner);
            inner_end = inner + (inner_end - inner) / VECTOR * VECTOR;
        }
        int has_hidden = hidden[1] <= y && y < hidden[3] && hidden[0] < hidden[2];
        if (inner == stop && !has_hidden) {
            add_pixels(&batch, &sprite, y, begin, begin, stop);
            continue;
        }
        /* Pixels before and after a box that is hidden. */
        int64_t hidden_left = has_hidden ? hidden[0] : stop, hidden_right = has_hidden ? hidden[2] : stop;
        for (int side = 0; side < 2; side++) {
            int64_t first = side ? largest(begin, hidden_right) : begin;
            int64_t last = side ? stop : smallest(stop, hidden_left);
            add_pixels(&batch, &sprite, y, begin, first, smallest(last, inner));
            store_pixels(&sprite, y, begin, largest(first, inner), smallest(last, inner_end));
            add_pixels(&batch, &sprite, y, begin, largest(first, inner_end), last);
        }
    }
    draw_batch(&batch, &sprite.source);
}
