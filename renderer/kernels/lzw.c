/* Dithering and LZW as one loop.
 *
 * A code encodes as many pixels as the longest matching string in the dictionary, so a string whose colours match only
 * approximately saves bytes. The error allowed for a pixel depends on what hides it: the texture around it, and whether
 * it changes again in the next frame. The error is diffused to the neighbours like any other (Floyd and Steinberg, "An
 * adaptive algorithm for spatial grey scale", 1976). */

#include "colours.h"
#include "gif.h"
#include "kernels.h"

#define CODES 4096 /* in a dictionary: codes have at most 12 bits */

#define DITHER_TEXTURE 0.2 /* share of an error that is diffused, in texture and in flat squares: */
#define DITHER_FLAT 0.6    /* more only adds noise and bytes */
#define LONGEST_ERROR 32.0 /* a larger error is not diffused: it would streak across colours missing from the palette */
#define PIXEL_WORTH 30.0   /* squared error that is traded for one more pixel in a code */
#define VISITS 64          /* maximum strings visited for one code; 256 would save 0.3 % */
#define SAME 1e-3          /* squared distance of colours that differ by rounding */

/* -- The code stream --------------------------------------------------------------------------------------------- */

typedef struct {
    uint8_t *out;
    int64_t at, block; /* offsets of the next byte and of the length of its block */
    uint32_t held;     /* pending bits */
    int32_t count;     /* of pending bits */
} Stream;

static void put(Stream *stream, int64_t code, int32_t width)
{
    stream->held |= (uint32_t)code << stream->count;
    stream->count += width;
    for (; stream->count >= 8; stream->count -= 8) {
        stream->out[stream->at++] = (uint8_t)stream->held;
        stream->held >>= 8;
        if (stream->at - stream->block == 256) {
            stream->out[stream->block] = 255;
            stream->block = stream->at++;
        }
    }
}

/* Write the last bits, the last block's length and the empty block; return the number of bytes. */
static int64_t finish(Stream *stream)
{
    put(stream, 0, (8 - stream->count) % 8);
    if (stream->at - stream->block > 1) {
        stream->out[stream->block] = (uint8_t)(stream->at - stream->block - 1);
        stream->block = stream->at;
    }
    stream->out[stream->block] = 0;
    return stream->block + 1;
}

/* -- Pixels ------------------------------------------------------------------------------------------------------ */

/* What a frame is drawn with. */
typedef struct {
    Canvas canvas;
    int64_t width; /* of the canvas, pixels */
    int64_t left, top, right, bottom;
    Palette palette;
    Planes planes;       /* the palette's colours */
    int32_t transparent; /* the symbol after the last colour */
    double tolerance;
    double carry[3];     /* error to be added to the next pixel */
} Image;

typedef struct {
    int64_t x, y;
} Position;

/* The position that is `count` pixels further in the box. */
static inline Position further(const Image *image, Position at, int64_t count)
{
    at.x += count;
    if (at.x >= image->right) {
        int64_t column = at.x - image->left, across = image->right - image->left;
        at.y += column / across;
        at.x = image->left + column % across;
    }
    return at;
}

static inline double diffused_share(float calm)
{
    return DITHER_TEXTURE + (DITHER_FLAT - DITHER_TEXTURE) * calm;
}

static inline double limited(double error) { return lesser(greater(error, -LONGEST_ERROR), LONGEST_ERROR); }

static inline float limitedf(float error)
{
    return lesserf(greaterf(error, (float)-LONGEST_ERROR), (float)LONGEST_ERROR);
}

/* The nearest colour, which the palette remembers for each cell. */
static int32_t look_up(const Image *image, float luma, float blue, float red)
{
    int32_t cell = cell_of_floats(luma, blue, red);
    int16_t *known = image->palette.nearest + cell;
    if (*known < 0) /* the colour nearest to the centre of the cell */
        *known = (int16_t)nearest(
            &image->planes, (float)((cell >> 10) * 4 + 2), (float)((cell >> 5 & 31) * 8 - 124),
            (float)((cell & 31) * 8 - 124));
    return *known;
}

/* Display the symbols of one code and diffuse the errors: down into `target`, to the right into `carry`. */
static void draw(Image *image, Position at, const int16_t *symbols, int64_t count)
{
    const Canvas canvas = image->canvas;
    double *carry = image->carry;
    for (int64_t n = 0; n < count; n++, at = further(image, at, 1)) {
        int64_t i = at.y * image->width + at.x;
        if (at.x == image->left || canvas.task[i] == KEEP)
            carry[0] = carry[1] = carry[2] = 0.0;
        if (canvas.task[i] == KEEP)
            continue;
        float *shown = canvas.shown + 3 * i;
        if (symbols[n] != image->transparent)
            for (int a = 0; a < 3; a++)
                shown[a] = image->palette.colours[3 * symbols[n] + a];
        canvas.filled[i] = 1;
        double share = diffused_share(canvas.calm[calm_index(image->width, at.x, at.y)]) / 16.0;
        float *target = canvas.target + 3 * i, *below = target + 3 * image->width;
        for (int a = 0; a < 3; a++) {
            double error = share * limited(target[a] + carry[a] - shown[a]);
            carry[a] = 7.0 * error;
            if (at.y + 1 < image->bottom) {
                if (at.x > image->left)
                    below[a - 3] = (float)(below[a - 3] + 3.0 * error);
                below[a] = (float)(below[a] + 5.0 * error);
                if (at.x + 1 < image->right)
                    below[a + 3] = (float)(below[a + 3] + error);
            }
        }
    }
}

/* -- Strings ----------------------------------------------------------------------------------------------------- */

/* Strings as a tree, by their codes: a string is its parent's plus one symbol. -1: none. */
typedef struct {
    int16_t child[CODES], sibling[CODES], parent[CODES], symbol[CODES], length[CODES];
    int16_t path[CODES];    /* symbols of the string to be written */
    int16_t waiting[CODES]; /* strings to be visited */
    float error[CODES][4];  /* after each of them: error of its last pixel, and the sum of squared errors */
} Tree;

int64_t lzw_bytes(void) { return sizeof(Tree); }

/* The dictionary, and what the next code adds to it. */
typedef struct {
    Tree *tree;
    int32_t symbol_bits;
    int64_t clear;    /* the code that empties the dictionary; the codes below are single symbols */
    int64_t free;     /* the next code to be added */
    int64_t previous; /* the code written last, -1 after `clear` */
    int32_t width;    /* bits of a code */
} Strings;

static void forget(Strings *strings)
{
    for (int64_t code = 0; code < strings->clear; code++)
        strings->tree->child[code] = -1;
    strings->width = strings->symbol_bits + 1;
    strings->free = strings->clear + 2;
    strings->previous = -1;
}

/* Add the previous code's string plus a symbol, which is filled later. */
static int64_t learn(const Strings *strings)
{
    Tree *tree = strings->tree;
    int64_t code = strings->free, parent = strings->previous;
    tree->child[code] = -1;
    tree->sibling[code] = tree->child[parent];
    tree->child[parent] = (int16_t)code;
    tree->parent[code] = (int16_t)parent;
    tree->length[code] = (int16_t)(tree->length[parent] + 1);
    return code;
}

/* Find the string that encodes the pixels from a position on best. `*entry` becomes the string that the previous code
 * adds, if any, whose last symbol is the first one of the result. */
static int64_t best_string(
    const Image *image, const Strings *strings, Position first, int64_t remaining, int64_t *entry)
{
    const Canvas canvas = image->canvas;
    Tree *tree = strings->tree;
    const float *colours = image->palette.colours;
    int64_t best = -1;
    double best_score = 0.0;
    *entry = -1;
    /* A string may start with the nearest colour, or with the colour already displayed. */
    for (int starts_transparent = 0; starts_transparent < 2; starts_transparent++) {
        int64_t waiting = 1;
        tree->waiting[0] = -1;
        for (int a = 0; a < 3; a++)
            tree->error[0][a] = (float)image->carry[a];
        tree->error[0][3] = 0.0f;
        for (int32_t visits = 0; waiting > 0 && visits < VISITS; visits++) {
            waiting--;
            int64_t node = tree->waiting[waiting], count = 0;
            const float *error = tree->error[waiting];
            float c0 = error[0], c1 = error[1], c2 = error[2], cost = error[3];
            if (node >= 0) {
                count = tree->length[node];
                double score = (double)count - cost / PIXEL_WORTH;
                if (best < 0 || score > best_score) {
                    best = node;
                    best_score = score;
                }
            }
            if (count >= remaining || (node >= 0 && tree->child[node] < 0))
                continue;
            Position at = further(image, first, count);
            int64_t i = at.y * image->width + at.x;
            float calm = canvas.calm[calm_index(image->width, at.x, at.y)];
            double share = diffused_share(calm) * 7.0 / 16.0;
            if (at.x == image->left)
                c0 = c1 = c2 = 0.0f;
            const float *target = canvas.target + 3 * i, *shown = canvas.shown + 3 * i;
            float t0 = target[0] + c0, t1 = target[1] + c1, t2 = target[2] + c2;
            float e0 = 0.0f, e1 = 0.0f, e2 = 0.0f;
            int keep = canvas.task[i] == KEEP, filled = canvas.filled[i];
            int32_t closest = image->transparent;
            double least = 0.0, room = 0.0;
            if (!keep) {
                closest = look_up(image, t0, t1, t2);
                least = squared_distance(colours + 3 * closest, t0, t1, t2);
                room = canvas.task[i] == EXACT ? SAME : SAME + image->tolerance * image->tolerance / calm;
                room += least;
            }
            int64_t next = node >= 0 ? tree->child[node] : starts_transparent ? image->transparent : closest;
            for (; next >= 0; next = tree->sibling[next]) {
                int32_t symbol = tree->symbol[next];
                int fits;
                double d = least;
                if (keep) { /* transparent, or the displayed colour painted over itself */
                    fits = symbol == image->transparent
                        || (filled && squared_distance(colours + 3 * symbol, shown[0], shown[1], shown[2]) < SAME);
                } else if (symbol == image->transparent && !filled) {
                    fits = 0;
                } else {
                    const float *colour = symbol == image->transparent ? shown : colours + 3 * symbol;
                    e0 = t0 - colour[0];
                    e1 = t1 - colour[1];
                    e2 = t2 - colour[2];
                    d = e0 * e0 + e1 * e1 + e2 * e2;
                    fits = symbol == closest || d <= room;
                }
                if (fits) {
                    float *after = tree->error[waiting];
                    tree->waiting[waiting++] = (int16_t)next;
                    after[0] = (float)(share * limitedf(e0));
                    after[1] = (float)(share * limitedf(e1));
                    after[2] = (float)(share * limitedf(e2));
                    after[3] = (float)(cost + greater(d - least, 0.0) * calm);
                    if (node < 0 && strings->previous >= 0) {
                        if (*entry < 0)
                            *entry = learn(strings);
                        tree->symbol[*entry] = (int16_t)symbol; /* as if this start were the best */
                    }
                }
                if (node < 0)
                    break;
            }
        }
        if (canvas.task[first.y * image->width + first.x] == KEEP)
            break;
    }
    return best;
}

int64_t write_image(
    const Canvas *canvas, int64_t width, const Palette *palette, int64_t size, const int64_t *box, int64_t symbol_bits,
    double tolerance, uint8_t *scratch, uint8_t *out)
{
    Tree *tree = (Tree *)scratch;
    Image image = {
        .canvas = *canvas, .width = width, .left = box[0], .top = box[1], .right = box[2], .bottom = box[3],
        .palette = *palette, .transparent = (int32_t)size, .tolerance = tolerance,
    };
    fill_planes(&image.planes, palette->colours, size);
    Stream stream = {.out = out, .at = 1};
    Strings strings = {.tree = tree, .symbol_bits = (int32_t)symbol_bits, .clear = 1 << symbol_bits};
    for (int64_t symbol = 0; symbol < strings.clear; symbol++) {
        tree->symbol[symbol] = (int16_t)symbol;
        tree->length[symbol] = 1;
    }
    forget(&strings);
    put(&stream, strings.clear, strings.width);
    Position at = {image.left, image.top};
    int64_t remaining = (image.right - image.left) * (image.bottom - image.top);
    while (remaining > 0) {
        int64_t entry;
        int64_t best = best_string(&image, &strings, at, remaining, &entry);
        if (entry >= 0) {
            int64_t node = best;
            while (tree->length[node] > 1)
                node = tree->parent[node];
            tree->symbol[entry] = tree->symbol[node];
            strings.width += strings.free == 1 << strings.width;
            strings.free++;
        }
        int64_t count = tree->length[best], node = best;
        for (int64_t i = count - 1; i >= 0; i--) {
            tree->path[i] = tree->symbol[node];
            node = tree->parent[node];
        }
        put(&stream, best, strings.width);
        strings.previous = best;
        if (strings.free == CODES) { /* continuing with a full dictionary saves nothing on moving pictures */
            put(&stream, strings.clear, strings.width);
            forget(&strings);
        }
        draw(&image, at, tree->path, count);
        at = further(&image, at, count);
        remaining -= count;
    }
    strings.width += strings.previous >= 0 && strings.free == 1 << strings.width;
    put(&stream, strings.clear + 1, strings.width);
    return finish(&stream);
}
