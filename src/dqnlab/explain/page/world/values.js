/** Large bars that say what the best network thinks of each action, and move with the moment. */

import { row } from "../core/codec.js";
import { el } from "../core/dom.js";
import { num } from "../core/i18n.js";
import { actionClass, actionName } from "../core/naming.js";
import { endsOf, makeAxis, scaleOf, shareOf } from "./scale.js";

const FEW = 3; // actions up to which each gets a large bar

/** The bars: {node, load(episode), show(episode, t)}. */
export function makeValues(page) {
  const node = el("div", { class: "values", role: "group", "aria-label": page.t("world.values") });
  let scale = null;
  let bars = [];
  const axis = makeAxis(page.t);
  return {
    node,
    /** Takes another episode; returns its scale. */
    load(episode) {
      scale = scaleOf(episode);
      bars = scale.actions.map((action) => bar(page, action));
      node.replaceChildren(...bars.map((each) => each.node), el("div", { class: "value-axis" }, axis.node));
      node.classList.toggle("many", scale.actions.length > FEW);
      return scale;
    },
    show(episode, t) {
      const values = row(episode.q.best, t);
      const chosen = episode.action.data[t];
      const ends = endsOf(scale, scale.actions.map((action) => values[action]));
      axis.show(ends);
      for (const each of bars) {
        const value = values[each.action];
        const forbidden = value === -Infinity;
        const text = forbidden ? page.t("world.forbidden") : written(value, scale.decimals);
        each.show(shareOf(value, ends), text, { chosen: each.action === chosen, forbidden });
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
    show(share, text, { chosen, forbidden }) {
      fill.style.transform = `scaleX(${share.toFixed(4)})`;
      if (number.textContent !== text) number.textContent = text;
      node.classList.toggle("chosen", chosen);
      node.classList.toggle("forbidden", forbidden);
    },
  };
}

/** With the same decimals all along, so that digits do not dance. */
function written(value, decimals) {
  return Number.isFinite(value) && Math.abs(value) < 1e5 ? value.toFixed(decimals).replace(/^-(0\.?0*)$/, "$1") : num(value, 4);
}
