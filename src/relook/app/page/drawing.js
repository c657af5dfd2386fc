// The tools that draw: an outline by corners or by hand, a line that splits. Mouse, pen or keyboard.
import { announce, complain, toast } from "./announce.js";
import { Gone, send } from "./api.js";
import { areaOf, boxOf, partInside, simplified } from "./geometry.js";
import { drawLine } from "./painter.js";
import { className, emit, freshId, perform, select, selected, state } from "./state.js";
import { camera, drawAlso, panBy, redraw, sight } from "./viewer.js";

/** @typedef {import("./geometry.js").Point} Point */

/** @type {Point[]} */ let points = [];
/** @type {Point|null} where the next corner would be */ let next = null;
let isDragging = false;
/** @type {Point|null} the cross that the arrow keys move */ let cross = null;

/** Whether an outline or a line was begun. */
export const isBusy = () => points.length > 0;

/** Give up what was begun. @returns {boolean} whether there was something */
export function cancel() {
  const had = points.length > 0;
  points = [];
  next = null;
  isDragging = false;
  redraw("pointer");
  return had;
}

/** Take back the last corner. */
export function backOneCorner() {
  points = points.slice(0, -1);
  redraw("pointer");
}

/** @param {Point} a @param {Point} b @returns {number} pixels of the screen */
const apart = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]) * camera.scale;

/** @param {Point} point in pixels of the image */
export function down(point) {
  cross = null;
  if (state.tool === "polygon") {
    if (points.length > 2 && apart(points[0], point) < 10) return finish();
    if (!points.length || apart(points[points.length - 1], point) > 2) points = [...points, point];
  } else if (state.tool === "split" && points.length) {
    points = [...points, point];
    return finish();
  } else {
    points = [point];
    isDragging = true;
  }
  redraw("pointer");
}

/** @param {Point} point */
export function drag(point) {
  if (!isDragging) return hover(point);
  if (apart(points[points.length - 1], point) > 1.5) points.push(point);
  redraw("pointer");
}

/** @param {Point} point */
export function hover(point) {
  next = points.length && state.tool !== "freehand" ? point : null;
  if (next) redraw("pointer");
}

/** @param {Point} point */
export function up(point) {
  if (!isDragging) return;
  isDragging = false;
  const isLine = points.length > 1 && apart(points[0], point) + points.length * 2 > 8;
  if (state.tool === "split" && !isLine) return; // the next press is its end
  if (state.tool === "freehand" && points.length < 4) return void cancel();
  finish();
}

/** End what was begun: an outline is closed, a line splits. */
export function finish() {
  const line = points;
  const tool = state.tool;
  if (!line.length) return;
  if (tool !== "split" && line.length < 3) {
    return announce("An outline needs three corners or more.");
  }
  cancel();
  if (tool === "split") split(simplified(line, 0.5 / camera.scale));
  else outline(tool === "freehand" ? simplified(line, 0.6 / camera.scale) : line);
}

/** Make an object of an outline, or give the one that is redrawn this outline. @param {Point[]} ring */
async function outline(ring) {
  const open = state.document;
  if (!open) return;
  /** @type {import("./geometry.js").Shape} */
  let shape = [[ring]];
  let box = boxOf(shape), area = areaOf(shape);
  try {
    ({ shape, box, area } = await send("POST", `/api/images/${open.entry.id}/measure`, { shape }));
  } catch (error) {
    if (!(error instanceof Gone)) return complain(error);
  }
  if (open !== state.document) return;
  const old = state.redrawing === null ? undefined : open.find(state.redrawing);
  /** @type {import("./state.js").Thing} */
  const thing = {
    id: old?.id ?? freshId(open, "d"), class: old?.class ?? state.drawnClass, score: null, state: "drawn", box, area, shape,
  };
  perform(old ? "redraw an object" : "draw an object", old ? [old] : [], [thing]);
  select([thing.id]);
  announce(`${old ? "Redrawn" : "Drawn"}: ${className(thing.class)}, ${Math.round(area)} square pixels.`);
  if (old) emit("tool", Object.assign(state, { redrawing: null, tool: "select" }));
}

/** Cut the selected object, or the one that most of the line lies in. @param {Point[]} line */
async function split(line) {
  const open = state.document;
  if (!open) return;
  const chosen = selected();
  const parts = (chosen.length === 1 ? chosen : open.shown()).map((thing) => ({ thing, inside: partInside(line, thing.shape) }));
  const best = parts.reduce((a, b) => (b.inside > a.inside ? b : a), { thing: chosen[0], inside: 0 });
  if (!best.thing || !best.inside) {
    return toast("The line crosses no object. Draw it from one side of an object to the other.", "bad");
  }
  try {
    const { objects } = await send("POST", `/api/images/${open.entry.id}/split`, { object: best.thing, line });
    if (open !== state.document) return;
    perform("split an object", [best.thing], objects);
    select(objects.map((/** @type {{id: string}} */ thing) => thing.id));
    announce(`Split into ${objects.length} objects.`);
  } catch (error) { complain(error); }
}

/** Arrow keys: move the cross of the tool, or the image. @param {string} key @param {boolean} far @returns {boolean} whether it was taken */
export function arrow(key, far) {
  const step = (far ? 60 : 12);
  const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key] ?? [0, 0];
  if (!dx && !dy) return false;
  if (state.tool === "select") {
    panBy(-dx * step * 4, -dy * step * 4);
    return true;
  }
  const from = cross ?? points[points.length - 1] ?? [camera.x, camera.y];
  const { width, height } = state.entry ?? { width: 0, height: 0 };
  cross = [
    Math.max(0, Math.min(width, from[0] + (dx * step) / camera.scale)),
    Math.max(0, Math.min(height, from[1] + (dy * step) / camera.scale)),
  ];
  const [left, top, right, bottom] = sight();
  if (cross[0] < left || cross[0] > right || cross[1] < top || cross[1] > bottom) {
    panBy(-dx * step * 4, -dy * step * 4);
  }
  next = points.length ? cross : null;
  announce(`x ${Math.round(cross[0])}, y ${Math.round(cross[1])}`);
  redraw("pointer");
  return true;
}

/** Space: put a corner where the cross is. */
export function corner() {
  if (state.tool === "select") return;
  const place = cross ?? [camera.x, camera.y];
  cross = place;
  if (points.length > 2 && apart(points[0], place) < 4) return finish();
  points = [...points, place];
  announce(`Corner ${points.length}.`);
  redraw("pointer");
}

/** @param {CanvasRenderingContext2D} context @param {number} scale */
function drawCross(context, scale) {
  if (!cross || state.tool === "select") return;
  const [x, y] = cross, arm = 11 / scale;
  for (const [colour, width] of /** @type {[string, number][]} */ ([["#000d", 4], ["#fff", 1.6]])) {
    context.strokeStyle = colour;
    context.lineWidth = width / scale;
    context.beginPath();
    context.moveTo(x - arm, y);
    context.lineTo(x + arm, y);
    context.moveTo(x, y - arm);
    context.lineTo(x, y + arm);
    context.stroke();
  }
}

export function startDrawing() {
  drawAlso((context, scale) => {
    const isOutline = state.tool !== "split";
    if (points.length) drawLine(context, points, scale, { closed: isOutline && !next, corners: state.tool === "polygon", next });
    drawCross(context, scale);
  });
}
