/* The exported functions. Python reads this file to call them (renderer/kernels/library.py): a pointer is a contiguous
 * NumPy array of its type, `const` if it is only read; a pointer to pointers is an array of memory addresses. */

#ifndef KERNELS_H
#define KERNELS_H

#include <stdint.h>

#if defined(_WIN32)
#define EXPORTED __declspec(dllexport)
#else
#define EXPORTED __attribute__((visibility("default")))
#endif

/* Lengths of rows of arrays, which Python reads too. */
#define BID_GROUP 16 /* candidates that a bidding cell skips together if none can be better than what it found */
#define PARTNERS 3   /* maximum number of cells that are considered as a cell's partner in a swap */

/* processor.c: the level of an x86-64 processor, 1...3 (0 on others), and a digest of the sources. */
EXPORTED int64_t processor_level(void);
EXPORTED uint64_t source_digest(void);

/* visibility.c: renderer/kernels/drawing.py describes the fields. */
typedef struct {
    const int32_t *texture;
    const double *centre;
    const double *right;
    const double *down;
    const double *window;
    const float *opacity;
    const float *gain;
    const float *offset;
    const uint8_t *joined;
    int64_t in_space; /* whether the following arrays have elements */
    const double *z;
    const float *softness;
    const float *light;
    const double *trail;
} Sprites;

typedef struct {
    int64_t hexagon;
    double radius;
    double border;
    double opened;
    uint32_t border_colour;
} Outline;

typedef struct {
    const int32_t *width;
    const int32_t *height;
    const int32_t *levels;
    const uint8_t *opaque;
    const uint32_t *const *address;
    int64_t *used;
} TextureTable;

EXPORTED int64_t draw_bytes(void);
EXPORTED void list_visible(
    const Sprites *sprites, int64_t count, const Outline *outline, const double *view, int64_t frame_width,
    int64_t frame_height, const int64_t *columns, const int64_t *hidden, double tone_full_below,
    double tone_none_above, double sharper, const TextureTable *table, int64_t textures, int64_t max_levels,
    int64_t scene, uint8_t *draws, int64_t capacity, int32_t *missing, int64_t missing_capacity, int64_t *counts);

/* sprites.c */
EXPORTED void fill_band(
    uint32_t *frame, int64_t frame_width, int64_t first_row, int64_t end_row, uint32_t colour, const uint32_t *picture,
    int64_t has_picture);
EXPORTED void draw_band(
    uint32_t *frame, int64_t frame_width, int64_t first_column, int64_t first_row, int64_t end_row, int64_t max_levels,
    const uint32_t *const *address, const uint8_t *draws, int64_t count, const int64_t *hidden);

/* doubled.c */
EXPORTED void lay_doubled(
    uint32_t *frame, int64_t frame_width, int64_t first_column, int64_t first_row, int64_t end_row,
    const uint32_t *picture, int64_t width, int64_t height);

/* planar.c: renderer/kernels/planar.py describes the parameters. */
EXPORTED int64_t planar_bytes(int64_t width);
EXPORTED int64_t planar_picture_bytes(void);
EXPORTED int64_t prepared_bytes(int64_t width);
EXPORTED void prepare_planes(
    int64_t width, const uint8_t *pictures, const double *edges, const int32_t *styles, uint8_t *memory);
EXPORTED void draw_planes(
    uint8_t *luma, uint8_t *blue, uint8_t *red, int64_t width, const int64_t *clip, const uint8_t *const *blocks,
    const uint8_t *pictures, int64_t count, const double *edges, const int32_t *styles, uint8_t *memory,
    uint8_t *shared, int64_t has_shared);

/* exposure.c */
EXPORTED void gather_light(
    const uint32_t *frame, int64_t frame_width, int64_t first_row, int64_t end_row, const uint32_t *light,
    uint32_t *total, int64_t begin);
EXPORTED void develop(
    const uint32_t *total, int64_t frame_width, int64_t first_row, int64_t end_row, int64_t count,
    const uint8_t *bytes, uint32_t *frame);

/* arithmetic.c: renderer/kernels/arithmetic.py describes them. */
EXPORTED double exponential(double x);
EXPORTED double binary_logarithm(double x);
EXPORTED double raised(double x, double exponent);
EXPORTED double sine(double x);
EXPORTED double cosine(double x);
EXPORTED double angle_of(double y, double x);
EXPORTED void exponentials(const double *x, int64_t count, double *values);
EXPORTED void binary_logarithms(const double *x, int64_t count, double *values);
EXPORTED void raised_all(const double *x, const double *exponents, int64_t count, double *values);
EXPORTED void sines(const double *x, int64_t count, double *values);
EXPORTED void cosines(const double *x, int64_t count, double *values);
EXPORTED void angles_of(const double *y, const double *x, int64_t count, double *values);
EXPORTED void multiply_matrices(
    const double *rows, const double *columns, int64_t height, int64_t depth, int64_t width, double *product);

/* light.c */
EXPORTED void encode_light(const float *light, int64_t count, const uint8_t *bytes, uint8_t *pixels);

/* resize.c: renderer/kernels/resizing.py describes the fields and parameters. */
typedef struct {
    const int32_t *first;
    const float *weights;
    int64_t taps;
    int64_t size;
} Scale;

EXPORTED void resize_values(
    const uint8_t *pixels, int64_t width, int64_t height, const Scale *columns, const Scale *rows, int64_t strip,
    uint8_t *memory, uint8_t *resized);
EXPORTED void resize_light(
    const uint8_t *pixels, int64_t width, const Scale *columns, const Scale *rows, const float *light,
    const uint8_t *bytes, float *memory, uint8_t *resized);

/* formats.c */
EXPORTED void to_yuv420(
    const uint32_t *frame, int64_t frame_width, int64_t first_pair, int64_t end_pair, uint8_t *luma, uint8_t *blue,
    uint8_t *red);
EXPORTED void lay_over_yuv420(
    const uint32_t *frame, int64_t frame_width, int64_t first_pair, int64_t end_pair, uint8_t *luma, uint8_t *blue,
    uint8_t *red);
EXPORTED int64_t to_planes(
    const uint32_t *picture, int64_t picture_width, int64_t first_column, int64_t width, int64_t height,
    int64_t inside_width, int64_t inside_height, uint8_t *colour, uint8_t *cover);
EXPORTED void to_rgba(
    const uint32_t *frame, int64_t frame_width, int64_t first_row, int64_t end_row, uint8_t *pixels);

/* gif_pixels.c, palette.c and lzw.c: renderer/kernels/gif.py describes the fields. */
typedef struct {
    float *target;
    float *shown;
    uint8_t *filled;
    uint8_t *task;
    float *calm;
} Canvas;

typedef struct {
    float *colours;
    int16_t *nearest;
} Palette;

typedef struct {
    double *histogram;
    uint32_t *used;
    float *points;
    int32_t *cells;
} Census;

EXPORTED void measure_calm(const uint32_t *frame, int64_t width, int64_t height, float *calm);
EXPORTED void compare_frames(
    const uint32_t *frame, const uint32_t *before, const uint32_t *after, int64_t width, int64_t height,
    const Canvas *canvas, const Census *census, int64_t *box);

EXPORTED void to_opponent(const uint8_t *rgb, int64_t count, float *colours);
EXPORTED void to_rgb(const float *colours, int64_t count, uint8_t *rgb);
EXPORTED int64_t collect_points(const Census *census);
EXPORTED double assign_points(
    const Census *census, int64_t count, const Palette *palette, int64_t size, double *sums, int64_t move);
EXPORTED int64_t box_bytes(void);
EXPORTED int64_t divide_points(
    const float *points, int64_t count, float *colours, int64_t size, int32_t *order, uint8_t *scratch);

EXPORTED int64_t lzw_bytes(void);
EXPORTED int64_t write_image(
    const Canvas *canvas, int64_t width, const Palette *palette, int64_t size, const int64_t *box, int64_t symbol_bits,
    double tolerance, uint8_t *scratch, uint8_t *out);

/* discs.c */
EXPORTED void draw_discs(
    uint8_t *picture, int64_t height, int64_t width, const float *centre, const float *radius, const float *colour,
    const float *opacity, int64_t count);

/* faces.c: renderer/kernels/faces.py describes the fields and parameters. */
typedef struct {
    const float *features;
    const uint32_t *patterns;
    const float *votes;
    const int64_t *stage_end;
    const float *thresholds;
    int64_t stages;
    int64_t side;
} Cascade;

EXPORTED int64_t find_windows(
    const Cascade *cascade, const float *sums, int64_t height, int64_t width, const float *scales, int64_t count,
    int32_t *blocks, int32_t *windows, int64_t capacity);

/* renderer/kernels/matching.py describes the fields and parameters of the following structs and functions. */
typedef struct {
    const int32_t *numbers;
    const int32_t *box;
    int64_t height;
    int64_t width;
} Raster;

/* auction.c */
typedef struct {
    double *prices;
    const int64_t *first_slot;
    int64_t *holders;
    double *bids;
    int64_t *filled;
    int64_t *held;
} Auction;

EXPORTED void run_auction(
    const Auction *auction, const int32_t *photo, const float *cost, const int64_t *first, const int64_t *known,
    double *lowest, const double *outside, double epsilon, int64_t *queue, int64_t count);

/* assignment.c */
EXPORTED void assign_columns(
    const float *costs, int64_t rows, int64_t columns, double *prices, int64_t *held, double *numbers,
    int64_t *indices);

/* spacing.c */
EXPORTED void find_conflicts(
    const Raster *raster, int64_t radius, const int64_t *order, int64_t count, const int32_t *photo, int32_t *placed,
    uint8_t *conflicts);
EXPORTED void place_allowed(
    const Raster *raster, int64_t radius, const int64_t *empty, int64_t count, const int32_t *photo,
    const uint8_t *symmetry, const float *cost, int64_t candidates, int32_t *remaining, int32_t *placed,
    uint8_t *placed_symmetry, float *placed_cost);
EXPORTED int64_t fill_any(
    const Raster *raster, int64_t radius, int32_t *remaining, int64_t photos, int64_t first_fit, int64_t *near,
    int32_t *placed);

typedef struct {
    int64_t *tile;
    int32_t *photo;
    float *cost;
    const int64_t *cells;
    const int64_t *place;
    const int64_t *around;
    int64_t *column;
    const float *own;
    const float *given;
    int64_t rows;
    int64_t columns;
    int64_t reach;
} Exchanges;

EXPORTED int64_t exchange_repeats(
    const Raster *raster, const int64_t *radii, int64_t distances, const Exchanges *exchanges, float highest);

/* structure.c */
typedef struct {
    const float *products;
    const float *energy;
    const float *mean;
    const float *colour;
    const float *terms;
    int64_t symmetries;
    int64_t rows;
    int64_t photos;
    int64_t all_photos;
    int64_t start;
    float min_gain;
    float max_gain;
    float shift;
    float miss;
    float tight_gain;
    float loss;
} StructureBlock;

EXPORTED void keep_cheapest(
    const StructureBlock *block, const uint8_t *symmetries, const float *prices, int32_t *photo, uint8_t *symmetry,
    float *cost, float *totals, int64_t candidates);
EXPORTED void all_costs(const StructureBlock *block, const uint8_t *symmetries, float *cost, uint8_t *symmetry);

/* pixel_distance.c */
EXPORTED void merge_nearest(
    const float *bound, int64_t rows, int64_t count, float slack, const uint8_t *pictures, const uint8_t *photos,
    int64_t bytes, int64_t start, const float *prices, int64_t symmetry, int32_t *photo, uint8_t *symmetries,
    float *cost, float *totals, int64_t candidates);

/* colour_counts.c */
EXPORTED void count_near(
    const float *colours, const int64_t *cube, int64_t first, int64_t end, const float *others, const int64_t *start,
    int64_t rows, int64_t columns, double distance, int64_t enough, int64_t *near);

/* tone.c */
typedef struct {
    const float *cell_detail;
    const float *detail;
    const float *target;
    const float *target_lab;
    const float *colour;
    const float *below;
    const float *above;
    const float *area;
    const float *darker;
    const int64_t *photo;
    const float *light;
    const float *to_xyz;
    int64_t details;
    int64_t shades;
    float strength;
    float half_step;
    float detail_weight;
    float square_weight;
    float tile_gain;
    float channel_gain;
} ToneInput;

EXPORTED void evaluate_choices(
    const ToneInput *input, int64_t first_tile, int64_t end_tile, int64_t tiles, const float *gains,
    const float *margins, int64_t choices, float *error, float *clipped, float *gained);
EXPORTED void cheapest_choices(
    const float *error, const float *clipped, const float *gained, int64_t choices, int64_t tiles, float benefit,
    float cost, int64_t *chosen);

/* perceptual.c: renderer/kernels/perceptual.py describes the fields and parameters. */
typedef struct {
    const int64_t *source;
    const float *sign;
    const int64_t *visible;
    const float *unweighted;
    const float *cell_detail;
    const float *cell_mean;
    const float *cell_colour;
    const float *slope;
    const float *detail;
    const float *mean;
    const float *darkest;
    const float *lightest;
    float strength;
    float min_gain;
    float max_gain;
    float shift;
    float miss;
    float tight_gain;
    float loss;
} Tiles;

typedef struct {
    float *error;
    const float *sensitivity;
    const float *by_pixel;
    const float *by_wave;
    const int32_t *size;
    int64_t height;
    int64_t width;
    int64_t footprint;
    int64_t pixels;
    int64_t margin;
} ErrorImage;

typedef struct {
    const int32_t *photo;
    const uint8_t *symmetry;
    const float *cost;
    int64_t candidates;
    int32_t *placed_photo;
    uint8_t *placed_symmetry;
    float *placed_cost;
    int32_t *remaining;
    int32_t *uses;
    const uint8_t *movable;
    uint8_t *dirty;
    int64_t radius;
    int64_t reach;
    int64_t min_uses;
    float cost_weight;
    float crowding_weight;
} Placement;

typedef struct {
    int64_t *changed;
    float *energy;
    float *current;
    int64_t *target;
    int64_t *partners;
    float *increase;
    uint8_t *partner_symmetry;
    float *partner_cost;
} Moves;

EXPORTED int64_t search_numbers(int64_t footprint, int64_t photos);
EXPORTED void add_all(
    const Raster *raster, const Tiles *tiles, const ErrorImage *image, const int32_t *photo, const uint8_t *symmetry,
    int64_t cells, float *scratch);
EXPORTED void evaluate_refinements(
    const Raster *raster, const Tiles *tiles, const ErrorImage *image, const Placement *placement, const Moves *moves,
    const int64_t *order, int64_t first, int64_t end, float *scratch);
EXPORTED int64_t apply_refinements(
    const Raster *raster, const Tiles *tiles, const ErrorImage *image, const Placement *placement, const Moves *moves,
    const int64_t *order, int64_t count, int64_t batch, float *scratch);
EXPORTED void list_cells(const int32_t *placed, int64_t cells, int64_t *first, int64_t *following);
EXPORTED void evaluate_swaps(
    const Raster *raster, const Tiles *tiles, const ErrorImage *image, const Placement *placement, const Moves *moves,
    const int64_t *order, int64_t first, int64_t end, const uint8_t *symmetries, int64_t symmetry_count,
    const int64_t *first_cell, const int64_t *following, float *scratch);
EXPORTED int64_t apply_swaps(
    const Raster *raster, const Tiles *tiles, const ErrorImage *image, const Placement *placement, const Moves *moves,
    const int64_t *order, int64_t count, int64_t batch, const uint8_t *symmetries, int64_t symmetry_count,
    int64_t *first_cell, int64_t *following, float *scratch);

#endif
