/** Planes through the space of observations, and which recorded moments lie near them. */

import { row } from "../core/codec.js";
import { statesOf } from "../net/features.js";
import { isPixel } from "../world/seen.js";

const MARGIN = 0.08; // beyond what was visited, as a share of its range
const SHOWN = 3000; // visited states drawn in one map

const MOST_STATES = 1024;
const MOST_CHOICES = 64; // inputs that can be chosen as an axis
const ROWS = /^(row|r|行|列)$|\brow\b/i;
const COLUMNS = /^(col|column|c)$|\bcol(umn)?\b/i;

/** Its own name, without "_" between words. */
const nameOf = (input) => (input?.name ?? "").replaceAll("_", " ");

const placed = ({ data }, pattern) => data.inputs.findIndex((input) => !input.ago && pattern.test(nameOf(input)));

/** The places of an observation that can be an axis: numbers, for nothing lies between states; pixels where there is little else. */
export function axesOf({ data: { obs } }) {
  const numbers = obs.parts.filter(({ num_states: states }) => states === null)
    .flatMap(({ start, size }) => Array.from({ length: size }, (_, i) => start + i));
  const others = numbers.filter((place) => !isPixel(obs, place));
  return (others.length < 2 ? numbers : others).slice(0, MOST_CHOICES);
}

/** The two of them that say most where we know it; a column across and a row; x across and y; else the first two. */
export function usualAxes(page) {
  const { data } = page;
  if (data.world?.kind === "cartpole" && data.inputs.length === 4) return [2, 3];
  const pairs = [[placed(page, COLUMNS), placed(page, ROWS)], [placed(page, /^x$/i), placed(page, /^y$/i)]];
  const all = axesOf(page);
  return pairs.find((pair) => pair.every((i) => all.includes(i))) ?? all.slice(0, 2);
}

/** Whether an input grows downwards: a row does, and a y that is counted in fields of a grid. */
export function isDownward({ data }, input) {
  const name = nameOf(data.inputs[input]);
  if (ROWS.test(name)) return true;
  if (!/^y$/i.test(name)) return false;
  return data.episodes.every(({ obs }) => {
    const width = obs.data.length / obs.shape[0];
    for (let at = input; at < obs.data.length; at += width) if (!Number.isInteger(obs.data[at])) return false;
    return true;
  });
}

/** [low, high] of an input: its own limits where they are known, in any case all that was visited. */
export function limits({ data }, input) {
  const known = data.inputs[input] ?? {};
  let [low, high] = [Infinity, -Infinity];
  for (const { obs } of data.episodes) {
    const width = obs.data.length / obs.shape[0];
    for (let at = input; at < obs.data.length; at += width) {
      low = Math.min(low, obs.data[at]);
      high = Math.max(high, obs.data[at]);
    }
  }
  const pad = MARGIN * (high - low) || 1;
  const bounded = Number.isFinite(known.low) && Number.isFinite(known.high) && known.low < known.high;
  return bounded ? [Math.min(low, known.low), Math.max(high, known.high)] : [low - pad, high + pad];
}

/** The middles of `count` equal parts of [low, high]. */
export function middles([low, high], count) {
  return Float64Array.from({ length: count }, (_, k) => low + ((k + 0.5) / count) * (high - low));
}

/** Every recorded moment, {ep, t, x, y}, or as many at equal distances as a map can show. */
export function visited({ data }, i, j) {
  const total = data.episodes.reduce((sum, { obs }) => sum + obs.shape[0], 0);
  const every = Math.max(1, Math.ceil(total / SHOWN));
  return data.episodes.flatMap(({ obs }, ep) => {
    const width = obs.data.length / obs.shape[0];
    const out = [];
    for (let t = 0; t < obs.shape[0]; t += every) {
      out.push({ ep, t, x: obs.data[t * width + i], y: obs.data[t * width + j] });
    }
    return out;
  });
}

/** The moment nearest to a point of the plane; distances are shares of both ranges. Null if there is none. */
export function nearestMoment(moments, [x, y], [xLow, xHigh], [yLow, yHigh]) {
  let found = null;
  let least = Infinity;
  for (const moment of moments) {
    const distance = ((moment.x - x) / (xHigh - xLow)) ** 2 + ((moment.y - y) / (yHigh - yLow)) ** 2;
    if (distance < least) [found, least] = [moment, distance];
  }
  return found;
}

/** Every recorded moment of a discrete observation, {ep, t, s: its state, counted from 0}. */
function met({ obs: spec, episodes }) {
  const { lowest } = statesOf(spec);
  return episodes.flatMap(({ obs }, ep) => Array.from({ length: obs.shape[0] }, (_, t) => ({ ep, t, s: row(obs, t)[0] - lowest })));
}

/** How often every state of a discrete observation was visited. */
export function visits({ data }) {
  const out = new Int32Array(statesOf(data.obs).count);
  for (const { s } of met(data)) out[s] += 1;
  return out;
}

/** The next moment in that state after (ep, t), going round all episodes; null if it was never visited. */
export function nextVisit({ data }, state, ep, t) {
  const all = met(data).filter(({ s }) => s === state);
  const after = all.find((each) => each.ep > ep || (each.ep === ep && each.t > t));
  return after ?? all[0] ?? null;
}

/** What the two maps say in numbers: the share of every action, and the range of the values. `over(at)`: not asked. */
export function facts({ action, value }, actions, over = () => false) {
  const shares = new Array(actions).fill(0);
  const places = [...action.keys()].filter((at) => !over(at));
  let [low, high] = [Infinity, -Infinity];
  for (const at of places) {
    shares[action[at]] += 1 / places.length;
    low = Math.min(low, value[at]);
    high = Math.max(high, value[at]);
  }
  return { shares, low, high };
}

/** The key of the sentence that says why there can be no map, or null. */
export function whyNoMap(page) {
  const { data, networks, moment } = page;
  if (data.obs.image) return "maps.no_image";
  if (!networks.best) return "maps.no_network";
  if (!moment()) return "maps.no_episode";
  if (!moment().obs) return "decision.not_kept";
  const states = statesOf(data.obs);
  if (states !== null) return states.count > MOST_STATES ? "maps.many_states" : null;
  const axes = axesOf(page).length;
  if (axes > 1) return null;
  if ((data.obs.mask ?? moment().obs.length) < 2) return "maps.one_input";
  return axes === 0 ? "maps.several_states" : "maps.few_numbers";
}
