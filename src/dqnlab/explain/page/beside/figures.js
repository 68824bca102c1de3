/** What both earned, over more than what is shown: every start, the scores, the learning curves. */

import { lineChart, ticks } from "../core/charts.js";
import { el, svg } from "../core/dom.js";
import { badge, LETTERS, sideClass } from "./sides.js";

const PLOT = { width: 420, left: 34, right: 14, row: 40, top: 12 };

export function showFigures(root, page) {
  root.append(el("div", { class: "columns" }, starts(page), scores(page)), curves(page, root.clientWidth));
}

/** Every start that was played, shown or not. */
function starts({ data: { returns }, t, num }) {
  const count = (holds) => returns.filter(([one, other]) => holds(one - other)).length;
  const tally = t("beside.tally", {
    n: returns.length, one: LETTERS[0], other: LETTERS[1],
    more: count((lead) => lead > 0), less: count((lead) => lead < 0), equal: count((lead) => lead === 0),
  });
  const cells = ([one, other]) => [one, other, one - other].map((value) => el("td", { class: "number" }, num(value, 4)));
  return el("div", { class: "card" },
    el("h2", {}, t("beside.starts")),
    el("p", { class: "muted" }, tally),
    el("div", { class: "scroll" }, el("table", {},
      el("thead", {}, el("tr", {}, el("td", {}), [0, 1].map((side) => el("th", { class: "number", scope: "col" }, badge(side))),
        el("th", { class: "number", scope: "col" }, t("beside.difference")))),
      el("tbody", {}, returns.map((pair, i) => el("tr", {}, el("th", { scope: "row" }, i + 1), cells(pair)))))));
}

/** The mean of each score with its interval, on one axis. */
function scores({ data: { runs, threshold }, t, num }) {
  const scored = runs.map(({ score }) => score);
  const values = scored.flatMap((score) => (score ? [score.low ?? score.mean, score.mean, score.high ?? score.mean] : []));
  if (!values.length) return null;
  if (threshold !== null) values.push(threshold);
  const [from, to] = [Math.min(...values), Math.max(...values)];
  const room = 0.08 * (to - from) || 1;
  const x = (value) => PLOT.left + ((value - from + room) / (to - from + 2 * room)) * (PLOT.width - PLOT.left - PLOT.right);
  const bottom = PLOT.top + 2 * PLOT.row;
  const said = scored.map((score, side) => `${LETTERS[side]} ${score ? num(score.mean, 4) : "–"}`).join(", ");
  const chart = svg("svg", {
    viewBox: `0 0 ${PLOT.width} ${bottom + 20}`, class: "chart", role: "img", "aria-label": `${t("beside.scores")}: ${said}`,
  });
  for (const value of ticks(from - room, to + room, 5)) {
    chart.append(svg("line", { x1: x(value), x2: x(value), y1: PLOT.top, y2: bottom, class: "grid" }),
      svg("text", { x: x(value), y: bottom + 14, class: "tick", "text-anchor": "middle" }, num(value, 4)));
  }
  if (threshold !== null) {
    chart.append(svg("line", { x1: x(threshold), x2: x(threshold), y1: PLOT.top, y2: bottom, class: "level" }),
      svg("text", { x: x(threshold), y: PLOT.top - 2, class: "tick", "text-anchor": x(threshold) > PLOT.width / 2 ? "end" : "start" }, t("curve.threshold", { value: num(threshold, 4) })));
  }
  scored.forEach((score, side) => {
    const y = PLOT.top + PLOT.row * (side + 0.5);
    chart.append(svg("text", { x: 8, y: y + 5, class: "beside-letter" }, LETTERS[side]));
    if (!score) return;
    if (score.low !== null) {
      chart.append(svg("line", { x1: x(score.low), x2: x(score.high), y1: y, y2: y, class: `line beside-${sideClass(side)}` }));
    }
    chart.append(svg("circle", { cx: x(score.mean), cy: y, r: 5, class: `beside-dot ${sideClass(side)}` }));
  });
  return el("div", { class: "card" }, el("h2", {}, t("beside.scores")), chart, el("p", { class: "muted" }, t("beside.interval")));
}

/** Both learning curves on one axis; of runs that were one until a step, from there on. room: pixels for the chart. */
function curves({ data: { runs, fork, threshold }, t, num }, room) {
  const found = runs.map(({ judged }) => from(judged, fork?.step ?? 0));
  if (!found.some(({ x }) => x.length)) return el("div", { class: "card" }, el("h2", {}, t("beside.curve")), el("p", { class: "muted" }, t("beside.no_curve")));
  const chart = lineChart({
    series: found.map(({ x, mean }, side) => ({ name: LETTERS[side], x, y: mean, class: `beside-${sideClass(side)}` })),
    bands: found.map(({ x, low, high }, side) => ({ x, low, high, class: `beside-band ${sideClass(side)}` })),
    marks: fork ? [{ x: fork.step, text: t("beside.forked") }] : [],
    levels: threshold === null ? [] : [{ y: threshold, text: t("curve.threshold", { value: num(threshold, 4) }) }],
    width: Math.min(Math.max(room - 30, 320), 1040), height: 280, xLow: fork?.step ?? 0, xLabel: t("curve.steps"), yLabel: t("curve.return"), label: t("beside.curve"),
  });
  return el("div", { class: "card beside-curves" },
    el("h2", {}, t("beside.curve")),
    el("p", { class: "muted" }, t("beside.curve_lead")),
    el("p", { class: "beside-legend" }, runs.map((run, side) =>
      el("span", { class: sideClass(side) }, badge(side), " ", run.called))),
    chart);
}

/** A curve from a step on. */
function from({ step, mean, low, high }, first) {
  const kept = [...step.data.keys()].filter((i) => step.data[i] >= first);
  const [x, y, below, above] = [step, mean, low, high].map(({ data }) => kept.map((i) => data[i]));
  return { x, mean: y, low: below, high: above };
}
