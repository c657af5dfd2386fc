// Requests to the server of this page. Every other module asks through it, and none asks other hosts.
import { emit, state } from "./state.js";

/** What the server answered when it refused: a code, what happened, and what to do about it. */
export class Refused extends Error {
  /** @param {number} status @param {{code?: string, what?: string, remedy?: string, revision?: number}} body */
  constructor(status, body) {
    super(body.what || `The server answered ${status}.`);
    this.status = status;
    this.code = body.code ?? "";
    this.remedy = body.remedy ?? "";
    this.body = body;
  }
  /** One text for a person. */
  get words() {
    return [this.code ? `${this.code}: ${this.message}` : this.message, this.remedy].filter(Boolean).join("\n");
  }
}

/** The server did not answer at all. */
export class Gone extends Error {
  constructor() {
    super("The server does not answer.");
    this.words = "The server does not answer. Start relook app again in its terminal; this page goes on by itself.";
  }
}

/** @param {unknown} error @returns {string} */
export const wordsOf = (error) => /** @type {any} */ (error)?.words ?? String(/** @type {any} */ (error)?.message ?? error);

let watching = false;

async function watch() {
  if (watching) return;
  watching = true;
  state.connected = false;
  emit("connection");
  for (;;) {
    await new Promise((done) => setTimeout(done, 1500));
    try {
      const answer = await fetch("/api/project", { cache: "no-store" });
      if (answer.status < 500) break;
    } catch { /* still gone: ask again */ }
  }
  watching = false;
  state.connected = true;
  emit("connection");
}

/** @param {string} path @param {RequestInit} [options] @returns {Promise<Response>} */
export async function ask(path, options = {}) {
  /** @type {Record<string, string>} */
  const headers = { .../** @type {Record<string, string>} */ (options.headers) };
  if (options.method && options.method !== "GET") headers["X-Relook"] = "1";
  let answer;
  try {
    answer = await fetch(path, { cache: "no-store", ...options, headers });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    watch();
    throw new Gone();
  }
  if (answer.ok) return answer;
  const body = await answer.json().catch(() => ({}));
  throw new Refused(answer.status, body.what ? body : (body.detail?.what ? body.detail : {}));
}

/** @param {string} path @param {AbortSignal} [signal] */
export const get = async (path, signal) => (await ask(path, { signal })).json();

/** @param {"POST"|"PUT"|"DELETE"} method @param {string} path @param {unknown} [body] */
export async function send(method, path, body) {
  const json = body === undefined ? {} : { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } };
  return (await ask(path, { method, ...json })).json();
}

/** @param {File} file @returns {Promise<any[]>} the new entries of the list of images */
export async function upload(file) {
  const form = new FormData();
  form.append("files", file, file.name || "pasted.png");
  return (await ask("/api/images", { method: "POST", body: form })).json();
}

/**
 * Return the objects of an image; asks again while the server is still predicting.
 * @param {number} id @param {string} model @param {AbortSignal} signal
 */
export async function objectsOf(id, model, signal) {
  for (;;) {
    const answer = await ask(`/api/images/${id}/objects?model=${encodeURIComponent(model)}`, { signal });
    const body = await answer.json();
    if (answer.status !== 202) return body;
    await new Promise((done) => setTimeout(done, 300));
    if (signal.aborted) throw new DOMException("", "AbortError");
  }
}
