/* Choosing photos: the one that was clicked, the best landings, and the library with its search. */

import * as api from "./api.js";
import { element } from "./controls.js";

const byId = (id) => document.getElementById(id);

export class Photos {
  #look = null; // its name, as the server knows it
  #mosaic; // its number
  #chosen = null; // a photo; with `cell` and `point`, if one of its places was chosen
  #swapped = null; // the place that gets another photo
  #isShown = false; // whether its landings and its library are, or are about to be
  #turn = 0;
  #actions;

  /* `actions`: `land(photo)`, `swap(place, photo)`, `ban(photo)`, which change the look, and `failed(error)`. */
  constructor(actions) {
    this.#actions = actions;
    byId("land").addEventListener("click", () => actions.land(this.#chosen));
    byId("ban").addEventListener("click", () => { actions.ban(this.#chosen); this.#choose(null); });
    byId("swap").addEventListener("click", () => {
      this.#swapped = this.#swapped ? null : this.#chosen;
      this.#showActions();
      this.#hint(this.#swapped ? `Choose a photo of the library for the place ${this.#chosen.cell}` : "");
      if (!this.#swapped) return;
      byId("search").scrollIntoView({ block: "center" });
      byId("text").focus();
    });
    byId("search").addEventListener("submit", (event) => event.preventDefault());
    for (const name of ["text", "used", "by-colour", "colour"]) {
      byId(name).addEventListener("input", () => {
        if (name === "colour") byId("by-colour").checked = true;
        this.#search(0);
      });
    }
    byId("more").addEventListener("click", () => this.#search(byId("shelf").children.length));
    byId("cell").addEventListener("change", ({ target }) => {
      if (target.value.trim()) this.#find(`cell/${this.#look}?${new URLSearchParams({ cell: target.value })}`);
    });
  }

  get isOpen() { return !byId("photos").hidden; }

  /* Takes another look; what belongs to another mosaic is shown anew. */
  setLook({ look, mosaic }) {
    this.#look = look;
    if (mosaic === this.#mosaic) return this.#showActions();
    this.#mosaic = mosaic;
    this.#isShown = false;
    this.#choose(null);
    this.#hint("");
    byId("landings").replaceChildren();
    byId("shelf").replaceChildren();
    return this.isOpen ? this.open() : undefined;
  }

  /* Shows what is not shown yet. */
  async open() {
    if (!this.#look || this.#isShown) return;
    this.#isShown = true;
    await this.#search(0);
    byId("landings").replaceChildren(element("li", { textContent: "…" }));
    await this.#attempt(async () => {
      const { mosaic, places } = await api.get(`landings/${this.#look}`);
      if (mosaic !== this.#mosaic) return;
      byId("landings").replaceChildren();
      this.#show(byId("landings"), places);
    });
  }

  /* Chooses the photo that a frame shows at a point, in fractions of the frame. */
  async pick(frame, [width, height], x, y) {
    if (!this.#look) return;
    await this.#find(`place/${this.#look}/${frame}?${new URLSearchParams({ w: width, h: height, x, y })}`);
  }

  async #find(path) {
    await this.#attempt(async () => {
      const { place } = await api.get(path);
      this.#choose(place);
      if (!place) this.#hint("There is no photo at this point");
    });
  }

  async #attempt(work) {
    try {
      await work();
    } catch (error) {
      this.#actions.failed(error);
    }
  }

  #hint(text) { byId("hint").textContent = text; }

  #choose(photo) {
    this.#chosen = photo;
    this.#swapped = null;
    byId("chosen").hidden = !photo;
    if (!photo) return;
    this.#hint("");
    byId("chosen").querySelector("img").src = this.#picture(photo);
    const [name, about] = byId("chosen").querySelector("p").children;
    name.textContent = photo.name;
    const uses = photo.uses === 1 ? "shown once" : photo.uses ? `shown ${photo.uses} times` : "not in the mosaic";
    about.textContent = [photo.date.slice(0, 10), photo.cell ? `at ${photo.cell}` : "", uses].filter(Boolean).join(", ");
    byId("cell").value = photo.cell ?? "";
    this.#showActions();
  }

  #showActions() {
    const photo = this.#chosen;
    if (!photo) return;
    byId("land").disabled = !this.#actions.canLand() || !(photo.point || photo.uses);
    byId("swap").disabled = !photo.cell;
    byId("swap").textContent = this.#swapped ? "Do not swap" : "Swap";
    byId("ban").disabled = photo.part; // all pieces of a cover are one file
  }

  #picture({ number }) { return `/api/photo/${this.#mosaic}/${number}`; }

  #show(list, photos) {
    list.append(...photos.map((photo) => {
      const picture = element("img", { src: this.#picture(photo), alt: "", loading: "lazy" });
      const button = element("button", { type: "button", title: `${photo.name}, ${photo.date.slice(0, 10)}` }, picture);
      button.setAttribute("aria-label", button.title);
      button.addEventListener("click", () => {
        if (this.#swapped) this.#actions.swap(this.#swapped, photo);
        this.#choose(photo);
      });
      return element("li", {}, button);
    }));
  }

  async #search(start) {
    const turn = ++this.#turn;
    const query = new URLSearchParams({ text: byId("text").value, used: byId("used").value, start });
    if (byId("by-colour").checked) query.set("colour", byId("colour").value);
    await this.#attempt(async () => {
      const { mosaic, total, photos } = await api.get(`photos/${this.#look}?${query}`);
      if (turn !== this.#turn || mosaic !== this.#mosaic) return;
      if (!start) byId("shelf").replaceChildren();
      this.#show(byId("shelf"), photos);
      byId("found").textContent = total === 1 ? "1 photo" : `${total} photos`;
      byId("more").hidden = start + photos.length >= total;
    });
  }
}
