/* Drawing of resting pictures into the planes of a 4:2:0 frame, from mip levels that are stored as such planes.
 *
 * Pictures are upright, so that a row of the frame is sampled in two steps: the two nearest rows of texels are blended,
 * which is arithmetic on whole rows, and the result is sampled at the positions of the pixels, which are the same in
 * every row and therefore computed once. For four pixels of a row, all texels that they need lie within 16 neighbouring
 * ones: processors look them up by one instruction. */

#include "kernels.h"
#include "numbers.h"
#include "pixels.h"

#define TABLE 16  /* bytes in which a lookup finds its values */
#define PER_GROUP 4 /* pixels computed from one lookup in each level */
#define ONE_SHIFT 14 /* weights of all texels of a pixel add up to 1 << ONE_SHIFT, which still fits into 16 bits */
#define ONE_BITS 32 /* positions are in 1 / 2^32 texel */
#define ONE ((int64_t)1 << ONE_BITS)

#define CACHE_LINE 64 /* bytes */

/* Bits of a part's style. */
#define FORWARD_RIGHT 1
#define FORWARD_BELOW 2
#define FULL 8 /* every touched sample is fully covered */
#define BEYOND 4 /* texels beyond the edges may be read: those of a finished frame, from which parts are copied */

#define EDGE 4 /* maximum number of partly covered samples on either side of a row, rounded up */

#define NONE 0x80 /* index of a lookup that gives 0 */

#define MAX_RATIO 3 /* maximum number of texels per pixel of the finer level, rounded up */

/* A mip level as a grid of blocks, and how it lies in the frame; renderer/kernels/planar.py describes the fields. */
typedef struct {
    int64_t toned, plain, cover; /* indices in the list of blocks */
    int64_t columns, left, top, block_width, block_height;
    int64_t cell_bits; /* cells are 2^cell_bits texels wide and high; -1: the picture has none */
    double x_scale, x_start, y_scale, y_start;
} PlanarLevel;

/* Two levels of a picture, and which parts of it are drawn. */
typedef struct {
    PlanarLevel level[2];
    int64_t blend, opaque, first, end;
} Picture;

/* Memory for them may be aligned to 4 bytes only. */
typedef uint8_t Bytes __attribute__((vector_size(16), aligned(4)));
typedef int16_t Shorts __attribute__((vector_size(16), aligned(4)));
typedef int32_t Integers __attribute__((vector_size(16)));
typedef uint8_t FourBytes __attribute__((vector_size(4)));

#if defined(__aarch64__)
#include <arm_neon.h>
#endif

/* The bytes of `table` at 16 indices. */
static inline Bytes lookup(Bytes table, Bytes indices)
{
#if defined(__SSSE3__)
    typedef char Chars __attribute__((vector_size(16)));
    return (Bytes)__builtin_ia32_pshufb128((Chars)table, (Chars)indices);
#elif defined(__aarch64__)
    return (Bytes)vqtbl1q_u8((uint8x16_t)table, (uint8x16_t)indices);
#else
    Bytes found;
    for (int i = 0; i < TABLE; i++)
        found[i] = indices[i] < TABLE ? table[indices[i]] : 0;
    return found;
#endif
}

/* The sums of neighbouring products: a0 b0 + a1 b1, ... */
static inline Integers pair_sums(Shorts a, Shorts b)
{
#if defined(__SSE2__)
    return (Integers)__builtin_ia32_pmaddwd128(a, b);
#elif defined(__aarch64__)
    return (Integers)vpaddq_s32(
        vmull_s16(vget_low_s16((int16x8_t)a), vget_low_s16((int16x8_t)b)), vmull_high_s16((int16x8_t)a, (int16x8_t)b));
#else
    Integers sums;
    for (int i = 0; i < 4; i++)
        sums[i] = a[2 * i] * b[2 * i] + a[2 * i + 1] * b[2 * i + 1];
    return sums;
#endif
}

/* -- Columns ------------------------------------------------------------------------------------------------------- */

/* What four neighbouring pixels of a row are computed from: in each level, the column of the first byte of the lookup,
 * the indices of the left and right texel of each pixel, and their weights. */
typedef struct {
    Bytes indices[2];
    Shorts weights[2];
    int32_t first[2];
} Group;

/* One of the planes of a level: texel = scale * pixel + start, both counted from the centre of the first. */
typedef struct {
    double x_scale, x_start, y_scale, y_start;
    int64_t left, top, right, bottom; /* the texels that may be read */
    int64_t cell_bits;
} Map;

/* The map from pixels to texels of a plane whose texels are `size` texels of luma wide and high.
 *
 * Chroma is sited on the left luma column and between two rows, as formats.c writes it: sample i is at 2i + 1/2 and
 * 2i + 1 pixels, its texel j at 2j + 1/2 and 2j + 1 texels. */
static Map plane_map(const PlanarLevel *level, const double *edges, int32_t style, int size)
{
    double x_site = 0.5, y_site = size == 2 ? 1.0 : 0.5;
    Map map = {
        level->x_scale, (level->x_scale * x_site + level->x_start - x_site) / size,
        level->y_scale, (level->y_scale * y_site + level->y_start - y_site) / size, 0, 0, 0, 0,
        level->cell_bits < size ? -1 : level->cell_bits - (size - 1),
    };
    double x0 = level->x_scale * edges[0] + level->x_start, x1 = level->x_scale * edges[2] + level->x_start;
    double y0 = level->y_scale * edges[1] + level->y_start, y1 = level->y_scale * edges[3] + level->y_start;
    if (style & BEYOND) {
        map.right = map.bottom = INT32_MAX;
        return map;
    }
    map.left = rounded_down((lesser(x0, x1) + 1e-6) / size);
    map.top = rounded_down((lesser(y0, y1) + 1e-6) / size);
    map.right = largest(rounded_up((greater(x0, x1) - 1e-6) / size), map.left + 1);
    map.bottom = largest(rounded_up((greater(y0, y1) - 1e-6) / size), map.top + 1);
    return map;
}

static inline int64_t clamped(int64_t value, int64_t first, int64_t end)
{
    return smallest(largest(value, first * ONE), (end - 1) * ONE);
}

/* The position of a row or column of pixels in texels, in 1 / ONE. */
static inline int64_t position(double scale, double start, int64_t pixel)
{
    return (int64_t)__builtin_floor((scale * (double)pixel + start) * (double)ONE + 0.5);
}

/* The two texels of a row or column that a pixel is blended from, and the weight 0...256 of the second. */
typedef struct {
    int64_t first, second;
    int32_t weight;
} Pair;

/* The texels for a pixel at a position; `step` from one pixel to the next; first ... end - 1 may be read.
 *
 * Cells are sampled as if each were a picture of its own: positions are clamped to the cell, and a pixel that lies in
 * two cells is a mean of the two, by the share of the pixel in each. Otherwise edges between cells would be as blurred as
 * texels are wide, or jagged. */
static inline Pair pair_at(int64_t at, int64_t step, int64_t cell_bits, int64_t first, int64_t end)
{
    int64_t inside = clamped(at, first, end);
    if (cell_bits >= 0) {
        int64_t cell = inside + ONE / 2, size = (int64_t)1 << cell_bits, half = step / 2;
        int64_t begin = cell >> (ONE_BITS + cell_bits) << cell_bits, stop = begin + size;
        int64_t after = cell - begin * ONE, before = stop * ONE - cell;
        if (after < half && begin > first && begin < end)
            return (Pair){begin - 1, begin, (int32_t)(((half + after) << 8) / step)};
        if (before < half && stop > first && stop < end)
            return (Pair){stop - 1, stop, (int32_t)(((half - before) << 8) / step)};
        end = smallest(end, stop);
        inside = clamped(inside, largest(first, begin), end);
    }
    int64_t whole = inside >> ONE_BITS;
    return (Pair){whole, smallest(whole + 1, end - 1), (int32_t)(((inside & (ONE - 1)) + (ONE >> 9)) >> (ONE_BITS - 8))};
}

/* The columns of texels, first ... end - 1, that a level's pixels begin ... stop - 1 are blended from. */
typedef struct {
    int64_t first, end;
} Columns;

static Columns columns_of(const Map *map, int64_t begin, int64_t stop)
{
    int64_t a = clamped(position(map->x_scale, map->x_start, begin), map->left, map->right);
    int64_t b = clamped(position(map->x_scale, map->x_start, stop - 1), map->left, map->right);
    int64_t around = map->cell_bits < 0 ? 0 : 2; /* of a pixel whose middle is in another cell than the first texel */
    return (Columns){
        largest((smallest(a, b) >> ONE_BITS) - around, map->left),
        smallest((largest(a, b) >> ONE_BITS) + 2 + around, map->right),
    };
}

/* Fill the groups for the pixels begin ... stop - 1. `share`: weight 0...256 of the level. */
static void fill_groups(
    Group *groups, int number, const Map *map, const Columns *columns, int64_t begin, int64_t stop, int32_t share)
{
    int64_t at = position(map->x_scale, map->x_start, begin), step = position(map->x_scale, 0.0, 1);
    int32_t total = share << (ONE_SHIFT - 8);
    for (int64_t pixel = begin; pixel < stop; pixel += PER_GROUP, groups++) {
        Pair pairs[PER_GROUP];
        for (int i = 0; i < PER_GROUP; i++, at += step)
            pairs[i] = pair_at(at, step, map->cell_bits, map->left, map->right);
        int64_t lowest = smallest(pairs[0].first, pairs[PER_GROUP - 1].first);
        groups->first[number] = (int32_t)(lowest - columns->first);
        for (int i = 0; i < PER_GROUP; i++) {
            groups->indices[number][4 * i] = (uint8_t)smallest(pairs[i].first - lowest, TABLE - 1);
            groups->indices[number][4 * i + 2] = (uint8_t)smallest(pairs[i].second - lowest, TABLE - 1);
            groups->indices[number][4 * i + 1] = groups->indices[number][4 * i + 3] = NONE;
            int32_t other = (pairs[i].weight * share) >> (16 - ONE_SHIFT);
            groups->weights[number][2 * i] = (int16_t)(total - other);
            groups->weights[number][2 * i + 1] = (int16_t)other;
        }
    }
}

/* -- Rows ---------------------------------------------------------------------------------------------------------- */

/* Blend two rows of bytes by `weight` 0...256 of the second. */
static void blend_rows(
    uint8_t *restrict blended, const uint8_t *restrict first, const uint8_t *restrict second, int64_t count,
    uint16_t weight)
{
    uint16_t rest = (uint16_t)(256 - weight);
    for (int64_t i = 0; i < count; i++)
        blended[i] = (uint8_t)((uint16_t)(first[i] * rest + second[i] * weight + 128) >> 8);
}

/* Blend two rows with tone and the same without it; `share` 0...256 of the tone. */
static void blend_toned(
    uint8_t *restrict blended, const uint8_t *restrict first, const uint8_t *restrict second,
    const uint8_t *restrict plain_first, const uint8_t *restrict plain_second, int64_t count, uint16_t weight,
    uint16_t share)
{
    uint16_t toned = (uint16_t)((weight * share + 128) >> 8), plain = (uint16_t)(weight - toned);
    uint16_t toned_rest = (uint16_t)(share - toned), plain_rest = (uint16_t)(256 - share - plain);
    for (int64_t i = 0; i < count; i++)
        blended[i] = (uint8_t)((uint16_t)(first[i] * toned_rest + second[i] * toned + plain_first[i] * plain_rest
                                          + plain_second[i] * plain + 128) >> 8);
}

/* The part of a block's bytes that holds a plane. */
typedef struct {
    int64_t offset, width, height; /* bytes; texels */
} Part;

/* Prefetch the rows of texels that the next row of pixels is blended from; it takes a quarter less time. */
static inline void fetch_ahead(const uint8_t *row, int64_t width, int64_t count)
{
    for (int64_t x = 0; x < count; x += CACHE_LINE) {
        __builtin_prefetch(row + 2 * width + x, 0, 3);
        __builtin_prefetch(row + 3 * width + x, 0, 3);
    }
}

/* Blend two rows of texels, columns first ... end - 1, from the blocks of one level. */
static void gather_row(
    uint8_t *row, const uint8_t *const *toned, const uint8_t *const *plain, const PlanarLevel *level, const Part *part,
    const Columns *columns, Pair pair, int32_t share)
{
    int64_t upper = pair.first, lower = pair.second;
    uint16_t weight = (uint16_t)pair.weight;
    int64_t above = (upper / part->height - level->top) * level->columns - level->left;
    int64_t below = (lower / part->height - level->top) * level->columns - level->left;
    int64_t above_row = part->offset + upper % part->height * part->width;
    int64_t below_row = part->offset + lower % part->height * part->width;
    const uint8_t *const *only = share > 0 ? toned : plain;
    for (int64_t x = columns->first; x < columns->end;) {
        int64_t column = x / part->width, start = x - column * part->width;
        int64_t count = smallest(part->width - start, columns->end - x);
        const uint8_t *first = only[above + column] + above_row + start;
        const uint8_t *second = only[below + column] + below_row + start;
        fetch_ahead(second, part->width, count);
        if (0 < share && share < 256) {
            const uint8_t *plain_second = plain[below + column] + below_row + start;
            fetch_ahead(plain_second, part->width, count);
            blend_toned(
                row, first, second, plain[above + column] + above_row + start, plain_second, count, weight,
                (uint16_t)share);
        } else if (weight == 0) {
            __builtin_memcpy(row, first, (uint64_t)count);
        } else {
            blend_rows(row, first, second, count, weight);
        }
        row += count;
        x += count;
    }
}

static inline Integers looked_up(const uint8_t *row, const Group *group, int number)
{
    Bytes table;
    __builtin_memcpy(&table, row + group->first[number], sizeof table);
    return pair_sums((Shorts)lookup(table, group->indices[number]), group->weights[number]);
}

static inline void store_four(uint8_t *target, Integers sums)
{
    FourBytes bytes = __builtin_convertvector((sums + (1 << (ONE_SHIFT - 1))) >> ONE_SHIFT, FourBytes);
    __builtin_memcpy(target, &bytes, sizeof bytes);
}

static void sample_row(
    uint8_t *restrict target, const Group *groups, int64_t count, const uint8_t *fine, const uint8_t *coarse)
{
    if (coarse)
        for (int64_t i = 0; i < count; i++)
            store_four(target + i * PER_GROUP, looked_up(fine, groups + i, 0) + looked_up(coarse, groups + i, 1));
    else
        for (int64_t i = 0; i < count; i++)
            store_four(target + i * PER_GROUP, looked_up(fine, groups + i, 0));
}

/* -- Coverage ------------------------------------------------------------------------------------------------------ */

/* What decides how much of a sample lies between two edges of one axis. */
typedef struct {
    double low, high; /* pixels */
    int size;         /* pixels from one sample to the next: 1 for luma, 2 for chroma */
    int first, last;  /* the pixels around 2i that a sample of chroma is the mean of; 0 is weighted twice if there are 3 */
    int forward;      /* whether samples that touch only the high edge are full */
    int full;         /* whether all that are touched are full */
} Axis;

static Axis axis_of(const double *edges, int is_row, int size, int32_t style)
{
    return (Axis){
        edges[is_row], edges[2 + is_row], size, size == 2 && !is_row ? -1 : 0, size == 2,
        (style & (is_row ? FORWARD_BELOW : FORWARD_RIGHT)) != 0, (style & FULL) != 0,
    };
}

/* The share 0...256 of sample `i` that lies between two edges. */
static int32_t covered(const Axis *axis, int64_t i)
{
    double sum = 0.0, weights = 0.0, start = (double)(i * axis->size);
    for (int k = axis->first; k <= axis->last; k++) {
        double weight = k == 0 && axis->first < 0 ? 2.0 : 1.0, x = greater(start + k, 0.0); /* as in to_yuv420 */
        double inside = lesser(x + 1.0, axis->high) - greater(x, axis->low);
        sum += weight * lesser(greater(inside, 0.0), 1.0);
        weights += weight;
    }
    if (sum <= 1e-6)
        return 0;
    if (axis->full || (axis->forward && start + axis->first >= axis->low))
        return 256;
    return (int32_t)(sum / weights * 256.0 + 0.5);
}

/* The samples begin ... stop - 1 that edges touch, of which inner ... inner_end - 1 are fully covered. */
typedef struct {
    int64_t begin, inner, inner_end, stop;
} Span;

static Span span_of(const Axis *axis, int64_t first, int64_t end)
{
    Span span;
    span.begin = largest(rounded_down(axis->low / axis->size) - 1, first);
    span.stop = smallest(rounded_up(axis->high / axis->size) + 1, end);
    while (span.begin < span.stop && !covered(axis, span.begin))
        span.begin++;
    while (span.begin < span.stop && !covered(axis, span.stop - 1))
        span.stop--;
    span.inner = span.begin;
    span.inner_end = span.stop;
    while (span.inner < span.stop && covered(axis, span.inner) < 256)
        span.inner++;
    while (span.inner_end > span.inner && covered(axis, span.inner_end - 1) < 256)
        span.inner_end--;
    return span;
}

static inline uint8_t blended(uint8_t below, uint8_t above, int32_t weight)
{
    return (uint8_t)((below * (256 - weight) + above * weight + 128) >> 8);
}

/* Premultiplied `above`, reduced to `weight` 0...256 of itself, over `below`. */
static inline uint8_t laid_over(uint8_t below, uint8_t above, uint8_t alpha, int32_t weight)
{
    int32_t rest = 65536 - (int32_t)weight_of(alpha) * weight;
    int32_t sum = ((below * rest + 32768) >> 16) + ((above * weight + 128) >> 8);
    return (uint8_t)least(sum, 255);
}

/* -- Planes -------------------------------------------------------------------------------------------------------- */

/* The addresses of blocks, and memory for rows of texels and pixels. */
typedef struct {
    Group *groups;
    const uint8_t *const *blocks;
    uint8_t *fine, *coarse, *sampled, *alpha;
    int64_t texels; /* length of the rows of texels */
} Scratch;

/* Which planes of a block: 0 luma, 1 and 2 chroma, 3 and 4 alpha for either. */
static Part part_of(const PlanarLevel *level, int plane)
{
    int64_t width = level->block_width, height = level->block_height, size = width * height;
    switch (plane) {
    case 0: return (Part){0, width, height};
    case 1: return (Part){size, width / 2, height / 2};
    case 2: return (Part){size + size / 4, width / 2, height / 2};
    case 3: return (Part){0, width, height};
    default: return (Part){size, width / 2, height / 2};
    }
}

/* Sample one row of a plane into `target`. `share`: 0...256 of the tone. */
static void draw_row(
    uint8_t *target, const Picture *picture, int32_t share, int plane, const Map *maps, const Columns *columns,
    int64_t groups, const Scratch *scratch, int64_t y)
{
    const uint8_t *const *blocks = scratch->blocks;
    uint8_t *rows[2] = {scratch->fine, scratch->coarse};
    int levels = picture->blend > 0 ? 2 : 1;
    for (int number = 0; number < levels; number++) {
        const PlanarLevel *level = picture->level + number;
        Part part = part_of(level, plane);
        const Map *map = maps + number;
        int64_t step = position(map->y_scale, 0.0, 1);
        Pair pair = pair_at(position(map->y_scale, map->y_start, y), step, map->cell_bits, map->top, map->bottom);
        if (plane > 2)
            gather_row(rows[number], blocks + level->cover, 0, level, &part, columns + number, pair, 256);
        else
            gather_row(
                rows[number], blocks + level->toned, blocks + level->plain, level, &part, columns + number, pair,
                share);
    }
    sample_row(target, scratch->groups, groups, rows[0], levels == 2 ? rows[1] : 0);
}

/* The weights 0...256 of the samples of a row before and after the fully covered ones. */
typedef struct {
    int32_t before[EDGE], after[EDGE];
} Edges;

static Edges edges_of(const Axis *axis, const Span *span)
{
    Edges weights;
    for (int64_t i = 0; i < EDGE; i++) {
        weights.before[i] = covered(axis, span->begin + i);
        weights.after[i] = covered(axis, span->inner_end + i);
    }
    return weights;
}

/* Where a row of texels that coincide with pixels is in memory; 0 if they don't, or are in several blocks. */
static const uint8_t *row_in_place(
    const uint8_t *const *blocks, const Picture *picture, int32_t share, const Part *part, const Map *map, const Span *x, int64_t y)
{
    int64_t column = position(map->x_scale, map->x_start, x->begin), row = position(map->y_scale, map->y_start, y);
    const PlanarLevel *level = picture->level;
    if (picture->blend > 0 || !picture->opaque || (0 < share && share < 256) || (column | row) & (ONE - 1)
        || position(map->x_scale, 0.0, 1) != ONE || position(map->y_scale, 0.0, 1) != ONE)
        return 0;
    int64_t left = column / ONE, upper = row / ONE, end = left + x->stop - x->begin;
    int64_t across = left / part->width - level->left, down = upper / part->height - level->top;
    if (left < map->left || upper < map->top || end > map->right || upper >= map->bottom
        || (end - 1) / part->width != left / part->width)
        return 0;
    const uint8_t *block = blocks[(share > 0 ? level->toned : level->plain) + down * level->columns + across];
    return block + part->offset + upper % part->height * part->width + left % part->width;
}

/* Draw the part between four edges of one plane. */
static void draw_plane(
    uint8_t *pixels, int64_t stride, const int64_t *clip, int plane, const Picture *picture, const double *edges,
    const int32_t *style, const Scratch *scratch)
{
    int size = plane == 0 ? 1 : 2;
    Axis x_axis = axis_of(edges, 0, size, style[1]), y_axis = axis_of(edges, 1, size, style[1]);
    Span x = span_of(&x_axis, clip[0] / size, clip[2] / size);
    Span y = span_of(&y_axis, clip[1] / size, clip[3] / size);
    if (x.begin >= x.stop || y.begin >= y.stop)
        return;
    Map maps[2];
    Columns columns[2];
    Edges weights = edges_of(&x_axis, &x);
    Part part = part_of(picture->level, plane);
    maps[0] = plane_map(picture->level, edges, style[1], size);
    int in_place = row_in_place(scratch->blocks, picture, style[0], &part, maps, &x, y.begin)
        && row_in_place(scratch->blocks, picture, style[0], &part, maps, &x, y.stop - 1);
    for (int number = 0; !in_place && number < (picture->blend > 0 ? 2 : 1); number++) {
        maps[number] = plane_map(picture->level + number, edges, style[1], size);
        columns[number] = columns_of(maps + number, x.begin, x.stop);
        columns[number].end = smallest(columns[number].end, columns[number].first + scratch->texels);
        int32_t weight = (int32_t)(number ? picture->blend : 256 - picture->blend);
        fill_groups(scratch->groups, number, maps + number, columns + number, x.begin, x.stop, weight);
    }
    int64_t groups = (x.stop - x.begin + PER_GROUP - 1) / PER_GROUP;
    for (int64_t row = y.begin; row < y.stop; row++) {
        int32_t down = y.inner <= row && row < y.inner_end ? 256 : covered(&y_axis, row);
        uint8_t *target = pixels + row * stride + x.begin;
        const uint8_t *sampled = scratch->sampled;
        if (in_place)
            sampled = row_in_place(scratch->blocks, picture, style[0], &part, maps, &x, row);
        else
            draw_row(scratch->sampled, picture, style[0], plane, maps, columns, groups, scratch, row);
        if (!picture->opaque)
            draw_row(scratch->alpha, picture, style[0], size == 1 ? 3 : 4, maps, columns, groups, scratch, row);
        int64_t inner = x.inner - x.begin, inner_end = x.inner_end - x.begin, count = x.stop - x.begin;
        if (down == 256 && picture->opaque)
            __builtin_memcpy(target + inner, sampled + inner, (uint64_t)(inner_end - inner));
        for (int64_t i = 0; i < count; i++) {
            int32_t across = 256;
            if (i < inner)
                across = weights.before[i];
            else if (i >= inner_end)
                across = weights.after[i - inner_end];
            else if (down == 256 && picture->opaque) {
                i = inner_end - 1;
                continue;
            }
            int32_t weight = (across * down + 128) >> 8;
            target[i] = picture->opaque ? blended(target[i], sampled[i], weight)
                                        : laid_over(target[i], sampled[i], scratch->alpha[i], weight);
        }
    }
}

static int64_t texels_in_row(int64_t width) { return MAX_RATIO * width + 4 * TABLE; }

int64_t planar_bytes(int64_t width)
{
    return (width / PER_GROUP + 2) * (int64_t)sizeof(Group) + 2 * (texels_in_row(width) + TABLE)
         + 2 * (width + 2 * PER_GROUP);
}

int64_t planar_picture_bytes(void) { return sizeof(Picture); }

void draw_planes(
    uint8_t *luma, uint8_t *blue, uint8_t *red, int64_t width, const int64_t *clip, const uint8_t *const *blocks,
    const uint8_t *pictures, int64_t count, const double *edges, const int32_t *styles, uint8_t *memory)
{
    Scratch scratch;
    scratch.blocks = blocks;
    scratch.groups = (Group *)memory;
    scratch.texels = texels_in_row(width);
    scratch.fine = (uint8_t *)(scratch.groups + (width / PER_GROUP + 2));
    scratch.coarse = scratch.fine + scratch.texels + TABLE;
    scratch.sampled = scratch.coarse + scratch.texels + TABLE;
    scratch.alpha = scratch.sampled + width + 2 * PER_GROUP;
    const Picture *picture = (const Picture *)pictures;
    for (int64_t i = 0; i < count; i++, picture++) {
        for (int64_t part = picture->first; part < picture->end; part++) {
            const double *box = edges + 4 * part;
            const int32_t *style = styles + 2 * part;
            /* A part touches samples of chroma up to two pixels away. */
            if (box[3] <= clip[1] - 2 || box[1] >= clip[3] + 2 || box[2] <= clip[0] - 2 || box[0] >= clip[2] + 2)
                continue;
            draw_plane(luma, width, clip, 0, picture, box, style, &scratch);
            draw_plane(blue, width / 2, clip, 1, picture, box, style, &scratch);
            draw_plane(red, width / 2, clip, 2, picture, box, style, &scratch);
        }
    }
}
