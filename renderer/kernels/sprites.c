/* Drawing of sprites: textures sampled from one or two mip levels, with tone, coverage and transparency. */

#include "draw.h"
#include "kernels.h"
#include "numbers.h"
#include "spans.h"

/* Pixels of a sprite in a row, from which the fully covered ones are drawn by a separate loop. */
#define LONG_SPAN 32

/* -- Spans --------------------------------------------------------------------------------------------------------- */

/* For each of the two axes the distance from the centre at pixel 0, its step, and the positions of the two edges, in
 * pixels; then the opacity 1...256, and the first pixel that is drawn. An edge at +-1e9 is ignored. */
typedef struct {
    float s, s_step, s_low, s_high, t, t_step, t_low, t_high, opacity;
    int32_t first;
} Edges;

/* Weight 0...256 of pixel `k` of those drawn: how much of it lies inside the edges, times the opacity. */
static inline uint32_t coverage(const Edges *edges, int32_t k)
{
    float step = (float)(edges->first + k);
    float across = between(edges->s + step * edges->s_step, edges->s_low, edges->s_high);
    float along = between(edges->t + step * edges->t_step, edges->t_low, edges->t_high);
    return (uint32_t)(int32_t)(across * along * edges->opacity + 0.5f);
}

/* Draw `count` sampled pixels from `start` on, weighted by their coverage. */
static inline void mix_span(
    uint32_t *restrict target, int32_t count, const uint32_t *restrict colours, const Edges *span_edges, int32_t start)
{
    const Edges edges = *span_edges;
    VECTORIZED
    for (int32_t k = 0; k < count; k++)
        target[k] = mix(target[k], colours[k], coverage(&edges, start + k));
}

/* The same from a texture with transparent texels. */
static inline void over_span(
    uint32_t *restrict target, int32_t count, const uint32_t *restrict colours, const Edges *span_edges, int32_t start)
{
    const Edges edges = *span_edges;
    VECTORIZED
    for (int32_t k = 0; k < count; k++)
        target[k] = over(target[k], mix(0, colours[k], coverage(&edges, start + k)));
}

/* Draw pixels weighted by their coverage. */
static void draw_span(
    uint32_t *target, int32_t count, const Source *source, const Level *fine, const Level *coarse, const Edges *edges)
{
    uint32_t colours[BATCH];
    for (int32_t start = 0; start < count; start += BATCH) {
        int32_t some = least(count - start, BATCH);
        sample_span(colours, some, source, fine, coarse, start);
        if (source->draw->opaque)
            mix_span(target + start, some, colours, edges, start);
        else
            over_span(target + start, some, colours, edges, start);
    }
}

/* Copy pixels, from right to left if `mirrored`. */
static void copy_span(
    uint32_t *restrict target, const uint32_t *restrict source, int64_t count, int mirrored, int plain,
    const Paint *span_paint)
{
    const Paint paint = *span_paint;
    if (mirrored) {
        source -= count - 1;
        VECTORIZED
        for (int64_t k = 0; k < count; k++)
            target[k] = tone(source[count - 1 - k], &paint);
    } else if (plain) {
        __builtin_memcpy(target, source, (uint64_t)count * sizeof *target);
    } else {
        VECTORIZED
        for (int64_t k = 0; k < count; k++)
            target[k] = tone(source[k], &paint);
    }
}

/* -- Bands of rows ------------------------------------------------------------------------------------------------- */

void fill_band(
    uint32_t *frame, int64_t frame_width, int64_t first_row, int64_t end_row, uint32_t colour, const uint32_t *picture,
    int64_t has_picture)
{
    int64_t first = first_row * frame_width, end = end_row * frame_width;
    if (has_picture)
        __builtin_memcpy(frame + first, picture + first, (uint64_t)(end - first) * sizeof *frame);
    else
        for (int64_t i = first; i < end; i++)
            frame[i] = colour;
}

/* Whether a number is whole, up to rounding errors. */
static int is_whole(double x) { return __builtin_fabs(x - __builtin_rint(x)) < 1e-6; }

/* Draw an opaque sprite whose texels coincide with pixels. Returns 0, and draws nothing, if they don't. */
static int copy_sprite(
    const Target *target, int64_t top, int64_t end, const Draw *draw, const uint32_t *texels)
{
    const double *inverse = draw->inverse;
    if (!draw->stored || draw->blend > 0 || inverse[1] != 0.0 || inverse[3] != 0.0)
        return 0;
    double x = -inverse[2] / inverse[0], y = -inverse[5] / inverse[4];
    double left = x - draw->half[0], upper = y - draw->half[1];
    if (!(is_whole(left) && is_whole(x + draw->half[0]) && is_whole(upper) && is_whole(y + draw->half[1])))
        return 0;
    Plane plane = level_plane(draw, texels, draw->level);
    int64_t begin = largest(draw->columns[0], (int64_t)__builtin_rint(left));
    int64_t stop = smallest(draw->columns[1], (int64_t)__builtin_rint(x + draw->half[0]));
    int64_t first = largest(top, (int64_t)__builtin_rint(upper));
    int64_t last = smallest(end, (int64_t)__builtin_rint(y + draw->half[1]));
    int64_t count = stop - begin, rows = last - first;
    if (count <= 0 || rows <= 0)
        return 0;
    Level level = level_at(&plane, begin + 0.5, first + 0.5);
    int32_t across = level.du, down = in_texels(plane.vy);
    if ((across != 65536 && across != -65536) || (down != 65536 && down != -65536) || ((level.u | level.v) & 65535))
        return 0;
    int64_t u = level.u >> 16, v = level.v >> 16;
    int64_t end_u = u + (count - 1) * (across >> 16), end_v = v + (rows - 1) * (down >> 16);
    if (smallest(u, end_u) < 0 || largest(u, end_u) >= plane.width || smallest(v, end_v) < 0
        || largest(v, end_v) >= plane.height) /* a window that exceeds the texture */
        return 0;
    Paint paint = paint_of(draw);
    int64_t start = largest(begin, target->left);
    u += (start - begin) * (across >> 16);
    count = smallest(stop, target->right) - start;
    for (int64_t row = 0; row < rows && count > 0; row++) {
        const uint32_t *source = texels + (v + row * (down >> 16)) * plane.width + u;
        copy_span(pixel_at(target, start, first + row), source, count, across < 0, is_plain(&paint), &paint);
    }
    return 1;
}

static void draw_sprite(
    const Target *target, int64_t top, int64_t end, const Draw *draw, const uint32_t *fine_texels,
    const uint32_t *coarse_texels, const int64_t *hidden)
{
    int64_t hidden_left = hidden[0], hidden_top = hidden[1], hidden_right = hidden[2], hidden_bottom = hidden[3];
    const double *inverse = draw->inverse;
    int32_t blend = draw->blend;
    /* Distances from the centre in pixels, linear in x and y, and the edges they are compared with. On its forward
     * side a sprite extends over every pixel that it touches: the neighbour that is drawn later blends over it with its
     * own coverage, so that together they cover the pixel exactly. */
    double half_s = draw->half[0], half_t = draw->half[1];
    double low_s = draw->forward[0] < 0 ? -1e9 : -half_s, high_s = draw->forward[0] > 0 ? 1e9 : half_s;
    double low_t = draw->forward[1] < 0 ? -1e9 : -half_t, high_t = draw->forward[1] > 0 ? 1e9 : half_t;
    double slope_s = inverse[0] * half_s, slope_t = inverse[3] * half_t;
    int upright = inverse[1] == 0.0 && inverse[3] == 0.0; /* all rows have the same pixels */
    /* Whether pixels beyond a span have a coverage of exactly 0: floats are too coarse for large sprites. */
    int lengthened = half_s < 4096.0 && half_t < 4096.0 && (upright || !(draw->forward[0] || draw->forward[1]));
    Plane fine_plane = level_plane(draw, fine_texels, draw->level);
    Plane coarse_plane = level_plane(draw, coarse_texels, draw->level + (blend > 0));
    Source source = source_of(draw, &fine_plane, &coarse_plane);
    int64_t begin = 0, stop = 0, inner = 0, inner_end = 0;
    for (int64_t y = top; y < end; y++) {
        double row = y + 0.5;
        double start_s = (inverse[1] * row + inverse[2]) * half_s;
        double start_t = (inverse[4] * row + inverse[5]) * half_t;
        if (y == top || !upright) {
            /* The pixels begin ... stop - 1 are touched, of which inner ... inner_end - 1 are fully covered. */
            Range touched = crossing(slope_s, start_s, -half_s - TOUCH, half_s + TOUCH);
            if (!upright)
                touched = common(touched, crossing(slope_t, start_t, -half_t - TOUCH, half_t + TOUCH));
            begin = first_pixel(touched.low, draw->columns[0], draw->columns[1]);
            stop = end_pixel(touched.high, draw->columns[0], draw->columns[1]);
            inner = inner_end = stop;
            if (draw->stored && stop - begin >= LONG_SPAN) {
                Range covered = crossing(slope_s, start_s, low_s + 0.5, high_s - 0.5);
                if (!upright)
                    covered = common(covered, crossing(slope_t, start_t, low_t + 0.5, high_t - 0.5));
                inner = first_pixel(covered.low - 1e-9, begin, stop);
                inner_end = largest(end_pixel(covered.high + 1e-9, begin, stop), inner);
                inner_end = inner + (inner_end - inner) / VECTOR * VECTOR;
            }
            if (lengthened && upright && draw->forward[0]) { /* fully cover the last pixel, but not the next */
                double last = slope_s * (stop - 0.5) + start_s;
                if (slope_s > 0.0 && draw->forward[0] > 0)
                    high_s = last + 0.5;
                if (slope_s < 0.0 && draw->forward[0] < 0)
                    low_s = last - 0.5;
            }
        }
        if (upright && __builtin_fabs(start_t) > half_t + TOUCH)
            continue;
        int whole_row = !upright || (low_t + 0.5 - 1e-9 <= start_t && start_t <= high_t - 0.5 + 1e-9);
        if (upright && fine_plane.width > SMALL) {
            int64_t left = largest(begin, target->left), right = smallest(stop, target->right);
            fetch_ahead(&fine_plane, left, right, row + AHEAD);
            if (blend > 0)
                fetch_ahead(&coarse_plane, left, right, row + AHEAD);
        }
        int has_hidden = hidden_top <= y && y < hidden_bottom && hidden_left < hidden_right;
        int64_t x = begin;
        while (x < stop) {
            if (has_hidden && hidden_left <= x && x < hidden_right) {
                x = hidden_right;
                continue;
            }
            int store = whole_row && inner <= x && x < inner_end;
            int64_t next_x = stop;
            if (store)
                next_x = inner_end;
            else if (whole_row && x < inner && inner < inner_end)
                next_x = inner;
            if (has_hidden && x < hidden_left && hidden_left < next_x)
                next_x = hidden_left;
            /* Of the span x ... next_x - 1, the pixels that lie in the target. */
            int64_t start = largest(x, target->left), count = smallest(next_x, target->right) - start;
            if (count > 0) {
                uint32_t *pixels = pixel_at(target, start, y);
                /* From the row's first pixel on: a pixel must not depend on what is hidden before it. */
                Level fine = level_in_span(&fine_plane, begin + 0.5, row, start - begin);
                Level coarse = level_in_span(&coarse_plane, begin + 0.5, row, start - begin);
                if (store) {
                    store_span(pixels, (int32_t)count, &source, &fine, &coarse);
                } else {
                    int64_t longer = (count + VECTOR - 1) / VECTOR * VECTOR;
                    if (lengthened && next_x == stop && start + longer <= target->right)
                        count = longer;
                    Edges edges = {
                        (float)(slope_s * (begin + 0.5) + start_s), (float)slope_s, (float)low_s, (float)high_s,
                        (float)(slope_t * (begin + 0.5) + start_t), (float)slope_t, (float)low_t, (float)high_t,
                        (float)draw->opacity, (int32_t)(start - begin),
                    };
                    draw_span(pixels, (int32_t)count, &source, &fine, &coarse, &edges);
                }
            }
            x = next_x;
        }
    }
}

void draw_band(
    uint32_t *frame, int64_t frame_width, int64_t first_column, int64_t first_row, int64_t end_row, int64_t max_levels,
    const uint32_t *const *address, const uint8_t *draws, int64_t count, const int64_t *hidden)
{
    const Draw *draw = (const Draw *)draws;
    Target target = {frame, first_column, first_column + frame_width};
    for (int64_t i = 0; i < count; i++, draw++) {
        int64_t top = largest(first_row, draw->rows[0]), end = smallest(end_row, draw->rows[1]);
        if (top >= end)
            continue;
        const uint32_t *const *levels = address + draw->texture * max_levels + draw->level;
        if (draw->in_space)
            draw_in_space(&target, top, end, draw, levels[0], levels[draw->blend > 0], hidden);
        else if (draw->outline != PLAIN)
            draw_outlined(&target, top, end, draw, levels[0], levels[draw->blend > 0], hidden);
        else if (!copy_sprite(&target, top, end, draw, levels[0]))
            draw_sprite(&target, top, end, draw, levels[0], levels[draw->blend > 0], hidden);
    }
}
