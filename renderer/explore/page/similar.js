/* Finding the photo that another picture is a copy of, perhaps cropped and resized: both stay on this device. */

const SHARES = [1, 0.9, 0.8, 0.7, 0.6, 0.5]; // of the largest part with the picture's ratio that the copy may show
const COARSE = 8, FINE = 20; // shorter side of the compared pictures
const CANDIDATES = 40; // that are compared finely

/* A picture as numbers with mean 0 and length 1 over all channels, so that brightness and contrast don't count. */
function normalised(values) {
  let sum = 0, squares = 0;
  for (const value of values) sum += value;
  const mean = sum / values.length;
  for (let at = 0; at < values.length; at++) squares += (values[at] -= mean) ** 2;
  const length = Math.sqrt(squares) || 1;
  for (let at = 0; at < values.length; at++) values[at] /= length;
  return values;
}

/* RGB of a picture's part, scaled by averaging: 3 numbers for each pixel. */
function sampled([pixels, width, height], left, top, across, along, columns, rows) {
  const values = new Float32Array(3 * columns * rows);
  for (let row = 0, to = 0; row < rows; row++) {
    const y0 = top + (row * along) / rows, y1 = Math.max(top + ((row + 1) * along) / rows, y0 + 1);
    for (let column = 0; column < columns; column++, to += 3) {
      const x0 = left + (column * across) / columns, x1 = Math.max(left + ((column + 1) * across) / columns, x0 + 1);
      let count = 0;
      for (let y = Math.floor(y0); y < Math.min(Math.ceil(y1 - 1e-6), height); y++) {
        for (let x = Math.floor(x0); x < Math.min(Math.ceil(x1 - 1e-6), width); x++, count++) {
          const from = 4 * (y * width + x);
          for (let channel = 0; channel < 3; channel++) values[to + channel] += pixels[from + channel];
        }
      }
      for (let channel = 0; channel < 3; channel++) values[to + channel] /= Math.max(count, 1);
    }
  }
  return values;
}

/* How much a picture, as RGBA with its size, looks like a part of another: at most 1. */
function likeness(picture, photo, side, shares) {
  const ratio = picture[1] / picture[2];
  const size = ratio >= 1 ? [Math.round(side * ratio), side] : [side, Math.round(side / ratio)];
  const values = normalised(sampled(picture, 0, 0, picture[1], picture[2], ...size));
  let best = -1;
  for (const share of shares) {
    const across = share * Math.min(photo[1], photo[2] * ratio), along = across / ratio;
    const [stepX, stepY] = [across / (side / 2), along / (side / 2)];
    const tries = (room, step) => Math.max(Math.round(room / step), 0) + 1;
    const [columns, rows] = [tries(photo[1] - across, stepX), tries(photo[2] - along, stepY)];
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        const left = columns > 1 ? ((photo[1] - across) * column) / (columns - 1) : (photo[1] - across) / 2;
        const top = rows > 1 ? ((photo[2] - along) * row) / (rows - 1) : (photo[2] - along) / 2;
        const others = normalised(sampled(photo, left, top, across, along, ...size));
        let sum = 0;
        for (let at = 0; at < values.length; at++) sum += values[at] * others[at];
        if (sum > best) best = sum;
      }
    }
  }
  return best;
}

/* The numbers of photos, the most similar first, with their likeness. */
async function similarPhotos(picture, photos) {
  const score = (numbers, side) => numbers.map((number) => [number, likeness(picture, photos.small[number], side, SHARES)])
    .sort((a, b) => b[1] - a[1]);
  const all = Object.keys(photos.small).map(Number), coarse = [];
  for (let start = 0; start < all.length; start += 100) {
    coarse.push(...score(all.slice(start, start + 100), COARSE));
    await new Promise((resolve) => { setTimeout(resolve); }); // the page stays usable
  }
  coarse.sort((a, b) => b[1] - a[1]);
  return score(coarse.slice(0, CANDIDATES).map(([number]) => number), FINE);
}
