/* The perceptual search: cells take the photos that make the mosaic most similar to the cover;
 * renderer/matching/perceptual_search.py describes it.
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

/* The tiles, their error, and memory for a form and for FORM_ROWS numbers per pixel of a footprint. */
typedef struct {
    const Raster *raster;
    const Tiles *tiles;
    const ErrorImage *image;
    Form *form;
    float *numbers;
} Search;

static Search search_of(const Raster *raster, const Tiles *tiles, const ErrorImage *image, float *scratch)
{
    return (Search){raster, tiles, image, (Form *)scratch, scratch + sizeof(Form) / sizeof *scratch};
}

int64_t search_numbers(int64_t footprint) { return sizeof(Form) / sizeof(float) + FORM_ROWS * footprint; }

/* Where a cell's footprint lies in the error image, in pixels. */
typedef struct {
    int64_t side, left, top, length;
} Footprint;

static Footprint footprint_of(const Search *search, int64_t cell)
{
    const int32_t *box = search->raster->box + 4 * cell;
    int64_t pixels = search->image->pixels;
    return (Footprint){box[2], box[0] * pixels, box[1] * pixels, (box[2] + 2 * search->image->margin) * pixels};
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

/* Add a tile's error, times a factor, to the error image. */
static void add(const Search *search, int64_t cell, const float *waves, float factor)
{
    const ErrorImage *image = search->image;
    const Footprint at = footprint_of(search, cell);
    float *restrict total = search->numbers;
    for (int64_t term = 0; term < TERMS; term++) {
        const float *shapes = image->by_wave + (at.side * TERMS + term) * WAVES * image->footprint;
        const float *values = waves + term % 3 * WAVES;
        for (int64_t first = 0; first < at.length * at.length; first += PIXELS) {
            float sum[PIXELS] = {0};
            for (int64_t i = 0; i < waves_of(term % 3); i++) {
                const float *shape = shapes + i * image->footprint + first;
                for (int j = 0; j < PIXELS; j++)
                    sum[j] += values[i] * shape[j];
            }
            for (int j = 0; j < PIXELS; j++)
                total[first + j] = factor * sum[j];
        }
        for (int64_t y = 0; y < at.length; y++) {
            float *restrict error = image->error + (term * image->height + at.top + y) * image->width + at.left;
            for (int64_t x = 0; x < at.length; x++)
                error[x] += total[y * at.length + x];
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

/* Compute the quadratic form for waves in a cell. */
static void compute_form(const Search *search, int64_t cell)
{
    const ErrorImage *image = search->image;
    const Footprint at = footprint_of(search, cell);
    float *restrict factors = search->numbers;
    *search->form = (Form){0};
    for (int64_t term = 0; term < TERMS; term++) {
        const float *restrict shapes = image->by_pixel + (at.side * TERMS + term) * WAVES * image->footprint;
        for (int64_t y = 0; y < at.length; y++) {
            int64_t row = (term * image->height + at.top + y) * image->width + at.left;
            for (int64_t x = 0; x < at.length; x++) {
                const float weight = image->sensitivity[row + x];
                float *factor = factors + (y * at.length + x) * FORM_ROWS;
                factor[0] = 2.0f * weight * image->error[row + x];
                for (int i = 0; i < WAVES; i++)
                    factor[1 + i] = weight * shapes[(y * at.length + x) * WAVES + i];
            }
        }
        for (int64_t row = 0; row <= waves_of(term % 3); row += ROWS)
            add_products(factors + row, shapes, at.length * at.length, search->form->row[term % 3][row]);
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

/* Candidates of a cell, and their energies. */
typedef struct {
    int count;
    int64_t index[LANES];
    float energy[LANES];
} Batch;

static void candidate_energies(const Search *search, const Placement *placement, int64_t cell, Batch *batch)
{
    int32_t photo[LANES];
    uint8_t symmetry[LANES];
    for (int c = 0; c < batch->count; c++) {
        photo[c] = placement->photo[batch->index[c]];
        symmetry[c] = placement->symmetry[batch->index[c]];
    }
    if (batch->count > 0)
        tile_energies(search, cell, photo, symmetry, batch->count, batch->energy);
}

/* What a cell's metric costs weigh: costs are per cell, energies per area. */
static float weight_of_cost(const Search *search, int64_t cell, float cost_weight)
{
    const int32_t *box = search->raster->box + 4 * cell;
    return cost_weight * (float)(box[2] * box[3]);
}

/* The energy and weighted cost of a cell's current tile. The form is that of the cell. */
static float energy_with(const Search *search, const Placement *placement, int64_t cell, float cost_weight)
{
    float energy[LANES];
    tile_energies(search, cell, placement->placed_photo + cell, placement->placed_symmetry + cell, 1, energy);
    return energy[0] + weight_of_cost(search, cell, cost_weight) * placement->placed_cost[cell];
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

int64_t refine(
    const Raster *raster, const Tiles *tiles, const ErrorImage *image, const Placement *placement, const int64_t *order,
    int64_t count, int64_t radius, int64_t min_uses, float cost_weight, int32_t *uses, float *scratch)
{
    Search search = search_of(raster, tiles, image, scratch);
    int32_t *placed = placement->placed_photo, *remaining = placement->remaining;
    float waves[3 * WAVES];
    int64_t changes = 0;
    for (int64_t step = 0; step < count; step++) {
        int64_t cell = order[step], choice = -1, i = cell * placement->candidates, end = i + placement->candidates;
        int32_t current = placed[cell];
        placement->dirty[cell] = 0;
        tile_error(tiles, cell, current, placement->placed_symmetry[cell], waves);
        add(&search, cell, waves, -1.0f);
        compute_form(&search, cell);
        float lowest = energy_with(&search, placement, cell, cost_weight);
        float weight = weight_of_cost(&search, cell, cost_weight);
        int may_change = uses[current] > min_uses;
        while (i < end) {
            Batch batch = {0};
            for (; i < end && batch.count < LANES; i++) {
                int32_t number = placement->photo[i];
                if (number >= 0 && (number == current || (may_change && remaining[number] > 0)))
                    batch.index[batch.count++] = i;
            }
            candidate_energies(&search, placement, cell, &batch);
            for (int c = 0; c < batch.count; c++) {
                int64_t index = batch.index[c];
                float value = batch.energy[c] + weight * placement->cost[index];
                if (value < lowest * (float)(1.0 - 1e-6) - 1e-6f
                    && is_clear(raster, radius, cell, placed, placement->photo[index])) {
                    lowest = value;
                    choice = index;
                }
            }
        }
        if (choice >= 0) {
            int32_t number = placement->photo[choice];
            remaining[current] += 1;
            uses[current] -= 1;
            remaining[number] -= 1;
            uses[number] += 1;
            place(placement, cell, number, placement->symmetry[choice], placement->cost[choice]);
            mark_neighbours(&search, placement, cell);
            tile_error(tiles, cell, number, placement->symmetry[choice], waves);
            changes += 1;
        }
        add(&search, cell, waves, 1.0f);
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
        float missed = lesserf(tiles->lightest[of_photo], greaterf(tiles->darkest[of_photo], colour)) - colour;
        total += tiles->shift * difference * difference + tiles->miss * missed * missed;
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

/* Compute the form of a cell without its tile, and return the tile's energy with its weighted cost. */
static float energy_in_place(const Search *search, const Placement *placement, int64_t cell, float cost_weight)
{
    float waves[3 * WAVES];
    tile_error(search->tiles, cell, placement->placed_photo[cell], placement->placed_symmetry[cell], waves);
    add(search, cell, waves, -1.0f);
    compute_form(search, cell);
    add(search, cell, waves, 1.0f);
    return energy_with(search, placement, cell, cost_weight);
}

/* Show a photo in a cell instead of its current one. */
static void exchange(
    const Search *search, const Placement *placement, int64_t cell, int32_t photo, uint8_t symmetry, float cost)
{
    float waves[3 * WAVES];
    tile_error(search->tiles, cell, placement->placed_photo[cell], placement->placed_symmetry[cell], waves);
    add(search, cell, waves, -1.0f);
    place(placement, cell, photo, symmetry, cost);
    tile_error(search->tiles, cell, photo, symmetry, waves);
    add(search, cell, waves, 1.0f);
    mark_neighbours(search, placement, cell);
}

/* A cell that may show another photo, and by how much energy and weighted cost then increase. */
typedef struct {
    int64_t cell; /* -1: none */
    uint8_t symmetry;
    float cost, increase;
} Partner;

/* Let a cell show a photo under the best symmetry, if the increase is lower than that of the best partner so far. */
static void try_partner(
    const Search *search, const Placement *placement, int64_t cell, int32_t photo, const uint8_t *symmetries,
    int64_t count, float cost_weight, Partner *best)
{
    float before = energy_in_place(search, placement, cell, cost_weight);
    for (int64_t s = 0; s < count; s++) {
        float energy[LANES], cost = pair_cost(search->tiles, cell, photo, symmetries[s]);
        tile_energies(search, cell, &photo, symmetries + s, 1, energy);
        float increase = energy[0] + weight_of_cost(search, cell, cost_weight) * cost - before;
        if (increase < best->increase * 0.999f)
            *best = (Partner){cell, symmetries[s], cost, increase};
    }
}

/* Whether the errors of the tiles of two cells do not overlap. */
static int are_apart(const Search *search, int64_t a, int64_t b)
{
    const int32_t *one = search->raster->box + 4 * a, *other = search->raster->box + 4 * b;
    int64_t across = largest(one[0] - other[0], other[0] - one[0]);
    int64_t down = largest(one[1] - other[1], other[1] - one[1]);
    return largest(across, down) > 2 * search->image->margin + largest(one[2], other[2]);
}

int64_t swap(
    const Raster *raster, const Tiles *tiles, const ErrorImage *image, const Placement *placement, const int64_t *order,
    int64_t count, int64_t radius, const uint8_t *symmetries, int64_t symmetry_count, int64_t max_partners,
    float cost_weight, int64_t cells, int64_t *first, int64_t *following, float *scratch)
{
    Search search = search_of(raster, tiles, image, scratch);
    CellLists lists = {first, following};
    const int32_t *placed = placement->placed_photo;
    for (int64_t cell = 0; cell < cells; cell++)
        link_cell(lists, placed[cell], cell);
    int64_t swaps = 0;
    for (int64_t step = 0; step < count; step++) {
        int64_t cell = order[step], choice = -1, i = cell * placement->candidates, end = i + placement->candidates;
        int32_t own = placed[cell];
        float now = energy_in_place(&search, placement, cell, cost_weight), gain = 0.0f;
        float weight = weight_of_cost(&search, cell, cost_weight);
        while (i < end) {
            Batch batch = {0};
            for (; i < end && batch.count < LANES; i++) {
                int32_t number = placement->photo[i];
                if (number >= 0 && number != own && placement->remaining[number] <= 0)
                    batch.index[batch.count++] = i;
            }
            candidate_energies(&search, placement, cell, &batch);
            for (int c = 0; c < batch.count; c++) {
                int64_t index = batch.index[c];
                float reduction = now - batch.energy[c] - weight * placement->cost[index];
                if (reduction > gain && is_clear(raster, radius, cell, placed, placement->photo[index])) {
                    gain = reduction;
                    choice = index;
                }
            }
        }
        if (choice < 0)
            continue;
        int32_t target = placement->photo[choice];
        Partner partner = {.cell = -1, .increase = gain};
        int64_t partners = 0;
        for (int64_t other = first[target]; other >= 0 && partners < max_partners; other = following[other]) {
            if (are_apart(&search, cell, other) && placement->movable[other]
                && is_clear(raster, radius, other, placed, own)) {
                try_partner(&search, placement, other, own, symmetries, symmetry_count, cost_weight, &partner);
                partners += 1;
            }
        }
        if (partner.cell < 0)
            continue;
        swaps += 1;
        unlink_cell(lists, own, cell);
        unlink_cell(lists, target, partner.cell);
        exchange(&search, placement, cell, target, placement->symmetry[choice], placement->cost[choice]);
        exchange(&search, placement, partner.cell, own, partner.symmetry, partner.cost);
        link_cell(lists, target, cell);
        link_cell(lists, own, partner.cell);
    }
    return swaps;
}
