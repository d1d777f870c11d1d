/* The frame that is shown, the time line and playing. */

import * as api from "./api.js";

const AHEAD = 3; // frames that are requested before they are due
const REST = 250; // milliseconds without a change after which the exact pixels are requested

export class Player {
  #canvas; #view; #slider; #clock; #button; #failed;
  #look = null; // as the server tells: name, frames, rate and size
  #isCurrent = false;
  #turn = 0; // of requests: a later one replaces all earlier ones
  #page = Math.random().toString(36).slice(2);
  #playing = false;
  #resting;
  #direction = 1;
  #sound = new Audio();

  constructor({ canvas, view, slider, clock, button, failed }) {
    this.#canvas = canvas; this.#view = view; this.#slider = slider; this.#clock = clock; this.#button = button;
    this.#failed = failed;
    slider.addEventListener("input", () => { this.pause(); this.show(); });
    button.addEventListener("click", () => this.toggle());
    new ResizeObserver(() => this.#isCurrent && this.show()).observe(view);
  }

  get frame() { return Number(this.#slider.value); }

  get isPlaying() { return this.#playing; }

  /* Plays a sound with the frames; null: none. */
  setSound(address) {
    if (address) this.#sound.src = address;
    else this.#sound.removeAttribute("src");
    if (this.#playing) this.#startSound();
  }

  #startSound() {
    if (!this.#sound.src || this.#direction < 0) return this.#sound.pause();
    this.#sound.currentTime = this.frame / this.#look.fps;
    return this.#sound.play().catch(() => null); // one that can't be played is told where its waveform is drawn
  }

  set muted(muted) { this.#sound.muted = muted; }

  /* Takes another look at the same moment. */
  setLook(look) {
    const moment = this.#look ? this.frame / this.#look.fps : 0;
    this.#look = look;
    this.#isCurrent = true;
    this.#slider.max = look.frames - 1;
    this.#slider.value = Math.min(Math.round(moment * look.fps), look.frames - 1);
    if (!this.#playing) this.show();
  }

  /* Marks what is shown as not the look any more, until another one is set. */
  expire() {
    this.#isCurrent = false;
    delete this.#canvas.dataset.exact;
  }

  seek(frame) {
    this.pause();
    this.#slider.value = frame;
    this.show();
  }

  /* The size in which frames are drawn: the largest of the video's shape that fits. */
  size() {
    const { width, height } = this.#view.getBoundingClientRect();
    const [across, down] = this.#look.size;
    const scale = Math.min(width / across, height / down, 1920 / Math.max(across, down)) * Math.min(devicePixelRatio, 1.5);
    return [across, down].map((side) => Math.max(2 * Math.round((side * scale) / 2), 16));
  }

  #draw(bitmap, frame) {
    const ratio = Math.min(devicePixelRatio, 1.5);
    if (this.#canvas.width !== bitmap.width || this.#canvas.height !== bitmap.height) {
      Object.assign(this.#canvas, { width: bitmap.width, height: bitmap.height });
      this.#canvas.style.width = `${bitmap.width / ratio}px`;
    }
    this.#canvas.getContext("2d").drawImage(bitmap, 0, 0);
    bitmap.close();
    this.#canvas.dataset.frame = frame;
    this.#canvas.parentElement.hidden = false;
    this.#canvas.classList.remove("waiting");
  }

  #tell() {
    const seconds = (frame) => (frame / this.#look.fps).toFixed(2);
    this.#clock.value = `${seconds(this.frame)} / ${seconds(this.#look.frames)} s`;
    this.#slider.setAttribute("aria-valuetext", `${seconds(this.frame)} seconds`);
  }

  /* Shows the frame of the time line, and its exact pixels when nothing changes for a moment. */
  async show() {
    if (!this.#look) return;
    const turn = ++this.#turn;
    clearTimeout(this.#resting);
    delete this.#canvas.dataset.exact; // until its exact pixels are shown
    this.#tell();
    const [frame, size, look] = [this.frame, this.size(), this.#look.look];
    try {
      const bitmap = await api.frame(look, frame, size, { page: this.#page });
      if (turn !== this.#turn) return bitmap?.close();
      if (!bitmap) return this.show(); // an older request arrived after this one, and replaced it
      this.#draw(bitmap, frame);
      this.#resting = setTimeout(async () => {
        const exact = await api.frame(look, frame, size, { page: this.#page, exact: "" }).catch(() => null);
        if (turn !== this.#turn) return exact?.close();
        if (!exact) return undefined;
        this.#draw(exact, frame);
        if (this.#isCurrent) this.#canvas.dataset.exact = look;
        return undefined;
      }, REST);
    } catch (error) {
      if (turn === this.#turn) this.#failed(error);
    }
    return undefined;
  }

  pause() {
    this.#playing = false;
    this.#sound.pause();
    this.#button.textContent = "Play";
  }

  toggle(direction = 1) {
    if (!this.#look) return undefined;
    if (this.#playing && direction === this.#direction) {
      this.pause();
      return this.show();
    }
    this.#direction = direction;
    if (!this.#playing) this.#play();
    return undefined;
  }

  /* Plays at the video's rate, and skips frames where drawing takes longer. */
  async #play() {
    this.#playing = true;
    this.#button.textContent = "Pause";
    const turn = ++this.#turn;
    clearTimeout(this.#resting);
    if (this.#direction > 0 && this.frame >= this.#look.frames - 1) this.#slider.value = 0;
    let started = performance.now(), from = this.frame, direction = this.#direction;
    const due = () => from + direction * Math.round(((performance.now() - started) / 1000) * this.#look.fps);
    const waiting = []; // frames that were requested, in order
    let next = from + direction;
    const forget = () => waiting.splice(0).forEach(({ bitmap }) => bitmap.then((each) => each?.close(), () => null));
    this.#startSound();
    while (this.#playing && turn === this.#turn) {
      if (direction !== this.#direction) {
        [started, from, direction] = [performance.now(), this.frame, this.#direction];
        this.#startSound();
        forget();
        next = from + direction;
      }
      const last = this.#look.frames - 1;
      while (waiting.length < AHEAD && next >= 0 && next <= last) {
        const frame = next;
        waiting.push({ frame, bitmap: api.frame(this.#look.look, frame, this.size()) });
        // Those that would be late are not requested.
        next = direction > 0 ? Math.max(next + 1, due() + 1) : Math.min(next - 1, due() - 1);
      }
      const first = waiting.shift();
      if (!first) break;
      try {
        const bitmap = await first.bitmap;
        const early = ((first.frame - from) * direction * 1000) / this.#look.fps - (performance.now() - started);
        if (early > 4) await new Promise((done) => setTimeout(done, early));
        if (!this.#playing || turn !== this.#turn) {
          bitmap.close();
          break;
        }
        await new Promise(requestAnimationFrame);
        this.#draw(bitmap, first.frame);
        this.#slider.value = first.frame;
        this.#tell();
      } catch (error) {
        this.#failed(error);
        break;
      }
    }
    forget();
    if (turn === this.#turn) {
      this.pause();
      this.show();
    }
  }
}
