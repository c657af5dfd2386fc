// Everything a person can do, each with its words, its keys, and when it is possible. Buttons, keys and
// the list of keys in the help are made of this one table.
import { addFiles } from "./adding.js";
import { announce, toast } from "./announce.js";
import { complain } from "./announce.js";
import { send } from "./api.js";
import { openDownload } from "./download.js";
import * as drawing from "./drawing.js";
import { openEditClasses } from "./edit_classes.js";
import { openHelp } from "./help.js";
import { openNewClass } from "./new_class.js";
import { done, openBeside, openSuggested } from "./images.js";
import { saveAll } from "./saving.js";
import { changed, classes, className, counted, emit, perform, select, selected, state } from "./state.js";
import { actualSize, brighten, fit, reveal, zoomBy } from "./viewer.js";

/** @typedef {import("./state.js").Thing} Thing */
/** @typedef {{words: string, group: string, keys: string[], run: () => void, can?: () => boolean, more?: string}} Action */

const hasImage = () => Boolean(state.document);
const hasSelection = () => selected().length > 0;

/** @param {string} tool */
function choose(tool) {
  drawing.cancel();
  Object.assign(state, { tool, redrawing: null, offered: null });
  emit("tool");
  emit("offer");
}

function remove() {
  const things = selected();
  const all = state.document?.shown() ?? [];
  const next = all[all.findIndex((thing) => thing.id === things[0].id) + things.length];
  perform(`delete ${counted(things.length, "object")}`, things, []);
  if (next && state.document?.shown().includes(next)) select([next.id], { from: "table" });
  announce(`Deleted ${counted(things.length, "object")}.`);
}

/** @param {Thing[]} things */
function acceptThese(things) {
  const open = things.filter((thing) => thing.state === "predicted");
  if (!open.length) return announce("Nothing to accept.");
  perform(`accept ${counted(open.length, "object")}`, open, open.map((thing) => ({ ...thing, state: "accepted" })));
  announce(`Accepted ${counted(open.length, "object")}.`);
}

async function merge() {
  const open = state.document;
  const things = selected();
  try {
    const { object } = await send("POST", `/api/images/${open?.entry.id}/merge`, { objects: things });
    if (open !== state.document) return;
    perform(`merge ${counted(things.length, "object")}`, things, [object]);
    select([object.id]);
    announce(`Merged ${counted(things.length, "object")} into one.`);
  } catch (error) { complain(error); }
}

function redraw() {
  const [thing] = selected();
  choose("freehand");
  state.redrawing = thing.id;
  emit("tool");
}

/** Give the selected objects a class, or the objects that are drawn next. @param {number} index */
export function setClass(index) {
  if (!classes().some(([row]) => row === index)) return;
  state.drawnClass = index;
  const things = selected().filter((thing) => thing.class !== index);
  if (things.length) {
    perform(`change class of ${counted(things.length, "object")}`, things, things.map((thing) => (
      { ...thing, class: index, state: thing.state === "drawn" ? "drawn" : "accepted" })));
  }
  announce(`${things.length ? counted(things.length, "object") : "Next drawn object"}: ${className(index)}`);
  emit("tool");
}

/** @param {"undo"|"redo"} which */
function history(which) {
  const open = state.document;
  const command = open?.[which]();
  if (!open || !command) return announce(`Nothing to ${which}.`);
  changed(open);
  select((which === "undo" ? command.before : command.after).map((thing) => thing.id).filter((id) => open.find(id)));
  announce(`${which === "undo" ? "Undone" : "Done again"}: ${command.words}.`);
}

/** Offer what was found here below the threshold. @param {number} x @param {number} y */
export function offerAt(x, y) {
  offer(state.document?.candidateAt(x, y) ?? null);
  if (!state.offered && state.document && x >= 0 && y >= 0 && x < state.document.entry.width && y < state.document.entry.height) {
    emit("nothing-here");
  }
}

/** @param {Thing|null} thing */
function offer(thing) {
  state.offered = thing;
  emit("offer");
  if (thing) announce(`Below the threshold: ${className(thing.class)}, score ${(thing.score ?? 0).toFixed(2)}. Enter takes it.`);
}

/** Go through what is below the threshold, best first. */
function offerNext() {
  const below = (state.document?.open() ?? []).filter((thing) => (thing.score ?? 0) < state.view.threshold)
    .sort((a, b) => (b.score ?? 0) - (a.score ?? 0));
  if (!below.length) return announce("Nothing was found below the threshold.");
  const at = state.offered ? below.indexOf(state.offered) + 1 : 0;
  const thing = below[at % below.length];
  reveal(thing);
  offer(thing);
}

function take() {
  const thing = state.offered;
  if (!thing) return;
  offer(null);
  perform("take an object from below the threshold", [], [{ ...thing, state: "accepted" }]);
  select([thing.id]);
  announce("Taken.");
}

function cancel() {
  if (drawing.cancel()) return announce("Given up.");
  if (state.offered) return offer(null);
  if (state.tool !== "select") return choose("select");
  select([]);
}

/** @param {number} step */
function beside(step) {
  const all = state.document?.shown() ?? [];
  if (!all.length) return;
  const ids = orderOf(all);
  const last = [...state.selection].pop();
  const at = last === undefined ? (step > 0 ? -1 : 0) : ids.indexOf(last);
  select([ids[(at + step + ids.length) % ids.length]], { reveal: true });
}

/** The order of the table, where there is one. @type {(things: Thing[]) => string[]} */
let orderOf = (things) => things.map((thing) => thing.id);
/** @param {(things: Thing[]) => string[]} order */
export const followOrder = (order) => { orderOf = order; };

/** @param {number} step */
function moveThreshold(step) {
  state.view.threshold = Math.round(Math.max(0.05, Math.min(1, state.view.threshold + step)) * 100) / 100;
  emit("view");
  emit("threshold");
  announce(`Threshold ${state.view.threshold.toFixed(2)}: ${counted(state.document?.shown().length ?? 0, "object")}`);
}

/** @param {"shown"|"lines"|"ids"} name @param {string} words */
function toggle(name, words) {
  state.view[name] = !state.view[name];
  emit("view");
  announce(`${words} ${state.view[name] ? "shown" : "hidden"}.`);
}

/** @param {"objects"|"teach"} name */
export function showTab(name) {
  for (const other of ["objects", "teach"]) {
    const tab = document.getElementById(`tab-${other}`);
    tab?.setAttribute("aria-selected", String(other === name));
    if (tab) tab.tabIndex = other === name ? 0 : -1;
    document.getElementById(`panel-${other}`)?.toggleAttribute("hidden", other !== name);
  }
  emit("tab", name);
}

/** @param {string} id */
const focus = (id) => document.getElementById(id)?.focus();

/** @type {Record<string, Action>} */
export const ACTIONS = {
  "tool-select": { words: "Select and move", group: "Tools", keys: ["v"], run: () => choose("select") },
  "tool-polygon": { words: "Draw an outline by corners", group: "Tools", keys: ["p"], run: () => choose("polygon"), can: hasImage },
  "tool-freehand": { words: "Draw an outline by hand", group: "Tools", keys: ["f"], run: () => choose("freehand"), can: hasImage },
  "tool-split": { words: "Split an object by a line", group: "Tools", keys: ["s"], run: () => choose("split"), can: hasImage },
  redraw: { words: "Redraw the selected object", group: "Tools", keys: ["r"], run: redraw, can: () => selected().length === 1 },
  finish: { words: "Close the outline, end the line", group: "Tools", keys: ["Enter"], run: drawing.finish, can: drawing.isBusy },
  cancel: { words: "Give up, or select nothing", group: "Tools", keys: ["Escape"], run: cancel },
  delete: { words: "Delete", group: "Correct", keys: ["Delete", "Backspace", "x"], run: remove, can: hasSelection },
  accept: { words: "Accept", group: "Correct", keys: ["a"], run: () => acceptThese(selected()), can: hasSelection },
  "accept-all": { words: "Accept all that are shown", group: "Correct", keys: ["Shift+A"], run: () => acceptThese(state.document?.shown() ?? []), can: hasImage },
  merge: { words: "Merge the selected into one", group: "Correct", keys: ["m"], run: merge, can: () => selected().length > 1 },
  take: { words: "Take what is offered", group: "Correct", keys: ["Enter"], run: take, can: () => Boolean(state.offered) },
  "offer-next": { words: "Offer the next below the threshold", group: "Correct", keys: ["q"], run: offerNext, can: hasImage },
  "class-list": { words: "Choose a class", group: "Correct", keys: ["c"], run: () => { showTab("objects"); focus("class"); }, can: () => classes().length > 1 },
  "add-class": { words: "Add a class", group: "Correct", keys: ["Shift+C"], run: () => { showTab("objects"); openNewClass(setClass); }, can: () => Boolean(state.project) },
  "edit-classes": { words: "Rename or remove a class", group: "Correct", keys: ["Shift+E"], run: () => { showTab("objects"); openEditClasses(); }, can: () => Boolean(state.project) },
  undo: { words: "Undo", group: "Correct", keys: ["Ctrl+Z", "z"], run: () => history("undo"), can: () => Boolean(state.document?.past.length) },
  redo: { words: "Redo", group: "Correct", keys: ["Ctrl+Shift+Z", "Ctrl+Y", "y"], run: () => history("redo"), can: () => Boolean(state.document?.future.length) },
  "next-object": { words: "Next object", group: "Objects", keys: ["j"], run: () => beside(1), can: hasImage },
  "last-object": { words: "Object before", group: "Objects", keys: ["k"], run: () => beside(-1), can: hasImage },
  "select-all": { words: "Select all", group: "Objects", keys: ["Ctrl+A"], run: () => select(state.document?.shown().map((thing) => thing.id) ?? []), can: hasImage },
  "threshold-down": { words: "Lower the threshold", group: "Objects", keys: ["["], run: () => moveThreshold(-0.05) },
  "threshold-up": { words: "Raise the threshold", group: "Objects", keys: ["]"], run: () => moveThreshold(0.05) },
  objects: { words: "Objects on and off", group: "Objects", keys: ["h"], run: () => toggle("shown", "Objects") },
  outlines: { words: "Outlines on and off", group: "Objects", keys: ["o"], run: () => toggle("lines", "Outlines") },
  ids: { words: "Ids on and off", group: "Objects", keys: ["i"], run: () => toggle("ids", "Ids") },
  "zoom-in": { words: "Zoom in", group: "Image", keys: ["+", "="], run: () => zoomBy(1.4), can: () => Boolean(state.entry) },
  "zoom-out": { words: "Zoom out", group: "Image", keys: ["-"], run: () => zoomBy(1 / 1.4), can: () => Boolean(state.entry) },
  fit: { words: "Whole image", group: "Image", keys: ["0"], run: fit, can: () => Boolean(state.entry) },
  "actual-size": { words: "Pixel for pixel", group: "Image", keys: ["Shift+0"], run: actualSize, can: () => Boolean(state.entry) },
  "next-image": { words: "Next image", group: "Image", keys: ["n", "PageDown"], run: () => openBeside(1) },
  "last-image": { words: "Image before", group: "Image", keys: ["b", "PageUp"], run: () => openBeside(-1) },
  done: { words: "Image is done, open the next", group: "Image", keys: ["d"], run: done, can: hasImage },
  suggested: { words: "Open the suggested image", group: "Image", keys: ["u"], run: openSuggested },
  add: { words: "Add images", group: "Page", keys: ["Shift+N"], run: addFiles },
  download: { words: "Download", group: "Page", keys: ["g"], run: openDownload },
  save: { words: "Save now", group: "Page", keys: ["Ctrl+S"], run: async () => { announce((await saveAll()) ? "All is saved." : "Not everything is saved."); } },
  "tab-objects": { words: "Panel of objects", group: "Page", keys: ["l"], run: () => { showTab("objects"); focus("table-rows"); } },
  "tab-teach": { words: "Panel of teaching", group: "Page", keys: ["t"], run: () => { showTab("teach"); focus("panel-teach"); } },
  "to-images": { words: "To the list of images", group: "Page", keys: ["e"], run: () => focus("images") },
  "to-stage": { words: "To the image", group: "Page", keys: ["w"], run: () => focus("stage") },
  "plain-look": { words: "Reset how it looks", group: "Page", keys: ["Shift+R"], run: () => {
    Object.assign(state.view, { opacity: 0.22, brightness: 1, contrast: 1, colours: "object", shown: true, lines: true, ids: false });
    emit("view");
  } },
  "auto-look": { words: "Brighten a dark image", group: "Image", keys: ["Shift+B"], run: brighten, can: () => Boolean(state.entry) },
  help: { words: "This help", group: "Page", keys: ["?", "F1"], run: openHelp },
};

/** Run an action if it is possible now. @param {string} name @returns {boolean} */
export function run(name) {
  const action = ACTIONS[name];
  if (!action || (action.can && !action.can())) return false;
  action.run();
  return true;
}

/** Say why a key did nothing. @param {string} name */
export function refuse(name) {
  const { words } = ACTIONS[name];
  const need = { merge: "Select two objects or more first (Shift and click).", redraw: "Select one object first." }[name]
    ?? "Select an object first.";
  if (["delete", "accept", "merge", "redraw"].includes(name) && state.document) toast(`${words}: ${need}`);
}
