/** Pictures of how a return is spread: probabilities as bars, quantiles as dots that rise with their level. */

import { ticks } from "./charts.js";
import { svg } from "./dom.js";
import { num } from "./i18n.js";

const PAD = { left: 6, right: 6, top: 6, bottom: 18 };
const SEEN = 1 / 200; // of the largest probability: less is left out at the ends

/**
 * layers: [{name, class, at, share, mean}] with probabilities `share` of the returns `at`, the first one as bars and the
 * second as an outline; or [{name, class, at, level, mean}] with quantiles `at`, ascending. from, to: the ends of the axis.
 */
export function spread({ layers, label, from, to, width = 300, height = 110 }) {
  const bottom = height - PAD.bottom;
  const x = (value) => PAD.left + ((value - from) / (to - from || 1)) * (width - PAD.left - PAD.right);
  const y = (share) => bottom - share * (bottom - PAD.top);
  const chart = svg("svg", { viewBox: `0 0 ${width} ${height}`, class: "chart spread", role: "img", "aria-label": label });
  chart.append(
    svg("line", { x1: PAD.left, x2: width - PAD.right, y1: bottom, y2: bottom, class: "grid" }),
    ...ticks(from, to, 5).map((value) =>
      svg("text", { x: x(value), y: height - 5, class: "tick", "text-anchor": "middle" }, num(value, 4))));
  const most = Math.max(...layers.flatMap((layer) => (layer.share ? Array.from(layer.share) : [0])), 1e-12);
  layers.forEach((layer, i) => {
    const shape = layer.level ? dots(layer, x, y) : i === 0 ? columns(layer, most, x, y) : outline(layer, most, x, y);
    chart.append(svg("g", { class: `spread-layer ${layer.class}` }, svg("title", {}, layer.name), shape, meanLine(layer, x, bottom)));
  });
  return chart;
}

/** The returns that are to be seen: {from, to}. layers as in `spread`, those of several pictures with one axis. */
export function sight(layers) {
  let [from, to] = [Infinity, -Infinity];
  for (const { at, share, mean } of layers) {
    const least = share ? SEEN * Math.max(...share) : 0;
    at.forEach((value, i) => {
      if (share && share[i] < least) return;
      from = Math.min(from, value);
      to = Math.max(to, value);
    });
    from = Math.min(from, mean);
    to = Math.max(to, mean);
  }
  const gap = layers[0].share && layers[0].at.length > 1 ? layers[0].at[1] - layers[0].at[0] : 0;
  const room = Math.max(gap, 0.02 * (to - from)) || 0.5;
  return { from: from - room, to: to + room };
}

const inSight = (value, x) => Math.min(Math.max(x(value), 0), 4096);

function columns({ at, share }, most, x, y) {
  const half = at.length > 1 ? 0.45 * (at[1] - at[0]) : 0.5;
  return Array.from(at, (value, i) => svg("rect", {
    x: inSight(value - half, x), width: Math.max(x(value + half) - x(value - half), 0.5), y: y(share[i] / most),
    height: Math.max(y(0) - y(share[i] / most), 0),
  }));
}

function outline({ at, share }, most, x, y) {
  const half = at.length > 1 ? 0.5 * (at[1] - at[0]) : 0.5;
  const steps = Array.from(at, (value, i) =>
    `${x(value - half).toFixed(1)} ${y(share[i] / most).toFixed(1)}L${x(value + half).toFixed(1)} ${y(share[i] / most).toFixed(1)}`);
  return svg("path", { d: `M${steps.join("L")}` });
}

function dots({ at, level }, x, y) {
  return Array.from(at, (value, i) => svg("circle", { cx: x(value), cy: y(level[i]), r: at.length > 60 ? 1.5 : 2.5 }));
}

function meanLine({ mean }, x, bottom) {
  return svg("line", { x1: x(mean), x2: x(mean), y1: PAD.top - 4, y2: bottom + 4, class: "spread-mean" });
}
