// Something to move, made of data in the page: the rate, the switch, the number of looks.
"use strict";
(() => {
const SVG = "http://www.w3.org/2000/svg";
function make(parent, tag, attributes, text, space) {
  const node = space ? document.createElementNS(space, tag) : document.createElement(tag);
  for (const [key, value] of Object.entries(attributes || {})) node.setAttribute(key, value);
  if (text) node.textContent = text;
  parent.appendChild(node);
  return node;
}
function slider(box, content, low, high, step, start, show) {
  const id = "try-" + box.dataset.try;
  make(box, "label", {for: id}, content.title);
  const input = make(box, "input",
    {id, type: "range", min: low, max: high, step, value: start});
  const out = make(box, "output", {for: id, "aria-live": "polite"});
  const update = () => { out.textContent = show(Number(input.value)); };
  input.addEventListener("input", update);
  update();
}
const figures = {
  rate(box, content) {
    const side = content.side, middle = (side - 1) / 2;
    const svg = make(box, "svg", {viewBox: `0 0 ${side} ${side}`, role: "img",
      "aria-label": "a piece of a photograph with the cells that a convolution reads"}, "", SVG);
    make(svg, "image", {href: content.picture, width: side, height: side,
      style: "image-rendering:pixelated"}, "", SVG);
    const cells = [];
    for (let i = 0; i < 9; i++)
      cells.push(make(svg, "rect", {width: 1, height: 1, fill: "#ff9433", "fill-opacity": 0.45,
        stroke: "#ff9433", "stroke-width": 0.12}, "", SVG));
    slider(box, content, 1, content.most, 1, 1, rate => {
      cells.forEach((cell, i) => {
        cell.setAttribute("x", middle + (i % 3 - 1) * rate);
        cell.setAttribute("y", middle + (Math.floor(i / 3) - 1) * rate);
      });
      const reach = 2 * rate + 1;
      return `Rate ${rate}: nine cells within ${reach} x ${reach}. Nine weights, as at every rate; ` +
        `${9} of ${reach * reach} cells are read` + (rate > 1 ? ", the others are skipped." : ".");
    });
  },
  switch(box, content) {
    const canvas = make(box, "canvas", {width: content.width, height: content.height, role: "img",
      "aria-label": "one channel of the layer's output"});
    const context = canvas.getContext("2d");
    const most = Math.max(...content.near.map(Math.abs), ...content.far.map(Math.abs));
    slider(box, content, -0.5, 1.5, 0.05, 1, s => {
      const image = context.createImageData(content.width, content.height);
      for (let i = 0; i < content.near.length; i++) {
        const value = s * content.near[i] + (1 - s) * content.far[i];
        const light = Math.max(0, Math.min(255, 128 + 127 * value / most));
        image.data.set([light, light, light, 255], 4 * i);
      }
      context.putImageData(image, 0, 0);
      const words = s === 1 ? "the near branch alone" : s === 0 ? "the far branch alone"
        : s > 1 ? "the far branch is subtracted" : s < 0 ? "the near branch is subtracted"
        : "a mixture";
      return `S = ${s.toFixed(2)}: ${words}. Channel ${content.channel} of a layer, on the ` +
        "photograph of the mushrooms; grey is 0.";
    });
  },
  looks(box, content) {
    slider(box, content, 1, content.most, 1, Math.min(2, content.most), t => {
      const [looks, parameters, work] = content.costs[t - 1];
      return `T = ${looks}: ${parameters.toFixed(0)} million parameters, and ${work.toFixed(2)} ` +
        "times the multiply-adds of one look" + (t === 1 ? ": no feedback, a plain pyramid." : ".");
    });
  },
};
for (const box of document.querySelectorAll("[data-try]")) {
  box.hidden = false;
  figures[box.dataset.try](box, JSON.parse(box.dataset.content));
}
})();
