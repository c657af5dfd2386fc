// Draws objects: fills, outlines, ids; and what is hovered, selected, offered.
import { overlap } from "./geometry.js";

/** @typedef {import("./state.js").Thing} Thing */

/** @type {WeakMap<Thing, Path2D>} */
const paths = new WeakMap();
const STATES = { predicted: "#5db7ff", accepted: "#5fe08c", drawn: "#ffb648" };

/** @param {Thing} thing @returns {Path2D} the outline in pixels of the image */
function pathOf(thing) {
  let path = paths.get(thing);
  if (!path) {
    path = new Path2D();
    for (const polygon of thing.shape) for (const ring of polygon) {
      ring.forEach(([x, y], index) => (index ? path?.lineTo(x, y) : path?.moveTo(x, y)));
      path.closePath();
    }
    paths.set(thing, path);
  }
  return path;
}

/** A colour far from those of its neighbours in number. @param {number} index */
const spread = (index) => `hsl(${(index * 137.508 + 190) % 360} 95% ${60 + (index % 3) * 6}%)`;

/** @param {string} text @returns {number} */
function hash(text) {
  let value = 7;
  for (let i = 0; i < text.length; i++) value = (value * 31 + text.charCodeAt(i)) | 0;
  return Math.abs(value) % 997;
}

/** @param {number} index of a class */
export const classColour = (index) => spread(index);

/** @param {Thing} thing @param {string} colours "object", "class" or "state" */
export function colourOf(thing, colours) {
  if (colours === "state") return STATES[thing.state];
  return spread(colours === "class" ? thing.class : hash(thing.id));
}

/**
 * Draw objects. The context's units are pixels of the image.
 * @param {CanvasRenderingContext2D} context @param {Thing[]} things @param {number} scale pixels of the screen for one of the image
 * @param {import("./geometry.js").Box} sight @param {{opacity: number, lines: boolean, ids: boolean, colours: string}} view
 */
export function drawThings(context, things, scale, sight, view) {
  const seen = things.filter((thing) => overlap(thing.box, sight));
  context.lineJoin = "round";
  context.lineWidth = 1.6 / scale;
  for (const thing of seen) {
    const colour = colourOf(thing, view.colours);
    const [x0, y0, x1, y1] = thing.box;
    if ((x1 - x0) * scale < 4 && (y1 - y0) * scale < 4) {
      context.fillStyle = colour;
      context.fillRect(x0, y0, Math.max(x1 - x0, 1.5 / scale), Math.max(y1 - y0, 1.5 / scale));
      continue;
    }
    const path = pathOf(thing);
    if (view.opacity > 0) {
      context.globalAlpha = view.opacity;
      context.fillStyle = colour;
      context.fill(path, "evenodd");
      context.globalAlpha = 1;
    }
    if (view.lines) {
      context.strokeStyle = colour;
      context.stroke(path);
    }
  }
  if (view.ids) drawIds(context, seen, scale);
}

/** @param {CanvasRenderingContext2D} context @param {Thing[]} things @param {number} scale */
function drawIds(context, things, scale) {
  context.font = `600 ${12 / scale}px system-ui, sans-serif`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.lineWidth = 3 / scale;
  context.strokeStyle = "#000c";
  context.fillStyle = "#fff";
  for (const thing of things) {
    const [x0, y0, x1, y1] = thing.box;
    if ((x1 - x0) * scale < 14) continue;
    const words = thing.id.slice(0, 12);
    context.strokeText(words, (x0 + x1) / 2, (y0 + y1) / 2);
    context.fillText(words, (x0 + x1) / 2, (y0 + y1) / 2);
  }
}

/**
 * Stand out: a white line on a dark one, which is seen on every ground.
 * @param {CanvasRenderingContext2D} context @param {Thing} thing @param {number} scale @param {"hovered"|"selected"|"offered"} how
 */
export function drawMarked(context, thing, scale, how) {
  const path = pathOf(thing);
  context.lineJoin = "round";
  if (how !== "selected") {
    context.fillStyle = how === "offered" ? "rgb(255 210 60 / 35%)" : "rgb(255 255 255 / 22%)";
    context.fill(path, "evenodd");
  }
  const width = how === "selected" ? 2.4 : 1.8;
  context.strokeStyle = "#000d";
  context.lineWidth = (width + 2.6) / scale;
  context.stroke(path);
  context.strokeStyle = how === "offered" ? "#ffd23c" : "#fff";
  context.lineWidth = width / scale;
  if (how === "offered") context.setLineDash([6 / scale, 4 / scale]);
  context.stroke(path);
  context.setLineDash([]);
}

/**
 * Draw the line of a tool that is at work.
 * @param {CanvasRenderingContext2D} context @param {import("./geometry.js").Point[]} points @param {number} scale
 * @param {{closed: boolean, corners: boolean, next?: import("./geometry.js").Point|null}} how
 */
export function drawLine(context, points, scale, how) {
  const line = how.next ? [...points, how.next] : points;
  context.lineJoin = context.lineCap = "round";
  for (const [colour, width] of /** @type {[string, number][]} */ ([["#000d", 4.4], ["#ffe14d", 2]])) {
    context.beginPath();
    line.forEach(([x, y], index) => (index ? context.lineTo(x, y) : context.moveTo(x, y)));
    if (how.closed && line.length > 2) context.closePath();
    context.strokeStyle = colour;
    context.lineWidth = width / scale;
    context.stroke();
  }
  if (!how.corners) return;
  points.forEach(([x, y], index) => {
    context.beginPath();
    context.arc(x, y, (index ? 3.5 : 5.5) / scale, 0, 7);
    context.fillStyle = index ? "#ffe14d" : "#fff";
    context.strokeStyle = "#000d";
    context.lineWidth = 1.2 / scale;
    context.fill();
    context.stroke();
  });
}
