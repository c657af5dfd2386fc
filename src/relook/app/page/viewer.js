// The image on the screen: three canvases (pixels, objects, pointer), where one looks, and how near.
import { drawMarked, drawThings } from "./painter.js";
import { Picture } from "./pictures.js";
import { contains } from "./geometry.js";
import { emit, on, selected, state } from "./state.js";

/** @typedef {import("./state.js").Thing} Thing */

const stage = /** @type {HTMLElement} */ (document.getElementById("stage"));
const zoomWords = /** @type {HTMLElement} */ (document.getElementById("zoom"));
const layers = ["picture", "outlines", "pointer"].map((id) => {
  const canvas = /** @type {HTMLCanvasElement} */ (document.getElementById(id));
  return { id, canvas, context: /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d")), stale: true };
});

/** Pixels of the screen for one of the image, and the place of the image in the middle. */
export const camera = { scale: 1, x: 0, y: 0, fitted: true };
const size = { width: 1, height: 1, ratio: 1 };
/** @type {Picture|null} */ let picture = null;
/** @type {((context: CanvasRenderingContext2D, scale: number) => void)[]} */
const extras = [];
let asked = 0;
/** Where the camera was when the objects were last drawn, and how long that took. */
const drawn = { scale: 1, x: 0, y: 0, cost: 0, later: 0 };

/** Ask for layers to be drawn anew with the next picture of the screen. @param {string} names */
export function redraw(names = "picture outlines pointer") {
  for (const layer of layers) if (names.includes(layer.id)) layer.stale = true;
  if (!asked) asked = requestAnimationFrame(draw);
}

/** Draw something of one's own on the uppermost layer. @param {(context: CanvasRenderingContext2D, scale: number) => void} run */
export const drawAlso = (run) => extras.push(run);

/** @returns {import("./geometry.js").Box} what is in sight, in pixels of the image */
export function sight() {
  const w = size.width / camera.scale / 2, h = size.height / camera.scale / 2;
  return [camera.x - w, camera.y - h, camera.x + w, camera.y + h];
}

/** @param {number} px @param {number} py pixels from the corner of the stage @returns {import("./geometry.js").Point} */
export const toImage = (px, py) =>
  [camera.x + (px - size.width / 2) / camera.scale, camera.y + (py - size.height / 2) / camera.scale];

/** @param {number} x @param {number} y pixels of the image @returns {[number, number]} */
export const toScreen = (x, y) =>
  [(x - camera.x) * camera.scale + size.width / 2, (y - camera.y) * camera.scale + size.height / 2];

/** @param {{context: CanvasRenderingContext2D, canvas: HTMLCanvasElement}} layer */
function prepared({ context, canvas }) {
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, canvas.width, canvas.height);
  const zoom = camera.scale * size.ratio;
  context.setTransform(zoom, 0, 0, zoom, canvas.width / 2 - camera.x * zoom, canvas.height / 2 - camera.y * zoom);
}

function draw() {
  asked = 0;
  const box = sight();
  const things = state.view.shown ? state.document?.shown() ?? [] : [];
  for (const layer of layers) {
    if (!layer.stale) continue;
    if (layer.id === "outlines" && isPostponed(layer.canvas)) continue;
    layer.stale = false;
    prepared(layer);
    if (layer.id === "picture") picture?.draw(layer.context, camera.scale * size.ratio, box);
    if (layer.id === "outlines") {
      const start = performance.now();
      layer.canvas.style.transform = "";
      drawThings(layer.context, things, camera.scale, box, state.view);
      Object.assign(drawn, { scale: camera.scale, x: camera.x, y: camera.y, cost: performance.now() - start });
    }
    if (layer.id === "pointer") drawPointer(layer.context);
  }
}

/** While one moves over very many objects, their last drawing is moved instead. @param {HTMLCanvasElement} canvas */
function isPostponed(canvas) {
  if (drawn.cost < 14 || !moving) return false;
  const zoom = camera.scale / drawn.scale;
  const dx = (drawn.x - camera.x) * camera.scale + (size.width / 2) * (1 - zoom);
  const dy = (drawn.y - camera.y) * camera.scale + (size.height / 2) * (1 - zoom);
  canvas.style.transform = `translate(${dx}px, ${dy}px) scale(${zoom})`;
  clearTimeout(drawn.later);
  drawn.later = window.setTimeout(() => { moving = false; redraw("outlines"); }, 90);
  return true;
}
let moving = false;

/** @param {CanvasRenderingContext2D} context */
function drawPointer(context) {
  if (state.view.shown) {
    for (const thing of selected()) drawMarked(context, thing, camera.scale, "selected");
    if (state.hovered) drawMarked(context, state.hovered, camera.scale, "hovered");
  }
  if (state.offered) drawMarked(context, state.offered, camera.scale, "offered");
  for (const extra of extras) extra(context, camera.scale);
}

function moved() {
  moving = true;
  zoomWords.textContent = `${camera.scale >= 0.1 ? Math.round(camera.scale * 100) : (camera.scale * 100).toFixed(1)} %`;
  redraw();
  emit("camera");
}

/** The least zoom: the whole image with a margin. */
function fitting() {
  const { width, height } = state.entry ?? { width: 1, height: 1 };
  return Math.min((size.width - 16) / width, (size.height - 16) / height);
}

/** Show the whole image. */
export function fit() {
  if (!state.entry) return;
  camera.scale = Math.min(Math.max(fitting(), 1e-4), 12);
  camera.x = state.entry.width / 2;
  camera.y = state.entry.height / 2;
  camera.fitted = true;
  moved();
}

/** @param {number} factor @param {[number, number]} [at] the place of the stage that stays where it is */
export function zoomBy(factor, at = [size.width / 2, size.height / 2]) {
  const [x, y] = toImage(...at);
  camera.scale = Math.max(Math.min(fitting(), 1) / 2, Math.min(64, camera.scale * factor));
  camera.x = x - (at[0] - size.width / 2) / camera.scale;
  camera.y = y - (at[1] - size.height / 2) / camera.scale;
  camera.fitted = false;
  kept();
}

/** Show one pixel of the image as one of the screen. */
export const actualSize = () => zoomBy(1 / size.ratio / camera.scale);

/** @param {number} dx @param {number} dy pixels of the screen */
export function panBy(dx, dy) {
  camera.x -= dx / camera.scale;
  camera.y -= dy / camera.scale;
  camera.fitted = false;
  kept();
}

/** A part of the image always stays in sight. */
function kept() {
  const { width, height } = state.entry ?? { width: 1, height: 1 };
  camera.x = Math.max(0, Math.min(width, camera.x));
  camera.y = Math.max(0, Math.min(height, camera.y));
  moved();
}

/** Move there if an object is out of sight, nearer if it is too small to see. @param {Thing} thing */
export function reveal(thing) {
  const [x0, y0, x1, y1] = thing.box;
  const [left, top, right, bottom] = sight();
  const side = Math.max(x1 - x0, y1 - y0);
  const isSmall = side * camera.scale < 10;
  if (!isSmall && x0 >= left && y0 >= top && x1 <= right && y1 <= bottom) return;
  if (isSmall) camera.scale = Math.min(64, 60 / side);
  if (side * camera.scale > Math.min(size.width, size.height)) camera.scale = Math.min(size.width, size.height) / side / 1.3;
  camera.x = (x0 + x1) / 2;
  camera.y = (y0 + y1) / 2;
  camera.fitted = false;
  moved();
}

/** The object at a place of the image, the smallest of several. @param {number} x @param {number} y @returns {Thing|null} */
export function thingAt(x, y) {
  if (!state.view.shown) return null;
  const near = 3 / camera.scale;
  let best = null, close = null;
  for (const thing of state.document?.shown() ?? []) {
    const [x0, y0, x1, y1] = thing.box;
    if (x < x0 - near || x > x1 + near || y < y0 - near || y > y1 + near) continue;
    if (contains(thing.shape, x, y)) {
      if (!best || thing.area < best.area) best = thing;
    } else if ((x1 - x0) * camera.scale < 8 && !close) close = thing;
  }
  return best ?? close;
}

/** Open the pixels of an image, or none. @param {import("./state.js").Entry|null} entry @param {(key: string) => void} failed */
export function showPicture(entry, failed) {
  picture?.close();
  picture = entry ? new Picture(entry, () => redraw("picture"), failed) : null;
  drawn.cost = 0;
  if (entry) fit();
  redraw();
}

/** Make the brightest part of a dark image white. */
export function brighten() {
  const most = picture?.bright();
  if (!most) return;
  state.view.brightness = Math.round(Math.max(1, Math.min(8, 250 / most)) * 10) / 10;
  emit("view");
}

/** Whether every pixel in sight is drawn. */
export const isDrawn = () => !asked && (picture?.isComplete ?? true);

function resized() {
  const ratio = window.devicePixelRatio || 1;
  Object.assign(size, { width: Math.max(1, stage.clientWidth), height: Math.max(1, stage.clientHeight), ratio });
  for (const { canvas } of layers) {
    canvas.width = Math.round(size.width * ratio);
    canvas.height = Math.round(size.height * ratio);
  }
  if (camera.fitted) fit();
  redraw();
}

/** @param {() => void} run */
function look(run) {
  const { brightness, contrast } = state.view;
  layers[0].canvas.style.filter = brightness === 1 && contrast === 1 ? "" : `brightness(${brightness}) contrast(${contrast})`;
  run();
}

export function startViewer() {
  new ResizeObserver(resized).observe(stage);
  on("objects view document", () => look(() => { moving = false; redraw("outlines pointer"); }));
  on("selection hover offer", () => redraw("pointer"));
}
