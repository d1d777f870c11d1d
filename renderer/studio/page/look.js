/* The look that is edited, its history, and its copy in the page's address. */

const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

export class History {
  #past = [];
  #future = [];
  #listeners = [];
  #settled; // the last look that undo returns to

  constructor(look) {
    this.look = look;
    this.#settled = look;
  }

  get canUndo() { return this.#past.length > 0; }
  get canRedo() { return this.#future.length > 0; }

  onChange(listener) { this.#listeners.push(listener); }

  /* Shows another look. `live`: it is one of many while a slider is dragged; undo skips these. */
  set(look, { live = false } = {}) {
    if (!live && !same(look, this.#settled)) {
      this.#past.push(this.#settled);
      this.#future = [];
      this.#settled = look;
    }
    if (same(look, this.look)) return this.#tell(false);
    this.look = look;
    this.#tell(true);
  }

  change(name, value, options) {
    const values = { ...this.look.values };
    if (value === undefined) delete values[name];
    else values[name] = value;
    this.set({ ...this.look, values }, options);
  }

  /* Takes the same look in another form, which the server tells: undo does not return to the one before. */
  adopt(look) {
    if (same(this.#settled, this.look)) this.#settled = look;
    this.look = look;
    this.#tell(false);
  }

  undo() { this.#move(this.#past, this.#future); }
  redo() { this.#move(this.#future, this.#past); }

  #move(from, to) {
    if (!from.length) return;
    to.push(this.#settled);
    this.look = this.#settled = from.pop();
    this.#tell(true);
  }

  #tell(changed) {
    for (const listener of this.#listeners) listener(this.look, changed);
  }
}

/* Returns the look in the page's address; null if there is none. */
export function fromAddress() {
  try {
    const look = JSON.parse(decodeURIComponent(location.hash.slice(1)));
    return typeof look.animation === "string" && Object.getPrototypeOf(look.values) === Object.prototype ? look : null;
  } catch {
    return null;
  }
}

export const toAddress = (look) => history.replaceState(null, "", `#${encodeURIComponent(JSON.stringify(look))}`);
