/** The map of a discrete observation: one square per state, as the lake lies or in rows. */

import { colour } from "../core/dom.js";
import { num } from "../core/i18n.js";
import { statesOf } from "../net/features.js";
import { css, dot, fit, ring, rgb } from "./paint.js";

const ARROWS = [[-1, 0], [0, 1], [1, 0], [0, -1]]; // FrozenLake's actions 0 to 3, y downwards

/** How the squares lie: {columns, rows, letters (of the lake) or null}. */
export function layout({ data }) {
  const { count } = statesOf(data.obs);
  const lake = data.world?.kind === "frozenlake" ? data.world.params.desc : null;
  if (lake && lake.join("").length === count) return { columns: lake[0].length, rows: lake.length, letters: lake.join("") };
  const columns = Math.ceil(Math.sqrt(count));
  return { columns, rows: Math.ceil(count / columns), letters: null };
}

/** Whether an episode is over in a state of the lake: the network is never asked there. */
export function isOver({ letters }, state) {
  return letters !== null && (letters[state] === "H" || letters[state] === "G");
}

/** The state under a point of the canvas, or null. */
export function stateAt(canvas, { columns, rows }, count, x, y) {
  const size = canvas.clientWidth / columns;
  const [column, row] = [Math.floor(x / size), Math.floor(y / size)];
  const state = row * columns + column;
  return column >= 0 && column < columns && row >= 0 && row < rows && state < count ? state : null;
}

/** colourOf(state) -> [red, green, blue]; values: numbers to write, or null for the best action of `actions`. */
export function paintStates(canvas, { plan, count, colourOf, values, actions, visits, here }) {
  const { context, width } = fit(canvas, plan.rows / plan.columns);
  const size = width / plan.columns;
  const [ink, paper] = [rgb("--ink"), colour("--card")];
  for (let state = 0; state < count; state++) {
    const [left, top] = [(state % plan.columns) * size, Math.floor(state / plan.columns) * size];
    const over = isOver(plan, state);
    context.fillStyle = over ? colour("--shade") : css(colourOf(state));
    context.fillRect(left, top, size, size);
    context.strokeStyle = paper;
    context.lineWidth = 1.5;
    context.strokeRect(left, top, size, size);
    const spot = { x: left + size / 2, y: top + size / 2, size };
    if (over) hole(context, spot, plan.letters[state]);
    else if (values) write(context, spot, num(values[state]), size);
    else mark(context, spot, actions[state], plan.letters !== null);
    if (visits && visits[state] > 0 && size > 16) {
      dot(context, left + size - 8, top + 8, 4.5, paper); // seen on every colour
      dot(context, left + size - 8, top + 8, 3, css(ink));
    }
    if (here === state) ring(context, spot.x, spot.y, 0.42 * size);
  }
}

function hole(context, { x, y, size }, letter) {
  if (letter === "H") dot(context, x, y, 0.3 * size, colour("--muted"));
  else {
    context.fillStyle = colour("--good");
    context.fillRect(x - 0.03 * size, y - 0.3 * size, 0.06 * size, 0.6 * size);
    context.fillRect(x, y - 0.3 * size, 0.28 * size, 0.22 * size);
  }
}

/** Light letters with a dark edge can be read on every colour. */
function write(context, { x, y }, text, size) {
  if (size < 24) return;
  context.font = `${Math.min(14, size / 4)}px system-ui, sans-serif`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.lineWidth = 3;
  context.strokeStyle = "rgb(0 0 0 / 0.65)";
  context.strokeText(text, x, y);
  context.fillStyle = "#fff";
  context.fillText(text, x, y);
}

function mark(context, spot, action, isLake) {
  if (!isLake || action >= ARROWS.length) {
    write(context, spot, String(action), spot.size);
    return;
  }
  const [dx, dy] = ARROWS[action];
  const { x, y, size } = spot;
  const tip = 0.3 * size;
  context.strokeStyle = colour("--ink");
  context.lineWidth = Math.max(1.5, size / 24);
  context.beginPath();
  context.moveTo(x - dx * tip, y - dy * tip);
  context.lineTo(x + dx * tip, y + dy * tip);
  for (const side of [-1, 1]) {
    context.moveTo(x + dx * tip, y + dy * tip);
    context.lineTo(x + (dx - side * dy) * tip * 0.5, y + (dy + side * dx) * tip * 0.5);
  }
  context.stroke();
}
