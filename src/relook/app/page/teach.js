// The panel that teaches: what it learns from, how it goes, scores before and after, the new model.
import { showTab } from "./actions.js";
import { announce, complain, element, toast } from "./announce.js";
import { get, send } from "./api.js";
import { drawLosses } from "./chart.js";
import { fetchImages, fetchSuggestion, useModel } from "./images.js";
import { saveAll } from "./saving.js";
import { counted, emit, on, state } from "./state.js";

const panel = /** @type {HTMLElement} */ (document.getElementById("panel-teach"));
const badge = /** @type {HTMLElement} */ (document.getElementById("teach-badge"));
const RUNNING = ["preparing", "training", "measuring"];
const NAMES = { mask_ap: "mask AP", mask_ap50: "mask AP50", box_ap: "box AP", box_ap50: "box AP50", f1: "F1" };
/** @type {any} what the server says */ let teaching = { state: "idle" };
let minutes = "5";
let timer = 0;
let drawn = "";
let isPrepared = false;
/** @type {number} the most seconds that were left of this training */ let longest = 0;

const corrected = () => state.images.filter((entry) => ["corrected", "done"].includes(entry.status));

/** @param {number|null|undefined} seconds */
function timeWords(seconds) {
  if (seconds === null || seconds === undefined) return "";
  if (seconds < 90) return `about ${Math.max(1, Math.round(seconds))} seconds left`;
  return `about ${Math.round(seconds / 60)} minutes left`;
}

async function start() {
  try {
    if (!(await saveAll())) return toast("Some corrections are not saved yet. Teaching begins with what is saved, so try again when they are.", "bad");
    const ids = corrected().map(({ id }) => id);
    longest = 0;
    teaching = await send("POST", "/api/teach", { ids, minutes: Number(minutes), steps: null, model: state.model });
    announce("Teaching begins.");
  } catch (error) { complain(error); }
  refresh();
  poll();
}

/** Have the server import what teaching needs while the panel is looked at: it begins the sooner. */
function prepare() {
  if (panel.hidden || isPrepared || !corrected().length || RUNNING.includes(teaching.state)) return;
  isPrepared = true;
  send("POST", "/api/teach/standby").catch(() => {}); // it begins without it too
}

async function stop() {
  try { teaching = await send("DELETE", "/api/teach"); } catch (error) { complain(error); }
  refresh();
}

/** Ask how it goes while it goes. */
async function poll() {
  clearTimeout(timer);
  const before = teaching.state;
  try { teaching = await get("/api/teach"); } catch { /* asked again below */ }
  if (RUNNING.includes(before) && !RUNNING.includes(teaching.state)) await finished();
  refresh();
  if (RUNNING.includes(teaching.state)) timer = window.setTimeout(poll, teaching.state === "training" ? 1000 : 400);
}

async function finished() {
  if (teaching.state === "failed") toast(`Teaching failed.\n${teaching.message}`, "bad");
  if (teaching.model) toast(`The model ${teaching.model} is ready.`);
  else if (teaching.state === "stopped") toast("Teaching was stopped.");
  state.project = await get("/api/project").catch(() => state.project);
  emit("project");
  fetchImages().catch(() => {});
  fetchSuggestion();
}

/** What stands there before anything was taught. */
function invitation() {
  const count = corrected().length;
  const parts = [];
  if (!count) {
    const note = element("div", "note");
    note.append(element("p", "", "Correct an image first, then the model can learn from it. One is enough to begin; four or eight help more."));
    parts.push(note);
  }
  const row = element("div", "row");
  const label = element("label", "", "Time ");
  const field = document.createElement("select");
  field.id = "minutes";
  for (const value of ["2", "5", "15", "30", "60"]) field.append(new Option(`${value} minutes`, value, false, value === minutes));
  field.addEventListener("change", () => { minutes = field.value; });
  label.append(field);
  const go = /** @type {HTMLButtonElement} */ (element("button", "primary", "Learn from my corrections"));
  go.id = "learn";
  go.disabled = !count;
  go.addEventListener("click", start);
  row.append(label, go);
  const words = count ? `Learns from ${counted(count, "corrected image")}, starting from ${state.model}. From five on, a fifth of them measures the new model and is not learned from. You can go on correcting meanwhile.` : "";
  if (words) parts.push(element("p", "muted", words));
  parts.push(row);
  return parts;
}

/** The part of the training that is over, 0 to 1; null where nobody knows. @returns {number|null} */
function part() {
  if (teaching.state !== "training") return null;
  if (teaching.steps) return teaching.step / teaching.steps;
  if (typeof teaching.seconds_left !== "number") return null;
  longest = Math.max(longest, teaching.seconds_left, 1);
  return 1 - teaching.seconds_left / longest;
}

function progress() {
  const words = { preparing: "Preparing", training: "Learning", measuring: "Measuring the new model" }[/** @type {"training"} */ (teaching.state)];
  const head = element("p");
  head.append(element("strong", "", words), teaching.step ? ` · step ${teaching.step}${teaching.steps ? ` of ${teaching.steps}` : ""}` : "");
  const bar = document.createElement("progress");
  bar.setAttribute("aria-label", "Progress of teaching");
  const over = part();
  if (over !== null) bar.value = over;
  const row = element("div", "row");
  const end = element("button", "", "Stop");
  end.id = "stop-teaching";
  end.addEventListener("click", stop);
  row.append(element("span", "muted", [timeWords(teaching.seconds_left), teaching.message].filter(Boolean).join(" · ")), element("span", "gap"), end);
  return [head, bar, row];
}

function outcome() {
  const { state: how, message, model, before, after } = teaching;
  const parts = [];
  if (how === "failed" || (how === "stopped" && !model)) {
    const note = element("div", `note ${how === "failed" ? "bad" : ""}`);
    note.append(element("strong", "", how === "failed" ? "Teaching failed" : "Stopped"), element("p", "", message || "Nothing was kept."));
    parts.push(note);
  }
  if (!model) return parts;
  const isWorse = typeof before?.mask_ap === "number" && typeof after?.mask_ap === "number" && after.mask_ap < before.mask_ap - 0.005;
  const note = element("div", `note ${isWorse ? "bad" : "good"}`);
  note.append(element("strong", "", `New model: ${model}`));
  if (isWorse) note.append(element("p", "", "It is worse than the model before on the images that measure. Correct more images or give it more time before you use it."));
  if (message) note.append(element("p", "muted", message));
  const use = /** @type {HTMLButtonElement} */ (element("button", isWorse ? "small" : "primary small", state.model === model ? "In use" : `Use ${model}`));
  use.id = "use-model";
  use.disabled = state.model === model;
  use.addEventListener("click", () => {
    useModel(model);
    showTab("objects");
  });
  parts.push(note);
  if (before && after) parts.push(scores(before, after));
  note.append(element("p"), use);
  return parts;
}

/** @param {Record<string, number>} before @param {Record<string, number>} after */
function scores(before, after) {
  const table = document.createElement("table");
  table.append(element("caption", "unseen", "Scores before and after"));
  const head = table.createTHead().insertRow();
  for (const words of ["score", "before", "after", "change"]) {
    const cell = document.createElement("th");
    Object.assign(cell, { scope: "col", textContent: words });
    head.append(cell);
  }
  const body = table.createTBody();
  for (const name of Object.keys(NAMES)) {
    const [old, now] = [before[name], after[name]];
    if (typeof (old ?? now) !== "number") continue;
    const row = body.insertRow();
    const title = document.createElement("th");
    Object.assign(title, { scope: "row", textContent: NAMES[/** @type {"box_ap"} */ (name)] ?? name.replaceAll("_", " ") });
    row.append(title);
    const words = (/** @type {number|undefined} */ value) => (typeof value === "number" ? value.toFixed(3) : "–");
    row.insertCell().textContent = words(old);
    row.insertCell().textContent = words(now);
    const change = row.insertCell();
    const by = (now ?? NaN) - (old ?? NaN);
    change.textContent = Number.isFinite(by) ? `${by >= 0 ? "+" : "−"}${Math.abs(by).toFixed(3)}` : "";
    change.className = by > 0.0005 ? "up" : by < -0.0005 ? "down" : "";
  }
  return table;
}

/** Pictures of images that measure: those of the old model, then those of the new one. @param {string[]} addresses @param {boolean} hasBoth */
function pictures(addresses, hasBoth) {
  const grid = element("div", "pictures");
  const half = hasBoth ? addresses.length / 2 : addresses.length;
  const order = addresses.map((_, index) => (hasBoth ? (index % 2) * half + Math.floor(index / 2) : index));
  for (const index of order) {
    if (!addresses[index].startsWith("/api/teach/pictures/")) continue;
    const figure = element("figure");
    const picture = document.createElement("img");
    const when = index < half ? "before" : "after";
    Object.assign(picture, { src: `${addresses[index]}?${teaching.model ?? teaching.state}`, alt: `Image ${(index % half) + 1}: annotated, and found ${when} teaching` });
    figure.append(picture, element("figcaption", "muted", when));
    grid.append(figure);
  }
  return grid;
}

function refresh() {
  const isRunning = RUNNING.includes(teaching.state);
  badge.hidden = !isRunning && !(teaching.model && teaching.model !== state.model);
  badge.textContent = !isRunning ? "new" : part() === null ? "…" : `${Math.round(100 * (part() ?? 0))} %`;
  const key = JSON.stringify([teaching, corrected().length, state.model]);
  if (key === drawn || panel.hidden) return;
  drawn = key;
  const focused = panel.contains(document.activeElement) ? document.activeElement?.id : "";
  const body = element("div", "teach");
  if (isRunning) body.append(...progress());
  else body.append(...outcome(), ...invitation());
  if (teaching.losses?.length) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("class", "chart");
    drawLosses(svg, teaching.losses, teaching.steps);
    body.append(element("h2", "", "Loss"), svg);
  }
  if (teaching.pictures?.length) body.append(element("h2", "", "Images that measure"), pictures(teaching.pictures, Boolean(teaching.after)));
  panel.replaceChildren(body);
  if (focused) document.getElementById(focused)?.focus();
}

export function startTeach() {
  on("images project tab document", refresh);
  on("tab", () => { isPrepared = false; });
  on("images tab", prepare);
  on("connection", () => { if (state.connected) poll(); });
  poll();
}
