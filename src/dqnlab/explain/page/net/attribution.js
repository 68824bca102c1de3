/** Integrated gradients of the gap between the best and the second best action, as explain/attribution.py has them. */

import { masked } from "./features.js";
import { bestTwo } from "./network.js";

export const STEPS = 256;
const WHOLE = 8; // inputs up to which all are told
const MOST = 12; // inputs that are told of more
const LITTLE = 0.03; // of the sizes of all parts

/**
 * {best, second, gap, baselineGap, parts [features], residual}, or null where no other action is allowed (`mask`).
 * The mean gradient on the straight line from the baseline to the features (midpoints), times the way of each feature.
 * The parts add up to gap - baselineGap but for the residual.
 */
export function attribute(network, features, baseline, mask = null) {
  const q = masked(network.qValues(features), mask);
  const { best, second } = bestTwo(q);
  if (second === null) return null;
  const ofQ = new Float64Array(q.length);
  ofQ[best] = 1;
  ofQ[second] = -1;
  const way = Float64Array.from(features, (value, i) => value - baseline[i]);
  const slope = new Float64Array(way.length);
  for (let step = 0; step < STEPS; step++) {
    const point = way.map((value, i) => baseline[i] + (value * (step + 0.5)) / STEPS);
    network.gradient(point, ofQ).forEach((value, i) => { slope[i] += value / STEPS; });
  }
  const parts = way.map((value, i) => value * slope[i]);
  const start = network.qValues(baseline);
  const [gap, baselineGap] = [q[best] - q[second], start[best] - start[second]];
  return { best, second, gap, baselineGap, parts, residual: sum(parts) - (gap - baselineGap) };
}

/**
 * The places of the parts that are told, and of the others, both by size, and the share of all sizes that the others have.
 * They are those that together have no more than LITTLE, and all beyond MOST. Few inputs keep their own order, all told.
 */
export function folded(parts) {
  if (parts.length <= WHOLE) return { main: [...parts.keys()], others: [], share: 0 };
  const order = [...parts.keys()].sort((a, b) => Math.abs(parts[b]) - Math.abs(parts[a]) || a - b);
  const size = (from) => sum(order.slice(from).map((i) => Math.abs(parts[i])));
  const all = size(0);
  let told = Math.min(order.length, MOST);
  while (told > 1 && size(told - 1) <= LITTLE * all) told--;
  if (order.length - told === 1) told++;
  return { main: order.slice(0, told), others: order.slice(told), share: all > 0 ? size(told) / all : 0 };
}

function sum(values) {
  return values.reduce((total, value) => total + value, 0);
}
