// A list of any length of which only the rows in sight are elements. Arrow keys move in it.

/**
 * Rows of one height in a host that scrolls. The host has the focus; rows are named by
 * aria-activedescendant, so that a screen reader hears each.
 * @template T
 */
export class VirtualList {
  /**
   * @param {HTMLElement} host
   * @param {{height: number, make: () => HTMLElement, fill: (row: HTMLElement, item: T, index: number) => void,
   *   move: (index: number, event: KeyboardEvent|MouseEvent) => void, head?: number}} how head: pixels of what stands above the rows and stays
   */
  constructor(host, how) {
    this.host = host;
    this.how = how;
    /** @type {T[]} */ this.items = [];
    this.active = -1;
    /** @type {Map<number, HTMLElement>} */ this.rows = new Map();
    this.spacer = document.createElement("div");
    this.spacer.className = "rows";
    this.spacer.setAttribute("role", "presentation");
    host.append(this.spacer);
    this.asked = 0;
    host.addEventListener("scroll", () => this.later());
    host.addEventListener("keydown", (event) => this.#pressed(event));
    host.addEventListener("mousedown", (event) => { if (event.shiftKey) event.preventDefault(); });
    host.addEventListener("click", (event) => {
      const index = this.indexOf(event.target);
      if (index >= 0) how.move(index, event);
    });
    new ResizeObserver(() => this.later()).observe(host);
  }

  /** @param {EventTarget|null} target @returns {number} */
  indexOf(target) {
    const row = /** @type {HTMLElement|null} */ (target)?.closest?.("[data-index]");
    return row ? Number(/** @type {HTMLElement} */ (row).dataset.index) : -1;
  }

  /** @param {T[]} items */
  set(items) {
    this.items = items;
    this.spacer.style.height = `${items.length * this.how.height}px`;
    if (this.active >= items.length) this.active = items.length - 1;
    this.refresh();
  }

  /** @param {number} index @param {boolean} [scroll] */
  activate(index, scroll = true) {
    this.active = index;
    if (scroll && index >= 0) {
      const { height, head = 0 } = this.how;
      const { scrollTop, clientHeight } = this.host;
      if (index * height < scrollTop) this.host.scrollTop = index * height;
      else if (head + (index + 1) * height > scrollTop + clientHeight) {
        this.host.scrollTop = head + (index + 1) * height - clientHeight;
      }
    }
    this.refresh();
  }

  later() {
    if (!this.asked) this.asked = requestAnimationFrame(() => { this.asked = 0; this.refresh(); });
  }

  refresh() {
    const { height } = this.how;
    const { scrollTop, clientHeight } = this.host;
    const first = Math.max(0, Math.floor(scrollTop / height) - 4);
    const last = Math.min(this.items.length - 1, Math.ceil((scrollTop + clientHeight) / height) + 4);
    const wanted = new Set();
    for (let index = first; index <= last; index++) wanted.add(index);
    if (this.active >= 0) wanted.add(this.active);
    for (const [index, row] of this.rows) if (!wanted.has(index)) {
      row.remove();
      this.rows.delete(index);
    }
    for (const index of wanted) this.#row(index);
    const row = this.rows.get(this.active);
    if (row) this.host.setAttribute("aria-activedescendant", row.id);
    else this.host.removeAttribute("aria-activedescendant");
  }

  /** @param {number} index */
  #row(index) {
    let row = this.rows.get(index);
    if (!row) {
      row = this.how.make();
      row.id = `${this.host.id}-row-${index}`;
      row.dataset.index = String(index);
      row.style.top = `${index * this.how.height}px`;
      this.rows.set(index, row);
      this.spacer.append(row);
    }
    row.classList.toggle("active", index === this.active);
    this.how.fill(row, this.items[index], index);
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    const page = Math.max(1, Math.floor(this.host.clientHeight / this.how.height) - 1);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    const step = steps[/** @type {"Home"} */ (event.key)];
    if (step === undefined || event.ctrlKey || event.metaKey || !this.items.length) return;
    event.preventDefault();
    event.stopPropagation();
    const index = Math.max(0, Math.min(this.items.length - 1, Math.max(this.active, step > 0 ? -1 : 0) + step));
    this.how.move(index, event);
  }
}
