/** One timeline for both: of each its value and its actions, under one cursor, with the step at which they part. */

import { el, svg } from "../core/dom.js";
import { actionClass } from "../core/naming.js";
import { followPointer, signals } from "../world/timeline.js";
import { badge, sideClass } from "./sides.js";

const HEIGHT = { value: 34, action: 14 };

/**
 * onSeek(t) is called where somebody clicks or drags. Returns {node, point(t, text), earned(side, t)}: the cursor goes to
 * step t, whose name is `text`.
 */
export function makeStrips({ t }, { sides, parting, repeats }, onSeek) {
  const found = sides.map((each) => signals(each));
  const steps = Math.max(...sides.map((each) => each.length));
  const ends = range(found.flatMap(({ value }) => [...value]));
  const marks = parting === null || !repeats ? [] : [
    el("div", { class: "beside-shared", "aria-hidden": "true" }, el("span", {}, t("beside.shared"))),
    el("div", { class: "beside-mark", "aria-hidden": "true" }),
  ];
  const at = (step) => `${(100 * step) / steps}%`;
  if (marks.length) [marks[0].style.width, marks[1].style.left] = [at(parting), at(parting + 0.5)];
  const cursor = el("div", { class: "strip-cursor", "aria-hidden": "true" });
  const node = el("div", {
    class: "strip beside-strips", role: "slider", tabindex: "0", "aria-label": t("beside.strip"), "aria-valuemin": 0,
    "aria-valuemax": steps - 1,
  }, sides.map((episode, side) => lane(episode, found[side].value, side, steps, ends)), marks, cursor);
  followPointer(node, steps, onSeek);
  return {
    node,
    earned: (side, step) => found[side].earned[step],
    point(step, text) {
      cursor.style.left = at(step + 0.5);
      node.setAttribute("aria-valuenow", step);
      node.setAttribute("aria-valuetext", text);
    },
  };
}

function lane(episode, value, side, steps, { low, high }) {
  const height = HEIGHT.value + HEIGHT.action;
  const y = (each) => (HEIGHT.value - 3 - ((HEIGHT.value - 8) * (each - low)) / (high - low)).toFixed(1);
  const line = Array.from(value, (each, step) => `${step + 0.5} ${y(each)}`).join("L");
  return el("div", { class: `beside-lane ${sideClass(side)}` }, badge(side),
    svg("svg", { viewBox: `0 0 ${steps} ${height}`, preserveAspectRatio: "none", "aria-hidden": "true" },
      svg("path", { d: `M${line}`, class: "lane-line" }), runs(episode.action.data, HEIGHT.value, height)));
}

/** One path per action, a box for every run of steps in which it was taken. */
function runs(actions, top, bottom) {
  const boxes = new Map();
  for (let from = 0; from < actions.length;) {
    let to = from + 1;
    while (to < actions.length && actions[to] === actions[from]) to++;
    boxes.set(actions[from], `${boxes.get(actions[from]) ?? ""}M${from} ${top}H${to}V${bottom}H${from}Z`);
    from = to;
  }
  return [...boxes].map(([action, d]) => svg("path", { d, class: `lane-run ${actionClass(action)}` }));
}

function range(values) {
  const finite = values.filter(Number.isFinite);
  const [low, high] = [Math.min(...finite), Math.max(...finite)];
  return low === high ? { low: low - 1, high: high + 1 } : { low, high };
}
