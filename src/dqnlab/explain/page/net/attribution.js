/** Integrated gradients of the gap between the best and the second best action, as explain/attribution.py has them. */

import { argmax } from "./network.js";

export const STEPS = 256;

/**
 * {best, second, gap, baselineGap, parts [features], residual}, or null where there is one action only.
 * The mean gradient on the straight line from the baseline to the features (midpoints), times the way of each feature.
 * The parts add up to gap - baselineGap but for the residual.
 */
export function attribute(network, features, baseline, steps = STEPS) {
  const q = network.qValues(features);
  if (q.length < 2) return null;
  const best = argmax(q);
  const second = argmax(q.map((value, a) => (a === best ? -Infinity : value)));
  const ofQ = new Float64Array(q.length);
  ofQ[best] = 1;
  ofQ[second] = -1;
  const way = Float64Array.from(features, (value, i) => value - baseline[i]);
  const slope = new Float64Array(way.length);
  for (let step = 0; step < steps; step++) {
    const point = way.map((value, i) => baseline[i] + (value * (step + 0.5)) / steps);
    network.gradient(point, ofQ).forEach((value, i) => { slope[i] += value / steps; });
  }
  const parts = way.map((value, i) => value * slope[i]);
  const start = network.qValues(baseline);
  const [gap, baselineGap] = [q[best] - q[second], start[best] - start[second]];
  return { best, second, gap, baselineGap, parts, residual: sum(parts) - (gap - baselineGap) };
}

function sum(values) {
  return values.reduce((total, value) => total + value, 0);
}
