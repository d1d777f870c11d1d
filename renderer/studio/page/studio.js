/* The studio: connects the look, its controls, the player and the server. */

import * as api from "./api.js";
import { showControls } from "./controls.js";
import { History, fromAddress, toAddress } from "./look.js";
import { Player } from "./player.js";

const byId = (id) => document.getElementById(id);

function complain(error) {
  byId("error").hidden = !error;
  byId("error").textContent = error?.message ?? "";
}

/* Shows work of the server until it ends, or `wanted()` is false, and returns its last state. `path`: where it is. */
async function follow(element, path, state, wanted = () => true) {
  const [label, bar, cancel] = element.children;
  element.hidden = false;
  cancel.onclick = () => api.post(`${path}/cancel`).catch(complain);
  try {
    while (state.running && wanted()) {
      label.textContent = state.stage;
      if (state.total) Object.assign(bar, { max: state.total, value: state.done });
      else bar.removeAttribute("value");
      await new Promise((done) => setTimeout(done, 100));
      state = await api.get(path);
    }
    return state;
  } finally {
    if (!state.running) element.hidden = true;
  }
}

async function start() {
  const token = /^#[\w-]{43}$/.exec(location.hash);
  if (token) {
    await api.open(token[0].slice(1));
    history.replaceState(null, "", location.pathname);
  }
  const told = await api.get("start");
  const looks = new History(fromAddress() ?? told.look);
  const player = new Player({
    canvas: byId("frame"), view: byId("view"), slider: byId("time"), clock: byId("clock"), button: byId("play"),
    failed,
  });

  byId("animation").append(...Object.values(told.animations).map(({ name }) => new Option(name, name)));
  byId("animation").addEventListener("change", (event) => {
    const kept = new Set(told.settings.flatMap(({ controls }) => controls.map(({ name }) => name)));
    const values = Object.fromEntries(Object.entries(looks.look.values).filter(([name]) => kept.has(name)));
    looks.set({ animation: event.target.value, values });
  });

  byId("preset").append(...told.presets.map(({ name }) => new Option(name, name)));
  byId("preset").addEventListener("change", (event) => {
    const preset = told.presets.find(({ name }) => name === event.target.value);
    if (!preset) return;
    byId("status").textContent = preset.about;
    looks.set({ ...looks.look, values: { ...looks.look.values, ...preset.values } });
  });
  byId("shape").addEventListener("change", (event) => looks.change("size", event.target.value || undefined, {}));

  /* Shades what an app's controls cover: a border in percent of the frame is not possible, so pixels of the canvas. */
  function showCovered(covered) {
    const shares = String(covered ?? "").split(",").map(Number);
    byId("covered").hidden = shares.length !== 4 || !shares.some((share) => share > 0);
    if (byId("covered").hidden) return;
    const { width, height } = byId("frame").getBoundingClientRect();
    byId("covered").style.borderWidth = shares.map((share, side) => `${share * (side % 2 ? width : height)}px`).join(" ");
  }
  new ResizeObserver(() => showCovered(looks.look.values.covered)).observe(byId("frame"));

  let shownAnimation, showValues;
  let saved = JSON.stringify(looks.look); // or the one that the command began with: nothing is lost without it
  const isSaved = () => JSON.stringify(looks.look) === saved;
  function showLook(look) {
    if (shownAnimation !== look.animation) {
      shownAnimation = look.animation;
      byId("animation").value = look.animation;
      const { name, about, controls } = told.animations[look.animation];
      byId("status").textContent = about;
      const groups = [{ title: name[0].toUpperCase() + name.slice(1), controls }, ...told.settings];
      showValues = showControls(byId("controls"), groups, look.values, (...change) => looks.change(...change));
    }
    showValues(look.values);
    byId("undo").disabled = !looks.canUndo;
    byId("redo").disabled = !looks.canRedo;
    const shapes = [...byId("shape").options].map(({ value }) => value);
    byId("shape").selectedIndex = shapes.indexOf(look.values.size ?? "");
    showCovered(look.values.covered);
    byId("save").disabled = isSaved();
    toAddress(look);
  }

  let turn = 0, current = "";
  async function send() {
    const mine = ++turn;
    try {
      const answer = await api.post("look", looks.look);
      if (mine !== turn) return;
      complain(null);
      byId("command").textContent = answer.command;
      current = answer.look;
      if (answer.matched) player.setLook(answer);
      else await match(answer, mine);
    } catch (error) {
      if (mine === turn) failed(error);
    }
  }

  /* Matches the mosaic of a look, and shows how far it is. */
  async function match(answer, mine) {
    byId("frame").classList.add("waiting");
    const begun = await api.post(`match/${answer.look}`);
    const state = await follow(byId("matching"), "matching", begun, () => mine === turn);
    if (mine !== turn) return;
    byId("notices").replaceChildren(...state.notices.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
    if (state.error) throw new api.Refused(400, { error: state.error });
    if (!state.cancelled) await send();
  }

  function failed(error) {
    if (error.forgotten || error.matching) send();
    else complain(error);
  }

  looks.onChange((look, changed) => {
    showLook(look);
    if (changed) send();
  });
  byId("undo").addEventListener("click", () => looks.undo());
  byId("redo").addEventListener("click", () => looks.redo());
  byId("render").addEventListener("click", async () => {
    try {
      const state = await follow(byId("rendering"), "rendering", await api.post(`render/${current}`));
      if (state.error) throw new api.Refused(400, { error: state.error });
      if (!state.result) return;
      const [video, caption] = byId("made").children;
      video.src = `/api/file/${state.result.file}`;
      caption.textContent = `${state.result.name} in ${state.result.folder}`;
      byId("made").hidden = false;
    } catch (error) {
      complain(error);
    }
  });
  byId("quit").addEventListener("click", async () => {
    if (!isSaved() && !confirm("Quit without saving this look?")) return;
    saved = JSON.stringify(looks.look);
    player.pause();
    await api.post("quit").catch(() => null);
    document.body.replaceChildren(Object.assign(document.createElement("p"), { textContent: "The studio has ended. You can close this page." }));
  });
  byId("save").addEventListener("click", async () => {
    try {
      const look = looks.look;
      const { name } = await api.post("save", look);
      saved = JSON.stringify(look);
      byId("save").disabled = isSaved();
      byId("status").textContent = `Saved as ${name}`;
    } catch (error) {
      complain(error);
    }
  });
  addEventListener("beforeunload", (event) => {
    if (!isSaved()) event.preventDefault();
  });
  byId("copy").addEventListener("click", async () => {
    await navigator.clipboard.writeText(byId("command").textContent);
    byId("status").textContent = "The command was copied";
  });
  addEventListener("hashchange", () => {
    const look = fromAddress();
    if (look) looks.set(look);
  });
  addEventListener("keydown", (event) => {
    const typing = event.target.matches("input[type=text], input[type=number], select, textarea");
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
  });

  showLook(looks.look);
  await send();
}

start().catch(complain);
