/** Large bars that say what the best network thinks of each action, and move with the moment. */

import { row } from "../core/codec.js";
import { el } from "../core/dom.js";
import { num } from "../core/i18n.js";
import { actionClass, actionName } from "../core/naming.js";

const MOST = 6; // actions that are shown
const FEW = 3; // up to which each gets a large bar
const NEAR = 0.12; // of the whole range: smaller differences are zoomed in on

/**
 * How the bars of an episode are drawn: {actions, share(values, action), zoomed, base, decimals}. One scale for all its steps.
 * Where the actions differ little beside what they are worth, a bar is half as long as can be if its action is worth the
 * mean of all; else it begins at `base`: zero, or a
 * little below the least value of the episode if that is negative.
 */
export function scaleOf(episode) {
  const steps = episode.action.data.length;
  const actions = shown(episode);
  const spreads = [];
  let [low, high] = [Infinity, -Infinity];
  for (let t = 0; t < steps; t++) {
    const values = finite(row(episode.q.best, t), actions);
    const [least, most] = [Math.min(...values), Math.max(...values)];
    if (!values.length) continue;
    spreads.push(most - least);
    [low, high] = [Math.min(low, least), Math.max(high, most)];
  }
  spreads.sort((a, b) => a - b);
  const base = low >= 0 ? 0 : low - 0.05 * (high - low);
  const range = high - base || 1;
  const usual = spreads[Math.floor(spreads.length / 2)] ?? 0;
  const wide = spreads[Math.floor(0.95 * (spreads.length - 1))] || range;
  const zoomed = usual < NEAR * range && actions.length > 1;
  const share = (values, action) => {
    if (!Number.isFinite(values[action])) return 0;
    if (!zoomed) return clamp((values[action] - base) / range, 0.01);
    const all = finite(values, actions);
    const centre = all.reduce((sum, value) => sum + value, 0) / all.length;
    return clamp(0.5 + (0.42 * (values[action] - centre)) / wide, 0.04);
  };
  return { actions, share, zoomed, base, decimals: Math.min(Math.max(Math.ceil(-Math.log10((zoomed ? wide : range) / 50)), 0), 4) };
}

const clamp = (share, least) => Math.min(Math.max(share, least), 1);

const finite = (values, actions) => actions.map((a) => values[a]).filter(Number.isFinite);

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

/** The bars: {node, load(episode), show(episode, t)}. */
export function makeValues(page) {
  const node = el("div", { class: "values", role: "group", "aria-label": page.t("world.values") });
  let scale = null;
  let bars = [];
  return {
    node,
    /** Takes another episode; returns its scale. */
    load(episode) {
      scale = scaleOf(episode);
      bars = scale.actions.map((action) => bar(page, action));
      node.replaceChildren(...bars.map((each) => each.node));
      node.classList.toggle("many", scale.actions.length > FEW);
      return scale;
    },
    show(episode, t) {
      const values = row(episode.q.best, t);
      const chosen = episode.action.data[t];
      for (const each of bars) {
        const value = values[each.action];
        const text = value === -Infinity ? page.t("world.forbidden") : written(value, scale.decimals);
        each.show(scale.share(values, each.action), text, each.action === chosen);
      }
    },
  };
}

function bar(page, action) {
  const fill = el("span", { class: "value-fill" });
  const number = el("span", { class: "value-number number" });
  const node = el("div", { class: `value ${actionClass(action)}`, "data-action": action },
    el("span", { class: "value-name" }, actionName(page, action)), number, el("span", { class: "value-track" }, fill));
  return {
    action,
    node,
    show(share, text, chosen) {
      fill.style.transform = `scaleX(${share.toFixed(4)})`;
      if (number.textContent !== text) number.textContent = text;
      node.classList.toggle("chosen", chosen);
    },
  };
}

/** With the same decimals all along, so that digits do not dance. */
function written(value, decimals) {
  return Number.isFinite(value) && Math.abs(value) < 1e5 ? value.toFixed(decimals).replace(/^-(0\.?0*)$/, "$1") : num(value, 4);
}
