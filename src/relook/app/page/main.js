// Starts the page: asks for the project and the images, and wires the parts together.
import { startAdding } from "./adding.js";
import { get, wordsOf } from "./api.js";
import { startDrawing } from "./drawing.js";
import { startFilters } from "./filters.js";
import { startGestures } from "./gestures.js";
import { fetchImages, fetchSuggestion, openImage, startImages, useModel } from "./images.js";
import { startKeys } from "./keys.js";
import { remembered, remember } from "./memory.js";
import { startNotices } from "./notices.js";
import { saveAll, startSaving } from "./saving.js";
import { changed, emit, on, state } from "./state.js";
import { startTable } from "./table.js";
import { startTeach } from "./teach.js";
import { isDrawn, startViewer, toScreen } from "./viewer.js";

const models = /** @type {HTMLSelectElement} */ (document.getElementById("model"));

function showProject() {
  const { project } = state;
  if (!project) return;
  const folder = /** @type {HTMLElement} */ (document.getElementById("folder"));
  folder.textContent = project.folder ? `\u200e${project.folder}` : "";
  folder.title = `Images: ${project.folder ?? "only those that are added"}\nCorrections: ${project.annotations}`;
  models.replaceChildren(...project.models.map((/** @type {any} */ model) => {
    const name = typeof model === "string" ? model : model.name;
    return new Option(name, name, false, name === state.model);
  }));
}

async function begin() {
  state.project = await get("/api/project");
  state.model = state.project.model;
  state.view.threshold = state.project.threshold;
  emit("project");
  await fetchImages();
  const first = state.images.find((entry) => entry.status !== "unreadable") ?? state.images[0];
  const last = remembered(`${state.project.annotations}:image`);
  const wanted = state.images.find((entry) => entry.id === last?.id && entry.name === last.name) ?? first;
  if (wanted) openImage(wanted.id);
  emit("begun");
  fetchSuggestion();
}

startViewer();
startDrawing();
startGestures();
startImages();
startFilters();
startTable();
startSaving();
startNotices();
startAdding();
startTeach();
startKeys();
models.addEventListener("change", () => useModel(models.value));
on("project", showProject);
on("document", () => {
  const { entry, project } = state;
  if (entry) remember(`${project.annotations}:image`, { id: entry.id, name: entry.name });
});
on("threshold", () => {
  const open = state.document;
  if (open?.isSaved || open?.isDirty) {
    open.version++;
    changed(open);
  }
});
on("connection", () => { if (state.connected && !state.project) begin().catch(() => {}); });
begin().catch((error) => {
  state.problem = wordsOf(error);
  emit("begun");
});

/** For tests and for the console: what is there, and whether it is drawn. */
/** @type {any} */ (window).relook = { state, isDrawn, saveAll, toScreen };
