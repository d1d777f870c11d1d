/* The page: connects the mosaic, its drawing, the gestures and the panel. */

const stage = byId("window");
let canvas = byId("view");
const mosaic = readMosaic();
const view = new View(mosaic);
const photos = new Photos(mosaic);
const isStill = matchMedia("(prefers-reduced-motion: reduce)");
const state = document.documentElement.dataset;
let drawing, panel;

/* -- Frames ---------------------------------------------------------------------------------------------------- */

const SLOW = 26, FAST = 18; // milliseconds from a frame that was drawn to the next one
const REST = 140; // milliseconds without a change after which all is drawn
const LEAST_SHARE = 0.35;
let share = 1; // of the pixels on each side, while the view moves
let isSlow = false, resting, isDue = false;
const ratio = () => Math.min(devicePixelRatio, 2);

function drawAt(part, isFast) {
  const [width, height] = view.size.map((side) => Math.max(Math.round(side * ratio() * part), 1));
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  drawing.draw(view, width / view.size[0], { isFast });
}

/* Draws a frame of a movement: where drawing is slow, with less detail and then with fewer pixels. */
function drawNow(now) {
  drawAt(isSlow ? share : 1, isSlow);
  drawMap();
  requestAnimationFrame((next) => {
    if (next - now > SLOW) {
      if (isSlow) share = Math.max(share * 0.9, LEAST_SHARE);
      isSlow = true;
    } else if (next - now < FAST) share = Math.min(share * 1.02, 1);
  });
  clearTimeout(resting);
  resting = setTimeout(() => requestAnimationFrame(rest), REST);
}

function rest() {
  if (isSlow) {
    const started = performance.now();
    drawAt(1, false);
    requestAnimationFrame(() => { if (performance.now() - started < FAST) [isSlow, share] = [false, 1]; });
  }
  drawing.loadLarge(view, ratio());
}

function redraw() {
  if (isDue) return;
  isDue = true;
  requestAnimationFrame((now) => {
    isDue = false;
    drawNow(now);
  });
}

/* -- Flights --------------------------------------------------------------------------------------------------- */

const PACE = { least: 0.5, more: 0.45, most: 4 }; // seconds, seconds for each unit of a path's length, seconds
let flying = 0;

/* Flies to a view, and returns whether it was reached. */
function fly(to, seconds) {
  const turn = ++flying, { x, y, scale } = view, from = { x, y, scale };
  const isWhole = (each) => each.scale <= view.whole * 1.001, endsWhole = isWhole(to);
  const path = flight(from, to, view.size[0], isWhole(from) || endsWhole);
  const length = 1000 * (seconds ?? Math.min(PACE.least + PACE.more * path.length, PACE.most));
  return new Promise((resolve) => {
    if (isStill.matches || !Number.isFinite(path.length)) {
      view.show(to);
      redraw();
      resolve(true);
      return;
    }
    const started = performance.now();
    const step = (now) => {
      if (turn !== flying) return resolve(false);
      const way = Math.min(Math.max((now - started) / length, 0), 1);
      view.show(way < 1 ? path.at(cruise(way)) : endsWhole ? view.wholeView : to); // the window may be another one now
      drawNow(now);
      return way < 1 ? requestAnimationFrame(step) : resolve(true);
    };
    requestAnimationFrame(step);
  });
}

const pause = (seconds) => new Promise((resolve) => { setTimeout(resolve, 1000 * seconds); });

/* The page begins with a flight into the best photo and back, unless one does something else. */
async function playIntro() {
  await pause(0.7);
  const turn = flying;
  if (state.used || !await fly(view.of(data.best, 0.8), 5)) return;
  await pause(1.2);
  if (flying === turn + 1) fly(view.wholeView, 4);
}

const stopped = () => { flying += 1; state.used = "yes"; };

/* -- The small map --------------------------------------------------------------------------------------------- */

const MAP = { wide: 150, narrow: 100, below: 720 }; // longer side in pixels, in windows below this width the second
const map = byId("map"), small = document.createElement("canvas");

function drawMap() {
  map.hidden = view.isWhole;
  if (map.hidden) return;
  const side = innerWidth < MAP.below ? MAP.narrow : MAP.wide;
  const scale = side / Math.max(mosaic.width, mosaic.height), pixels = ratio();
  const [width, height] = [mosaic.width * scale, mosaic.height * scale];
  if (map.style.width !== `${width}px` || map.width !== Math.round(width * pixels)) {
    for (const each of [map, small]) Object.assign(each, { width: Math.round(width * pixels), height: Math.round(height * pixels) });
    map.style.width = `${width}px`;
    small.getContext("2d").drawImage(mosaic.first, 0, 0, small.width, small.height);
  }
  const context = map.getContext("2d");
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, map.width, map.height);
  context.drawImage(small, 0, 0); // scaling the picture anew would take longer than all else
  context.setTransform(pixels, 0, 0, pixels, 0, 0);
  context.fillStyle = "#0007";
  const [wide, high] = view.size.map((side) => (side / view.scale) * scale);
  const [left, top] = [view.x * scale - wide / 2, view.y * scale - high / 2];
  const outside = new Path2D();
  outside.rect(0, 0, width, height);
  outside.rect(left, top, wide, high);
  context.fill(outside, "evenodd");
  context.strokeStyle = "#fff";
  context.strokeRect(left, top, wide, high);
  context.fillStyle = "#fff";
  for (const cell of drawing.lit >= 0 ? mosaic.cells.of(drawing.lit) : []) {
    const [x, y, across, down] = mosaic.cells.box(cell);
    context.beginPath();
    context.arc((x + across / 2) * scale, (y + down / 2) * scale, 3, 0, 7);
    context.fill();
  }
}

function moveOnMap(event) {
  if (event.type === "pointermove" && !event.buttons) return;
  stopped();
  const box = map.getBoundingClientRect(), scale = mosaic.width / box.width;
  view.show({ x: (event.clientX - box.left) * scale, y: (event.clientY - box.top) * scale, scale: view.scale });
  redraw();
}
map.addEventListener("pointerdown", (event) => { map.setPointerCapture(event.pointerId); moveOnMap(event); });
map.addEventListener("pointermove", moveOnMap);

/* -- Photos, by the address ------------------------------------------------------------------------------------ */

let openedHere = 0; // photos that were opened since the page was, as entries of the browser's history
let clicked; // the cell that was clicked to open a photo
const DIMMING = 300; // milliseconds

const photoInAddress = () => {
  const number = +(/^#photo=(\d+)$/.exec(location.hash)?.[1] ?? 0) - 1;
  return number >= 0 && number < mosaic.photos.length ? number : null;
};

/* Opens a photo, or shows it instead of the one that is open; the back button closes it. */
function openPhoto(number) {
  const address = `#photo=${number + 1}`;
  if (location.hash === address) showAddress();
  else if (photoInAddress() !== null) location.replace(address);
  else {
    openedHere += 1;
    location.hash = address;
  }
}

function closePanel() {
  stopped();
  if (photoInAddress() === null) {
    panel.hide();
    byId("find").focus({ preventScroll: true });
  } else if (openedHere > 0) history.back();
  else location.replace("#");
}

function showAddress() {
  const number = photoInAddress(), cell = clicked;
  clicked = undefined;
  stopped();
  if (number === null) {
    byId("alone").close();
    openedHere = Math.max(openedHere - 1, 0);
    if (panel.open !== null && panel.isFromFound) panel.showAgain();
    else if (panel.open !== null) {
      panel.hide();
      canvas.focus({ preventScroll: true });
    }
    drawing.lit = -1;
    redraw();
    return;
  }
  panel.showPhoto(number);
  light(number < mosaic.used ? number : -1);
  fitStage();
  if (cell === undefined) panel.showNextPlace();
  else {
    panel.showNextPlace(cell);
    const [x, y, width, height] = mosaic.cells.box(cell);
    fly(view.limited({ x: x + width / 2, y: y + height / 2, scale: view.scale }));
  }
}
addEventListener("hashchange", showAddress);

/* Shows where a photo is, while all else becomes dimmer. */
function light(number) {
  const started = performance.now(), mine = drawing, begins = mine.lit < 0 && !isStill.matches;
  mine.lit = number;
  const step = (now) => {
    mine.dim = begins ? Math.min(Math.max((now - started) / DIMMING, 0), 1) : 1;
    redraw();
    if (mine.dim < 1 && mine.lit === number) requestAnimationFrame(step);
  };
  step(started);
}

function showFinder() {
  stopped();
  panel.isFromFound = false;
  if (photoInAddress() !== null) {
    location.hash = "";
    drawing.lit = -1;
  }
  panel.showFinder();
}

panel = new Panel(mosaic, photos, {
  opened: openPhoto,
  finding: showFinder,
  showPlace: (cell) => fly(view.of(cell, 0.4)),
});

/* -- Controls -------------------------------------------------------------------------------------------------- */

const actions = {
  moved: redraw,
  stopped,
  tapped: (x, y) => {
    const cell = mosaic.cells.at(x, y);
    if (cell < 0) return;
    clicked = cell;
    panel.isFromFound = false;
    openPhoto(mosaic.cells.photo[cell]);
  },
  zoomIn: (x, y) => {
    stopped();
    const cell = mosaic.cells.at(x, y);
    if (cell < 0) return;
    const near = view.of(cell, 0.7);
    if (view.scale > near.scale * 0.7) fly(view.wholeView);
    else fly(view.scale * 4 > near.scale ? near : view.limited({ x, y, scale: view.scale * 4 }));
  },
  whole: () => fly(view.wholeView),
};
byId("find").addEventListener("click", () => (byId("finder").hidden || byId("panel").hidden ? showFinder() : closePanel()));
byId("close").addEventListener("click", closePanel);
byId("whole").addEventListener("click", () => { stopped(); fly(view.wholeView); });
for (const button of document.querySelectorAll("[data-zoom]")) {
  button.addEventListener("click", () => {
    stopped();
    fly(view.limited({ x: view.x, y: view.y, scale: view.scale * button.dataset.zoom }), 0.35);
  });
}
byId("full").hidden = !document.fullscreenEnabled;
byId("full").addEventListener("click", () => (
  document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen()));
document.addEventListener("fullscreenchange", () => {
  byId("full").textContent = document.fullscreenElement ? "Leave full screen" : "Full screen";
});
addEventListener("keydown", (event) => {
  if (event.target.matches("input")) return;
  if (event.key === "Escape" && !byId("panel").hidden && !byId("alone").open) closePanel();
  else if (event.target === document.body && panel.open === null) canvas.dispatchEvent(new KeyboardEvent("keydown", event));
  else if (panel.open !== null && event.target !== canvas && event.key === "ArrowLeft") byId("previous").click();
  else if (panel.open !== null && event.target !== canvas && event.key === "ArrowRight") byId("next").click();
});
const hasFiles = (event) => event.dataTransfer.types.includes("Files");
let inside = 0;
for (const [kind, by] of [["dragenter", 1], ["dragleave", -1]]) {
  addEventListener(kind, (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    inside += by;
    byId("drop").hidden = inside <= 0;
  });
}
addEventListener("dragover", (event) => { if (hasFiles(event)) event.preventDefault(); });
addEventListener("drop", (event) => {
  if (!hasFiles(event)) return;
  event.preventDefault();
  inside = 0;
  byId("drop").hidden = true;
  const [file] = event.dataTransfer.files;
  if (file) panel.searchCopy(file);
});

/* -- Beginning ------------------------------------------------------------------------------------------------- */

function fitStage() {
  if (view.size[0] === stage.clientWidth && view.size[1] === stage.clientHeight) return;
  view.resize(Math.max(stage.clientWidth, 1), Math.max(stage.clientHeight, 1));
}

function readGround() {
  drawing.ground = getComputedStyle(document.body).backgroundColor.match(/[\d.]+/g).slice(0, 3).map((value) => value / 255);
  redraw();
}

/* Makes a drawing, with WebGL 2 or else without. A canvas has one kind for ever. */
function makeDrawing() {
  if (!new URLSearchParams(location.search).has("flat")) {
    try {
      return new Drawing(canvas, mosaic, photos, redraw);
    } catch {
      const other = canvas.cloneNode();
      canvas.replaceWith(other);
      canvas = other;
    }
  }
  return new FlatDrawing(canvas, mosaic, photos, redraw);
}

async function begin() {
  const before = drawing, mine = makeDrawing(), first = canvas;
  drawing = mine;
  mine.lit = before?.lit ?? -1;
  if (!before) {
    listen(canvas, view, actions);
    for (const button of stage.parentNode.querySelectorAll("button")) button.disabled = false;
    canvas.addEventListener("webglcontextlost", (event) => {
      event.preventDefault();
      mosaic.first.classList.remove("covered");
      canvas.hidden = true;
    });
    canvas.addEventListener("webglcontextrestored", () => { photos.ready = begin(); });
  }
  fitStage();
  readGround();
  first.hidden = false;
  drawNow(performance.now());
  mosaic.first.classList.add("covered"); // browsers would draw it, too
  state.seen = Math.round(performance.now());
  const count = mosaic.photos.length;
  await photos.load((...tile) => mine.store(...tile), (done) => {
    if (mine !== drawing) return false;
    byId("status").textContent = done < count ? `Loading photos: ${Math.floor((100 * done) / count)} %` : "";
    if (done === count || (drawing.gl && done % (8 * AT_ONCE) === 0)) requestAnimationFrame(() => drawAt(1, false));
    return true;
  });
  if (mine !== drawing) return;
  drawing.finish();
  [isSlow, share] = [false, 1]; // decoding took time, too
  state.loaded = Math.round(performance.now());
}

await mosaic.first.decode();
photos.ready = begin();
new ResizeObserver(() => { fitStage(); redraw(); }).observe(stage);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", readGround);
globalThis.explore = { view, drawing, mosaic, photos, fly, panel, flight, cruise, similarPhotos };
if (photoInAddress() !== null) showAddress();
await photos.ready;
if (data.intro === "zoom" && photoInAddress() === null && !isStill.matches && !state.used) playIntro();
