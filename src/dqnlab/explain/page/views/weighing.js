/** Which inputs move the decision most, over the recorded episodes. */

import { row } from "../core/codec.js";
import { argmax, features } from "../net/network.js";

const ASKED = 64; // recorded states

/**
 * Places of the inputs, those first that matter most: by the mean size of the slope of the gap between the two best
 * actions, times how far the input spreads. In their own order where no network can be asked.
 */
export function byWeight({ data }, network, inputs) {
  const order = [...inputs.keys()];
  const episodes = data.episodes.filter(({ obs }) => obs);
  if (!network || inputs.length < 2 || data.obs.num_states !== null || !episodes.length) return order;
  const seen = evenly(episodes, ASKED).map((obs) => features(data.obs, obs));
  const slopes = new Float64Array(seen[0].length);
  for (const x of seen) gapSlope(network, x).forEach((slope, i) => { slopes[i] += Math.abs(slope) / seen.length; });
  const weight = inputs.map(({ place }) => slopes[place] * deviation(seen.map((x) => x[place])));
  return order.sort((a, b) => weight[b] - weight[a] || a - b);
}

function evenly(episodes, count) {
  const total = episodes.reduce((sum, { obs }) => sum + obs.shape[0], 0);
  const every = Math.max(1, Math.ceil(total / count));
  return episodes.flatMap(({ obs }) => Array.from({ length: Math.ceil(obs.shape[0] / every) }, (_, k) => row(obs, k * every)));
}

function gapSlope(network, x) {
  const q = network.qValues(x);
  const best = argmax(q);
  const second = argmax(q.map((value, a) => (a === best ? -Infinity : value)));
  const ofQ = new Float64Array(q.length);
  ofQ[best] += 1;
  ofQ[second] -= 1;
  return network.gradient(x, ofQ);
}

function deviation(values) {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}
