/* Drawing of sprites: textures sampled from one or two mip levels, with tone, coverage and transparency.
 *
 * Pixels are integers throughout, so that a pixel depends neither on bands nor on threads. The span loops are the
 * hottest in the program. Compilers vectorise them if they have no branches, if all arithmetic stays in 32 bits and if
 * textures and frame are known not to overlap (`restrict`); without, they take 2.6 times as long. Only texels are
 * loaded one by one: two neighbouring ones are read as one 64-bit number, which halves the loads. */

#include "draw.h"
#include "kernels.h"
#include "numbers.h"
#include "pixels.h"

/* Pixels that the span loops draw at once. The remaining pixels of a span are drawn one by one, which takes as long as
 * a whole vector. Spans are therefore lengthened where the next pixels are not covered at all. */
#define VECTOR 8

#if defined(__clang__)
#define VECTORIZED _Pragma("clang loop vectorize_width(8) interleave_count(1)")
#else
#define VECTORIZED
#endif

#define CACHE_LINE 64 /* bytes */

/* Pixels of a sprite in a row, from which the fully covered ones are drawn by a separate loop. */
#define LONG_SPAN 32

/* Maximum distance in pixels from a pixel's centre to an edge that touches it.
 *
 * Overlaps below a millionth of a pixel are rounding errors: if they counted, a sprite that is extended over every
 * touched pixel would be visible in a corner of its neighbour. */
#define TOUCH (0.5 - 1e-6)

/* Number of rows by which texels are prefetched. A tile is read once per frame and so is not in a fast cache; mirrored
 * tiles are read backwards, which the processor does not predict. At 64 pixels per tile and without prefetching,
 * mirrored tiles took 2.4 times as long, others 1.3 times. */
#define AHEAD 2

#define SMALL 32 /* side in texels up to which prefetching a level does not pay off */

/* -- One pixel --------------------------------------------------------------------------------------------------- */

/* A mip level in a span: the position (u, v) of the first pixel and the step to the next, in 1/65536 texel. */
typedef struct {
    int32_t width, height, u, v, du, dv;
} Level;

/* Gain, in 1/256, and offset, in 1/256 of an 8-bit step. */
typedef struct {
    int32_t gain[3], offset[3];
} Paint;

/* For each of the two axes the distance from the centre at pixel 0, its step, and the positions of the two edges, in
 * pixels; then the opacity 1...256. An edge at +-1e9 is ignored. */
typedef struct {
    float s, s_step, s_low, s_high, t, t_step, t_low, t_high, opacity;
} Edges;

/* The pixel at (u, v), with texel centres at whole numbers; outside, the nearest edge texel. */
static inline uint32_t bilinear(const uint32_t *restrict texels, const Level *level, int32_t k)
{
    int32_t u = least(greatest(level->u + k * level->du, 0), (level->width - 1) << 16);
    int32_t v = least(greatest(level->v + k * level->dv, 0), (level->height - 1) << 16);
    int32_t x0 = greatest(least(u >> 16, level->width - 2), 0);
    int32_t y0 = v >> 16;
    int32_t y1 = least(y0 + 1, level->height - 1);
    uint32_t across = (uint32_t)(u - (x0 << 16)) >> 8; /* 256 in the last column: only the right texel */
    uint64_t upper, lower;
    __builtin_memcpy(&upper, texels + (y0 * level->width + x0), sizeof upper);
    __builtin_memcpy(&lower, texels + (y1 * level->width + x0), sizeof lower);
    uint32_t top = mix((uint32_t)upper, (uint32_t)(upper >> 32), across);
    uint32_t bottom = mix((uint32_t)lower, (uint32_t)(lower >> 32), across);
    return mix(top, bottom, (uint32_t)(v & 65535) >> 8);
}

/* One channel's gain * value + offset, clamped to 0...alpha, the range of premultiplied colours. */
static inline uint32_t tone_channel(uint32_t value, int32_t gain, int32_t offset, uint32_t alpha)
{
    return (uint32_t)least(greatest(((int32_t)value * gain + offset + 128) >> 8, 0), (int32_t)alpha);
}

/* Apply gain and offset to the three colours of a premultiplied pixel. */
static inline uint32_t tone(uint32_t pixel, const Paint *paint)
{
    uint32_t alpha = pixel >> 24;
    int32_t share = (int32_t)weight_of(alpha);
    uint32_t r = tone_channel(pixel & 255, paint->gain[0], (paint->offset[0] * share) >> 8, alpha);
    uint32_t g = tone_channel(pixel >> 8 & 255, paint->gain[1], (paint->offset[1] * share) >> 8, alpha);
    uint32_t b = tone_channel(pixel >> 16 & 255, paint->gain[2], (paint->offset[2] * share) >> 8, alpha);
    return r | g << 8 | b << 16 | alpha << 24;
}

/* The share 0...1 of a pixel that lies between two edges of one axis, at distance `at` from the centre. */
static inline float between(float at, float low, float high)
{
    float inside = lesserf(at + 0.5f, high) - greaterf(at - 0.5f, low);
    return lesserf(greaterf(inside, 0.0f), 1.0f);
}

/* Weight 0...256 of pixel `k` of a span: how much of it lies inside the edges, times the opacity. */
static inline uint32_t coverage(const Edges *edges, int32_t k)
{
    float step = (float)k;
    float across = between(edges->s + step * edges->s_step, edges->s_low, edges->s_high);
    float along = between(edges->t + step * edges->t_step, edges->t_low, edges->t_high);
    return (uint32_t)(int32_t)(across * along * edges->opacity + 0.5f);
}

/* -- Spans --------------------------------------------------------------------------------------------------------- */

/* There is one loop for each case, since only loops without branches are vectorised. Tone is always applied: gain 1 and
 * offset 0 change nothing, and cost less than additional loops. */

#define SPAN_ARGUMENTS                                                                                                 \
    uint32_t *restrict target, int32_t count, const uint32_t *restrict fine_texels, const Level *fine_level,           \
        const uint32_t *restrict coarse_texels, const Level *coarse_level, uint32_t blend, const Paint *span_paint

/* Copies that the compiler knows not to change while it draws. */
#define SPAN_COPIES const Level fine = *fine_level, coarse = *coarse_level; const Paint paint = *span_paint;

#define ONE_LEVEL tone(bilinear(fine_texels, &fine, k), &paint)
#define TWO_LEVELS tone(mix(bilinear(fine_texels, &fine, k), bilinear(coarse_texels, &coarse, k), blend), &paint)

/* Draw pixels that an opaque sprite fully covers. */
static void store_span(SPAN_ARGUMENTS)
{
    SPAN_COPIES
    if (blend > 0) {
        VECTORIZED
        for (int32_t k = 0; k < count; k++)
            target[k] = TWO_LEVELS;
    } else {
        VECTORIZED
        for (int32_t k = 0; k < count; k++)
            target[k] = ONE_LEVEL;
    }
}

/* Draw pixels weighted by their coverage, from a texture without transparency. */
static void mix_span(SPAN_ARGUMENTS, const Edges *span_edges)
{
    SPAN_COPIES
    const Edges edges = *span_edges;
    if (blend > 0) {
        VECTORIZED
        for (int32_t k = 0; k < count; k++)
            target[k] = mix(target[k], TWO_LEVELS, coverage(&edges, k));
    } else {
        VECTORIZED
        for (int32_t k = 0; k < count; k++)
            target[k] = mix(target[k], ONE_LEVEL, coverage(&edges, k));
    }
}

/* Draw pixels weighted by their coverage and the texture's alpha. */
static void over_span(SPAN_ARGUMENTS, const Edges *span_edges)
{
    SPAN_COPIES
    const Edges edges = *span_edges;
    if (blend > 0) {
        VECTORIZED
        for (int32_t k = 0; k < count; k++)
            target[k] = over(target[k], mix(0, TWO_LEVELS, coverage(&edges, k)));
    } else {
        VECTORIZED
        for (int32_t k = 0; k < count; k++)
            target[k] = over(target[k], mix(0, ONE_LEVEL, coverage(&edges, k)));
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

/* -- Positions ----------------------------------------------------------------------------------------------------- */

/* A mip level, and the position (u, v) in texels as linear functions of a pixel's centre. */
typedef struct {
    const uint32_t *texels;
    int32_t width, height;
    double ux, uy, u0, vx, vy, v0;
} Plane;

static Plane level_plane(const Draw *draw, const uint32_t *texels, int32_t level)
{
    const double *inverse = draw->inverse, *window = draw->window;
    int32_t width = greatest(draw->width >> level, 1), height = greatest(draw->height >> level, 1);
    double across = 0.5 * (window[2] - window[0]) * width, along = 0.5 * (window[3] - window[1]) * height;
    return (Plane){
        texels, width, height,
        inverse[0] * across, inverse[1] * across, window[0] * width + (inverse[2] + 1.0) * across - 0.5,
        inverse[3] * along, inverse[4] * along, window[1] * height + (inverse[5] + 1.0) * along - 0.5,
    };
}

/* A position in 1/65536 texel, clamped to 32 bits: spans may start far outside a magnified window. */
static int32_t in_texels(double value)
{
    return (int32_t)__builtin_floor(lesser(greater(value, -8192.0), 24576.0) * 65536.0 + 0.5);
}

/* The level for a span that starts at pixel centre (x, y). */
static Level level_at(const Plane *plane, double x, double y)
{
    return (Level){
        plane->width, plane->height,
        in_texels(plane->ux * x + plane->uy * y + plane->u0), in_texels(plane->vx * x + plane->vy * y + plane->v0),
        in_texels(plane->ux), in_texels(plane->vx),
    };
}

/* The range of x for which low <= slope * x + start <= high; empty (1, 0) if there is none. */
typedef struct {
    double low, high;
} Range;

static Range crossing(double slope, double start, double low, double high)
{
    if (__builtin_fabs(slope) < 1e-12)
        return low <= start && start <= high ? (Range){-1e9, 1e9} : (Range){1.0, 0.0};
    double a = (low - start) / slope, b = (high - start) / slope;
    return (Range){lesser(a, b), greater(a, b)};
}

static Range common(Range a, Range b) { return (Range){greater(a.low, b.low), lesser(a.high, b.high)}; }

/* The first pixel whose centre is not left of x, clamped to low...high. */
static int64_t first_pixel(double x, int64_t low, int64_t high)
{
    return (int64_t)__builtin_ceil(lesser(greater(x - 0.5, (double)low), (double)high));
}

/* The pixel after the last whose centre is not right of x, clamped to low...high. */
static int64_t end_pixel(double x, int64_t low, int64_t high)
{
    return (int64_t)__builtin_floor(lesser(greater(x - 0.5, low - 1.0), high - 1.0)) + 1;
}

/* The index of the texel at a position in texels, clamped to the level. */
static int64_t in_level(double value, int32_t size) { return (int64_t)lesser(greater(value, 0.0), size - 1.0); }

/* Prefetch the texels of the pixels begin ... stop - 1 of a row of an axis-aligned sprite. */
static void fetch_ahead(const Plane *plane, int64_t begin, int64_t stop, double y)
{
    int64_t left = in_level(plane->ux * (begin + 0.5) + plane->u0, plane->width);
    int64_t right = in_level(plane->ux * (stop - 0.5) + plane->u0, plane->width);
    int64_t first = in_level(plane->vy * y + plane->v0, plane->height);
    int64_t last = in_level(plane->vy * (y + 1.0) + plane->v0, plane->height);
    const char *place = (const char *)(plane->texels + smallest(first, last) * plane->width + smallest(left, right));
    const char *end = (const char *)(plane->texels + largest(first, last) * plane->width + largest(left, right) + 2);
    for (; place < end; place += CACHE_LINE)
        __builtin_prefetch(place, 0, 3);
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
    uint32_t *frame, int64_t frame_width, int64_t top, int64_t end, const Draw *draw, const uint32_t *texels)
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
    Paint paint;
    __builtin_memcpy(paint.gain, draw->gain, sizeof paint.gain);
    __builtin_memcpy(paint.offset, draw->offset, sizeof paint.offset);
    int plain = 1;
    for (int c = 0; c < 3; c++)
        plain &= paint.gain[c] == 256 && paint.offset[c] == 0;
    for (int64_t row = 0; row < rows; row++) {
        const uint32_t *source = texels + (v + row * (down >> 16)) * plane.width + u;
        copy_span(frame + (first + row) * frame_width + begin, source, count, across < 0, plain, &paint);
    }
    return 1;
}

static void draw_sprite(
    uint32_t *frame, int64_t frame_width, int64_t top, int64_t end, const Draw *draw, const uint32_t *fine_texels,
    const uint32_t *coarse_texels, const int64_t *hidden)
{
    int64_t hidden_left = hidden[0], hidden_top = hidden[1], hidden_right = hidden[2], hidden_bottom = hidden[3];
    const double *inverse = draw->inverse;
    uint32_t blend = (uint32_t)draw->blend;
    Paint paint;
    __builtin_memcpy(paint.gain, draw->gain, sizeof paint.gain);
    __builtin_memcpy(paint.offset, draw->offset, sizeof paint.offset);
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
            fetch_ahead(&fine_plane, begin, stop, row + AHEAD);
            if (blend > 0)
                fetch_ahead(&coarse_plane, begin, stop, row + AHEAD);
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
            int64_t count = next_x - x;
            uint32_t *target = frame + y * frame_width + x;
            Level fine = level_at(&fine_plane, x + 0.5, row);
            Level coarse = level_at(&coarse_plane, x + 0.5, row);
            if (store) {
                store_span(target, (int32_t)count, fine_texels, &fine, coarse_texels, &coarse, blend, &paint);
            } else {
                int64_t longer = (count + VECTOR - 1) / VECTOR * VECTOR;
                if (lengthened && next_x == stop && x + longer <= frame_width)
                    count = longer;
                Edges edges = {
                    (float)(slope_s * (x + 0.5) + start_s), (float)slope_s, (float)low_s, (float)high_s,
                    (float)(slope_t * (x + 0.5) + start_t), (float)slope_t, (float)low_t, (float)high_t,
                    (float)draw->opacity,
                };
                if (draw->opaque)
                    mix_span(
                        target, (int32_t)count, fine_texels, &fine, coarse_texels, &coarse, blend, &paint, &edges);
                else
                    over_span(
                        target, (int32_t)count, fine_texels, &fine, coarse_texels, &coarse, blend, &paint, &edges);
            }
            x = next_x;
        }
    }
}

void draw_band(
    uint32_t *frame, int64_t frame_width, int64_t first_row, int64_t end_row, int64_t max_levels,
    const uint32_t *const *address, const uint8_t *draws, int64_t count, const int64_t *hidden)
{
    const Draw *draw = (const Draw *)draws;
    for (int64_t i = 0; i < count; i++, draw++) {
        int64_t top = largest(first_row, draw->rows[0]), end = smallest(end_row, draw->rows[1]);
        if (top >= end)
            continue;
        const uint32_t *const *levels = address + draw->texture * max_levels + draw->level;
        if (!copy_sprite(frame, frame_width, top, end, draw, levels[0]))
            draw_sprite(frame, frame_width, top, end, draw, levels[0], levels[draw->blend > 0], hidden);
    }
}
