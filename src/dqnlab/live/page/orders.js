/** Orders to the runs of a page: buttons for them, and what became of the latest one. */

import { el } from "../core/dom.js";
import { about } from "./kit.js";

const SAID = 8000; // milliseconds that the end of an order is told
const SURE = 4000; // milliseconds in which a second click means it

/** Whether a process works on a run of this state. */
export const isAlive = (state) => Boolean(state) && ["running", "paused"].includes(state.status);

const obeyed = (state, name) => state.obeyed[name] ?? 0;

/** states(): of each run by its id, as far as it is known; changed(): called when there is something else to say. */
export function makeOrders(states, changed) {
  let latest = null; // {name, before: how often each run had obeyed it, came: "", "asked", "done", "refused" or "lost", why}

  function end(mine, came, why = "") {
    Object.assign(mine, { came, why });
    changed();
    setTimeout(() => {
      if (latest !== mine) return;
      latest = null;
      changed();
    }, SAID);
  }

  /** To be called when a state has changed: whether every run that was asked has done it, or has ended. */
  function look() {
    if (latest?.came !== "asked") return;
    const left = [...latest.before].filter(([id]) => isAlive(states().get(id)));
    const isDone = ([id, before]) => {
      const state = states().get(id);
      return obeyed(state, latest.name) > before || (latest.name === "pause" && state.status === "paused");
    };
    if (left.length === 0) latest = null; // which their states say
    else if (latest.name !== "stop" && left.every(isDone)) end(latest, "done");
  }

  async function order(name) {
    const alive = [...states()].filter(([, state]) => isAlive(state));
    const mine = { name, before: new Map(alive.map(([id, state]) => [id, obeyed(state, name)])), came: "", why: "" };
    latest = mine;
    changed();
    try {
      const answer = await fetch("orders", {
        method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ order: name }),
      });
      if (latest !== mine) return;
      if (answer.ok) {
        mine.came = "asked";
        look();
        changed();
      } else {
        end(mine, "refused", (await answer.json()).error ?? answer.status);
      }
    } catch {
      end(mine, "lost");
    }
  }

  /** What became of the latest order, in words; nothing once that has been said for a while. */
  function said(t) {
    if (!latest?.came) return "";
    return t(`live.${latest.came}`, { order: t(`live.${latest.name}`), why: latest.why });
  }

  return { order, look, said };
}

/** Buttons for what can be asked; nothing where this address may only look. */
export function controls(t, { paused, order }) {
  if (!about.control) return el("span", { class: "muted" }, t("live.look_only"));
  const button = (name, more = {}) =>
    el("button", { type: "button", "data-order": name, ...more, on: { click: () => order(name) } }, t(`live.${name}`));
  const stop = el("button", { type: "button", "data-order": "stop", class: "stop" }, t("live.stop"));
  stop.addEventListener("click", () => {
    if (stop.dataset.sure) {
      order("stop");
      return;
    }
    stop.dataset.sure = "yes";
    stop.textContent = t("live.really");
    setTimeout(() => {
      delete stop.dataset.sure;
      stop.textContent = t("live.stop");
    }, SURE);
  });
  return el("span", { class: "orders", role: "group" },
    paused ? button("continue", { class: "primary" }) : button("pause"), button("step"), button("checkpoint"), stop);
}
