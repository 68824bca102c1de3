/** The one scale of an episode's Q-values: every view that draws them as bars takes it, and says it below them. */

import { row } from "../core/codec.js";
import { el } from "../core/dom.js";
import { num } from "../core/i18n.js";

const MOST = 6; // actions that are shown
const NEAR = 0.12; // of the whole range: smaller differences are zoomed in on
const ROOM = 0.05; // of the width, below the least value
const DIGITS = 3; // of how far the ends of an axis lie apart
const NOTHING = 1e-4; // of the width: as near to zero as nobody sees

const scales = new WeakMap();

/**
 * How the bars of an episode are drawn: {actions, zoomed, base, width, decimals}. One scale for all its steps. Where the
 * actions differ little beside what they are worth, a bar is half as long as can be if its action is worth the mean of all;
 * else it begins at `base`: zero, or a little below the least value of the episode if that is negative.
 */
export function scaleOf(episode) {
  if (!scales.has(episode)) scales.set(episode, measured(episode));
  return scales.get(episode);
}

function measured(episode) {
  const steps = episode.action.data.length;
  const actions = shown(episode);
  const spreads = [];
  let [low, high] = [Infinity, -Infinity];
  for (let t = 0; t < steps; t++) {
    const q = row(episode.q.best, t);
    const values = actions.map((a) => q[a]).filter(Number.isFinite);
    const [least, most] = [Math.min(...values), Math.max(...values)];
    if (!values.length) continue;
    spreads.push(most - least);
    [low, high] = [Math.min(low, least), Math.max(high, most)];
  }
  spreads.sort((a, b) => a - b);
  const base = low >= 0 ? 0 : low - ROOM * (high - low);
  const range = high - base || 1;
  const usual = spreads[Math.floor(spreads.length / 2)] ?? 0;
  const wide = spreads[Math.floor(0.95 * (spreads.length - 1))] || range;
  const zoomed = usual < NEAR * range && actions.length > 1;
  return {
    actions, zoomed, base: Number.isFinite(base) ? base : 0, width: zoomed ? wide / 0.42 : range,
    decimals: Math.min(Math.max(Math.ceil(-Math.log10((zoomed ? wide : range) / 50)), 0), 4),
  };
}

/** All actions, or of many those taken most often in the episode, ascending. */
function shown(episode) {
  const first = row(episode.q.best, 0);
  const all = Array.from(first.keys());
  if (all.length <= MOST) return all;
  const taken = new Map();
  for (const action of episode.action.data) taken.set(action, (taken.get(action) ?? 0) + 1);
  const count = (a) => taken.get(a) ?? 0;
  const worth = (a) => (Number.isFinite(first[a]) ? first[a] : -Number.MAX_VALUE);
  return all.sort((a, b) => count(b) - count(a) || worth(b) - worth(a) || a - b).slice(0, MOST).sort((a, b) => a - b);
}

/**
 * The part of the number line that bars of these values show, {low, high, mean}; `mean` is null unless they are zoomed in
 * around it. As wide as the scale, so that one width means one amount everywhere: values that lie elsewhere, as those of
 * another network may, move it, and only those farther apart than that widen it.
 */
export function endsOf({ zoomed, base, width }, values) {
  const all = [...values].filter(Number.isFinite);
  if (!all.length) return { low: base, high: base + width, mean: null };
  const [least, most] = [Math.min(...all), Math.max(...all)];
  if (zoomed) {
    const mean = all.reduce((sum, value) => sum + value, 0) / all.length;
    const half = Math.max(width / 2, most - mean, mean - least);
    return { low: mean - half, high: mean + half, mean };
  }
  const below = least - ROOM * width;
  if (least < base) return { low: below, high: Math.max(below + width, most), mean: null };
  const high = Math.max(base + width, most);
  return { low: least < high - width ? below : high - width, high, mean: null };
}

/** The same scale, as wide as rows of values [[Q of each action]] need to be drawn with it side by side. */
export function widened(scale, rows) {
  const needed = rows.map((values) => endsOf(scale, values)).map(({ low, high }) => high - low);
  return { ...scale, width: Math.max(scale.width, ...needed) };
}

/** How long the bar of a value is, as a share of all its room. */
export function shareOf(value, { low, high }) {
  return Number.isFinite(value) ? Math.min(Math.max((value - low) / (high - low), 0.01), 1) : 0;
}

/** What stands below bars: {node, show(ends)}. */
export function makeAxis(t) {
  const [low, middle, high] = [0, 1, 2].map(() => el("span", {}));
  const say = (node, text) => { if (node.textContent !== text) node.textContent = text; };
  return {
    node: el("div", { class: "axis muted" }, low, middle, high),
    show(ends) {
      const zoomed = ends.mean !== null;
      const half = num(ends.high - ends.mean, DIGITS);
      const size = Math.max(Math.abs(ends.low), Math.abs(ends.high));
      const digits = DIGITS - 1 + Math.max(Math.ceil(Math.log10(size / (ends.high - ends.low)) || 0), 1);
      const least = Math.abs(ends.low) < (ends.high - ends.low) * NOTHING ? 0 : ends.low;
      say(low, zoomed ? `-${half}` : num(least, digits));
      say(middle, zoomed ? t("world.axis_mean") : "");
      say(high, zoomed ? `+${half}` : num(ends.high, digits));
    },
  };
}
