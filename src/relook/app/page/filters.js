// Filters and looks: threshold with the scores of the image, classes, fill, outlines, ids, brightness.
import { setClass } from "./actions.js";
import { announce, element } from "./announce.js";
import { remember, remembered } from "./memory.js";
import { classColour } from "./painter.js";
import { classes, className, counted, emit, on, selected, state } from "./state.js";

const BINS = 38;
const SVG = "http://www.w3.org/2000/svg";
const byId = (/** @type {string} */ id) => /** @type {any} */ (document.getElementById(id));
const KEPT = ["opacity", "colours", "lines", "ids"]; // of the view, for the next visit

function scores() {
  const open = state.document;
  const all = open ? [...open.objects, ...open.open()].filter((thing) => thing.score !== null) : [];
  const bins = new Array(BINS).fill(0);
  for (const { score } of all) bins[Math.max(0, Math.min(BINS - 1, Math.floor((((score ?? 0) - 0.05) / 0.95) * BINS)))]++;
  const most = Math.max(1, ...bins);
  const svg = byId("scores");
  svg.setAttribute("viewBox", `0 0 ${BINS * 4} 40`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.replaceChildren(...bins.map((count, index) => {
    const bar = document.createElementNS(SVG, "rect");
    const height = count ? Math.max(2, (Math.sqrt(count) / Math.sqrt(most)) * 38) : 0;
    bar.setAttribute("x", String(index * 4));
    bar.setAttribute("y", String(40 - height));
    bar.setAttribute("width", "3");
    bar.setAttribute("height", String(height));
    if (0.05 + ((index + 0.5) * 0.95) / BINS >= state.view.threshold) bar.setAttribute("class", "over");
    return bar;
  }));
  const below = open?.open().filter((thing) => (thing.score ?? 0) < state.view.threshold).length ?? 0;
  svg.setAttribute("aria-label", `Scores: ${counted(all.length, "object")} from 0.05, ${below} below the threshold.`);
}

function classList() {
  const list = byId("classes");
  const all = classes();
  const open = state.document;
  const every = open?.everything() ?? [];
  /** @type {Map<number, number>} */ const counts = new Map();
  for (const thing of every) counts.set(thing.class, (counts.get(thing.class) ?? 0) + 1);
  const next = all.length > 1 ? [state.drawnClass] : []; // of the object that is drawn next
  for (const index of [...state.view.hidden, ...next]) if (!counts.has(index)) counts.set(index, 0);
  const rows = [...counts].sort((a, b) => a[0] - b[0]).map(([index, count]) => {
    const label = element("label");
    const box = document.createElement("input");
    box.type = "checkbox";
    box.checked = !state.view.hidden.has(index);
    box.dataset.class = String(index);
    box.addEventListener("change", () => {
      if (box.checked) state.view.hidden.delete(index);
      else state.view.hidden.add(index);
      emit("view");
      announce(`${className(index)} ${box.checked ? "shown" : "hidden"}: ${counted(open?.shown().length ?? 0, "object")}`);
    });
    const swatch = element("span", "swatch");
    swatch.style.background = classColour(index);
    swatch.hidden = state.view.colours !== "class";
    const digit = index < 9 && all.length > 1 ? element("kbd", "", String(index + 1)) : "";
    label.append(box, swatch, element("span", "label", className(index)), element("span", "number", count.toLocaleString("en")), digit);
    return label;
  });
  const focused = /** @type {HTMLElement|null} */ (document.activeElement)?.dataset.class;
  list.replaceChildren(...rows);
  if (focused) list.querySelector(`[data-class="${focused}"]`)?.focus();
}

function totals() {
  const open = state.document;
  const shown = open?.shown() ?? [];
  byId("total").textContent = shown.length.toLocaleString("en");
  const parts = [];
  const count = (/** @type {string} */ how) => shown.filter((thing) => thing.state === how).length;
  if (count("accepted")) parts.push(`${count("accepted").toLocaleString("en")} accepted`);
  if (count("drawn")) parts.push(`${count("drawn").toLocaleString("en")} drawn`);
  const hidden = open ? open.objects.length + open.above().length - shown.length : 0;
  if (hidden > 0) parts.push(`${hidden.toLocaleString("en")} filtered out`);
  byId("total-words").textContent = `object${shown.length === 1 ? "" : "s"} shown`;
  byId("details").textContent = parts.join(" · ") || (shown.length ? "as found" : "");
}

function chosen() {
  const things = selected();
  const area = things.reduce((sum, thing) => sum + thing.area, 0);
  byId("chosen-words").textContent = things.length
    ? `${things.length.toLocaleString("en")} selected · ${Math.round(area).toLocaleString("en")} px²` : "Nothing is selected.";
  const all = classes();
  const field = byId("class");
  const key = JSON.stringify(all);
  if (field.dataset.of !== key) {
    field.dataset.of = key;
    field.replaceChildren(...all.map(([index, name]) => new Option(name, String(index))));
  }
  byId("class-of").hidden = all.length < 2;
  field.value = String(things[0]?.class ?? state.drawnClass);
}

function controls() {
  const { view } = state;
  byId("threshold").value = String(view.threshold);
  byId("threshold-words").textContent = view.threshold.toFixed(2);
  for (const name of ["opacity", "brightness", "contrast", "colours"]) byId(name).value = String(view[/** @type {"opacity"} */ (name)]);
  for (const name of ["shown", "lines", "ids"]) byId(name).checked = view[/** @type {"ids"} */ (name)];
  remember("view", Object.fromEntries(KEPT.map((name) => [name, view[/** @type {"ids"} */ (name)]])));
}

function refresh() {
  scores();
  classList();
  totals();
  chosen();
}

export function startFilters() {
  Object.assign(state.view, remembered("view"));
  byId("threshold").addEventListener("input", () => {
    state.view.threshold = Number(byId("threshold").value);
    emit("view");
  });
  byId("threshold").addEventListener("change", () => {
    emit("threshold");
    announce(counted(state.document?.shown().length ?? 0, "object"));
  });
  for (const name of ["opacity", "brightness", "contrast"]) {
    byId(name).addEventListener("input", () => {
      /** @type {any} */ (state.view)[name] = Number(byId(name).value);
      emit("view");
    });
  }
  byId("colours").addEventListener("change", () => emit("view", state.view.colours = byId("colours").value));
  for (const name of ["shown", "lines", "ids"]) {
    byId(name).addEventListener("change", () => emit("view", /** @type {any} */ (state.view)[name] = byId(name).checked));
  }
  byId("class").addEventListener("change", () => setClass(Number(byId("class").value)));
  on("view", controls);
  on("view objects document", refresh);
  on("selection tool project", chosen);
  on("project", controls);
  on("tool project", classList);
  refresh();
}
