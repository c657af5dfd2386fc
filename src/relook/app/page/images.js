// The list of images at the left; one is opened, and its objects are fetched.
import { announce, element, toast } from "./announce.js";
import { ask, get, Gone, objectsOf, wordsOf } from "./api.js";
import { dismissedOf, isUnsaved, restoreDraft, save } from "./saving.js";
import { changed, counted, Document, emit, on, select, state } from "./state.js";
import { showPicture } from "./viewer.js";
import { VirtualList } from "./virtual_list.js";

/** @typedef {import("./state.js").Entry} Entry */

const KEPT = 12; // documents in memory, with what can be undone
/** @type {Map<number, Document>} the last used at the end */
const documents = new Map();
/** @type {VirtualList<Entry>} */ let list;
let resting = 0;
let again = 0;
let isOtherModel = false; // whose own threshold comes with its first objects
/** @type {AbortController|null} */ let opening = null;
/** @type {{id: number|null, reason: string, waiting?: boolean}} */ let suggestion = { id: null, reason: "" };
const byId = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** @param {Entry} entry @returns {string} */
function statusWords(entry) {
  const count = entry.objects === null ? "" : entry.objects.toLocaleString("en");
  if (entry.status === "unreadable") return "cannot be read";
  if (entry.status === "done") return `${count} · done`;
  if (entry.status === "corrected") return `${count} · corrected`;
  return entry.status === "predicted" && entry.objects !== null ? counted(entry.objects, "object") : "not opened";
}

function make() {
  const row = element("div", "image-row");
  row.setAttribute("role", "option");
  const picture = document.createElement("img");
  picture.className = "thumb";
  picture.alt = "";
  picture.loading = "lazy";
  picture.addEventListener("error", () => picture.removeAttribute("src"));
  const words = element("div", "unsized");
  words.append(element("div", "name"), element("div", "state"));
  row.append(picture, words, element("span", "tick"));
  return row;
}

/** @param {HTMLElement} row @param {Entry} entry @param {number} index */
function fill(row, entry, index) {
  const picture = /** @type {HTMLImageElement} */ (row.children[0]);
  const source = entry.status === "unreadable" ? "" : `/api/images/${entry.id}/thumbnail.png`;
  if ((picture.getAttribute("src") ?? "") !== source && picture.dataset.of !== source) {
    picture.dataset.of = source;
    if (source) picture.src = source;
    else picture.removeAttribute("src");
  }
  row.children[1].children[0].textContent = entry.name;
  row.children[1].children[1].textContent = statusWords(entry);
  row.children[2].textContent = entry.status === "done" ? "✓" : "";
  row.dataset.status = entry.status;
  row.title = entry.message ? `${entry.name}\n${entry.message}` : entry.name;
  row.setAttribute("aria-selected", String(state.entry?.id === entry.id));
  row.setAttribute("aria-posinset", String(index + 1));
  row.setAttribute("aria-setsize", String(state.images.length));
}

function refresh() {
  list.set(state.images);
  const finished = state.images.filter((entry) => entry.status === "done").length;
  byId("images-count").textContent = state.images.length
    ? `${finished ? `${finished.toLocaleString("en")}/` : ""}${state.images.length.toLocaleString("en")}${finished ? " done" : ""}` : "";
  byId("images-nothing").hidden = state.images.length > 0;
  byId("images").hidden = state.images.length === 0;
  showSuggestion();
}

/** Fetch the list anew; entries that are known stay the same values. */
export async function fetchImages() {
  const known = new Map(state.images.map((entry) => [entry.id, entry]));
  const fresh = await get("/api/images");
  state.images = fresh.map((/** @type {Entry} */ entry) => {
    const old = known.get(entry.id);
    const isChanged = documents.get(entry.id)?.isDirty;
    return old ? Object.assign(old, isChanged ? {} : entry) : entry;
  });
  emit("images");
}

/** Ask which image is worth correcting next. */
export async function fetchSuggestion() {
  clearTimeout(again);
  try {
    suggestion = await get(`/api/suggestion?model=${encodeURIComponent(state.model)}`);
    if (suggestion.waiting) again = window.setTimeout(fetchSuggestion, 4000);
  } catch { suggestion = { id: null, reason: "" }; }
  showSuggestion();
}

function showSuggestion() {
  const entry = state.images.find(({ id }) => id === suggestion.id);
  byId("suggestion").hidden = !entry || entry.id === state.entry?.id;
  byId("suggestion-name").textContent = entry?.name ?? "";
  byId("suggestion-reason").textContent = suggestion.reason;
}

export function openSuggested() {
  if (suggestion.id !== null && suggestion.id !== state.entry?.id) return openImage(suggestion.id);
  toast(suggestion.reason || "No image is suggested now.");
}

/** @param {number} step */
export function openBeside(step) {
  const at = state.images.findIndex((entry) => entry.id === state.entry?.id);
  const entry = state.images[at + step];
  if (entry) openImage(entry.id);
  else announce(step > 0 ? "This is the last image." : "This is the first image.");
}

/** Mark the open image as done and open the next; or take the mark back. */
export async function done() {
  const open = state.document;
  if (!open) return;
  open.done = !open.done;
  open.version++;
  changed(open);
  save(open);
  announce(open.done ? "Done." : "Not done any more.");
  if (!open.done) return;
  await fetchSuggestion();
  const isOpen = (/** @type {Entry} */ entry) => !["done", "unreadable"].includes(entry.status) && entry.id !== open.entry.id;
  const at = state.images.indexOf(open.entry);
  const next = state.images.find((entry) => entry.id === suggestion.id && isOpen(entry))
    ?? state.images.slice(at + 1).find(isOpen) ?? state.images.find(isOpen);
  if (next) openImage(next.id);
  else toast("Every image is done. Download the result, or teach the model with it (T).");
}

/** Open an image: its pixels, then its objects. @param {number} id */
export async function openImage(id) {
  const entry = state.images.find((each) => each.id === id);
  if (!entry) return;
  opening?.abort();
  const mine = opening = new AbortController();
  Object.assign(state, { entry, document: null, problem: null, waiting: true, hovered: null, offered: null });
  select([]);
  list.activate(state.images.indexOf(entry));
  showPicture(null, () => {});
  emit("document");
  emit("offer");
  try {
    if (entry.status === "unreadable") throw Object.assign(new Error(), { words: entry.message ?? "This image cannot be read." });
    if (!entry.levels) Object.assign(entry, await get(`/api/images/${id}`, mine.signal));
    showPicture(entry, (key) => pictureFailed(entry, key));
    emit("document");
    await fetchObjects(entry, mine.signal);
  } catch (error) {
    if (mine.signal.aborted) return;
    Object.assign(state, { problem: wordsOf(error), waiting: false });
    emit("document");
    announce(`${entry.name}: ${state.problem}`, true);
  }
}

/** @param {Entry} entry @param {AbortSignal} signal */
async function fetchObjects(entry, signal) {
  let open = documents.get(entry.id);
  if (!open || !isUnsaved(open)) {
    const body = await objectsOf(entry.id, state.model, signal);
    if (signal.aborted) return;
    if (body.objects.some((/** @type {import("./state.js").Thing} */ thing) => !state.project.classes[thing.class])) {
      state.project = await get("/api/project", signal); // another tab has added a class
      emit("project");
    }
    if (!open || open.revision !== body.revision || open.model !== body.model) open = new Document(entry, body, dismissedOf(entry));
    if (body.waiting) fetchCandidates(open, signal);
    if (isOtherModel && body.model === state.model) {
      isOtherModel = false;
      state.view.threshold = body.threshold ?? state.view.threshold;
      emit("view");
    }
    if (entry.status === "new") entry.status = "predicted";
    if (!body.saved) entry.objects = open.objects.length;
  }
  documents.delete(entry.id);
  documents.set(entry.id, open);
  for (const [key, old] of documents) if (documents.size > KEPT && !isUnsaved(old)) documents.delete(key);
  Object.assign(state, { document: open, waiting: false });
  emit("document");
  emit("images");
  announce(`${entry.name}: ${counted(open.shown().length, "object")}.`);
  if (!isUnsaved(open)) await restoreDraft(open);
}

/** Fetch what is found below the threshold of an image whose objects are shown already. @param {Document} open @param {AbortSignal} signal */
async function fetchCandidates(open, signal) {
  for (let body = null; !signal.aborted && (!body || body.waiting);) {
    await new Promise((done) => setTimeout(done, 600));
    try {
      body = await get(`/api/images/${open.entry.id}/objects?model=${encodeURIComponent(state.model)}`, signal);
    } catch { return; } // candidates are a help only
    if (!body.waiting) open.candidates = body.candidates;
  }
  if (open === state.document) emit("objects");
}

/** Say why pixels did not come: the answer has the words. @param {Entry} entry @param {string} key */
async function pictureFailed(entry, key) {
  if (entry !== state.entry) return;
  try {
    await ask(key === "whole" ? `/api/images/${entry.id}/picture.png` : `/api/images/${entry.id}/tiles/${key}.png`);
  } catch (error) {
    if (error instanceof Gone || entry !== state.entry) return;
    if (key !== "whole") return toast(`A part of ${entry.name} could not be read.\n${wordsOf(error)}`, "bad");
    state.problem = wordsOf(error);
    emit("document");
  }
}

/** Predict with another model: images that nobody corrected are found anew. @param {string} name */
export function useModel(name) {
  state.model = name;
  isOtherModel = true;
  emit("project");
  for (const [id, open] of documents) if (!isUnsaved(open) && !open.isSaved) documents.delete(id);
  if (state.entry && !state.document?.isSaved) openImage(state.entry.id);
}

export function startImages() {
  list = new VirtualList(byId("images"), {
    height: 64, make, fill, move: (index, event) => {
      list.activate(index);
      clearTimeout(resting);
      resting = window.setTimeout(() => {
        if (state.images[index] && state.images[index] !== state.entry) openImage(state.images[index].id);
      }, event.type === "keydown" ? 200 : 0); // who holds an arrow key opens the last one only
    },
  });
  on("images document", refresh);
  on("connection", async () => {
    if (!state.connected) return;
    await fetchImages().catch(() => {});
    if (state.entry && (!state.document || state.problem)) openImage(state.entry.id);
    else if (state.entry) showPicture(state.entry, (key) => pictureFailed(/** @type {Entry} */ (state.entry), key));
  });
  refresh();
}
