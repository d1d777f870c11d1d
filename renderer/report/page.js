const [width, height] = data.size; // in steps; the sides of all cells are multiples of a step
const [shownLeft, shownTop, shownWidth, shownHeight] = data.shown; // the part of it that the mosaic shows
const count = data.cells.length / 6;
/* Left, top, width, height in steps, photo, error × 10. */
const cell = (number) => data.cells.slice(6 * number, 6 * number + 6);
const unit = (x, y) => [x, y].map((steps) => Math.floor(steps * data.step)).join(",");
const position = (number) => unit(...cell(number).slice(0, 2));
const cellsOf = (photo) => [...Array(count).keys()].filter((number) => data.cells[6 * number + 4] === photo);

/* The number of the cell at each step. */
const owner = new Int32Array(width * height).fill(-1);
for (let number = 0; number < count; number++) {
  const [left, top, wide, high] = cell(number);
  for (let y = top; y < Math.min(top + high, height); y++) owner.fill(number, y * width + left, y * width + left + wide);
}

/* -- The slider ------------------------------------------------------------------------------------------------ */

const pair = document.querySelector(".pair");
const slider = byId("slider");
const slide = () => pair.style.setProperty("--at", `${slider.value}%`);
slider.addEventListener("input", slide);
slide(); // browsers may keep the value when a page is reloaded

/* -- Outlines of cells ----------------------------------------------------------------------------------------- */

const marks = document.querySelector(".marks");
const mosaic = byId("mosaic");
let selectedCells = [];

function outline(context, boxes, lineWidth) {
  for (const [colour, times] of [["#000", 2], ["#fff", 1]]) { // white inside black is visible on any background
    context.strokeStyle = colour;
    context.lineWidth = lineWidth * times;
    for (const box of boxes) context.strokeRect(...box);
  }
}

/* Gives a canvas the mosaic's aspect ratio; returns its context, and its pixels per step across and down. */
function prepare(canvas) {
  const scale = Math.min(window.devicePixelRatio || 1, 2);
  const cssWidth = canvas.getBoundingClientRect().width;
  canvas.width = Math.max(Math.round(cssWidth * scale), 1);
  canvas.height = Math.max(Math.round((cssWidth * scale * mosaic.naturalHeight) / mosaic.naturalWidth), 1);
  return [canvas.getContext("2d"), canvas.width / shownWidth, canvas.height / shownHeight];
}

const boxes = (numbers, across, down) => numbers.map((number) => {
  const [left, top, wide, high] = cell(number);
  return [(left - shownLeft) * across, (top - shownTop) * down, wide * across, high * down];
});

/* Outlines cells over the mosaic, and optionally dims all others. */
function mark(numbers, dim = false) {
  const [context, across, down] = prepare(marks);
  const outlined = boxes(numbers, across, down);
  if (dim) {
    context.fillStyle = "#000a";
    context.fillRect(0, 0, marks.width, marks.height);
    for (const box of outlined) context.clearRect(...box);
  }
  outline(context, outlined, numbers.length > 400 ? 0.5 : 1.5);
}

/* Draws the location of cells: one cell with its surroundings, several cells in the whole mosaic. */
function drawLocation(canvas, numbers) {
  const [context, across, down] = prepare(canvas);
  const [x, y] = [mosaic.naturalWidth / shownWidth, mosaic.naturalHeight / shownHeight];
  if (numbers.length === 1) {
    const [[left, top, cellWidth, cellHeight]] = boxes(numbers, x, y); // in pixels of the mosaic
    const wide = Math.min(Math.max((10 / data.step) * x, 3 * cellWidth), mosaic.naturalWidth); // 10 units
    const high = (wide * mosaic.naturalHeight) / mosaic.naturalWidth;
    const from = [
      Math.min(Math.max(left + cellWidth / 2 - wide / 2, 0), mosaic.naturalWidth - wide),
      Math.min(Math.max(top + cellHeight / 2 - high / 2, 0), mosaic.naturalHeight - high),
    ];
    context.drawImage(mosaic, ...from, wide, high, 0, 0, canvas.width, canvas.height);
    const times = canvas.width / wide;
    outline(context, [[(left - from[0]) * times, (top - from[1]) * times, cellWidth * times, cellHeight * times]], 2);
    return;
  }
  context.drawImage(mosaic, 0, 0, canvas.width, canvas.height);
  context.fillStyle = "#000a";
  context.fillRect(0, 0, canvas.width, canvas.height);
  const targets = boxes(numbers, across, down);
  boxes(numbers, x, y).forEach((box, index) => context.drawImage(mosaic, ...box, ...targets[index]));
  if (numbers.length <= 400) outline(context, targets, 1);
}

const restore = () => mark(selectedCells, selectedCells.length > 1);

/* -- Selection ------------------------------------------------------------------------------------------------- */

const details = byId("details");
let pressed = null;

function select(text, numbers, { button = null, at = "", file = "" } = {}) {
  pressed?.removeAttribute("aria-pressed");
  button?.setAttribute("aria-pressed", "true");
  pressed = button;
  selectedCells = numbers;
  details.hidden = false;
  document.body.classList.add("with-details");
  byId("selected").textContent = text;
  const listed = numbers.slice(0, 24).map(position).join("  ");
  const more = numbers.length > 24 ? ` and ${numbers.length - 24} more` : "";
  byId("cell-list").textContent = at ? "" : `${numbers.length === 1 ? "Cell" : "Cells"} ${listed}${more}`;
  showCommands(at, file);
  drawLocation(byId("location"), numbers);
  restore();
}

function selectCell(number, at = position(number)) {
  const [, , , , photo, error] = cell(number);
  const [name, file] = data.photos[photo];
  const uses = cellsOf(photo).length;
  const count = uses === 1 ? "once" : `${uses} times`;
  select(`Cell ${at}: ${name}, used ${count}. Colour difference ${(error / 10).toFixed(1)}.`, [number], { at, file });
}

function selectPhoto(photo, button) {
  const [name, file] = data.photos[photo];
  const numbers = cellsOf(photo);
  select(`${name}: used ${numbers.length === 1 ? "once" : `${numbers.length} times`}`, numbers, { button, file });
}

function selectColour(colour, button) {
  select(`${button.querySelector("b").textContent}: cells of this colour`, data.colours[colour], { button });
}

function close() {
  details.hidden = true;
  document.body.classList.remove("with-details");
  pressed?.removeAttribute("aria-pressed");
  pressed = null;
  selectedCells = [];
  restore();
}

byId("close").addEventListener("click", close);
document.addEventListener("keydown", (event) => event.key === "Escape" && close());

for (const button of document.querySelectorAll("[data-photo], [data-colour], [data-cell]")) {
  const { photo, colour, cell: number } = button.dataset;
  const numbers = () => (photo ? cellsOf(+photo) : colour ? data.colours[+colour] : [+number]);
  if (!count) { // the page has no cells: there are too many
    button.disabled = true;
    continue;
  }
  for (const kind of ["mouseenter", "focus"]) button.addEventListener(kind, () => mark(numbers(), true));
  for (const kind of ["mouseleave", "blur"]) button.addEventListener(kind, restore);
  button.addEventListener("click", () => {
    if (photo) selectPhoto(+photo, button);
    else if (colour) selectColour(+colour, button);
    else selectCell(+number);
  });
}

/* -- Pointer and keys ------------------------------------------------------------------------------------------ */

const cells = byId("cells");
const tip = byId("tip");
let cursor = [Math.floor(width / 2), Math.floor(height / 2)]; // in steps

function stepAt(event) {
  const box = cells.getBoundingClientRect();
  const x = Math.floor(shownLeft + ((event.clientX - box.left) / box.width) * shownWidth);
  const y = Math.floor(shownTop + ((event.clientY - box.top) / box.height) * shownHeight);
  return [Math.min(Math.max(x, 0), width - 1), Math.min(Math.max(y, 0), height - 1)];
}

const cellAt = ([x, y]) => owner[y * width + x];

function showTip(step) {
  const number = cellAt(step);
  if (number < 0) return;
  const [left, top, , high, photo] = cell(number);
  mark([number]);
  tip.textContent = `${unit(...step)}  ${data.photos[photo][0]}`;
  tip.hidden = false;
  const box = cells.getBoundingClientRect();
  const x = Math.max(((left - shownLeft) / shownWidth) * box.width, 0);
  const above = ((top - shownTop) / shownHeight) * box.height;
  const y = ((top + high - shownTop) / shownHeight) * box.height + 6;
  tip.style.left = `${Math.min(x, box.width - tip.offsetWidth)}px`;
  tip.style.top = `${y + tip.offsetHeight > box.height ? above - tip.offsetHeight - 6 : y}px`;
}

function leave() {
  tip.hidden = true;
  restore();
}

function selectAt(step) {
  cursor = step;
  if (cellAt(step) >= 0) selectCell(cellAt(step), unit(...step));
}

cells.addEventListener("pointermove", (event) => event.pointerType === "mouse" && showTip(stepAt(event)));
cells.addEventListener("pointerleave", leave);
cells.addEventListener("blur", leave);
cells.addEventListener("click", (event) => { tip.hidden = true; selectAt(stepAt(event)); });
cells.addEventListener("keydown", (event) => {
  const number = cellAt(cursor);
  const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  if (number < 0 || !(by || event.key === "Enter" || event.key === " ")) return;
  event.preventDefault();
  if (by) { // to the first step outside the cell
    const [left, top, wide, high] = cell(number);
    const x = by[0] ? (by[0] < 0 ? left - 1 : left + wide) : cursor[0];
    const y = by[1] ? (by[1] < 0 ? top - 1 : top + high) : cursor[1];
    cursor = [Math.min(Math.max(x, 0), width - 1), Math.min(Math.max(y, 0), height - 1)];
    if (details.hidden) showTip(cursor);
    else selectAt(cursor);
  } else selectAt(cursor);
});
cells.addEventListener("focus", () => cells.matches(":focus-visible") && showTip(cursor));
if (!count) cells.remove();

addEventListener("resize", () => {
  restore();
  if (!details.hidden) drawLocation(byId("location"), selectedCells);
});
