/** Puts maps on a canvas. */

import { ticks } from "../core/charts.js";
import { colour } from "../core/dom.js";
import { num } from "../core/i18n.js";
import { actionClass } from "../core/naming.js";

const PAD = { left: 50, right: 8, top: 8, bottom: 38 };
const FAINT = { light: 0.25, dark: 0.45 }; // how much of an action's colour is left where its gap is zero
const GUESS = { light: 0.22, dark: 0.4 }; // and where nobody went: on dark paper less is not seen
const STOPS = [[43, 30, 91], [47, 95, 154], [47, 156, 138], [168, 197, 69], [251, 227, 106]];

/** A colour of the style sheet as [red, green, blue]. */
export function rgb(name) {
  const context = document.createElement("canvas").getContext("2d");
  context.fillStyle = colour(name);
  return [1, 3, 5].map((at) => parseInt(context.fillStyle.slice(at, at + 2), 16));
}

/** The colour of a value: share 0 is dark blue, 1 is yellow. */
export function valueColour(share) {
  const at = Math.min(Math.max(share, 0), 1) * (STOPS.length - 1);
  const below = Math.min(Math.floor(at), STOPS.length - 2);
  return mix(STOPS[below], STOPS[below + 1], at - below);
}

const kindOf = ([red, green, blue]) => (red + green + blue > 384 ? "light" : "dark");

/** The colour of an action: the nearer its gap comes to `wide`, the more of it. */
export function actionColours(count) {
  const paper = rgb("--card");
  const faint = FAINT[kindOf(paper)];
  const own = Array.from({ length: count }, (_, a) => rgb(`--${actionClass(a)}`));
  return (action, gap, wide) => mix(paper, own[action], faint + (1 - faint) * Math.min(gap / (wide || 1), 1));
}

/** A colour, the fainter the less its point is `known`, 0 to 1 for each. */
export function faded(known) {
  const paper = rgb("--card");
  const guess = GUESS[kindOf(paper)];
  return (parts, k) => mix(paper, parts, guess + (1 - guess) * known[k]);
}

export function css(parts) {
  return `rgb(${parts.map(Math.round).join(" ")})`;
}

/** A colour for a number from -1 to 1: zero is the ground, +1 one colour, -1 the other. */
export function shade(share, { on, off, minus }) {
  const much = share === 0 ? 0 : 0.15 + 0.85 * Math.abs(share);
  return mix(off, share < 0 ? minus : on, much);
}

/** The three colours of `shade`. */
export function shades() {
  return { on: rgb("--accent"), off: rgb("--shade"), minus: rgb("--minus") };
}

function mix(a, b, share) {
  return a.map((value, k) => value + (b[k] - value) * share);
}

/** A picture of side * side points from a function of the point's place -> [red, green, blue]. */
export function picture(side, at) {
  const canvas = document.createElement("canvas");
  canvas.width = side;
  canvas.height = side;
  const image = new ImageData(side, side);
  for (let k = 0; k < side * side; k++) {
    const parts = at(k);
    for (let c = 0; c < 3; c++) image.data[4 * k + c] = parts[c];
    image.data[4 * k + 3] = 255;
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

/** A context of the size that the canvas has on the page, in css pixels: {context, width, height}. */
export function fit(canvas, ratio) {
  const width = Math.max(canvas.clientWidth, 200);
  const height = Math.round(width * ratio);
  const fine = Math.min(devicePixelRatio || 1, 2);
  canvas.width = width * fine;
  canvas.height = height * fine;
  const context = canvas.getContext("2d");
  context.scale(fine, fine);
  context.font = "13px system-ui, sans-serif";
  return { context, width, height };
}

/** Where a point of the plane lies on the canvas, and back. An axis whose first number is the larger one is turned round. */
export function frameOf(width, height, [xLow, xHigh], [yLow, yHigh]) {
  const [across, up] = [width - PAD.left - PAD.right, height - PAD.top - PAD.bottom];
  return {
    across, up, left: PAD.left, top: PAD.top, xs: [xLow, xHigh], ys: [yLow, yHigh],
    x: (value) => PAD.left + ((value - xLow) / (xHigh - xLow)) * across,
    y: (value) => PAD.top + ((yHigh - value) / (yHigh - yLow)) * up,
    point: (px, py) => [xLow + ((px - PAD.left) / across) * (xHigh - xLow), yHigh - ((py - PAD.top) / up) * (yHigh - yLow)],
  };
}

/** One map: the picture, visited moments on top, axes around. Returns its frame (`frameOf`). */
export function paintPlane(canvas, { image, xLimits, yLimits, names, moments }) {
  const { context, width, height } = fit(canvas, 0.8);
  const frame = frameOf(width, height, xLimits, yLimits);
  context.imageSmoothingQuality = "high";
  context.drawImage(image, frame.left, frame.top, frame.across, frame.up);
  context.save();
  context.beginPath();
  context.rect(frame.left, frame.top, frame.across, frame.up);
  context.clip();
  for (const { x, y } of moments) {
    dot(context, frame.x(x), frame.y(y), 1.7, "rgb(255 255 255 / 0.5)");
    dot(context, frame.x(x), frame.y(y), 1, "rgb(0 0 0 / 0.6)");
  }
  context.restore();
  axes(context, frame, names, width, height);
  return frame;
}

export function dot(context, x, y, radius, fill) {
  context.fillStyle = fill;
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fill();
}

/** Black in white, to be seen on every colour. */
export function ring(context, x, y, radius) {
  for (const [stroke, line] of [["#fff", 5], ["#000", 2]]) {
    context.strokeStyle = stroke;
    context.lineWidth = line;
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.stroke();
  }
}

function axes(context, frame, [xName, yName], width, height) {
  context.fillStyle = colour("--muted");
  context.strokeStyle = colour("--line");
  context.lineWidth = 1;
  context.strokeRect(frame.left, frame.top, frame.across, frame.up);
  context.textAlign = "center";
  for (const value of ticks(...frame.xs, 5)) context.fillText(num(value), frame.x(value), height - PAD.bottom + 15);
  context.textAlign = "right";
  for (const value of ticks(Math.min(...frame.ys), Math.max(...frame.ys), 5)) context.fillText(num(value), frame.left - 5, frame.y(value) + 4);
  context.fillText(xName, width - PAD.right, height - 6);
  context.save();
  context.translate(12, frame.top);
  context.rotate(-Math.PI / 2);
  context.fillText(yName, 0, 0);
  context.restore();
}
