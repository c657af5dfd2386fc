// The table of objects: sorts, follows the selection, and holds thousands.
import { followOrder } from "./actions.js";
import { announce, element } from "./announce.js";
import { wordsOn } from "./gestures.js";
import { colourOf } from "./painter.js";
import { classes, className, emit, on, select, state } from "./state.js";
import { reveal } from "./viewer.js";
import { VirtualList } from "./virtual_list.js";

/** @typedef {import("./state.js").Thing} Thing */

/** @type {[string, string, (thing: Thing) => string|number][]} name, words, what it is sorted by */
const COLUMNS = [
  ["id", "Id", (thing) => thing.id],
  ["class", "Class", (thing) => className(thing.class)],
  ["score", "Score", (thing) => thing.score ?? 2],
  ["area", "Size", (thing) => thing.area],
  ["state", "State", (thing) => thing.state],
];
const WORDS = { predicted: "found", accepted: "accepted", drawn: "drawn" };
const sorting = { column: "score", down: true };
/** @type {Thing[]} */ let rows = [];
/** @type {number} where a selection with Shift began */ let anchor = -1;
/** @type {VirtualList<Thing>} */ let list;
const host = /** @type {HTMLElement} */ (document.getElementById("table"));
const empty = element("p", "table-empty");

/** @param {Thing[]} things @returns {Thing[]} */
function sorted(things) {
  const by = COLUMNS.find(([name]) => name === sorting.column)?.[2] ?? ((thing) => thing.id);
  const sign = sorting.down ? -1 : 1;
  const compare = (/** @type {string|number} */ a, /** @type {string|number} */ b) =>
    typeof a === "number" ? a - Number(b) : String(a).localeCompare(String(b), "en", { numeric: true });
  return things.map((thing) => ({ thing, key: by(thing) }))
    .sort((a, b) => sign * compare(a.key, b.key)).map(({ thing }) => thing);
}

function header() {
  const row = element("div", "header");
  row.setAttribute("role", "row");
  for (const [name, words] of COLUMNS) {
    const cell = element("div", name === "class" ? "class" : ["score", "area"].includes(name) ? "right" : "");
    cell.setAttribute("role", "columnheader");
    const button = element("button");
    button.addEventListener("click", () => {
      sorting.down = sorting.column === name ? !sorting.down : ["score", "area"].includes(name);
      sorting.column = name;
      refresh();
      announce(`Sorted by ${words.toLowerCase()}, ${sorting.down ? "downwards" : "upwards"}.`);
    });
    cell.dataset.column = name;
    cell.append(button);
    row.append(cell);
  }
  return row;
}

function showSorting() {
  for (const cell of /** @type {NodeListOf<HTMLElement>} */ (host.querySelectorAll("[data-column]"))) {
    const is = cell.dataset.column === sorting.column;
    cell.setAttribute("aria-sort", is ? (sorting.down ? "descending" : "ascending") : "none");
    const words = COLUMNS.find(([name]) => name === cell.dataset.column)?.[1] ?? "";
    /** @type {HTMLElement} */ (cell.firstElementChild).textContent = is ? `${words} ${sorting.down ? "↓" : "↑"}` : words;
  }
}

function make() {
  const row = element("div", "object-row");
  row.setAttribute("role", "row");
  for (const [name] of COLUMNS) {
    const cell = element("span", ["id", "class"].includes(name) ? name : ["score", "area"].includes(name) ? "right" : "");
    cell.setAttribute("role", "gridcell");
    if (name === "id") cell.append(element("span", "swatch"), element("span"));
    row.append(cell);
  }
  return row;
}

/** @param {HTMLElement} row @param {Thing} thing @param {number} index */
function fill(row, thing, index) {
  const [id, name, score, area, how] = row.children;
  /** @type {HTMLElement} */ (id.children[0]).style.background = colourOf(thing, state.view.colours);
  id.children[1].textContent = thing.id;
  name.textContent = className(thing.class);
  score.textContent = thing.score === null ? "–" : thing.score.toFixed(2);
  area.textContent = Math.round(thing.area).toLocaleString("en");
  how.textContent = WORDS[thing.state];
  row.setAttribute("aria-rowindex", String(index + 2));
  row.setAttribute("aria-selected", String(state.selection.has(thing.id)));
  row.classList.toggle("hovered", state.hovered?.id === thing.id);
  row.title = `${thing.id}: ${wordsOn(thing)}`;
}

/** @param {number} index @param {KeyboardEvent|MouseEvent} event */
function move(index, event) {
  const id = rows[index].id;
  let ids = new Set([id]);
  if (event.shiftKey && anchor >= 0) {
    const [from, to] = [Math.min(anchor, index), Math.max(anchor, index)];
    ids = new Set(rows.slice(from, to + 1).map((thing) => thing.id));
  } else if (event.ctrlKey || event.metaKey) {
    ids = new Set(state.selection);
    if (!ids.delete(id)) ids.add(id);
    anchor = index;
  } else anchor = index;
  list.activate(index);
  select(ids, { from: "table", reveal: true });
  reveal(rows[index]);
}

function refresh() {
  rows = sorted(state.document?.shown() ?? []);
  list.set(rows);
  showSorting();
  host.toggleAttribute("data-single", classes().length < 2);
  list.host.setAttribute("aria-rowcount", String(rows.length + 1));
  empty.hidden = rows.length > 0;
  empty.textContent = state.document ? "No object to list. Lower the threshold, show a class, or draw one." : "Objects of the open image are listed here.";
  follow();
}

/** @param {{reveal?: boolean, from?: string}} [how] */
function follow(how = {}) {
  const last = [...state.selection].pop();
  const index = last === undefined ? -1 : rows.findIndex((thing) => thing.id === last);
  if (how.from === "table" && state.selection.has(rows[list.active]?.id)) list.refresh();
  else {
    list.activate(index);
    anchor = index;
  }
  if (how.reveal && how.from !== "table" && index >= 0) reveal(rows[index]);
}

export function startTable() {
  const grid = element("div", "grid-host");
  const body = element("div", "scroll");
  body.id = "table-rows";
  body.tabIndex = 0;
  body.setAttribute("role", "grid");
  body.setAttribute("aria-label", "Objects of this image");
  body.setAttribute("aria-multiselectable", "true");
  body.append(header());
  grid.append(body);
  host.append(grid);
  list = new VirtualList(body, { height: 28, head: 31, make, fill, move });
  body.append(empty);
  list.spacer.setAttribute("role", "rowgroup");
  followOrder((things) => sorted(things).map((thing) => thing.id));
  body.addEventListener("mousemove", (event) => {
    const thing = rows[list.indexOf(event.target)] ?? null;
    if (thing !== state.hovered) emit("hover", state.hovered = thing);
  });
  body.addEventListener("mouseleave", () => emit("hover", state.hovered = null));
  on("objects view document project", refresh);
  on("selection", follow);
  on("hover", () => list.refresh());
  refresh();
}
