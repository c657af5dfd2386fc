// Plane geometry of shapes. Coordinates are pixels of the upright image, (x, y); pixel (0, 0)
// covers [0, 1) x [0, 1). A ring is [[x, y], ...], a polygon [outer, ...holes], a shape [polygon, ...].

/** @typedef {[number, number]} Point */
/** @typedef {Point[]} Ring */
/** @typedef {Ring[][]} Shape */
/** @typedef {[number, number, number, number]} Box x0, y0, x1, y1 */

/**
 * Return the box around all points of a shape.
 * @param {Shape} shape
 * @returns {Box}
 */
export function boxOf(shape) {
  let [x0, y0, x1, y1] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const polygon of shape) for (const [x, y] of polygon[0] ?? []) {
    if (x < x0) x0 = x;
    if (y < y0) y0 = y;
    if (x > x1) x1 = x;
    if (y > y1) y1 = y;
  }
  return [x0, y0, x1, y1];
}

/** @param {Ring} ring @returns {number} the area in square pixels, never negative */
function ringArea(ring) {
  let sum = 0;
  for (let i = 0, j = ring.length - 1; i < ring.length; j = i++) {
    sum += ring[j][0] * ring[i][1] - ring[i][0] * ring[j][1];
  }
  return Math.abs(sum) / 2;
}

/**
 * Return the area of a shape in square pixels, holes taken off.
 * @param {Shape} shape
 */
export function areaOf(shape) {
  let sum = 0;
  for (const [outer, ...holes] of shape) {
    sum += ringArea(outer) - holes.reduce((all, hole) => all + ringArea(hole), 0);
  }
  return sum;
}

/**
 * Whether a point is inside of a shape (even-odd rule).
 * @param {Shape} shape @param {number} x @param {number} y
 */
export function contains(shape, x, y) {
  let inside = false;
  for (const polygon of shape) for (const ring of polygon) {
    for (let i = 0, j = ring.length - 1; i < ring.length; j = i++) {
      const [xi, yi] = ring[i], [xj, yj] = ring[j];
      if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) inside = !inside;
    }
  }
  return inside;
}

/** @param {Box} a @param {Box} b */
export const overlap = (a, b) => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];

/** Return the area that two boxes share, as a part of the area of both. @param {Box} a @param {Box} b */
export function overlapOf(a, b) {
  const shared = Math.max(0, Math.min(a[2], b[2]) - Math.max(a[0], b[0])) * Math.max(0, Math.min(a[3], b[3]) - Math.max(a[1], b[1]));
  const all = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared;
  return all > 0 ? shared / all : 0;
}

/**
 * Return the distance of a point from a segment.
 * @param {Point} p @param {Point} a @param {Point} b
 */
function fromSegment(p, a, b) {
  const dx = b[0] - a[0], dy = b[1] - a[1];
  const length = dx * dx + dy * dy;
  const t = length ? Math.max(0, Math.min(1, ((p[0] - a[0]) * dx + (p[1] - a[1]) * dy) / length)) : 0;
  return Math.hypot(p[0] - a[0] - t * dx, p[1] - a[1] - t * dy);
}

/**
 * Return the points of a line that keep it within a distance of itself (Douglas and Peucker).
 * @param {Point[]} line @param {number} tolerance in pixels @returns {Point[]}
 */
export function simplified(line, tolerance) {
  if (line.length < 3) return line.slice();
  const kept = new Uint8Array(line.length);
  kept[0] = kept[line.length - 1] = 1;
  const spans = [[0, line.length - 1]];
  for (let span = spans.pop(); span; span = spans.pop()) {
    let far = 0, at = -1;
    for (let i = span[0] + 1; i < span[1]; i++) {
      const distance = fromSegment(line[i], line[span[0]], line[span[1]]);
      if (distance > far) [far, at] = [distance, i];
    }
    if (far > tolerance) {
      kept[at] = 1;
      spans.push([span[0], at], [at, span[1]]);
    }
  }
  return line.filter((_, i) => kept[i]);
}

/**
 * Return how many of evenly placed points of a line are inside of a shape.
 * @param {Point[]} line @param {Shape} shape
 */
export function partInside(line, shape) {
  let count = 0;
  for (let i = 1; i < line.length; i++) for (let k = 0; k < 16; k++) {
    const t = k / 16;
    const x = line[i - 1][0] * (1 - t) + line[i][0] * t;
    const y = line[i - 1][1] * (1 - t) + line[i][1] * t;
    if (contains(shape, x, y)) count++;
  }
  return count;
}
