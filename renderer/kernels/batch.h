/* Batches: pixels of several rows of a sprite, which are sampled and drawn together.
 *
 * In small sprites most rows are shorter than a vector. */

#ifndef BATCH_H
#define BATCH_H

#include "draw.h"
#include "numbers.h"
#include "spans.h"

#define PIECES 16 /* of rows, in a batch */

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

/* Sample the pixels of a batch, of `longer` positions. */
static SEPARATE void sample_batch(uint32_t *restrict sampled, int32_t longer, const Batch *batch, const Source *source)
{
    Texels fine, coarse;
    locate_each(&fine, source->fine_texels, &source->fine, batch->u[0], batch->v[0], longer);
    if (source->draw->blend > 0)
        locate_each(&coarse, source->coarse_texels, &source->coarse, batch->u[1], batch->v[1], longer);
    sample(sampled, longer, &fine, &coarse, source->draw->blend, &source->paint);
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
