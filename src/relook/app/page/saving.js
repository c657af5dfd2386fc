// Corrections are saved by themselves: soon after a change, again after a failure, and as a draft in
// this browser until the server has them.
import { announce, question } from "./announce.js";
import { get, Gone, Refused, send, wordsOf } from "./api.js";
import { remember, remembered } from "./memory.js";
import { changed, counted, emit, on, state, useClasses } from "./state.js";

/** @typedef {import("./state.js").Document} Document */

const WAIT = 700; // milliseconds without a change before a save
const AGAIN = [1000, 2000, 4000, 8000, 15000]; // milliseconds before the next try

/** @type {Map<Document, {timer: number, tries: number, running: Promise<void>|null, why: string}>} */
const jobs = new Map();
let lastSaved = "";

/** What the page knows about saving: {state, words}. */
export const saving = { state: "idle", words: "" };

/** @param {{entry: import("./state.js").Entry}} document */
const draftKey = (document) => `${state.project?.annotations}:${document.entry.id}:${document.entry.name}`;

/** Ids of candidates of an image that were taken away in this browser. @param {import("./state.js").Entry} entry @returns {string[]} */
export const dismissedOf = (entry) => remembered(`${draftKey({ entry })}:dismissed`) ?? [];

/** @param {Document} document */
function keepDraft(document) {
  const draft = { revision: document.revision, objects: document.stored(), done: document.done };
  remember(draftKey(document), draft);
}

/** @param {Document} document */
const dropDraft = (document) => remember(draftKey(document), null);

/** Changes of an earlier visit that the server never got, if there are any. @param {Document} document */
export async function restoreDraft(document) {
  const draft = remembered(draftKey(document));
  if (!draft || !Array.isArray(draft.objects)) return;
  if (draft.revision !== document.revision) {
    const answer = await question("Unsaved changes of an earlier visit",
      `${document.entry.name} was saved elsewhere after you changed it here. Your unsaved version has ${counted(draft.objects.length, "object")}, the saved one ${document.objects.length}.`,
      [["theirs", "Use the saved version"], ["mine", "Use my unsaved version"]]);
    if (answer !== "mine") return answer === "theirs" ? dropDraft(document) : undefined;
  }
  document.done = draft.done;
  document.perform("bring back unsaved changes", document.objects, draft.objects);
  announce("Changes that were not saved last time are back.");
  changed(document);
}

function show() {
  const all = [...jobs.entries()].filter(([document]) => document.isDirty);
  const failed = all.find(([, job]) => job.why);
  if (failed) {
    saving.state = "failed";
    saving.words = `Not saved: ${failed[1].why}`;
  } else if (all.length) {
    saving.state = "saving";
    saving.words = "Saving…";
  } else if (lastSaved) {
    saving.state = "saved";
    saving.words = `Saved ${lastSaved}`;
  }
  emit("saving");
}

/** @param {Document} document @param {number} wait milliseconds */
function schedule(document, wait) {
  const job = jobs.get(document) ?? { timer: 0, tries: 0, running: null, why: "" };
  jobs.set(document, job);
  clearTimeout(job.timer);
  job.timer = window.setTimeout(() => save(document), wait);
  show();
}

/** Save an image now; resolves when it is saved or has failed. @param {Document} document @returns {Promise<void>} */
export async function save(document) {
  const job = jobs.get(document) ?? { timer: 0, tries: 0, running: null, why: "" };
  jobs.set(document, job);
  clearTimeout(job.timer);
  if (job.running) return job.running;
  job.running = write(document, job).finally(() => { job.running = null; show(); });
  return job.running;
}

/** @param {Document} document @param {{tries: number, why: string}} job */
async function write(document, job) {
  const version = document.version;
  const objects = document.stored();
  try {
    const answer = await send("PUT", `/api/images/${document.entry.id}/objects`,
      { revision: document.revision, objects, done: document.done, model: document.model });
    remember(`${draftKey(document)}:dismissed`, document.dismissed.size ? [...document.dismissed] : null);
    document.revision = answer.revision;
    document.isSaved = true;
    useClasses(answer.classes); // another tab may have changed them
    document.savedVersion = version;
    job.tries = 0;
    job.why = "";
    document.entry.objects = objects.length;
    document.entry.status = document.done ? "done" : "corrected";
    emit("images");
    lastSaved = new Date().toLocaleTimeString("en", { hour: "2-digit", minute: "2-digit", hour12: false });
    if (document.isDirty) schedule(document, WAIT);
    else dropDraft(document);
  } catch (error) {
    if (error instanceof Refused && error.status === 409) return conflict(document, job);
    const first = !job.why;
    keepDraft(document);
    job.why = error instanceof Gone
      ? "the server does not answer." : wordsOf(error);
    if (first) announce(`Not saved: ${job.why}`, true);
    const wait = AGAIN[Math.min(job.tries++, AGAIN.length - 1)];
    schedule(document, wait);
  }
}

/** Another tab saved this image in between: a person decides. @param {Document} document @param {{why: string}} job */
async function conflict(document, job) {
  job.why = "another tab saved this image.";
  show();
  const theirs = await get(`/api/images/${document.entry.id}/objects?model=${encodeURIComponent(document.model)}`);
  const answer = await question("Two versions of this image",
    `${document.entry.name} was saved in another tab or window. This tab has ${counted(document.stored().length, "object")}, the saved version ${theirs.objects.length}. Undo brings the other version back.`,
    [["mine", "Keep the version of this tab"], ["theirs", "Take the saved version"]]);
  if (!answer) return; // not decided: asked again with the next change, or by Ctrl S
  document.revision = theirs.revision;
  job.why = "";
  if (answer === "theirs") {
    document.perform("take the version of the other tab", document.objects, theirs.objects);
    document.savedVersion = document.version;
    dropDraft(document);
    if (document === state.document) emit("objects");
    show();
  } else {
    document.past.push({ words: "keep the version of this tab", before: theirs.objects, after: document.objects });
    schedule(document, 0);
  }
}

/** Save everything that is not saved yet. @returns {Promise<boolean>} whether all is saved */
export async function saveAll() {
  const open = state.document;
  if (open && open.above().length) {
    open.version++;
    jobs.set(open, jobs.get(open) ?? { timer: 0, tries: 0, running: null, why: "" });
  }
  return saveChanges();
}

/** Save all changes that wait; whether the server has them. @returns {Promise<boolean>} */
export async function saveChanges() {
  for (const document of jobs.keys()) {
    for (let tries = 0; tries < 2 && document.isDirty; tries++) await save(document);
  }
  return ![...jobs.keys()].some((document) => document.isDirty);
}

/** Whether an image has changes that the server does not have. @param {Document} document */
export const isUnsaved = (document) => document.isDirty;

export function startSaving() {
  on("changed", (document) => {
    schedule(document, WAIT);
  });
  window.addEventListener("pagehide", () => {
    for (const document of jobs.keys()) if (document.isDirty) keepDraft(document);
  });
  on("connection", () => {
    if (!state.connected) return;
    for (const document of jobs.keys()) if (document.isDirty) schedule(document, 0);
  });
  window.addEventListener("beforeunload", (event) => {
    if ([...jobs.keys()].some((document) => document.isDirty)) event.preventDefault();
  });
}
