// Images of one's own: dropped on the page (files or folders), pasted, or chosen.
import { announce, toast } from "./announce.js";
import { upload, wordsOf } from "./api.js";
import { openImage } from "./images.js";
import { counted, emit, state } from "./state.js";

const field = /** @type {HTMLInputElement} */ (document.getElementById("files"));
const curtain = /** @type {HTMLElement} */ (document.getElementById("drop"));

/** Open the dialog that chooses files. */
export const addFiles = () => field.click();

/** Send images to the server, one at a time, and open the first. @param {File[]} files */
async function add(files) {
  if (!files.length) return toast("There is no image in what was dropped or pasted.", "bad");
  const failures = [];
  let first = null, count = 0;
  for (const [index, file] of files.entries()) {
    if (files.length > 1) announce(`Adding ${index + 1} of ${files.length}.`);
    emit("adding", `Adding ${file.name || "the pasted image"} (${index + 1} of ${files.length})`);
    try {
      const entries = await upload(file);
      state.images.push(...entries);
      emit("images");
      count += entries.length;
      first ??= entries[0];
    } catch (error) {
      failures.push(`${file.name}: ${wordsOf(error)}`);
    }
  }
  emit("adding", "");
  if (failures.length) toast(`${counted(failures.length, "image")} could not be added.\n${failures.slice(0, 3).join("\n")}`, "bad");
  if (count) toast(`Added ${counted(count, "image")}.`);
  if (first) openImage(first.id);
}

/** Files of a folder and of the folders in it. @param {any} entry @returns {Promise<File[]>} */
async function filesOf(entry) {
  if (entry.isFile) return [await new Promise((done, fail) => entry.file(done, fail))];
  const reader = entry.createReader();
  const files = [];
  for (;;) {
    /** @type {any[]} */ const some = await new Promise((done, fail) => reader.readEntries(done, fail));
    if (!some.length) return files;
    for (const one of some) if (!one.name.startsWith(".")) files.push(...(await filesOf(one)));
  }
}

/** @param {DataTransfer} data @returns {Promise<File[]>} */
async function dropped(data) {
  const entries = [...data.items].map((item) => item.webkitGetAsEntry?.());
  if (!entries.some((entry) => entry?.isDirectory)) return [...data.files];
  const found = [];
  for (const entry of entries) if (entry) found.push(...(await filesOf(entry)));
  return found;
}

export function startAdding() {
  field.addEventListener("change", () => {
    add([...(field.files ?? [])]);
    field.value = "";
  });
  document.addEventListener("dragover", (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    curtain.hidden = false;
  });
  document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) curtain.hidden = true; });
  document.addEventListener("drop", async (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    curtain.hidden = true;
    add(await dropped(event.dataTransfer));
  });
  document.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length) add(files);
  });
}
