// Keys of the page. Each belongs to an action of actions.js; digits choose a class.
import { ACTIONS, refuse, run, setClass } from "./actions.js";
import * as drawing from "./drawing.js";
import { holdSpace } from "./gestures.js";
import { remember, remembered } from "./memory.js";
import { on, state } from "./state.js";

const stage = /** @type {HTMLElement} */ (document.getElementById("stage"));
const isMac = /Mac|iPhone|iPad/.test(navigator.platform);

/** Keys without Ctrl can be switched off, for those who speak to their computer. */
export const single = {
  get isOn() { return remembered("keys") !== "off"; },
  set isOn(value) { remember("keys", value ? "on" : "off"); },
};

/** Words of a key as it is printed on a keyboard. @param {string} key */
export function keyWords(key) {
  const names = { Ctrl: isMac ? "⌘" : "Ctrl", Escape: "Esc", Delete: "Del", PageDown: "Page down", PageUp: "Page up", " ": "Space" };
  return key.split(/(?<=.)\+(?=.)/).map((part) => names[/** @type {"Ctrl"} */ (part)] ?? (part.length === 1 ? part.toUpperCase() : part));
}

/** @param {KeyboardEvent} event @returns {string} as in the table of actions */
function nameOf(event) {
  const isControl = event.ctrlKey || event.metaKey;
  if (event.code === "Digit0" && event.shiftKey) return "Shift+0";
  if (event.key.length > 1) return event.key;
  const isLetter = event.key.toLowerCase() !== event.key.toUpperCase();
  if (isControl) return `Ctrl+${event.shiftKey ? "Shift+" : ""}${event.key.toUpperCase()}`;
  return isLetter && event.shiftKey ? `Shift+${event.key.toUpperCase()}` : event.key.toLowerCase();
}

/** @type {Map<string, string[]>} names of actions by key */
const byKey = new Map();

/** @param {KeyboardEvent} event @returns {boolean} whether the image took the key */
function onStage(event) {
  if (drawing.isBusy() && event.key === "Backspace") {
    drawing.backOneCorner();
    return true;
  }
  if (document.activeElement !== stage || event.ctrlKey || event.metaKey || event.altKey) return false;
  if (event.key === " ") {
    if (state.tool === "select") holdSpace(true);
    else if (!event.repeat) drawing.corner();
    return true;
  }
  return drawing.arrow(event.key, event.shiftKey);
}

/** @param {KeyboardEvent} event */
function pressed(event) {
  const target = /** @type {HTMLElement} */ (event.target);
  if (event.defaultPrevented || event.altKey || document.querySelector("dialog[open]")) return;
  const name = nameOf(event);
  if (onStage(event)) return event.preventDefault();
  const isTyping = target.matches("input[type=text], select, textarea");
  const isButton = target.matches("button, summary, a, input");
  const isPlain = !event.ctrlKey && !event.metaKey;
  if (isTyping && isPlain && name !== "Escape") return;
  if (isButton && ["Enter", " "].includes(name)) return;
  if (isPlain && name.replace("Shift+", "").length === 1 && !single.isOn) return;
  if (/^[1-9]$/.test(name) && isPlain) {
    setClass(Number(name) - 1);
    return event.preventDefault();
  }
  const names = byKey.get(name) ?? [];
  if (!names.length) return;
  event.preventDefault();
  if (!names.some(run)) refuse(names[0]);
}

/** Buttons say their key, and stand still while their action is not possible. */
function buttons() {
  for (const button of /** @type {NodeListOf<HTMLButtonElement>} */ (document.querySelectorAll("[data-action]"))) {
    const action = ACTIONS[button.dataset.action ?? ""];
    if (!action || button.dataset.ready) continue;
    button.dataset.ready = "yes";
    button.title = `${action.words} (${keyWords(action.keys[0]).join(" ")})`;
    button.setAttribute("aria-keyshortcuts", action.keys.map((key) => key.replace("Ctrl", isMac ? "Meta" : "Control")).join(" "));
  }
  possible();
}

function possible() {
  for (const button of /** @type {NodeListOf<HTMLButtonElement>} */ (document.querySelectorAll("[data-action]"))) {
    const action = ACTIONS[button.dataset.action ?? ""];
    if (action?.can) button.disabled = !action.can();
    const tool = button.dataset.action?.startsWith("tool-") ? button.dataset.action.slice(5) : "";
    if (tool) button.setAttribute("aria-pressed", String(state.tool === tool && !state.redrawing));
    if (button.dataset.action === "redraw") button.setAttribute("aria-pressed", String(Boolean(state.redrawing)));
  }
}

export function startKeys() {
  for (const [name, action] of Object.entries(ACTIONS)) {
    for (const key of action.keys) byKey.set(key, [...(byKey.get(key) ?? []), name]);
  }
  document.addEventListener("keydown", pressed);
  document.addEventListener("keyup", (event) => { if (event.key === " ") holdSpace(false); });
  document.addEventListener("click", (event) => {
    const button = /** @type {HTMLElement} */ (event.target).closest?.("[data-action]");
    if (button) run(/** @type {HTMLElement} */ (button).dataset.action ?? "");
  });
  const tabs = /** @type {HTMLElement} */ (document.querySelector("[role=tablist]"));
  tabs.addEventListener("keydown", (event) => {
    if (!["ArrowLeft", "ArrowRight"].includes(event.key)) return;
    event.preventDefault();
    const other = /** @type {HTMLElement} */ (tabs.querySelector("[aria-selected=false]"));
    run(other.dataset.action ?? "");
    other.focus();
  });
  on("objects selection tool document offer project", possible);
  on("buttons", buttons);
  buttons();
}
