/** What the agent sees, as small bars that move with the moment: for worlds that nobody draws. */

import { el } from "../core/dom.js";
import { num } from "../core/i18n.js";
import { inputName, stateNumber } from "../core/naming.js";

const MOST = 8; // inputs that are shown

/**
 * {node, show(moment)} of the inputs that change in the recorded episodes, the first of them if they are many; null
 * where none was kept. A bar begins at zero if that lies in its range.
 */
export function makeReadings(page) {
  const kept = page.data.episodes.map(({ obs }) => obs).filter(Boolean);
  if (!kept.length || page.data.obs.image) return null;
  const inputs = rangesOf(page.data, kept);
  const moving = inputs.filter(({ least, most }) => least < most);
  const shown = (moving.length ? moving : inputs).slice(0, MOST);
  if (!shown.length) return null;
  const rows = shown.map((input) => reading(page, input));
  const rest = inputs.length - shown.length;
  const node = el("div", { class: "readings", role: "group", "aria-label": page.t("world.readings") },
    el("p", { class: "muted readings-title" }, page.t("world.readings")), rows.map((each) => each.node),
    rest > 0 ? el("p", { class: "muted readings-rest" }, page.t("world.unread", { n: rest })) : null);
  return { node, show: ({ obs }) => { if (obs) rows.forEach((each) => each.show(obs)); } };
}

/** Of each input its place i, what was seen of it, and the range of its bar. */
function rangesOf(data, kept) {
  const width = kept[0].data.length / kept[0].shape[0];
  return Array.from({ length: data.obs.mask ?? width }, (_, i) => i).filter((i) => !data.inputs[i]?.ago).map((i) => {
    const { low, high } = data.inputs[i] ?? {};
    let [least, most] = [Infinity, -Infinity];
    for (const obs of kept) {
      for (let at = i; at < obs.data.length; at += width) {
        least = Math.min(least, obs.data[at]);
        most = Math.max(most, obs.data[at]);
      }
    }
    const known = Number.isFinite(low) && Number.isFinite(high) && low < high;
    return { i, least, most, from: known ? Math.min(low, least) : least, to: known ? Math.max(high, most) : most };
  });
}

function reading(page, { i, from, to }) {
  const { data, t } = page;
  const state = data.obs.num_states !== null;
  const unit = data.inputs[i]?.unit;
  const name = state ? t("inputs.state") : inputName(page, i);
  const share = (value) => (to > from ? Math.min(Math.max((value - from) / (to - from), 0), 1) : 0);
  const zero = share(0);
  const fill = el("span", { class: "reading-fill" });
  const number = el("span", { class: "number reading-number" });
  const node = el("div", { class: "reading" },
    el("span", { class: "reading-name" }, name), el("span", { class: "reading-track" }, fill), number);
  return {
    node,
    show(obs) {
      const at = share(obs[i]);
      fill.style.left = `${(100 * Math.min(zero, at)).toFixed(2)}%`;
      fill.style.width = `${(100 * Math.abs(at - zero)).toFixed(2)}%`;
      const value = state ? String(stateNumber(data, obs[i])) : num(obs[i], 3);
      number.textContent = unit ? `${value} ${unit}` : value;
    },
  };
}
