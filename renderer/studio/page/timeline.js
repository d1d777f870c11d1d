/* The timeline: entries on one axis, which are dragged, stretched, reordered, added and removed; and the music. */

import { element } from "./controls.js";

const SHORTEST = 0.1; // seconds

const rounded = (seconds) => Math.max(Math.round(seconds * 10) / 10, SHORTEST);

export class Timeline {
  #list; #parts; #changed; #selected;
  #entries = [];
  #dragged = false;

  /* `changed(entries, {live})`: the user has changed them. `selected()`: the user has selected one. */
  constructor(parts, { changed, selected }) {
    this.#parts = parts; this.#list = parts.list; this.#changed = changed; this.#selected = selected;
    this.number = 0; // of the entry that is selected
    parts.seconds.addEventListener("change", () => this.#stretch(this.number, Number(parts.seconds.value), {}));
    parts.earlier.addEventListener("click", () => this.#move(this.number, this.number - 1));
    parts.later.addEventListener("click", () => this.#move(this.number, this.number + 1));
    parts.remove.addEventListener("click", () => this.#remove(this.number));
    parts.add.addEventListener("change", () => {
      const animation = parts.add.value;
      parts.add.value = "";
      if (animation) this.#add({ animation, seconds: animation === "hold" ? 1 : 4, values: {} });
    });
  }

  get entries() { return this.#entries; }

  get selected() { return this.#entries[this.number]; }

  /* The times in seconds at which an entry starts and ends. */
  span(number) {
    const starts = this.#entries.slice(0, number).reduce((sum, { seconds }) => sum + seconds, 0);
    return [starts, starts + this.#entries[number].seconds];
  }

  get seconds() { return this.#entries.reduce((sum, entry) => sum + entry.seconds, 0); }

  select(number) {
    this.number = Math.min(Math.max(number, 0), this.#entries.length - 1);
    this.show(this.#entries);
  }

  /* Shows entries. Elements stay as long as their number does, as one of them may be dragged. */
  show(entries) {
    if (!entries.length) return;
    this.#entries = entries;
    this.number = Math.min(this.number, entries.length - 1);
    while (this.#list.children.length > entries.length) this.#list.lastChild.remove();
    while (this.#list.children.length < entries.length) this.#list.append(this.#element(this.#list.children.length));
    [...this.#list.children].forEach((each, number) => {
      const { animation, seconds } = entries[number];
      each.style.flexGrow = seconds;
      each.classList.toggle("hold", animation === "hold");
      each.setAttribute("aria-pressed", number === this.number);
      each.firstChild.textContent = animation;
      each.children[1].textContent = `${rounded(seconds)} s`;
      each.title = `${animation}, ${rounded(seconds)} seconds. Drag to move it, its right edge to stretch it; ` +
        "Alt and Shift with arrows do the same, Delete removes it";
    });
    const { seconds, earlier, later, remove } = this.#parts;
    if (document.activeElement !== seconds) seconds.value = rounded(this.selected.seconds);
    earlier.disabled = this.number === 0;
    later.disabled = this.number === entries.length - 1;
    remove.disabled = entries.filter(({ animation }) => animation !== "hold").length - (this.selected.animation !== "hold") < 1;
  }

  /* Shows the same entries with others between them, which they need to follow each other. */
  showJoined(entries) {
    const { animation, seconds } = this.selected ?? {};
    const found = entries.findIndex((each, number) => number >= this.number && each.animation === animation && each.seconds === seconds);
    if (found > 0) this.number = found;
    this.show(entries);
  }

  #element(number) {
    const edge = element("span", { className: "edge" });
    const made = element("button", { type: "button" }, element("span"), " ", element("small"), edge);
    made.addEventListener("click", () => {
      if (!this.#dragged) this.#choose(number);
    });
    made.addEventListener("pointerdown", (event) => this.#drag(event, made, number, event.target === edge));
    made.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (event.key === "Delete") {
        this.select(number);
        this.#remove(number);
      }
      else if (step && event.altKey) this.#move(number, number + step);
      else if (step && event.shiftKey) this.#stretch(number, this.#entries[number].seconds + step * SHORTEST, {});
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
    return made;
  }

  #choose(number) {
    this.select(number);
    this.#selected();
  }

  /* Follows a pointer that moves an entry, or its right edge. */
  #drag(event, dragged, number, stretches) {
    if (event.button) return;
    this.#dragged = false;
    const { seconds } = this.#entries[number];
    const pixels = this.#list.getBoundingClientRect().width / this.seconds; // of a second
    const middles = [...this.#list.children].map((each) => each.offsetLeft + each.offsetWidth / 2);
    const from = event.clientX;
    let to = number, length = seconds;
    dragged.setPointerCapture(event.pointerId);
    const move = ({ clientX }) => {
      const away = clientX - from;
      if (!this.#dragged && Math.abs(away) < 4) return;
      this.#dragged = true;
      if (stretches) {
        length = rounded(seconds + away / pixels);
        this.#stretch(number, length, { live: true });
        return;
      }
      const pointer = clientX - this.#list.getBoundingClientRect().left + this.#list.offsetLeft;
      to = middles.filter((middle, other) => other !== number && middle < pointer).length;
      dragged.style.transform = `translateX(${away}px)`;
      dragged.classList.add("dragged");
      [...this.#list.children].filter((each) => each !== dragged).forEach((each, place, { length: count }) => {
        each.classList.toggle("before", place === to);
        each.classList.toggle("after", to === count && place === count - 1);
      });
    };
    const end = (ended) => {
      dragged.removeEventListener("pointermove", move);
      dragged.removeEventListener("pointerup", end);
      dragged.removeEventListener("pointercancel", end);
      dragged.style.transform = "";
      dragged.classList.remove("dragged");
      for (const each of this.#list.children) each.classList.remove("before", "after");
      if (!this.#dragged) return;
      const isCancelled = ended.type === "pointercancel";
      if (stretches) this.#stretch(number, isCancelled ? seconds : length, {});
      else if (!isCancelled) this.#move(number, to);
      setTimeout(() => { this.#dragged = false; }); // after the click that follows
    };
    dragged.addEventListener("pointermove", move);
    dragged.addEventListener("pointerup", end);
    dragged.addEventListener("pointercancel", end);
  }

  #tell(entries, options = {}) {
    this.show(entries);
    this.#changed(entries, options);
  }

  #stretch(number, seconds, options) {
    if (!(seconds > 0)) return;
    this.#tell(this.#entries.map((each, other) => (other === number ? { ...each, seconds: rounded(seconds) } : each)), options);
  }

  #move(from, to) {
    if (to < 0 || to >= this.#entries.length || to === from) return;
    const entries = [...this.#entries];
    entries.splice(to, 0, ...entries.splice(from, 1));
    this.number = to;
    this.#tell(entries);
    this.#list.children[to].focus();
  }

  #add(entry) {
    const entries = [...this.#entries];
    entries.splice(this.number + 1, 0, entry);
    this.number += 1;
    this.#tell(entries);
  }

  #remove(number) {
    if (this.#parts.remove.disabled) return;
    this.number = Math.max(number - 1, 0);
    this.#tell(this.#entries.filter((_, other) => other !== number));
    this.#list.children[this.number].focus();
  }
}

/* Draws the waveform of the music: peaks from 0 to 1. */
export function drawWaveform(canvas, peaks) {
  if (!peaks.length) return;
  const scale = devicePixelRatio, { width, height } = canvas.getBoundingClientRect();
  Object.assign(canvas, { width: width * scale, height: height * scale });
  const context = canvas.getContext("2d");
  context.fillStyle = getComputedStyle(canvas).color;
  peaks.forEach((peak, place) => {
    const tall = Math.max(peak * canvas.height, scale);
    context.fillRect((place * canvas.width) / peaks.length, (canvas.height - tall) / 2, canvas.width / peaks.length - 0.3, tall);
  });
}
