/** The machine on one screen: where an update happens, and one transition that walks through it, a number at each stop. */

import { clear, el, svg } from "../core/dom.js";
import { actionClass, actionName, stateWords } from "../core/naming.js";
import { inputRow, places } from "./inputs.js";
import { alike } from "./ratings.js";
import { paintSeen } from "../world/seen.js";
import { makeStage } from "../world/stage.js";
import { drawWires } from "./wires.js";
import { INSTEAD, STOPS, stopsOf } from "./stops.js";

const PLACES = ["step", "env", "replay", "batch", "online", "target", "error", "update", "best"]; // as they stand on a phone
const CLASSIC = { online: "q_net", target: "target_net", best: "best_net" }; // their names in the classic program
const SLOTS = {
  env: ["reward", "sum"], replay: ["stored"], batch: ["drawn", "weight"], online: ["prediction", "choose"],
  target: ["next", "discount", "added", "sync"], error: ["goal", "error", "loss"], update: ["update"], best: [], step: [],
};
const OWN = { next: "online", discount: "online" }; // where a run without a target network has them
const COUNTS = ["stored", "drawn", "sync_later"]; // sentences with a whole number
const DIGITS = { story: 3, numbers: 6 };
const FINEST = 7; // digits that it may take to tell two numbers apart
const VALUES = ["prediction", "choose", "next", "goal", "error", "after"]; // all are values: one number of decimals
const MOST_INPUTS = 4; // of a step that cannot be drawn
const SMALL = { widest: 260, highest: 150 }; // pixels of the step that is followed
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
      const tell = teller(page, stops);
      const here = stops[at];
      fillSlots(slots, stops, at, tell);
      for (const [name, box] of boxes) {
        box.classList.toggle("on", name === here.place);
        box.classList.toggle("been", stops.slice(0, at).some((each) => each.place === name));
      }
      said.textContent = sentence(page, here, tell);
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
  const role = gone ? "no_target" : place === "best" && data.stands_in ? "role_last"
    : place === "online" ? `role_online${lone ? "_lone" : offline ? "_offline" : ""}` : `role_${place}`;
  const score = data.run.score?.mean;
  return el("div", { class: `machine-box machine-${place}${gone ? " machine-gone" : ""}` },
    el("div", { class: "machine-name" }, el("strong", {}, t(`step.place_${name}`)),
      CLASSIC[place] ? el("code", {}, CLASSIC[place]) : ""),
    CLASSIC[place] ? el("p", {}, t(`step.${role}`)) : "",
    lines.length ? el("dl", {}, lines) : "",
    place === "best" && score !== undefined && score !== null
      ? el("dl", {}, el("div", { class: "machine-slot been" }, el("dt", {}, t("step.best_score")), el("dd", { class: "number" }, num(score, 3)))) : "");
}

/**
 * {digits, value(x)}: how numbers are written here. In the story all values have as many decimals, so that they compare:
 * what the update moved shows, and the error is what a reader gets who subtracts.
 */
function teller({ level, num }, stops) {
  const digits = DIGITS[level];
  if (level !== "story") return { num, digits, value: (x, enough = digits) => num(x, enough) };
  const values = stops.filter(({ id }) => VALUES.includes(id)).map(({ value }) => value);
  const [before, goal, error, after] = ["prediction", "goal", "error", "after"].map((id) => stops.find((each) => each.id === id).value);
  const moves = (write) => before === after || write(before) !== write(after);
  const addsUp = (write) => write(Math.abs(write(goal) - write(before))) === write(Math.abs(error));
  const ways = Array.from({ length: FINEST - digits + 1 }, (_, more) => alike(values, digits + more));
  const value = ways.find((write) => moves(write) && addsUp(write)) ?? ways.find(moves) ?? ways.at(-1);
  return { num, digits, value };
}

/** Numbers appear where the transition has been; the latest one stands out. */
function fillSlots(slots, stops, at, tell) {
  const has = new Set(stops.map(({ id }) => INSTEAD[id] ?? id));
  for (const [id, { line, value }] of slots) {
    const last = stops.findLastIndex((each, i) => i <= at && (INSTEAD[each.id] ?? each.id) === id);
    line.hidden = !has.has(id);
    line.classList.toggle("been", last >= 0);
    line.classList.toggle("on", last === at);
    value.textContent = last >= 0 ? shown(stops[last], tell) : "";
  }
}

/** The value of a stop; of one that takes the place of another, with the digits that tell them apart. */
function shown({ id, said, value, parts }, { num, digits, value: worth }) {
  if (isCount(said)) return value.toLocaleString("en");
  const text = VALUES.includes(id) ? worth(value, id in INSTEAD ? apart(value, parts.before, digits) : digits) : num(value, digits);
  return ["error", "update"].includes(id) && value > 0 ? `+${text}` : text;
}

const isCount = (said) => COUNTS.some((each) => said.startsWith(each));

/** How many digits show by how much two numbers differ, to a tenth of that, at least `digits`. */
function apart(one, other, digits) {
  const between = one - other;
  let enough = digits;
  const rounded = (x) => Number(x.toPrecision(enough));
  const shows = () => Math.abs(rounded(one) - rounded(other) - between) <= Math.abs(between) / 10;
  while (enough < FINEST && !shows()) enough += 1;
  return enough;
}

/** What happens at a stop, with its numbers. */
function sentence(page, { id, said, parts }, { num, digits, value }) {
  const { t } = page;
  const { before } = parts;
  const enough = before === undefined ? digits : apart(parts.after ?? parts.x, before, digits);
  const n = (x) => num(x, enough);
  const worth = VALUES.includes(id) ? (x) => value(x, enough) : n;
  const values = { ...parts };
  if (parts.action !== undefined) values.action = actionName(page, parts.action);
  if (parts.then !== undefined && parts.then !== null) values.then = actionName(page, parts.then);
  for (const name of ["x", "before", "after", "target"]) if (typeof parts[name] === "number") values[name] = worth(parts[name]);
  if (parts.loss_after !== undefined) {
    const fine = apart(parts.loss_after, parts.loss, digits);
    for (const name of ["loss", "loss_after"]) values[name] = num(parts[name], fine);
    values.rose = parts.loss_after > parts.loss ? t("step.rose") : "";
  }
  for (const name of ["reward", "discount"]) if (typeof parts[name] === "number") values[name] = n(parts[name]);
  if (parts.value !== undefined) values.value = parts.value < 0 ? `(${worth(parts.value)})` : worth(parts.value);
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

/** And one for those that nobody here can draw: the inputs that matter most, as numbers. */
function numbered(page) {
  const { data, t } = page;
  const node = el("div", { class: "machine-seen" });
  return {
    node,
    show(obs) {
      if (data.obs.num_states !== null) {
        clear(node).append(...[...obs].map((state) => el("p", {}, stateWords(page, state))));
        return;
      }
      const { all, told } = places(page, obs.length, MOST_INPUTS);
      const rows = all.filter((i) => told.has(i)).map((i) => inputRow(page, i, obs[i], { digits: 3 }));
      const more = all.length - told.size;
      clear(node).append(el("table", {}, el("tbody", {}, rows)), ...(more > 0 ? [el("p", {}, t("decision.more", { n: more }))] : []));
    },
  };
}

/** The step itself: what was seen, drawn where the world can be, and what was done. */
function makeScene(page, { moment: { rows } }, box) {
  const { data, t } = page;
  const picture = rows.obs === null ? null : data.obs.pictures.at(-1);
  const drawn = picture ? pictured(picture) : makeStage(data.world, SMALL);
  const stage = drawn.node === null ? numbered(page) : drawn;
  const name = el("p", { class: "machine-action" });
  const seen = rows.obs !== null;
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
