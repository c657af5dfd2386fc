// What the page says about its state: what to do when it is empty, what a tool wants, what is saved.
import { announce, element } from "./announce.js";
import { saving } from "./saving.js";
import { className, counted, emit, on, state } from "./state.js";

const byId = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
const byFinger = matchMedia("(hover: none) and (pointer: coarse)").matches;
const HINTS = {
  select: byFinger ? "Tap an object to select it. One finger moves the image, two zoom."
    : "Click an object to select it, or where one is missed. Drag moves, the wheel zooms.",
  polygon: "Click to set corners; Enter or the first corner closes. Backspace takes one back, Esc gives up.",
  freehand: "Draw around an object with the button held. Esc goes back to selecting.",
  split: "Draw a line across an object, from one side to the other. Esc goes back to selecting.",
};
let adding = "";
let isBegun = false;
let nothing = 0;

/** @param {string} name of the action @param {string} words @param {string} [look] */
function button(name, words, look = "primary") {
  const node = element("button", look, words);
  node.dataset.action = name;
  return node;
}

/** @returns {{title: string, words: string, buttons: HTMLElement[]}|null} what stands in place of an image */
function emptiness() {
  if (!isBegun && !state.problem) return { title: "Loading", words: "Asking for the list of images.", buttons: [] };
  if (!state.project) return { title: "The page could not begin", words: state.problem ?? "", buttons: [] };
  if (!state.images.length) {
    return {
      title: "Begin with an image",
      words: "Drop images or a folder anywhere on this page, paste one, or choose files. Objects are found by themselves; you correct what is wrong.",
      buttons: [button("add", "Choose images"), button("help", "How it goes", "second")],
    };
  }
  if (state.problem) {
    return { title: state.entry?.status === "unreadable" ? "This image cannot be read" : "That did not work", words: state.problem, buttons: [button("next-image", "Next image")] };
  }
  return null;
}

function pill() {
  const open = state.document;
  const words = byId("waiting-words");
  const spinner = /** @type {HTMLElement} */ (byId("waiting").firstElementChild);
  let text = adding;
  if (!text && state.waiting && state.entry && !state.problem) text = `Finding objects with ${state.model}…`;
  spinner.hidden = !text;
  if (!text && open && !open.shown().length) {
    const below = open.open().filter((thing) => (thing.score ?? 0) < state.view.threshold).length;
    if (open.everything().length || open.objects.length) text = "All objects of this image are filtered out.";
    else if (below) text = `Nothing at ${state.view.threshold.toFixed(2)} or above; ${counted(below, "object")} below it. Lower the threshold with [.`;
    else text = "No object was found here. Draw one: P for corners, F by hand.";
  }
  if (!text && nothing) text = "Nothing was found here, not even below the threshold. Draw it: P or F.";
  if (words.textContent !== text) words.textContent = text;
  byId("waiting").hidden = !text;
}

function place() {
  const what = emptiness();
  byId("empty").hidden = !what;
  byId("empty-title").textContent = what?.title ?? "";
  byId("empty-words").textContent = what?.words ?? "";
  byId("empty-buttons").replaceChildren(...(what?.buttons ?? []));
  emit("buttons");
  const { entry, document: open } = state;
  document.title = entry ? `${entry.name} · relook` : "relook";
  byId("done-words").textContent = open?.done ? "Not done" : "Done, next";
  const size = entry ? `${entry.name}, ${entry.width} by ${entry.height} pixels` : "No image is open";
  byId("stage").setAttribute("aria-label", open ? `${size}, ${counted(open.shown().length, "object")}. The table of objects lists them.` : size);
  pill();
}

function tool() {
  byId("stage").dataset.tool = state.tool;
  const hint = HINTS[/** @type {"select"} */ (state.tool)];
  byId("hint").textContent = state.redrawing ? `Draw the new outline of ${state.redrawing} with the button held. Esc keeps the old one.` : hint;
  announce(byId("hint").textContent ?? "");
}

function offer() {
  const thing = state.offered;
  byId("offer").hidden = !thing;
  if (thing) {
    byId("offer-words").textContent = `Found here below the threshold: ${className(thing.class)}, score ${(thing.score ?? 0).toFixed(2)}.`;
  }
}

function connection() {
  const banner = byId("connection");
  if (!state.connected) {
    banner.dataset.state = "gone";
    banner.textContent = "The server does not answer. Your changes are kept in this page. Start relook app again in its terminal: this page goes on by itself.";
    banner.hidden = false;
  } else if (!banner.hidden) {
    banner.dataset.state = "back";
    banner.textContent = "The server is back.";
    setTimeout(() => { if (state.connected) banner.hidden = true; }, 4000);
  }
}

export function startNotices() {
  on("document images project begun connection", place);
  on("begun", () => { isBegun = true; place(); });
  on("objects view", pill);
  on("objects view", () => byId("stage").setAttribute("aria-label", byId("stage").getAttribute("aria-label")?.replace(/, [\d,]+ objects?\./, `, ${counted(state.document?.shown().length ?? 0, "object")}.`) ?? ""));
  on("tool", tool);
  on("offer", offer);
  on("connection", connection);
  on("adding", (words) => { adding = words; pill(); });
  on("nothing-here", () => {
    clearTimeout(nothing);
    nothing = window.setTimeout(() => { nothing = 0; pill(); }, 3500);
    pill();
    announce("Nothing was found here.");
  });
  on("saving", () => {
    byId("saving").dataset.state = saving.state;
    byId("saving-words").textContent = saving.words;
    byId("saving").title = saving.words;
  });
  byId("hint").textContent = HINTS.select;
  place();
}
