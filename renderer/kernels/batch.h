/* Batches: pixels of several rows of a sprite, which are sampled and drawn together.
 *
 * In small sprites most rows are shorter than a vector. */

#ifndef BATCH_H
#define BATCH_H

#include "draw.h"
#include "numbers.h"
#include "spans.h"

#define BATCH 64  /* pixels that are sampled and weighted at once */
#define PIECES 16 /* of rows, in a batch */

/* Functions of their own: no function may use more than 4 KB of memory for its variables, which Windows checks. */
#define SEPARATE __attribute__((noinline))

/* Pixels in a row of the frame. */
typedef struct {
    uint32_t *target;
    int32_t first, count; /* index in the batch */
    int32_t longer;       /* rounded up to whole vectors if the frame's row is long enough */
} Piece;

/* Positions, in 1/65536 texel of both levels, and shares of the pixels inside the outline and inside its border. Vectors
 * may write beyond a piece, where the next one follows. */
typedef struct {
    int32_t count, pieces;
    Piece piece[PIECES];
    int32_t u[2][BATCH + VECTOR], v[2][BATCH + VECTOR];
    float cover[BATCH + VECTOR], photo[BATCH + VECTOR];
} Batch;

/* What the pixels of a sprite are sampled from. Of its levels, only the sizes are needed. */
typedef struct {
    const Draw *draw;
    const uint32_t *fine_texels, *coarse_texels;
    Level fine, coarse;
    Paint paint;
} Source;

/* The source of a sprite whose levels are planes; `fine` and `coarse` are those at the frame's corner. */
static inline Source source_of(const Draw *draw, const Plane *fine, const Plane *coarse)
{
    Source source = {
        draw, fine->texels, coarse->texels, level_at(fine, 0.0, 0.0), level_at(coarse, 0.0, 0.0), {{0}, {0}},
    };
    __builtin_memcpy(source.paint.gain, draw->gain, sizeof source.paint.gain);
    __builtin_memcpy(source.paint.offset, draw->offset, sizeof source.paint.offset);
    return source;
}

static inline void sample_one(
    uint32_t *restrict colours, int32_t count, const uint32_t *restrict texels, const Level *its_level,
    const int32_t *restrict u, const int32_t *restrict v, const Paint *its_paint)
{
    const Level level = *its_level;
    const Paint paint = *its_paint;
    VECTORIZED
    for (int32_t k = 0; k < count; k++)
        colours[k] = tone(bilinear_at(texels, &level, u[k], v[k]), &paint);
}

static inline void sample_two(
    uint32_t *restrict colours, int32_t count, const uint32_t *restrict fine_texels, const Level *fine_level,
    const int32_t *restrict fine_u, const int32_t *restrict fine_v, const uint32_t *restrict coarse_texels,
    const Level *coarse_level, const int32_t *restrict coarse_u, const int32_t *restrict coarse_v, uint32_t blend,
    const Paint *its_paint)
{
    const Level fine = *fine_level, coarse = *coarse_level;
    const Paint paint = *its_paint;
    VECTORIZED
    for (int32_t k = 0; k < count; k++)
        colours[k] = tone(
            mix(bilinear_at(fine_texels, &fine, fine_u[k], fine_v[k]),
                bilinear_at(coarse_texels, &coarse, coarse_u[k], coarse_v[k]), blend),
            &paint);
}

static inline uint32_t weight_at(float cover, float whole) { return (uint32_t)(int32_t)(cover * whole + 0.5f); }

/* Blend a colour to `colours` by their cover. */
static inline void blend_border(uint32_t *restrict colours, int32_t count, uint32_t border, const float *restrict cover)
{
    VECTORIZED
    for (int32_t k = 0; k < count; k++)
        colours[k] = mix(border, colours[k], weight_at(cover[k], 256.0f));
}

/* Draw `count` colours; those up to `longer` change nothing. */
static inline void mix_colours(
    uint32_t *restrict target, int32_t count, int32_t longer, const uint32_t *restrict colours,
    const float *restrict cover, float opacity)
{
    VECTORIZED
    for (int32_t k = 0; k < longer; k++)
        target[k] = mix(target[k], colours[k], k < count ? weight_at(cover[k], opacity) : 0);
}

static inline void lay_colours_over(
    uint32_t *restrict target, int32_t count, int32_t longer, const uint32_t *restrict colours,
    const float *restrict cover, float opacity)
{
    VECTORIZED
    for (int32_t k = 0; k < longer; k++)
        target[k] = over(target[k], mix(0, colours[k], k < count ? weight_at(cover[k], opacity) : 0));
}

/* Sample the pixels of a batch, of `longer` positions. */
static inline void sample_batch(uint32_t *restrict sampled, int32_t longer, const Batch *batch, const Source *source)
{
    const Draw *draw = source->draw;
    if (draw->blend > 0)
        sample_two(
            sampled, longer, source->fine_texels, &source->fine, batch->u[0], batch->v[0], source->coarse_texels,
            &source->coarse, batch->u[1], batch->v[1], (uint32_t)draw->blend, &source->paint);
    else
        sample_one(sampled, longer, source->fine_texels, &source->fine, batch->u[0], batch->v[0], &source->paint);
}

/* Draw the sampled pixels of a batch, and empty it. */
static SEPARATE void draw_sampled(Batch *batch, const Source *source, uint32_t *sampled)
{
    const Draw *draw = source->draw;
    if (draw->border > 0.0f)
        blend_border(sampled, (batch->count + VECTOR - 1) / VECTOR * VECTOR, draw->border_colour, batch->photo);
    for (int32_t i = 0; i < batch->pieces; i++) {
        const Piece *piece = batch->piece + i;
        const uint32_t *colours = sampled + piece->first;
        const float *cover = batch->cover + piece->first;
        if (draw->opaque)
            mix_colours(piece->target, piece->count, piece->longer, colours, cover, (float)draw->opacity);
        else
            lay_colours_over(piece->target, piece->count, piece->longer, colours, cover, (float)draw->opacity);
    }
    batch->count = batch->pieces = 0;
}

/* Round the number of a batch's positions up to whole vectors, and return it. */
static inline int32_t lengthen(Batch *batch)
{
    int32_t longer = (batch->count + VECTOR - 1) / VECTOR * VECTOR;
    for (int32_t k = batch->count; k < longer; k++)
        batch->u[0][k] = batch->v[0][k] = batch->u[1][k] = batch->v[1][k] = 0;
    return longer;
}

/* Draw the pixels of a batch, and empty it. */
static SEPARATE void draw_batch(Batch *batch, const Source *source)
{
    uint32_t sampled[BATCH + VECTOR];
    sample_batch(sampled, lengthen(batch), batch, source);
    draw_sampled(batch, source, sampled);
}

#endif
