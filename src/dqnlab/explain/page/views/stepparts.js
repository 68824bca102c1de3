/** What a loss compares in one recorded row, and a soft policy: the page's numbers, and what it recomputes of them. */

import { row } from "../core/codec.js";

const LIKELIEST = 8; // returns that are listed
const EVENLY = 6; // quantiles that are listed

/** {kind, at?, level?, following, wanted, predicted, terms?} of row i; null where nothing came along. */
export function partsOf({ rows: { parts } }, i) {
  if (!parts || i >= parts.wanted.shape[0]) return null;
  const own = (name) => (parts[name] ? row(parts[name], i) : null);
  const same = { following: own("following"), wanted: own("wanted"), predicted: own("predicted") };
  if (parts.kind === "shares") return { kind: parts.kind, at: parts.at.data, ...same };
  return { kind: parts.kind, ...same, level: own("level"), terms: own("terms") };
}

/** {q, log, share, nextQ, nextLog, nextShare}, all [A], of row i: log is τ ln π; null where the rule has no soft policy. */
export function policyOf({ rows: { policy }, settings: { soft } }, i) {
  if (!policy) return null;
  const own = (name) => row(policy[name], i);
  const share = (log) => Float64Array.from(log, (value) => Math.exp(value / soft.tau));
  const [log, nextLog] = [own("log"), own("next_log")];
  return { q: own("q"), log, share: share(log), nextQ: own("next_q"), nextLog, nextShare: share(nextLog) };
}

/** Where the return number k goes: {value, to: [[return, probability]]} once reward and discount have moved it. */
export function moved({ at, following }, { low, high }, reward, discount, k) {
  const value = Math.min(Math.max(reward + discount * at[k], low), high);
  const place = ((value - low) / (high - low)) * (at.length - 1);
  const left = Math.min(Math.floor(place), at.length - 2);
  const shares = [[left, left + 1 - place], [left + 1, place - left]];
  return { value: reward + discount * at[k], to: shares.filter(([, share]) => share > 0).map(([i, share]) => [i, share * following[k]]) };
}

/** The probabilities that are wanted, as the shares of all returns add up. */
export function projected(parts, loss, reward, discount) {
  const out = new Float64Array(parts.at.length);
  parts.at.forEach((_, k) => moved(parts, loss, reward, discount, k).to.forEach(([i, share]) => { out[i] += share; }));
  return out;
}

/** What each return adds to the cross entropy. */
export function entropyTerms({ wanted, predicted }) {
  return Float64Array.from(wanted, (w, i) => (w > 0 ? -w * Math.log(Math.max(predicted[i], 1e-300)) : 0));
}

/** Quantile i against target j: {apart, weight, huber, term}. */
export function pairOf({ level, predicted, wanted }, { kappa }, scale, i, j) {
  const apart = (wanted[j] - predicted[i]) / scale;
  const weight = apart < 0 ? 1 - level[i] : level[i];
  const size = Math.abs(apart);
  const huber = size <= kappa ? size * size / 2 : kappa * (size - kappa / 2);
  return { apart, weight, huber, term: weight * huber / kappa };
}

/** The loss of quantile i: the mean over all targets. */
export function quantileTerm(parts, loss, scale, i) {
  return parts.wanted.reduce((sum, _, j) => sum + pairOf(parts, loss, scale, i, j).term, 0) / parts.wanted.length;
}

/** The target farthest from quantile i. */
export function farthest({ wanted, predicted }, i) {
  const apart = Array.from(wanted, (target) => Math.abs(target - predicted[i]));
  return apart.indexOf(Math.max(...apart));
}

/** The places of the likeliest few, in order. */
export function likeliest(shares) {
  return [...shares.keys()].sort((a, b) => shares[b] - shares[a] || a - b).slice(0, LIKELIEST).sort((a, b) => a - b);
}

/** A few places from the first to the last of `count`. */
export function evenly(count) {
  const few = Math.min(count, EVENLY);
  return [...new Set(Array.from({ length: few }, (_, k) => Math.round((k * (count - 1)) / Math.max(few - 1, 1))))];
}
