/* Conversion of linear light to bytes. */

#include "kernels.h"
#include "numbers.h"

void encode_light(const float *light, int64_t count, const uint8_t *bytes, uint8_t *pixels)
{
    for (int64_t i = 0; i < count; i++) {
        float value = lesserf(greaterf(light[i], 0.0f), 1.0f) * 65535.0f + 0.5f;
        pixels[i] = bytes[(int32_t)value];
    }
}
