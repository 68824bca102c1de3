/** What a network says each action is worth, as bars that are zoomed in so that small gaps show. */

import { bars } from "../core/charts.js";
import { num } from "../core/i18n.js";

const STORY = 3; // digits: with so few the values of a picture are written alike
const FINEST = 4; // decimals that a story takes to tell two values apart
const ROOM = 0.2; // free space beside the bars, as a share of their range

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

/**
 * The part of the number line that the bars of each network show: {low, high} by name. All are equally wide, so that
 * gaps can be compared between networks; each begins shortly below its own smallest value, or at zero if that is near.
 */
export function ranges(qs) {
  const ends = Object.entries(qs).filter(([, q]) => q !== null).map(([name, q]) => [name, Math.min(...allowed(q)), Math.max(...allowed(q))]);
  const widest = Math.max(...ends.map(([, low, high]) => high - low));
  const largest = Math.max(...ends.map(([, low, high]) => Math.max(Math.abs(low), Math.abs(high))));
  const span = widest || 0.1 * largest || 1;
  return Object.fromEntries(ends.map(([name, low]) => {
    const start = low - ROOM * span;
    const near = low >= 0 && start <= 2 * ROOM * span;
    const from = near ? Math.min(0, start) : start;
    return [name, { low: from, high: from + (1 + 3 * ROOM) * span }];
  }));
}

/** As many digits as it takes to see the gap in the values themselves. */
export function digitsFor(q, gap) {
  const largest = Math.max(...allowed(q).map(Math.abs));
  const needed = gap > 0 ? Math.ceil(Math.log10(largest / gap)) + 2 : 0;
  return Math.min(Math.max(needed, 4), 8);
}

/** Bars of items [{label, value, …}] as `bars` takes them, on the range of `ranges`; zero is marked where it is in sight. */
export function ratings(items, { low, high }, digits) {
  const text = digits > STORY ? (x) => num(x, digits) : told(items.map(({ value }) => value));
  const drawn = bars(items.map((item) => ({ ...item, said: item.said ?? text(item.value) })), { digits, low, high });
  if (low <= 0 && high >= 0) markZero(drawn, -low / (high - low));
  else drawn.querySelectorAll(".fill").forEach((fill, i) => fromTheLeft(fill, Math.max(items[i].value - low, 0) / (high - low)));
  return drawn;
}

/** Far from zero a longer bar is a better action, on either side of it. */
function fromTheLeft(fill, share) {
  fill.style.left = "0";
  fill.style.width = `${100 * share}%`;
}

function markZero(drawn, share) {
  for (const track of drawn.querySelectorAll(".bar-track")) {
    const line = document.createElement("span");
    line.className = "decision-zero";
    line.style.left = `${100 * share}%`;
    track.append(line);
  }
}
