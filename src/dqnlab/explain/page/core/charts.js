/** Charts as svg: they print, scale and can be read by their own text. */

import { el, svg } from "./dom.js";
import { num } from "./i18n.js";

const PAD = { left: 52, right: 12, top: 10, bottom: 36 };
const ALONE = 14; // width of a band over one point
const ROW = 17; // of text
const DIGIT = 4.6; // half of one, in an axis
const NAME = 18; // what the name of an upright axis takes above the plot

/**
 * Lines over a common x axis.
 * series: [{name, x, y, class, apart}], of one that is `apart` nothing lies between two points; bands: [{x, low, high, class}] or [{from, to, class}] across the width,
 * marks: [{x, text, class}] upright lines, levels: [{y, text, class, below}] level lines, low/high: limits of y to include,
 * bend(y), ticks(low, high): another than the linear axis (`bent`);
 * onPick(x): called where somebody clicks; label: what the chart shows, for those who cannot see it.
 * `chart.point(x)` puts the cursor there and returns the values under it; arrow keys move it.
 */
export function lineChart(options) {
  const { series, width = 640, height = 180, label = "" } = options;
  const scale = makeScale(options, width, height);
  const chart = svg("svg", {
    viewBox: `0 0 ${width} ${height}`, class: "chart", role: "img", "aria-label": label, tabindex: "0",
  });
  chart.append(...axes(scale, options), ...(options.bands ?? []).map((band) => drawBand(band, scale)));
  const [levels, marks] = [options.levels ?? [], options.marks ?? []];
  chart.append(...levels.map((level) => drawLevel(level, scale)));
  for (const { name, x, y, class: kind = "line-0", apart = false } of series) {
    if (!apart) chart.append(svg("path", { d: path(x, y, scale), class: `line ${kind}` }, svg("title", {}, name)));
    chart.append(...dots(x, y, scale, kind, apart));
  }
  chart.append(...marks.map((mark) => drawMark(mark, scale)));
  chart.append(...levels.map((level) => levelText(level, scale)), ...marks.map((mark, i) => markText(mark, i, scale))); // over all lines
  addCursor(chart, series, scale, options);
  return chart;
}

/** Horizontal bars around zero. items: [{label, value, class, note, said}]; text says each value, or what is `said`. */
export function bars(items, { digits = 4, low = null, high = null } = {}) {
  const from = low ?? Math.min(0, ...items.map((item) => item.value));
  const to = high ?? Math.max(0, ...items.map((item) => item.value));
  const span = to - from || 1;
  const at = (value) => (100 * (Math.min(Math.max(value, from), to) - from)) / span;
  const zero = at(0);
  return el("div", { class: "bars" }, items.map(({ label, value, class: kind = "", note = "", said = null }) => {
    const fill = el("span", { class: `fill ${kind}` });
    fill.style.left = `${Math.min(zero, at(value))}%`;
    fill.style.width = Number.isFinite(value) ? `${Math.abs(at(value) - zero)}%` : "0";
    return el("div", { class: "bar" },
      el("span", { class: "bar-label" }, label),
      el("span", { class: "bar-track" }, fill),
      el("span", { class: "number" }, said ?? num(value, digits)),
      note ? el("span", { class: "muted" }, note) : null);
  }));
}

/** Round numbers that divide [low, high] into about `count` parts. */
export function ticks(low, high, count = 5) {
  const rough = (high - low) / count || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((each) => each >= rough);
  const out = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) out.push(i * step);
  return out;
}

function makeScale({ series, bands = [], levels = [], marks = [], low, high, xLow, xHigh, yLabel, bend = (y) => y }, width, height) {
  const finite = (values) => values.filter(Number.isFinite);
  const xs = finite([...series.flatMap((s) => [s.x[0], s.x.at(-1)]), ...marks.map((m) => m.x)]);
  const ys = finite([
    ...series.flatMap((s) => extremes(s.y)), ...bands.flatMap((b) => (b.low ? [...extremes(b.low), ...extremes(b.high)] : [])),
    ...levels.map((level) => level.y), low, high,
  ]);
  const [x0, x1] = widen(xLow ?? Math.min(...xs), xHigh ?? Math.max(...xs));
  const [y0, y1] = widen(Math.min(...ys), Math.max(...ys));
  const [from, to] = [bend(y0), bend(y1)];
  const right = width - PAD.right;
  const bottom = height - PAD.bottom;
  const top = PAD.top + (yLabel ? NAME : 0);
  return {
    x: (value) => PAD.left + ((value - x0) / (x1 - x0)) * (right - PAD.left),
    y: (value) => bottom - ((bend(value) - from) / (to - from)) * (bottom - top),
    unx: (pixel) => x0 + ((pixel - PAD.left) / (right - PAD.left)) * (x1 - x0),
    empty: !series.some((s) => s.y.some(Number.isFinite)), x0, x1, y0, y1, right, top, bottom, width,
  };
}

/** The least and the largest of the finite ones, however many they are. */
export function extremes(values) {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (Number.isFinite(value) && value < low) low = value;
    if (Number.isFinite(value) && value > high) high = value;
  }
  return [low, high];
}

function widen(low, high) {
  if (!Number.isFinite(low) || !Number.isFinite(high)) return [0, 1];
  return low === high ? [low - 0.5, high + 0.5] : [low, high];
}

function axes(scale, { xLabel = "", yLabel = "", ticks: upright = (low, high) => ticks(low, high, 4) }) {
  const lines = (scale.empty ? [] : upright(scale.y0, scale.y1)).flatMap((value) => [
    svg("line", { x1: PAD.left, x2: scale.right, y1: scale.y(value), y2: scale.y(value), class: "grid" }),
    svg("text", { x: PAD.left - 6, y: scale.y(value) + 4, class: "tick", "text-anchor": "end" }, short(value)),
  ]);
  const below = ticks(scale.x0, scale.x1, 5).map((value) =>
    svg("text", { x: inside(value, scale), y: scale.bottom + 16, class: "tick", "text-anchor": "middle" }, short(value)));
  const names = [
    svg("text", { x: scale.right, y: scale.bottom + 32, class: "tick", "text-anchor": "end" }, xLabel),
    svg("text", { x: 0, y: PAD.top + 4, class: "tick" }, yLabel),
  ];
  return [...lines, ...below, ...names];
}

/** Where the middle of a number below the axis stands, so that the chart does not cut it off. */
function inside(value, scale) {
  return Math.min(scale.x(value), scale.width - DIGIT * short(value).length);
}

/** 12000 -> 12k: an axis has little room. */
function short(value) {
  const size = Math.abs(value);
  if (size >= 1e6) return `${num(value / 1e6)}M`;
  return size >= 1e4 ? `${num(value / 1e3)}k` : num(value, 4);
}

function path(x, y, scale) {
  let out = "";
  let drawing = false;
  for (let i = 0; i < x.length; i++) {
    if (!Number.isFinite(y[i])) {
      drawing = false;
      continue;
    }
    out += `${drawing ? "L" : "M"}${scale.x(x[i]).toFixed(1)} ${scale.y(y[i]).toFixed(1)}`;
    drawing = true;
  }
  return out;
}

/** Points without a neighbour, of which a line shows nothing; all points where they are `apart`. */
function dots(x, y, scale, kind, apart) {
  const joined = (i) => !apart && (Number.isFinite(y[i - 1]) || Number.isFinite(y[i + 1]));
  const alone = Array.from(y.keys()).filter((i) => Number.isFinite(y[i]) && !joined(i));
  return alone.map((i) => svg("circle", { cx: scale.x(x[i]), cy: scale.y(y[i]), r: 3.5, class: `dot ${kind}` }));
}

function drawBand({ x, low, high, from, to, class: kind = "" }, scale) {
  if (x?.length === 1) {
    const [top, bottom] = [scale.y(high[0]), scale.y(low[0])];
    return svg("rect", { x: scale.x(x[0]) - ALONE / 2, width: ALONE, y: top, height: Math.max(bottom - top, 0), class: `band ${kind}` });
  }
  if (x) {
    const there = path(x, high, scale);
    const back = path([...x].reverse(), [...low].reverse(), scale).replace("M", "L");
    return svg("path", { d: `${there}${back}Z`, class: `band ${kind}` });
  }
  const clamp = (value) => Math.min(Math.max(value, scale.y0), scale.y1);
  const [top, bottom] = [scale.y(clamp(to)), scale.y(clamp(from))];
  return svg("rect", {
    x: PAD.left, width: scale.right - PAD.left, y: top, height: Math.max(bottom - top, 0), class: `band ${kind}`,
  });
}

function drawLevel({ y, class: kind = "" }, scale) {
  return svg("line", { x1: PAD.left, x2: scale.right, y1: scale.y(y), y2: scale.y(y), class: `level ${kind}` });
}

/** At the left, where training has not come so high yet; below its line where there is no room above. */
function levelText({ y, text = "", below = false }, scale) {
  const at = scale.y(y);
  const under = (below && at + 20 < scale.bottom) || at < ROW;
  return svg("text", { x: PAD.left + 6, y: at + (under ? 16 : -5), class: "tick over" }, text);
}

function drawMark({ x, class: kind = "" }, scale) {
  return svg("line", { x1: scale.x(x), x2: scale.x(x), y1: scale.top, y2: scale.bottom, class: `mark ${kind}` });
}

/** The texts of several stand one below the other: marks may be close. */
function markText({ x, text = "" }, i, scale) {
  const late = x > (scale.x0 + scale.x1) / 2;
  return svg("text", { x: scale.x(x) + (late ? -4 : 4), y: scale.top + (scale.top > PAD.top ? -5 : 20) + ROW * i, class: "tick over", "text-anchor": late ? "end" : "start" }, text);
}

function addCursor(chart, series, scale, { onPick, onPoint }) {
  const line = svg("line", { y1: scale.top, y2: scale.bottom, class: "cursor", visibility: "hidden" });
  const text = svg("text", { y: scale.bottom + 32, x: PAD.left, class: "tick readout" });
  chart.append(line, text);
  const longest = series.reduce((a, b) => (b.x.length > a.x.length ? b : a), series[0] ?? { x: [] });
  let at = -1;
  chart.point = (x) => {
    const values = series.map((s) => ({ name: s.name, value: s.y[nearest(s.x, x)] }));
    line.setAttribute("x1", scale.x(x));
    line.setAttribute("x2", scale.x(x));
    line.setAttribute("visibility", "visible");
    text.textContent = `${short(x)}: ${values.map(({ name, value }) => `${name} ${num(value, 4)}`).join(" · ")}`;
    if (onPoint) onPoint(x, values);
    return values;
  };
  const goTo = (i) => {
    if (!longest.x.length) return;
    at = Math.min(Math.max(i, 0), longest.x.length - 1);
    chart.point(longest.x[at]);
  };
  const under = (event) => {
    const box = chart.getBoundingClientRect();
    return scale.unx(((event.clientX - box.left) / box.width) * scale.width);
  };
  chart.addEventListener("pointermove", (event) => goTo(nearest(longest.x, under(event))));
  chart.addEventListener("click", (event) => { if (onPick) onPick(under(event)); });
  chart.addEventListener("keydown", (event) => {
    const move = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (move) {
      goTo(at + move);
      event.preventDefault();
    } else if (event.key === "Enter" && onPick && at >= 0) onPick(longest.x[at]);
  });
}

/** The place in ascending `xs` of what is nearest to x. */
export function nearest(xs, x) {
  let low = 0;
  let high = xs.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (xs[middle] <= x) low = middle;
    else high = middle;
  }
  return Math.abs(xs[high] - x) < Math.abs(xs[low] - x) ? high : low;
}
