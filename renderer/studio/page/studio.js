/* The studio: connects the look, its controls, the timeline, the photos, the player and the server. */

import * as api from "./api.js";
import { element, filterControls, markWrong, showControls } from "./controls.js";
import { History, fromAddress, toAddress } from "./look.js";
import { Photos } from "./photos.js";
import { Player } from "./player.js";
import { Timeline, drawWaveform } from "./timeline.js";

const AGAIN = 2000; // milliseconds until the server is asked again that did not answer
const TOKEN = /^#[\w-]{43}$/;
const REST = 400; // milliseconds without a change after which the music is prepared

const byId = (id) => document.getElementById(id);
const wait = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
const capitalized = (text) => text[0].toUpperCase() + text.slice(1);

/* Shows what went wrong. `source`: what it belongs to, and with which it goes. */
function complain(error, source = "") {
  byId("error").hidden = !error;
  byId("error").textContent = error?.message ?? "";
  byId("error").dataset.source = source;
}

function say(text) { byId("status").textContent = text; }

/* Shows work of the server until it ends, or `wanted()` is false, and returns its last state. `path`: where it is. */
async function follow(part, path, state, wanted = () => true) {
  const [label, bar, cancel] = part.children;
  part.hidden = false;
  cancel.onclick = () => api.post(`${path}/cancel`).catch(complain);
  try {
    while (state.running && wanted()) {
      label.textContent = state.total ? `${state.stage}, ${Math.floor((100 * state.done) / state.total)} %` : state.stage;
      if (state.total) Object.assign(bar, { max: state.total, value: state.done });
      else bar.removeAttribute("value");
      await wait(100);
      state = await api.get(path).catch((error) => {
        if (!error.away) throw error;
        return wait(AGAIN).then(() => state);
      });
    }
    return state;
  } finally {
    if (wanted()) part.hidden = true;
  }
}

const showNotices = (notices) => byId("notices").replaceChildren(...notices.map((textContent) => element("li", { textContent })));

async function start() {
  const token = TOKEN.exec(location.hash);
  if (token) {
    await api.open(token[0].slice(1));
    history.replaceState(null, "", location.pathname);
  }
  const told = await api.get("start");
  const looks = new History(fromAddress() ?? told.look);
  const life = new AbortController(); // aborted by Quit
  const shared = new Set(told.settings.flatMap(({ controls }) => controls.map(({ name }) => name)));
  const only = (values, wanted) => Object.fromEntries(Object.entries(values).filter(([name]) => wanted(name)));

  const player = new Player({
    canvas: byId("frame"), view: byId("view"), slider: byId("time"), clock: byId("clock"), button: byId("play"),
    failed,
  });
  const timeline = new Timeline(
    { list: byId("entries"), seconds: byId("seconds"), earlier: byId("earlier"), later: byId("later"),
      remove: byId("remove"), add: byId("add") },
    { changed: setEntries, selected: () => showLook(looks.look) },
  );
  const photos = new Photos({ land, swap, ban, failed, canLand: () => landingEntry() >= 0 });
  const hasTimeline = () => looks.look.animation === "show";

  // -- The look ------------------------------------------------------------------------------------------------------

  /* The values that the look's preset sets, for an animation. */
  function presetValues(animation) {
    const preset = told.presets.find(({ name }) => name === looks.look.preset);
    return preset ? { ...preset.values, ...preset.animations[animation] } : {};
  }

  /* Takes other entries: one animation with a duration, or several as the animation `show`. */
  function setEntries(entries, options = {}) {
    const { look } = looks;
    const [entry] = entries;
    if (entries.length === 1 && !hasTimeline()) {
      const values = { ...only(look.values, (name) => shared.has(name)), ...entry.values, duration: entry.seconds };
      return looks.set({ ...look, animation: entry.animation, values }, options);
    }
    if (!hasTimeline()) { // its pauses are not those of a timeline
      const { controls } = told.animations[look.animation];
      const pauses = controls.filter(({ name }) => name.startsWith("hold_")).map(({ name, default: usual }) => [name, usual]);
      const base = only(presetValues(look.animation), (name) => hasControl(look.animation, name));
      entries = entries.map((each) => (each === answer.entries?.[0]
        ? { ...each, values: { ...Object.fromEntries(pauses), ...base, ...each.values } } : each));
    }
    const values = { ...only(look.values, (name) => shared.has(name) && name !== "duration"), timeline: entries };
    if (presetValues("show").duration !== undefined) values.duration = entries.reduce((sum, { seconds }) => sum + seconds, 0);
    looks.set({ ...look, animation: "show", values }, options);
  }

  /* Changes a parameter of the animation, or of the entry that is selected. */
  function changeOwn(name, value, options) {
    if (!hasTimeline()) return looks.change(name, value, options);
    const values = { ...timeline.selected.values };
    if (value === undefined) delete values[name];
    else values[name] = value;
    setEntries(timeline.entries.map((each, number) => (number === timeline.number ? { ...each, values } : each)), options);
  }

  const hasControl = (animation, name) => told.animations[animation]?.controls.some((control) => control.name === name);

  /* The entry that lands on a photo: the one that is selected, or else the first that can; −1 if there is none. */
  function landingEntry() {
    const can = timeline.entries.map(({ animation, values }, number) => (
      hasControl(animation, "focus") && (number === 0 || values.direction !== "out")));
    return can[timeline.number] ? timeline.number : can.indexOf(true);
  }

  /* Lands on a photo: at its place, if one was chosen. Shows the moment at which it is reached. */
  async function land({ point, key }) {
    timeline.select(landingEntry());
    changeOwn("focus", [point ?? key], {});
    await sent;
    player.seek(Math.round((timeline.span(timeline.number)[1] / timeline.seconds) * (Number(byId("time").max) + 1)) - 1);
  }

  const listed = (name) => looks.look.values[name] ?? presetValues(looks.look.animation)[name] ?? [];

  function swap({ cell }, { key }) {
    looks.change("swap", [...listed("swap").filter((each) => !each.startsWith(`${cell}=`)), `${cell}=${key}`], {});
  }

  function ban({ key }) { looks.change("ban", [...listed("ban"), key], {}); }

  // -- What is shown of it -------------------------------------------------------------------------------------------

  /* Shades what an app's controls cover: a border in percent of the frame is not possible, so pixels of the canvas. */
  function showCovered() {
    const covered = looks.look.values.covered ?? presetValues(looks.look.animation).covered;
    const shares = String(covered ?? "").split(",").map(Number);
    byId("shade").hidden = shares.length !== 4 || !shares.some((share) => share > 0);
    byId("covered").hidden = byId("shade").hidden || !byId("shade").firstElementChild.checked;
    if (byId("covered").hidden) return;
    const { width, height } = byId("frame").getBoundingClientRect();
    byId("covered").style.borderWidth = shares.map((share, side) => `${share * (side % 2 ? width : height)}px`).join(" ");
  }
  new ResizeObserver(showCovered).observe(byId("frame"));
  byId("shade").addEventListener("change", showCovered);

  let shownGroups, showValues;
  let saved = JSON.stringify(told.look); // or the one that the command begins with: nothing is lost without it
  const isSaved = () => JSON.stringify(looks.look) === saved;

  function showLook(look) {
    const entry = hasTimeline() ? timeline.selected : { animation: look.animation, values: look.values };
    const kind = told.animations[entry?.animation];
    const groups = [
      ...(kind ? [{ title: capitalized(kind.name), controls: kind.controls, change: changeOwn }] : []),
      ...told.settings.map((group) => ({ ...group, change: (...change) => looks.change(...change) })),
    ];
    if (shownGroups !== `${look.animation} ${entry?.animation}`) {
      shownGroups = `${look.animation} ${entry?.animation}`;
      showValues = showControls(byId("controls"), groups);
      filterControls(byId("controls"), byId("filter").value);
      say(kind?.about ?? "");
    }
    byId("animation").value = entry?.animation ?? look.animation;
    byId("animation").querySelector("[value=show]").disabled = hasTimeline();
    byId("animation").querySelector("[value=hold]").disabled = !hasTimeline();
    const base = presetValues(look.animation);
    showValues(groups.map(({ change }) => (change === changeOwn
      ? { own: entry.values, base: hasTimeline() ? {} : base } : { own: look.values, base })));
    byId("undo").disabled = !looks.canUndo;
    byId("redo").disabled = !looks.canRedo;
    byId("preset").value = look.preset ?? "";
    const shapes = [...byId("shape").options].map(({ value }) => value);
    byId("shape").selectedIndex = shapes.indexOf(look.values.size ?? base.size ?? "");
    showCovered();
    byId("save").disabled = isSaved();
    toAddress(look);
  }

  byId("filter").addEventListener("input", ({ target }) => filterControls(byId("controls"), target.value));

  let answer = {}; // to the look that is shown
  function showTexts() {
    byId("copy").textContent = `Copy ${byId("form").value}`;
    byId("command").textContent = answer[byId("form").value] ?? "";
    byId("copy").disabled = !byId("command").textContent;
  }

  let resting, music = "", peaks = [];
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawWaveform(byId("waveform"), peaks));
  function prepareMusic() {
    clearTimeout(resting);
    const { look, sound } = answer;
    byId("waveform").hidden = byId("sound").hidden = !sound;
    if (!sound) {
      music = "";
      return player.setSound(null);
    }
    const values = { ...presetValues(looks.look.animation), ...looks.look.values };
    const wanted = JSON.stringify([only(values, (name) => /^(music|loudness)/.test(name)), answer.frames, answer.fps]);
    if (wanted === music) return undefined;
    resting = setTimeout(async () => {
      try {
        const made = await api.get(`waveform/${look}`);
        if (look !== answer.look) return;
        [music, peaks] = [wanted, made.peaks];
        drawWaveform(byId("waveform"), peaks);
        player.setSound(`/api/sound/${look}`);
      } catch (error) {
        failed(error);
      }
    }, REST);
    return undefined;
  }

  // -- The server ----------------------------------------------------------------------------------------------------

  let turn = 0, sent = Promise.resolve(), isMatching = false;
  let shown = null, cancelled = null; // looks: the last one that was shown, and the one whose matching was cancelled
  function send() {
    player.expire();
    sent = sendLook();
    return sent;
  }

  async function sendLook() {
    const mine = ++turn;
    try {
      const told = await api.post("look", looks.look).finally(() => {
        if (mine === turn) byId("matching").hidden = true;
      });
      if (mine !== turn) return undefined;
      if (byId("error").dataset.source === "look") complain(null);
      markWrong(byId("controls"), []);
      if (hasTimeline()) {
        const added = told.entries.length - (looks.look.values.timeline?.length ?? Infinity);
        timeline.showJoined(told.entries);
        if (added > 0) {
          looks.adopt({ ...looks.look, values: { ...looks.look.values, timeline: told.entries } });
          say(`${added === 1 ? "An entry was" : `${added} entries were`} added, without which the others could not follow each other`);
        }
      } else timeline.show(told.entries);
      answer = { ...told, of: looks.look };
      showLook(looks.look);
      showTexts();
      prepareMusic();
      if (!told.matched) return await match(mine);
      if (isMatching) await api.post("matching/cancel"); // it was for a look from which the user has come back
      isMatching = false;
      shown = looks.look;
      showNotices(told.notices);
      player.setLook(told);
      photos.setLook(told);
    } catch (error) {
      if (mine === turn) failed(error, "look");
    }
    return undefined;
  }

  /* Matches the mosaic of the look, and shows how far it is. */
  async function match(mine) {
    byId("frame").classList.add("waiting");
    isMatching = true;
    cancelled = null;
    const begun = await api.post(`match/${answer.look}`);
    const state = await follow(byId("matching"), "matching", begun, () => mine === turn);
    if (mine !== turn) return undefined;
    isMatching = false;
    if (state.error || state.cancelled) byId("frame").classList.remove("waiting");
    if (state.error) throw new api.Refused(400, { error: state.error });
    if (!state.cancelled) return sendLook();
    cancelled = looks.look;
    if (!shown) return say("Matching was cancelled");
    looks.set(shown);
    return say("Matching was cancelled, and the change with it: Undo brings it back");
  }

  let isAway = false;
  async function failed(error, source = "") {
    if (life.signal.aborted) return undefined;
    if (error.forgotten) return send();
    if (error.matching && (looks.look === cancelled || answer.of !== looks.look)) return undefined; // it waits for its mosaic
    if (error.matching && document.hasFocus()) return send();
    player.pause();
    if (error.matching) return say("Another page of the studio shows another mosaic: click here to go on");
    complain(error, source || (error.away ? "look" : ""));
    markWrong(byId("controls"), error.names ?? []);
    if (source === "look" && !error.away) {
      answer = {};
      showTexts();
    }
    if (!error.away || isAway) return undefined;
    isAway = true;
    while (isAway) {
      await wait(AGAIN);
      isAway = await api.get("matching").then(() => false, ({ away }) => Boolean(away));
    }
    return send();
  }

  // What may have changed meanwhile: the cover, or the mosaic that another page has opened.
  addEventListener("focus", () => { if (looks.look !== cancelled) send(); }, { signal: life.signal });

  looks.onChange((look, changed) => {
    if (changed && hasTimeline() && Array.isArray(look.values.timeline)) timeline.show(look.values.timeline);
    showLook(look);
    if (changed) send();
  });

  // -- Controls around the frame -------------------------------------------------------------------------------------

  byId("animation").append(new Option("hold", "hold"));
  for (const { name } of Object.values(told.animations)) {
    byId("animation").append(new Option(name, name));
    if (name !== "show") byId("add").append(new Option(name, name));
  }
  byId("animation").addEventListener("change", ({ target: { value } }) => {
    if (hasTimeline() && value !== "show") {
      const { animation, seconds } = timeline.selected;
      const changed = { animation: value, seconds: animation === "hold" ? Math.max(seconds, 3) : seconds, values: {} };
      return setEntries(timeline.entries.map((each, number) => (number === timeline.number ? changed : each)));
    }
    timeline.number = 0;
    return looks.set({ ...looks.look, animation: value, values: only(looks.look.values, (name) => shared.has(name)) });
  });

  byId("tracks").append(...told.tracks.map((value) => element("option", { value })));
  for (const { name, about } of told.presets) {
    byId("preset").append(new Option(name, name));
    byId("several").querySelector("fieldset").append(
      element("label", { title: about }, element("input", { type: "checkbox", value: name }), ` ${name}`),
    );
  }
  byId("preset").addEventListener("change", ({ target: { value } }) => {
    const preset = told.presets.find(({ name }) => name === value);
    const { preset: _, ...look } = looks.look;
    if (!preset) return looks.set(look);
    const sets = { ...preset.values, ...preset.animations[look.animation] };
    looks.set({ ...look, preset: value, values: only(look.values, (name) => !(name in sets)) });
    return say(preset.about);
  });
  byId("shape").addEventListener("change", ({ target: { value } }) => looks.change("size", value || undefined, {}));

  byId("undo").addEventListener("click", () => looks.undo());
  byId("redo").addEventListener("click", () => looks.redo());

  /* Renders the look, or one for each of several presets, and shows the files. */
  async function render(presets) {
    try {
      await sent;
      if (answer.of === looks.look) await showRendering(await api.post(`render/${answer.look}`, { presets }));
    } catch (error) {
      failed(error);
    }
  }
  async function showRendering(begun) {
    const buttons = [byId("render"), byId("several").querySelector("button")];
    try {
      for (const each of buttons) each.disabled = true;
      const state = await follow(byId("rendering"), "rendering", begun);
      showNotices(state.notices);
      if (state.error) throw new api.Refused(400, { error: state.error });
      if (!state.result) return say("Rendering was cancelled");
      byId("made").firstElementChild.replaceChildren(...state.result.map(({ file, name, folder, rules }) => element("figure", {},
        element(/\.(gif|webp|png)$/.test(name) ? "img" : "video", { src: `/api/file/${file}`, controls: true, alt: name }),
        element("figcaption", { textContent: [`${name} in ${folder}`, rules].filter(Boolean).join("; ") }))));
      byId("made").showModal();
    } catch (error) {
      failed(error);
    } finally {
      for (const each of buttons) each.disabled = false;
    }
    return undefined;
  }
  byId("made").lastElementChild.addEventListener("click", () => byId("made").close());
  byId("made").addEventListener("close", () => byId("made").firstElementChild.replaceChildren());
  byId("render").addEventListener("click", () => render([]));
  byId("several").querySelector("form").addEventListener("submit", (event) => {
    event.preventDefault();
    const presets = [...byId("several").querySelectorAll("input:checked")].map(({ value }) => value);
    if (!presets.length) return say("Choose the presets to render for");
    byId("several").open = false;
    return render(presets);
  });

  byId("several").addEventListener("focusout", ({ relatedTarget }) => {
    if (relatedTarget && !byId("several").contains(relatedTarget)) byId("several").open = false;
  });
  byId("several").addEventListener("keydown", ({ key }) => {
    if (key !== "Escape") return;
    byId("several").open = false;
    byId("several").firstElementChild.focus();
  });

  byId("quit").addEventListener("click", async () => {
    if (!isSaved() && !confirm("Quit without saving this look?")) return;
    if (!byId("rendering").hidden && !confirm("Quit before the video is finished?")) return;
    life.abort();
    player.pause();
    await api.post("quit").catch(() => null);
    document.body.replaceChildren(element("p", { textContent: "The studio has ended. You can close this page." }));
  });
  byId("save").addEventListener("click", async () => {
    try {
      const { look } = looks;
      const { name } = await api.post("save", look);
      saved = JSON.stringify(look);
      byId("save").disabled = isSaved();
      say(`Saved as ${name}`);
    } catch (error) {
      failed(error);
    }
  });
  addEventListener("beforeunload", (event) => {
    if (!isSaved()) event.preventDefault();
  }, { signal: life.signal });

  async function copy(text, what) {
    await navigator.clipboard.writeText(text);
    say(`The ${what} was copied`);
  }
  byId("copy").addEventListener("click", () => copy(byId("command").textContent, byId("form").value).catch(complain));
  byId("form").addEventListener("change", showTexts);

  byId("sound").addEventListener("click", ({ currentTarget: button }) => {
    player.muted = button.textContent === "Mute";
    button.textContent = button.textContent === "Mute" ? "Unmute" : "Mute";
  });

  function openPanel(name) {
    for (const tab of document.querySelectorAll("[role=tab]")) {
      const isOpen = tab.id === `tab-${name}`;
      tab.setAttribute("aria-selected", isOpen);
      tab.tabIndex = isOpen ? 0 : -1;
      byId(tab.getAttribute("aria-controls")).hidden = !isOpen;
    }
    if (name === "photos") photos.open();
  }
  for (const name of ["parameters", "photos"]) {
    byId(`tab-${name}`).addEventListener("click", () => openPanel(name));
    byId(`tab-${name}`).addEventListener("keydown", (event) => {
      if (!["ArrowLeft", "ArrowRight"].includes(event.key)) return;
      const other = name === "photos" ? "parameters" : "photos";
      openPanel(other);
      byId(`tab-${other}`).focus();
      event.stopPropagation();
    });
  }
  openPanel("parameters");
  byId("frame").addEventListener("click", (event) => {
    const { left, top, width, height } = byId("frame").getBoundingClientRect();
    player.pause();
    openPanel("photos");
    photos.pick(player.frame, player.size(), (event.clientX - left) / width, (event.clientY - top) / height);
  });

  addEventListener("hashchange", async () => {
    const found = TOKEN.exec(location.hash), look = fromAddress();
    if (look) looks.set(look);
    if (!found) return;
    toAddress(looks.look); // which stays: the studio was started anew
    await api.open(found[0].slice(1)).then(send, failed);
  }, { signal: life.signal });
  addEventListener("keydown", (event) => {
    const typing = event.target.matches("input:not([type=range], [type=checkbox], [type=color]), select, textarea");
    const undoing = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z";
    if (undoing && !typing) (event.shiftKey ? looks.redo() : looks.undo());
    else if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    else if (event.key === " " && !event.target.matches("button, summary, input[type=checkbox]")) player.toggle();
    else if (event.key === "k") player.pause();
    else if (event.key === "l") player.toggle(1);
    else if (event.key === "j") player.toggle(-1);
    else if (event.key.startsWith("Arrow") && event.target.matches("body, canvas, button")) {
      player.seek(player.frame + ({ ArrowLeft: -1, ArrowRight: 1, ArrowUp: 10, ArrowDown: -10 })[event.key]);
    } else return;
    event.preventDefault();
  }, { signal: life.signal });

  showLook(looks.look);
  await send();
  const rendering = await api.get("rendering");
  if (rendering.running) await showRendering(rendering);
}

start().catch(complain);
