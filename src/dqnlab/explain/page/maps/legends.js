/** What maps say in words: their legends, and their numbers for those who cannot see them. */

import { el } from "../core/dom.js";
import { actionClass, actionName, inputName, listed } from "../core/naming.js";
import { maskOf, statesOf } from "../net/features.js";
import { css, valueColour } from "./paint.js";

const MOST_HELD = 8;
const percent = (share) => `${Math.round(100 * share)} %`;

/** The name of an input with its unit. */
export function named(page, i) {
  const unit = page.data.inputs[i]?.unit;
  return unit ? `${inputName(page, i)} (${unit})` : inputName(page, i);
}

/** An action with its share of a map, or that it is forbidden at this moment. */
function shareWords(page, shares, a) {
  const forbidden = maskOf(page.data.obs, page.moment().obs)?.[a] === 0;
  return page.t("maps.share", { action: actionName(page, a), share: forbidden ? page.t("decision.forbidden") : percent(shares[a]) });
}

/** Every action, or of many those that are seen most, with its colour and its share of the map where the agent goes. */
export function actionLegend(page, { shares }) {
  const of = statesOf(page.data.obs) === null ? "maps.share_of_area" : "maps.share_of";
  return [el("span", {}, page.t(of)), ...listed([shares]).map((a) => el("span", { class: "maps-key" },
    el("span", { class: `maps-swatch ${actionClass(a)}` }),
    shareWords(page, shares, a)))];
}

/** The colours of values from the lowest to the highest in the map, and whether some lie beyond. */
export function valueLegend(page, { low, high, clipped }) {
  const scale = el("span", { class: "maps-scale", "aria-hidden": "true" });
  const stops = [0, 0.25, 0.5, 0.75, 1].map((share) => css(valueColour(share)));
  scale.style.background = `linear-gradient(90deg, ${stops.join(", ")})`;
  const [below, above] = clipped;
  return [
    el("span", { class: "number" }, `${below ? "≤ " : ""}${page.num(low)}`), scale,
    el("span", { class: "number" }, `${above ? "≥ " : ""}${page.num(high)}`),
  ];
}

/** One map in one sentence. */
export function inWords(page, kind, { shares, low, high }, when) {
  const { t, num } = page;
  if (kind === "value") return t("maps.value_words", { when, low: num(low, 4), high: num(high, 4) });
  const parts = listed([shares]).map((a) => shareWords(page, shares, a));
  return t("maps.policy_words", { when, shares: parts.join(", ") });
}

/** At which values the other inputs are held. */
export function heldWords(page, [i, j], obs) {
  const { t, num } = page;
  const shown = page.data.obs.mask ?? obs.length;
  const others = [...obs.keys()].filter((k) => k < shown && k !== i && k !== j);
  if (others.length === 0) return t("maps.nothing_held");
  const named = others.slice(0, MOST_HELD).map((k) => `${inputName(page, k)} = ${num(obs[k])}`);
  const more = others.length - named.length;
  return t("maps.held", { values: named.join(", ") }) + (more > 0 ? ` ${t("maps.held_more", { n: more })}` : "");
}

/** What a map holds at one of its points. */
export function pointWords(page, where, { action, value, gap }, at) {
  const { t, num } = page;
  return t("maps.at", { where, action: actionName(page, action[at]), value: num(value[at], 4), gap: num(gap[at]) });
}
