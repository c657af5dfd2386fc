// The dialog that adds a class to the project: its name is checked by the server, and saved with the corrections.
import { dialogHead, element } from "./announce.js";
import { send, wordsOf } from "./api.js";
import { counted, selected, useClasses } from "./state.js";

const dialog = /** @type {HTMLDialogElement} */ (document.getElementById("class-dialog"));
const LONGEST = 80; // characters, as the server takes them

/** Ask for the name of a class, and use it. @param {(index: number) => void} use is given the new class */
export function openNewClass(use) {
  const form = element("form", "body");
  const count = selected().length;
  const label = element("label", "field", "Name");
  const name = document.createElement("input");
  Object.assign(name, { type: "text", id: "class-name", maxLength: LONGEST, autocomplete: "off", required: true, autofocus: true });
  label.append(name);
  const note = element("p", "muted", count ? `${counted(count, "selected object")} will have this class.` : "The next object that you draw will have this class.");
  const problem = element("p", "problem");
  problem.setAttribute("role", "alert");
  const buttons = element("div", "buttons");
  const add = /** @type {HTMLButtonElement} */ (element("button", "primary", "Add"));
  add.type = "submit";
  buttons.append(add);
  form.append(label, note, problem, buttons);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (add.disabled) return;
    add.disabled = true;
    try {
      const answer = await send("POST", "/api/classes", { name: name.value });
      dialog.close("");
      useClasses(answer.classes);
      use(answer.class);
    } catch (error) {
      problem.textContent = wordsOf(error);
      name.focus();
    } finally { add.disabled = false; }
  });
  dialog.replaceChildren(dialogHead(dialog, "class-title", "New class"), form);
  dialog.showModal();
}
