/** The learning curve, and the facts of the run: configuration, files, seconds, versions. */

import { bent } from "../core/bent.js";
import { lineChart } from "../core/charts.js";
import { clear, el } from "../core/dom.js";
import { interval, registered, standing } from "../core/score.js";

/** Mounts the view. */
export function mountCurve(root, page) {
  const { data, t, store } = page;
  store.declare("curve.filter", "");
  root.append(data.evaluations?.length ? curve(page, root.clientWidth) : el("p", { class: "muted" }, t(data.run.imported ? "main.elsewhere" : "curve.none")));
  root.append(
    settings(page),
    el("div", { class: "columns numbers-only" },
      facts("files", data.files.map(([label, name]) => [page.t(label), name]), ["what", "where"], page),
      facts("seconds", phases(page), ["phase", "in_seconds"], page),
      facts("versions", Object.entries(data.run.versions ?? {}), ["package", "version"], page)));
}

/** width: room for the chart, in pixels. */
function curve(page, width) {
  const { data, t, num } = page;
  const found = data.evaluations.map(({ step, returns }) => ({ step, ...spread(returns) }));
  const x = found.map(({ step }) => step);
  const over = (name) => found.map((each) => each[name]);
  const { score } = data.run;
  const bands = [{ x, low: over("low"), high: over("high") }, { x, low: over("quarter"), high: over("three_quarters") }];
  const levels = [];
  if (score) {
    if (score.low !== null) bands.push({ from: score.low, to: score.high, class: "good" });
    levels.push({ y: score.mean, text: "", class: "good" });
  }
  if (data.threshold !== null) levels.push({ y: data.threshold, text: t("curve.threshold", { value: num(data.threshold, 4) }), below: score?.mean > data.threshold });
  const marks = (data.confirms ?? []).map(({ step, passed }) => ({ x: step, class: passed ? "good" : "bad" }));
  const axis = bent([...over("mean"), ...levels.map(({ y }) => y)]);
  const top = Math.max(...over("high"), ...levels.map(({ y }) => y));
  const room = 0.08 * Math.abs(top - Math.min(...over("low")));
  const chart = lineChart({
    series: [{ name: t("curve.mean"), x, y: over("mean") }], bands, levels, marks,
    width: Math.max(width - 30, 300), height: 320, xLow: 0, low: score?.low ?? score?.mean, high: top + room,
    xLabel: t("curve.steps"), yLabel: t(axis.bend ? "curve.return_bent" : "curve.return"), label: t("curve.chart"), ...axis,
  });
  return el("div", { class: "card" }, chart, legend(page), reconciled(page), ...remarks(page));
}

/** How the run can be solved and not confirmed, or the other way round, in words; null where there is no such thing. */
function reconciled({ data, t, num }) {
  const word = standing(data);
  if (word === null) return null;
  const { score } = data.run;
  const each = Math.min(...(data.confirms ?? []).map(({ returns }) => returns.length));
  return el("p", { class: "said curve-standing" }, t(`curve.${word}`, {
    mean: num(score.mean, 4), n: score.episodes, low: num(score.low), threshold: num(data.threshold, 4), each,
    tried: data.confirms?.length,
  }));
}

/** What the colours mean. */
function legend({ data, t, num }) {
  const { score } = data.run;
  const text = score && t("curve.score", { mean: num(score.mean, 4), interval: interval(score, t) });
  return el("p", { class: "legend" },
    el("span", { class: "line-0" }, t("curve.mean")),
    el("span", { class: "spread" }, t("curve.spread")),
    text ? el("span", { class: "score" }, text) : null,
    confirmed(data, true) ? el("span", { class: "passed" }, t("curve.passed")) : null,
    confirmed(data, false) ? el("span", { class: "failed" }, t("curve.failed")) : null);
}

/** How many confirmations passed, or did not. */
function confirmed({ confirms }, wanted) {
  return (confirms ?? []).filter(({ passed }) => passed === wanted).length;
}

function remarks({ data, t, num }) {
  const { score } = data.run;
  const said = [t("curve.evaluations", {
    count: data.evaluations.length, select: data.evaluations[0].returns.length, score: score?.episodes ?? "–",
  })];
  if (data.confirms?.length) {
    said.push(t("curve.confirm", { count: data.confirms.length, passed: confirmed(data, true) }));
  }
  said.push(registered(data.run, t));
  return said.filter(Boolean).map((text) => el("p", { class: "muted said numbers-only" }, text));
}

/** Mean, extremes and quarters of returns. */
function spread(returns) {
  const sorted = Float64Array.from(returns).sort();
  const at = (share) => {
    const place = share * (sorted.length - 1);
    const below = sorted[Math.floor(place)];
    return below + (sorted[Math.ceil(place)] - below) * (place % 1);
  };
  const mean = sorted.reduce((sum, value) => sum + value, 0) / sorted.length;
  return { mean, low: sorted[0], high: sorted.at(-1), quarter: at(0.25), three_quarters: at(0.75) };
}

/** The configuration as a table that what the reader types filters. */
function settings({ data, t, store }) {
  const body = el("tbody");
  const count = el("span", { class: "muted", role: "status" });
  const show = () => {
    const wanted = store.get("curve.filter").toLowerCase();
    const shown = data.config.filter((pair) => pair.join(" ").toLowerCase().includes(wanted));
    clear(body).append(...shown.map(line));
    count.textContent = t("curve.matches", { shown: shown.length, all: data.config.length });
  };
  const input = el("input", {
    type: "search", value: store.get("curve.filter"), "aria-label": t("curve.filter"), placeholder: t("curve.filter"),
    on: { input: () => store.set({ "curve.filter": input.value }) },
  });
  store.on(["curve.filter"], show);
  show();
  return el("div", { class: "card facts numbers-only" },
    el("h3", {}, t("curve.config")),
    el("div", { class: "row" }, input, count),
    el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": t("curve.config") },
      el("table", {}, header(["setting", "chosen"], t), body)));
}

function facts(title, pairs, columns, { t }) {
  if (!pairs?.length) return null;
  return el("div", { class: "card facts" },
    el("h3", {}, t(`curve.${title}`)),
    el("table", {}, header(columns, t), el("tbody", {}, pairs.map(line))));
}

function header(columns, t) {
  return el("thead", {}, el("tr", {}, columns.map((name) => el("th", { scope: "col" }, t(`curve.${name}`)))));
}

function line([name, value]) {
  return el("tr", {}, el("td", {}, name), el("td", {}, el("span", { class: "number" }, value)));
}

/** The seconds of each phase, what no phase has, and last the total; a phase without a word keeps its name. */
function phases({ data, t, num }) {
  const { total, ...named } = data.run.seconds ?? {};
  const rest = total === undefined ? 0 : total - Object.values(named).reduce((sum, value) => sum + value, 0);
  const all = [...Object.entries(named), ...(rest > 0 ? [["rest", rest]] : []), ...(total === undefined ? [] : [["total", total]])];
  return all.map(([name, value]) => {
    const key = `curve.phase.${name}`;
    const word = t(key);
    return [word === key ? name : word, num(value)];
  });
}
