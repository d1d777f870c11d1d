/* Drawing with WebGL 2, as the videos are drawn: tiles with their tone and outline, at whole and parts of pixels.

   The table of cells is a texture that the vertex shader reads: two triangles for each cell, without instances, which
   WebGL in software draws one by one. Tiles are painted in the order of the table; where one adjoins a later one it
   covers the pixels of the edge, and the later one is laid over them by its share of each. */

const NEAR = 4; // pixels of a cell from which tiles are drawn, and not the mosaic's picture
const SHARPER = -0.5; // mip levels, as in the videos
const TONE = [48, 240]; // pixels of a tile up to which its tone is full, and from which there is none
const FULL_TONE = [1e9, 2e9];
const ROW = 1024; // cells in a row of the table's texture
const CANVAS = [2048, 4096]; // longer side of the picture of all tiles, for few and for many cells
const CANVAS_CELL = 10; // pixels that a cell should have in it
const LARGE_BYTES = 96e6; // of photos that are drawn larger than their tiles' pictures
const LIT = { ring: 2, least: 5, dim: 0.62 }; // pixels, pixels, share

const TILE_VERTEX = `#version 300 es
precision highp float;
uniform highp usampler2D cells;
uniform vec3 view; // x and y in units, pixels per unit
uniform vec2 frame; // pixels
uniform float up, ring, least;
uniform vec2 toneSizes;
uniform ivec2 group; // the first photo, and the number of them
uniform int only; // a photo, or -1
out vec2 place; // pixels from the tile's centre
flat out vec2 halfSide;
flat out vec3 gained, added;
flat out float layer;
flat out uint flags;
void main() {
  int cell = gl_VertexID / 6, corner = gl_VertexID % 6;
  ivec2 at = ivec2(2 * (cell % ${ROW}), cell / ${ROW});
  vec4 box = uintBitsToFloat(texelFetch(cells, at, 0));
  uvec4 look = texelFetch(cells, at + ivec2(1, 0), 0);
  int number = int(look.w & 0xffffffu), photo = number - group.x;
  flags = look.w >> 24;
  layer = float(photo);
  vec2 side = vec2(corner == 1 || corner >= 4 ? 1 : -1, corner == 2 || corner == 3 || corner == 5 ? 1 : -1);
  halfSide = max(0.5 * box.zw * view.z, vec2(least));
  place = side * (halfSide + 0.5 + ring);
  vec2 middle = (box.xy + 0.5 * box.zw - view.xy) * view.z;
  gl_Position = vec4((middle + place) * 2.0 / frame * vec2(1, up), 0, 1);
  if (photo < 0 || photo >= group.y || (only >= 0 && number != only)) gl_Position = vec4(2, 2, 2, 1);
  float far = clamp((sqrt(box.z * box.w) * view.z - toneSizes.x) / (toneSizes.y - toneSizes.x), 0.0, 1.0);
  float tone = 1.0 - far * far * (3.0 - 2.0 * far);
  vec2 a = unpackHalf2x16(look.x), b = unpackHalf2x16(look.y), c = unpackHalf2x16(look.z);
  gained = mix(vec3(1), vec3(a, b.x), tone);
  added = vec3(b.y, c) * tone;
}`;

const TILE_FRAGMENT = `#version 300 es
precision highp float;
precision highp sampler2DArray;
in vec2 place;
flat in vec2 halfSide;
flat in vec3 gained, added;
flat in float layer;
flat in uint flags;
uniform sampler2DArray photos;
uniform vec3 borderColour;
uniform float radius, border, margin, ring;
uniform bool isHexagon;
out vec4 colour;

/* The share of a pixel that lies between two edges. */
float between(float at, float low, float high) { return clamp(min(at + 0.5, high) - max(at - 0.5, low), 0.0, 1.0); }

float rectangle(vec2 h, float r, vec2 further) {
  float share = between(place.x, -h.x, h.x + further.x) * between(place.y, -h.y, h.y + further.y);
  vec2 beyond = max(abs(place) - (h - r), 0.0);
  if (r > 0.0 && beyond.x > 0.0 && beyond.y > 0.0) share = min(share, clamp(0.5 - length(beyond) + r, 0.0, 1.0));
  return share;
}

float hexagon(vec2 h, vec3 further) {
  float slope = 0.5 * h.y / h.x, longer = sqrt(1.0 + slope * slope), half_ = h.y / longer;
  float right = (place.y + slope * place.x) / longer, left = (place.y - slope * place.x) / longer;
  return between(place.x, -h.x, h.x + further.x) * between(left, -half_, half_ + further.y)
    * between(right, -half_, half_ + further.z);
}

void main() {
  vec3 joined = vec3(flags >> 3 & 1u, flags >> 4 & 1u, flags >> 5 & 1u);
  float shorter = 2.0 * min(halfSide.x, halfSide.y), wide = border * shorter, round_ = radius * shorter;
  vec2 inner = isHexagon ? halfSide * (1.0 - 2.0 * border) : halfSide - wide;
  float cover = isHexagon ? hexagon(halfSide, joined) : rectangle(halfSide, round_, joined.xy);
  vec2 at = clamp(place / (2.0 * inner) + 0.5, 0.0, 1.0);
  uint symmetry = ring > 0.0 ? flags & ${data.outline.kind === "mixed" ? "4u" : "0u"} : flags; // a lit photo is upright
  if ((symmetry & 4u) != 0u) at = at.yx;
  at = mix(at, 1.0 - at, vec2(symmetry & 1u, symmetry >> 1 & 1u));
  vec2 cut = margin * vec2(flags >> 6 & 1u, flags >> 7 & 1u);
  at = cut + at * (1.0 - 2.0 * cut);
  vec3 shown = clamp(texture(photos, vec3(at, layer), ${SHARPER.toFixed(1)}).rgb * gained + added, 0.0, 1.0);
  if (border > 0.0) {
    float photo = isHexagon ? hexagon(inner, vec3(0)) : rectangle(inner, max(round_ - wide, 0.0), vec2(0));
    shown = mix(borderColour, shown, photo);
  }
  if (ring > 0.0) {
    shown = mix(vec3(1), shown, cover);
    cover = isHexagon ? hexagon(halfSide + ring, vec3(0)) : rectangle(halfSide + ring, round_ + (radius > 0.0 ? ring : 0.0), vec2(0));
  }
  colour = vec4(shown * cover, cover);
}`;

const PICTURE_VERTEX = `#version 300 es
precision highp float;
uniform vec3 view;
uniform vec2 frame, size;
out vec2 place;
void main() {
  place = vec2(gl_VertexID & 1, gl_VertexID >> 1);
  gl_Position = vec4((place * size - view.xy) * view.z * 2.0 / frame * vec2(1, -1), 0, 1);
}`;

const PICTURE_FRAGMENT = `#version 300 es
precision highp float;
in vec2 place;
uniform sampler2D picture;
uniform vec4 solid;
out vec4 colour;
void main() { colour = solid.a > 0.0 ? solid : texture(picture, place); }`;

function makeProgram(gl, vertex, fragment) {
  const program = gl.createProgram();
  for (const [kind, source] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program) || "no WebGL");
  const places = {};
  return { program, at: (name) => (places[name] ??= gl.getUniformLocation(program, name)) };
}

class Drawing {
  /* `changed`: called when something can be drawn better than before. */
  constructor(canvas, mosaic, photos, changed) {
    const gl = canvas.getContext("webgl2", { alpha: false, antialias: false });
    if (!gl) throw new Error("no WebGL 2");
    Object.assign(this, { gl, mosaic, photos, changed, lit: -1, dim: 1 });
    this.tiles = makeProgram(gl, TILE_VERTEX, TILE_FRAGMENT);
    this.whole = makeProgram(gl, PICTURE_VERTEX, PICTURE_FRAGMENT);
    this.table = this.makeTable();
    this.groups = this.makeGroups();
    this.large = new Map(); // textures of photos that are drawn large
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    gl.pixelStorei(gl.UNPACK_PREMULTIPLY_ALPHA_WEBGL, true);
    this.first = this.makePicture(mosaic.first);
    gl.pixelStorei(gl.UNPACK_PREMULTIPLY_ALPHA_WEBGL, false);
    this.firstScale = mosaic.first.naturalWidth / mosaic.width;
  }

  makeTexture(target, filter) {
    const { gl } = this, texture = gl.createTexture();
    gl.bindTexture(target, texture);
    gl.texParameteri(target, gl.TEXTURE_MIN_FILTER, filter);
    gl.texParameteri(target, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
    gl.texParameteri(target, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
    return texture;
  }

  makePicture(image) {
    const { gl } = this, texture = this.makeTexture(gl.TEXTURE_2D, gl.LINEAR_MIPMAP_LINEAR);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, gl.RGBA, gl.UNSIGNED_BYTE, image);
    gl.generateMipmap(gl.TEXTURE_2D);
    return texture;
  }

  makeTable() {
    const { gl, mosaic: { cells } } = this, rows = Math.ceil(cells.count / ROW);
    const bytes = new Uint8Array(ROW * rows * CELL);
    bytes.set(cells.bytes);
    if (data.outline.kind === "mixed") this.turnUpright(bytes);
    const texture = this.makeTexture(gl.TEXTURE_2D, gl.NEAREST);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA32UI, 2 * ROW, rows, 0, gl.RGBA_INTEGER, gl.UNSIGNED_INT, new Uint32Array(bytes.buffer));
    return texture;
  }

  /* Tiles of one texture have the same size: with photos of both orientations, upright ones are stored turned. */
  isTurned(number) { return data.outline.kind === "mixed" && isUpright(this.mosaic.photos[number].shown); }

  turnUpright(bytes) {
    const { cells } = this.mosaic;
    for (let cell = 0; cell < cells.count; cell++) {
      if (!this.isTurned(cells.photo[cell])) continue;
      const flags = cells.flags[cell];
      const swapped = (low, high) => ((flags >> low) & 1) << high | ((flags >> high) & 1) << low;
      bytes[CELL * cell + 31] = (flags & 0b00111000) | 4 | swapped(0, 1) | swapped(6, 7);
    }
  }

  makeGroups() {
    const { gl, mosaic: { used }, photos: { side } } = this;
    const most = Math.min(gl.getParameter(gl.MAX_ARRAY_TEXTURE_LAYERS), 2048);
    const isWide = data.outline.kind === "mixed" || data.outline.ratio >= 1;
    const size = isWide ? [Math.round(side * LONGER), side] : [side, Math.round(side * LONGER)];
    const groups = [];
    for (let first = 0; first < used; first += most) {
      groups.push({ first, loaded: 0, ...this.makeLayers(size, Math.min(most, used - first)) });
    }
    return groups;
  }

  makeLayers([width, height], layers) {
    const { gl } = this, texture = this.makeTexture(gl.TEXTURE_2D_ARRAY, gl.LINEAR_MIPMAP_LINEAR);
    gl.texStorage3D(gl.TEXTURE_2D_ARRAY, Math.floor(Math.log2(Math.max(width, height))) + 1, gl.RGBA8, width, height, layers);
    return { texture, width, height };
  }

  /* Stores a picture with its smaller levels. */
  storeLayer({ texture, width, height }, layer, pixels) {
    const { gl } = this;
    gl.bindTexture(gl.TEXTURE_2D_ARRAY, texture);
    let level = [pixels, width, height];
    for (let number = 0; ; number++) {
      gl.texSubImage3D(gl.TEXTURE_2D_ARRAY, number, 0, 0, layer, level[1], level[2], 1, gl.RGBA, gl.UNSIGNED_BYTE, level[0]);
      if (level[1] === 1 && level[2] === 1) break;
      level = halved(...level);
    }
  }

  /* Takes the pixels of a photo's tile, in the order of the photos. */
  store(number, pixels, width, height) {
    const group = this.groups.findLast(({ first }) => first <= number);
    this.storeLayer(group, number - group.first, this.isTurned(number) ? turned(pixels, width, height) : pixels);
    group.loaded = number - group.first + 1;
  }

  /* Draws all tiles into a picture, which is shown while the view moves where drawing them takes too long. */
  finish() {
    const { gl, mosaic: { width, height } } = this;
    const most = Math.min(gl.getParameter(gl.MAX_TEXTURE_SIZE), CANVAS[1]);
    const side = Math.min(Math.max(CANVAS[0], CANVAS_CELL * Math.max(width, height)), most);
    const scale = side / Math.max(width, height);
    const size = [width, height].map((each) => Math.max(Math.round(each * scale), 1));
    this.canvas = this.makeTexture(gl.TEXTURE_2D, gl.LINEAR_MIPMAP_LINEAR);
    gl.texStorage2D(gl.TEXTURE_2D, Math.floor(Math.log2(Math.max(...size))) + 1, gl.RGBA8, ...size);
    const buffer = gl.createFramebuffer();
    gl.bindFramebuffer(gl.FRAMEBUFFER, buffer);
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, this.canvas, 0);
    gl.viewport(0, 0, ...size);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    this.drawTiles({ x: width / 2, y: height / 2, scale }, size, { up: 1, tone: FULL_TONE });
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    gl.deleteFramebuffer(buffer);
    gl.bindTexture(gl.TEXTURE_2D, this.canvas);
    gl.generateMipmap(gl.TEXTURE_2D);
    this.canvasScale = scale;
    this.changed();
  }

  /* Draws a view, `ratio` pixels of the canvas for each of the window. `isFast`: it moves, and drawing is slow. */
  draw(view, ratio, { isFast = false, tone = TONE } = {}) {
    const { gl } = this, size = [gl.drawingBufferWidth, gl.drawingBufferHeight];
    const shown = { x: view.x, y: view.y, scale: view.scale * ratio };
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    gl.viewport(0, 0, ...size);
    gl.clearColor(...this.ground, 1);
    gl.clear(gl.COLOR_BUFFER_BIT);
    const isFar = shown.scale < NEAR, skipsTiles = isFar || (isFast && shown.scale <= (this.canvasScale ?? 0));
    const isLoaded = this.canvas !== undefined;
    if (skipsTiles || !isLoaded) {
      this.drawPicture(isLoaded && shown.scale > this.firstScale ? this.canvas : this.first, shown, size);
    }
    if (!skipsTiles) this.drawTiles(shown, size, { tone });
    if (this.lit >= 0) {
      this.drawPicture(this.first, shown, size, [0, 0, 0, LIT.dim * this.dim]);
      this.drawTiles(shown, size, { tone, only: this.lit });
    }
  }

  drawPicture(texture, { x, y, scale }, size, solid = [0, 0, 0, 0]) {
    const { gl, whole } = this;
    gl.useProgram(whole.program);
    gl.bindTexture(gl.TEXTURE_2D, texture);
    gl.uniform3f(whole.at("view"), x, y, scale);
    gl.uniform2f(whole.at("frame"), ...size);
    gl.uniform2f(whole.at("size"), this.mosaic.width, this.mosaic.height);
    gl.uniform4f(whole.at("solid"), ...solid);
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
  }

  /* Draws the tiles in view. `only`: those of one photo, marked. */
  drawTiles({ x, y, scale }, size, { up = -1, tone = TONE, only = -1 }) {
    const { gl, tiles, mosaic: { cells } } = this, { outline } = data;
    const far = size[1] / 2 / scale, [first, end] = cells.range(y - far, y + far);
    if (end <= first) return;
    gl.useProgram(tiles.program);
    gl.activeTexture(gl.TEXTURE1);
    gl.bindTexture(gl.TEXTURE_2D, this.table);
    gl.activeTexture(gl.TEXTURE0);
    gl.uniform1i(tiles.at("cells"), 1);
    gl.uniform3f(tiles.at("view"), x, y, scale);
    gl.uniform2f(tiles.at("frame"), ...size);
    gl.uniform1f(tiles.at("up"), up);
    gl.uniform1f(tiles.at("ring"), only >= 0 ? LIT.ring : 0);
    gl.uniform1f(tiles.at("least"), only >= 0 ? LIT.least : 0);
    gl.uniform2f(tiles.at("toneSizes"), ...tone);
    gl.uniform1f(tiles.at("radius"), outline.radius);
    gl.uniform1f(tiles.at("border"), outline.border);
    gl.uniform3f(tiles.at("borderColour"), ...outline.colour);
    gl.uniform1f(tiles.at("margin"), outline.margin);
    gl.uniform1i(tiles.at("isHexagon"), outline.kind === "hexagon" ? 1 : 0);
    gl.uniform1i(tiles.at("only"), only);
    const large = this.areLarge(scale) ? [...this.large].map(([number, { texture }]) => ({ texture, first: number, loaded: 1 })) : [];
    for (const group of [...this.groups, ...large]) {
      gl.bindTexture(gl.TEXTURE_2D_ARRAY, group.texture);
      gl.uniform2i(tiles.at("group"), group.first, group.loaded);
      gl.drawArrays(gl.TRIANGLES, 6 * first, 6 * (end - first));
    }
  }

  /* Whether tiles are larger than the pictures that all photos have. */
  areLarge(scale) { return scale * this.mosaic.cells.largest > this.photos.side; }

  /* Loads the photos in view as large as they are drawn, if this is larger than the pictures that all photos have, and
     as many as fit into the memory for these. */
  async loadLarge(view, ratio) {
    const { gl, large, mosaic: { cells } } = this, turn = (this.loading = {});
    if (!this.areLarge(view.scale * ratio)) return;
    const sides = new Map(); // that photos in view need
    for (const cell of cells.inView(view)) {
      const number = cells.photo[cell], drawn = 2 ** Math.ceil(Math.log2(cells.side(cell) * view.scale * ratio));
      const side = Math.min(this.photos.sideOf(number), drawn);
      if (side > this.photos.side) sides.set(number, Math.max(side, sides.get(number) ?? 0));
    }
    let bytes = 0;
    for (const each of large.values()) bytes += each.bytes;
    const drop = (number) => {
      gl.deleteTexture(large.get(number).texture);
      bytes -= large.get(number).bytes;
      large.delete(number);
    };
    for (const [number, side] of sides) {
      if ((large.get(number)?.side ?? 0) >= side) continue;
      const needed = side * side * LONGER * BYTES;
      for (const other of [...large.keys()]) if (bytes + needed > LARGE_BYTES && !sides.has(other)) drop(other);
      if (bytes + needed > LARGE_BYTES) return;
      const loaded = await this.photos.large(number, side).catch(() => null); // a damaged one stays as it is
      if (turn !== this.loading) return; // a later view needs others
      if (!loaded) continue;
      if (large.has(number)) drop(number);
      const [pixels, width, height] = loaded, isTurned = this.isTurned(number);
      const layers = this.makeLayers(isTurned ? [height, width] : [width, height], 1);
      this.storeLayer(layers, 0, isTurned ? turned(pixels, width, height) : pixels);
      large.set(number, { ...layers, side, bytes: needed });
      bytes += needed;
      this.changed();
    }
  }
}

/* A picture with rows and columns exchanged. */
function turned(pixels, width, height) {
  const from = new Uint32Array(pixels.buffer, pixels.byteOffset, width * height), to = new Uint32Array(width * height);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) to[x * height + y] = from[y * width + x];
  return new Uint8Array(to.buffer);
}
