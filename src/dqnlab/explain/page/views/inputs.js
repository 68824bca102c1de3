/** The inputs of an observation by name: which matter most, and where in its range each lies. */

import { el } from "../core/dom.js";
import { draggable } from "./question.js";
import { byWeight } from "./weighing.js";
import { isPixel } from "../world/seen.js";

const inputsOf = new WeakMap();

/** By its place in an observation, what is known of an input: {low, high, rank}; those that matter most rank first. */
export function known(page) {
  if (!inputsOf.has(page)) {
    const inputs = draggable(page.data);
    const order = byWeight(page, page.networks.best, inputs);
    inputsOf.set(page, new Map(order.map((i, rank) => [inputs[i].place, { ...inputs[i], rank }])));
  }
  return inputsOf.get(page);
}

/** The places of an observation that are no picture and no mask, and of them the `few` that matter most. */
export function places(page, count, few) {
  const rank = (place) => known(page).get(place)?.rank ?? Infinity;
  const all = Array.from({ length: page.data.obs.mask ?? count }, (_, i) => i).filter((i) => !isPixel(page.data.obs, i));
  return { all, told: new Set(all.slice().sort((a, b) => rank(a) - rank(b) || a - b).slice(0, few)) };
}

/** An input as a row of a table: its name, the number with its unit, and a dot on its range. */
export function inputRow(page, i, value, { digits, kind = null }) {
  const { name, unit } = page.data.inputs[i] ?? { name: `x[${i}]` };
  const { low, high, varies } = known(page).get(i) ?? {};
  return el("tr", { class: kind },
    el("th", { scope: "row" }, page.t(name)),
    el("td", { class: "number" }, page.num(value, digits)),
    el("td", {}, unit ?? ""),
    el("td", {}, varies ? dot((value - low) / (high - low)) : ""));
}

/** A dot on a track: where in its range an input lies. The number beside it says the same. */
function dot(share) {
  const mark = el("span", { class: "decision-dot" });
  mark.style.left = `${100 * Math.min(Math.max(share, 0), 1)}%`;
  return el("span", { class: "bar-track decision-place", "aria-hidden": "true" }, mark);
}
