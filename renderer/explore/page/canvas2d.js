/* Drawing without WebGL: on a 2-D canvas, in the same way, if more slowly. The mosaic's own picture is below; over it
   are the tiles, if there are not too many. */

const MOST_TILES = 3000; // that are drawn, and a tenth of them while the view moves

class FlatDrawing {
  constructor(canvas, mosaic, photos, changed) {
    Object.assign(this, { mosaic, photos, changed, lit: -1, dim: 1, tiles: [], canvas });
    this.context = canvas.getContext("2d", { alpha: false });
    this.scratch = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  }

  store(number, pixels, width, height) {
    const levels = [[pixels, width, height]];
    while (levels.at(-1)[1] > 8 && levels.at(-1)[2] > 8) levels.push(halved(...levels.at(-1)));
    this.tiles[number] = levels;
  }

  finish() { this.changed(); }

  loadLarge() {}

  draw(view, ratio, { isFast = false, tone = TONE } = {}) {
    const { context, mosaic } = this, scale = view.scale * ratio;
    const [left, top] = [this.canvas.width / 2 - view.x * scale, this.canvas.height / 2 - view.y * scale];
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = `rgb(${this.ground.map((value) => Math.round(255 * value))})`;
    context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    const cells = scale < NEAR ? [] : mosaic.cells.inView(view);
    const isDrawn = cells.length && cells.length <= MOST_TILES / (isFast ? 10 : 1);
    if (!isDrawn || this.tiles.length < mosaic.used) {
      context.drawImage(mosaic.first, left, top, mosaic.width * scale, mosaic.height * scale);
    }
    if (isDrawn) for (const cell of cells) this.drawTile(cell, left, top, scale, tone);
    if (this.lit < 0) return;
    context.fillStyle = `rgb(0 0 0 / ${LIT.dim * this.dim})`;
    context.fillRect(left, top, mosaic.width * scale, mosaic.height * scale);
    for (const cell of mosaic.cells.of(this.lit)) {
      const [x, y, width, height] = mosaic.cells.box(cell);
      context.fillStyle = "#fff";
      context.fillRect(left + x * scale - LIT.ring, top + y * scale - LIT.ring, width * scale + 2 * LIT.ring, height * scale + 2 * LIT.ring);
      this.drawTile(cell, left, top, scale, tone, mosaic.cells.flags[cell] & 0b11000000); // a lit photo is upright
    }
  }

  drawTile(cell, left, top, scale, [full, none], flags = this.mosaic.cells.flags[cell]) {
    const { context, scratch, mosaic: { cells } } = this, levels = this.tiles[cells.photo[cell]];
    if (!levels) return;
    const [x, y, width, height] = cells.box(cell).map((value) => value * scale);
    const level = levels.findLast((each) => each[1] >= width) ?? levels[0];
    const far = Math.min(Math.max((Math.sqrt(width * height) - full) / (none - full), 0), 1);
    const share = 1 - far * far * (3 - 2 * far), tone = cells.tone(cell);
    const pixels = new ImageData(new Uint8ClampedArray(level[0]), level[1], level[2]);
    for (let channel = 0; channel < 3; channel++) {
      const gain = 1 + (tone[channel] - 1) * share, offset = 255 * tone[channel + 3] * share;
      for (let at = channel; at < pixels.data.length; at += 4) pixels.data[at] = pixels.data[at] * gain + offset;
    }
    Object.assign(scratch.canvas, { width: level[1], height: level[2] });
    scratch.putImageData(pixels, 0, 0);
    const { outline: { kind, radius, border, colour, margin } } = data;
    const shorter = Math.min(width, height), plain = kind !== "hexagon" && radius === 0;
    const inner = kind === "hexagon" ? [width * (1 - 2 * border), height * (1 - 2 * border)]
      : [width - 2 * border * shorter, height - 2 * border * shorter];
    context.save();
    context.translate(left + x + width / 2, top + y + height / 2);
    if (!plain || border) {
      context.fillStyle = `rgb(${colour.map((value) => Math.round(255 * value))})`;
      if (border) context.fill(outlinePath(kind, width, height, radius * shorter));
      context.clip(outlinePath(kind, ...inner, Math.max(radius - border, 0) * shorter));
    }
    const cut = [(flags >> 6 & 1) * margin * level[1], (flags >> 7 & 1) * margin * level[2]];
    const swapped = flags & 4 ? [inner[1], inner[0]] : inner;
    if (flags & 4) context.transform(0, 1, 1, 0, 0, 0);
    context.scale(flags & 1 ? -1 : 1, flags & 2 ? -1 : 1);
    const seam = border || !plain ? 0 : 0.5; // neighbours overlap, so that nothing shows between them
    context.drawImage(scratch.canvas, cut[0], cut[1], level[1] - 2 * cut[0], level[2] - 2 * cut[1], -swapped[0] / 2,
      -swapped[1] / 2, swapped[0] + seam, swapped[1] + seam);
    context.restore();
  }
}

function outlinePath(kind, width, height, radius) {
  const path = new Path2D(), [x, y] = [width / 2, height / 2];
  if (kind === "hexagon") {
    for (const [across, down] of [[0, -y], [x, -y / 2], [x, y / 2], [0, y], [-x, y / 2], [-x, -y / 2]]) path.lineTo(across, down);
    path.closePath();
  } else path.roundRect(-x, -y, width, height, radius);
  return path;
}
