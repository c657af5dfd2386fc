// What mouse, pen and fingers do on the image: pan, zoom, hover, select, or the tool that is chosen.
import { drawAlso, panBy, redraw, thingAt, toImage, zoomBy } from "./viewer.js";
import { className, emit, on, select, state } from "./state.js";
import * as drawing from "./drawing.js";
import { offerAt } from "./actions.js";
import { overlap } from "./geometry.js";

const stage = /** @type {HTMLElement} */ (document.getElementById("stage"));
const tip = /** @type {HTMLElement} */ (document.getElementById("tip"));
const place = /** @type {HTMLElement} */ (document.getElementById("place"));

/** @type {Map<number, [number, number]>} fingers that are down */
const fingers = new Map();
/** @type {{kind: "press"|"pan"|"draw"|"frame"|"pinch", start: [number, number], last: [number, number], id: number}|null} */
let gesture = null;
let isSpace = false;
/** Holding space moves the image with any tool. @param {boolean} down */
export const holdSpace = (down) => { isSpace = down; };

/** @param {PointerEvent|WheelEvent|MouseEvent} event @returns {[number, number]} */
function at(event) {
  const box = stage.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
}

/** @param {PointerEvent} event */
function down(event) {
  if (!state.entry || /** @type {HTMLElement} */ (event.target).closest(".offer")) return;
  const point = at(event);
  fingers.set(event.pointerId, point);
  stage.setPointerCapture(event.pointerId);
  if (fingers.size === 2) {
    drawing.cancel();
    gesture = { kind: "pinch", start: point, last: point, id: event.pointerId };
    return;
  }
  const isPan = event.button !== 0 || isSpace;
  const isDraw = state.tool !== "select" && !isPan;
  gesture = { kind: isPan ? "pan" : isDraw ? "draw" : "press", start: point, last: point, id: event.pointerId };
  if (isDraw) drawing.down(toImage(...point));
}

/** @param {PointerEvent} event */
function move(event) {
  const point = at(event);
  if (gesture?.kind === "pinch") return pinch(event, point);
  if (fingers.has(event.pointerId)) fingers.set(event.pointerId, point);
  showPlace(point);
  if (!gesture) {
    if (state.tool !== "select") drawing.hover(toImage(...point));
    return hover(point);
  }
  if (gesture.kind === "draw") return drawing.drag(toImage(...point));
  const far = Math.hypot(point[0] - gesture.start[0], point[1] - gesture.start[1]);
  if (gesture.kind === "press" && far > 4) {
    gesture.kind = event.shiftKey ? "frame" : "pan";
    stage.toggleAttribute("data-moving", gesture.kind === "pan");
    setHover(null, point);
  }
  if (gesture.kind === "pan") panBy(point[0] - gesture.last[0], point[1] - gesture.last[1]);
  gesture.last = point;
  if (gesture.kind === "frame") redraw("pointer");
}

/** @param {PointerEvent} event @param {[number, number]} point */
function pinch(event, point) {
  const before = [...fingers.values()];
  fingers.set(event.pointerId, point);
  const after = [...fingers.values()];
  if (before.length < 2) return;
  const middle = (/** @type {[number, number][]} */ p) => [(p[0][0] + p[1][0]) / 2, (p[0][1] + p[1][1]) / 2];
  const apart = (/** @type {[number, number][]} */ p) => Math.hypot(p[0][0] - p[1][0], p[0][1] - p[1][1]) || 1;
  const [x, y] = middle(after), [u, v] = middle(before);
  zoomBy(apart(after) / apart(before), [x, y]);
  panBy(x - u, y - v);
}

/** @param {PointerEvent} event */
function up(event) {
  const ended = gesture;
  const point = at(event);
  fingers.delete(event.pointerId);
  stage.removeAttribute("data-moving");
  if (ended?.kind === "pinch" && fingers.size) { // the finger that is left goes on moving the image
    const [[id, last]] = fingers;
    gesture = { kind: "pan", start: last, last, id };
    return;
  }
  gesture = null;
  if (!ended) return;
  if (ended.kind === "draw") drawing.up(toImage(...point));
  if (ended.kind === "press") click(toImage(...point), event.shiftKey || event.ctrlKey || event.metaKey);
  if (ended.kind === "frame") frame(toImage(...ended.start), toImage(...point));
  redraw("pointer");
}

/** @param {import("./geometry.js").Point} point @param {boolean} isMore adds to the selection */
function click([x, y], isMore) {
  const thing = thingAt(x, y);
  if (!thing) {
    if (!isMore) select([]);
    return offerAt(x, y);
  }
  emit("offer", state.offered = null);
  if (!isMore) return select([thing.id]);
  const ids = new Set(state.selection);
  if (!ids.delete(thing.id)) ids.add(thing.id);
  select(ids);
}

/** Select what lies in a frame. @param {import("./geometry.js").Point} a @param {import("./geometry.js").Point} b */
function frame(a, b) {
  /** @type {import("./geometry.js").Box} */
  const box = [Math.min(a[0], b[0]), Math.min(a[1], b[1]), Math.max(a[0], b[0]), Math.max(a[1], b[1])];
  const inside = state.document?.shown().filter((thing) => {
    const [x0, y0, x1, y1] = thing.box;
    const x = (x0 + x1) / 2, y = (y0 + y1) / 2;
    return overlap(thing.box, box) && x > box[0] && x < box[2] && y > box[1] && y < box[3];
  }) ?? [];
  select(new Set([...state.selection, ...inside.map((thing) => thing.id)]));
}

/** @param {[number, number]} point */
function hover(point) {
  const [x, y] = toImage(...point);
  setHover(state.tool === "select" || state.tool === "split" ? thingAt(x, y) : null, point);
}

/** @param {import("./state.js").Thing|null} thing @param {[number, number]} point */
function setHover(thing, point) {
  if (thing !== state.hovered) {
    state.hovered = thing;
    stage.toggleAttribute("data-over", Boolean(thing) && state.tool === "select");
    emit("hover");
  }
  if (!thing) return;
  const flipX = point[0] > stage.clientWidth - tip.offsetWidth - 24;
  const flipY = point[1] > stage.clientHeight - 60;
  const x = flipX ? point[0] - tip.offsetWidth - 12 : point[0] + 16;
  const y = flipY ? point[1] - tip.offsetHeight - 10 : point[1] + 18;
  tip.style.transform = `translate(${Math.max(2, x)}px, ${Math.max(2, y)}px)`;
}

/** Words on an object: class, score, size. @param {import("./state.js").Thing} thing */
export function wordsOn(thing) {
  const score = thing.score === null ? "" : ` · score ${thing.score.toFixed(2)}`;
  const how = thing.state === "predicted" ? "" : ` · ${thing.state}`;
  return `${className(thing.class)}${score} · ${Math.round(thing.area).toLocaleString("en")} px²${how}`;
}

/** @param {[number, number]} point */
function showPlace(point) {
  const [x, y] = toImage(...point).map(Math.floor);
  const { width, height } = state.entry ?? { width: 0, height: 0 };
  place.textContent = x >= 0 && y >= 0 && x < width && y < height ? `x ${x}, y ${y}` : "";
}

export function startGestures() {
  stage.addEventListener("pointerdown", down);
  stage.addEventListener("pointermove", move);
  stage.addEventListener("pointerup", up);
  stage.addEventListener("pointercancel", (event) => {
    fingers.delete(event.pointerId);
    gesture = null;
    drawing.cancel();
  });
  stage.addEventListener("pointerleave", (event) => { if (!gesture) setHover(null, at(event)); });
  stage.addEventListener("dblclick", () => drawing.finish());
  stage.addEventListener("contextmenu", (event) => event.preventDefault());
  stage.addEventListener("wheel", (event) => {
    event.preventDefault();
    if (!state.entry) return;
    const step = event.deltaMode ? event.deltaY * 20 : event.deltaY;
    zoomBy(Math.exp(-step * (event.ctrlKey ? 0.01 : 0.0016)), at(event));
  }, { passive: false });
  on("hover", () => {
    tip.hidden = !state.hovered;
    if (state.hovered) tip.textContent = wordsOn(state.hovered);
  });
  drawAlso((context, scale) => {
    if (gesture?.kind !== "frame") return;
    const [a, b] = [toImage(...gesture.start), toImage(...gesture.last)];
    context.strokeStyle = "#fff";
    context.fillStyle = "rgb(255 255 255 / 12%)";
    context.lineWidth = 1.5 / scale;
    context.fillRect(a[0], a[1], b[0] - a[0], b[1] - a[1]);
    context.strokeRect(a[0], a[1], b[0] - a[0], b[1] - a[1]);
  });
  on("camera", () => { tip.hidden = true; });
}
