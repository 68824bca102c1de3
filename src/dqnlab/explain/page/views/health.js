/** The health strip: a verdict, and the signals that it rests on, over training. */

import { bent } from "../core/bent.js";
import { lineChart } from "../core/charts.js";
import { clear, el } from "../core/dom.js";
import { sentences } from "../core/i18n.js";
import { sparkline } from "./sparkline.js";

/**
 * The signals. lines: series and the word that names each; level: a line across, with its word;
 * range: what is shaded where the signal proves a verdict, which it decides.
 */
const SIGNALS = [
  { name: "reward", lines: [["eval/reward", "signal.reward.name"]], level: ({ threshold }) => [threshold, "threshold"] },
  {
    name: "overestimation",
    lines: [["eval/value", "value"], ["eval/discounted_return", "earned"]],
    range: ({ ceiling }) => ceiling && { from: -ceiling, to: ceiling },
    level: ({ ceiling, series }) => [inSight(ceiling, series, "eval/discounted_return", "eval/value"), "ceiling"],
  },
  {
    name: "q_max",
    lines: [["learn/q_max", "signal.q_max.name"]],
    level: ({ ceiling, series }) => [inSight(ceiling, series, "learn/q_max"), "ceiling"],
  },
  { name: "td_error", low: 0, lines: [["learn/td_error", "signal.td_error.name"]] },
  { name: "action_gap", low: 0, lines: [["learn/action_gap", "signal.action_gap.name"]] },
  { name: "terminal_share", low: 0, lines: [["replay/terminal_share", "signal.terminal_share.name"]] },
  { name: "grad_norm", low: 0, lines: [["learn/grad_norm", "signal.grad_norm.name"]] },
  { name: "dead_units", low: 0, high: 0.6, lines: [["learn/dead_units", "signal.dead_units.name"]], range: () => ({ from: 0, to: 0.5 }) },
  { name: "epsilon", low: 0, high: 1, lines: [["train/epsilon", "signal.epsilon.name"]], range: () => ({ from: 0, to: 0.5 }) },
];

/** The signal in which a verdict can be seen; of any other it is the evaluations. */
const PROOFS = {
  diverging: "q_max", "coarse-range": "q_max", "over-estimating": "overestimation", unbounded: "overestimation",
  "narrow-range": "overestimation", drowned: "overestimation", biased: "td_error", "dead-network": "dead_units",
  "always-random": "epsilon", "still-exploring": "epsilon", "not-exploring": "epsilon", "limit-as-end": "terminal_share",
  "blind-to-the-end": "terminal_share", "short-memory": "terminal_share", "no-failures": "terminal_share",
};
/** Verdicts that its range decides. */
const DECIDED = new Set(["over-estimating", "dead-network", "always-random"]);
/** Verdicts about what the network expects, which may be wrong while it acts well. */
const OF_VALUES = new Set(["diverging", "coarse-range", "narrow-range", "over-estimating", "unbounded", "drowned", "biased"]);

const FEW = 4; // evaluations that do not show whether values still climb
const FAR = 5; // times what was seen: a ceiling that is not drawn
const MEETS = 0.1; // of the larger one: values and returns that lie no farther apart meet

/** Mounts the view. */
export function mountHealth(root, page) {
  const { data, t } = page;
  const findings = data.findings ?? [];
  root.append(findings.length ? verdict(findings, page) : el("p", { class: "muted" }, t(data.run.imported ? "main.elsewhere" : "health.none")));
  const drawn = SIGNALS.filter(({ lines }) => lines.some(([name]) => data.series?.[name]));
  if (!drawn.length) return;
  const facts = {
    series: data.series, settings: data.settings, threshold: data.threshold, ceiling: findings[0]?.numbers?.ceiling ?? null,
    first: findings[0], end: Math.max(...Object.values(data.series).map(({ step }) => step.data.at(-1) ?? 0)),
  };
  const proof = drawn.find(({ name }) => name === (PROOFS[findings[0]?.kind] ?? "reward")) ?? drawn[0];
  root.append(proved(proof, facts, page, root.clientWidth), tiles(drawn.filter((signal) => signal !== proof), facts, page));
}

function verdict([first, ...others], page) {
  const more = others.map((finding) => el("li", {}, ...told(finding, page, "h4")));
  return el("div", { class: `card verdict ${severity(first)}` },
    ...told(first, page, "h3"), both(first, page),
    more.length ? el("h4", {}, page.t("health.also")) : null,
    more.length ? el("ul", {}, more) : null, trial(page));
}

/** The command that shows whether a change helps, which one run cannot; null where there is none. */
function trial({ data, t }) {
  if (!data.trial || data.live) return null;
  const { kind, command } = data.trial;
  return el("p", { class: "said health-trial" }, t(`health.trial_${kind}`), " ", el("code", {}, command));
}

/** How a run can play well and yet be found at fault; null where it is not both, as far as anybody knows. */
function both({ kind, severity: name }, { data, t, num }) {
  const { solved, score } = data.run;
  if (name !== "bad" || (solved !== true && !(solved === null && score && OF_VALUES.has(kind)))) return null;
  const words = !OF_VALUES.has(kind) ? "both" : solved ? "both_values" : "both_order";
  return el("p", { class: "said health-both" }, t(`health.${words}`, { score: num(score?.mean, 5) }));
}

/** What a finding means, since when, why, and what to do. */
function told(finding, { t, num, lang }, heading) {
  const key = `health.kind.${finding.kind}`;
  const numbers = Object.fromEntries(Object.entries(finding.numbers).map(([name, value]) => [name, num(value)]));
  const when = [];
  if (finding.step !== null) when.push(t("health.from", { step: whole(finding.step) }));
  if (finding.foreseen) {
    const signal = t(`health.signal.${short(finding.foreseen.signal)}.name`);
    when.push(t("health.foreseen", { step: whole(finding.foreseen.step), signal }));
  } else if (FORESEEABLE.has(finding.kind)) when.push(t("health.unforeseen"));
  return [
    el(heading, { class: severity(finding) }, t(`${key}.name`)),
    el("p", { class: "said" }, sentences([t(`${key}.means`, numbers), ...finding.causes.map((cause) => t(`health.cause.${cause}`))], lang)),
    when.length ? el("p", { class: "said numbers-only" }, sentences(when, lang)) : null,
    finding.severity === "good" ? null : el("p", { class: heading === "h3" ? "said todo" : "said todo numbers-only" }, t("health.todo", { what: t(`${key}.do`) })),
  ];
}

const FORESEEABLE = new Set(["forgetting", "diverging", "over-estimating"]);

function severity({ severity: name }) {
  return { good: "good", notice: "warn" }[name] ?? "bad";
}

/** The lines of a signal, and what they end at in words. */
function linesOf(signal, { series }, { t, num }) {
  const lines = signal.lines.filter(([name]) => series[name]).map(([name, word], i) => ({
    name: t(`health.${word}`), x: series[name].step.data, y: series[name].value.data, class: `line-${i}`,
  }));
  return { lines, last: lines.map(({ name, y }) => `${name} ${num(y.at(-1))}`).join(", "), short: lines.map(({ name, y }) => (lines.length > 1 ? `${name} ${num(y.at(-1))}` : num(y.at(-1)))).join(" · ") };
}

function chartOf(signal, facts, { t }, { lines, last }, size, range = null) {
  const [level, word] = signal.level?.(facts) ?? [];
  return lineChart({
    series: lines, ...size, low: signal.low, high: signal.high ?? above(level), xLow: 0, xHigh: facts.end,
    bands: range ? [{ ...range, class: "good" }] : [],
    levels: Number.isFinite(level) ? [{ y: level, text: t(`health.${word}`) }] : [],
    marks: marks(signal, facts.first, t), xLabel: t("health.steps"), label: `${t(`health.signal.${signal.name}.name`)}: ${last}`,
    ...(signal.name === "reward" ? bent([...lines[0].y, level].filter((y) => y !== null)) : {}),
  });
}

/** The chart in which the verdict can be seen, large. */
function proved(signal, facts, page, width) {
  const { t } = page;
  const found = linesOf(signal, facts, page);
  const range = DECIDED.has(facts.first?.kind) ? signal.range?.(facts) : null;
  const size = { width: Math.max(width - 30, 300), height: 280 };
  return el("figure", { class: "card signal proof", "data-signal": signal.name },
    el("h3", {}, t(`health.signal.${signal.name}.name`)),
    chartOf(signal, facts, page, found, size, range), legend(found.lines, range ? t("health.range") : null),
    el("figcaption", { class: "muted" }, saysOf(signal, facts, page)));
}

/** What a signal says; of values beside returns also how they stand to each other at the last evaluation. */
function saysOf({ name }, facts, { t, num, lang }) {
  const { series, settings } = facts;
  const says = t(`health.signal.${name}.says`);
  const [value, earned] = ["eval/value", "eval/discounted_return"].map((each) => series[each]?.value.data);
  if (name !== "overestimation" || !value || !earned) return says;
  const found = standing(value, earned);
  const room = beyond(facts);
  const kind = found === "above" && value.at(-1) - earned.at(-1) <= room ? "cut" : found;
  const [last, got, before] = [value.at(-1), earned.at(-1), value[earlier(value)]].map((each) => num(each));
  return [says, t(`health.signal.overestimation.${kind}`, { value: last, earned: got, before, limit: settings.max_episode_steps, room: num(room) })].join(lang === "en" ? " " : "");
}

/** How far a value may rightly lie above a return, where every episode that is remembered was cut off by the step limit. */
export function beyond({ series, settings, ceiling }) {
  const ended = series["replay/terminal_share"]?.value.data.at(-1);
  return ended === 0 && ceiling > 0 ? settings.gamma ** settings.max_episode_steps * ceiling : 0;
}

/** How the last value stands to the last return: met, above, or below, and then whether it was early or still climbing. */
export function standing(value, earned) {
  const gap = value.at(-1) - earned.at(-1);
  const room = MEETS * Math.max(Math.abs(value.at(-1)), Math.abs(earned.at(-1)));
  if (!(Math.abs(gap) > room)) return "met";
  if (gap > 0) return "above";
  if (value.length < FEW) return "early";
  return value.at(-1) - value[earlier(value)] > room ? "climbing" : "below";
}

/** The place where the last third of an array begins. */
const earlier = (values) => Math.floor((2 / 3) * (values.length - 1));

/** Signals as small lines that stay where they are; the chart of the one that is pressed lies below them all. */
function tiles(signals, facts, page) {
  const { t } = page;
  const opened = el("figure", { class: "card signal-open", id: "health-open", "aria-live": "polite", hidden: true });
  const buttons = signals.map((signal) => {
    const found = linesOf(signal, facts, page);
    const button = el("button", {
      type: "button", class: "card signal", "data-signal": signal.name, "aria-expanded": "false", "aria-controls": "health-open",
      on: { click: () => turn(signal, found, button) },
    },
    el("span", { class: "signal-name" }, t(`health.signal.${signal.name}.name`)),
    el("span", { class: "number signal-last" }, found.short),
    sparkline(found.lines, [0, facts.end]),
    el("span", { class: "signal-brief" }, t(`health.signal.${signal.name}.brief`)));
    return button;
  });
  const turn = (signal, found, button) => {
    const open = button.getAttribute("aria-expanded") === "false";
    for (const each of buttons) each.setAttribute("aria-expanded", String(open && each === button));
    opened.hidden = !open;
    clear(opened);
    if (!open) return;
    opened.dataset.signal = signal.name;
    const size = { width: Math.max(opened.clientWidth - 30, 300), height: 240 };
    opened.append(...[
      el("h3", {}, t(`health.signal.${signal.name}.name`)), chartOf(signal, facts, page, found, size), legend(found.lines),
      el("figcaption", { class: "muted" }, saysOf(signal, facts, page))].filter(Boolean));
    opened.scrollIntoView({ block: "nearest" });
  };
  return el("div", { class: "signals" }, buttons, opened);
}

/** Which line is which, where there are several, and what is shaded. */
function legend(lines, range = null) {
  if (lines.length < 2 && !range) return null;
  return el("p", { class: "legend" },
    lines.length > 1 ? lines.map(({ name }, i) => el("span", { class: `line-${i}` }, name)) : null,
    range ? el("span", { class: "score" }, range) : null);
}

/** The step from which the first finding shows, and, in the chart of the signal that announced it, that step. */
function marks(signal, first, t) {
  if (!first || first.severity === "good" || first.step === null) return [];
  const announced = first.foreseen && short(first.foreseen.signal) === signal.name;
  const shows = { x: first.step, text: t("health.shows"), class: "bad" };
  return announced ? [{ x: first.foreseen.step, text: t("health.first_sign") }, shows] : [shows];
}

/** So high that the word of a level has room above it. */
function above(level) {
  return Number.isFinite(level) && level > 0 ? 1.12 * level : undefined;
}

/** The ceiling, unless all values of these series lie so far below it that a line there would press them to the floor. */
function inSight(ceiling, series, ...names) {
  return names.some((name) => series[name]?.value.data.some((value) => value > ceiling / FAR)) ? ceiling : null;
}

function whole(step) {
  return step.toLocaleString("en");
}

/** learn/td_error -> td_error */
function short(metric) {
  return metric.split("/").at(-1);
}
