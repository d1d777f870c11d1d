/* Pixels: sRGB and linear light, and smaller levels of a picture. Pictures are RGBA, a byte each. */

const TO_LINEAR = Float32Array.from({ length: 256 }, (_, value) => (
  value <= 10 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4));

const LIGHTS = 1 << 15; // steps of linear light in the table
const TO_SRGB = Uint8Array.from({ length: LIGHTS + 1 }, (_, step) => {
  const light = step / LIGHTS;
  return Math.round(255 * (light <= 0.0031308 ? 12.92 * light : 1.055 * light ** (1 / 2.4) - 0.055));
});

/* The next smaller level of a picture: the mean of four pixels in linear light, as in the videos. Sides of 1 stay. */
function halved(pixels, width, height) {
  const [across, along] = [Math.max(width >> 1, 1), Math.max(height >> 1, 1)];
  const smaller = new Uint8Array(4 * across * along);
  const right = width > 1 ? 4 : 0, below = height > 1 ? 4 * width : 0;
  for (let row = 0, to = 0; row < along; row++) {
    for (let column = 0, from = 4 * width * 2 * row; column < across; column++, from += 8, to += 4) {
      for (let channel = 0; channel < 3; channel++) {
        const at = from + channel;
        const light = TO_LINEAR[pixels[at]] + TO_LINEAR[pixels[at + right]] + TO_LINEAR[pixels[at + below]]
          + TO_LINEAR[pixels[at + below + right]];
        smaller[to + channel] = TO_SRGB[(light * (LIGHTS / 4) + 0.5) | 0];
      }
      smaller[to + 3] = 255;
    }
  }
  return [smaller, across, along];
}

/* Approximate CIELAB of a colour, sRGB 0...255: distances in it are about as they are seen. */
function toLab(red, green, blue) {
  const [r, g, b] = [red, green, blue].map((value) => TO_LINEAR[Math.round(Math.min(Math.max(value, 0), 255))]);
  const [x, y, z] = [
    (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505, 0.2126 * r + 0.7152 * g + 0.0722 * b,
    (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089,
  ].map((light) => (light > 0.008856 ? Math.cbrt(light) : 7.787 * light + 16 / 116));
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}
