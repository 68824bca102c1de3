/** Where the agent goes: the part of a plane worth looking at, what beyond it is a guess, and the values met there. */

import { row } from "../core/codec.js";
import { atPoints, atStates } from "../net/grid.js";
import { features, maskOf, statesOf } from "../net/features.js";
import { limits } from "./planes.js";

const ROOM = 0.3; // beside what was visited, as a share of its range
const [NEAR, FAR] = [0.04, 0.12]; // of a side: up to there it is known, from there on a guess
const [LEAST, MOST] = [16, 256]; // recorded states that every snapshot is asked about
const BUDGET = 3e7; // multiplications for that
const RARE = 0.05; // share of the values at each end that may be clipped
const WIDE = 0.9; // the gap that so large a share of them does not reach is coloured fully

/** [low, high] of an input where the recorded episodes went, with room beside it; its limits if it never changed. */
export function reached(page, input) {
  const [least, most] = limits(page, input);
  let [low, high] = [Infinity, -Infinity];
  for (const { obs } of page.data.episodes) {
    for (let t = 0; t < obs.shape[0]; t += 1) {
      const value = row(obs, t)[input];
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  }
  const room = ROOM * (high - low);
  return room > 0 ? [Math.max(low - room, least), Math.min(high + room, most)] : [least, most];
}

/**
 * How well each point of a picture of side * side is known, row by row from the top: 1 near a recorded moment, 0 far
 * from all. moments: [{x, y}].
 */
export function known(moments, [xLow, xHigh], [yLow, yHigh], side) {
  const away = new Float32Array(side * side).fill(Infinity);
  for (const { x, y } of moments) {
    const column = Math.floor(((x - xLow) / (xHigh - xLow)) * side);
    const line = Math.floor(((yHigh - y) / (yHigh - yLow)) * side);
    if (column >= 0 && column < side && line >= 0 && line < side) away[line * side + column] = 0;
  }
  spread(away, side);
  return away.map((cells) => Math.min(Math.max((FAR - cells / side) / (FAR - NEAR), 0), 1));
}

/** Distances in points from the nearest 0, by two passes over the picture. */
function spread(away, side) {
  const pass = (from, to, step) => {
    for (let line = from; line !== to; line += step) {
      for (let column = from; column !== to; column += step) {
        const at = line * side + column;
        for (const [dx, dy, length] of [[step, 0, 1], [0, step, 1], [step, step, Math.SQRT2], [-step, step, Math.SQRT2]]) {
          const [x, y] = [column - dx, line - dy];
          if (x >= 0 && x < side && y >= 0 && y < side) away[at] = Math.min(away[at], away[y * side + x] + length);
        }
      }
    }
  };
  pass(0, side, 1);
  pass(side - 1, -1, -1);
}

/**
 * What all snapshots say where the agent went: {low, high} of most of their values, {clipped: [below, above]} whether
 * some lie beyond, and the gap that is coloured fully, `wide`.
 */
export function overFilm(page, nets, over = () => false) {
  const values = [];
  const gaps = [];
  for (const { layers } of nets) {
    const { value, gap } = met(page, layers, nets.length, over);
    values.push(...value);
    gaps.push(...gap);
  }
  gaps.sort((a, b) => a - b);
  return { ...robust(values), wide: gaps[Math.floor(WIDE * (gaps.length - 1))] };
}

/**
 * The range of most values. The ends of the rest are clipped only where they would take most of the colours: early
 * networks may say anything.
 */
export function robust(values) {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
  const at = (share) => sorted[Math.round(share * (sorted.length - 1))];
  const [least, most, from, to] = [at(0), at(1), at(RARE), at(1 - RARE)];
  const room = to - from;
  const [low, high] = [from - least > room ? from : least, most - to > room ? to : most];
  return { low, high, clipped: [low > least, high < most] };
}

/** The values of one network at states that were visited, evenly chosen; of a discrete one without a mask at all but `over`. */
function met({ data }, layers, nets, over) {
  const states = statesOf(data.obs);
  if (states !== null && data.obs.mask === null) {
    const found = atStates(layers, states.count);
    const asked = (_, state) => !over(state);
    return { value: found.value.filter(asked), gap: found.gap.filter(asked) };
  }
  const total = data.episodes.reduce((sum, { obs }) => sum + obs.shape[0], 0);
  const cost = layers.reduce((sum, { inputs, outputs }) => sum + inputs * outputs, 0);
  const count = Math.min(Math.max(Math.floor(BUDGET / (cost * nets)), LEAST), MOST);
  const every = Math.max(1, Math.ceil(total / count));
  const been = data.episodes.flatMap(({ obs }) =>
    Array.from({ length: Math.ceil(obs.shape[0] / every) }, (_, k) => row(obs, k * every)));
  const flat = new Float64Array(been.length * layers[0].inputs);
  been.forEach((obs, k) => flat.set(features(data.obs, obs), k * layers[0].inputs));
  return atPoints(layers, flat, been.map((obs) => maskOf(data.obs, obs)));
}
