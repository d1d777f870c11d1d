/* The page: connects the mosaic, the view and the drawing. */

const canvas = document.getElementById("view");
const mosaic = readMosaic();
const view = new View(mosaic);
const drawing = new Drawing(canvas, mosaic);
const ratio = () => Math.min(devicePixelRatio, 2);

/* Frames of movements have fewer pixels where drawing is slow; the last one has all. */
const SLOW = 20, FAST = 12; // milliseconds from one frame to the next
const REST = 120; // milliseconds without a change after which all pixels are drawn
let share = 1; // of the pixels on each side, while it moves
let resting, last = 0, isDue = false;

function drawNow(now) {
  const took = now - last;
  last = now;
  if (took < 100) share = Math.min(Math.max(share * (took > SLOW ? 0.9 : took < FAST ? 1.05 : 1), 0.35), 1);
  drawAt(share);
  clearTimeout(resting);
  if (share < 1) resting = setTimeout(() => requestAnimationFrame(() => drawAt(1)), REST);
}

function drawAt(part) {
  const [width, height] = view.size.map((side) => Math.max(Math.round(side * ratio() * part), 1));
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  drawing.draw(view, width / view.size[0]);
}

function redraw() {
  if (isDue) return;
  isDue = true;
  requestAnimationFrame((now) => {
    isDue = false;
    drawNow(now);
  });
}

new ResizeObserver(() => {
  view.resize(canvas.clientWidth, canvas.clientHeight);
  redraw();
}).observe(canvas);

let flying = 0;
function fly(to, seconds) {
  const turn = ++flying, { x, y, scale } = view;
  const path = flight({ x, y, scale }, to, Math.min(...view.size));
  const started = performance.now(), length = 1000 * (seconds ?? Math.min(0.5 + 0.5 * path.length, 4));
  const step = (now) => {
    if (turn !== flying) return;
    const share = Math.min((now - started) / length, 1), eased = share * share * (3 - 2 * share);
    Object.assign(view, path.at(eased));
    drawNow(now);
    if (share < 1) requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
}

const pointers = new Map();
canvas.addEventListener("pointerdown", (event) => {
  flying += 1;
  canvas.setPointerCapture(event.pointerId);
  pointers.set(event.pointerId, [event.clientX, event.clientY]);
});
canvas.addEventListener("pointermove", (event) => {
  const before = pointers.get(event.pointerId);
  if (!before) return;
  const now = [event.clientX, event.clientY], other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
  pointers.set(event.pointerId, now);
  if (other) { // two fingers: the points below them stay below them
    const middle = (at) => [(at[0] + other[0]) / 2, (at[1] + other[1]) / 2];
    const away = (at) => Math.hypot(at[0] - other[0], at[1] - other[1]);
    const [from, to] = [middle(before), middle(now)];
    view.move(to[0] - from[0], to[1] - from[1]);
    view.zoom(away(now) / Math.max(away(before), 1), ...to);
  } else view.move(now[0] - before[0], now[1] - before[1]);
  redraw();
});
for (const ending of ["pointerup", "pointercancel"]) {
  canvas.addEventListener(ending, (event) => pointers.delete(event.pointerId));
}
canvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  flying += 1;
  view.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.002)), event.clientX, event.clientY);
  redraw();
}, { passive: false });
canvas.addEventListener("dblclick", (event) => {
  const [x, y] = view.at(event.clientX, event.clientY);
  fly({ x, y, scale: Math.min(view.scale * 3, 0.9 * Math.min(...view.size)) });
});
canvas.addEventListener("keydown", (event) => {
  const [width, height] = view.size, step = 0.15 * Math.min(width, height);
  const actions = {
    ArrowLeft: () => view.move(step, 0), ArrowRight: () => view.move(-step, 0),
    ArrowUp: () => view.move(0, step), ArrowDown: () => view.move(0, -step),
    "+": () => view.zoom(1.4, width / 2, height / 2), "-": () => view.zoom(1 / 1.4, width / 2, height / 2),
    Home: () => fly({ x: mosaic.width / 2, y: mosaic.height / 2, scale: view.whole }),
  };
  if (!actions[event.key]) return;
  event.preventDefault();
  flying += 1;
  actions[event.key]();
  redraw();
});

await drawing.loadFirst();
redraw();
document.documentElement.dataset.seen = Math.round(performance.now());
await drawing.loadPhotos(redraw);
document.documentElement.dataset.loaded = Math.round(performance.now());
globalThis.explore = { view, drawing, fly, redraw };
