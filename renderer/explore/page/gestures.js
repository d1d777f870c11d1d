/* Pointers, wheel and keys, as movements of the view. */

const TAP = { far: 8, long: 400, twice: 260 }; // pixels, milliseconds, milliseconds

/* `act` has: moved(), stopped(), tapped(x, y) and zoomIn(x, y) at a point of the mosaic, and whole(). */
function listen(canvas, view, act) {
  const pointers = new Map();
  let tap = null, lastTap = null, waiting;
  const local = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    clearTimeout(waiting);
    act.stopped();
    canvas.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, local(event));
    tap = pointers.size === 1 ? { at: local(event), when: event.timeStamp } : null;
  });
  canvas.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId), now = local(event);
    if (!before) return;
    if (tap && Math.hypot(now[0] - tap.at[0], now[1] - tap.at[1]) < TAP.far) return;
    tap = null;
    const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
    pointers.set(event.pointerId, now);
    if (other) { // two fingers: the points below them stay below them
      const middle = (at) => [(at[0] + other[0]) / 2, (at[1] + other[1]) / 2];
      const away = (at) => Math.max(Math.hypot(at[0] - other[0], at[1] - other[1]), 1);
      view.drag(middle(before), middle(now), away(now) / away(before));
    } else view.drag(before, now);
    act.moved();
  });
  const released = (event) => {
    if (!pointers.delete(event.pointerId)) return;
    const ended = tap;
    tap = null;
    if (!ended || event.type === "pointercancel" || event.timeStamp - ended.when > TAP.long) return;
    const isSecond = lastTap && event.timeStamp - lastTap.when < TAP.twice
      && Math.hypot(lastTap.at[0] - ended.at[0], lastTap.at[1] - ended.at[1]) < 4 * TAP.far;
    lastTap = isSecond ? null : { at: ended.at, when: event.timeStamp };
    const point = view.at(...ended.at);
    if (isSecond) act.zoomIn(...point);
    else waiting = setTimeout(() => act.tapped(...point), TAP.twice); // unless a second tap, or a movement, follows
  };
  canvas.addEventListener("pointerup", released);
  canvas.addEventListener("pointercancel", released);
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    clearTimeout(waiting);
    act.stopped();
    view.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : event.ctrlKey ? 0.01 : 0.002)), ...local(event));
    act.moved();
  }, { passive: false });
  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const [width, height] = view.size, step = 0.15 * Math.min(width, height);
    const actions = {
      ArrowLeft: () => view.move(step, 0), ArrowRight: () => view.move(-step, 0),
      ArrowUp: () => view.move(0, step), ArrowDown: () => view.move(0, -step),
      "+": () => view.zoom(1.4, width / 2, height / 2), "=": () => view.zoom(1.4, width / 2, height / 2),
      "-": () => view.zoom(1 / 1.4, width / 2, height / 2),
      Enter: () => act.tapped(view.x, view.y), Home: act.whole,
    };
    if (!actions[event.key]) return;
    event.preventDefault();
    act.stopped();
    actions[event.key]();
    act.moved();
  });
}

/* Calls `act` with 1 for a swipe to the left over an element, and with -1 for one to the right. */
function listenToSwipes(element, act) {
  let from = null;
  element.addEventListener("pointerdown", (event) => { from = [event.clientX, event.clientY]; });
  element.addEventListener("pointerup", (event) => {
    if (!from) return;
    const [across, down] = [event.clientX - from[0], event.clientY - from[1]];
    from = null;
    if (Math.abs(across) > 5 * TAP.far && Math.abs(across) > 2 * Math.abs(down)) act(across < 0 ? 1 : -1);
  });
}
