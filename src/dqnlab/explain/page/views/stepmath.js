/** One learning step, recomputed in the page: targets and losses of the recorded rows under other rules. */

import { row } from "../core/codec.js";
import { features, maskOf, masked } from "../net/features.js";
import { argmax, makeNetwork } from "../net/network.js";

export const GOES_ON = 0;
export const TERMINATED = 1;
export const TRUNCATED = 2;
const OFFERED = [1, 3, 5, 10];

/** moment: the page's `moment`; obs: its `obs`. */
export function makeStep(moment, obs) {
  const { rows, after, settings } = moment;
  const count = rows.action.data.length;
  const depth = after.reward.shape[1];
  const networks = {
    online: makeNetwork(moment.networks?.online), target: makeNetwork(moment.networks?.target),
  };
  /** {q, passed, network}: a network's values of an observation; those that came along where the network did not. */
  const values = (which, seen, kept) => {
    if (networks[which] === null || seen === null) return { q: kept, passed: null, network: null };
    const passed = networks[which].forward(features(obs, seen));
    return { q: masked(passed.q, maskOf(obs, seen)), passed, network: networks[which] };
  };
  const next = (i, k) => nextValues(values, moment, depth, i, k);
  return {
    moment, settings, count, depth,
    own: ownSwitches(settings),
    known: isKnown(settings),
    told: settings.loss !== null && (settings.chooser !== null || settings.soft !== null || settings.td_lambda !== null),
    choices: [...new Set([settings.n, ...OFFERED.filter((n) => n <= depth && isKnown(settings))])].sort((a, b) => a - b),
    prediction: (i) => values("online", rows.obs && row(rows.obs, i), row(rows.q, i)),
    rated: (i) => (rows.rated ? { q: row(rows.rated, i), passed: null, network: null } : values("online", rows.obs && row(rows.obs, i), row(rows.q, i))),
    recompute: (i, switches) => recompute(moment, next, i, switches),
  };
}

/** Whether the page recomputes targets: of one number per action, and one action that follows. Else it shows what was recorded. */
function isKnown({ chooser, loss }) {
  return chooser !== null && loss?.kind === "td";
}

/** The switches as the run had them. */
export function ownSwitches({ chooser, n, loss }) {
  return { double: chooser === "online", n, huber: loss?.kind === "td" && loss.huber !== null, trunc: false };
}

/** What both networks say of what row i led to, after its own span (k null) or after k single steps. */
function nextValues(values, { rows, after }, depth, i, k) {
  const at = k === null ? i : i * depth + k - 1;
  const [seen, online, target] = k === null
    ? [rows.next_obs, rows.next_online, rows.next_target]
    : [null, flat(after.online), flat(after.target)];
  const obs = seen && row(seen, at);
  return { online: values("online", obs, row(online, at)), target: values("target", obs, row(target, at)) };
}

/** An array [R, D, …] as [R * D, …]. */
function flat(array) {
  return { ...array, shape: [array.shape[0] * array.shape[1], ...array.shape.slice(2)] };
}

/** The rewards that are known one by one from the start of row i on. */
export function singleRewards({ after, singles }, i) {
  const known = singles ?? after;
  return row(known.reward, i).subarray(0, known.length.data[i]);
}

/** Which steps the target of row i spans; null where they were not all recorded. */
function spanOf(moment, i, n) {
  const { rows, after, settings } = moment;
  if (n === settings.n) {
    const own = { reward: rows.reward.data[i], k: rows.span.data[i], end: rows.end.data[i] };
    const single = Array.from(singleRewards(moment, i).subarray(0, own.k));
    const terms = single.length === own.k ? single : [rows.reward.data[i]];
    return { ...own, discount: rows.discount.data[i], terms, place: null };
  }
  const length = after.length.data[i];
  const end = after.end.data[i];
  if (length === 0 || (length < n && end !== TERMINATED && end !== TRUNCATED)) return null;
  const k = Math.min(n, length);
  const terms = Array.from(row(after.reward, i).subarray(0, k));
  const ended = k === length ? end : GOES_ON;
  const reward = terms.reduce((sum, r, step) => sum + settings.gamma ** step * r, 0);
  return { reward, k, end: ended, discount: ended === TERMINATED ? 0 : settings.gamma ** k, terms, place: k };
}

/** What row i was in the run. */
function recorded({ rows, settings }, span, { online, target: rated }, i) {
  const [added, value, prediction, target, error, loss] = ["added", "next_value", "prediction", "target", "error", "loss"].map((name) => rows[name].data[i]);
  const action = rows.next_action === null ? null : rows.next_action.data[i];
  const counted = error / settings.reward_scale;
  return {
    ...span, ends: false, chooser: settings.chooser, online, rated, action, added, value, prediction, target, error, counted, delta: null, loss,
    headLoss: rows.head_loss.data[i],
    weight: rows.weight.data[i],
  };
}

function recompute(moment, next, i, switches) {
  const span = spanOf(moment, i, switches.n);
  if (span === null) return null;
  const { rows, settings } = moment;
  if (!isKnown(settings)) return recorded(moment, span, next(i, span.place), i);
  const ends = switches.trunc && span.end === TRUNCATED;
  const discount = ends ? 0 : span.discount;
  const { online, target: rated } = next(i, span.place);
  const action = argmax(switches.double ? online.q : rated.q);
  const value = rated.q[action] === -Infinity ? 0 : rated.q[action]; // no action is allowed where nothing follows
  const prediction = rows.prediction.data[i];
  const target = span.reward + discount * value;
  const error = target - prediction;
  const delta = switches.huber ? settings.loss.huber ?? 1 : null;
  const counted = error / settings.reward_scale;
  const headLoss = lossOf(counted, delta);
  const term = rows.loss.data[i] - rows.head_loss.data[i]; // by the online values alone, whatever the switches
  return {
    ...span, discount, ends, chooser: switches.double ? "online" : "target", online, rated, action, added: 0, value, prediction, target, error, counted, delta,
    headLoss, loss: headLoss + term, weight: rows.weight.data[i],
  };
}

/** Squared, or Huber's with its delta; of an error as the learner counts it. */
function lossOf(error, delta) {
  if (delta === null) return error * error;
  const size = Math.abs(error);
  return size <= delta ? size * size / 2 : delta * (size - delta / 2);
}

/** A sum of products with its largest parts first: {parts: [[weight, input]], rest, bias} of output j of the last layer. */
export function lastSum({ network, passed }, j, most = 3) {
  const layer = network.layers[network.layers.length - 1];
  const inputs = passed.post[passed.post.length - 2] ?? null;
  if (inputs === null) return null;
  const products = Array.from(inputs, (x, i) => [layer.weight[j * layer.inputs + i], x]);
  products.sort((a, b) => Math.abs(b[0] * b[1]) - Math.abs(a[0] * a[1]));
  const rest = products.slice(most).reduce((sum, [w, x]) => sum + w * x, 0);
  return { parts: products.slice(0, most), rest, left: Math.max(products.length - most, 0), bias: layer.bias[j] };
}
