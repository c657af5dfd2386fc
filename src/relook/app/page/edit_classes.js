// The dialog that renames and removes classes. The server saves each change at once, in the file of corrections.
import { dialogHead, element, toast } from "./announce.js";
import { get, send, wordsOf } from "./api.js";
import { fetchImages, openImage } from "./images.js";
import { saveChanges } from "./saving.js";
import { counted, selected, state, useClasses } from "./state.js";

/** @typedef {{class: number, name: string, objects: number, images: number, models: string[]}} Row */

const dialog = /** @type {HTMLDialogElement} */ (document.getElementById("class-dialog"));
const LONGEST = 80; // characters, as the server takes them

/** @param {string} words @param {HTMLElement} control */
function field(words, control) {
  const label = element("label", "field", words);
  label.append(control);
  return label;
}

/** What is known of a class, in words. @param {Row} row */
function about(row) {
  const count = row.objects ? `${counted(row.objects, "saved object")} of ${counted(row.images, "image")} ${row.objects === 1 ? "has" : "have"} this class.` : "No saved object has this class.";
  if (row.models.length) return `${count} The model ${row.models[0]} finds it, so it can be renamed, and not removed.`;
  return count;
}

/** Rename a class, and offer to take it back. @param {number} label @param {string} before @param {string} name */
async function rename(label, before, name) {
  const { classes } = await send("PUT", `/api/classes/${label}`, { name, before });
  useClasses(classes);
  const now = classes[label];
  if (now !== before) {
    toast(`The class ${before} is now called ${now}.`, "good", ["Undo", () => send("PUT", `/api/classes/${label}`, { name: before, before: now }).then((answer) => useClasses(answer.classes))]);
  }
}

/** @param {Row} row @param {number|null} to */
async function remove(row, to) {
  const { classes } = await send("DELETE", `/api/classes/${row.class}`, { before: row.name, objects: row.objects, to });
  useClasses(classes);
  if (row.objects) {
    await fetchImages().catch(() => {});
    if (state.entry) openImage(state.entry.id); // its objects may have another class
    toast(`The class ${row.name} is removed. ${counted(row.objects, "object")} ${row.objects === 1 ? "is" : "are"} now ${classes[/** @type {number} */ (to)]}.`);
  } else {
    toast(`The class ${row.name} is removed.`, "good", ["Undo", () => send("POST", "/api/classes", { name: row.name }).then((answer) => useClasses(answer.classes))]);
  }
}

/** Show the dialog, with the class of the selected or the next object. */
export async function openEditClasses() {
  if (!(await saveChanges())) return toast("Some corrections are not saved yet. Change classes when they are.", "bad");
  /** @type {Row[]} */ let rows;
  try { rows = await get("/api/classes"); } catch (error) { return toast(wordsOf(error), "bad"); }
  const form = element("form", "body");
  const which = document.createElement("select"), name = document.createElement("input"), other = document.createElement("select");
  Object.assign(name, { type: "text", id: "class-name", maxLength: LONGEST, autocomplete: "off", required: true });
  which.id = "class-which";
  other.id = "class-other";
  const note = element("p", "muted");
  note.id = "class-note";
  const instead = field("Class that its objects get instead", other);
  const problem = element("p", "problem");
  problem.setAttribute("role", "alert");
  const save = /** @type {HTMLButtonElement} */ (element("button", "primary", "Rename"));
  const away = /** @type {HTMLButtonElement} */ (element("button", "", "Remove"));
  save.type = "submit";
  away.id = "remove-class";
  const buttons = element("div", "buttons");
  buttons.append(save, away);
  const chosen = () => /** @type {Row} */ (rows.find((row) => row.class === Number(which.value)));

  const show = () => {
    const row = chosen();
    name.value = row.name;
    note.textContent = about(row);
    problem.textContent = "";
    instead.hidden = true;
    save.hidden = false;
    away.textContent = "Remove";
    away.disabled = row.models.length > 0;
    other.replaceChildren(...rows.filter((each) => each !== row).map((each) => new Option(each.name, String(each.class))));
  };
  const fill = (/** @type {number} */ label) => {
    which.replaceChildren(...rows.map((row) => new Option(row.name, String(row.class), false, row.class === label)));
    show();
  };
  /** Do a change; what the server refuses stays in the dialog, with the classes as they are now. @param {() => Promise<void>} change */
  const attempt = async (change) => {
    save.disabled = away.disabled = true;
    try {
      await change();
      dialog.close("");
    } catch (error) {
      rows = await get("/api/classes").catch(() => rows);
      const typed = name.value;
      fill(Number(which.value));
      name.value = typed;
      problem.textContent = wordsOf(error);
    } finally { save.disabled = false; }
  };
  which.addEventListener("change", show);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!save.disabled && !save.hidden) attempt(() => rename(chosen().class, chosen().name, name.value));
  });
  away.addEventListener("click", () => {
    const row = chosen();
    if (!row.objects) return attempt(() => remove(row, null));
    if (!instead.hidden) return attempt(() => remove(row, Number(other.value)));
    instead.hidden = false; // asked first, with the number
    save.hidden = true;
    away.textContent = `Remove, and change ${counted(row.objects, "object")}`;
    note.textContent = `${about(row)} It cannot be undone in one step that ${row.objects === 1 ? "it gets" : "they get"} another class.`;
    other.focus();
  });
  form.append(field("Class", which), field("Name", name), note, instead, problem, buttons);
  fill(selected()[0]?.class ?? state.drawnClass);
  dialog.replaceChildren(dialogHead(dialog, "class-title", "Edit classes"), form);
  dialog.showModal();
  name.select();
}
