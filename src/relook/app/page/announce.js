// What the page says: to screen readers, as a short message in the corner, and as a question.
import { wordsOf } from "./api.js";

const byId = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** Say to a screen reader. @param {string} words @param {boolean} [now] interrupts */
export function announce(words, now = false) {
  const region = byId(now ? "assertive" : "polite");
  region.textContent = "";
  setTimeout(() => { region.textContent = words; }, 30);
}

/**
 * Show a message in the corner and say it.
 * @param {string} words @param {"good"|"bad"} [kind] @param {[string, () => Promise<unknown>]} [action] a button, and what it does
 */
export function toast(words, kind = "good", action) {
  const box = document.createElement("div");
  const text = document.createElement("p");
  const close = document.createElement("button");
  box.className = `toast ${kind}`;
  text.textContent = words;
  close.type = "button";
  close.className = "small bare";
  close.textContent = "Close";
  close.addEventListener("click", () => box.remove());
  box.append(text);
  if (action) {
    const button = element("button", "small bare", action[0]);
    button.addEventListener("click", () => {
      box.remove();
      action[1]().catch(complain);
    });
    box.append(button);
  }
  box.append(close);
  const all = byId("toasts");
  all.append(box);
  while (all.children.length > 3) all.firstElementChild?.remove();
  announce(words, kind === "bad");
  if (kind === "good") setTimeout(() => box.remove(), action ? 15000 : 6000);
}

/** Show what went wrong. @param {unknown} error */
export const complain = (error) => toast(wordsOf(error), "bad");

/**
 * Ask a question with buttons; return the value of the one that was pressed, "" for Escape.
 * @param {string} title @param {string} words @param {[string, string][]} choices value and words, the first stands out
 * @returns {Promise<string>}
 */
export function question(title, words, choices) {
  const dialog = /** @type {HTMLDialogElement} */ (byId("question-dialog"));
  const head = element("div", "head");
  const heading = element("h2", "", title);
  heading.id = "question-title";
  head.append(heading);
  dialog.replaceChildren(head);
  const body = element("div", "body");
  body.append(element("p", "", words));
  const buttons = element("div", "buttons");
  for (const [index, [value, label]] of choices.entries()) {
    const button = element("button", index ? "" : "primary", label);
    button.addEventListener("click", () => dialog.close(value));
    button.autofocus = index === 0;
    buttons.append(button);
  }
  body.append(buttons);
  dialog.append(body);
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((done) => dialog.addEventListener("close", () => done(dialog.returnValue), { once: true }));
}

/** @param {string} tag @param {string} [name] class @param {string} [words] @returns {HTMLElement} */
export function element(tag, name = "", words = "") {
  const node = document.createElement(tag);
  if (name) node.className = name;
  if (words) node.textContent = words;
  if (tag === "button") /** @type {HTMLButtonElement} */ (node).type = "button";
  return node;
}

/** The title of a dialog and the button that closes it. @param {HTMLDialogElement} dialog @param {string} id @param {string} title */
export function dialogHead(dialog, id, title) {
  const head = element("div", "head");
  const heading = element("h2", "", title);
  heading.id = id;
  const close = element("button", "small", "Close");
  close.addEventListener("click", () => dialog.close(""));
  head.append(heading, close);
  return head;
}
