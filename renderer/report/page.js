"use strict";
const byId = (id) => document.getElementById(id);
const data = JSON.parse(byId("data").textContent);
const [width, height] = data.size; // in steps: all sides of cells are multiples of one
const count = data.cells.length / 5;
const cell = (number) => data.cells.slice(5 * number, 5 * number + 5); // left, top, side in steps, photo, error × 10
const address = (number) => cell(number).slice(0, 2).map((at) => Math.floor(at * data.step)).join(",");
const cellsOf = (photo) => [...Array(count).keys()].filter((number) => data.cells[5 * number + 3] === photo);

/* Which cell is where: a number for each square of one step. */
const owner = new Int32Array(width * height).fill(-1);
for (let number = 0; number < count; number++) {
  const [left, top, side] = cell(number);
  for (let y = top; y < Math.min(top + side, height); y++) owner.fill(number, y * width + left, y * width + left + side);
}

/* -- The slider ------------------------------------------------------------------------------------------------ */

const pair = document.querySelector(".pair");
const slider = byId("slider");
const slide = () => pair.style.setProperty("--at", `${slider.value}%`);
slider.addEventListener("input", slide);
slide(); // a page that is loaded again may keep the value

/* -- Marks over the mosaic ------------------------------------------------------------------------------------- */

const marks = document.querySelector(".marks");
const mosaic = byId("mosaic");
let chosenCells = [];

function outline(pen, boxes, thick) {
  for (const [colour, times] of [["#000", 2], ["#fff", 1]]) { // white inside black is seen on any ground
    pen.strokeStyle = colour;
    pen.lineWidth = thick * times;
    for (const box of boxes) pen.strokeRect(...box);
  }
}

/* A canvas's pen, and its pixels for each step, at the mosaic's shape. */
function prepare(canvas) {
  const scale = Math.min(window.devicePixelRatio || 1, 2);
  const shown = canvas.getBoundingClientRect().width;
  canvas.width = Math.max(Math.round(shown * scale), 1);
  canvas.height = Math.max(Math.round((shown * scale * height) / width), 1);
  return [canvas.getContext("2d"), canvas.width / width, canvas.height / height];
}

const boxes = (numbers, across, down) => numbers.map((number) => {
  const [left, top, side] = cell(number);
  return [left * across, top * down, side * across, side * down];
});

/* Outlines cells over the mosaic, and dims what lies around them. */
function mark(numbers, dim = false) {
  const [pen, across, down] = prepare(marks);
  const found = boxes(numbers, across, down);
  if (dim) {
    pen.fillStyle = "#000a";
    pen.fillRect(0, 0, marks.width, marks.height);
    for (const box of found) pen.clearRect(...box);
  }
  outline(pen, found, numbers.length > 400 ? 0.5 : 1.5);
}

/* Draws where cells are: one with what lies around it, many in the whole mosaic. */
function drawWhere(canvas, numbers) {
  const [pen, across, down] = prepare(canvas);
  const [x, y] = [mosaic.naturalWidth / width, mosaic.naturalHeight / height];
  if (numbers.length === 1) {
    const [left, top, side] = cell(numbers[0]);
    const wide = Math.min(Math.max(10 / data.step, 3 * side), width); // ten usual cells
    const high = (wide * height) / width;
    const from = [
      Math.min(Math.max(left + side / 2 - wide / 2, 0), width - wide),
      Math.min(Math.max(top + side / 2 - high / 2, 0), height - high),
    ];
    pen.drawImage(mosaic, from[0] * x, from[1] * y, wide * x, high * y, 0, 0, canvas.width, canvas.height);
    const times = canvas.width / wide;
    outline(pen, [[(left - from[0]) * times, (top - from[1]) * times, side * times, side * times]], 2);
    return;
  }
  pen.drawImage(mosaic, 0, 0, canvas.width, canvas.height);
  pen.fillStyle = "#000a";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  const found = boxes(numbers, across, down);
  boxes(numbers, x, y).forEach((box, place) => pen.drawImage(mosaic, ...box, ...found[place]));
  if (numbers.length <= 400) outline(pen, found, 1);
}

const restore = () => mark(chosenCells, chosenCells.length > 1);

/* -- What is chosen -------------------------------------------------------------------------------------------- */

const dock = byId("dock");
/* A file's name as a shell takes it, and `render` no option. */
function quoted(name) {
  const safe = name.startsWith("-") ? `./${name}` : name;
  return /^[\w@%+=:,./-]+$/.test(safe) ? safe : `'${safe.replaceAll("'", "'\\''")}'`;
}
let pressed = null;

function choose(said, numbers, { button = null, at = "", file = "" } = {}) {
  pressed?.removeAttribute("aria-pressed");
  button?.setAttribute("aria-pressed", "true");
  pressed = button;
  chosenCells = numbers;
  dock.hidden = false;
  document.body.classList.add("chosen");
  byId("chosen").textContent = said;
  const some = numbers.slice(0, 24).map(address).join("  ");
  const more = numbers.length > 24 ? ` and ${numbers.length - 24} more` : "";
  byId("cells-said").textContent = at ? "" : `${numbers.length === 1 ? "Cell" : "Cells"} ${some}${more}`;
  const map = quoted(data.map);
  command("swap", at && `render edit ${map} --swap ${at}=PHOTO`);
  command("ban", file && `render edit ${map} --ban ${quoted(file)}`);
  byId("map-hint").textContent = !at && !file ? ""
    : `${at ? "PHOTO is the one to be shown instead. " : ""}${data.saved ? "" : `The map is what --save-map ${map} writes.`}`;
  drawWhere(byId("where"), numbers);
  restore();
}

function command(id, text) {
  byId(id).textContent = text;
  byId(id).parentNode.hidden = !text;
}

function chooseCell(number, spot) {
  const [, , , photo, error] = cell(number);
  const at = spot ?? address(number);
  const [name, file] = data.photos[photo];
  const uses = cellsOf(photo).length;
  const often = uses === 1 ? "here alone" : `${uses} times in all`;
  choose(`Cell ${at}: ${name}, used ${often}. Off by ${(error / 10).toFixed(1)}.`, [number], { at, file });
}

function choosePhoto(photo, button) {
  const [name, file] = data.photos[photo];
  const numbers = cellsOf(photo);
  choose(`${name}: ${numbers.length === 1 ? "once" : `${numbers.length} times`}`, numbers, { button, file });
}

function chooseColour(colour, button) {
  choose(`${button.querySelector("b").textContent}: the cells that ask for it`, data.colours[colour], { button });
}

function close() {
  dock.hidden = true;
  document.body.classList.remove("chosen");
  pressed?.removeAttribute("aria-pressed");
  pressed = null;
  chosenCells = [];
  restore();
}

byId("close").addEventListener("click", close);
document.addEventListener("keydown", (event) => event.key === "Escape" && close());

for (const button of document.querySelectorAll("[data-photo], [data-colour], [data-cell]")) {
  const { photo, colour, cell: number } = button.dataset;
  const numbers = () => (photo ? cellsOf(+photo) : colour ? data.colours[+colour] : [+number]);
  if (!count) { // no cell is known
    button.disabled = true;
    continue;
  }
  for (const kind of ["mouseenter", "focus"]) button.addEventListener(kind, () => mark(numbers(), true));
  for (const kind of ["mouseleave", "blur"]) button.addEventListener(kind, restore);
  button.addEventListener("click", () => {
    if (photo) choosePhoto(+photo, button);
    else if (colour) chooseColour(+colour, button);
    else chooseCell(+number);
  });
}

for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", async () => {
    const code = byId(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(code.textContent);
    } catch { // not allowed here: what is selected can still be copied
      getSelection().selectAllChildren(code);
      document.execCommand("copy");
    }
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
}

/* -- Pointing at cells ----------------------------------------------------------------------------------------- */

const cells = byId("cells");
const tip = byId("tip");
let spot = [Math.floor(width / 2), Math.floor(height / 2)]; // in steps

function under(event) {
  const box = cells.getBoundingClientRect();
  const x = Math.floor(((event.clientX - box.left) / box.width) * width);
  const y = Math.floor(((event.clientY - box.top) / box.height) * height);
  return [Math.min(Math.max(x, 0), width - 1), Math.min(Math.max(y, 0), height - 1)];
}

const at = ([x, y]) => owner[y * width + x];
const unit = ([x, y]) => [x, y].map((step) => Math.floor(step * data.step)).join(",");

function point(place) {
  const number = at(place);
  if (number < 0) return;
  const [left, top, side, photo] = cell(number);
  mark([number]);
  tip.textContent = `${unit(place)}  ${data.photos[photo][0]}`;
  tip.hidden = false;
  const box = cells.getBoundingClientRect();
  const x = (left / width) * box.width;
  const y = ((top + side) / height) * box.height + 6;
  tip.style.left = `${Math.min(x, box.width - tip.offsetWidth)}px`;
  tip.style.top = `${y + tip.offsetHeight > box.height ? (top / height) * box.height - tip.offsetHeight - 6 : y}px`;
}

function leave() {
  tip.hidden = true;
  restore();
}

function chooseAt(place) {
  spot = place;
  if (at(place) >= 0) chooseCell(at(place), unit(place));
}

cells.addEventListener("pointermove", (event) => event.pointerType === "mouse" && point(under(event)));
cells.addEventListener("pointerleave", leave);
cells.addEventListener("blur", leave);
cells.addEventListener("click", (event) => { tip.hidden = true; chooseAt(under(event)); });
cells.addEventListener("keydown", (event) => {
  const number = at(spot);
  const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  if (number < 0 || !(by || event.key === "Enter" || event.key === " ")) return;
  event.preventDefault();
  if (by) { // to the first step beyond the cell
    const [left, top, side] = cell(number);
    const x = by[0] ? (by[0] < 0 ? left - 1 : left + side) : spot[0];
    const y = by[1] ? (by[1] < 0 ? top - 1 : top + side) : spot[1];
    spot = [Math.min(Math.max(x, 0), width - 1), Math.min(Math.max(y, 0), height - 1)];
    if (dock.hidden) point(spot);
    else chooseAt(spot);
  } else chooseAt(spot);
});
cells.addEventListener("focus", () => cells.matches(":focus-visible") && point(spot));
if (!count) cells.remove();

addEventListener("resize", () => {
  restore();
  if (!dock.hidden) drawWhere(byId("where"), chosenCells);
});
