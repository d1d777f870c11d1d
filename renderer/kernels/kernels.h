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
} Sprites;

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
    const Sprites *sprites, int64_t count, const double *view, int64_t frame_width, int64_t frame_height,
    const int64_t *hidden, double tone_full_below, double tone_none_above, double sharper, const TextureTable *table,
    int64_t textures, int64_t max_levels, int64_t scene, uint8_t *draws, int64_t capacity, int32_t *missing, int64_t missing_capacity,
    int64_t *counts);

/* sprites.c */
EXPORTED void fill_band(
    uint32_t *frame, int64_t frame_width, int64_t first_row, int64_t end_row, uint32_t colour, const uint32_t *picture,
    int64_t has_picture);
EXPORTED void draw_band(
    uint32_t *frame, int64_t frame_width, int64_t first_row, int64_t end_row, int64_t max_levels,
    const uint32_t *const *address, const uint8_t *draws, int64_t count, const int64_t *hidden);

/* exposure.c */
EXPORTED void gather_light(
    const uint32_t *frame, int64_t frame_width, int64_t first_row, int64_t end_row, const uint32_t *light,
    uint32_t *total, int64_t begin);
EXPORTED void develop(
    const uint32_t *total, int64_t frame_width, int64_t first_row, int64_t end_row, int64_t count,
    const uint8_t *bytes, uint32_t *frame);

/* formats.c */
EXPORTED void to_yuv420(
    const uint32_t *frame, int64_t frame_width, int64_t first_pair, int64_t end_pair, uint8_t *luma, uint8_t *blue,
    uint8_t *red);
EXPORTED void to_rgba(
    const uint32_t *frame, int64_t frame_width, int64_t first_row, int64_t end_row, uint8_t *pixels);

/* discs.c */
EXPORTED void draw_discs(
    uint8_t *picture, int64_t height, int64_t width, const float *centre, const float *radius, const float *colour,
    const float *opacity, int64_t count);

#endif
