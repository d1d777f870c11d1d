/* Finding the photo that a picture is a copy of, perhaps cropped and resized: all on this device.

   The picture is compared with windows of each photo, which is scaled to several sizes: first all photos coarsely, then
   the best of them finely. As smooth pictures resemble one another, a copy is told by its details. */

const COARSE = { window: 8, sides: [8, 9, 10, 12, 14, 16] }; // shorter sides in pixels, of the picture and of the photo
const FINE = { window: 20, sides: [20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 34, 36, 38, 40] };
const CANDIDATES = 60; // photos that are compared finely
const REFINED = 12; // photos that are compared with parts of a pixel
const REFINE = [0.5, 0.25]; // pixels
const LONGEST = 12; // milliseconds of work, after which the page reacts
/* Likeness of the details and of everything together from which a photo is the one that was looked for: of 17 photos
   that a library of 2,214 did not have, none reached 1.51; 39 of 40 copies of photos that it had reached 1.7. */
const ALIKE = 1.6;

/* A part of a picture, scaled by averaging: { values, width, height }, with three numbers for each pixel. */
function scaledDown([pixels, width, height], columns, rows, [left, top, across, along] = [0, 0, width, height]) {
  const values = new Float32Array(3 * columns * rows);
  for (let row = 0, to = 0; row < rows; row++) {
    const [y0, y1] = [top + (row * along) / rows, top + ((row + 1) * along) / rows];
    for (let column = 0; column < columns; column++, to += 3) {
      const [x0, x1] = [left + (column * across) / columns, left + ((column + 1) * across) / columns];
      let sum = 1e-9;
      for (let y = Math.max(Math.floor(y0), 0); y < Math.min(y1, height); y++) {
        const down = Math.min(y + 1, y1) - Math.max(y, y0);
        for (let x = Math.max(Math.floor(x0), 0); x < Math.min(x1, width); x++) {
          const share = down * (Math.min(x + 1, x1) - Math.max(x, x0)), from = 4 * (y * width + x);
          for (let channel = 0; channel < 3; channel++) values[to + channel] += share * pixels[from + channel];
          sum += share;
        }
      }
      for (let channel = 0; channel < 3; channel++) values[to + channel] /= sum;
    }
  }
  return { values, width: columns, height: rows };
}

const withSide = (picture, side) => {
  const scale = side / Math.min(picture[1], picture[2]);
  return scaledDown(picture, ...[picture[1], picture[2]].map((length) => Math.max(Math.round(length * scale), 1)));
};

/* What remains of a picture without the mean around each pixel: its details. */
function detailsOf({ values, width, height }) {
  const details = new Float32Array(values.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let channel = 0; channel < 3; channel++) {
        let sum = 0, count = 0;
        for (let v = Math.max(y - 2, 0); v <= Math.min(y + 2, height - 1); v++) {
          for (let u = Math.max(x - 2, 0); u <= Math.min(x + 2, width - 1); u++, count++) sum += values[3 * (v * width + u) + channel];
        }
        const at = 3 * (y * width + x) + channel;
        details[at] = values[at] - sum / count;
      }
    }
  }
  return { values: details, width, height };
}

/* The correlation of a picture with a window of another, -1...1: brightness and contrast don't count. */
function correlation(picture, photo, left, top) {
  const row = 3 * picture.width;
  let both = 0, a = 0, b = 0, aa = 0, bb = 0;
  for (let y = 0, at = 0; y < picture.height; y++) {
    let from = 3 * ((top + y) * photo.width + left);
    for (const end = from + row; from < end; from++, at++) {
      const one = picture.values[at], other = photo.values[from];
      both += one * other;
      a += one;
      b += other;
      aa += one * one;
      bb += other * other;
    }
  }
  const count = row * picture.height;
  const spread = (aa - (a * a) / count) * (bb - (b * b) / count);
  return spread > 1e-3 * count ? (both - (a * b) / count) / Math.sqrt(spread) : 0;
}

/* The window of a photo that a picture resembles most: { score, level, left, top, picture }. */
function bestWindow(picture, levels) {
  let best = { score: -1 };
  for (const level of levels) {
    for (let top = 0; top + picture.height <= level.height; top++) {
      for (let left = 0; left + picture.width <= level.width; left++) {
        const score = correlation(picture, level, left, top);
        if (score > best.score) best = { score, level, left, top, picture };
      }
    }
  }
  return best;
}

/* Compares a picture, as RGBA with its size, with photos: [number, window] of each, the most similar first. */
async function compared(picture, numbers, photos, { window: side, sides }) {
  const ratio = picture[1] / picture[2], scaled = new Map(), found = [];
  /* The picture as the largest window with its ratio in a photo whose shorter side is that of the window. */
  const pictureIn = (shape) => {
    const [wide, high] = shape >= 1 ? [side * shape, side] : [side, side / shape];
    const width = Math.max(Math.floor(Math.min(wide, high * ratio) + 0.25), 2);
    const height = Math.max(Math.round(width / ratio), 2), key = `${width},${height}`;
    if (!scaled.has(key)) scaled.set(key, scaledDown(picture, width, height));
    return scaled.get(key);
  };
  let started = performance.now();
  for (const number of numbers) {
    const small = photos.small[number], shown = pictureIn(small[1] / small[2]);
    found.push([number, bestWindow(shown, sides.map((each) => withSide(small, each)))]);
    if (performance.now() - started < LONGEST) continue;
    await new Promise((resolve) => { setTimeout(resolve); });
    started = performance.now();
  }
  return found.sort((a, b) => b[1].score - a[1].score);
}

/* The likeness of a picture to a photo around a window, which is moved and scaled by parts of a pixel: of the details,
   and of everything. */
function refined(picture, small, { level, left, top, picture: { width, height } }) {
  const [shown, pixel] = [scaledDown(picture, width, height), small[1] / level.width];
  const details = detailsOf(shown), ratio = (picture[1] / picture[2]) * (height / width); // not quite that of the window
  let best = { score: -2 };
  const look = (x, y, size) => {
    const [across, along] = [width * pixel * size, (height * pixel * size) / ratio];
    const part = [x - across / 2, y - along / 2, across, along];
    const other = scaledDown(small, width, height, part);
    const found = [correlation(details, detailsOf(other), 0, 0), correlation(shown, other, 0, 0)];
    if (found[0] + found[1] > best.score) best = { score: found[0] + found[1], found, x, y, size };
  };
  look((left + width / 2) * pixel, (top + height / 2) * (small[2] / level.height), 1);
  for (const step of REFINE) {
    const { x, y, size } = best;
    for (const across of [-1, 0, 1]) {
      for (const down of [-1, 0, 1]) {
        for (const wider of [-1, 0, 1]) look(x + across * step * pixel, y + down * step * pixel, size * (1 + (wider * step) / 12));
      }
    }
  }
  return best.found;
}

/* The photos that a picture resembles most: [number, whether it is a copy], the most similar first. */
async function similarPhotos(picture, photos) {
  const numbers = Object.keys(photos.small).map(Number);
  const coarse = (await compared(picture, numbers, photos, COARSE)).slice(0, CANDIDATES);
  const fine = (await compared(picture, coarse.map(([number]) => number), photos, FINE)).filter(([, { level }]) => level);
  return fine.map(([number, window], rank) => {
    if (rank >= REFINED) return [number, false, window.score - 1];
    const [details, all] = refined(picture, photos.small[number], window);
    return [number, details + all >= ALIKE, details + all];
  }).sort((a, b) => b[2] - a[2]);
}
