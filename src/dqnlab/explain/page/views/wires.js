/** The lines between the boxes of the machine, drawn where the boxes are; the one that was just taken is lit. */

import { clear, svg } from "../core/dom.js";

/**
 * [from, to, way, stops, word]. A way: "across" between neighbours, or [x, x]: between an edge of the first and the facing
 * one of the second, at these shares of their widths. The stops light it; the word is written on it.
 */
const WIRES = [
  ["online", "env", [0.25, 0.6], ["reward"], "acts"],
  ["env", "replay", "across", ["stored"]],
  ["replay", "batch", "across", ["drawn", "weight"]],
  ["batch", "online", [0.25, 0.6], ["prediction"]],
  ["batch", "target", [0.6, 0.6], ["next", "discount", "added"]],
  ["online", "best", "across", []],
  ["online", "target", "across", ["sync"], "sync"],
  ["online", "error", [0.75, 0.25], ["error"]],
  ["target", "error", [0.6, 0.6], ["goal"]],
  ["error", "update", "across", ["update"], "gradient"],
  ["update", "online", [0.35, 0.35], ["after"]],
];

/** The same on a phone, in two columns. */
const NARROW = [
  ["step", "env", "across", ["reward"], "acts"],
  ["env", "replay", [0.3, 0.7], ["stored"]],
  ["replay", "batch", "across", ["drawn", "weight"]],
  ["batch", "online", [0.2, 0.8], ["prediction"]],
  ["batch", "target", [0.6, 0.6], ["next", "discount", "added"]],
  ["online", "target", "across", ["sync"], "sync"],
  ["online", "error", [0.8, 0.2], ["error"]],
  ["target", "error", [0.6, 0.6], ["goal"]],
  ["error", "update", "across", ["update"], "gradient"],
  ["update", "online", [0.35, 0.35], ["after"]],
];

/** Draws all wires; `lit` is the present stop. */
export function drawWires(canvas, board, boxes, lit, { lone, offline }, t) {
  const [width, height] = [board.clientWidth, board.clientHeight];
  clear(canvas);
  canvas.setAttribute("viewBox", `0 0 ${width || 1} ${height || 1}`);
  canvas.append(svg("defs", {}, head("machine-head"), head("machine-head-lit")));
  const wide = boxes.get("env").offsetTop === boxes.get("batch").offsetTop;
  for (const [from, to, way, stops, word] of wide ? WIRES : NARROW) {
    if ((lone && [from, to].includes("target")) || (offline && to === "env")) continue;
    const on = stops.includes(lit);
    const { d, x, y } = path(boxes.get(from), boxes.get(to), way);
    canvas.append(svg("path", {
      d, class: `machine-wire${on ? " lit" : ""}${stops.length ? "" : " aside"}`, "marker-end": `url(#machine-head${on ? "-lit" : ""})`,
    }));
    if (word) canvas.append(svg("text", { x, y: y - 8 }, t(`step.wire_${word}`)));
  }
}

const head = (id) => svg("marker", { id, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto", class: id },
  svg("path", { d: "M0 0L8 4L0 8Z" }));

/** {d, x, y}: a path, and the middle of its level part. */
function path(from, to, way) {
  if (way === "across") {
    const y = Math.min(from.offsetTop, to.offsetTop) + Math.min(from.offsetHeight, to.offsetHeight) / 2;
    const right = to.offsetLeft > from.offsetLeft;
    const [x0, x1] = [from.offsetLeft + (right ? from.offsetWidth : 0), to.offsetLeft + (right ? 0 : to.offsetWidth)];
    return { d: `M${x0} ${y}H${x1}`, x: (x0 + x1) / 2, y };
  }
  const [x0, x1] = [from.offsetLeft + way[0] * from.offsetWidth, to.offsetLeft + way[1] * to.offsetWidth];
  const up = to.offsetTop < from.offsetTop;
  const y0 = from.offsetTop + (up ? 0 : from.offsetHeight);
  const y1 = to.offsetTop + (up ? to.offsetHeight : 0);
  const y = (y0 + y1) / 2;
  return { d: x0 === x1 ? `M${x0} ${y0}V${y1}` : `M${x0} ${y0}V${y}H${x1}V${y1}`, x: (x0 + x1) / 2, y };
}
