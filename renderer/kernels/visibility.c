/* Which sprites of a scene touch the frame, with which mip levels, and where. */

#include "draw.h"
#include "kernels.h"
#include "numbers.h"

#define MAX_BORDER 0.499 /* something remains inside it */

/* Distance from the camera, relative to that of what is drawn at its scale, below which nothing is drawn. */
#define NEAREST 0.02

/* Error in pixels up to which a sprite in perspective is drawn as a parallelogram, which takes less time. */
#define AFFINE_ERROR (1.0 / 16.0)

#define MIN_SINE 0.02 /* of the angle between the edges of a blurred sprite, which below that is a faint line */

#define SHORTEST_TRAIL 1.0 /* movement in pixels below which it is not blurred */

#define MAX_TAPS 4 /* points along a sprite's movement that are averaged */

int64_t draw_bytes(void) { return sizeof(Draw); }

static double absolute(double x) { return __builtin_fabs(x); }

/* 1 below the first size, 0 above the second, smooth (3x^2 - 2x^3) between. */
static double fade(double size, double full_below, double none_above)
{
    double x = lesser(greater((none_above - size) / (none_above - full_below), 0.0), 1.0);
    return x * x * (3.0 - 2.0 * x);
}

/* Whether a number is whole, up to rounding errors. */
static int whole(double value) { return absolute(value - __builtin_rint(value)) < 1e-6; }

/* 1 or -1: the side of an axis to which a later neighbour lies. */
static int32_t side(double axis) { return axis > 0.0 ? 1 : -1; }

/* Half the width and height of a rectangle whose shorter side is 1, before it is foreshortened.
 *
 * Photos are not distorted, so its photo inside the border has the ratio of the texels that it shows. */
static void sides_of(double *sides, double ratio, double border)
{
    double bounded = lesser(greater(ratio, 1e-3), 1e3);
    int shorter = bounded >= 1.0, longer = 1 - shorter;
    sides[shorter] = 0.5;
    sides[longer] = (0.5 - border) * greater(bounded, 1.0 / bounded) + border;
}

/* Widen a window so that what it showed lies inside the border. */
static void widen(double *window, const double *sides, double border)
{
    for (int axis = 0; axis < 2 && border > 0.0; axis++) {
        double more = 0.5 * (window[2 + axis] - window[axis]) * border / (sides[axis] - border);
        window[axis] -= more;
        window[2 + axis] += more;
    }
}

/* The sides of a hexagon at which neighbours are drawn later: right, below left and below right in the mosaic. */
static void join_hexagon(int32_t *forward, const double *right, const double *down, uint8_t joined)
{
    const double middles[3][2] = {{1.0, 0.0}, {0.5, 0.75}, {-0.5, 0.75}}; /* of the edges, in s and t */
    for (int i = 0; i < 3; i++) {
        double x = middles[i][0] * right[0] + middles[i][1] * down[0];
        double y = middles[i][0] * right[1] + middles[i][1] * down[1];
        int level = absolute(y) < 0.5 * absolute(x);
        int bit = level ? 1 : (x > 0.0) == (y > 0.0) ? 4 : 2;
        if (joined & bit)
            forward[i] = side(level ? x : y);
    }
}

/* A point or vector in homogeneous coordinates of the frame. */
typedef struct {
    double x, y, w;
} Projected;

/* `one`: 1 of points, 0 of vectors. */
static Projected projected(const double *view, double x, double y, double z, double one)
{
    return (Projected){
        view[0] * x + view[1] * y + view[2] * one + view[6] * z,
        view[3] * x + view[4] * y + view[5] * one + view[7] * z,
        view[8] * x + view[9] * y + view[10] * z + view[11] * one,
    };
}

/* The inverse of the matrix whose columns are a sprite's right and down vector and its centre. */
static void invert(double *inverse, Projected right, Projected down, Projected centre)
{
    double rows[9] = {
        down.y * centre.w - down.w * centre.y, down.w * centre.x - down.x * centre.w,
        down.x * centre.y - down.y * centre.x,
        centre.y * right.w - centre.w * right.y, centre.w * right.x - centre.x * right.w,
        centre.x * right.y - centre.y * right.x,
        right.y * down.w - right.w * down.y, right.w * down.x - right.x * down.w,
        right.x * down.y - right.y * down.x,
    };
    double determinant = right.x * rows[0] + right.y * rows[1] + right.w * rows[2];
    for (int i = 0; i < 9; i++)
        inverse[i] = rows[i] / determinant;
}

/* Complete a sprite that space.c draws. `soft`: half the width of blurred edges; `trail`: movement; both in pixels. */
static void set_in_space(
    Draw *draw, Projected right, Projected down, Projected centre, double soft, const double *trail, double taps)
{
    double s = draw->inverse[0] * trail[0] + draw->inverse[1] * trail[1]; /* at the centre */
    double t = draw->inverse[3] * trail[0] + draw->inverse[4] * trail[1];
    invert(draw->inverse, right, down, centre);
    draw->in_space = 1;
    draw->soft[0] = (float)(soft + 0.5 * absolute(s) * draw->half[0]);
    draw->soft[1] = (float)(soft + 0.5 * absolute(t) * draw->half[1]);
    draw->smooth = (float)lesser(soft - 0.5, 1.0);
    draw->trail[0] = (float)s;
    draw->trail[1] = (float)t;
    draw->taps = (int32_t)taps;
}

void list_visible(
    const Sprites *sprites, int64_t count, const Outline *outline, const double *view, int64_t frame_width,
    int64_t frame_height, const int64_t *columns, const int64_t *hidden, double tone_full_below,
    double tone_none_above, double sharper, const TextureTable *table, int64_t textures, int64_t max_levels,
    int64_t scene, uint8_t *draws, int64_t capacity, int32_t *missing, int64_t missing_capacity, int64_t *counts)
{
    Draw *draw = (Draw *)draws;
    double border = lesser(greater(outline->border, 0.0), MAX_BORDER);
    double radius = lesser(greater(outline->radius, 0.0), 0.5);
    int32_t kind = PLAIN;
    if (outline->hexagon)
        kind = HEXAGON;
    else if (radius > 0.0 || border > 0.0)
        kind = ROUNDED;
    double first_column = (double)columns[0], end_column = (double)columns[1];
    int64_t seen = 0, lacking = 0;
    for (int64_t i = 0; i < count; i++) {
        float opacity = sprites->opacity[i];
        if (!(opacity > 0.0f))
            continue;
        const double *at = sprites->centre + 2 * i, *part = sprites->window + 4 * i;
        const double *across = sprites->right + 2 * i, *along = sprites->down + 2 * i;
        double z[3] = {0.0, 0.0, 0.0}, soft = 0.5, trail[2] = {0.0, 0.0};
        if (sprites->in_space)
            __builtin_memcpy(z, sprites->z + 3 * i, sizeof z);
        Projected centre = projected(view, at[0], at[1], z[0], 1.0);
        Projected right = projected(view, across[0], across[1], z[1], 0.0);
        Projected down = projected(view, along[0], along[1], z[2], 0.0);
        double lean = absolute(right.w) + absolute(down.w), nearest = centre.w - lean;
        if (!(nearest > NEAREST))
            continue;
        /* The map to pixels near the centre. */
        double nearer = 1.0 / centre.w;
        double x = centre.x * nearer, y = centre.y * nearer;
        double right_x = (right.x - x * right.w) * nearer, right_y = (right.y - y * right.w) * nearer;
        double down_x = (down.x - x * down.w) * nearer, down_y = (down.y - y * down.w) * nearer;
        double reach_x = absolute(right_x) + absolute(down_x);
        double reach_y = absolute(right_y) + absolute(down_y);
        int in_space = greater(reach_x, reach_y) * lean > AFFINE_ERROR * nearest;
        if (sprites->in_space) {
            const double *moved = sprites->trail + 3 * i;
            Projected end = projected(view, moved[0], moved[1], moved[2], 0.0);
            double blur = sprites->softness[i] * view[12] / centre.w;
            if (!(absolute(blur) < 1e9))
                continue;
            soft += lesser(greater(blur, 0.0), 1e4);
            trail[0] = (end.x - x * end.w) / centre.w;
            trail[1] = (end.y - y * end.w) / centre.w;
            if (length(trail[0], trail[1]) < SHORTEST_TRAIL)
                trail[0] = trail[1] = 0.0;
            in_space |= soft > 0.5 || trail[0] != 0.0 || trail[1] != 0.0;
        }
        double area = right_x * down_y - right_y * down_x;
        double length_right = length(right_x, right_y), length_down = length(down_x, down_y);
        if (in_space) { /* a box that includes it, with the blur beyond its edges, which extends its acute corners */
            double larger = centre.w / nearest, size = greater(absolute(area), 1e-9);
            double past_right = (soft * length_down + 0.5 * absolute(trail[0] * down_y - trail[1] * down_x)) / size;
            double past_down = (soft * length_right + 0.5 * absolute(trail[0] * right_y - trail[1] * right_x)) / size;
            int blurred = soft > 0.5 || trail[0] != 0.0 || trail[1] != 0.0;
            if (blurred && absolute(area) < MIN_SINE * length_right * length_down)
                continue;
            reach_x += past_right * absolute(right_x) + past_down * absolute(down_x);
            reach_y += past_right * absolute(right_y) + past_down * absolute(down_y);
            reach_x *= larger;
            reach_y *= larger;
        }
        if (lesser(absolute(right_x), absolute(right_y)) + lesser(absolute(down_x), absolute(down_y)) > 1e-9) {
            /* Coverage is measured across an edge, so at corners of rotated sprites it extends half a pixel further. */
            reach_x += 0.5;
            reach_y += 0.5;
        }
        if (kind == HEXAGON) {
            reach_x += OVERLAP;
            reach_y += OVERLAP;
        }
        if (!(x + reach_x > first_column && x - reach_x < end_column && y + reach_y > 0.0)) /* nor if one is NaN */
            continue;
        int64_t first = rounded_down(greater(y - reach_y, 0.0));
        int64_t last = rounded_up(lesser(y + reach_y, (double)frame_height));
        int64_t left = rounded_down(greater(x - reach_x, 0.0));
        int64_t end = rounded_up(lesser(x + reach_x, (double)frame_width));
        if (first >= last)
            continue;
        if (first >= hidden[1] && last <= hidden[3] && hidden[0] < hidden[2] && left >= hidden[0] && end <= hidden[2])
            continue;
        if (absolute(area) < 1e-9 * (1.0 + length_right * length_down))
            continue; /* edge-on */

        int32_t t = sprites->texture[i];
        if (t < 0 || t >= textures)
            continue;
        double window[4] = {part[0], part[1], part[2], part[3]}, sides[2] = {0.5, 0.5};
        if (kind != PLAIN) {
            double wide = absolute(part[2] - part[0]) * table->width[t];
            double high = absolute(part[3] - part[1]) * table->height[t];
            if (kind == ROUNDED)
                sides_of(sides, wide / high, border);
            widen(window, sides, border);
        }
        double texels = greater(
            absolute(window[2] - window[0]) * table->width[t] / (2.0 * length_right),
            absolute(window[3] - window[1]) * table->height[t] / (2.0 * length_down));
        if (!(texels < 1e9)) /* too large or NaN: nothing to draw */
            continue;
        double detail = logarithm(greater(texels, 1.0));
        if (!(whole(detail) && whole(x - reach_x) && whole(y - reach_y) && whole(x + reach_x)))
            detail -= sharper; /* otherwise texels coincide with pixels and are drawn unchanged */
        double taps = 1.0;
        if (in_space) { /* blurred by coarser levels, whose texels are as large as the blurred edge or a part of the way */
            double way = length(trail[0], trail[1]);
            taps = lesser(greater(rounded_up(0.5 * way), 1.0), way < length_right + length_down ? MAX_TAPS : 1);
            detail = greater(detail, logarithm(greater(texels * greater(2.0 * soft - 1.0, way / taps), 1.0)));
        }
        detail = lesser(greater(detail, 0.0), table->levels[t] - 1.0);
        if (taps > 1.0) /* what moves so fast is sampled from one level: a step between two is not visible in it */
            detail = (double)rounded(detail);
        int32_t level = (int32_t)detail;
        int32_t blend = (int32_t)rounded((detail - level) * 256.0);
        if (blend == 256) {
            level += 1;
            blend = 0;
        }
        for (int32_t needed = level; needed <= level + (blend > 0); needed++) {
            int64_t entry = t * max_levels + needed;
            if (table->address[entry] == 0 && table->used[entry] != scene) {
                if (lacking < missing_capacity) {
                    missing[2 * lacking] = t;
                    missing[2 * lacking + 1] = needed;
                }
                lacking += 1;
            }
            table->used[entry] = scene;
        }
        if (seen >= capacity) {
            seen += 1;
            continue;
        }

        int32_t weight = (int32_t)smallest(largest(rounded(opacity * 256.0), 1), 256);
        Draw *one = draw + seen;
        *one = (Draw){
            .inverse = {
                down_y / area, -down_x / area, (down_x * y - down_y * x) / area,
                -right_y / area, right_x / area, (right_y * x - right_x * y) / area,
            },
            .half = {absolute(area) / length_down, absolute(area) / length_right},
            .window = {window[0], window[1], window[2], window[3]},
            .texture = t, .width = table->width[t], .height = table->height[t], .opaque = table->opaque[t],
            .level = level, .blend = blend,
            .rows = {(int32_t)first, (int32_t)last},
            .columns = {(int32_t)left, (int32_t)end},
            .opacity = weight, .stored = table->opaque[t] && weight == 256,
            .outline = kind, .border_colour = outline->border_colour, .border = (float)border, .radius = (float)radius,
            .sides = {(float)sides[0], (float)sides[1]}, .slope = (float)(0.5 * (1.0 - outline->opened)),
        };
        /* Transparent edges must not overlap. */
        uint8_t joined = opacity >= 1.0f && table->opaque[t] ? sprites->joined[i] : 0;
        if (kind == HEXAGON) {
            join_hexagon(one->forward, across, along, joined);
        } else if (joined) {
            /* A neighbour to the right or below is drawn later and blends over this sprite's edge. Which axis of the
             * sprite points there depends on how the photo is mirrored and turned within its cell. */
            int upright = absolute(across[0]) >= absolute(across[1]);
            if (joined & 1)
                one->forward[upright ? 0 : 1] = side(upright ? across[0] : along[0]);
            if (joined & 2)
                one->forward[upright ? 1 : 0] = side(upright ? along[1] : across[1]);
        }
        if (in_space)
            set_in_space(one, right, down, centre, soft, trail, taps);
        double size = 2.0 * __builtin_sqrt(length_right * length_down);
        if (sprites->in_space || lean > 0.0) { /* tone does not depend on the angle from which a sprite is seen */
            double side = length(length(across[0], across[1]), z[1]), other = length(length(along[0], along[1]), z[2]);
            size = 2.0 * __builtin_sqrt(side * other) * view[12] / centre.w;
        }
        double share = fade(size, tone_full_below, tone_none_above);
        double light[2] = {1.0, 0.0};
        if (sprites->in_space) {
            light[0] = sprites->light[2 * i];
            light[1] = sprites->light[2 * i + 1];
        }
        for (int c = 0; c < 3; c++) {
            one->gain[c] = (int32_t)rounded((1.0 + (sprites->gain[3 * i + c] - 1.0) * share) * light[0] * 256.0);
            one->offset[c] = (int32_t)rounded((sprites->offset[3 * i + c] * share * light[0] + light[1]) * 65280.0);
        }
        seen += 1;
    }
    counts[0] = seen;
    counts[1] = lacking;
}
