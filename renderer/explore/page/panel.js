/* The panel: photos that are searched, and one that is opened. */

const SHOWN = 120; // photos found that are listed at once
const FEW = 12; // photos that are listed as similar

const folded = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

const alone = () => document.querySelector("#alone img");

class Panel {
  /* `act` has: opened(number), finding(), and showPlace(cell). */
  constructor(mosaic, photos, act) {
    Object.assign(this, { mosaic, photos, act, found: mosaic.photos.map((photo) => photo.number), listed: 0, open: null, isFromFound: false, isSwiped: false, turn: 0 });
    const { photos: all, used } = mosaic;
    this.texts = all.map(({ name, date, caption }) => folded(`${name} ${date} ${caption}`));
    byId("by-text").hidden = !this.texts.some((text) => text.trim());
    byId("by-use").hidden = all.length === used;
    byId("change").hidden = !data.commands.swap;
    byId("ways").open = byId("by-text").hidden || innerWidth > 720;
    this.isColoured = false;
    byId("text").addEventListener("input", () => this.search());
    byId("unused").addEventListener("change", () => this.search());
    byId("colour").addEventListener("input", () => { this.isColoured = true; this.search(); });
    byId("any").addEventListener("click", () => { this.isColoured = false; this.search(); byId("colour").focus(); });
    byId("file").addEventListener("change", ({ target }) => {
      const [file] = target.files;
      target.value = ""; // so that the same file can be chosen again
      if (file) this.searchCopy(file);
    });
    document.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
    byId("more").addEventListener("click", () => this.list().querySelector("button").focus());
    byId("previous").addEventListener("click", () => act.opened(this.neighbour(-1)));
    byId("next").addEventListener("click", () => act.opened(this.neighbour(1)));
    byId("place").addEventListener("click", () => this.showNextPlace());
    byId("large").addEventListener("click", () => {
      if (this.isSwiped) this.isSwiped = false;
      else this.showAlone();
    });
    byId("alone").addEventListener("click", ({ currentTarget, target }) => {
      if (this.isSwiped) this.isSwiped = false;
      else if (target === alone() || target.matches("button")) currentTarget.close();
    });
    for (const each of [byId("picture"), alone()]) {
      each.draggable = false;
      each.addEventListener("pointerdown", () => { this.isSwiped = false; }); // a finger's swipe is followed by no click
      listenToSwipes(each, (step) => { this.isSwiped = true; act.opened(this.neighbour(step)); });
    }
    this.lazy = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        if (!isIntersecting) continue;
        target.src = photos.url(+target.dataset.number);
        this.lazy.unobserve(target);
      }
    });
  }

  label(number) {
    const { caption, name } = this.mosaic.photos[number];
    return caption || name || `Photo ${number + 1}`;
  }

  /* -- Finding ------------------------------------------------------------------------------------------------- */

  showFinder() {
    this.open = null;
    this.show("finder");
    this.search();
    // A field with the focus opens the keyboard of a phone, which would hide what is found.
    const isTouched = matchMedia("(pointer: coarse)").matches || byId("by-text").hidden;
    byId(isTouched ? "finder-title" : "text").focus({ preventScroll: true });
  }

  /* Shows the photos found, after one of them was open. */
  showAgain() {
    const before = this.open;
    this.open = null;
    this.show("finder");
    document.querySelector(`#results [data-number="${before}"]`)?.closest("button").focus();
  }

  show(id) {
    byId("panel").hidden = false;
    for (const each of ["finder", "photo"]) byId(each).hidden = each !== id;
    byId("find").setAttribute("aria-expanded", String(id === "finder"));
  }

  hide() {
    this.open = null;
    byId("panel").hidden = true;
    byId("find").setAttribute("aria-expanded", "false");
  }

  search() {
    this.turn += 1;
    const words = folded(byId("text").value).split(/\s+/).filter(Boolean), { used } = this.mosaic;
    const onlyUnused = byId("unused").checked;
    this.found = this.mosaic.photos.map((photo) => photo.number).filter((number) => (
      (!onlyUnused || number >= used) && words.every((word) => this.texts[number].includes(word))));
    byId("any").hidden = !this.isColoured;
    if (this.isColoured) {
      const [red, green, blue] = byId("colour").value.match(/\w\w/g).map((digits) => parseInt(digits, 16));
      const wanted = toLab(red, green, blue);
      const away = new Map(this.found.map((number) => {
        const lab = this.photos.lab(number);
        return [number, lab ? Math.hypot(...lab.map((value, channel) => value - wanted[channel])) : Infinity];
      }));
      this.found.sort((a, b) => away.get(a) - away.get(b));
    }
    const many = this.found.length ? `${this.found.length.toLocaleString("en")} photos` : "No photo found";
    const count = (this.found.length === 1 ? "1 photo" : many) + (onlyUnused ? " that are not in the mosaic" : "");
    this.showFound(this.isColoured ? `${count}, the nearest colours first` : count);
  }

  showFound(text) {
    byId("found").textContent = text;
    byId("results").replaceChildren();
    this.listed = 0;
    this.list();
  }

  list() {
    const items = this.found.slice(this.listed, this.listed + SHOWN).map((number) => {
      const item = document.createElement("li"), button = document.createElement("button"), image = document.createElement("img");
      const label = document.createElement("span");
      image.alt = "";
      image.dataset.number = number;
      this.lazy.observe(image);
      label.textContent = this.label(number);
      label.dir = "auto";
      item.classList.toggle("unused", number >= this.mosaic.used);
      button.append(image, label);
      button.addEventListener("click", () => { this.isFromFound = true; this.act.opened(number); });
      item.append(button);
      return item;
    });
    byId("results").append(...items);
    this.listed += items.length;
    byId("more").hidden = this.listed >= this.found.length;
    return items[0];
  }

  /* Finds the photo that a file is a copy of. */
  async searchCopy(file) {
    if (this.open !== null || byId("panel").hidden) this.act.finding();
    const turn = ++this.turn, report = (text) => { if (turn === this.turn) byId("found").textContent = text; };
    let bitmap;
    try {
      bitmap = await createImageBitmap(file);
    } catch {
      this.found = [];
      this.showFound(`This browser can't read ${file.name}: choose a JPEG, PNG or WebP file.`);
      return;
    }
    report("Comparing…");
    await this.photos.ready;
    const shrink = Math.min(1, (2 * SMALL) / Math.min(bitmap.width, bitmap.height));
    const size = [bitmap.width, bitmap.height].map((side) => Math.max(Math.round(side * shrink), 1));
    const picture = [this.photos.scaled(bitmap, [0, 0, bitmap.width, bitmap.height], ...size), ...size];
    bitmap.close();
    const ranked = (await similarPhotos(picture, this.photos)).slice(0, FEW);
    if (turn !== this.turn || this.open !== null) return; // meanwhile, one did something else
    this.found = ranked.map(([number]) => number);
    const isFound = ranked[0]?.[1];
    this.showFound(isFound ? "Found; similar photos follow." : "No photo is a copy of it. The most similar ones:");
    this.isFromFound = true;
    if (isFound) this.act.opened(ranked[0][0]);
  }

  /* -- A photo ------------------------------------------------------------------------------------------------- */

  showPhoto(number) {
    const photo = this.mosaic.photos[number], places = this.mosaic.cells.of(number);
    const isOther = this.open !== number;
    this.open = number;
    this.places = places;
    this.current = -1;
    this.show("photo");
    const picture = byId("picture");
    picture.src = this.photos.url(number);
    picture.alt = this.label(number);
    if (photo.original) {
      const full = new Image();
      full.addEventListener("load", () => {
        if (this.open !== number) return;
        for (const each of [picture, alone()]) if (each.src === this.photos.url(number)) each.src = full.src;
      });
      full.src = photo.original; // until it is there, and if it is missing, the smaller one is shown
    }
    byId("photo-title").textContent = this.label(number);
    byId("about").textContent = [photo.caption && photo.name, photo.date].filter(Boolean).join(" · ");
    const times = places.length === 1 ? "once" : `${places.length.toLocaleString("en")} times`;
    byId("uses").textContent = number >= this.mosaic.used ? "Not in the mosaic." : `In the mosaic ${times}.`;
    byId("place").disabled = !places.length;
    byId("place").textContent = places.length > 1 ? "Next place" : "Show in the mosaic";
    if (byId("alone").open) this.showAlone();
    showCommands(places.length ? this.mosaic.place(places[0]) : "", photo.file);
    if (isOther) byId("photo-title").focus({ preventScroll: true });
  }

  neighbour(step) {
    const list = this.isFromFound ? this.found : this.mosaic.photos.map((photo) => photo.number);
    return list[(list.indexOf(this.open) + step + list.length) % list.length];
  }

  /* `cell`: the place at which it was opened, if any. */
  showNextPlace(cell) {
    if (!this.places.length) return;
    this.current = cell === undefined ? (this.current + 1) % this.places.length : this.places.indexOf(cell);
    const place = this.places[this.current];
    if (this.places.length > 1) {
      const count = this.places.length.toLocaleString("en");
      byId("uses").textContent = `In the mosaic ${count} times; this is place ${this.current + 1} of ${count}.`;
    }
    showCommands(this.mosaic.place(place), this.mosaic.photos[this.open].file);
    if (cell === undefined) this.act.showPlace(place);
  }

  showAlone() {
    Object.assign(alone(), { src: byId("picture").src, alt: byId("picture").alt });
    if (!byId("alone").open) byId("alone").showModal();
  }
}
