/** A slider over the snapshots of training, and a button that plays them. */

import { el } from "../core/dom.js";

const FRAME = 700; // milliseconds that a snapshot stays

/** {node, show(), stop()}. last: number of the last snapshot; snap(): the one that is chosen; text(): it in words. */
export function makeFilm({ t, store }, { last, snap, text }) {
  let playing = false;
  let timer = null; // until the next: it begins once this one is drawn, so that a slow machine leaves none out
  const stop = () => {
    clearTimeout(timer);
    timer = null;
    playing = false;
    button.textContent = t("maps.play");
  };
  const wait = () => {
    timer = setTimeout(() => {
      timer = null;
      store.set({ "map.snap": snap() + 1 });
    }, FRAME);
  };
  const play = () => {
    if (playing) return stop();
    playing = true;
    button.textContent = t("maps.stop");
    if (snap() === last) store.set({ "map.snap": 0 });
    else wait();
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
    if (label.textContent !== text()) label.textContent = text(); // it is read out when it is written
    if (!playing || timer !== null) return;
    if (snap() === last) stop();
    else wait();
  };
  return { node: el("div", { class: "maps-film" }, button, slider, label), show, stop };
}
