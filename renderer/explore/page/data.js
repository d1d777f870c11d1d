/* The mosaic that the page contains. */

function decoded(id) {
  const element = byId(id);
  const text = atob(element.textContent);
  element.remove();
  const bytes = new Uint8Array(text.length);
  for (let place = 0; place < text.length; place++) bytes[place] = text.charCodeAt(place);
  return bytes;
}

const CELL = 32; // bytes of a cell in the table: see CELL in table.py

/* Cells by their numbers, in units of the mosaic. */
class Cells {
  constructor(bytes) {
    this.count = bytes.length / CELL;
    this.bytes = bytes;
    this.floats = new Float32Array(bytes.buffer);
    const numbers = new Uint32Array(bytes.buffer);
    this.photo = Uint32Array.from({ length: this.count }, (_, cell) => numbers[8 * cell + 7] & 0xffffff);
    this.flags = Uint8Array.from({ length: this.count }, (_, cell) => numbers[8 * cell + 7] >>> 24);
    this.halves = new Uint16Array(bytes.buffer);
    this.largest = 0; // side of the largest tile
    for (let cell = 0; cell < this.count; cell++) this.largest = Math.max(this.largest, this.side(cell));
    /* Cells are in rows: those from the first whose bottom is below a line to the last whose top is above another. */
    this.bottoms = new Float32Array(this.count);
    this.tops = new Float32Array(this.count);
    for (let cell = 0, low = -Infinity; cell < this.count; cell++) {
      low = Math.max(low, this.floats[8 * cell + 1] + this.floats[8 * cell + 3]);
      this.bottoms[cell] = low;
    }
    for (let cell = this.count - 1, high = Infinity; cell >= 0; cell--) {
      high = Math.min(high, this.floats[8 * cell + 1]);
      this.tops[cell] = high;
    }
  }

  /* X, y, width and height. */
  box(cell) { return this.floats.subarray(8 * cell, 8 * cell + 4); }

  /* The six numbers of a cell's tone: gain and offset of red, green and blue. */
  tone(cell) { return Array.from(this.halves.subarray(16 * cell + 8, 16 * cell + 14), fromHalf); }

  side(cell) {
    const [, , width, height] = this.box(cell);
    return Math.sqrt(width * height);
  }

  of(photo) {
    const found = [];
    for (let cell = 0; cell < this.count; cell++) if (this.photo[cell] === photo) found.push(cell);
    return found;
  }

  /* The cell at a point, or -1. */
  at(x, y) {
    const [first, end] = this.range(y, y);
    for (let cell = end - 1; cell >= first; cell--) {
      const [left, top, width, height] = this.box(cell);
      const across = Math.abs((x - left) / width - 0.5), along = Math.abs((y - top) / height - 0.5);
      const isInside = across <= 0.5 && along <= 0.5;
      if (isInside && (data.outline.kind !== "hexagon" || along + across / 2 <= 0.5)) return cell;
    }
    return -1;
  }

  /* The cells of which something is in a view. */
  inView({ x, y, scale, size: [across, along] }) {
    const found = [], [wide, high] = [across / scale / 2, along / scale / 2];
    const [first, end] = this.range(y - high, y + high);
    for (let cell = first; cell < end; cell++) {
      const [left, , width] = this.box(cell);
      if (left < x + wide && left + width > x - wide) found.push(cell);
    }
    return found;
  }

  /* The first cell that may reach into the lines from one to another, and the first after these. */
  range(low, high) {
    return [firstWhere(this.bottoms, (bottom) => bottom >= low), firstWhere(this.tops, (top) => top > high)];
  }
}

/* The first index in an ascending array whose value has a property that all later values have. */
function firstWhere(array, has) {
  let low = 0, high = array.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (has(array[middle])) high = middle;
    else low = middle + 1;
  }
  return low;
}

/* A number of 16 bits, IEEE 754. */
function fromHalf(bits) {
  const sign = bits & 0x8000 ? -1 : 1, exponent = (bits >> 10) & 31, fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

function readMosaic() {
  const pictures = decoded("pictures");
  const places = new Uint16Array(decoded("places").buffer);
  return {
    width: data.size[0], height: data.size[1], cells: new Cells(decoded("cells")), first: byId("first"), used: data.used,
    place: (cell) => (places.length ? `${places[2 * cell]},${places[2 * cell + 1]}` : ""),
    photos: data.photos.map(([end, ...shown], number) => ({
      number, shown,
      name: data.names[number]?.[0] ?? "", file: data.names[number]?.[1] ?? "", date: data.dates[number] ?? "",
      caption: data.captions[number] ?? "",
      original: data.originals && `${data.originals}${number}.jpg`,
      blob: () => new Blob([pictures.subarray(number ? data.photos[number - 1][0] : 0, end)], { type: "image/webp" }),
    })),
  };
}
