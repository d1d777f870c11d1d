/* The view: what of the mosaic is visible, how it moves, and the path of a flight. */

const LARGEST = 0.9; // a tile fills at most this share of the window's shorter side

class View {
  constructor(mosaic) {
    this.mosaic = mosaic;
    this.x = mosaic.width / 2; // the point in the middle of the window, in units
    this.y = mosaic.height / 2;
    this.scale = 1; // pixels of the window for a unit
    this.size = [1, 1];
  }

  get whole() { return Math.min(this.size[0] / this.mosaic.width, this.size[1] / this.mosaic.height); }

  resize(width, height) {
    const isWhole = Math.abs(this.scale / this.whole - 1) < 0.01;
    this.size = [width, height];
    if (isWhole || this.scale < this.whole) this.scale = this.whole;
    this.limit();
  }

  /* Keeps the mosaic in the window. */
  limit() {
    const { width, height } = this.mosaic;
    this.scale = Math.min(Math.max(this.scale, this.whole), LARGEST * Math.min(...this.size));
    const inside = (at, side, pixels) => {
      const half = pixels / this.scale / 2;
      return 2 * half >= side ? side / 2 : Math.min(Math.max(at, half), side - half);
    };
    this.x = inside(this.x, width, this.size[0]);
    this.y = inside(this.y, height, this.size[1]);
  }

  /* The point of the mosaic at a pixel of the window. */
  at(pixelX, pixelY) {
    return [this.x + (pixelX - this.size[0] / 2) / this.scale, this.y + (pixelY - this.size[1] / 2) / this.scale];
  }

  move(acrossPixels, downPixels) {
    this.x -= acrossPixels / this.scale;
    this.y -= downPixels / this.scale;
    this.limit();
  }

  /* Zooms by a factor, so that the point at a pixel stays there. */
  zoom(factor, pixelX, pixelY) {
    const [x, y] = this.at(pixelX, pixelY);
    this.scale = Math.min(Math.max(this.scale * factor, this.whole), LARGEST * Math.min(...this.size));
    this.x = x - (pixelX - this.size[0] / 2) / this.scale;
    this.y = y - (pixelY - this.size[1] / 2) / this.scale;
    this.limit();
  }
}

/* The path between two views that is perceived as shortest: van Wijk and Nuij, "Smooth and efficient zooming and
   panning", 2003. Returns its length, and a function of the share that was flown. */
function flight(from, to, pixels) {
  const RHO = 1.4;
  const [w0, w1] = [pixels / from.scale, pixels / to.scale];
  const distance = Math.hypot(to.x - from.x, to.y - from.y);
  const logs = (sign) => {
    const [w, d] = sign > 0 ? [w0, 1] : [w1, -1];
    const b = (w1 * w1 - w0 * w0 + d * RHO ** 4 * distance * distance) / (2 * w * RHO ** 2 * distance);
    return Math.log(-b + Math.sqrt(b * b + 1));
  };
  if (distance < 1e-6 * w0) {
    const length = Math.abs(Math.log(w1 / w0)) / RHO;
    return { length, at: (share) => ({ x: from.x, y: from.y, scale: pixels / (w0 * (w1 / w0) ** share) }) };
  }
  const r0 = logs(1), r1 = logs(-1), length = (r1 - r0) / RHO;
  return {
    length,
    at: (share) => {
      const s = r0 + RHO * share * length;
      const moved = (w0 / RHO ** 2) * (Math.cosh(r0) * Math.tanh(s) - Math.sinh(r0)) / distance;
      const width = w0 * Math.cosh(r0) / Math.cosh(s);
      return { x: from.x + moved * (to.x - from.x), y: from.y + moved * (to.y - from.y), scale: pixels / width };
    },
  };
}
