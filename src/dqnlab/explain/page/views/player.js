/** A slim player at the foot of the screen, there as soon as that of the first screen is out of sight. */

import { row } from "../core/codec.js";
import { el } from "../core/dom.js";
import { actionClass, actionName } from "../core/naming.js";

/** {node, close()}; `elsewhere` is what plays the same where it is in sight. */
export function makePlayer(page, elsewhere) {
  const { t, num, playback } = page;
  const play = el("button", { type: "button", class: "primary player-play", on: { click: () => playback.toggle() } });
  const scrub = el("input", {
    type: "range", min: 0, step: 1, class: "player-scrub", "aria-label": t("world.scrub"),
    on: { input: () => playback.seek(Number(scrub.value)) },
  });
  const at = el("span", { class: "player-at" });
  const swatch = el("span", { class: "swatch", "aria-hidden": "true" });
  const action = el("span", {});
  const value = el("span", { class: "player-value" });
  const node = el("div", { class: "player", role: "region", "aria-label": t("main.player") },
    el("div", { class: "player-row" }, play, scrub, at, el("span", { class: "player-action" }, `${t("main.recorded")} `, swatch, action), value));
  const moment = (step) => {
    const episode = page.episode();
    const taken = episode.action.data[step];
    scrub.max = playback.last;
    scrub.value = step;
    at.textContent = t("world.step_at", { t: step, last: playback.last });
    scrub.setAttribute("aria-valuetext", at.textContent);
    swatch.className = `swatch ${actionClass(taken)}`;
    action.textContent = actionName(page, taken);
    value.textContent = t("main.value", { value: num(row(episode.q.best, step)[taken], 3) });
  };
  const playing = () => {
    play.textContent = playback.playing ? "❚❚" : "▶";
    play.setAttribute("aria-label", t(playback.playing ? "world.pause" : "world.play"));
  };
  playback.on({ moment, playing });
  moment(playback.t);
  playing();
  const watcher = new IntersectionObserver((seen) => { node.hidden = seen.at(-1).isIntersecting; });
  watcher.observe(elsewhere);
  return { node, close: () => watcher.disconnect() };
}
