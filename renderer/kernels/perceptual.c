/* The perceptual search: cells take the photos that make the mosaic most similar to the cover;
 * renderer/matching/perceptual_search.py describes it.
 *
 * Cells are visited in a random order, each after the changes by earlier ones. To use several threads, a batch of them
 * is evaluated before the first one of it changes. Then they are applied in order, and those whose evaluation depends on
 * a change within the batch are evaluated again. The result therefore does not depend on batches or threads.
 *
 * Sums of floats keep their order, so that they are vectorised over what does not depend on each other: the pixels of
 * a tile, the coefficients of its quadratic form, or candidates. */

#include "kernels.h"
#include "numbers.h"
#include "raster.h"

#define DETAIL 40 /* coefficients of a descriptor */
#define WAVES 16  /* per channel: 9 in the colour channels, and 16 of lightness */
#define TERMS 4   /* lightness, two colour channels, contrast */

/* Candidates whose errors are computed at once. */
#define LANES 8

/* Pixels to which a tile's error is added at once. */
#define PIXELS 32

/* Rows of a quadratic form that are computed at once: as many sums as fit into 16 registers. */
#define ROWS 5

/* Rows of a quadratic form: the linear part, then the square one, padded to a multiple of ROWS. */
#define FORM_ROWS 20

static int64_t waves_of(int64_t channel) { return channel == 0 ? WAVES : 9; }

/* The change of the sum of squared errors by waves w in a cell: linear . w + w . square . w in each channel. */
typedef struct {
    float row[3][FORM_ROWS][WAVES];
} Form;

/* The tiles, their error, and memory for a form, a tile's picture, FORM_ROWS numbers per pixel of a footprint, and one
 * for each photo. */
typedef struct {
    const Raster *raster;
    const Tiles *tiles;
    const ErrorImage *image;
    Form *form;
    float *picture; /* (TERMS, footprint) */
    float *numbers;
    float *crowding; /* (P,) of photos in a cell, where it was measured */
} Search;

static Search search_of(const Raster *raster, const Tiles *tiles, const ErrorImage *image, float *scratch)
{
    float *picture = scratch + sizeof(Form) / sizeof *scratch;
    float *numbers = picture + TERMS * image->footprint;
    return (Search){
        raster, tiles, image, (Form *)scratch, picture, numbers, numbers + FORM_ROWS * image->footprint,
    };
}

int64_t search_numbers(int64_t footprint, int64_t photos)
{
    return sizeof(Form) / sizeof(float) + (TERMS + FORM_ROWS) * footprint + photos;
}

/* Where a cell's footprint lies in the error image, in pixels, and the number of the cell's size. */
typedef struct {
    int64_t size, left, top, width, height;
} Footprint;

static Footprint footprint_of(const Search *search, int64_t cell)
{
    const int32_t *box = search->raster->box + 4 * cell;
    int64_t pixels = search->image->pixels, margin = 2 * search->image->margin;
    return (Footprint){
        search->image->size[cell], box[0] * pixels, box[1] * pixels,
        (box[2] + margin) * pixels, (box[3] + margin) * pixels,
    };
}

/* -- The errors of tiles ----------------------------------------------------------------------------------------- */

/* The differences of the waves of toned tiles and their cell, in CIELAB units: `waves` (3, 16, lanes).
 *
 * Inlined for 1 and for LANES tiles, so that loops over tiles are vectorised. */
static inline __attribute__((always_inline)) void tile_errors(
    const Tiles *tiles, int64_t cell, const int32_t *photo, const uint8_t *symmetry, const int lanes,
    float *restrict waves)
{
    const float strength = tiles->strength, min_gain = tiles->min_gain, max_gain = tiles->max_gain;
    const float *restrict target = tiles->cell_detail + DETAIL * cell;
    float value[DETAIL * LANES], gain[LANES], product[LANES], own[LANES];
    for (int c = 0; c < lanes; c++) {
        const float *detail = tiles->detail + (int64_t)DETAIL * photo[c], *sign = tiles->sign + DETAIL * symmetry[c];
        const int64_t *source = tiles->source + DETAIL * symmetry[c];
        for (int i = 0; i < DETAIL; i++)
            value[i * lanes + c] = detail[source[i]] * sign[i];
        product[c] = 0.0f;
        own[c] = 1e-6f;
    }
    for (int i = 0; i < DETAIL; i++) {
        for (int c = 0; c < lanes; c++) {
            product[c] += value[i * lanes + c] * target[i];
            own[c] += value[i * lanes + c] * value[i * lanes + c];
        }
    }
    for (int c = 0; c < lanes; c++)
        gain[c] = strength > 0.0f ? lesserf(max_gain, greaterf(min_gain, product[c] / own[c])) : 1.0f;
    for (int64_t i = 0; i < 3 * WAVES; i++) {
        int64_t index = tiles->visible[i];
        for (int c = 0; c < lanes; c++)
            waves[i * lanes + c] =
                index < 0 ? 0.0f : (gain[c] * value[index * lanes + c] - target[index]) * tiles->unweighted[index];
    }
    for (int channel = 0; channel < 3; channel++) {
        const float *slope = tiles->slope + 9 * cell + 3 * channel;
        for (int c = 0; c < lanes; c++) {
            const int64_t photo_colour = 3 * (int64_t)photo[c];
            float difference = tiles->mean[photo_colour + channel] - tiles->cell_mean[3 * cell + channel];
            float mean = (1.0f - strength) * difference;
            for (int rgb = 0; strength > 0.0f && rgb < 3; rgb++) {
                float colour = tiles->cell_colour[3 * cell + rgb];
                float darkest = tiles->darkest[photo_colour + rgb], lightest = tiles->lightest[photo_colour + rgb];
                float missed = lesserf(lightest, greaterf(darkest, colour)) - colour;
                mean += strength * missed * slope[rgb];
            }
            waves[channel * WAVES * lanes + c] = mean;
        }
    }
}

/* The waves (3, 16) of the error of one tile. */
static void tile_error(const Tiles *tiles, int64_t cell, int32_t photo, uint8_t symmetry, float *waves)
{
    tile_errors(tiles, cell, &photo, &symmetry, 1, waves);
}

/* Draw the picture of a tile's error. */
static void draw_error(const Search *search, const Footprint *at, const float *waves)
{
    const ErrorImage *image = search->image;
    for (int64_t term = 0; term < TERMS; term++) {
        const float *shapes = image->by_wave + (at->size * TERMS + term) * WAVES * image->footprint;
        const float *values = waves + term % 3 * WAVES;
        float *restrict picture = search->picture + term * image->footprint;
        for (int64_t first = 0; first < at->width * at->height; first += PIXELS) {
            float sum[PIXELS] = {0};
            for (int64_t i = 0; i < waves_of(term % 3); i++) {
                const float *shape = shapes + i * image->footprint + first;
                for (int j = 0; j < PIXELS; j++)
                    sum[j] += values[i] * shape[j];
            }
            for (int j = 0; j < PIXELS; j++)
                picture[first + j] = sum[j];
        }
    }
}

/* Add a tile's error, times a factor, to the error image. */
static void add(const Search *search, int64_t cell, const float *waves, float factor)
{
    const ErrorImage *image = search->image;
    const Footprint at = footprint_of(search, cell);
    draw_error(search, &at, waves);
    for (int64_t term = 0; term < TERMS; term++) {
        const float *restrict picture = search->picture + term * image->footprint;
        for (int64_t y = 0; y < at.height; y++) {
            float *restrict error = image->error + (term * image->height + at.top + y) * image->width + at.left;
            for (int64_t x = 0; x < at.width; x++)
                error[x] += factor * picture[y * at.width + x];
        }
    }
}

void add_all(
    const Raster *raster, const Tiles *tiles, const ErrorImage *image, const int32_t *photo, const uint8_t *symmetry,
    int64_t cells, float *scratch)
{
    Search search = search_of(raster, tiles, image, scratch);
    float waves[3 * WAVES];
    for (int64_t cell = 0; cell < cells; cell++) {
        tile_error(tiles, cell, photo[cell], symmetry[cell], waves);
        add(&search, cell, waves, 1.0f);
    }
}

/* -- Quadratic forms ----------------------------------------------------------------------------------------------- */

/* Add to ROWS rows the sum over pixels of a row's factor times the waves' shapes. */
static void add_products(
    const float *restrict factors, const float *restrict shapes, int64_t pixels, float *restrict rows)
{
    float sum[ROWS * WAVES];
    for (int j = 0; j < ROWS * WAVES; j++)
        sum[j] = rows[j];
    for (int64_t pixel = 0; pixel < pixels; pixel++) {
        for (int row = 0; row < ROWS; row++)
            for (int j = 0; j < WAVES; j++)
                sum[row * WAVES + j] += factors[pixel * FORM_ROWS + row] * shapes[pixel * WAVES + j];
    }
    for (int j = 0; j < ROWS * WAVES; j++)
        rows[j] = sum[j];
}

/* Compute the quadratic form for waves in a cell whose tile has an error of `waves`, as if it had no tile. */
static void compute_form(const Search *search, int64_t cell, const float *waves)
{
    const ErrorImage *image = search->image;
    const Footprint at = footprint_of(search, cell);
    float *restrict factors = search->numbers;
    draw_error(search, &at, waves);
    *search->form = (Form){0};
    for (int64_t term = 0; term < TERMS; term++) {
        const float *restrict shapes = image->by_pixel + (at.size * TERMS + term) * WAVES * image->footprint;
        for (int64_t y = 0; y < at.height; y++) {
            int64_t row = (term * image->height + at.top + y) * image->width + at.left;
            const float *own = search->picture + term * image->footprint + y * at.width;
            for (int64_t x = 0; x < at.width; x++) {
                const float weight = image->sensitivity[row + x];
                float *factor = factors + (y * at.width + x) * FORM_ROWS;
                factor[0] = 2.0f * weight * (image->error[row + x] - own[x]);
                for (int i = 0; i < WAVES; i++)
                    factor[1 + i] = weight * shapes[(y * at.width + x) * WAVES + i];
            }
        }
        for (int64_t row = 0; row <= waves_of(term % 3); row += ROWS)
            add_products(factors + row, shapes, at.width * at.height, search->form->row[term % 3][row]);
    }
}

/* How much the waves (3, 16, LANES) of tiles change the sum of squared errors. */
static void compute_energies(const Form *form, const float *restrict waves, float *restrict energy)
{
    float total[LANES] = {0};
    for (int64_t channel = 0; channel < 3; channel++) {
        const float *values = waves + channel * WAVES * LANES;
        for (int64_t j = 0; j < waves_of(channel); j++) {
            float sum[LANES];
            for (int c = 0; c < LANES; c++)
                sum[c] = form->row[channel][0][j];
            for (int64_t i = 0; i < waves_of(channel); i++)
                for (int c = 0; c < LANES; c++)
                    sum[c] += values[i * LANES + c] * form->row[channel][1 + i][j];
            for (int c = 0; c < LANES; c++)
                total[c] += sum[c] * values[j * LANES + c];
        }
    }
    for (int c = 0; c < LANES; c++)
        energy[c] = total[c];
}

/* -- Candidates ---------------------------------------------------------------------------------------------------- */

/* Compute the energies of at most LANES tiles in the cell of the form. */
static void tile_energies(
    const Search *search, int64_t cell, const int32_t *photo, const uint8_t *symmetry, int count, float *energy)
{
    float waves[3 * WAVES * LANES];
    int32_t photos[LANES];
    uint8_t symmetries[LANES];
    for (int c = 0; c < LANES; c++) {
        photos[c] = photo[c < count ? c : 0];
        symmetries[c] = symmetry[c < count ? c : 0];
    }
    tile_errors(search->tiles, cell, photos, symmetries, LANES, waves);
    compute_energies(search->form, waves, energy);
}

/* What a cell's metric costs weigh: costs are per cell, energies per area. */
static float weight_of_cost(const Search *search, const Placement *placement, int64_t cell)
{
    const int32_t *box = search->raster->box + 4 * cell;
    return placement->cost_weight * (float)(box[2] * box[3]);
}

/* Compute the form of a cell without its tile, and return the tile's energy with its weighted cost. */
static float energy_in_place(const Search *search, const Placement *placement, int64_t cell)
{
    const int32_t *photo = placement->placed_photo + cell;
    const uint8_t *symmetry = placement->placed_symmetry + cell;
    float waves[3 * WAVES], energy[LANES];
    tile_error(search->tiles, cell, *photo, *symmetry, waves);
    compute_form(search, cell, waves);
    tile_energies(search, cell, photo, symmetry, 1, energy);
    return energy[0] + weight_of_cost(search, placement, cell) * placement->placed_cost[cell];
}

/* Whether a cell may show a photo: one with remaining uses, or with `swaps` only one without. */
static int is_eligible(const Placement *placement, int64_t cell, int32_t photo, int swaps)
{
    int32_t current = placement->placed_photo[cell];
    if (photo < 0)
        return 0;
    if (swaps)
        return photo != current && placement->remaining[photo] <= 0;
    return photo == current || (placement->uses[current] > placement->min_uses && placement->remaining[photo] > 0);
}

/* Evaluate the cell of a batch's step: the energies, with their weighted costs, of its tile and its candidates.
 *
 * Those of candidates that are not eligible are infinite. */
static void evaluate_cell(
    const Search *search, const Placement *placement, const Moves *moves, int64_t step, int64_t cell, int swaps)
{
    const int64_t start = cell * placement->candidates, count = placement->candidates;
    float *energy = moves->energy + step * count;
    int eligible = 0;
    for (int64_t i = 0; i < count; i++) {
        energy[i] = __builtin_inff();
        eligible |= is_eligible(placement, cell, placement->photo[start + i], swaps);
    }
    if (!eligible)
        return;
    moves->current[step] = energy_in_place(search, placement, cell);
    float weight = weight_of_cost(search, placement, cell);
    for (int64_t i = 0; i < count;) {
        int lanes = 0;
        int64_t index[LANES];
        int32_t photo[LANES];
        uint8_t symmetry[LANES];
        for (; i < count && lanes < LANES; i++) {
            if (is_eligible(placement, cell, placement->photo[start + i], swaps)) {
                index[lanes] = i;
                photo[lanes] = placement->photo[start + i];
                symmetry[lanes++] = placement->symmetry[start + i];
            }
        }
        float found[LANES];
        if (lanes > 0)
            tile_energies(search, cell, photo, symmetry, lanes, found);
        for (int c = 0; c < lanes; c++)
            energy[index[c]] = found[c] + weight * placement->cost[start + index[c]];
    }
}

/* Measure the crowding of photos in a cell: what it costs that other cells show them too.
 *
 * Each of these counts by both areas and by closeness, (1 - (distance of centres / reach)^2)^4. Within `radius`, the cost
 * is infinite. Only the numbers of photos that are `shown` or among `photo` are valid. */
static void measure_crowding(
    const Search *search, const Placement *placement, int64_t cell, int32_t shown, const int32_t *photo, int64_t count)
{
    float *crowding = search->crowding;
    crowding[shown] = 0.0f;
    for (int64_t i = 0; i < count; i++)
        if (photo[i] >= 0)
            crowding[photo[i]] = 0.0f;
    const int64_t radius = placement->radius, reach = largest(placement->reach, radius);
    if (reach == 0)
        return;
    const Raster *raster = search->raster;
    const Steps around = steps_around(raster, cell, reach), near = steps_around(raster, cell, radius);
    const int32_t *own = raster->box + 4 * cell;
    const float weight = placement->crowding_weight * (float)(own[2] * own[3]);
    const float square = (float)(4 * reach * reach); /* distances are doubled, so that centres are integers */
    for (int64_t y = around.top; y < around.bottom; y++) {
        for (int64_t x = around.left, next; x < around.right; x = next) {
            int32_t other = raster->numbers[y * raster->width + x];
            next = x + 1;
            if (other < 0)
                continue;
            const int32_t *box = raster->box + 4 * other;
            next = box[0] + box[2];
            if (other == cell || y > largest(box[1], around.top)) /* of a cell, one row counts */
                continue;
            float *total = crowding + placement->placed_photo[other];
            int64_t across = 2 * (box[0] - own[0]) + box[2] - own[2], down = 2 * (box[1] - own[1]) + box[3] - own[3];
            float closeness = greaterf(0.0f, 1.0f - (float)(across * across + down * down) / square);
            float squared = closeness * closeness;
            *total += weight * (float)(box[2] * box[3]) * squared * squared;
            int is_near = box[0] < near.right && next > near.left && box[1] < near.bottom && box[1] + box[3] > near.top;
            if (radius > 0 && is_near)
                *total = __builtin_inff();
        }
    }
}

/* Show a candidate in a cell. */
static void place(const Placement *placement, int64_t cell, int32_t photo, uint8_t symmetry, float cost)
{
    placement->placed_photo[cell] = photo;
    placement->placed_symmetry[cell] = symmetry;
    placement->placed_cost[cell] = cost;
}

/* Mark the neighbours of a changed cell as dirty: a different candidate may now be best for them. */
static void mark_neighbours(const Search *search, const Placement *placement, int64_t cell)
{
    const Raster *raster = search->raster;
    Steps near = steps_around(raster, cell, 1);
    for (int64_t y = near.top; y < near.bottom; y++) {
        for (int64_t x = near.left; x < near.right; x++) {
            int32_t other = raster->numbers[y * raster->width + x];
            if (other >= 0 && other != cell && placement->movable[other])
                placement->dirty[other] = 1;
        }
    }
}

/* Mark the cells whose energies depend on a changed cell, whose footprint overlaps theirs. */
static void mark_changed(const Search *search, const Moves *moves, int64_t cell, int64_t batch)
{
    const Raster *raster = search->raster;
    Steps near = steps_around(raster, cell, 2 * search->image->margin);
    for (int64_t y = near.top; y < near.bottom; y++) {
        for (int64_t x = near.left; x < near.right; x++) {
            int32_t other = raster->numbers[y * raster->width + x];
            if (other >= 0)
                moves->changed[other] = batch;
        }
    }
}

/* Show a photo in a cell instead of its current one. */
static void exchange(
    const Search *search, const Placement *placement, const Moves *moves, int64_t batch, int64_t cell, int32_t photo,
    uint8_t symmetry, float cost)
{
    float waves[3 * WAVES];
    tile_error(search->tiles, cell, placement->placed_photo[cell], placement->placed_symmetry[cell], waves);
    add(search, cell, waves, -1.0f);
    place(placement, cell, photo, symmetry, cost);
    tile_error(search->tiles, cell, photo, symmetry, waves);
    add(search, cell, waves, 1.0f);
    mark_neighbours(search, placement, cell);
    mark_changed(search, moves, cell, batch);
}

/* -- Refinement ---------------------------------------------------------------------------------------------------- */

void evaluate_refinements(
    const Raster *raster, const Tiles *tiles, const ErrorImage *image, const Placement *placement, const Moves *moves,
    const int64_t *order, int64_t first, int64_t end, float *scratch)
{
    Search search = search_of(raster, tiles, image, scratch);
    for (int64_t step = first; step < end; step++)
        evaluate_cell(&search, placement, moves, step, order[step], 0);
}

/* Whether a cell's evaluation lacks a photo that has become eligible since. */
static int is_incomplete(const Placement *placement, const Moves *moves, int64_t step, int64_t cell)
{
    const int32_t *photo = placement->photo + cell * placement->candidates;
    const float *energy = moves->energy + step * placement->candidates;
    for (int64_t i = 0; i < placement->candidates; i++)
        if (energy[i] == __builtin_inff() && is_eligible(placement, cell, photo[i], 0))
            return 1;
    return 0;
}

int64_t apply_refinements(
    const Raster *raster, const Tiles *tiles, const ErrorImage *image, const Placement *placement, const Moves *moves,
    const int64_t *order, int64_t count, int64_t batch, float *scratch)
{
    Search search = search_of(raster, tiles, image, scratch);
    int32_t *remaining = placement->remaining, *uses = placement->uses;
    int64_t changes = 0;
    for (int64_t step = 0; step < count; step++) {
        int64_t cell = order[step], choice = -1, start = cell * placement->candidates;
        int32_t current = placement->placed_photo[cell];
        const float *energy = moves->energy + step * placement->candidates;
        placement->dirty[cell] = 0;
        if (moves->changed[cell] == batch || is_incomplete(placement, moves, step, cell))
            evaluate_cell(&search, placement, moves, step, cell, 0);
        measure_crowding(&search, placement, cell, current, placement->photo + start, placement->candidates);
        float lowest = moves->current[step] + search.crowding[current];
        for (int64_t i = 0; i < placement->candidates; i++) {
            int32_t photo = placement->photo[start + i];
            if (!is_eligible(placement, cell, photo, 0))
                continue;
            float total = energy[i] + search.crowding[photo];
            if (total < lowest * (float)(1.0 - 1e-6) - 1e-6f) {
                lowest = total;
                choice = start + i;
            }
        }
        if (choice < 0)
            continue;
        int32_t photo = placement->photo[choice];
        remaining[current] += 1;
        uses[current] -= 1;
        remaining[photo] -= 1;
        uses[photo] += 1;
        exchange(
            &search, placement, moves, batch, cell, photo, placement->symmetry[choice], placement->cost[choice]);
        changes += 1;
    }
    return changes;
}

/* -- Swaps --------------------------------------------------------------------------------------------------------- */

/* The metric's cost of a tile in a cell, as in renderer/matching/structure.py. */
static float pair_cost(const Tiles *tiles, int64_t cell, int32_t photo, uint8_t symmetry)
{
    const int64_t *source = tiles->source + DETAIL * symmetry;
    const float *sign = tiles->sign + DETAIL * symmetry;
    float product = 0.0f, own = 0.0f, energy = 0.0f;
    for (int i = 0; i < DETAIL; i++) {
        float value = tiles->detail[(int64_t)DETAIL * photo + source[i]] * sign[i];
        float target = tiles->cell_detail[DETAIL * cell + i];
        product += value * target;
        own += value * value;
        energy += target * target;
    }
    float gain = lesserf(tiles->max_gain, greaterf(tiles->min_gain, product / (own + 1e-6f)));
    float total = greaterf(0.0f, gain * (gain * own - 2.0f * product) + energy);
    for (int64_t channel = 0; channel < 3; channel++) {
        int64_t of_photo = 3 * (int64_t)photo + channel, of_cell = 3 * cell + channel;
        float difference = tiles->mean[of_photo] - tiles->cell_mean[of_cell], colour = tiles->cell_colour[of_cell];
        float darkest = tiles->darkest[of_photo], lightest = tiles->lightest[of_photo];
        float missed = lesserf(lightest, greaterf(darkest, colour)) - colour;
        total += tiles->shift * difference * difference + tiles->miss * missed * missed;
        float dark = darkest / greaterf(colour, NARROWEST);
        float bright = (1.0f - lightest) / greaterf(1.0f - colour, NARROWEST);
        float needed = greaterf(dark, bright);
        float lost = 1.0f - tiles->tight_gain / greaterf(tiles->tight_gain, needed);
        total += tiles->loss * lost * lost;
    }
    return total;
}

/* Linked lists of the cells that show each photo. */
typedef struct {
    int64_t *first;     /* (P,) -1: none */
    int64_t *following; /* (N,) */
} CellLists;

static void link_cell(CellLists lists, int32_t photo, int64_t cell)
{
    lists.following[cell] = lists.first[photo];
    lists.first[photo] = cell;
}

static void unlink_cell(CellLists lists, int32_t photo, int64_t cell)
{
    int64_t *link = lists.first + photo;
    while (*link != cell)
        link = lists.following + *link;
    *link = lists.following[cell];
}

/* Whether the errors of the tiles of two cells do not overlap. */
static int are_apart(const Search *search, int64_t a, int64_t b)
{
    const int32_t *one = search->raster->box + 4 * a, *other = search->raster->box + 4 * b;
    int64_t across = largest(one[0] - other[0], other[0] - one[0]) - largest(one[2], other[2]);
    int64_t down = largest(one[1] - other[1], other[1] - one[1]) - largest(one[3], other[3]);
    return largest(across, down) > 2 * search->image->margin;
}

/* Whether two cells are both higher than wide, or neither is: portrait photos don't move to landscape cells. */
static int are_alike(const Search *search, int64_t a, int64_t b)
{
    const int32_t *one = search->raster->box + 4 * a, *other = search->raster->box + 4 * b;
    return (one[3] > one[2]) == (other[3] > other[2]);
}

void list_cells(const int32_t *placed, int64_t cells, int64_t *first, int64_t *following)
{
    for (int64_t cell = 0; cell < cells; cell++)
        link_cell((CellLists){first, following}, placed[cell], cell);
}

/* The candidate that reduces energy and crowding most, or -1, and by how much it does. */
static int64_t best_target(
    const Search *search, const Placement *placement, const Moves *moves, int64_t step, int64_t cell, float *gain)
{
    const int32_t *photo = placement->photo + cell * placement->candidates, shown = placement->placed_photo[cell];
    const float *energy = moves->energy + step * placement->candidates;
    int64_t choice = -1;
    *gain = 0.0f;
    measure_crowding(search, placement, cell, shown, photo, placement->candidates);
    float current = moves->current[step] + search->crowding[shown];
    for (int64_t i = 0; i < placement->candidates; i++) {
        float reduction =
            energy[i] < __builtin_inff() ? current - (energy[i] + search->crowding[photo[i]]) : 0.0f;
        if (reduction > *gain) {
            *gain = reduction;
            choice = i;
        }
    }
    return choice;
}

/* List the first cells that show a photo and may show that of `cell` instead; -1: none. */
static void list_partners(
    const Search *search, const Placement *placement, const int64_t *first_cell, const int64_t *following,
    int64_t cell, int32_t photo, int64_t *partners)
{
    int32_t own = placement->placed_photo[cell];
    int64_t count = 0;
    for (int64_t other = first_cell[photo]; other >= 0 && count < PARTNERS; other = following[other])
        if (are_apart(search, cell, other) && are_alike(search, cell, other) && placement->movable[other]
            && is_clear(search->raster, placement->radius, other, placement->placed_photo, own))
            partners[count++] = other;
    while (count < PARTNERS)
        partners[count++] = -1;
}

/* Evaluate the partners of a step's cell: by how much their energies, with their weighted costs, increase with the
 * cell's photo, and the symmetry for which they increase least. */
static void evaluate_partners(
    const Search *search, const Placement *placement, const Moves *moves, int64_t step, int64_t cell,
    const uint8_t *symmetries, int64_t count)
{
    const int32_t *photo = placement->placed_photo + cell;
    for (int64_t i = PARTNERS * step; i < PARTNERS * (step + 1) && moves->partners[i] >= 0; i++) {
        int64_t other = moves->partners[i];
        float before = energy_in_place(search, placement, other);
        float weight = weight_of_cost(search, placement, other);
        moves->increase[i] = __builtin_inff();
        for (int64_t s = 0; s < count; s++) {
            float energy[LANES], cost = pair_cost(search->tiles, other, *photo, symmetries[s]);
            tile_energies(search, other, photo, symmetries + s, 1, energy);
            float increase = energy[0] + weight * cost - before;
            if (s == 0 || increase < moves->increase[i]) {
                moves->increase[i] = increase;
                moves->partner_symmetry[i] = symmetries[s];
                moves->partner_cost[i] = cost;
            }
        }
    }
}

/* The index of the partner of a step's cell whose energy and crowding increase least, if by less than `gain`, or -1. */
static int64_t best_partner(
    const Search *search, const Placement *placement, const Moves *moves, int64_t step, int32_t own, int32_t photo,
    float gain)
{
    int64_t best = -1;
    float lowest = gain * 0.999f;
    for (int64_t i = PARTNERS * step; i < PARTNERS * (step + 1) && moves->partners[i] >= 0; i++) {
        measure_crowding(search, placement, moves->partners[i], photo, &own, 1);
        float increase = moves->increase[i] + (search->crowding[own] - search->crowding[photo]);
        if (increase < lowest) {
            lowest = increase;
            best = i;
        }
    }
    return best;
}

void evaluate_swaps(
    const Raster *raster, const Tiles *tiles, const ErrorImage *image, const Placement *placement, const Moves *moves,
    const int64_t *order, int64_t first, int64_t end, const uint8_t *symmetries, int64_t symmetry_count,
    const int64_t *first_cell, const int64_t *following, float *scratch)
{
    Search search = search_of(raster, tiles, image, scratch);
    for (int64_t step = first; step < end; step++) {
        int64_t cell = order[step], *partners = moves->partners + PARTNERS * step;
        float gain;
        evaluate_cell(&search, placement, moves, step, cell, 1);
        moves->target[step] = best_target(&search, placement, moves, step, cell, &gain);
        if (moves->target[step] < 0)
            continue;
        int32_t photo = placement->photo[cell * placement->candidates + moves->target[step]];
        list_partners(&search, placement, first_cell, following, cell, photo, partners);
        evaluate_partners(&search, placement, moves, step, cell, symmetries, symmetry_count);
    }
}

int64_t apply_swaps(
    const Raster *raster, const Tiles *tiles, const ErrorImage *image, const Placement *placement, const Moves *moves,
    const int64_t *order, int64_t count, int64_t batch, const uint8_t *symmetries, int64_t symmetry_count,
    int64_t *first_cell, int64_t *following, float *scratch)
{
    Search search = search_of(raster, tiles, image, scratch);
    CellLists lists = {first_cell, following};
    int64_t swaps = 0;
    for (int64_t step = 0; step < count; step++) {
        int64_t cell = order[step], start = cell * placement->candidates, partners[PARTNERS];
        int32_t own = placement->placed_photo[cell];
        int is_valid = moves->changed[cell] != batch;
        if (!is_valid)
            evaluate_cell(&search, placement, moves, step, cell, 1);
        float gain;
        int64_t target = best_target(&search, placement, moves, step, cell, &gain);
        if (target < 0)
            continue;
        int32_t photo = placement->photo[start + target];
        list_partners(&search, placement, first_cell, following, cell, photo, partners);
        is_valid &= target == moves->target[step];
        for (int64_t i = 0; i < PARTNERS; i++) {
            int64_t *known = moves->partners + PARTNERS * step + i;
            is_valid &= partners[i] == *known && (partners[i] < 0 || moves->changed[partners[i]] != batch);
            *known = partners[i];
        }
        if (!is_valid)
            evaluate_partners(&search, placement, moves, step, cell, symmetries, symmetry_count);
        int64_t best = best_partner(&search, placement, moves, step, own, photo, gain);
        if (best < 0)
            continue;
        int64_t partner = moves->partners[best];
        swaps += 1;
        unlink_cell(lists, own, cell);
        unlink_cell(lists, photo, partner);
        exchange(
            &search, placement, moves, batch, cell, photo, placement->symmetry[start + target],
            placement->cost[start + target]);
        exchange(
            &search, placement, moves, batch, partner, own, moves->partner_symmetry[best], moves->partner_cost[best]);
        link_cell(lists, photo, cell);
        link_cell(lists, own, partner);
    }
    return swaps;
}
