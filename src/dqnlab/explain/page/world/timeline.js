/** An episode as a strip: value, gap between the best and the second-best action, reward and action of every step. */

import { el, svg } from "../core/dom.js";
import { row } from "../core/codec.js";
import { actionClass } from "../core/naming.js";
import { outcomeOf } from "./outcome.js";

/** What the strip shows, of each step: {value, gap, reward}, what was earned so far and what then came, as typed arrays. */
export function signals(episode, settings = {}) {
  const steps = episode.action.data.length;
  const out = { value: new Float32Array(steps), gap: new Float32Array(steps), earned: new Float64Array(steps) };
  let sum = 0;
  for (let t = 0; t < steps; t++) {
    const [first, second] = topTwo(row(episode.q.best, t));
    out.value[t] = first;
    out.gap[t] = first - second;
    sum += episode.reward.data[t];
    out.earned[t] = sum;
  }
  return { ...out, reward: episode.reward.data, came: outcomeOf(episode, settings) };
}

/** The largest and the second-largest of a few numbers; the same twice if there is but one. */
function topTwo(q) {
  let [first, second] = [-Infinity, -Infinity];
  for (const value of q) {
    if (value > first) [first, second] = [value, first];
    else if (value > second) second = value;
  }
  return [first, second === -Infinity ? first : second];
}

/**
 * The strip of an episode. onSeek(t) is called where somebody clicks or drags.
 * Returns {node, point(t, texts)}: the cursor goes to step t, and each lane says its text.
 */
export function makeStrip({ episode, found, names, label, onSeek }) {
  const steps = episode.action.data.length;
  const lanes = [
    lane("value", names.value, lines(found.value, found.came)),
    lane("gap", names.gap, area(found.gap), "numbers-only"),
    lane("reward", names.reward, isConstant(found.reward) ? [] : line(found.reward), "numbers-only"),
    lane("action", names.action, runs(episode.action.data)),
  ];
  const cursor = el("div", { class: "strip-cursor", "aria-hidden": "true" });
  const node = el("div", {
    class: "strip", role: "slider", tabindex: "0", "aria-label": label, "aria-valuemin": 0, "aria-valuemax": steps - 1,
  }, lanes.map((each) => each.node), cursor);
  followPointer(node, steps, onSeek);
  const point = (t, texts) => {
    cursor.style.left = `${(100 * (t + 0.5)) / steps}%`;
    for (const each of lanes) each.say(texts[each.name], each.name === "value" ? texts.came : undefined);
    node.setAttribute("aria-valuenow", t);
    node.setAttribute("aria-valuetext", texts.all);
  };
  return { node, point };
}

/** onSeek(t) is called with the step, of as many, where somebody clicks or drags on a node as wide as all of them. */
export function followPointer(node, steps, onSeek) {
  const seek = (event) => {
    const box = node.getBoundingClientRect();
    onSeek(Math.floor(((event.clientX - box.left) / box.width) * steps));
  };
  node.addEventListener("pointerdown", (event) => {
    node.setPointerCapture(event.pointerId);
    seek(event);
  });
  node.addEventListener("pointermove", (event) => {
    if (event.buttons & 1) seek(event);
  });
}

function lane(name, title, drawn, level = "") {
  const said = el("span", { class: "number" });
  const beside = el("span", { class: "lane-beside muted number" });
  const width = drawn.width ?? 1;
  const node = el("div", { class: `lane lane-${name}${drawn.length ? "" : " lane-flat"} ${level}` },
    svg("svg", { viewBox: `0 0 ${width} 100`, preserveAspectRatio: "none", "aria-hidden": "true" }, drawn),
    el("div", { class: "lane-head" }, el("span", { class: "muted" }, title), " ", said, beside));
  const say = (text, more = "") => {
    said.textContent = text;
    beside.textContent = more;
  };
  return { name, node, say };
}

function isConstant(values) {
  return values.every((value) => value === values[0]);
}

/** Step t lies at t + ½ of a width of one unit per step; heights go from 6 to 94. */
function points(values, floor = Infinity, beside = []) {
  let [low, high] = [floor, -Infinity];
  for (const value of [...values, ...beside]) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  const span = high - low || 1;
  return Array.from(values, (value, t) => `${t + 0.5} ${(94 - (88 * (value - low)) / span).toFixed(1)}`);
}

function line(values) {
  const path = svg("path", { d: `M${points(values).join("L")}`, class: "lane-line" });
  return Object.assign([path], { width: values.length });
}

/** What was expected, and dashed, on the same scale, what then came if that is known. */
function lines(values, came) {
  if (came === null) return line(values);
  const draw = (these, beside, kind) => svg("path", { d: `M${points(these, Infinity, beside).join("L")}`, class: kind });
  return Object.assign([draw(came, values, "lane-line lane-came"), draw(values, came, "lane-line")], { width: values.length });
}

function area(values) {
  const top = points(values, 0).join("L");
  const path = svg("path", { d: `M0.5 94L${top}L${values.length - 0.5} 94Z`, class: "lane-area" });
  return Object.assign([path], { width: values.length });
}

/** One path per action, a box for every run of steps in which it was taken. */
function runs(actions) {
  const boxes = new Map();
  for (let from = 0; from < actions.length;) {
    let to = from + 1;
    while (to < actions.length && actions[to] === actions[from]) to++;
    boxes.set(actions[from], `${boxes.get(actions[from]) ?? ""}M${from} 0H${to}V100H${from}Z`);
    from = to;
  }
  const paths = [...boxes].map(([action, d]) => svg("path", { d, class: `lane-run ${actionClass(action)}` }));
  return Object.assign(paths, { width: actions.length });
}
