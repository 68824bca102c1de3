/** The machine on one screen: where an update happens, and one transition that walks through it, a number at each stop. */

import { el, svg } from "../core/dom.js";
import { actionClass, actionName } from "../core/naming.js";
import { paintSeen } from "../world/seen.js";
import { makeStage } from "../world/stage.js";
import { drawWires } from "./wires.js";
import { INSTEAD, STOPS, stopsOf } from "./stops.js";

const PLACES = ["env", "replay", "batch", "step", "online", "target", "error", "update", "best"]; // as they stand on a phone
const CLASSIC = { online: "q_net", target: "target_net", best: "best_net" }; // their names in the classic program
const SLOTS = {
  env: ["reward", "sum"], replay: ["stored"], batch: ["drawn", "weight"], online: ["prediction", "choose"],
  target: ["next", "discount", "added", "sync"], error: ["goal", "error", "loss"], update: ["update"], best: [], step: [],
};
const OWN = { next: "online", discount: "online" }; // where a run without a target network has them
const COUNTS = ["stored", "drawn", "sync_later"]; // sentences with a whole number
const DIGITS = { story: 3, numbers: 6 };
const PACE = 1800; // milliseconds at each stop while it walks by itself

/** {node, update(state), stop(): where it stands, close()}; `another()` leads to another transition. */
export function makeMachine(page, step, another) {
  const { store, t } = page;
  const kind = { lone: Boolean(step.moment.returns), offline: step.moment.epsilon === null };
  const slots = new Map();
  const boxes = new Map(PLACES.map((place) => [place, makeBox(page, place, kind, slots)]));
  const token = el("div", { class: "machine-token", "aria-hidden": "true" });
  const wires = svg("svg", { class: "machine-wires", "aria-hidden": "true" });
  const board = el("div", { class: "machine-board" }, wires, PLACES.map((place) => boxes.get(place)), token);
  const scene = makeScene(page, step, boxes.get("step"));
  const said = el("p", { class: "machine-said", "aria-live": "polite" });
  const count = el("span", { class: "machine-count number" });
  let [stops, at, walking] = [[], 0, null];

  const go = (to) => store.set({ "step.stop": stops[Math.min(Math.max(to, 0), stops.length - 1)].id });
  const rest = () => {
    clearInterval(walking);
    walking = null;
    walk.textContent = t("step.walk");
  };
  const move = (to) => {
    rest();
    go(to);
  };
  const start = () => {
    if (walking !== null) return rest();
    go(at === stops.length - 1 ? 0 : at + 1);
    walk.textContent = t("step.pause");
    walking = setInterval(() => (at < stops.length - 1 ? go(at + 1) : rest()), PACE);
    return null;
  };
  const button = (id, press, kind = null) => el("button", { type: "button", id: `machine-${id}`, class: kind, on: { click: press } }, t(`step.${id}`));
  const back = button("back", () => move(at - 1));
  const next = button("next_stop", () => move(at + 1), "primary");
  const walk = button("walk", start);
  const keys = { ArrowRight: () => move(at + 1), ArrowLeft: () => move(at - 1), Home: () => move(0), End: () => move(stops.length - 1) };
  const node = el("div", {
    class: "machine", role: "group", tabindex: 0, "aria-label": t("step.machine"),
    on: { keydown: (event) => {
      if (event.target.tagName === "SELECT" || !keys[event.key]) return;
      event.preventDefault();
      event.stopPropagation();
      keys[event.key]();
    } },
  },
  board,
  el("div", { class: "machine-bar" }, said,
    el("div", { class: "row" }, back, next, count, walk, button("another", () => { rest(); another(); }))));

  const place = () => {
    drawWires(wires, board, boxes, stops[at]?.id, kind, t);
    const box = boxes.get(stops[at]?.place);
    if (box) token.style.transform = `translate(${box.offsetLeft + box.offsetWidth - 14}px, ${box.offsetTop - 12}px)`;
  };
  const watcher = new ResizeObserver(place);
  watcher.observe(board);

  return {
    node,
    update({ chosen, now }) {
      stops = stopsOf(step, chosen, now ?? step.recompute(chosen, step.own));
      at = placeOf(stops, store.get("step.stop"));
      const digits = DIGITS[page.level];
      const here = stops[at];
      fillSlots(page, slots, stops, at, digits);
      for (const [name, box] of boxes) {
        box.classList.toggle("on", name === here.place);
        box.classList.toggle("been", stops.slice(0, at).some((each) => each.place === name));
      }
      said.textContent = sentence(page, here, digits);
      count.textContent = t("step.stop_of", { stop: at + 1, stops: stops.length });
      [back.disabled, next.disabled] = [at === 0, at === stops.length - 1];
      const action = step.moment.rows.action.data[chosen];
      token.className = `machine-token ${actionClass(action)}`;
      scene(chosen, action);
      place();
    },
    stop: () => stops[at].id,
    close() {
      clearInterval(walking);
      watcher.disconnect();
    },
  };
}

/** Where an address leads: to its stop, or to the one before it where this transition has no such. */
export function placeOf(stops, id) {
  const wanted = Math.max(STOPS.indexOf(id), 0);
  return Math.max(stops.findLastIndex((each) => STOPS.indexOf(each.id) <= wanted), 0);
}

function makeBox({ t, data, num }, place, { lone, offline }, slots) {
  const gone = lone && place === "target";
  const own = gone ? [] : [...SLOTS[place], ...(lone ? Object.keys(OWN).filter((id) => OWN[id] === place) : [])];
  const lines = own.map((id) => {
    const value = el("dd", { class: "number" });
    const line = el("div", { class: "machine-slot" }, el("dt", {}, t(`step.slot_${id}`)), value);
    slots.set(id, { line, value });
    return line;
  });
  const name = lone && place === "replay" ? "rollout" : offline && place === "env" ? "recorded" : place;
  const score = data.run.score?.mean;
  return el("div", { class: `machine-box machine-${place}${gone ? " machine-gone" : ""}` },
    el("div", { class: "machine-name" }, el("strong", {}, t(`step.place_${name}`)),
      CLASSIC[place] ? el("code", {}, CLASSIC[place]) : ""),
    gone ? el("p", {}, t("step.no_target")) : place === "best" ? el("p", {}, t("step.best_kept")) : "",
    lines.length ? el("dl", {}, lines) : "",
    place === "best" && score !== undefined && score !== null
      ? el("dl", {}, el("div", { class: "machine-slot been" }, el("dt", {}, t("step.best_score")), el("dd", { class: "number" }, num(score, 3)))) : "");
}

/** Numbers appear where the transition has been; the latest one stands out. */
function fillSlots({ num }, slots, stops, at, digits) {
  const has = new Set(stops.map(({ id }) => INSTEAD[id] ?? id));
  for (const [id, { line, value }] of slots) {
    const last = stops.findLastIndex((each, i) => i <= at && (INSTEAD[each.id] ?? each.id) === id);
    line.hidden = !has.has(id);
    line.classList.toggle("been", last >= 0);
    line.classList.toggle("on", last === at);
    value.textContent = last >= 0 ? shown(num, stops[last], digits) : "";
  }
}

/** The value of a stop; of one that takes the place of another, with the digits that tell them apart. */
function shown(num, { id, said, value, parts }, digits) {
  if (isCount(said)) return value.toLocaleString("en");
  const text = num(value, id in INSTEAD ? apart(num, value, parts.before, digits) : digits);
  return ["error", "update"].includes(id) && value > 0 ? `+${text}` : text;
}

const isCount = (said) => COUNTS.some((each) => said.startsWith(each));

/** How many digits tell two numbers apart, at least `digits`. */
function apart(num, one, other, digits) {
  let enough = digits;
  while (enough < 7 && one !== other && num(one, enough) === num(other, enough)) enough += 1;
  return enough;
}

/** What happens at a stop, with its numbers. */
export function sentence(page, { said, parts }, digits) {
  const { t, num } = page;
  const { before } = parts;
  const enough = before === undefined ? digits : apart(num, parts.after ?? parts.x, before, digits);
  const n = (x) => num(x, enough);
  const values = { ...parts };
  if (parts.action !== undefined) values.action = actionName(page, parts.action);
  if (parts.then !== undefined && parts.then !== null) values.then = actionName(page, parts.then);
  for (const name of ["x", "before", "after", "reward", "discount"]) if (typeof parts[name] === "number") values[name] = n(parts[name]);
  if (parts.value !== undefined) values.value = parts.value < 0 ? `(${n(parts.value)})` : n(parts.value);
  if (isCount(said)) values.x = parts.x.toLocaleString("en");
  values.sum = parts.sum ? ` ${sumText(parts.sum, n)}` : "";
  return t(`step.say_${said}`, values);
}

const sumText = ({ terms, left }, n) => [
  ...terms.map(([factor, reward]) => (factor === 1 ? n(reward) : `${n(factor)} × ${reward < 0 ? `(${n(reward)})` : n(reward)}`)),
  ...(left > 0 ? ["…"] : []),
].join(" + ");

/** A stage for observations that are, or hold, a picture. */
function pictured(picture) {
  const canvas = el("canvas", { class: "machine-picture", role: "img" });
  return {
    node: el("div", {}, canvas),
    show(obs, { label }) {
      canvas.setAttribute("aria-label", label);
      paintSeen(canvas, picture, obs);
    },
  };
}

/** The step itself: what was seen where the world can be drawn, and what was done. */
function makeScene(page, { moment: { rows } }, box) {
  const { data, t } = page;
  const picture = rows.obs === null ? null : data.obs.pictures.at(-1);
  const stage = picture ? pictured(picture) : makeStage(data.world);
  const name = el("p", { class: "machine-action" });
  const seen = rows.obs !== null && stage.node !== null;
  box.append(...(seen ? [stage.node] : []), name);
  return (chosen, action) => {
    name.className = `machine-action ${actionClass(action)}`;
    name.textContent = actionName(page, action);
    if (!seen) return;
    const size = rows.obs.data.length / rows.obs.shape[0];
    const obs = rows.obs.data.subarray(chosen * size, (chosen + 1) * size);
    requestAnimationFrame(() => stage.show(obs, { action, label: t("step.place_step") }));
  };
}
