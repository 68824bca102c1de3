/** What inputs and actions are called. */

import { originOf, statesOf } from "../net/features.js";

/** The name of an action in the reader's language. */
export function actionName({ data, t }, action) {
  return t(data.actions[action] ?? String(action));
}

const MOST = 24; // actions that are all listed
const LISTED = 12; // of more than that

/** The actions that a list shows, ascending: all, or of many those that any of the values [A] rate highest, and `always`. */
export function listed(values, always = []) {
  const all = Array.from(values[0].keys());
  if (all.length <= MOST) return all;
  const rank = new Map(always.filter((a) => a !== null && a !== undefined).map((a) => [a, -1]));
  for (const q of values) {
    [...all].sort((a, b) => (q[b] === q[a] ? a - b : q[b] - q[a])).slice(0, LISTED).forEach((a, place) => {
      rank.set(a, Math.min(place, rank.get(a) ?? Infinity));
    });
  }
  return [...rank].sort(([a, i], [b, j]) => i - j || a - b).slice(0, LISTED).map(([a]) => a).sort((a, b) => a - b);
}

/** What a list that leaves actions out says of them; null where it shows all. */
export const unlisted = ({ t }, shown, count) => (
  shown.length === count ? null : t("decision.unlisted", { n: (count - shown.length).toLocaleString("en") }));

/** [The sentence that forbidden actions are not rated]; [] where none ever is. */
export const leftOut = ({ data, t }) => (data.obs.mask === null ? [] : [t("decision.left_out")]);

/** Why the page runs no network, as a clause. */
export const whyClosed = ({ data, t }) => t(`decision.${data.closed ?? "closed_kind"}`);

/** The class that gives an element the colour of an action. */
export function actionClass(action) {
  return `action-${action % 6}`;
}

/** The environment's own number of a state, which we count from 0. */
export const stateNumber = (data, state) => state + (data.obs.start ?? 0);

/** A state in words, with where its number stands among all. */
export function stateWords({ data, t }, state) {
  const n = data.obs.num_states;
  return t("decision.state", { state: stateNumber(data, state), n, first: stateNumber(data, 0), last: stateNumber(data, n - 1) });
}

/** The name of a number in an observation. */
export const inputName = ({ data, t }, place) => (place < data.inputs.length ? t(data.inputs[place].name) : `x[${place}]`);

/** The name of a number that the first layer sees: an input, or one of its states, which may be `absent`. */
export function featureName(page, i, absent = false) {
  const { data, t } = page;
  const { place, state } = originOf(data.obs, i);
  if (state === null) return inputName(page, place);
  if (statesOf(data.obs) === null && data.obs.num_states === null) return `${inputName(page, place)} ${absent ? "≠" : "="} ${state}`;
  const name = t("inside.state", { state: stateNumber(data, state) });
  return absent ? t("inside.absent", { state: name }) : name;
}
