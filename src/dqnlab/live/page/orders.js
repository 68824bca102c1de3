/** Orders to the runs of a page: buttons for them, and what became of each. */

import { el } from "../core/dom.js";
import { about, counted } from "./kit.js";

const SAID = 8000; // milliseconds that the end of an order is told
const SURE = 10_000; // milliseconds in which a second click means it

/** Whether a process works on a run of this state. */
export const isAlive = (state) => Boolean(state) && ["running", "paused"].includes(state.status);

const obeyed = (state, name) => state.obeyed[name] ?? 0;

/** states(): of each run by its id, as far as it is known; changed(): called when there is something else to say. */
export function makeOrders(states, changed) {
  // Oldest first, {name, by: how often each run has obeyed such orders once this is done, came: "", "asked", "done",
  // "refused" or "lost", why}. What is under way stays until it is done; what has ended goes with the next order.
  let orders = [];

  const isOpen = ({ came }) => came === "" || came === "asked";

  function end(mine, came, why = "") {
    Object.assign(mine, { came, why });
    changed();
    setTimeout(() => {
      if (!orders.includes(mine)) return;
      orders = orders.filter((each) => each !== mine);
      changed();
    }, SAID);
  }

  const left = (order) => [...order.by].filter(([id]) => isAlive(states().get(id)));

  const isDone = (order) => left(order).every(([id, by]) => {
    const state = states().get(id);
    return obeyed(state, order.name) >= by || (order.name === "pause" && state.status === "paused");
  });

  /** To be called when a state has changed: whether every run that was asked has done it, or has ended. */
  function look() {
    orders = orders.filter((each) => each.came !== "asked" || left(each).length > 0); // else their states say it
    for (const each of orders) if (each.came === "asked" && each.name !== "stop" && isDone(each)) end(each, "done");
  }

  async function order(name) {
    const ends = name === "stop" ? () => true : name === "continue" ? (other) => other.name === "step" : () => false;
    orders = orders.filter((other) => isOpen(other) && !ends(other));
    const ahead = orders.filter((other) => other.name === name).length;
    const alive = [...states()].filter(([, state]) => isAlive(state));
    const mine = { name, by: new Map(alive.map(([id, state]) => [id, obeyed(state, name) + ahead + 1])), came: "", why: "" };
    orders.push(mine);
    changed();
    try {
      const answer = await fetch("orders", {
        method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ order: name }),
      });
      if (!orders.includes(mine)) return;
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

  /** A checkpoint waits for a moment that can be resumed exactly: until which step, if that is known. */
  function step(order) {
    if (order.came !== "asked" || order.name !== "checkpoint") return null;
    const due = left(order).map(([id]) => states().get(id).checkpoint_by);
    return due.includes(null) ? null : Math.max(...due);
  }

  /** What became of each order, in words; nothing of one that has ended once that has been said for a while. */
  function said(t) {
    return orders.filter(({ came }) => came).map((each) => {
      const by = step(each);
      const how = by === null ? each.came : "pending";
      return t(`live.${how}`, { order: t(`live.${each.name}`), why: each.why, step: by === null ? "" : counted(by) });
    });
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
