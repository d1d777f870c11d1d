/* The controls of a look, made from the declarations of its parameters. */

export const element = (tag, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
};

/* The steps of a slider: 200 over its range, rounded to one digit. */
const stepOf = (low, high) => {
  const rough = (high - low) / 200;
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map((digit) => digit * power).find((step) => step >= rough * 0.999);
};

/* Numbers with a range that a slider can cover; durations of hours are better typed. */
const slides = (control) => control.low !== undefined && control.high !== undefined && control.high - control.low <= 100;

const STOP = 300; // milliseconds

/* Whether a user is typing in a field: what is typed stays until it has been taken or left. */
const typed = new WeakSet();
document.addEventListener("input", ({ target }) => { if (target.matches("[type=text], [type=number]")) typed.add(target); });
for (const ending of ["change", "focusout"]) {
  document.addEventListener(ending, ({ target }) => typed.delete(target), { capture: true });
}

/* Makes an input for a control. `changed(value, live)`: undefined is the default. Returns the parts and a function that
   shows a value. */
function inputOf(control, id, changed) {
  const { kind, choices, optional } = control;
  const preset = control.default;
  if (kind === "flag") {
    const box = element("input", { type: "checkbox", id });
    box.addEventListener("change", () => changed(box.checked));
    return { parts: [box], show: (value) => { box.checked = value ?? false; } };
  }
  if (choices.length && kind === "choice") {
    const list = element("select", { id });
    if (optional) list.append(element("option", { value: "", textContent: "default" }));
    list.append(...choices.map((choice) => element("option", { value: choice, textContent: choice })));
    list.addEventListener("change", () => changed(list.value === "" ? undefined : list.value));
    return { parts: [list], show: (value) => { list.value = value ?? ""; } };
  }
  if (kind === "colour" && typeof preset === "string") {
    const colour = element("input", { type: "color", id });
    colour.addEventListener("input", () => changed(colour.value, true));
    colour.addEventListener("change", () => changed(colour.value));
    return { parts: [colour], show: (value) => { colour.value = value; } };
  }
  if (kind === "number" || kind === "whole") {
    const step = kind === "whole" ? 1 : "any";
    const box = element("input", { type: "number", id, step, placeholder: preset === null ? "default" : "" });
    if (control.low !== undefined) box.min = control.low;
    if (control.high !== undefined) box.max = control.high;
    const read = () => (box.value === "" ? undefined : Number(box.value));
    const slider = slides(control) ? element("input", {
      type: "range", className: "wide", min: control.low, max: control.high, tabIndex: -1,
      step: kind === "whole" ? 1 : stepOf(control.low, control.high),
    }) : null;
    slider?.setAttribute("aria-hidden", "true"); // the number beside it is the same control
    box.addEventListener("change", () => changed(read()));
    slider?.addEventListener("input", () => { box.value = slider.value; changed(read(), true); });
    slider?.addEventListener("change", () => changed(read()));
    const show = (value) => {
      box.value = typeof value === "number" ? value : "";
      if (slider) slider.value = typeof value === "number" ? value : control.low;
    };
    return { parts: slider ? [box, slider] : [box], show };
  }
  const text = element("input", {
    type: "text", id, className: "wide", autocomplete: "off", placeholder: preset === null ? "default" : "",
  });
  if (control.name === "music") text.setAttribute("list", "tracks");
  const list = kind === "texts";
  if (list) text.placeholder = "one or several, with a semicolon between";
  let waiting;
  if (kind === "text") { // shown while it is typed, when the user stops for a moment
    text.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(() => changed(text.value || undefined, true), STOP);
    });
  }
  text.addEventListener("change", () => {
    clearTimeout(waiting);
    const words = text.value.split(";").map((word) => word.trim()).filter(Boolean);
    changed(list ? (words.length ? words : undefined) : text.value || undefined);
  });
  return { parts: [text], show: (value) => { text.value = list ? (value ?? []).join("; ") : (value ?? ""); } };
}

const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

/* Shows groups of controls in an element. A group has a title, controls, and `change(name, value, {live})`, where
   undefined is the value that a parameter has otherwise. Returns a function that shows values: for each group,
   `own`, those that are set, and `base`, those of the preset; the others are at their defaults. */
export function showControls(place, groups) {
  const opened = new Set([...place.querySelectorAll("details[open]")].map((each) => each.dataset.title));
  const shown = [];
  place.replaceChildren(...groups.map(({ title, controls, change }, number) => {
    const group = element("details", { open: number === 0 || opened.has(title) });
    group.dataset.title = title;
    group.append(element("summary", { textContent: title }));
    const showGroup = controls.map((control) => {
      const id = `control-${control.name}`;
      let base = control.default;
      const label = element("label", { htmlFor: id, textContent: control.label });
      const limits = [control.unit, control.low !== undefined && control.high < 1e15
        ? `${control.low} to ${control.high}` : ""].filter(Boolean).join(", ");
      const help = element("span", { className: "help", id: `${id}-help`, textContent: control.help + (limits ? ` (${limits})` : "") });
      const row = element("div", { className: "control" });
      row.dataset.words = `${control.label} ${control.help}`.toLowerCase();
      const input = inputOf(control, id, (value, live = false) => {
        change(control.name, same(value, base) ? undefined : value, { live });
      });
      input.parts[0].setAttribute("aria-describedby", help.id);
      row.addEventListener("dblclick", (event) => {
        if (!event.target.matches("input[type=text], input[type=number], select")) change(control.name, undefined, {});
      });
      row.append(label, ...input.parts, help);
      group.append(row);
      return (values) => {
        base = values.base[control.name] ?? control.default;
        row.classList.toggle("changed", control.name in values.own);
        if (!typed.has(input.parts[0])) input.show(values.own[control.name] ?? base);
      };
    });
    shown.push(showGroup);
    return group;
  }));
  return (values) => shown.forEach((group, number) => group.forEach((each) => each(values[number])));
}

/* Marks the controls of parameters whose values are wrong, and opens their groups. */
export function markWrong(place, names) {
  for (const each of place.querySelectorAll("[aria-invalid]")) each.removeAttribute("aria-invalid");
  for (const name of names) {
    const control = document.getElementById(`control-${name}`);
    if (!control) continue;
    control.setAttribute("aria-invalid", "true");
    control.closest("details").open = true;
  }
}

/* Shows only the controls that have all words of a text in their names or their help. */
export function filterControls(place, text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  for (const row of place.querySelectorAll(".control")) row.hidden = !words.every((word) => row.dataset.words.includes(word));
  for (const group of place.querySelectorAll("details")) {
    group.hidden = !group.querySelector(".control:not([hidden])");
    if (words.length) group.open = true;
  }
}
