/** Let go: the physics goes on from the question's state, the network steering, until the episode ends. */

import { makeClock } from "../world/clock.js";
import { clear, el } from "../core/dom.js";
import { argmax } from "../net/network.js";
import { stepsPerSecond } from "../world/systems.js";
import { makeWalk } from "../world/walk.js";

/**
 * {node, running(), stop(), forget(otherStart)}: `show` gets the present moment {obs, values, state, q, ended}.
 * What ended stays on a list until it is let go from another start.
 */
export function makeLetGo(page, question, show) {
  const { data, t } = page;
  const { system } = question;
  const nothing = { running: () => false, stop() {}, forget() {} };
  if (!system) return { ...nothing, node: el("p", { class: "muted" }, t("whatif.no_physics", { env: data.run.env })) };

  const now = el("p", { class: "number whatif-now" });
  const results = el("ul", { class: "whatif-results", "aria-live": "polite" });
  let walk = null;
  const clock = makeClock(stepsPerSecond(data.world), step, picture);

  function step() {
    walk.advance(argmax(question.qOf(walk.obs)));
    if (walk.ended) finish();
  }

  function picture() {
    const values = question.valuesOf(walk.obs);
    show({ obs: walk.obs, values, state: walk.state, q: question.qOf(walk.obs), ended: walk.ended });
    now.textContent = t("whatif.now", { n: walk.steps, total: page.num(walk.total, 6) });
  }

  function finish() {
    clock.stop();
    const { steps: n, total, ended } = walk;
    const text = t(`whatif.${ended}`, { network: t(`whatif.${question.chosen()}`), n, total: page.num(total, 6) });
    results.append(el("li", {}, text));
    buttons();
  }

  function buttons() {
    go.textContent = t(clock.running() ? "whatif.stop" : "whatif.go");
    skip.hidden = !clock.running();
  }

  function start() {
    const { state, obs } = question.now();
    walk = makeWalk({ system, params: data.world.params, state, seen: obs, limit: data.settings.max_episode_steps });
    if (window.matchMedia("(prefers-reduced-motion: reduce)").matches) toTheEnd();
    else clock.start();
    buttons();
  }

  function toTheEnd() {
    while (!walk.ended) step();
    picture();
  }

  function stop() {
    clock.stop();
    buttons();
  }

  const go = el("button", { type: "button", class: "primary", on: { click: () => (clock.running() ? stop() : start()) } });
  const skip = el("button", { type: "button", on: { click: toTheEnd } }, t("whatif.skip"));
  buttons();
  const noise = data.world.params.torque_noise_max > 0 ? el("p", { class: "muted" }, t("whatif.noise")) : null;
  return {
    node: el("div", { class: "whatif-go" }, el("div", { class: "row" }, go, skip, now), noise, results),
    running: () => clock.running(),
    stop,
    forget(otherStart) {
      if (walk) {
        stop();
        walk = null;
        now.textContent = "";
      }
      if (otherStart) clear(results);
    },
  };
}
