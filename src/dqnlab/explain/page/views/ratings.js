/** What a network says each action is worth, as bars on the one scale of its episode. */

import { bars } from "../core/charts.js";
import { el } from "../core/dom.js";
import { num } from "../core/i18n.js";
import { endsOf, makeAxis, shareOf } from "../world/scale.js";

const STORY = 3; // digits: with so few the values of a picture are written alike
const FINEST = 4; // decimals that a story takes to tell two values apart

/** Writes numbers that belong together: all with the decimals that the largest of them needs for so many digits. */
export function alike(values, digits) {
  const largest = Math.max(...[...values].filter(Number.isFinite).map(Math.abs), 0);
  const decimals = digits - 1 - Math.floor(Math.log10(largest));
  if (!(largest >= 1e-3 && largest < 1e6) || decimals < 0) return (x) => num(x, digits);
  return (x) => (Number.isFinite(x) ? x.toFixed(decimals).replace(/^-(?=[0.]*$)/, "") : num(x, digits));
}

/**
 * Writes the values of a story: with three digits, and where those would not show by how much the best lies ahead of the
 * second, with two of that.
 */
export function told(values) {
  const [first, second] = values.filter(Number.isFinite).sort((a, b) => b - a);
  const largest = Math.max(...values.filter(Number.isFinite).map(Math.abs), 0);
  if (!(largest >= 1e-3 && largest < 1e6)) return (x) => num(x, STORY);
  const own = Math.max(STORY - 1 - Math.floor(Math.log10(largest)), 0);
  const ahead = first > second ? Math.min(1 - Math.floor(Math.log10(first - second)), FINEST) : 0;
  return (x) => (Number.isFinite(x) ? x.toFixed(Math.max(own, ahead)).replace(/^-(?=[0.]*$)/, "") : num(x, STORY));
}

export const allowed = (q) => [...q].filter((value) => value !== -Infinity);

/** As many digits as it takes to see the gap in the values themselves. */
export function digitsFor(q, gap) {
  const largest = Math.max(...allowed(q).map(Math.abs));
  const needed = gap > 0 ? Math.ceil(Math.log10(largest / gap)) + 2 : 0;
  return Math.min(Math.max(needed, 4), 8);
}

/** Bars of items [{label, value, …}] as `bars` takes them, on the scale that the episode's bars have, and its axis below. */
export function ratings(items, { scale, digits, t }) {
  const text = digits > STORY ? (x) => num(x, digits) : told(items.map(({ value }) => value));
  const ends = endsOf(scale, items.map(({ value }) => value));
  const drawn = bars(items.map((item) => ({ ...item, said: item.said ?? text(item.value) })), { digits, ...ends });
  drawn.querySelectorAll(".fill").forEach((fill, i) => {
    fill.style.left = "0";
    fill.style.width = `${100 * shareOf(items[i].value, ends)}%`;
  });
  if (ends.low < 0 && ends.high > 0) markZero(drawn, -ends.low / (ends.high - ends.low));
  const axis = makeAxis(t);
  axis.show(ends);
  drawn.append(axis.node);
  return drawn;
}

function markZero(drawn, share) {
  for (const track of drawn.querySelectorAll(".bar-track")) {
    const line = el("span", { class: "decision-zero" });
    line.style.left = `${100 * share}%`;
    track.append(line);
  }
}
