/*
 * What a reader asks of a network: the observation of a moment with some of its numbers changed.
 */

import { row } from "../core/codec.js";
import { partOf, rate } from "../net/features.js";
import { bestTwo } from "../net/network.js";

const STEPS = 200; // of a slider, from end to end
const FARTHEST = 1e6; // a link may say anything
const POINTS = 81; // of a curve along one input

/**
 * The inputs that can be dragged: [{place: where in an observation, name, unit, low, high, step, whole: a whole number,
 * apart: nothing lies between two values, varies}]. Of stacked observations only the newest can, and no mask. Where nobody
 * knows a range, the recorded episodes give it.
 */
export function draggable(data) {
  return data.inputs
    .map((input, place) => ({ ...input, place, part: partOf(data.obs, place) }))
    .filter(({ ago, part }) => part && !ago)
    .map(({ place, name, unit, low, high, part }) => {
      const told = low !== null && high !== null;
      const range = told ? [low, high] : seen(data.episodes, place);
      const varies = range[1] > range[0]; // else where a value lies says nothing
      const [from, to] = told ? range : roomy(range);
      const apart = part.num_states !== null || part.dtype === "bool";
      const whole = apart || /int/.test(part.dtype);
      const ends = whole ? { low: Math.floor(from), high: Math.ceil(to), step: 1 } : { low: from, high: to, step: (to - from) / STEPS };
      return { place, name, unit, ...ends, whole, apart, varies };
    });
}

/** Whether an input had such a value in a recorded episode, or lay between two that it had: what is said elsewhere is a guess. */
export function familiar(episodes, { place, step, apart }) {
  if (apart) {
    const been = new Set(kept(episodes).flatMap(({ obs }) => Array.from({ length: obs.shape[0] }, (_, t) => row(obs, t)[place])));
    return (value) => been.has(value);
  }
  const [low, high] = seen(episodes, place);
  return (value) => value >= low - step / 2 && value <= high + step / 2;
}

/** The parts [from, to] of an input's range where it is not. */
export function unfamiliar(episodes, input) {
  const { place, low, high, apart } = input;
  if (apart) {
    const known = familiar(episodes, input);
    const all = Array.from({ length: high - low + 1 }, (_, i) => low + i);
    return all.filter((value) => !known(value)).map((value) => [value - 0.5, value + 0.5]);
  }
  const [from, to] = seen(episodes, place);
  return [[low, Math.min(from, high)], [Math.max(to, low), high]].filter(([a, b]) => b > a);
}

const kept = (episodes) => episodes.filter((episode) => episode.obs);

/** [low, high] of one input over the episodes; infinite where none was kept. */
export function seen(episodes, place) {
  let low = Infinity;
  let high = -Infinity;
  for (const { obs } of kept(episodes)) {
    for (let t = 0; t < obs.shape[0]; t += 1) {
      const value = row(obs, t)[place];
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  return [low, high];
}

/** The same, a tenth wider on both sides. */
function roomy([low, high]) {
  if (!Number.isFinite(high - low)) return [-1, 1];
  const room = (high - low) / 10 || 1;
  return [low - room, high + room];
}

/** The values of all inputs from the text `1,-0.5,…` that a link holds; null if it is no such text. */
export function parse(text, inputs) {
  const values = String(text).split(",").map((each) => (each.trim() ? Number(each) : NaN));
  if (values.length !== inputs.length || !values.every(Number.isFinite)) return null;
  return values.map((value, i) => {
    if (!inputs[i].whole) return Math.min(Math.max(value, -FARTHEST), FARTHEST);
    return Math.round(Math.min(Math.max(value, inputs[i].low), inputs[i].high));
  });
}

/** The same values as text, short enough for a link. */
export function written(values) {
  return values.map((value) => String(Number(value.toPrecision(6)))).join(",");
}

/** A copy of an observation with the inputs set to `values`. */
export function asked(obs, inputs, values) {
  const copy = obs.slice();
  inputs.forEach(({ place }, i) => { copy[place] = values[i]; });
  return copy;
}

/** Input i set to a value, and with it what cannot stay as it was (`settle` of the physics). */
export function changed(values, i, value, system) {
  const next = [...values];
  next[i] = value;
  if (system?.settle) system.settle(next, i);
  return next;
}

/** The values of every action along input i: {x: [P], y: [A][P]}. */
export function along(i, { network, obsSpec, obs, inputs, values, system }) {
  const { low, high, whole } = inputs[i];
  const count = whole ? Math.min(high - low + 1, 2 * STEPS) : POINTS;
  const x = Array.from({ length: count }, (_, k) => (whole ? low + k : low + ((high - low) * k) / (count - 1)));
  const q = x.map((value) => rate(network, obsSpec, asked(obs, inputs, changed(values, i, value, system))));
  return { x, y: Array.from(q[0], (_, a) => q.map((each) => each[a])) };
}

/** {best, second, gap}: the action with the largest value, the one after it if another is allowed, and by how much. */
export function verdict(q) {
  const { best, second } = bestTwo(q);
  return { best, second, gap: second === null ? null : q[best] - q[second] };
}
