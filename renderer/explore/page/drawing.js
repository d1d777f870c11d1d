/* Drawing with WebGL 2: the mosaic's own picture below, and over it the tiles whose photos are loaded. */

const LAYERS = 1024; // photos in one texture
const NEAR = 4; // pixels of a tile from which tiles are drawn, and not the mosaic's picture
const SHARPER = -0.5; // mip levels, as in the program's own drawing
const TONE = [48, 240]; // pixels of a tile up to which its tone is full, and from which there is none

const TILE_VERTEX = `#version 300 es
layout(location = 0) in vec4 box;
layout(location = 1) in vec3 gain;
layout(location = 2) in vec3 offset;
layout(location = 3) in uint photo;
layout(location = 4) in uint symmetry;
uniform vec4 view; // x, y, 2 scale / width, 2 scale / height
uniform float scale;
uniform uint first;
out vec3 place;
flat out vec3 gained, added;
void main() {
  vec2 corner = vec2(gl_VertexID & 1, gl_VertexID >> 1), at = corner;
  if ((symmetry & 1u) != 0u) at.x = 1.0 - at.x;
  if ((symmetry & 2u) != 0u) at.y = 1.0 - at.y;
  if ((symmetry & 4u) != 0u) at = (symmetry & 3u) == 0u || (symmetry & 3u) == 3u ? at.yx : at.yx;
  place = vec3(at, float(photo - first));
  float side = max(box.z, box.w) * scale;
  float far = clamp((side - ${TONE[0].toFixed(1)}) / ${(TONE[1] - TONE[0]).toFixed(1)}, 0.0, 1.0);
  float tone = 1.0 - far * far * (3.0 - 2.0 * far);
  gained = mix(vec3(1.0), gain, tone);
  added = offset * tone;
  vec2 point = box.xy + corner * box.zw;
  gl_Position = vec4((point - view.xy) * view.zw * vec2(1, -1), 0, 1);
}`;

const TILE_FRAGMENT = `#version 300 es
precision highp float;
precision highp sampler2DArray;
in vec3 place;
flat in vec3 gained, added;
uniform sampler2DArray photos;
out vec4 colour;
void main() {
  vec3 light = texture(photos, place, ${SHARPER.toFixed(1)}).rgb;
  vec3 srgb = mix(12.92 * light, 1.055 * pow(light, vec3(1.0 / 2.4)) - 0.055, step(0.0031308, light));
  colour = vec4(srgb * gained + added, 1);
}`;

const PICTURE_VERTEX = `#version 300 es
uniform vec4 view;
uniform vec2 size;
out vec2 place;
void main() {
  place = vec2(gl_VertexID & 1, gl_VertexID >> 1);
  gl_Position = vec4((place * size - view.xy) * view.zw * vec2(1, -1), 0, 1);
}`;

const PICTURE_FRAGMENT = `#version 300 es
precision highp float;
in vec2 place;
uniform sampler2D picture;
out vec4 colour;
void main() { colour = vec4(texture(picture, place).rgb, 1); }`;

function program(gl, vertex, fragment) {
  const made = gl.createProgram();
  for (const [kind, source] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(made, shader);
  }
  gl.linkProgram(made);
  if (!gl.getProgramParameter(made, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(made) || "no WebGL");
  return { made, at: (name) => gl.getUniformLocation(made, name) };
}

class Drawing {
  constructor(canvas, mosaic) {
    const gl = canvas.getContext("webgl2", { alpha: false, antialias: true });
    Object.assign(this, { gl, mosaic, side: Math.min(mosaic.side, 96) });
    this.tiles = program(gl, TILE_VERTEX, TILE_FRAGMENT);
    this.whole = program(gl, PICTURE_VERTEX, PICTURE_FRAGMENT);
    this.groups = this.makeGroups();
    this.loaded = 0;
  }

  async loadFirst() {
    const { gl } = this;
    const picture = await createImageBitmap(this.mosaic.first);
    this.picture = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, this.picture);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, gl.RGBA, gl.UNSIGNED_BYTE, picture);
    gl.generateMipmap(gl.TEXTURE_2D);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR_MIPMAP_LINEAR);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
  }

  /* The cells by the texture that has their photos: a vertex array for each. */
  makeGroups() {
    const { gl, mosaic: { cells, count, photos } } = this;
    const order = Uint32Array.from({ length: count }, (_, cell) => cell).sort((a, b) => cells.photo[a] - cells.photo[b]);
    const sorted = (array, columns) => {
      const made = new array.constructor(array.length);
      order.forEach((cell, place) => made.set(array.subarray(cell * columns, (cell + 1) * columns), place * columns));
      return made;
    };
    const arrays = [["box", 4, gl.FLOAT], ["gain", 3, gl.HALF_FLOAT], ["offset", 3, gl.HALF_FLOAT], ["photo", 1, gl.UNSIGNED_INT], ["symmetry", 1, gl.UNSIGNED_BYTE]]
      .map(([name, columns, type]) => {
        const buffer = gl.createBuffer();
        gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
        gl.bufferData(gl.ARRAY_BUFFER, sorted(cells[name], columns), gl.STATIC_DRAW);
        return { buffer, columns, type, bytes: columns * cells[name].BYTES_PER_ELEMENT };
      });
    const groups = [];
    for (let first = 0, from = 0; first < photos.length; first += LAYERS) {
      let to = from;
      while (to < count && cells.photo[order[to]] < first + LAYERS) to++;
      const vertices = gl.createVertexArray();
      gl.bindVertexArray(vertices);
      arrays.forEach(({ buffer, columns, type, bytes }, place) => {
        gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
        gl.enableVertexAttribArray(place);
        if (place > 2) gl.vertexAttribIPointer(place, columns, type, bytes, from * bytes);
        else gl.vertexAttribPointer(place, columns, type, false, bytes, from * bytes);
        gl.vertexAttribDivisor(place, 1);
      });
      const layers = Math.min(LAYERS, photos.length - first);
      const texture = gl.createTexture();
      gl.bindTexture(gl.TEXTURE_2D_ARRAY, texture);
      gl.texStorage3D(gl.TEXTURE_2D_ARRAY, Math.floor(Math.log2(this.side)) + 1, gl.SRGB8_ALPHA8, this.side, this.side, layers);
      gl.texParameteri(gl.TEXTURE_2D_ARRAY, gl.TEXTURE_MIN_FILTER, gl.LINEAR_MIPMAP_LINEAR);
      gl.texParameteri(gl.TEXTURE_2D_ARRAY, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
      gl.texParameteri(gl.TEXTURE_2D_ARRAY, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
      groups.push({ first, count: to - from, vertices, texture, isLoaded: false });
      from = to;
    }
    return groups;
  }

  /* Decodes the photos, and calls `done` after each group of them. */
  async loadPhotos(done) {
    const { gl, side, mosaic: { photos } } = this;
    for (const group of this.groups) {
      const numbers = photos.slice(group.first, group.first + LAYERS).map((_, number) => number);
      for (let start = 0; start < numbers.length; start += 64) {
        const some = numbers.slice(start, start + 64);
        const bitmaps = await Promise.all(some.map((number) => {
          const photo = photos[group.first + number];
          const [x, y, width, height] = photo.part.map(Math.round);
          const options = { resizeWidth: side, resizeHeight: side, resizeQuality: "high" };
          return createImageBitmap(photo.blob(), x, y, Math.max(width, 1), Math.max(height, 1), options);
        }));
        gl.bindTexture(gl.TEXTURE_2D_ARRAY, group.texture);
        bitmaps.forEach((bitmap, place) => {
          gl.texSubImage3D(gl.TEXTURE_2D_ARRAY, 0, 0, 0, some[place], side, side, 1, gl.RGBA, gl.UNSIGNED_BYTE, bitmap);
          bitmap.close();
        });
      }
      gl.bindTexture(gl.TEXTURE_2D_ARRAY, group.texture);
      gl.generateMipmap(gl.TEXTURE_2D_ARRAY);
      group.isLoaded = true;
      this.loaded += 1;
      done();
    }
  }

  draw(view, ratio) {
    const { gl } = this;
    const [width, height] = [gl.drawingBufferWidth, gl.drawingBufferHeight];
    const scale = view.scale * ratio;
    const matrix = [view.x, view.y, (2 * scale) / width, (2 * scale) / height];
    gl.viewport(0, 0, width, height);
    gl.clearColor(...this.mosaic.background, 1);
    gl.clear(gl.COLOR_BUFFER_BIT);
    if (this.picture) {
      gl.useProgram(this.whole.made);
      gl.bindVertexArray(null);
      gl.bindTexture(gl.TEXTURE_2D, this.picture);
      gl.uniform4f(this.whole.at("view"), ...matrix);
      gl.uniform2f(this.whole.at("size"), this.mosaic.width, this.mosaic.height);
      gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
    }
    if (scale < NEAR) return;
    gl.useProgram(this.tiles.made);
    gl.uniform4f(this.tiles.at("view"), ...matrix);
    gl.uniform1f(this.tiles.at("scale"), scale);
    for (const { first, count, vertices, texture, isLoaded } of this.groups) {
      if (!isLoaded) continue;
      gl.bindVertexArray(vertices);
      gl.bindTexture(gl.TEXTURE_2D_ARRAY, texture);
      gl.uniform1ui(this.tiles.at("first"), first);
      gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, count);
    }
  }
}
