// The pixels of an image: one picture, or tiles of several sizes of which only those in sight are fetched.

/** @typedef {{id: number, width: number, height: number, tile?: number, levels?: number}} Entry */

const MOST = 320; // tiles kept in memory
const AT_ONCE = 6; // requests at a time

/** Pixels of one image, drawn at any zoom. */
export class Picture {
  /** @param {Entry} entry @param {() => void} ready called when more can be drawn @param {(words: string) => void} failed */
  constructor(entry, ready, failed) {
    this.entry = entry;
    this.ready = ready;
    this.failed = failed;
    this.levels = entry.levels ?? 1;
    this.tile = entry.tile ?? 512;
    /** @type {Map<string, HTMLImageElement>} loaded, the last used at the end */
    this.loaded = new Map();
    /** @type {Map<string, HTMLImageElement>} */ this.running = new Map();
    /** @type {string[]} */ this.wanted = [];
    if (this.levels <= 1) this.#fetch("whole");
  }

  /** Whether all that is in sight is there at the size of the screen. */
  get isComplete() {
    return this.running.size === 0 && this.wanted.length === 0;
  }

  /** @param {string} key @returns {string} */
  #address(key) {
    const base = `/api/images/${this.entry.id}`;
    return key === "whole" ? `${base}/picture.png` : `${base}/tiles/${key}.png`;
  }

  /** @param {string} key */
  #fetch(key) {
    const image = new Image();
    this.running.set(key, image);
    image.decoding = "async";
    image.onload = () => {
      this.running.delete(key);
      this.loaded.set(key, image);
      while (this.loaded.size > MOST) this.loaded.delete(this.loaded.keys().next().value ?? "");
      this.#next();
      this.ready();
    };
    image.onerror = () => {
      this.running.delete(key);
      this.#next();
      this.failed(key);
    };
    image.src = this.#address(key);
  }

  #next() {
    while (this.running.size < AT_ONCE && this.wanted.length) this.#fetch(/** @type {string} */ (this.wanted.shift()));
  }

  /** The value, 0 to 255, that 99.5 of 100 pixels do not exceed; null before anything is there. @returns {number|null} */
  bright() {
    const image = this.loaded.get("whole") ?? [...this.loaded].reverse().find(([key]) => key.startsWith(`${this.levels - 1}/`))?.[1];
    if (!image) return null;
    const canvas = new OffscreenCanvas(256, 256);
    const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
    context.drawImage(image, 0, 0, 256, 256);
    const { data } = context.getImageData(0, 0, 256, 256);
    const values = new Uint8Array(256 * 256).map((_, index) => Math.max(data[4 * index], data[4 * index + 1], data[4 * index + 2])).sort();
    return values[Math.floor(values.length * 0.995)];
  }

  /** Forget requests that nobody waits for. */
  close() {
    this.wanted = [];
    for (const image of this.running.values()) image.src = "";
    this.running.clear();
  }

  /**
   * Draw what lies in sight; the context's units are pixels of the image.
   * @param {CanvasRenderingContext2D} context @param {number} scale pixels of the screen for one of the image
   * @param {import("./geometry.js").Box} sight in pixels of the image
   */
  draw(context, scale, sight) {
    context.imageSmoothingEnabled = scale < 2;
    context.imageSmoothingQuality = "high";
    if (this.levels <= 1) {
      const whole = this.loaded.get("whole");
      if (whole) context.drawImage(whole, 0, 0, this.entry.width, this.entry.height);
      return;
    }
    const level = Math.max(0, Math.min(this.levels - 1, Math.floor(Math.log2(1 / scale) + 0.2)));
    const wanted = [];
    for (let coarse = this.levels - 1; coarse >= level; coarse--) {
      for (const [key, box] of this.#tilesIn(sight, coarse)) {
        const image = this.loaded.get(key);
        if (image) {
          this.loaded.delete(key);
          this.loaded.set(key, image);
          context.drawImage(image, box[0], box[1], box[2] - box[0], box[3] - box[1]);
        } else if ((coarse === level || coarse === this.levels - 1) && !this.running.has(key)) {
          wanted.push({ key, far: this.#distance(box, sight) });
        }
      }
    }
    this.wanted = wanted.sort((a, b) => a.far - b.far).map(({ key }) => key);
    this.#next();
  }

  /** @param {import("./geometry.js").Box} sight @param {number} level @returns {[string, import("./geometry.js").Box][]} */
  #tilesIn([x0, y0, x1, y1], level) {
    const { width, height } = this.entry;
    const size = this.tile * 2 ** level; // of one tile, in pixels of the image
    /** @type {[string, import("./geometry.js").Box][]} */
    const tiles = [];
    const lastRow = Math.min(Math.ceil(height / size) - 1, Math.floor(y1 / size));
    const lastColumn = Math.min(Math.ceil(width / size) - 1, Math.floor(x1 / size));
    for (let row = Math.max(0, Math.floor(y0 / size)); row <= lastRow; row++) {
      for (let column = Math.max(0, Math.floor(x0 / size)); column <= lastColumn; column++) {
        const right = Math.min(width, (column + 1) * size), bottom = Math.min(height, (row + 1) * size);
        tiles.push([`${level}/${column}/${row}`, [column * size, row * size, right, bottom]]);
      }
    }
    return tiles;
  }

  /** @param {import("./geometry.js").Box} box @param {import("./geometry.js").Box} sight */
  #distance(box, sight) {
    return Math.hypot(box[0] + box[2] - sight[0] - sight[2], box[1] + box[3] - sight[1] - sight[3]);
  }
}
