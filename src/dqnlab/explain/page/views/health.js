/** The health strip: a verdict, and the signals that it rests on, over training. */

import { lineChart } from "../core/charts.js";
import { el } from "../core/dom.js";

/**
 * The signals. lines: series and the word that names each; range: what is shaded, from the series and the ceiling;
 * level: a line across, with its word.
 */
const SIGNALS = [
  { name: "reward", lines: [["eval/reward", "signal.reward.name"]], level: ({ threshold }) => [threshold, "threshold"] },
  {
    name: "overestimation",
    lines: [["eval/value", "value"], ["eval/discounted_return", "earned"]],
    range: ({ ceiling }) => ceiling && { from: -ceiling, to: ceiling },
    level: ({ ceiling, series }) => [positive(series, "eval/discounted_return") ? ceiling : null, "ceiling"],
  },
  {
    name: "q_max",
    lines: [["learn/q_max", "signal.q_max.name"]],
    range: ({ ceiling }) => ceiling && { from: -1.2 * ceiling, to: 1.2 * ceiling },
    level: ({ ceiling, series }) => [positive(series, "learn/q_max") ? ceiling : null, "ceiling"],
  },
  {
    name: "td_error", low: 0,
    lines: [["learn/td_error", "signal.td_error.name"]],
    range: ({ series }) => share(series, 0, 0.2),
  },
  {
    name: "action_gap", low: 0,
    lines: [["learn/action_gap", "signal.action_gap.name"]],
    range: ({ series }) => share(series, 0.005, 0.2),
  },
  {
    name: "terminal_share", low: 0,
    lines: [["replay/terminal_share", "signal.terminal_share.name"]],
    range: ({ settings }) => ({ from: 1 / settings.replay_capacity, to: 1 }),
  },
  {
    name: "grad_norm", low: 0,
    lines: [["learn/grad_norm", "signal.grad_norm.name"]],
    range: ({ series }) => ({ from: 0, to: 10 * median(series["learn/grad_norm"].value.data) }),
  },
  {
    name: "dead_units", low: 0, high: 0.6,
    lines: [["learn/dead_units", "signal.dead_units.name"]],
    range: () => ({ from: 0, to: 0.5 }),
  },
  {
    name: "epsilon", low: 0, high: 1,
    lines: [["train/epsilon", "signal.epsilon.name"]],
    range: () => ({ from: 0, to: 0.1 }),
  },
];

/** Mounts the view. */
export function mountHealth(root, page) {
  const { data, t } = page;
  const findings = data.findings ?? [];
  root.append(findings.length ? verdict(findings, page) : el("p", { class: "muted" }, t(data.run.imported ? "main.elsewhere" : "health.none")));
  const drawn = SIGNALS.filter(({ lines }) => lines.some(([name]) => data.series?.[name]));
  if (!drawn.length) return;
  const facts = {
    series: data.series, settings: data.settings, threshold: data.threshold, ceiling: findings[0]?.numbers?.ceiling ?? null,
  };
  const end = Math.max(...Object.values(data.series).map(({ step }) => step.data.at(-1) ?? 0));
  root.append(
    el("p", { class: "muted" }, t("health.range")),
    el("div", { class: "columns signals" }, drawn.map((signal) => panel(signal, facts, findings[0], end, page))));
}

function verdict([first, ...others], page) {
  const more = others.map((finding) => el("li", {}, ...told(finding, page, "h4")));
  return el("div", { class: `card verdict ${severity(first)}` },
    ...told(first, page, "h3"),
    more.length ? el("h4", {}, page.t("health.also")) : null,
    more.length ? el("ul", {}, more) : null);
}

/** What a finding means, since when, why, and what to do. */
function told(finding, { t, num }, heading) {
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
    el("p", { class: "said" }, [t(`${key}.means`, numbers), ...finding.causes.map((cause) => t(`health.cause.${cause}`))].join(" ")),
    when.length ? el("p", { class: "said" }, when.join(" ")) : null,
    finding.severity === "good" ? null : el("p", { class: "said todo" }, `${t("health.todo")}: ${t(`${key}.do`)}`),
  ];
}

const FORESEEABLE = new Set(["forgetting", "diverging", "over-estimating"]);

function severity({ severity: name }) {
  return { good: "good", notice: "warn" }[name] ?? "bad";
}

function panel(signal, facts, first, end, { t, num }) {
  const lines = signal.lines.filter(([name]) => facts.series[name]);
  const series = lines.map(([name, word], i) => ({
    name: t(`health.${word}`), x: facts.series[name].step.data, y: facts.series[name].value.data, class: `line-${i}`,
  }));
  const range = signal.range?.(facts);
  const [level, word] = signal.level?.(facts) ?? [];
  const title = t(`health.signal.${signal.name}.name`);
  const last = series.map(({ name, y }) => `${name} ${num(y.at(-1), 4)}`).join(", ");
  const chart = lineChart({
    series, width: 380, height: 160, low: signal.low, high: signal.high ?? above(level), xLow: 0, xHigh: end,
    bands: range ? [{ ...range, class: "good" }] : [],
    levels: Number.isFinite(level) ? [{ y: level, text: t(`health.${word}`) }] : [],
    marks: marks(signal, first, t), xLabel: t("health.steps"), label: `${title}: ${last}`,
  });
  const legend = series.length > 1
    ? el("p", { class: "legend" }, series.map(({ name }, i) => el("span", { class: `line-${i}` }, name)))
    : null;
  return el("figure", { class: "card signal", "data-signal": signal.name },
    el("h3", {}, title), chart, legend, el("figcaption", { class: "muted" }, t(`health.signal.${signal.name}.says`)));
}

/** The step from which the first finding shows, and, in the chart of the signal that announced it, that step. */
function marks(signal, first, t) {
  if (!first || first.severity === "good" || first.step === null) return [];
  const announced = first.foreseen && short(first.foreseen.signal) === signal.name;
  const shows = { x: first.step, text: announced ? "" : t("health.shows"), class: "bad" };
  return announced ? [{ x: first.foreseen.step, text: t("health.first_sign") }, shows] : [shows];
}

/** So high that the word of a level has room above it. */
function above(level) {
  return Number.isFinite(level) && level > 0 ? 1.12 * level : undefined;
}

/** A band that is this share of the mean value. */
function share(series, low, high) {
  const mean = series["learn/q_mean"];
  if (!mean) return null;
  const size = Array.from(mean.value.data, Math.abs);
  return { x: mean.step.data, low: size.map((value) => low * value), high: size.map((value) => high * value) };
}

function positive(series, name) {
  return series[name]?.value.data.some((value) => value > 0);
}

function median(values) {
  return Float64Array.from(values).sort()[values.length >> 1];
}

function whole(step) {
  return step.toLocaleString("en");
}

/** learn/td_error -> td_error */
function short(metric) {
  return metric.split("/").at(-1);
}
