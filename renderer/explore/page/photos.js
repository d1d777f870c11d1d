/* The pictures of the photos, decoded: a tile of each for drawing, a small one for searching, and some large ones. */

const MOST_BYTES = 180e6; // of the tiles of all photos, with their smaller levels
const TILE_SIDES = [128, 64, 32, 16];
const SMALL = 40; // shorter side of the pictures that searches compare
const AT_ONCE = 16; // photos that are decoded at once
const BYTES = 4 * (4 / 3); // of a pixel of a tile, with its smaller levels

const LONGER = Math.max(data.outline.ratio, 1 / data.outline.ratio); // side of a tile, for a shorter one of 1

const isUpright = (shown) => (data.outline.kind === "mixed" ? shown[2] < shown[3] : data.outline.ratio < 1);

/* The size of a tile's picture with a shorter side. */
const tileSize = (shown, side) => (isUpright(shown) ? [side, Math.round(side * LONGER)] : [Math.round(side * LONGER), side]);

class Photos {
  constructor(mosaic) {
    this.mosaic = mosaic;
    this.side = TILE_SIDES.find((side) => side * side * LONGER * BYTES * mosaic.used <= MOST_BYTES) ?? TILE_SIDES.at(-1);
    this.small = []; // of each photo: [pixels, width, height]
    this.labs = []; // the mean colour of each photo, CIELAB
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
    context.globalCompositeOperation = "copy";
    context.drawImage(bitmap, left, top, across, along, 0, 0, width, height);
    return context.getImageData(0, 0, width, height).data;
  }

  /* Decodes all photos; `store` receives the pixels of each tile, and its size. It ends when `done` returns false. */
  async load(store, done) {
    const { photos, used } = this.mosaic;
    let isWanted = true;
    for (let start = 0; isWanted && start < photos.length; start += AT_ONCE) {
      const some = photos.slice(start, start + AT_ONCE);
      const bitmaps = await Promise.all(some.map((photo) => createImageBitmap(photo.blob()).catch(() => null)));
      bitmaps.forEach((bitmap, index) => {
        const photo = some[index];
        if (!bitmap) { // a damaged picture is grey, so that its tiles have about the colours of the cover
          const size = photo.number < used ? tileSize(photo.shown, this.side) : [1, 1];
          if (photo.number < used) store(photo.number, new Uint8Array(4 * size[0] * size[1]).fill(128), ...size);
          return;
        }
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
      isWanted = done(Math.min(start + AT_ONCE, photos.length));
    }
  }

  /* The shorter side of the part of a photo that tiles show, as large as the page has it. */
  sideOf(number) { return Math.max(Math.round(Math.min(...this.mosaic.photos[number].shown.slice(2))), 1); }

  /* The part of a photo that tiles show with a shorter side: [pixels, width, height]. */
  async large(number, side) {
    const photo = this.mosaic.photos[number];
    const bitmap = await createImageBitmap(photo.blob());
    const size = tileSize(photo.shown, side);
    const pixels = this.scaled(bitmap, photo.shown, ...size);
    bitmap.close();
    return [pixels, ...size];
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
    if (this.labs[number]) return this.labs[number];
    const sums = [0, 0, 0], count = small[1] * small[2];
    for (let at = 0; at < 4 * count; at += 4) for (let c = 0; c < 3; c++) sums[c] += small[0][at + c];
    return (this.labs[number] = toLab(...sums.map((sum) => sum / count)));
  }
}
