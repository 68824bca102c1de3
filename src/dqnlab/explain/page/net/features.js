/**
 * What a network sees of an observation: its features, and which actions are allowed. spec: the page's `obs`, whose
 * `parts` follow one another, and whose `mask` is where the mask behind them begins, or null.
 */

/** The part that a number of an observation lies in; undefined of a mask. */
export const partOf = ({ parts }, place) => parts.find(({ start, size }) => place >= start && place < start + size);

/** How many features each number of a part becomes. */
const wide = ({ num_states: states }) => states ?? 1;

/** An observation as the first layer wants it (`Encoder`): states one-hot, other numbers divided by their scale. */
export function features({ parts }, obs) {
  const out = new Float64Array(parts.reduce((sum, part) => sum + part.size * wide(part), 0));
  let at = 0;
  for (const part of parts) {
    for (let place = part.start; place < part.start + part.size; place++) {
      if (part.num_states === null) out[at] = obs[place] / part.scale;
      else out[at + obs[place] - part.lowest] = 1;
      at += wide(part);
    }
  }
  return out;
}

/** What a feature says: the number at a `place` of an observation, or whether it is a `state`, which is null of a number. */
export function originOf({ parts }, feature) {
  let left = feature;
  for (const part of parts) {
    const nth = Math.floor(left / wide(part));
    if (nth < part.size) return { place: part.start + nth, state: part.num_states === null ? null : part.lowest + (left % wide(part)) };
    left -= part.size * wide(part);
  }
  return null;
}

/** The feature of a number; of a state the first. */
export function featureOf({ parts }, place) {
  let at = 0;
  for (const part of parts) {
    if (place < part.start + part.size) return at + (place - part.start) * wide(part);
    at += part.size * wide(part);
  }
  return null;
}

/** Of an observation that is one state and nothing else, a mask aside, {count, lowest: the number of the first}; else null. */
export function statesOf({ parts: [{ size, num_states: count, lowest }, ...others] }) {
  return size === 1 && count !== null && others.length === 0 ? { count, lowest } : null;
}

/** The mask of an observation, 0 for each action that is forbidden; null where there is none. */
export const maskOf = ({ mask }, obs) => (mask === null ? null : obs.slice(mask));

/** Values of which those of forbidden actions are -Infinity (`QNetwork.expected`). */
export const masked = (q, mask) => (mask === null ? q : q.map((value, a) => (mask[a] === 0 ? -Infinity : value)));

/** What a network says each action is worth in an observation. */
export const rate = (network, spec, obs) => masked(network.qValues(features(spec, obs)), maskOf(spec, obs));
