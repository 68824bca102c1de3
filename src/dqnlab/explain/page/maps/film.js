/** A slider over the snapshots of training, and a button that plays them. */

import { el } from "../core/dom.js";

const FRAME = 700; // milliseconds that a snapshot stays

/** {node, show(), stop()}. last: number of the last snapshot; snap(): the one that is chosen; text(): it in words. */
export function makeFilm({ t, store }, { last, snap, text }) {
  let timer = null;
  const stop = () => {
    clearInterval(timer);
    timer = null;
    button.textContent = t("maps.play");
  };
  const play = () => {
    if (timer !== null) return stop();
    if (snap() === last) store.set({ "map.snap": 0 });
    button.textContent = t("maps.stop");
    timer = setInterval(() => {
      store.set({ "map.snap": snap() + 1 });
      if (snap() === last) stop();
    }, FRAME);
    return undefined;
  };
  const slider = el("input", { type: "range", min: 0, max: last, step: 1, "aria-label": t("maps.film") });
  slider.addEventListener("input", () => {
    stop();
    store.set({ "map.snap": Number(slider.value) });
  });
  const button = el("button", { type: "button", class: "maps-play", on: { click: play } }, t("maps.play"));
  const label = el("output", { class: "maps-when" });
  const show = () => {
    slider.value = snap();
    slider.setAttribute("aria-valuetext", text());
    label.textContent = text();
  };
  return { node: el("div", { class: "maps-film" }, button, slider, label), show, stop };
}
