/* The view: what of the mosaic is visible, how it moves, and the paths of flights, which are those of the videos. */

const LARGEST = 0.9; // a tile fills at most this share of the window's shorter side
const PAN = 1.2; // see PAN in flights.py
const RAMP = 0.35; // see _RAMP in easing.py

class View {
  constructor(mosaic) {
    this.mosaic = mosaic;
    this.x = mosaic.width / 2; // the point in the middle of the window, in units
    this.y = mosaic.height / 2;
    this.scale = 1; // pixels of the window for a unit
    this.size = [1, 1];
    let smallest = Infinity;
    for (let cell = 0; cell < mosaic.cells.count; cell++) smallest = Math.min(smallest, mosaic.cells.side(cell));
    this.smallest = smallest;
  }

  get whole() { return Math.min(this.size[0] / this.mosaic.width, this.size[1] / this.mosaic.height); }

  get largest() { return Math.max((LARGEST * Math.min(...this.size)) / this.smallest, this.whole); }

  get isWhole() { return this.scale <= this.whole * 1.001; }

  resize(width, height) {
    const wasWhole = Math.abs(this.scale / this.whole - 1) < 0.01;
    this.size = [width, height];
    if (wasWhole) this.scale = this.whole;
    this.show(this);
  }

  show(to) { Object.assign(this, this.limited(to)); }

  /* A view as near as possible to another that shows nothing outside the mosaic, if this is larger than the window. */
  limited({ x, y, scale }) {
    const { width, height } = this.mosaic;
    const kept = Math.min(Math.max(scale, this.whole), this.largest);
    const inside = (at, side, pixels) => {
      const half = pixels / kept / 2;
      return 2 * half >= side ? side / 2 : Math.min(Math.max(at, half), side - half);
    };
    return { x: inside(x, width, this.size[0]), y: inside(y, height, this.size[1]), scale: kept };
  }

  /* The point of the mosaic at a pixel of the window. */
  at(pixelX, pixelY) {
    return [this.x + (pixelX - this.size[0] / 2) / this.scale, this.y + (pixelY - this.size[1] / 2) / this.scale];
  }

  /* Zooms by a factor, and moves the point at a pixel to another one. */
  drag(from, to, factor = 1) {
    const [x, y] = this.at(...from);
    const scale = Math.min(Math.max(this.scale * factor, this.whole), this.largest);
    this.show({ x: x - (to[0] - this.size[0] / 2) / scale, y: y - (to[1] - this.size[1] / 2) / scale, scale });
  }

  move(across, down) { this.drag([0, 0], [across, down]); }

  zoom(factor, ...pixel) { this.drag(pixel, pixel, factor); }

  /* The view in which a cell takes a share of the window's shorter side. */
  of(cell, share = 0.6) {
    const [x, y, width, height] = this.mosaic.cells.box(cell);
    const scale = Math.max((share * Math.min(...this.size)) / Math.max(width, height), this.whole);
    return this.limited({ x: x + width / 2, y: y + height / 2, scale });
  }

  get wholeView() { return { x: this.mosaic.width / 2, y: this.mosaic.height / 2, scale: this.whole }; }
}

/* Constant speed in the middle; at both ends the speed rises and falls as a cosine. */
function cruise(share) {
  const distance = Math.min(share, 1 - share);
  const start = 0.5 * distance - (0.5 * RAMP / Math.PI) * Math.sin((Math.PI * Math.min(distance, RAMP)) / RAMP);
  const eased = (distance < RAMP ? start : distance - 0.5 * RAMP) / (1 - RAMP);
  return share < 0.5 ? eased : 1 - eased;
}

/* The path between two views: its length, and a function from the share that was flown. To and from the whole mosaic
   it is straight, between two photos it pulls back: van Wijk and Nuij, "Smooth and efficient zooming and panning",
   2003, as `straight_flight` and `ArchedFlight` in flights.py. `across`: width of the window in pixels. */
function flight(from, to, across, isStraight) {
  const on = (share, scale) => ({ x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share, scale });
  if (isStraight) {
    const ratio = from.scale / to.scale;
    return {
      length: Math.abs(Math.log(ratio)) || Math.hypot(to.x - from.x, to.y - from.y) * from.scale / across,
      at: (way) => {
        const scale = from.scale * (to.scale / from.scale) ** way;
        return on(Math.abs(ratio - 1) < 1e-9 ? way : (1 - from.scale / scale) / (1 - ratio), scale);
      },
    };
  }
  const [start, end] = [across / from.scale, across / to.scale];
  const distance = Math.max(Math.hypot(to.x - from.x, to.y - from.y), 1e-9);
  const span = PAN * PAN * distance, growth = end * end - start * start;
  const r0 = -Math.asinh((growth + span * span) / (2 * start * span));
  const length = -Math.asinh((growth - span * span) / (2 * end * span)) - r0;
  return {
    length,
    at: (way) => {
      const r = r0 + way * length;
      const travelled = ((start / (PAN * PAN)) * Math.sinh(way * length)) / Math.cosh(r);
      return on(travelled / distance, (across * Math.cosh(r)) / (start * Math.cosh(r0)));
    },
  };
}
