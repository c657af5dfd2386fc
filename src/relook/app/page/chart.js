// A chart of losses over steps, as SVG.

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 290, HEIGHT = 150, LEFT = 34, BOTTOM = 22, TOP = 8, RIGHT = 6;

/** @param {string} tag @param {Record<string, string|number>} values @param {string} [words] */
function shape(tag, values, words = "") {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(values)) node.setAttribute(name, String(value));
  if (words) node.textContent = words;
  return node;
}

/** Running mean of the last values. @param {number[]} values @param {number} width */
function smooth(values, width) {
  return values.map((_, index) => {
    const part = values.slice(Math.max(0, index - width + 1), index + 1);
    return part.reduce((a, b) => a + b, 0) / part.length;
  });
}

/**
 * Draw losses into an SVG element: each value thin, their running mean thick.
 * @param {SVGElement} svg @param {[number, number][]} losses steps and values @param {number} steps of the whole training
 */
export function drawLosses(svg, losses, steps) {
  const finite = losses.filter(([, value]) => Number.isFinite(value));
  const most = Math.max(...finite.map(([, value]) => value), 1e-9) * 1.05;
  const last = Math.max(steps || 0, ...finite.map(([step]) => step), 1);
  const x = (/** @type {number} */ step) => LEFT + (step / last) * (WIDTH - LEFT - RIGHT);
  const y = (/** @type {number} */ value) => TOP + (1 - value / most) * (HEIGHT - TOP - BOTTOM);
  const line = (/** @type {number[]} */ values) => finite.map(([step], index) => `${index ? "L" : "M"}${x(step).toFixed(1)} ${y(values[index]).toFixed(1)}`).join("");
  const values = finite.map(([, value]) => value);
  const parts = [0, 0.5, 1].flatMap((part) => [
    shape("line", { class: "rule", x1: LEFT, x2: WIDTH - RIGHT, y1: y(part * most), y2: y(part * most) }),
    shape("text", { x: LEFT - 5, y: y(part * most) + 4, "text-anchor": "end" }, (part * most).toPrecision(2)),
  ]);
  parts.push(
    shape("text", { x: LEFT, y: HEIGHT - 6 }, "step 0"),
    shape("text", { x: WIDTH - RIGHT, y: HEIGHT - 6, "text-anchor": "end" }, String(last)),
    shape("path", { class: "raw", d: line(values) }),
    shape("path", { class: "curve", d: line(smooth(values, Math.max(1, Math.round(values.length / 12)))) }),
  );
  svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  svg.setAttribute("role", "img");
  const words = values.length ? `Loss: ${values[0].toPrecision(3)} at step ${finite[0][0]}, ${values[values.length - 1].toPrecision(3)} at step ${finite[finite.length - 1][0]}` : "No loss yet";
  svg.setAttribute("aria-label", words);
  svg.replaceChildren(...parts);
}
