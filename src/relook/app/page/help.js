// One screen of help: how it is meant, and every key.
import { ACTIONS } from "./actions.js";
import { dialogHead, element } from "./announce.js";
import { keyWords, single } from "./keys.js";

const dialog = /** @type {HTMLDialogElement} */ (document.getElementById("help-dialog"));
const STEPS = [
  "Open an image at the left, drop one on the page, or paste one. Its objects are found by themselves.",
  "Move the threshold until what you see is right. Click where an object is missed: what was found there below the threshold is offered.",
  "Correct: delete what is wrong, draw what is missing, split, merge, redraw. It is saved by itself, and can be undone.",
  "Press D when an image is done. The next one that is worth the work opens.",
  "Teach the model with what you corrected, and use it on the other images. Download the result.",
];
const MOUSE = [
  ["Click", "select an object; Shift adds to the selection"], ["Drag", "move the image; with Shift, select in a frame"],
  ["Wheel", "zoom where the pointer is"], ["Space", "held: drag moves the image with any tool"],
  ["1 … 9", "class of the selected or the next object"],
  ["Arrows", "move the image, the cross of a tool, or in a list; Shift goes farther"], ["Space ", "with a tool: a corner where the cross is"],
];

/** @param {[string[], string][]} rows keys and words */
function keyList(rows) {
  const list = element("dl");
  for (const [keys, words] of rows) {
    const term = element("dt");
    term.append(...keys.map((key) => element("kbd", "", key)));
    list.append(term, element("dd", "", words));
  }
  return list;
}

/** @param {string} title @param {HTMLElement} content */
function section(title, content) {
  const part = element("section");
  part.append(element("h3", "", title), content);
  return part;
}

/** Open the help. */
export function openHelp() {
  const body = element("div", "body help");
  const steps = element("ol");
  steps.append(...STEPS.map((words) => element("li", "", words)));
  body.append(section("How it goes", steps), section("Mouse and image", keyList(MOUSE.map(([key, words]) => [[key], words]))));
  /** @type {Map<string, [string[], string][]>} */ const groups = new Map();
  for (const { group, words, keys } of Object.values(ACTIONS)) {
    const rows = groups.get(group) ?? [];
    rows.push([keyWords(keys[0]), words]);
    groups.set(group, rows);
  }
  for (const [group, rows] of groups) body.append(section(group, keyList(rows)));
  const label = element("label", "switch");
  const box = document.createElement("input");
  Object.assign(box, { type: "checkbox", checked: single.isOn });
  box.addEventListener("change", () => { single.isOn = box.checked; });
  label.append(box, "Single letters are keys (switch off when you dictate)");
  body.append(section("Settings", label));
  dialog.replaceChildren(dialogHead(dialog, "help-title", "Help"), body);
  dialog.showModal();
  dialog.scrollTop = 0;
}
