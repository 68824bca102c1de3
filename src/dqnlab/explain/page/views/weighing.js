/** Which inputs move the decision most, over the recorded episodes. */

import { row } from "../core/codec.js";
import { features, maskOf, masked, originOf } from "../net/features.js";
import { bestTwo } from "../net/network.js";

const ASKED = 64; // recorded states

/**
 * Places of the inputs, those first that matter most: by the mean size of the slope of the gap between the two best
 * actions, times how far the input spreads, of a state summed over all that it may be. In their own order where no
 * network can be asked.
 */
export function byWeight({ data }, network, inputs) {
  const order = [...inputs.keys()];
  const episodes = data.episodes.filter(({ obs }) => obs);
  if (!network || inputs.length < 2 || !episodes.length) return order;
  const asked = evenly(episodes, ASKED);
  const points = asked.map((obs) => features(data.obs, obs));
  const slopes = new Float64Array(points[0].length);
  points.forEach((x, k) => {
    gapSlope(network, x, maskOf(data.obs, asked[k]))?.forEach((slope, i) => { slopes[i] += Math.abs(slope) / points.length; });
  });
  const weight = new Float64Array(asked[0].length);
  slopes.forEach((slope, i) => { weight[originOf(data.obs, i).place] += slope * deviation(points.map((x) => x[i])); });
  return order.sort((a, b) => weight[inputs[b].place] - weight[inputs[a].place] || a - b);
}

function evenly(episodes, count) {
  const total = episodes.reduce((sum, { obs }) => sum + obs.shape[0], 0);
  const every = Math.max(1, Math.ceil(total / count));
  return episodes.flatMap(({ obs }) => Array.from({ length: Math.ceil(obs.shape[0] / every) }, (_, k) => row(obs, k * every)));
}

/** Null where there is one action only. */
function gapSlope(network, x, mask) {
  const q = network.qValues(x);
  const { best, second } = bestTwo(masked(q, mask));
  if (second === null) return null;
  const ofQ = new Float64Array(q.length);
  ofQ[best] = 1;
  ofQ[second] = -1;
  return network.gradient(x, ofQ);
}

function deviation(values) {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}
