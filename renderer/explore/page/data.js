/* The mosaic that is embedded in the page. */

function decoded(id) {
  const element = document.getElementById(id);
  const text = atob(element.textContent);
  element.remove();
  const bytes = new Uint8Array(text.length);
  for (let place = 0; place < text.length; place++) bytes[place] = text.charCodeAt(place);
  return bytes;
}

const TYPES = { f4: Float32Array, u4: Uint32Array, f2: Uint16Array, u1: Uint8Array }; // f2: halves, as WebGL takes them

function readMosaic() {
  const { size, count, side, photos, cells: described, background } = JSON.parse(document.getElementById("data").textContent);
  const { buffer } = decoded("cells");
  const cells = Object.fromEntries(Object.entries(described).map(([name, { at, type, columns }]) => (
    [name, new TYPES[type](buffer, at, columns * count)])));
  const pictures = decoded("pictures");
  const first = new Blob([decoded("first")], { type: "image/webp" });
  return {
    width: size[0], height: size[1], count, side, cells, first, background,
    photos: photos.map(([width, height, end, ...part], number) => ({
      width, height, part, blob: () => new Blob([pictures.subarray(number ? photos[number - 1][2] : 0, end)], { type: "image/webp" }),
    })),
  };
}
