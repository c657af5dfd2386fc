// The dialog that downloads: a kind, which images, and what is in it.
import { announce, complain, dialogHead, element, toast } from "./announce.js";
import { ask } from "./api.js";
import { saveAll } from "./saving.js";
import { state } from "./state.js";

const dialog = /** @type {HTMLDialogElement} */ (document.getElementById("download-dialog"));
let kind = "";
let which = "this";

/** Images of a choice. @param {string} choice @returns {import("./state.js").Entry[]} */
function imagesOf(choice) {
  if (choice === "this") return state.entry ? [state.entry] : [];
  const readable = state.images.filter((entry) => !["unreadable", "new"].includes(entry.status));
  return choice === "corrected" ? readable.filter((entry) => ["corrected", "done"].includes(entry.status)) : readable;
}

/** @param {string} name @param {string} value @param {string} words @param {string} small @param {boolean} checked */
function choice(name, value, words, small, checked) {
  const label = element("label");
  const button = document.createElement("input");
  Object.assign(button, { type: "radio", name, value, checked });
  const text = element("span", "", words);
  if (small) text.append(" ", element("small", "", small));
  label.append(button, text);
  return label;
}

/** Open the dialog of downloads. */
export function openDownload() {
  if (!state.images.length) return toast("There is nothing to download yet. Add an image first.");
  const kinds = state.project?.kinds ?? [];
  kind ||= (kinds.find((/** @type {any} */ each) => each.name === "coco") ?? kinds[0])?.name ?? "coco";
  const form = element("form", "body");
  const all = element("fieldset", "kinds");
  all.append(element("legend", "choice", "As"));
  for (const { name, words } of kinds) all.append(choice("kind", name, name, words, name === kind));
  const images = element("fieldset", "which");
  images.append(element("legend", "choice", "Of"));
  const rows = [["this", "this image"], ["corrected", "corrected images"], ["all", "all images that were opened"]];
  for (const [value, words] of rows) {
    const count = imagesOf(value).length;
    images.append(choice("which", value, words, value === "this" ? state.entry?.name ?? "" : String(count), value === which));
  }
  const note = element("p", "muted", `Objects with a score of ${state.view.threshold.toFixed(2)} or more (the threshold of now), and all that you accepted or drew. Hidden classes are included.`);
  const buttons = element("div", "buttons");
  const go = element("button", "primary", "Download");
  /** @type {HTMLButtonElement} */ (go).type = "submit";
  buttons.append(go);
  form.append(all, images, note, buttons);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const data = new FormData(/** @type {HTMLFormElement} */ (form));
    kind = String(data.get("kind"));
    which = String(data.get("which"));
    dialog.close();
    download();
  });
  dialog.replaceChildren(dialogHead(dialog, "download-title", "Download"), form);
  dialog.showModal();
}

async function download() {
  const images = imagesOf(which);
  if (!images.length) return toast("No image is corrected yet.", "bad");
  if (!(await saveAll())) return toast("The last changes are not saved yet, so nothing was downloaded. Try again when they are.", "bad");
  announce("Preparing the download.");
  const ids = which === "all" ? "all" : images.map(({ id }) => id).join(",");
  try {
    const answer = await ask(`/api/download?kind=${encodeURIComponent(kind)}&ids=${ids}&min_score=${state.view.threshold}&model=${encodeURIComponent(state.model)}`);
    const header = answer.headers.get("Content-Disposition") ?? "";
    const coded = /filename\*=UTF-8''([^;]+)/i.exec(header)?.[1];
    const name = coded ? decodeURIComponent(coded) : /filename="?([^";]+)/.exec(header)?.[1] ?? `objects.${kind}`;
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await answer.blob());
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    const left = answer.headers.get("X-Relook-Left-Out");
    toast(`Downloaded ${name}.${left ? `\n${left}.` : ""}`);
  } catch (error) { complain(error); }
}
