/* The pictures of the photos, decoded: a tile of each for drawing, a small one for searching, and some large ones. */

const MOST_BYTES = 180e6; // of the tiles of all photos, with their smaller levels
const TILE_SIDES = [128, 64, 32, 16];
const SMALL = 40; // shorter side of the pictures that searches compare
const AT_ONCE = 16; // photos that are decoded at once
const LARGE_BYTES = 64e6; // of large tiles

/* The size of a tile's picture with a shorter side. */
function tileSize(shown, side) {
  const ratio = shown[2] / shown[3] >= 1 ? Math.max(data.outline.ratio, 1 / data.outline.ratio)
    : Math.min(data.outline.ratio, 1 / data.outline.ratio);
  const exact = data.outline.kind === "rectangle" || data.outline.kind === "hexagon" ? data.outline.ratio : ratio;
  return exact >= 1 ? [Math.round(side * exact), side] : [side, Math.round(side / exact)];
}

class Photos {
  constructor(mosaic) {
    this.mosaic = mosaic;
    const longer = Math.max(data.outline.ratio, 1 / data.outline.ratio);
    this.side = TILE_SIDES.find((side) => side * side * longer * 5.4 * mosaic.used <= MOST_BYTES) ?? TILE_SIDES.at(-1);
    this.small = []; // of each photo: [pixels, width, height]
    this.levels = []; // of each photo, by their shorter side
    this.urls = new Map();
    const canvas = document.createElement("canvas");
    this.context = canvas.getContext("2d", { willReadFrequently: true });
  }

  /* The pixels of a part of a decoded picture, scaled. */
  scaled(bitmap, [left, top, across, along], width, height) {
    const { context } = this;
    if (context.canvas.width < width) context.canvas.width = width;
    if (context.canvas.height < height) context.canvas.height = height;
    context.imageSmoothingQuality = "high";
    context.drawImage(bitmap, left, top, across, along, 0, 0, width, height);
    return context.getImageData(0, 0, width, height).data;
  }

  /* Decodes all photos; `store` receives the pixels of each tile, and its size. */
  async load(store, done) {
    const { photos, used } = this.mosaic;
    for (let start = 0; start < photos.length; start += AT_ONCE) {
      const some = photos.slice(start, start + AT_ONCE);
      const bitmaps = await Promise.all(some.map((photo) => createImageBitmap(photo.blob()).catch(() => null)));
      bitmaps.forEach((bitmap, index) => {
        const photo = some[index];
        if (!bitmap) return; // a damaged picture leaves its cells as the mosaic's own picture shows them
        const shrink = SMALL / Math.min(bitmap.width, bitmap.height);
        const [width, height] = [bitmap.width, bitmap.height].map((side) => Math.max(Math.round(side * shrink), 1));
        const whole = [0, 0, bitmap.width, bitmap.height];
        this.small[photo.number] = [this.scaled(bitmap, whole, width, height), width, height];
        if (photo.number < used) {
          const size = tileSize(photo.shown, this.side);
          store(photo.number, this.scaled(bitmap, photo.shown, ...size), ...size);
        }
        bitmap.close();
      });
      done(Math.min(start + AT_ONCE, photos.length));
    }
  }

  /* The part of a photo that tiles show, as large as the page has it: [pixels, width, height]. */
  async large(number) {
    const photo = this.mosaic.photos[number];
    const bitmap = await createImageBitmap(photo.blob());
    const size = tileSize(photo.shown, Math.max(Math.round(Math.min(photo.shown[2], photo.shown[3])), 1));
    const pixels = this.scaled(bitmap, photo.shown, ...size);
    bitmap.close();
    return [pixels, ...size];
  }

  /* A photo with a shorter side, for comparisons, as `scaledDown` returns it. */
  level(number, side) {
    const levels = (this.levels[number] ??= new Map());
    if (!levels.has(side)) levels.set(side, withSide(this.small[number], side));
    return levels.get(side);
  }

  /* The address of a photo's picture in the page. */
  url(number) {
    if (!this.urls.has(number)) this.urls.set(number, URL.createObjectURL(this.mosaic.photos[number].blob()));
    return this.urls.get(number);
  }

  /* The mean colour of a photo, in CIELAB; null before it is decoded. */
  lab(number) {
    const small = this.small[number];
    if (!small) return null;
    const sums = [0, 0, 0], count = small[1] * small[2];
    for (let at = 0; at < 4 * count; at += 4) for (let c = 0; c < 3; c++) sums[c] += small[0][at + c];
    return toLab(...sums.map((sum) => sum / count));
  }
}
