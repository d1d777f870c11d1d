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

/* Rows and groups that are drawn block by block; the rows take 3 KB of the stack. */
#define TILE_ROWS 32
#define TILE_GROUPS 128

#define ALIGN 32 /* texels to which parts of rows are extended: a loop's last steps take as long as whole vectors */

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
    int64_t blend, opaque, opacity, first, end;
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

/* Sample groups of pixels from rows of texels of one or two levels. */
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
    double low, high;     /* pixels */
    int64_t size;         /* pixels from one sample to the next: 1 for luma, 2 for chroma */
    int64_t first, last;  /* the pixels around 2i that a sample of chroma is the mean of; 0 is weighted twice if there are 3 */
    int64_t forward;      /* whether samples that touch only the high edge are full */
    int64_t full;         /* whether all that are touched are full */
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
    for (int64_t k = axis->first; k <= axis->last; k++) {
        double weight = k == 0 && axis->first < 0 ? 2.0 : 1.0, x = greater(start + (double)k, 0.0); /* as in to_yuv420 */
        double inside = lesser(x + 1.0, axis->high) - greater(x, axis->low);
        sum += weight * lesser(greater(inside, 0.0), 1.0);
        weights += weight;
    }
    if (sum <= 1e-6)
        return 0;
    if (axis->full || (axis->forward && start + (double)axis->first >= axis->low))
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
    double size = (double)axis->size;
    span.begin = largest(rounded_down(axis->low / size) - 1, first);
    span.stop = smallest(rounded_up(axis->high / size) + 1, end);
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

/* Blend a row to the samples above it, as `blended` does. */
static void blend_row(uint8_t *restrict target, const uint8_t *restrict above, int64_t count, uint16_t weight)
{
    uint16_t rest = (uint16_t)(256 - weight);
    for (int64_t i = 0; i < count; i++)
        target[i] = (uint8_t)((uint16_t)(target[i] * rest + above[i] * weight + 128) >> 8);
}

/* Premultiplied `above`, reduced to `weight` 0...256 of itself, over `below`. */
static inline uint8_t laid_over(uint8_t below, uint8_t above, uint8_t alpha, int32_t weight)
{
    int32_t rest = 65536 - (int32_t)weight_of(alpha) * weight;
    int32_t sum = ((below * rest + 32768) >> 16) + ((above * weight + 128) >> 8);
    return (uint8_t)least(sum, 255);
}

/* Premultiplied samples over those of a row, as `laid_over` does with a weight of 256. */
static void lay_row_over(
    uint8_t *restrict target, const uint8_t *restrict above, const uint8_t *restrict alpha, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        uint16_t rest = (uint16_t)(256 - (alpha[i] + (alpha[i] >> 7)));
        uint16_t sum = (uint16_t)(((uint16_t)(target[i] * rest + 128) >> 8) + above[i]);
        target[i] = (uint8_t)(sum < 255 ? sum : 255);
    }
}

/* -- Planes -------------------------------------------------------------------------------------------------------- */

/* What is the same in all rows of a plane of a part of a picture, beside the groups. */
typedef struct {
    Axis x_axis;
    Span x;
    Map maps[2];
    Columns columns[2];
    int64_t count;  /* of groups */
    int64_t filled; /* whether the groups are */
} Sampling;

/* The addresses of blocks, and memory for rows of texels and pixels. */
typedef struct {
    const uint8_t *const *blocks;
    uint8_t *fine, *coarse, *sampled, *alpha;
    Group *groups; /* of the plane that is drawn */
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

/* Where the rows of texels for a row of pixels are, in the blocks of one level. */
typedef struct {
    int64_t above, below;         /* indices of the first block of either row of blocks, if it had column 0 */
    int64_t above_row, below_row; /* offsets in the blocks */
    uint16_t weight;              /* 0...256 of the second row */
} Rows;

static Rows rows_at(const PlanarLevel *level, const Part *part, const Map *map, int64_t y)
{
    int64_t step = position(map->y_scale, 0.0, 1);
    Pair pair = pair_at(position(map->y_scale, map->y_start, y), step, map->cell_bits, map->top, map->bottom);
    int64_t upper = pair.first / part->height, lower = pair.second / part->height;
    return (Rows){
        (upper - level->top) * level->columns - level->left, (lower - level->top) * level->columns - level->left,
        part->offset + (pair.first - upper * part->height) * part->width,
        part->offset + (pair.second - lower * part->height) * part->width, (uint16_t)pair.weight,
    };
}

/* Blend two rows of texels, columns first ... end - 1, from blocks with tone and without. */
static void gather_row(
    uint8_t *row, const uint8_t *const *toned, const uint8_t *const *plain, const Part *part, const Columns *columns,
    const Rows *rows, int32_t share)
{
    uint16_t weight = rows->weight;
    const uint8_t *const *only = share > 0 ? toned : plain;
    for (int64_t x = columns->first; x < columns->end;) {
        int64_t column = x / part->width, start = x - column * part->width;
        int64_t count = smallest(part->width - start, columns->end - x);
        const uint8_t *first = only[rows->above + column] + rows->above_row + start;
        const uint8_t *second = only[rows->below + column] + rows->below_row + start;
        fetch_ahead(second, part->width, count);
        if (0 < share && share < 256) {
            const uint8_t *plain_second = plain[rows->below + column] + rows->below_row + start;
            fetch_ahead(plain_second, part->width, count);
            blend_toned(
                row, first, second, plain[rows->above + column] + rows->above_row + start, plain_second, count, weight,
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

/* The same from the blocks of one level. `plane`: as `part_of` has it. */
static void gather(
    uint8_t *row, const Scratch *scratch, const PlanarLevel *level, const Part *part, const Columns *columns,
    const Rows *rows, int plane, int32_t share)
{
    const uint8_t *const *blocks = scratch->blocks;
    if (plane > 2)
        gather_row(row, blocks + level->cover, 0, part, columns, rows, 256);
    else
        gather_row(row, blocks + level->toned, blocks + level->plain, part, columns, rows, share);
}

/* Sample one row of a plane into `target`. `share`: 0...256 of the tone. */
static void draw_row(
    uint8_t *target, const Picture *picture, int32_t share, int plane, const Sampling *sampling, const Scratch *scratch,
    int64_t y)
{
    uint8_t *texels[2] = {scratch->fine, scratch->coarse};
    int levels = picture->blend > 0 ? 2 : 1;
    for (int number = 0; number < levels; number++) {
        const PlanarLevel *level = picture->level + number;
        Part part = part_of(level, plane);
        Rows rows = rows_at(level, &part, sampling->maps + number, y);
        gather(texels[number], scratch, level, &part, sampling->columns + number, &rows, plane, share);
    }
    sample_row(target, scratch->groups, sampling->count, texels[0], levels == 2 ? texels[1] : 0);
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

static int64_t texels_in_row(int64_t width) { return MAX_RATIO * width + 4 * TABLE; }

static int64_t groups_in_row(int64_t width) { return width / PER_GROUP + 2; }

/* How the planes of luma (`size` 1) or of chroma (2) of a part are sampled, between two columns of the frame; without
 * the groups. */
static Sampling sampling_of(
    const Picture *picture, const double *edges, int32_t style, int64_t left, int64_t right, int size, int64_t width)
{
    Sampling sampling = {.x_axis = axis_of(edges, 0, size, style)};
    Span x = sampling.x = span_of(&sampling.x_axis, left / size, right / size);
    sampling.count = (x.stop - x.begin + PER_GROUP - 1) / PER_GROUP;
    for (int number = 0; x.begin < x.stop && number < (picture->blend > 0 ? 2 : 1); number++) {
        sampling.maps[number] = plane_map(picture->level + number, edges, style, size);
        Columns columns = columns_of(sampling.maps + number, x.begin, x.stop);
        columns.end = smallest(columns.end, columns.first + texels_in_row(width));
        sampling.columns[number] = columns;
    }
    return sampling;
}

static void fill_sampling(Sampling *sampling, Group *groups, const Picture *picture)
{
    for (int number = 0; number < (picture->blend > 0 ? 2 : 1); number++) {
        int32_t weight = (int32_t)(number ? picture->blend : 256 - picture->blend);
        fill_groups(
            groups, number, sampling->maps + number, sampling->columns + number, sampling->x.begin,
            sampling->x.stop, weight);
    }
    sampling->filled = 1;
}

/* Draw rows of a plane that an opaque picture covers.
 *
 * Block by block, and there row by row: these rows follow one another in memory, so that processors read ahead. */
static void draw_covered(
    uint8_t *pixels, int64_t stride, int64_t begin, int64_t stop, int plane, const Picture *picture, int32_t share,
    const Sampling *sampling, const Scratch *scratch)
{
    uint8_t *texels[2] = {scratch->fine, scratch->coarse};
    int levels = picture->blend > 0 ? 2 : 1;
    Part parts[2];
    for (int number = 0; number < levels; number++)
        parts[number] = part_of(picture->level + number, plane);
    Rows rows[2][TILE_ROWS];
    for (int64_t top = begin; top < stop; top += TILE_ROWS) {
        int64_t count = smallest(stop - top, TILE_ROWS);
        for (int number = 0; number < levels; number++)
            for (int64_t i = 0; i < count; i++)
                rows[number][i] = rows_at(picture->level + number, parts + number, sampling->maps + number, top + i);
        for (int64_t first = 0, end; first < sampling->count; first = end) {
            end = smallest(first + TILE_GROUPS, sampling->count);
            Columns columns[2];
            for (int number = 0; number < levels; number++) {
                const Columns *all = sampling->columns + number;
                int64_t one = scratch->groups[first].first[number], last = scratch->groups[end - 1].first[number];
                int64_t left = all->first + smallest(one, last), right = all->first + largest(one, last) + TABLE;
                columns[number].first = largest(left / ALIGN * ALIGN, all->first);
                columns[number].end = smallest((right + ALIGN - 1) / ALIGN * ALIGN, all->end);
            }
            for (int64_t i = 0; i < count; i++) {
                for (int number = 0; number < levels; number++)
                    gather(
                        texels[number] + columns[number].first - sampling->columns[number].first, scratch,
                        picture->level + number, parts + number, columns + number, rows[number] + i, plane, share);
                sample_row(
                    pixels + (top + i) * stride + sampling->x.begin + first * PER_GROUP, scratch->groups + first,
                    end - first, texels[0], levels == 2 ? texels[1] : 0);
            }
        }
    }
}

/* Draw the part between four edges of one plane. */
static void draw_plane(
    uint8_t *pixels, int64_t stride, const int64_t *clip, int plane, const Picture *picture, const double *edges,
    const int32_t *style, Sampling *sampling, const Scratch *scratch)
{
    int size = plane == 0 ? 1 : 2;
    Span x = sampling->x;
    Axis y_axis = axis_of(edges, 1, size, style[1]);
    Span y = span_of(&y_axis, clip[1] / size, clip[3] / size);
    if (x.begin >= x.stop || y.begin >= y.stop)
        return;
    Edges weights = edges_of(&sampling->x_axis, &x);
    Part part = part_of(picture->level, plane);
    const Map *map = sampling->maps;
    int in_place = row_in_place(scratch->blocks, picture, style[0], &part, map, &x, y.begin)
        && row_in_place(scratch->blocks, picture, style[0], &part, map, &x, y.stop - 1);
    if (!in_place && !sampling->filled)
        fill_sampling(sampling, scratch->groups, picture);
    int whole_groups = (x.stop - x.begin) % PER_GROUP == 0;
    if (!in_place && picture->opaque && picture->opacity == 256 && whole_groups && x.inner == x.begin && x.inner_end == x.stop
        && y.inner == y.begin && y.inner_end == y.stop) {
        draw_covered(pixels, stride, y.begin, y.stop, plane, picture, style[0], sampling, scratch);
        return;
    }
    int32_t whole = (int32_t)picture->opacity; /* the weight of samples that are fully covered */
    for (int64_t row = y.begin; row < y.stop; row++) {
        int inside = y.inner <= row && row < y.inner_end;
        int32_t down = inside ? whole : (covered(&y_axis, row) * whole + 128) >> 8;
        uint8_t *target = pixels + row * stride + x.begin;
        const uint8_t *sampled = scratch->sampled;
        if (in_place)
            sampled = row_in_place(scratch->blocks, picture, style[0], &part, map, &x, row);
        else
            draw_row(scratch->sampled, picture, style[0], plane, sampling, scratch, row);
        if (!picture->opaque)
            draw_row(scratch->alpha, picture, style[0], size == 1 ? 3 : 4, sampling, scratch, row);
        int64_t inner = x.inner - x.begin, inner_end = x.inner_end - x.begin, count = x.stop - x.begin;
        int by_row = inside && (picture->opaque || whole == 256);
        if (by_row && !picture->opaque)
            lay_row_over(target + inner, sampled + inner, scratch->alpha + inner, inner_end - inner);
        else if (by_row && whole < 256)
            blend_row(target + inner, sampled + inner, inner_end - inner, (uint16_t)whole);
        else if (by_row)
            __builtin_memcpy(target + inner, sampled + inner, (uint64_t)(inner_end - inner));
        for (int64_t i = 0; i < count; i++) {
            int32_t across = 256;
            if (i < inner)
                across = weights.before[i];
            else if (i >= inner_end)
                across = weights.after[i - inner_end];
            else if (by_row) {
                i = inner_end - 1;
                continue;
            }
            int32_t weight = (across * down + 128) >> 8;
            target[i] = picture->opaque ? blended(target[i], sampled[i], weight)
                                        : laid_over(target[i], sampled[i], scratch->alpha[i], weight);
        }
    }
}

int64_t planar_bytes(int64_t width)
{
    return groups_in_row(width) * (int64_t)sizeof(Group) + 2 * (texels_in_row(width) + TABLE)
         + 2 * (width + 2 * PER_GROUP);
}

int64_t planar_picture_bytes(void) { return sizeof(Picture); }

/* What all bands of a frame share: how the only part of a picture is sampled. */
typedef struct {
    Sampling planes[2]; /* luma, chroma; after them their groups */
} Prepared;

static Group *prepared_groups(Prepared *prepared, int plane, int64_t width)
{
    return (Group *)(prepared + 1) + plane * groups_in_row(width);
}

int64_t prepared_bytes(int64_t width)
{
    return (int64_t)sizeof(Prepared) + 2 * groups_in_row(width) * (int64_t)sizeof(Group);
}

void prepare_planes(int64_t width, const uint8_t *pictures, const double *edges, const int32_t *styles, uint8_t *memory)
{
    Prepared *prepared = (Prepared *)memory;
    const Picture *picture = (const Picture *)pictures;
    for (int plane = 0; plane < 2; plane++) {
        Sampling *sampling = prepared->planes + plane;
        *sampling = sampling_of(picture, edges, styles[1], 0, width, plane + 1, width);
        if (sampling->count > 0)
            fill_sampling(sampling, prepared_groups(prepared, plane, width), picture);
    }
}

void draw_planes(
    uint8_t *luma, uint8_t *blue, uint8_t *red, int64_t width, const int64_t *clip, const uint8_t *const *blocks,
    const uint8_t *pictures, int64_t count, const double *edges, const int32_t *styles, uint8_t *memory,
    uint8_t *shared, int64_t has_shared)
{
    Scratch scratch = {.blocks = blocks, .groups = (Group *)memory};
    scratch.fine = (uint8_t *)(scratch.groups + groups_in_row(width));
    scratch.coarse = scratch.fine + texels_in_row(width) + TABLE;
    scratch.sampled = scratch.coarse + texels_in_row(width) + TABLE;
    scratch.alpha = scratch.sampled + width + 2 * PER_GROUP;
    Prepared *prepared = has_shared ? (Prepared *)shared : 0;
    const Picture *picture = (const Picture *)pictures;
    for (int64_t i = 0; i < count; i++, picture++) {
        for (int64_t part = picture->first; part < picture->end; part++) {
            const double *box = edges + 4 * part;
            const int32_t *style = styles + 2 * part;
            /* A part touches samples of chroma up to two pixels away. */
            if (box[3] <= clip[1] - 2 || box[1] >= clip[3] + 2 || box[2] <= clip[0] - 2 || box[0] >= clip[2] + 2)
                continue;
            Sampling own, *sampling = &own;
            for (int plane = 0; plane < 3; plane++) {
                if (plane < 2 && prepared) { /* the two planes of chroma are sampled alike */
                    sampling = prepared->planes + plane;
                    scratch.groups = prepared_groups(prepared, plane, width);
                } else if (plane < 2) {
                    own = sampling_of(picture, box, style[1], clip[0], clip[2], plane + 1, width);
                }
                uint8_t *pixels = plane == 0 ? luma : plane == 1 ? blue : red;
                draw_plane(pixels, plane ? width / 2 : width, clip, plane, picture, box, style, sampling, &scratch);
            }
        }
    }
}
