// The state of the page, and what changes it: objects of an image, selection, undo and redo.
import { contains, overlapOf } from "./geometry.js";

/**
 * @typedef {{id: string, class: number, score: number|null, state: "predicted"|"accepted"|"drawn",
 *   box: import("./geometry.js").Box, area: number, shape: import("./geometry.js").Shape}} Thing
 * One object of an image. Never changed: a change puts another one in its place.
 * @typedef {{id: number, name: string, width: number, height: number, status: string,
 *   objects: number|null, message: string|null, tile?: number, levels?: number}} Entry
 * @typedef {{words: string, before: Thing[], after: Thing[]}} Command
 */

/** @type {Map<string, Set<(detail?: any) => void>>} */
const listeners = new Map();

/** Call a function on each of these topics. @param {string} topics @param {(detail?: any) => void} run */
export function on(topics, run) {
  for (const topic of topics.split(" ")) {
    if (!listeners.has(topic)) listeners.set(topic, new Set());
    listeners.get(topic)?.add(run);
  }
}

/** @param {string} topic @param {any} [detail] */
export function emit(topic, detail) {
  for (const run of listeners.get(topic) ?? []) run(detail);
}

export const state = {
  /** @type {any} */ project: null,
  model: "",
  connected: true,
  /** @type {Entry[]} */ images: [],
  /** @type {Entry|null} */ entry: null,
  /** @type {Document|null} */ document: null,
  /** @type {string|null} what stands in place of the objects: an error */ problem: null,
  waiting: false,
  /** @type {Set<string>} */ selection: new Set(),
  /** @type {Thing|null} */ hovered: null,
  /** @type {Thing|null} found below the threshold, offered */ offered: null,
  tool: "select",
  /** @type {string|null} id of the object that is drawn again */ redrawing: null,
  drawnClass: 0,
  view: {
    threshold: 0.5, opacity: 0.22, brightness: 1, contrast: 1, colours: "object",
    shown: true, lines: true, ids: false,
    /** @type {Set<number>} */ hidden: new Set(),
  },
};

/** Objects of one image, and how they came to be as they are. */
export class Document {
  /**
   * @param {Entry} entry
   * @param {{revision: number, model: string, saved: boolean, done?: boolean, objects: Thing[], candidates: Thing[]}} body
   * @param {string[]} [dismissed] ids of candidates that were taken away earlier
   */
  constructor(entry, body, dismissed = []) {
    this.entry = entry;
    this.model = body.model;
    this.revision = body.revision;
    this.isSaved = body.saved;
    this.objects = body.objects;
    this.done = body.done ?? entry.status === "done";
    this.candidates = body.candidates ?? [];
    /** Ids of candidates that a person took away. @type {Set<string>} */
    this.dismissed = new Set(dismissed);
    /** @type {Command[]} */ this.past = [];
    /** @type {Command[]} */ this.future = [];
    this.version = 0;
    this.savedVersion = 0;
    /** @type {{key: string, of: Thing[], things: Thing[]}} */ this.cache = { key: "", of: [], things: [] };
    /** @type {{version: number, of: Thing[], things: Thing[]}} */ this.openCache = { version: -1, of: [], things: [] };
  }

  /** Objects that the filters let through, candidates above the threshold among them. @returns {Thing[]} */
  shown() {
    const { threshold, hidden } = state.view;
    const key = `${this.version}/${threshold}/${[...hidden]}`;
    if (this.cache.key !== key || this.cache.of !== this.candidates) {
      const things = this.everything().filter((thing) => !hidden.has(thing.class));
      this.cache = { key, of: this.candidates, things };
    }
    return this.cache.things;
  }

  /** Objects at the threshold, of every class. @returns {Thing[]} */
  everything() {
    const { threshold } = state.view;
    const isKept = (/** @type {Thing} */ thing) =>
      thing.state !== "predicted" || thing.score === null || thing.score >= threshold;
    return [...this.objects.filter(isKept), ...this.above()];
  }

  /** Candidates that the threshold of now takes in. @returns {Thing[]} */
  above() {
    return this.open().filter((thing) => (thing.score ?? 0) >= state.view.threshold);
  }

  /** Candidates that are neither taken nor dismissed, nor drawn by a person. @returns {Thing[]} */
  open() {
    if (this.openCache.version !== this.version || this.openCache.of !== this.candidates) {
      const known = new Set(this.objects.map((thing) => thing.id));
      const drawn = this.objects.filter((thing) => thing.state === "drawn");
      const things = this.candidates.filter((thing) => !known.has(thing.id) && !this.dismissed.has(thing.id)
        && !drawn.some((other) => overlapOf(thing.box, other.box) > 0.6));
      this.openCache = { version: this.version, of: this.candidates, things };
    }
    return this.openCache.things;
  }

  /** What is written to the file. */
  stored() {
    return [...this.objects, ...this.above()];
  }

  /** @param {string} id */
  find(id) {
    return this.objects.find((thing) => thing.id === id) ?? this.candidates.find((thing) => thing.id === id);
  }

  /** Best candidate below the threshold at a place. @param {number} x @param {number} y */
  candidateAt(x, y) {
    return this.open()
      .filter((thing) => (thing.score ?? 0) < state.view.threshold && contains(thing.shape, x, y))
      .sort((a, b) => (b.score ?? 0) - (a.score ?? 0))[0] ?? null;
  }

  /** @param {Thing[]} before @param {Thing[]} after */
  #exchange(before, after) {
    const gone = new Set(before.map((thing) => thing.id));
    const first = this.objects.findIndex((thing) => gone.has(thing.id));
    const kept = this.objects.filter((thing) => !gone.has(thing.id));
    kept.splice(first < 0 ? kept.length : first, 0, ...after);
    this.objects = kept;
    this.version++;
  }

  /** Do a command that can be undone. @param {string} words @param {Thing[]} before @param {Thing[]} after */
  perform(words, before, after) {
    const command = { words, before, after };
    this.past.push(command);
    this.future = [];
    this.#run(command);
  }

  /** @param {Command} command */
  #run({ before, after }) {
    for (const thing of before) this.dismissed.add(thing.id);
    this.#exchange(before, after);
  }

  /** @returns {Command|undefined} what was taken back */
  undo() {
    const command = this.past.pop();
    if (!command) return undefined;
    for (const thing of command.before) this.dismissed.delete(thing.id);
    this.#exchange(command.after, command.before.filter((thing) => this.#belongs(thing)));
    this.future.push(command);
    return command;
  }

  /** A candidate that was only seen goes back to the candidates. @param {Thing} thing */
  #belongs(thing) {
    return !this.candidates.includes(thing);
  }

  /** @returns {Command|undefined} what was done again */
  redo() {
    const command = this.future.pop();
    if (!command) return undefined;
    this.past.push(command);
    this.#run(command);
    return command;
  }

  get isDirty() {
    return this.version !== this.savedVersion;
  }
}

/** An id that no object of an image has or had. @param {Document} document @param {string} kind @returns {string} */
export function freshId(document, kind) {
  const things = [...document.objects, ...document.candidates, ...document.past.flatMap((command) => command.before)];
  const numbers = things.filter((thing) => thing.id.startsWith(kind)).map((thing) => Number(thing.id.slice(kind.length)));
  return `${kind}${Math.max(0, ...numbers.filter(Number.isInteger)) + 1}`;
}

/** Objects that are selected, in the order of the image. @returns {Thing[]} */
export function selected() {
  return state.document?.shown().filter((thing) => state.selection.has(thing.id)) ?? [];
}

/** Select these ids. @param {Iterable<string>} ids @param {{reveal?: boolean, from?: string}} [how] */
export function select(ids, how = {}) {
  state.selection = new Set(ids);
  emit("selection", how);
}

/** Do a change of the open image: it is shown, saved and can be undone. @param {string} words @param {Thing[]} before @param {Thing[]} after */
export function perform(words, before, after) {
  const open = state.document;
  if (!open) return;
  open.perform(words, before, after);
  changed(open);
}

/** Tell everyone that the objects of an image are other ones. @param {Document} document */
export function changed(document) {
  if (document === state.document) {
    const ids = new Set(document.shown().map((thing) => thing.id));
    if ([...state.selection].some((id) => !ids.has(id))) select([...state.selection].filter((id) => ids.has(id)));
    if (state.hovered && !ids.has(state.hovered.id)) emit("hover", state.hovered = null);
    emit("objects");
  }
  emit("changed", document);
}

/** @param {number} index @returns {string} */
export const className = (index) => state.project?.classes[index] ?? `class ${index}`;

/** Index and name of each class that is there. @returns {[number, string][]} */
export const classes = () => (state.project?.classes ?? [])
  .map((/** @type {string|null} */ name, /** @type {number} */ index) => [index, name])
  .filter((/** @type {[number, string|null]} */ [, name]) => name !== null);

/** Have the classes that the server has. @param {(string|null)[]} names */
export function useClasses(names) {
  if (JSON.stringify(names) === JSON.stringify(state.project.classes)) return;
  state.project.classes = names;
  if (!classes().some(([index]) => index === state.drawnClass)) state.drawnClass = classes()[0]?.[0] ?? 0;
  for (const index of state.view.hidden) if (!names[index]) state.view.hidden.delete(index);
  emit("project");
  emit("objects");
}

/** @param {number} count @param {string} noun @returns {string} */
export const counted = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
