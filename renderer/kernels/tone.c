/* The errors of gains and margins among which tone chooses; renderer/matching/tone.py describes it. */

#include "kernels.h"
#include "numbers.h"

/* Choices that are evaluated at once, in vectors. */
#define CHUNK 40

/* Tiles whose choices are compared at once. */
#define TILES 256

/* The values of each choice. */
typedef struct {
    float light[3][CHUNK]; /* mean linear light */
    float gains[3][CHUNK]; /* of the channels */
    float gain[CHUNK];     /* their mean */
    float clipped[CHUNK];  /* share of clipped pixels in the worst channel */
    float lab[3][CHUNK];   /* before the differences: f(X), f(Y), f(Z) */
} Values;

/* The value of a table of `steps` + 1 entries at a position. */
static inline float interpolated(const float *table, float position, int32_t steps)
{
    int32_t first = (int32_t)position;
    first = first < steps ? first : steps - 1;
    return table[first] + (table[first + 1] - table[first]) * (position - (float)first);
}

/* The share of a photo's pixels below a colour in one channel, from a cumulative histogram. */
static inline float share_below(const float *darker, float colour, int32_t shades)
{
    float position = lesserf(greaterf(colour * (float)(255.0 / 256.0 * shades), 0.0f), (float)shades);
    return interpolated(darker, position, shades);
}

/* How far the darkest and lightest pixels of a channel are from its mean, as far as a margin counts them. */
static inline float down_to(float middle, float below, float margin) { return lesserf(middle, below * (1.0f + margin)); }
static inline float up_to(float middle, float above, float margin)
{
    return lesserf(1.0f - middle, above * (1.0f + margin));
}

/* The gains of the channels: that of the choice, or less in a channel in which the cell's colour requires it. */
static void choose_gains(
    const ToneInput *input, int64_t tile, const float *restrict gains, const float *restrict margins, int64_t count,
    Values *restrict values)
{
    const float narrowest = input->channel_gain, tight = input->tile_gain;
    for (int64_t k = 0; k < count; k++)
        values->gain[k] = 0.0f;
    for (int64_t channel = 0; channel < 3; channel++) {
        const int64_t at = 3 * tile + channel;
        const float middle = input->colour[at], target = input->target[at];
        const float below = input->below[at], above = input->above[at];
        for (int64_t k = 0; k < count; k++) {
            float dark = target / greaterf(down_to(middle, below, margins[k]), NARROWEST);
            float bright = (1.0f - target) / greaterf(up_to(middle, above, margins[k]), NARROWEST);
            float gain = lesserf(gains[k], greaterf(lesserf(dark, bright), narrowest));
            values->gains[channel][k] = gain;
            values->gain[k] += (float)(1.0 / 3.0) * gain;
        }
    }
    for (int64_t k = 0; k < count; k++) {
        float lacking = greaterf(tight - values->gain[k], 0.0f);
        float share = lesserf(lacking / greaterf(gains[k] - values->gain[k], 1e-6f), 1.0f);
        for (int channel = 0; channel < 3; channel++)
            values->gains[channel][k] += share * (gains[k] - values->gains[channel][k]);
        values->gain[k] += share * (gains[k] - values->gain[k]);
    }
}

/* Clipping and light in one channel of a tile. */
static void evaluate_channel(
    const ToneInput *input, int64_t tile, int64_t channel, const float *restrict margins, int64_t count,
    Values *restrict values)
{
    const int64_t at = 3 * tile + channel;
    const int32_t shades = (int32_t)input->shades;
    const float *restrict light = input->light;
    const float *restrict darker = input->darker + (3 * input->photo[tile] + channel) * (shades + 1);
    const float middle = input->colour[at], target = input->target[at], strength = input->strength;
    const float below = input->below[at], above = input->above[at], half_step = input->half_step;
    for (int64_t k = 0; k < count; k++) {
        float gain = values->gains[channel][k];
        float darkest = gain * down_to(middle, below, margins[k]);
        float lightest = 1.0f - gain * up_to(middle, above, margins[k]);
        float toned = middle + strength * (lesserf(lightest, greaterf(darkest, target)) - middle);
        float offset = toned - gain * middle;
        float dark = share_below(darker, (-half_step - offset) / gain, shades);
        float bright = darker[shades] - share_below(darker, (1.0f + half_step - offset) / gain, shades);
        values->clipped[k] = greaterf(dark + bright, values->clipped[k]);
        float level = lesserf(greaterf(toned, 0.0f), 1.0f) * 255.0f;
        values->light[channel][k] = interpolated(light, level, 255);
    }
}

/* The differences of toned tiles and their cell: of the colour in CIELAB, and of the detail. */
static void evaluate_tile(
    const ToneInput *input, int64_t tile, const float *restrict gains, const float *restrict margins, int64_t count,
    Values *restrict values, float *restrict error)
{
    for (int64_t k = 0; k < count; k++)
        values->clipped[k] = 0.0f;
    choose_gains(input, tile, gains, margins, count, values);
    for (int64_t channel = 0; channel < 3; channel++)
        evaluate_channel(input, tile, channel, margins, count, values);
    for (int c = 0; c < 3; c++) {
        const float red = input->to_xyz[3 * c], green = input->to_xyz[3 * c + 1], blue = input->to_xyz[3 * c + 2];
        for (int64_t k = 0; k < count; k++) {
            float value = red * values->light[0][k] + green * values->light[1][k] + blue * values->light[2][k];
            float root = cube_root(value), linear = 7.787f * value + (float)(16.0 / 116.0);
            values->lab[c][k] = value > 0.008856f ? root : linear;
        }
    }
    const float *lab = input->target_lab + 3 * tile;
    float product = 0.0f, own = 0.0f, energy = 0.0f;
    for (int64_t i = tile * input->details; i < (tile + 1) * input->details; i++) {
        product += input->detail[i] * input->cell_detail[i];
        own += input->detail[i] * input->detail[i];
        energy += input->cell_detail[i] * input->cell_detail[i];
    }
    const float area = input->area[tile], square_weight = input->square_weight;
    const float weight = input->detail_weight * area; /* the detail of a small cell is not visible from afar */
    const float lab_lightness = lab[0], lab_green = lab[1], lab_yellow = lab[2];
    for (int64_t k = 0; k < count; k++) {
        float gain = values->gain[k];
        float shape = greaterf(0.0f, gain * (gain * own - 2.0f * product) + energy);
        float lightness = 116.0f * values->lab[1][k] - 16.0f - lab_lightness;
        float green = 500.0f * (values->lab[0][k] - values->lab[1][k]) - lab_green;
        float yellow = 200.0f * (values->lab[1][k] - values->lab[2][k]) - lab_yellow;
        float squared = lightness * lightness + green * green + yellow * yellow;
        float total = squared + weight * shape;
        error[k] = area * (__builtin_sqrtf(total) + square_weight * total);
    }
}

void evaluate_choices(
    const ToneInput *input, int64_t first_tile, int64_t end_tile, int64_t tiles, const float *gains,
    const float *margins, int64_t choices, float *error, float *clipped, float *gained)
{
    Values values;
    float errors[CHUNK];
    for (int64_t first = 0; first < choices; first += CHUNK) {
        int64_t count = smallest(CHUNK, choices - first);
        for (int64_t tile = first_tile; tile < end_tile; tile++) {
            evaluate_tile(input, tile, gains + first, margins + first, count, &values, errors);
            for (int64_t k = 0; k < count; k++) {
                error[(first + k) * tiles + tile] = errors[k];
                clipped[(first + k) * tiles + tile] = values.clipped[k];
                gained[(first + k) * tiles + tile] = values.gain[k];
            }
        }
    }
}

void cheapest_choices(
    const float *error, const float *clipped, const float *gained, int64_t choices, int64_t tiles, float benefit,
    float cost, int64_t *chosen)
{
    for (int64_t first = 0; first < tiles; first += TILES) {
        float lowest[TILES];
        int32_t best[TILES];
        int64_t count = smallest(TILES, tiles - first);
        for (int64_t i = 0; i < count; i++) {
            lowest[i] = __builtin_inff();
            best[i] = 0;
        }
        for (int32_t k = 0; k < choices; k++) {
            const float *errors = error + k * tiles + first, *shares = clipped + k * tiles + first;
            const float *gains = gained + k * tiles + first;
            for (int64_t i = 0; i < count; i++) {
                float total = errors[i] - benefit * gains[i] + cost * shares[i];
                int is_lower = total < lowest[i];
                best[i] = is_lower ? k : best[i];
                lowest[i] = is_lower ? total : lowest[i];
            }
        }
        for (int64_t i = 0; i < count; i++)
            chosen[first + i] = best[i];
    }
}
