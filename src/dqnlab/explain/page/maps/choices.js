/** What a reader chooses of the maps: the inputs along their axes, and boxes to tick. */

import { el } from "../core/dom.js";
import { inputName } from "../core/naming.js";

/** A box for a key of the store that is 0 or 1. */
export function tick({ t, store }, key, word) {
  const box = el("input", { type: "checkbox", "data-key": key, checked: Boolean(store.get(key)) });
  box.addEventListener("change", () => store.set({ [key]: Number(box.checked) }));
  return el("label", { class: "maps-check" }, box, " ", t(word));
}

/** Two lists of the inputs at some places, which swap where one takes what the other has. axes(): both that are chosen. */
export function axisChoices(page, axes, places) {
  const choice = (key, which) => {
    const options = places.map((i) => el("option", { value: i, selected: axes()[which] === i }, inputName(page, i)));
    const select = el("select", { "data-key": key }, options);
    select.addEventListener("change", () => {
      const other = key === "map.x" ? "map.y" : "map.x";
      const taken = axes()[1 - which] === Number(select.value);
      page.store.set({ [key]: Number(select.value), ...(taken ? { [other]: axes()[which] } : {}) });
      for (const each of select.closest(".maps-choices").querySelectorAll("select")) {
        each.value = axes()[each.dataset.key === "map.x" ? 0 : 1];
      }
    });
    return el("label", { class: "row" }, page.t(which === 0 ? "maps.across" : "maps.up"), select);
  };
  return [choice("map.x", 0), choice("map.y", 1)];
}
