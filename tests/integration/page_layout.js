// SPDX-License-Identifier: GPL-2.0-or-later
// What is wrong with a report as it is laid out, a line each: anything wider than the window, text
// over text, a chart that shows nothing.
(() => {
  const wrong = [];
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth > width) wrong.push("wider than the window");
  for (const one of document.querySelectorAll("main *:not(.plot *):not(.wide *)")) {
    const box = one.getBoundingClientRect();
    if (box.width && (box.right > width + 1 || box.left < -1)) {
      wrong.push(`out of view: ${one.outerHTML.slice(0, 80)}`);
    }
  }
  const boxes = [...document.querySelectorAll("main > *, .tile, .chart")]
    .map((one) => [one, one.getBoundingClientRect()])
    .filter(([, box]) => box.height);
  for (const [a, p] of boxes) {
    for (const [b, q] of boxes) {
      if (a === b || a.contains(b) || b.contains(a)) continue;
      const beside = p.left < q.right - 1 && q.left < p.right - 1;
      if (beside && p.top < q.bottom - 1 && q.top < p.bottom - 1) {
        wrong.push(`overlap: ${a.className} ${a.id} and ${b.className} ${b.id}`);
      }
    }
  }
  for (const plot of document.querySelectorAll(".plot")) {
    const paths = plot.querySelectorAll(".scatterlayer path, .barlayer path");
    const shown = [...paths].some((path) => {
      const box = path.getBBox();
      return box.width + box.height > 20;
    });
    if (!shown) wrong.push(`empty: ${plot.id}`);
    const whole = plot.querySelector(".main-svg").getBoundingClientRect();
    const legend = plot.querySelector(".legend");
    const grid = plot.querySelector(".bglayer, .gridlayer");
    if (legend && grid) {
      const box = legend.getBoundingClientRect();
      const area = grid.getBoundingClientRect();
      if (box.bottom > whole.bottom + 1 || box.right > whole.right + 1 || box.top < whole.top - 1) {
        wrong.push(`legend cut off: ${plot.id}`);
      }
      if (area.height && box.top < area.bottom - 2 && area.top < box.bottom - 2) {
        wrong.push(`legend over the chart: ${plot.id}`);
      }
    }
  }
  return wrong;
})();
